using System;
using System.Collections.Generic;
using System.Threading.Tasks;
using LibNim;

namespace NIM
{
    /// <summary>
    /// The session, in the shape of NetEase's C# SDK. Handlers run one at a time on a thread of the
    /// library, or in pull mode on the thread that calls NimLibrary.Dispatch.
    /// </summary>
    public static class ClientAPI
    {
        private const int ExitLogoutLimitMs = 1000;

        /// <summary>
        /// Starts the library. appDataDir is a path, or a bare name for a directory of the user;
        /// appInstallDir is not used. False: NimLibrary.InitError says why.
        /// </summary>
        public static bool Init(string appDataDir, string appInstallDir = "", InitOptions config = null)
        {
            return NimLibrary.Init(appDataDir, appInstallDir, config == null ? null : config.ToJson());
        }

        /// <summary>Init with the app key apart; that of config, where it has one, goes before it.</summary>
        public static bool Init(string appKey, string appDataDir, string appInstallDir, InitOptions config)
        {
            InitOptions options = JsonPayload.CopyOf(config);
            if (string.IsNullOrEmpty(options.AppKey)) options.AppKey = appKey;
            return Init(appDataDir, appInstallDir, options);
        }

        /// <summary>Init with the settings as JSON, for members that InitOptions does not have.</summary>
        public static bool InitJson(string appDataDir, string appInstallDir, string configJson)
        {
            return NimLibrary.Init(appDataDir, appInstallDir, configJson);
        }

        /// <summary>Stops the library. Every call is answered first; no handler starts once this returns.</summary>
        public static void Cleanup() { NimLibrary.Cleanup(); }

        /// <summary>The same as Cleanup.</summary>
        public static void CleanupEx() { NimLibrary.Cleanup(); }

        /// <summary>Whether the library is between Init and Cleanup.</summary>
        public static bool SdkInitialized { get { return NimLibrary.Initialized; } }

        /// <summary>Is told what the handlers of Login and RegAutoReloginCb are; until cleanup.</summary>
        public static event EventHandler<LoginResultEventArgs> LoginResultHandler;

        private static void TellLogin(LoginResultDelegate handler, LoginResult details)
        {
            var result = new NIMLoginResult(details);
            EventHandler<LoginResultEventArgs> all = LoginResultHandler;
            try
            {
                if (handler != null) handler(result);
            }
            catch (Exception e)
            {
                NimLibrary.Report(e);
            }
            if (all != null) all(null, new LoginResultEventArgs(result));
        }

        /// <summary>Drops the handlers that belong to no registration.</summary>
        internal static void Forget() { LoginResultHandler = null; }

        /// <summary>
        /// Logs in. handler gets each step, and at the end step kNIMLoginStepLogin with kNIMResSuccess,
        /// or another code that is not Retrying.
        /// </summary>
        public static void Login(string appKey, string account, string token, LoginResultDelegate handler = null)
        {
            Login(appKey, account, token, null, handler);
        }

        /// <summary>Logs in with options.</summary>
        public static void Login(string appKey, string account, string token, LoginOptions options, LoginResultDelegate handler)
        {
            var call = new LoginCall(r => TellLogin(handler, LoginResult.Read(r.Content)), null, null);
            Ask.nim_client_login(appKey, account, token, options == null ? null : options.ToJson(), call);
        }

        /// <summary>Tries to log in again at once; the outcome comes to RegAutoReloginCb.</summary>
        public static void Relogin(string jsonExtension = null) { Native.nim_client_relogin(Utf8.Bytes(jsonExtension)); }

        /// <summary>
        /// Ends the session; handler is always called once. In pull mode a kNIMLogoutAppExit on the
        /// dispatching thread runs callbacks until it is answered, for a second at most: programs wait
        /// for this answer on a semaphore, and would wait for themselves.
        /// </summary>
        public static void Logout(NIMLogoutType logoutType, LogoutResultDelegate handler)
        {
            var call = new Call<JsonTransportReply>(
                r => { if (handler != null) handler(new NIMLogoutResult(LogoutResult.Read(r.Content))); });
            Ask.nim_client_logout(logoutType, null, call);
            if (logoutType != NIMLogoutType.kNIMLogoutAppExit || !NimLibrary.PumpsHere) return;
            bool pumped;
            if (!NimLibrary.PumpUntil(() => !Calls.Waits(call.Id), ExitLogoutLimitMs, out pumped) && pumped)
                Trampolines.Arrived(call.Id, new JsonTransportReply { JsonParams = Errors.Info(Errors.Timeout).ToJson() });
        }

        /// <summary>
        /// Ends the session and waits for that, waitSeconds at most. Inside a handler it does not wait:
        /// the answer comes behind it.
        /// </summary>
        public static void Logout(NIMLogoutType logoutType, int waitSeconds = 10)
        {
            TaskCompletionSource<bool> ended = Tasks.New<bool>();
            Logout(logoutType, r => ended.TrySetResult(true));
            if (!NimLibrary.InCallback) NimLibrary.Wait(ended.Task, waitSeconds * 1000);
        }

        /// <summary>Whether an account is logged in.</summary>
        public static NIMLoginState GetLoginState(string jsonExt = null)
        {
            return (NIMLoginState)Native.nim_client_get_login_state(Utf8.Bytes(jsonExt));
        }

        /// <summary>The state of the session, finer than GetLoginState.</summary>
        public static NimxStatus GetStatus() { return (NimxStatus)Native.nimx_client_get_status(); }

        /// <summary>The account that is logged in, or "".</summary>
        public static string GetCurrentUserAccount() { return Utf8.Text(Native.nim_client_current_user_account()); }

        /// <summary>Version of the library.</summary>
        public static string GetVersion() { return NimLibrary.Version; }

        /// <summary>Drops other devices of the account; the outcome comes to RegKickOtherClientCb.</summary>
        public static void KickOtherClients(IList<string> deviceIds)
        {
            KickRequests.Send(new KickOtherRequest { DeviceIds = deviceIds }.ToJson(), null);
        }

        /// <summary>Drops other devices of the account; the outcome comes to RegKickOtherClientCb.</summary>
        public static void KickOtherClients(NIMKickoutOtherDeviceInfo devices) { KickOtherClients(devices.DeviceIDs); }

        /// <summary>Sets the handler of every relogin, automatic or asked for; null removes it.</summary>
        public static void RegAutoReloginCb(LoginResultDelegate handler, string jsonExtension = null)
        {
            Slots.ClientAutoRelogin.Set(handler == null ? (Action<JsonTransportReply>)null : r => TellLogin(handler, LoginResult.Read(r.Content)));
        }

        /// <summary>Sets the handler of being thrown out; null removes it.</summary>
        public static void RegKickoutCb(KickoutResultHandler handler)
        {
            Slots.ClientKickout.Set(handler == null ? (Action<JsonTransportReply>)null : r => handler(new NIMKickoutResult(KickoutEvent.Read(r.Content))));
        }

        /// <summary>Sets the handler of a lost connection; null removes it.</summary>
        public static void RegDisconnectedCb(Action handler)
        {
            Slots.ClientDisconnect.Set(handler == null ? (Action<JsonTransportReply>)null : r => handler());
        }

        /// <summary>Sets the handler of other devices that come and go; null removes it.</summary>
        public static void RegMultiSpotLoginNotifyCb(MultiSpotLoginNotifyResultHandler handler)
        {
            Slots.ClientMultispotLoginNotify.Set(
                handler == null ? (Action<JsonTransportReply>)null
                    : r => handler(new NIMMultiSpotLoginNotifyResult(MultiSpotEvent.Read(r.Content))));
        }

        /// <summary>Sets the handler of the outcome of KickOtherClients; null removes it.</summary>
        public static void RegKickOtherClientCb(KickOtherClientResultHandler handler)
        {
            Slots.ClientKickoutOtherClient.Set(handler == null ? (Action<JsonTransportReply>)null
                    : r => handler(new NIMKickOtherResult(KickOtherResult.Read(r.Content))));
        }

        /// <summary>
        /// Sets the token provider; null removes it. It runs as a handler does, has ten seconds, and
        /// keeps the old token by returning null.
        /// </summary>
        public static void RegReloginRequestTokenCb(ReloginRequestTokenDelegate handler)
        {
            TokenSource.Set(handler == null ? (Func<TokenRequest, string>)null : r => handler(r));
        }

        /// <summary>Sets the handler of every change of the connection and the session; null removes it.</summary>
        public static void RegConnectionCb(Action<ConnectionEvent> handler) { 
            Slots.NimxClientConnection.Set(
                handler == null ? (Action<JsonTransportReply>)null : r => handler(ConnectionEvent.Read(r.Content)));
        }

        /// <summary>Sets the handler of another device changing the push setting; null removes it.</summary>
        public static void RegMultiportPushEnableChangedCb(MultiportPushConfigDelegate handler)
        {
            Slots.ClientSyncMultiportPushConfig.Set(
                handler == null ? (Action<ClientMultiportPushConfigReply>)null
                    : r => handler(ResponseCode.kNIMResSuccess, PushConfig.Read(r.Object(r.Content)).SwitchOpen));
        }

        /// <summary>Sets whether phones get pushes while a desktop is online: 1 no, 2 yes.</summary>
        public static void SetMultiportPushEnable(int switchOpen, MultiportPushConfigDelegate handler)
        {
            Ask.nim_client_set_multiport_push_config(
                new PushConfig { SwitchOpen = switchOpen }.ToJson(), null, PushCall(handler));
        }

        /// <summary>Asks whether phones get pushes while a desktop is online.</summary>
        public static void GetMultiportPushEnableState(MultiportPushConfigDelegate handler)
        {
            Ask.nim_client_get_multiport_push_config(null, PushCall(handler));
        }

        /// <summary>Has phones get pushes while a desktop is online.</summary>
        public static void EnableMultiportPush(ConfigMultiportPushDelegate cb) { SetMultiportPushEnable(2, Telling(cb)); }

        /// <summary>Has phones get no pushes while a desktop is online.</summary>
        public static void DisableMultiportPush(ConfigMultiportPushDelegate cb) { SetMultiportPushEnable(1, Telling(cb)); }

        /// <summary>Asks whether phones get pushes while a desktop is online.</summary>
        public static void IsMultiportPushEnabled(ConfigMultiportPushDelegate cb) { GetMultiportPushEnableState(Telling(cb)); }

        /// <summary>The same as RegMultiportPushEnableChangedCb, as NetEase's SDK spells it.</summary>
        public static void RegMulitiportPushEnableChangedCb(ConfigMultiportPushDelegate cb)
        {
            RegMultiportPushEnableChangedCb(Telling(cb));
        }

        private static MultiportPushConfigDelegate Telling(ConfigMultiportPushDelegate cb)
        {
            if (cb == null) return null;
            return (code, switchOpen) => cb(code, new ConfigMultiportPushParam { Enabled = switchOpen != 1 });
        }

        private static Call<ClientMultiportPushConfigReply> PushCall(MultiportPushConfigDelegate handler)
        {
            return new Call<ClientMultiportPushConfigReply>(r =>
            {
                if (handler != null) handler((ResponseCode)r.Rescode, PushConfig.Read(r.Object(r.Content)).SwitchOpen);
            });
        }

        /// <summary>Tells the server's clock: computed from the last known one, or asked for.</summary>
        public static void GetServerCurrentTime(bool calcLocal, ServerTimeDelegate handler)
        {
            var call = new Call<ClientGetServerCurrentTimeReply>(
                r => { if (handler != null) handler((ResponseCode)r.Rescode, r.CalcLocal, r.Time); });
            Ask.nim_client_get_server_current_time(calcLocal, null, call);
        }
    }
}
