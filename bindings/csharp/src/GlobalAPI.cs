using System;
using LibNim;

namespace NIM
{
    /// <summary>Tells what a proxy test found.</summary>
    public delegate void DetectProxyDelegate(bool connected, NIMProxyDetectStep step, ProxyDetectResult result);

    /// <summary>Tells a line of the library's log.</summary>
    public delegate void SdkLogDelegate(NIMSDKLogLevel level, string line);

    /// <summary>Tells a line of the library's log, with its level as a number.</summary>
    public delegate void NimWriteLogDelegate(int level, string log);

    /// <summary>Tells that something is odd in the environment.</summary>
    public delegate void SdkExceptionDelegate(NIMSDKException kind, string json);

    /// <summary>Proxy, cache and log, in the shape of NetEase's C# SDK.</summary>
    public static class GlobalAPI
    {
        /// <summary>Sets the proxy for everything from the next connection on; before init too.</summary>
        public static void SetProxy(NIMProxyType type, string host, int port, string user, string password)
        {
            Native.nim_global_set_proxy(type, Utf8.Bytes(host), port, Utf8.Bytes(user), Utf8.Bytes(password));
        }

        /// <summary>SetProxy with the port as text, as NetEase's page writes it.</summary>
        public static void SetProxy(NIMProxyType type, string host, string port, string user, string password)
        {
            SetProxy(type, host, int.Parse(port, System.Globalization.CultureInfo.InvariantCulture), user, password);
        }

        /// <summary>Tries whether the server can be reached through a proxy; the one in use stays.</summary>
        public static void DetectProxy(
            NIMProxyType type, string host, int port, string user, string password, DetectProxyDelegate handler)
        {
            var call = new Call<GlobalDetectProxyReply>(
                r => { if (handler != null) handler(r.NetworkConnect, r.Step, ProxyDetectResult.Read(r.Object(r.JsonParams))); });
            Ask.nim_global_detect_proxy(type, host, port, user, password, call);
        }

        /// <summary>Sets the handler of the library's log; null removes it.</summary>
        public static void RegSdkLogCb(SdkLogDelegate handler)
        {
            Slots.GlobalSdkLog.Set(
                handler == null ? (Action<SdkLogReply>)null : l => handler((NIMSDKLogLevel)l.LogLevel, l.Log));
            if (handler == null) Slots.GlobalSdkLog.Stop();
        }

        /// <summary>The same as RegSdkLogCb.</summary>
        public static void SetSdkLogCallback(NimWriteLogDelegate cb)
        {
            RegSdkLogCb(cb == null ? (SdkLogDelegate)null : (level, line) => cb((int)level, line));
        }

        /// <summary>Sets the handler of warnings of the environment; null removes it.</summary>
        public static void RegExceptionReport(SdkExceptionDelegate handler)
        {
            Slots.GlobalExceptionReport.Set(
                handler == null ? (Action<SdkExceptionReply>)null : w => handler(w.Exception, w.Log));
        }

        /// <summary>Counts the cached files of one kind: res, image, audio or video.</summary>
        public static void GetSdkCacheFileInfo(
            string account, string fileType, long endTimestamp, Action<CacheFileInfo> handler)
        {
            var call = new Call<SdkGetCacheFileInfoReply>(
                r => { if (handler != null) handler(CacheFileInfo.Read(r.Object(r.Info))); });
            Ask.nim_global_get_sdk_cache_file_info_async(account, fileType, endTimestamp, null, call);
        }

        /// <summary>Deletes the cached files of one kind: res, image, audio or video.</summary>
        public static void DelSdkCacheFile(string account, string fileType, long endTimestamp, Action<ResponseCode> handler)
        {
            var call = new Call<SdkDelCacheFileReply>(r => { if (handler != null) handler(r.Rescode); });
            Ask.nim_global_del_sdk_cache_file_async(account, fileType, endTimestamp, null, call);
        }
    }
}

namespace NIM.DataSync
{
    /// <summary>Tells that a sync is over.</summary>
    public delegate void DataSyncDelegate(NIMDataSyncType syncType, NIMDataSyncStatus status);

    /// <summary>The end of the syncs after a login.</summary>
    public static class DataSyncAPI
    {
        /// <summary>Sets the handler, which is called once per sync and login; null removes it.</summary>
        public static void RegCompleteCb(DataSyncDelegate handler)
        {
            Slots.DataSyncComplete.Set(
                handler == null ? (Action<DataSyncReply>)null : r => handler(r.SyncType, r.Status));
        }
    }
}
