using System;
using System.Runtime.InteropServices;
using NIM;
#if UNITY_5_3_OR_NEWER
using AOT;
#endif

namespace LibNim
{
#if !UNITY_5_3_OR_NEWER
    /// <summary>Marks what C calls, for ahead-of-time compilers; they look for this name.</summary>
    [AttributeUsage(AttributeTargets.Method)]
    internal sealed class MonoPInvokeCallbackAttribute : Attribute
    {
        internal MonoPInvokeCallbackAttribute(Type type) { Type = type; }

        internal Type Type { get; private set; }
    }
#endif

    /// <summary>
    /// The functions that C calls: static, and held by static fields for as long as the domain
    /// lives. No exception leaves them.
    /// </summary>
    internal static class Trampolines
    {
        private static readonly nim_json_transport_cb_func JsonDelegate = OnJson;
        private static readonly nim_json_transport_cb_func EventDelegate = OnEvent;
        private static readonly nim_relogin_request_token_cb_func TokenDelegate = OnToken;
        private static readonly nim_client_get_server_current_time_cb_func TimeDelegate = OnTime;
        private static readonly nim_client_multiport_push_config_cb_func PushDelegate = OnPush;
        private static readonly nim_client_multiport_push_config_cb_func PushChangedDelegate = OnPushChanged;
        private static readonly nim_data_sync_cb_func SyncDelegate = OnSync;
        private static readonly nim_sdk_log_cb_func LogDelegate = OnLog;
        private static readonly nim_sdk_exception_cb_func WarningDelegate = OnWarning;
        private static readonly nim_sdk_del_cache_file_cb_func CodeDelegate = OnCode;
        private static readonly nim_global_detect_proxy_cb_func ProxyDelegate = OnProxy;

        // What is handed to C. An address stays valid as long as its delegate lives.
        internal static readonly IntPtr Json = Address(JsonDelegate);
        internal static readonly IntPtr Event = Address(EventDelegate);
        internal static readonly IntPtr Token = Address(TokenDelegate);
        internal static readonly IntPtr Time = Address(TimeDelegate);
        internal static readonly IntPtr Push = Address(PushDelegate);
        internal static readonly IntPtr PushChanged = Address(PushChangedDelegate);
        internal static readonly IntPtr Sync = Address(SyncDelegate);
        internal static readonly IntPtr Log = Address(LogDelegate);
        internal static readonly IntPtr Warning = Address(WarningDelegate);
        internal static readonly IntPtr Code = Address(CodeDelegate);
        internal static readonly IntPtr Proxy = Address(ProxyDelegate);

        /// <summary>The address of a delegate; not the generic form, which ahead-of-time compilers like less.</summary>
        private static IntPtr Address(Delegate target) { return Marshal.GetFunctionPointerForDelegate(target); }

        /// <summary>Brings an answer to the call that userData names.</summary>
        internal static void Answer(IntPtr userData, Reply reply)
        {
            if (!Running.Enter()) return;
            try
            {
                Call call = Calls.Find(userData, reply);
                if (call != null) call.Answer(reply);
            }
            catch (Exception e)
            {
                NimLibrary.Report(e);
            }
            finally
            {
                Running.Leave();
            }
        }

        /// <summary>Brings an event to the registration that userData names.</summary>
        private static void Raise(IntPtr userData, Reply reply)
        {
            if (!Running.Enter()) return;
            try
            {
                Slots.Deliver(userData.ToInt32(), reply);
            }
            catch (Exception e)
            {
                NimLibrary.Report(e);
            }
            finally
            {
                Running.Leave();
            }
        }

        [MonoPInvokeCallback(typeof(nim_json_transport_cb_func))]
        private static void OnJson(IntPtr json, IntPtr userData)
        {
            Answer(userData, new Reply { Json = Utf8.Text(json) });
        }

        [MonoPInvokeCallback(typeof(nim_json_transport_cb_func))]
        private static void OnEvent(IntPtr json, IntPtr userData)
        {
            Raise(userData, new Reply { Json = Utf8.Text(json) });
        }

        [MonoPInvokeCallback(typeof(nim_client_get_server_current_time_cb_func))]
        private static void OnTime(int code, int local, ulong time, IntPtr userData)
        {
            Answer(userData, new Reply { Code = code, Flag = local != 0, Time = time });
        }

        [MonoPInvokeCallback(typeof(nim_client_multiport_push_config_cb_func))]
        private static void OnPush(int code, IntPtr content, IntPtr json, IntPtr userData)
        {
            Answer(userData, new Reply { Code = code, Text = Utf8.Text(content), Json = Utf8.Text(json) });
        }

        [MonoPInvokeCallback(typeof(nim_client_multiport_push_config_cb_func))]
        private static void OnPushChanged(int code, IntPtr content, IntPtr json, IntPtr userData)
        {
            Raise(userData, new Reply { Code = code, Text = Utf8.Text(content), Json = Utf8.Text(json) });
        }

        [MonoPInvokeCallback(typeof(nim_data_sync_cb_func))]
        private static void OnSync(NIMDataSyncType type, NIMDataSyncStatus status, IntPtr json, IntPtr userData)
        {
            Raise(userData, new Reply { Kind = (int)type, Code = (int)status, Json = Utf8.Text(json) });
        }

        [MonoPInvokeCallback(typeof(nim_sdk_log_cb_func))]
        private static void OnLog(int level, IntPtr line, IntPtr userData)
        {
            Raise(userData, new Reply { Kind = level, Text = Utf8.Text(line) });
        }

        [MonoPInvokeCallback(typeof(nim_sdk_exception_cb_func))]
        private static void OnWarning(NIMSDKException kind, IntPtr text, IntPtr userData)
        {
            Raise(userData, new Reply { Kind = (int)kind, Text = Utf8.Text(text) });
        }

        [MonoPInvokeCallback(typeof(nim_sdk_del_cache_file_cb_func))]
        private static void OnCode(ResponseCode code, IntPtr userData)
        {
            Answer(userData, new Reply { Code = (int)code });
        }

        [MonoPInvokeCallback(typeof(nim_global_detect_proxy_cb_func))]
        private static void OnProxy(int reached, NIMProxyDetectStep step, IntPtr json, IntPtr userData)
        {
            Answer(userData, new Reply { Flag = reached != 0, Kind = (int)step, Json = Utf8.Text(json) });
        }

        [MonoPInvokeCallback(typeof(nim_relogin_request_token_cb_func))]
        private static void OnToken(IntPtr token, IntPtr length, IntPtr json, IntPtr userData)
        {
            if (!Running.Enter()) return;
            try
            {
                TokenSource.Serve(token, length, Utf8.Text(json));
            }
            catch (Exception e)
            {
                NimLibrary.Report(e);
            }
            finally
            {
                Running.Leave();
            }
        }
    }
}
