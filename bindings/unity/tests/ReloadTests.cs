using System;
using LibNim.Tests;
using NIM;

namespace LibNim.Unity.Tests
{
    /// <summary>
    /// Domain reload on: the scripts' domain is unloaded and another takes over, while the library
    /// and its session stay in the process.
    /// </summary>
    internal sealed class ReloadTests
    {
        private const int Many = 20;

        private readonly Nimd nimd;
        private readonly string data;
        private AppDomain domain;
        private Scripts scripts;

        private ReloadTests(Nimd nimd)
        {
            this.nimd = nimd;
            data = nimd.NewDirectory("unity");
        }

        internal static void All(Runner runner, Nimd nimd)
        {
            Action<string, Action<ReloadTests>> run = (name, test) => runner.Run("reload: " + name, () =>
            {
                var t = new ReloadTests(nimd);
                try
                {
                    t.Begin();
                    t.scripts.Play();
                    test(t);
                }
                finally
                {
                    t.scripts.Quit();
                    AppDomain.Unload(t.domain);
                }
            });
            run("the session goes on, and its state is told", t => t.SessionGoesOn());
            run("a kick in between is told once", t => t.KickInBetween());
            run("a login that waits is left behind", t => t.LoginLeftBehind());
            run("domain unloaded without a word", t => t.WithoutAWord());
            run(Many + " in a row, with events under way", t => t.ManyInARow());
        }

        private void Begin()
        {
            domain = AppDomain.CreateDomain("scripts", null, AppDomain.CurrentDomain.SetupInformation);
            scripts = Scripts.In(domain);
            scripts.Load(data);
        }

        /// <summary>What the editor does when a script was changed while the game runs.</summary>
        private void Reload(bool told = true, Action between = null)
        {
            if (told) scripts.BeforeReload();
            AppDomain.Unload(domain);
            if (between != null) between();
            Begin();
            scripts.GoOn();
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

        private void SessionGoesOn()
        {
            Login();
            Reload();
            Check.Equal((int)NimxStatus.Online, scripts.Status, "status after the reload");
            Check.That(scripts.Init(nimd.Link, nimd.AppKey), scripts.Everything());
            scripts.Until("OnConnectSuccess");
            Check.Equal(0, scripts.Count("kickout"), "kickouts");
        }

        private void KickInBetween()
        {
            string account = Login();
            Reload(true, () =>
            {
                nimd.Kick(account);
                Check.Until(() => ClientAPI.GetStatus() == NimxStatus.Kicked, "kicked while no scripts are loaded");
            });
            Check.That(scripts.Init(nimd.Link, nimd.AppKey), scripts.Everything());
            scripts.Until("OnKickedOffline");
            scripts.Until("kickout 2");
            scripts.Login(account, "secret");
            scripts.Until("login True 0");
            Check.Equal(1, scripts.Count("kickout"), "kickouts\n  " + scripts.Everything());
            Check.Equal(1, scripts.Count("OnKickedOffline"), "OnKickedOffline");
            Check.Equal(0, scripts.Count("astray"), "callbacks beside the main thread");
        }

        private void LoginLeftBehind()
        {
            string account = nimd.NewAccount();
            Check.That(scripts.Init(nimd.Link, nimd.AppKey), scripts.Everything());
            scripts.Login(account, "secret");
            Check.Until(() => ClientAPI.GetStatus() == NimxStatus.Online, "online, and nobody has dispatched");
            Reload();
            scripts.Frame();
            Check.That(scripts.Init(nimd.Link, nimd.AppKey), scripts.Everything());
            scripts.Until("OnConnectSuccess");
            scripts.Login(account, "secret");
            scripts.Until("login True 0");
            Check.Equal(1, scripts.Count("login "), "answers");
        }

        private void WithoutAWord()
        {
            Login();
            Reload(false);
            Check.That(scripts.Init(nimd.Link, nimd.AppKey), scripts.Everything());
            scripts.Until("OnConnectSuccess");
        }

        private void ManyInARow()
        {
            string account = Login();
            for (int i = 0; i < Many; i++)
            {
                Reload(i % 2 == 0, () =>
                {
                    if (i % 3 == 0) nimd.Kick(account);
                });
                Check.That(scripts.Init(nimd.Link, nimd.AppKey), scripts.Everything());
                if (i % 4 == 0) continue; // its events stay undelivered
                if (i % 3 == 0) scripts.Until("OnKickedOffline");
                scripts.Login(account, "secret");
                scripts.Until("login True 0");
            }
        }
    }
}
