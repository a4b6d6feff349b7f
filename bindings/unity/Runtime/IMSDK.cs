using NIM;

namespace LibNim.Unity
{
    /// <summary>
    /// Session and messages in the shape of OpenIM's Unity SDK. Everything is called back on the main
    /// thread, in a frame.
    /// </summary>
    public static partial class IMSDK
    {
        private const int ExitLimitMs = 1000;

        /// <summary>
        /// Starts the library. With the settings of a library that runs already, after a domain
        /// reload, it takes the session over; with others it starts anew. False: NimLibrary.InitError
        /// says why.
        /// </summary>
        public static bool InitSDK(IMConfig config, IConnListener listener = null)
        {
            string json = config.ToInitOptions().ToJson();
            string dir = string.IsNullOrEmpty(config.DataDir) ? NimUnity.DefaultDataDirectory : config.DataDir;
            bool started = ClientAPI.InitJson(dir, "", json);
            if (!started && NimLibrary.InitError.ErrName == Errors.ConfigConflict.Name)
            {
                ClientAPI.Cleanup();
                started = ClientAPI.InitJson(dir, "", json);
            }
            if (started) SetConnListener(listener);
            return started;
        }

        /// <summary>Sets who hears of the connection; null removes it.</summary>
        public static void SetConnListener(IConnListener listener)
        {
            if (listener == null) ClientAPI.RegConnectionCb(null);
            else ClientAPI.RegConnectionCb(e => Tell(listener, e));
        }

        private static void Tell(IConnListener listener, ConnectionEvent e)
        {
            switch (e.Event)
            {
                case "connecting": listener.OnConnecting(); break;
                case "ready": listener.OnConnectSuccess(); break;
                case "failed": listener.OnConnectFailed(Code(e), e.ErrMsg); break;
                case "kicked": listener.OnKickedOffline(); break;
                case "token_expired": listener.OnUserTokenExpired(); break;
                case "token_invalid": listener.OnUserTokenInvalid(e.ErrMsg); break;
            }
        }

        /// <summary>Stops the library; no callback starts once this returns.</summary>
        public static void UnInitSDK() { ClientAPI.Cleanup(); }

        /// <summary>Logs in. cb is called once, when the session stands or the login has failed.</summary>
        public static void Login(string uid, string token, OnSucOrError cb)
        {
            ClientAPI.Login(null, uid, token, r =>
            {
                bool success = r.Code == ResponseCode.kNIMResSuccess;
                bool final = success ? r.LoginStep == NIMLoginStep.kNIMLoginStepLogin : !r.Retrying;
                if (final) Finish(cb, r.Details);
            });
        }

        /// <summary>Logs out. cb is called once; it succeeds without a session and without a server too.</summary>
        public static void Logout(OnSucOrError cb)
        {
            ClientAPI.Logout(NIMLogoutType.kNIMLogoutChangeAccout, r => Finish(cb, r.Details));
        }

        /// <summary>Logs out and waits for it, for a second at most, while callbacks run. False after the time.</summary>
        public static bool LogoutAndWait()
        {
            bool done = false, pumped;
            Logout((suc, errCode, errMsg) => done = true);
            return NimLibrary.PumpUntil(() => done, ExitLimitMs, out pumped);
        }

        /// <summary>Whether an account is logged in.</summary>
        public static LoginStatus GetLoginStatus()
        {
            switch (ClientAPI.GetStatus())
            {
                case NimxStatus.LoggingIn: return LoginStatus.Logging;
                case NimxStatus.Online:
                case NimxStatus.Reconnecting:
                case NimxStatus.Paused: return LoginStatus.Logged;
                default: return LoginStatus.Logout;
            }
        }

        /// <summary>The account that is logged in, or "".</summary>
        public static string GetLoginUserId() { return ClientAPI.GetCurrentUserAccount(); }

        /// <summary>Version of the library.</summary>
        public static string GetSdkVersion() { return NimLibrary.Version; }

        /// <summary>
        /// Runs pending callbacks now. The hidden object does it in each frame; this is for programs
        /// that call it themselves.
        /// </summary>
        public static void Polling() { NimLibrary.Dispatch(); }

        private static void Finish(OnSucOrError cb, ErrorInfo info)
        {
            if (cb == null) return;
            bool success = info.ErrCode == Errors.Ok.Code;
            cb(success, success ? 0 : Code(info), success ? "" : info.ErrMsg);
        }

        /// <summary>OpenIM's number of an error, where it has one.</summary>
        private static int Code(ErrorInfo info)
        {
            ErrorKind kind = Errors.Find(info.ErrName);
            return kind != null && kind.OpenIM != 0 ? kind.OpenIM : info.ErrCode;
        }
    }
}
