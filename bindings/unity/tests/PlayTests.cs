using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;
using LibNim.Tests;
using LibNim.Unity;
using NIM;
using StandIn;

namespace LibNim.Unity.Tests
{
    /// <summary>A game in one domain: everything happens in frames, on the main thread.</summary>
    internal sealed class PlayTests
    {
        private readonly Nimd nimd;
        private readonly Scripts scripts = new Scripts();
        private readonly History seen = new History();

        private PlayTests(Nimd nimd) { this.nimd = nimd; }

        internal static void All(Runner runner, Nimd nimd)
        {
            Engine.DataPath = nimd.NewDirectory("unity");
            Action<string, Action<PlayTests>> run = (name, test) => runner.Run("play: " + name, () =>
            {
                var t = new PlayTests(nimd);
                t.scripts.Play();
                try
                {
                    test(t);
                }
                finally
                {
                    t.scripts.Quit();
                }
            });
            run("login, logout", t => t.LoginAndLogout());
            run("wrong token", t => t.WrongToken());
            run("steps and events of the C# interface", t => t.Steps());
            run("second device, kick other", t => t.SecondDevice());
            run("kicked", t => t.Kicked());
            run("cut and recovery", t => t.CutAndRecovery());
            run("token provider and renewal", t => t.Tokens());
            run("account switch", t => t.AccountSwitch());
            run("logout, wait on a semaphore, cleanup", t => t.SeedExit());
            run("blocking helpers", t => t.Blocking());
            run("a handler that throws", t => t.HandlerThrows());
            run("again with other settings", t => t.OtherSettings());
            run("OpenIM settings", t => t.OpenIMSettings());
            runner.Run("play: frames in which nothing comes cost no memory", () => IdleFrames(nimd));
            runner.Run("play: a Client that nobody disposed, without a domain reload", () => LeftClient(nimd));
            runner.Run("play: twice without a domain reload", () => Twice(nimd, true));
            runner.Run("play: twice without a domain reload, and without an end", () => Twice(nimd, false));
        }

        private string Login()
        {
            string account = nimd.NewAccount();
            Check.That(scripts.Init(nimd.Link, nimd.AppKey), scripts.Everything());
            scripts.Login(account, "secret");
            scripts.Until("login True 0");
            scripts.Until("OnConnectSuccess");
            return account;
        }

        private void Until(string text)
        {
            var clock = Stopwatch.StartNew();
            while (seen.Count(text) == 0)
            {
                Check.That(clock.ElapsedMilliseconds < History.LimitMs, "no " + text + "; there is:\n  " + seen);
                NimLibrary.Dispatch(0, 10);
            }
        }

        private void LoginAndLogout()
        {
            Check.Equal(LoginStatus.Logout, IMSDK.GetLoginStatus(), "status");
            string account = Login();
            Check.Equal(LoginStatus.Logged, IMSDK.GetLoginStatus(), "status");
            Check.Equal(account, IMSDK.GetLoginUserId(), "user");
            Check.Equal(1, scripts.Count("OnConnecting"), "OnConnecting");
            IMSDK.Logout((suc, errCode, errMsg) => seen.Add("logout " + suc + " " + errCode));
            Check.Equal(0, seen.Count("logout"), "answers before a frame");
            Until("logout True 0");
            Check.Equal(LoginStatus.Logout, IMSDK.GetLoginStatus(), "status");
            Check.Equal(0, scripts.Count("astray"), "callbacks beside the main thread");
        }

        private void WrongToken()
        {
            Check.That(scripts.Init(nimd.Link, nimd.AppKey), scripts.Everything());
            scripts.Login(nimd.NewAccount(), "not the token");
            scripts.Until("login False 1502");
            scripts.Until("OnUserTokenInvalid");
        }

        private void Steps()
        {
            Check.That(scripts.Init(nimd.Link, nimd.AppKey), scripts.Everything());
            ClientAPI.Login(null, nimd.NewAccount(), "secret", r => seen.Add("step " + (int)r.LoginStep + " " + (int)r.Code));
            for (int step = 0; step <= 3; step++) Until("step " + step + " 200");
        }

        private void SecondDevice()
        {
            string account = Login();
            ClientAPI.RegMultiSpotLoginNotifyCb(r => seen.Add(r.NotifyType + " " + r.OtherClients[0].DeviceID));
            ClientAPI.RegKickOtherClientCb(r => seen.Add("kicked other " + (int)r.Code));
            using (var phone = new Device("device", nimd.Link, nimd.AppKey, account, "phone", nimd.NewDirectory("phone")))
            {
                Until("kNIMMultiSpotNotifyTypeImIn phone");
                ClientAPI.KickOtherClients(new List<string> { "phone" });
                phone.Lines.Next("kickout");
                Until("kicked other 200");
            }
        }

        private void Kicked()
        {
            nimd.Kick(Login());
            scripts.Until("kickout 2");
            scripts.Until("OnKickedOffline");
            Check.Equal(LoginStatus.Logout, IMSDK.GetLoginStatus(), "status");
        }

        private void CutAndRecovery()
        {
            using (var path = new TcpPath(nimd.Port))
            {
                Check.That(scripts.Init(path.Link, nimd.AppKey), scripts.Everything());
                scripts.Login(nimd.NewAccount(), "secret");
                scripts.Until("OnConnectSuccess");
                path.SetClosed(true);
                scripts.Until("OnConnecting");
                Check.Equal(LoginStatus.Logged, IMSDK.GetLoginStatus(), "status");
                path.SetClosed(false);
                scripts.Until("OnConnectSuccess");
            }
        }

        private void Tokens()
        {
            Check.That(scripts.Init(nimd.Link, nimd.AppKey), scripts.Everything());
            string account = nimd.NewAccount();
            ClientAPI.RegReloginRequestTokenCb(r => nimd.DynamicToken(account));
            var dynamic = new LoginOptions { AuthType = NIMAuthType.kNIMAuthTypeBySecretToken };
            ClientAPI.Login(null, account, "", dynamic, r => seen.Add("login " + (int)r.LoginStep + " " + (int)r.Code));
            Until("login 3 200");
            ClientAPI.Login(null, account, nimd.DynamicToken(account), dynamic, r => seen.Add("renewed " + (int)r.Code + r.Details.RepeatLogin));
            Until("renewed 200True");
            ClientAPI.RegReloginRequestTokenCb(null);
        }

        private void AccountSwitch()
        {
            Login();
            string second = nimd.NewAccount();
            scripts.Login(second, "secret");
            scripts.Until("login False 20002");
            ClientAPI.Login(null, second, "secret", new LoginOptions { SwitchAccount = true }, r => seen.Add("login " + (int)r.LoginStep));
            Until("login 3");
            Check.Equal(second, IMSDK.GetLoginUserId(), "user");
        }

        /// <summary>What NetEase's page tells programs to do when they end, on Unity's main thread.</summary>
        private void SeedExit()
        {
            Login();
            var clock = Stopwatch.StartNew();
            var s = new Semaphore(0, 1);
            ClientAPI.Logout(NIMLogoutType.kNIMLogoutAppExit, r => s.Release());
            Check.That(s.WaitOne(TimeSpan.FromSeconds(10)), "the semaphore");
            ClientAPI.Cleanup();
            Check.That(clock.ElapsedMilliseconds < 2000, "it took " + clock.ElapsedMilliseconds + " ms");
        }

        private void Blocking()
        {
            Login();
            Check.That(IMSDK.LogoutAndWait(), "logout");
            Check.Equal(LoginStatus.Logout, IMSDK.GetLoginStatus(), "status");
            IMSDK.UnInitSDK();
            using (var client = new Client(new ClientOptions
            {
                DataDirectory = nimd.NewDirectory("data"), AppKey = nimd.AppKey, Links = new[] { nimd.Link },
                DispatchMode = NimxDispatchMode.Pull,
            }))
            {
                Check.That(NimUnity.Wait(client.LoginAsync(nimd.NewAccount(), "secret"), History.LimitMs), "login");
                Check.That(NimUnity.Wait(client.LogoutAsync(), History.LimitMs), "logout");
            }
        }

        private void HandlerThrows()
        {
            Check.That(scripts.Init(nimd.Link, nimd.AppKey), scripts.Everything());
            IMSDK.Login(nimd.NewAccount(), "secret", (suc, errCode, errMsg) => { throw new InvalidOperationException("in my handler"); });
            scripts.Until("OnConnectSuccess");
            Check.Equal(1, Engine.Console.FindAll(l => l == "exception: in my handler").Count, "lines in the console");
        }

        private void OtherSettings()
        {
            Login();
            Check.That(IMSDK.InitSDK(new IMConfig { Link = new[] { nimd.Link }, AppKey = nimd.AppKey, DataDir = nimd.NewDirectory("other") }), "init");
            Check.Equal(LoginStatus.Logout, IMSDK.GetLoginStatus(), "status");
        }

        private void OpenIMSettings()
        {
            var config = new IMConfig { WsAddr = "ws://127.0.0.1:1", ApiAddr = "http://127.0.0.1:2", PlatformID = 7 };
            Check.Equal("{\"private_server_setting\":{\"backend\":\"openim\",\"ws_addr\":\"ws://127.0.0.1:1\"," +
                "\"api_addr\":\"http://127.0.0.1:2\",\"platform_id\":7}}", config.ToInitOptions().ToJson(), "settings");
            var shared = new InitOptions { ServerConfFilePath = "servers.json" };
            Check.Equal("{\"server_conf_file_path\":\"servers.json\"}", new IMConfig { Settings = shared }.ToInitOptions().ToJson(), "a file");
            config.Settings = shared;
            config.ToInitOptions();
            Check.Equal("{\"server_conf_file_path\":\"servers.json\"}", shared.ToJson(), "the program's own object");
            config.Settings = null;
            Check.That(IMSDK.InitSDK(config), "init: " + NimLibrary.InitError);
            IMSDK.Login("alice", "secret", (suc, errCode, errMsg) => seen.Add("login " + suc));
            IMSDK.UnInitSDK();
            Check.Equal(1, seen.Count("login False"), "answers");
        }

        /// <summary>A game at 60 frames a second cannot afford garbage in each.</summary>
        private static void IdleFrames(Nimd nimd)
        {
            const int frames = 200000;
            var t = new PlayTests(nimd);
            t.scripts.Play();
            try
            {
                t.Login();
                NimLibrary.Dispatch();
                int collections = GC.CollectionCount(0);
                long before = GC.GetTotalMemory(false);
                for (int i = 0; i < frames; i++) NimLibrary.Dispatch();
                long grown = GC.GetTotalMemory(false) - before;
                Check.Equal(collections, GC.CollectionCount(0), "collections");
                Check.That(grown < frames, grown + " bytes in " + frames + " frames"); // one object in each would be 16 times that
            }
            finally
            {
                t.scripts.Quit();
            }
        }

        /// <summary>Its static state survives both the stop button and a crash of the play session.</summary>
        private static void LeftClient(Nimd nimd)
        {
            for (int i = 0; i < 4; i++)
            {
                var t = new PlayTests(nimd);
                t.scripts.Play();
                var client = new Client(new ClientOptions
                {
                    DataDirectory = nimd.Directory + "/left", AppKey = nimd.AppKey, Links = new[] { nimd.Link },
                    DispatchMode = NimxDispatchMode.Pull,
                });
                if (i < 2) Check.That(NimUnity.Wait(client.LoginAsync(nimd.NewAccount(), "secret"), History.LimitMs), "login " + i);
                if (i % 2 == 0) t.scripts.Quit();
                else t.scripts.Abandon();
            }
            NimLibrary.DetachCallbacks();
            ClientAPI.Cleanup();
        }

        /// <summary>The statics of the first play session are still there when the second begins.</summary>
        private static void Twice(Nimd nimd, bool quits)
        {
            var first = new PlayTests(nimd);
            first.scripts.Play();
            string account = first.Login();
            if (quits) first.scripts.Quit();
            else first.scripts.Abandon();
            int before = first.scripts.Everything().Length;
            var second = new PlayTests(nimd);
            second.scripts.Play();
            try
            {
                Check.Equal(1, Engine.Objects, "hidden objects");
                Check.That(second.scripts.Init(nimd.Link, nimd.AppKey), second.scripts.Everything());
                second.scripts.Login(account, "secret");
                second.scripts.Until("login True 0");
                nimd.Kick(account);
                second.scripts.Until("kickout 2");
                Check.Equal(before, first.scripts.Everything().Length, "what dead handlers have heard:\n  " + first.scripts.Everything());
            }
            finally
            {
                second.scripts.Quit();
            }
        }
    }
}
