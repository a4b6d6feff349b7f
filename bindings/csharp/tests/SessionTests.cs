using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;
using NIM;
using NIM.DataSync;

namespace LibNim.Tests
{
    /// <summary>The session through NIM.ClientAPI, in push mode, against a real server.</summary>
    internal sealed class SessionTests
    {
        private readonly Nimd nimd;
        private readonly History seen = new History();

        private SessionTests(Nimd nimd) { this.nimd = nimd; }

        internal static void All(Runner runner, Nimd nimd)
        {
            Action<string, Action<SessionTests>> run = (name, test) => runner.Run("session: " + name, () =>
            {
                try
                {
                    test(new SessionTests(nimd));
                }
                finally
                {
                    ClientAPI.Cleanup();
                }
            });
            run("login, steps, data sync, logout", t => t.LoginAndLogout());
            run("a program of NetEase's SDK", t => t.NetEaseProgram());
            run("wrong token", t => t.WrongToken());
            run("second device, kick other", t => t.SecondDevice());
            run("kicked", t => t.Kicked());
            run("cut and recovery", t => t.CutAndRecovery());
            run("token provider and renewal", t => t.Tokens());
            run("account switch", t => t.AccountSwitch());
            run("proxy", t => t.Proxy());
            run("cleanup answers what waits", t => t.CleanupAnswers());
            run("cleanup inside a handler", t => t.CleanupInside());
            run("not initialised", t => t.NotInitialised());
            run("init fails and says why", t => t.InitFails());
            run("a handler that throws", t => t.HandlerThrows());
            run("a handler that was removed", t => t.HandlerRemoved());
            run("logs and cache", t => t.LogsAndCache());
            run("text that C cannot carry", t => t.BadText());
        }

        private void Start(string link = null, string deviceId = null)
        {
            InitOptions options = nimd.Options(link);
            if (deviceId != null) options.Nimx = new NimxOptions { DeviceId = deviceId };
            Check.That(ClientAPI.Init(nimd.NewDirectory("data"), "", options), "init: " + NimLibrary.InitError);
            ClientAPI.RegDisconnectedCb(() => seen.Add("disconnected"));
            ClientAPI.RegAutoReloginCb(r => seen.Add("relogin " + (int)r.Code + (r.Retrying ? " retrying" : " final")));
            ClientAPI.RegKickoutCb(r => seen.Add("kickout " + (int)r.KickReason + " " + r.Dump()));
            ClientAPI.RegMultiSpotLoginNotifyCb(r =>
            {
                foreach (NIMMultiClientLoginInfo d in r.OtherClients) seen.Add(r.NotifyType + " " + d.DeviceID + " " + d.ClientType);
            });
            ClientAPI.RegKickOtherClientCb(r => seen.Add("kicked other " + (int)r.Code + " " + string.Join(",", r.DeviceIDs)));
            ClientAPI.RegConnectionCb(e => seen.Add("connection " + e.Event));
            DataSyncAPI.RegCompleteCb((type, status) => seen.Add("sync " + type + " " + status));
        }

        private void Login(string account, string token = "secret", LoginOptions options = null)
        {
            ClientAPI.Login(null, account, token, options, r =>
                seen.Add("login step " + (int)r.LoginStep + " code " + (int)r.Code + (r.Retrying ? " retrying " : " ") + r.Details.ErrName));
        }

        private string LoginNew()
        {
            string account = nimd.NewAccount();
            Login(account);
            seen.Next("login step 3 code 200");
            return account;
        }

        private void LoginAndLogout()
        {
            Start();
            string account = nimd.NewAccount();
            Login(account);
            for (int step = 0; step <= 3; step++) seen.Next("login step " + step + " code 200");
            seen.Next("connection ready");
            seen.Next("sync kNIMDataSyncTypeUnreadMsg kNIMDataSyncStatusComplete");
            Check.That(seen.IndexOf("connection connected") < seen.IndexOf("login step 3"), "connected precedes the result");
            Check.Equal(NIMLoginState.kNIMLoginStateLogin, ClientAPI.GetLoginState(), "state");
            Check.Equal(account, ClientAPI.GetCurrentUserAccount(), "account");
            ClientAPI.GetServerCurrentTime(false, (code, local, time) => seen.Add("time " + (int)code + " " + (time > 1600000000000)));
            seen.Next("time 200 True");
            ClientAPI.Logout(NIMLogoutType.kNIMLogoutChangeAccout, r => seen.Add("logout " + (int)r.Code));
            seen.Next("connection not_ready");
            seen.Next("logout 200");
            Check.Equal(NIMLoginState.kNIMLoginStateUnLogin, ClientAPI.GetLoginState(), "state");
            Check.Equal("", ClientAPI.GetCurrentUserAccount(), "account");
            ClientAPI.Logout(NIMLogoutType.kNIMLogoutChangeAccout, r => seen.Add("again " + (int)r.Code));
            seen.Next("again 200");
            Login(account);
            seen.Next("login step 3 code 200");
            ClientAPI.Logout(NIMLogoutType.kNIMLogoutChangeAccout); // waits
            Check.Equal(NimxStatus.LoggedOut, ClientAPI.GetStatus(), "status");
            Check.That(ClientAPI.SdkInitialized, "initialised");
            Check.Equal(0, Calls.Count, "calls that wait");
        }

        private void WrongToken()
        {
            Start();
            Login(nimd.NewAccount(), "not the token");
            seen.Next("login step 3 code 302 token_invalid");
            Check.Equal(0, seen.Count("connection ready"), "ready");
        }

        private void SecondDevice()
        {
            Start(null, "desk");
            string account = LoginNew();
            using (var phone = new Device("device", nimd.Link, nimd.AppKey, account, "phone", nimd.NewDirectory("phone")))
            {
                phone.Lines.Next("login 200 others desk");
                seen.Next("kNIMMultiSpotNotifyTypeImIn phone kNIMClientTypeAndroid");
                ClientAPI.KickOtherClients(new NIMKickoutOtherDeviceInfo { DeviceIDs = new List<string> { "phone" } });
                phone.Lines.Next("kickout kNIMKickReasonKickBySelfOtherClient");
                seen.Next("kicked other 200 phone");
                phone.Say("quit");
                Check.Equal(0, phone.WaitForExit(History.LimitMs), "exit status of the phone");
            }
        }

        private void Kicked()
        {
            Start();
            string account = LoginNew();
            nimd.Kick(account);
            Check.That(seen.Next("kickout 2").Contains("see you later"), "the reason");
            seen.Next("connection kicked");
            Check.Equal(NimxStatus.Kicked, ClientAPI.GetStatus(), "status");
            Login(account);
            seen.Next("login step 3 code 200");
            Check.Equal(1, seen.Count("kickout"), "kickouts");
        }

        private void CutAndRecovery()
        {
            using (var path = new TcpPath(nimd.Port))
            {
                Start(path.Link);
                LoginNew();
                path.SetClosed(true);
                seen.Next("disconnected");
                seen.Next("relogin 415 retrying");
                Check.Equal(NimxStatus.Reconnecting, ClientAPI.GetStatus(), "status");
                path.SetClosed(false);
                seen.Next("relogin 200");
                seen.Next("connection ready");
                path.SetClosed(true);
                seen.Next("disconnected");
                path.SetClosed(false);
                ClientAPI.Relogin();
                seen.Next("relogin 200");
            }
        }

        private void Tokens()
        {
            using (var path = new TcpPath(nimd.Port))
            {
                Start(path.Link);
                string account = nimd.NewAccount();
                ClientAPI.RegReloginRequestTokenCb(r =>
                {
                    seen.Add("token for " + r.Account + ", " + r.Reason);
                    return nimd.DynamicToken(r.Account);
                });
                Login(account, "", new LoginOptions { AuthType = NIMAuthType.kNIMAuthTypeBySecretToken });
                seen.Next("token for " + account + ", login");
                seen.Next("login step 3 code 200");
                path.SetClosed(true);
                seen.Next("disconnected");
                path.SetClosed(false);
                seen.Next("token for " + account + ", relogin");
                seen.Next("relogin 200");
                Login(account, nimd.DynamicToken(account), new LoginOptions { AuthType = NIMAuthType.kNIMAuthTypeBySecretToken });
                seen.Next("login step 3 code 200");
                ClientAPI.RegReloginRequestTokenCb(null);
            }
        }

        private void AccountSwitch()
        {
            Start();
            string first = LoginNew(), second = nimd.NewAccount();
            Login(second);
            seen.Next("code 20002 already_logged_in");
            Check.Equal(first, ClientAPI.GetCurrentUserAccount(), "account");
            Login(second, "secret", new LoginOptions { SwitchAccount = true });
            seen.Next("login step 3 code 200");
            Check.Equal(second, ClientAPI.GetCurrentUserAccount(), "account");
        }

        private void Proxy()
        {
            using (var silent = new TcpPath(0))
            {
                silent.SetClosed(true);
                GlobalAPI.SetProxy(NIMProxyType.kNIMProxySocks5, "127.0.0.1", silent.Port, "test", "test");
                try
                {
                    Start();
                    GlobalAPI.DetectProxy(NIMProxyType.kNIMProxySocks5, "127.0.0.1", silent.Port, "test", "test",
                        (ok, step, r) => seen.Add("proxy " + ok + " " + step + " " + r.ErrName));
                    seen.Next("proxy False kNIMProxyDetectStepAllComplete proxy_failed");
                    Login(nimd.NewAccount(), "secret", new LoginOptions { TimeoutMs = 300 });
                    seen.Next("code 415 proxy_failed");
                }
                finally
                {
                    GlobalAPI.SetProxy(NIMProxyType.kNIMProxyNone, "", "0", "", ""); // the port as text
                }
            }
        }

        private void CleanupAnswers()
        {
            using (var silent = new TcpPath(0))
            {
                Start(silent.Link);
                Login("alice");
                seen.Next("login step 0 code 200");
                ClientAPI.Cleanup();
                Check.Equal(1, seen.Count("code 21002"), "final answers");
                int size = seen.Size;
                Check.Equal(0, Calls.Count, "calls that wait");
                Start(); // once more
                LoginNew();
                Check.Equal(1, seen.Count("code 21002"), "final answers of the first login, " + size);
            }
        }

        private void CleanupInside()
        {
            Start();
            string account = nimd.NewAccount();
            ClientAPI.Login(null, account, "secret", r =>
            {
                if (r.LoginStep != NIMLoginStep.kNIMLoginStepLogin) return;
                ClientAPI.Cleanup();
                seen.Add("cleaned up");
            });
            seen.Next("cleaned up");
            Check.Equal(NIMLoginState.kNIMLoginStateUnLogin, ClientAPI.GetLoginState(), "state");
        }

        private void NotInitialised()
        {
            int here = 0;
            Check.That(!ClientAPI.SdkInitialized, "initialised");
            ClientAPI.Login(null, "alice", "secret", r => { if ((int)r.Code == 20000) here++; });
            ClientAPI.Logout(NIMLogoutType.kNIMLogoutAppExit, r => { if ((int)r.Code == 20000) here++; });
            Check.Equal(2, here, "answers before the calls returned");
        }

        private void InitFails()
        {
            Check.That(!ClientAPI.InitJson(nimd.NewDirectory("data"), "", "{\"nimx\":{\"ca_file\":\"/nowhere\"}}"), "init succeeds");
            Check.That(NimLibrary.InitError != null && NimLibrary.InitError.ErrMsg.Length > 0, "no reason is told");
            Start();
            Check.That(NimLibrary.InitError == null, "the reason of an earlier init stays");
            Check.That(!ClientAPI.Init("elsewhere"), "a second init with other settings succeeds");
            Check.Equal("config_conflict", NimLibrary.InitError.ErrName, "reason");
        }

        /// <summary>What such a program does, as it stands there.</summary>
        private void NetEaseProgram()
        {
            NIM.GlobalAPI.SetSdkLogCallback((int level, string log) => { });
            var config = new NimUtility.NimConfig
            {
                CommonSetting = new NimUtility.SdkCommonSetting { TeamMsgAckEnabled = true, UsePriviteServer = true },
                PrivateServerSetting = new NimUtility.SdkPrivateServerSetting { LinkServer = "127.0.0.1:" + nimd.Port },
            };
            string data = nimd.NewDirectory("data");
            Check.That(NIM.ClientAPI.Init(nimd.AppKey, data, null, config), "init: " + NimLibrary.InitError);
            Check.That(config.AppKey == null, "init changes the settings");
            Check.Equal("5ebe2294ecd0e0f08eab7690d2a6ee69", NIM.ToolsAPI.GetMd5("secret"), "md5");
            Check.That(NIM.ToolsAPI.GetUuid().Length == 32 && NIM.ToolsAPI.GetFileMd5(data) == "", "id, and md5 of no file");
            NIM.ClientAPI.LoginResultHandler += (sender, args) =>
            {
                List<NIMMultiClientLoginInfo> others = args.LoginResult.LoginedClients;
                seen.Add("told step " + (int)args.LoginResult.LoginStep + " others " + others.Count);
            };
            NIM.ClientAPI.RegAutoReloginCb(r => seen.Add("relogin"), null);
            NIM.ClientAPI.RegKickOtherClientCb(r =>
            {
                List<string> ids = r.DeviceIDs;
                seen.Add("kicked other " + (int)r.ResCode + " " + ids.Count);
            });
            NIM.ClientAPI.Login(nimd.AppKey, nimd.NewAccount(), "secret", r => seen.Add("login step " + (int)r.LoginStep));
            seen.Next("login step 3");
            seen.Next("told step 3 others 0");
            Check.Equal(NIMLoginState.kNIMLoginStateLogin, NIM.ClientAPI.GetLoginState(null), "state");
            NIM.ClientAPI.KickOtherClients(new NIMKickoutOtherDeviceInfo { DeviceIDs = new List<string> { "nobody" } });
            seen.Next("kicked other ");
            NIM.ClientAPI.DisableMultiportPush((code, param) => seen.Add("push " + (int)code + " " + param.Enabled));
            seen.Next("push 200 False");
            NIM.ClientAPI.EnableMultiportPush((code, param) => seen.Add("push " + (int)code + " " + param.Enabled));
            seen.Next("push 200 True");
            NIM.ClientAPI.IsMultiportPushEnabled((code, param) => seen.Add("asked " + (int)code + " " + param.Enabled));
            seen.Next("asked 200 True");
            NIM.ClientAPI.Logout(NIMLogoutType.kNIMLogoutChangeAccout);
            NIM.ClientAPI.Login(nimd.AppKey, nimd.NewAccount(), "wrong", r => seen.Add("second " + (int)r.Code));
            seen.Next("second 302");
            seen.Next("told step 3 others 0");
            NIM.ClientAPI.Cleanup();
            Check.That(NIM.ClientAPI.Init(data, null, config), "init again: " + NimLibrary.InitError);
            NIM.ClientAPI.Login(nimd.AppKey, nimd.NewAccount(), "secret", r => seen.Add("third " + (int)r.LoginStep));
            seen.Next("third 3");
            NIM.ClientAPI.Cleanup();
            Check.Equal(2, seen.Count("told step 3 others 0"), "a handler outlives cleanup");
        }

        private void HandlerThrows()
        {
            Action<Exception> told = e => seen.Add("failed: " + e.Message);
            NimLibrary.HandlerFailed += told;
            Start();
            ClientAPI.RegConnectionCb(e => { throw new InvalidOperationException("in " + e.Event); });
            string account = nimd.NewAccount();
            ClientAPI.Login(null, account, "secret", r =>
            {
                seen.Add("login step " + (int)r.LoginStep);
                throw new InvalidOperationException("at step " + (int)r.LoginStep);
            });
            seen.Next("failed: at step 0");
            seen.Next("failed: in connected");
            seen.Next("failed: at step 3");
            seen.Next("failed: in ready");
            NimLibrary.HandlerFailed -= told;
        }

        private void HandlerRemoved()
        {
            Start();
            string account = LoginNew();
            var entered = new ManualResetEvent(false);
            var leave = new ManualResetEvent(false);
            ClientAPI.GetServerCurrentTime(true, (c, l, t) =>
            {
                entered.Set();
                leave.WaitOne(History.LimitMs);
            });
            Check.That(entered.WaitOne(History.LimitMs), "the handler runs");
            nimd.Kick(account); // its event stands behind the handler
            Check.Until(() => ClientAPI.GetStatus() == NimxStatus.Kicked, "status kicked");
            ClientAPI.RegKickoutCb(null);
            leave.Set();
            seen.Next("connection kicked");
            Check.Equal(0, seen.Count("kickout"), "kickouts");
        }

        private void LogsAndCache()
        {
            Start();
            GlobalAPI.RegSdkLogCb((level, line) => seen.Add("log " + line));
            string account = LoginNew();
            seen.Next("log ");
            GlobalAPI.RegSdkLogCb(null);
            GlobalAPI.GetSdkCacheFileInfo(account, "image", 0, i => seen.Add("cache " + i.FileType + " " + i.FileCount));
            seen.Next("cache image 0");
            GlobalAPI.DelSdkCacheFile(account, "image", 0, code => seen.Add("deleted " + (int)code));
            seen.Next("deleted 200");
            ClientAPI.SetMultiportPushEnable(1, (code, open) => seen.Add("push set " + (int)code));
            seen.Next("push set 200");
            ClientAPI.GetMultiportPushEnableState((code, open) => seen.Add("push " + (int)code + " " + open));
            seen.Next("push 200 1");
            Check.That(seen.ToString().IndexOf("secret", StringComparison.Ordinal) < 0, "the token stands in the log");
        }

        private void BadText()
        {
            Start();
            Check.Throws<ArgumentException>(() => Login("ali\0ce"), "an account with NUL");
            Check.Equal(0, Calls.Count, "calls that wait");
            Login("not/legal");
            seen.Next("code 414 invalid_argument");
        }
    }
}
