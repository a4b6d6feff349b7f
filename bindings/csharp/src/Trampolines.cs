using System;
using System.Runtime.InteropServices;
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

    internal static partial class Trampolines
    {
        private static readonly nim_relogin_request_token_cb_func TokenDelegate = OnToken;
        internal static readonly IntPtr Token = Address(TokenDelegate);

        /// <summary>
        /// The address of a delegate, valid as long as that lives; not the generic form, which
        /// ahead-of-time compilers like less.
        /// </summary>
        private static IntPtr Address(Delegate target) { return Marshal.GetFunctionPointerForDelegate(target); }

        /// <summary>Brings a reply to the call or registration that userData names. No exception leaves it.</summary>
        internal static void Arrived(IntPtr userData, Reply reply)
        {
            if (!Running.Enter()) return;
            try
            {
                if (!Calls.Has(userData))
                {
                    Slots.Deliver(userData.ToInt32(), reply);
                    return;
                }
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

        /// <summary>Asks the registration that userData names; 0 if it throws.</summary>
        private static int Asked(IntPtr userData, Reply question)
        {
            if (!Running.Enter()) return 0;
            try
            {
                return Slots.Ask(userData.ToInt32(), question);
            }
            catch (Exception e)
            {
                NimLibrary.Report(e);
                return 0;
            }
            finally
            {
                Running.Leave();
            }
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
