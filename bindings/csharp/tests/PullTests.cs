using System;
using System.Diagnostics;
using System.Threading;
using System.Threading.Tasks;
using NIM;

namespace LibNim.Tests
{
    /// <summary>Pull mode: handlers run where the program dispatches, and nowhere else.</summary>
    internal sealed class PullTests
    {
        private readonly Nimd nimd;
        private readonly int here = Thread.CurrentThread.ManagedThreadId;

        private PullTests(Nimd nimd) { this.nimd = nimd; }

        internal static void All(Runner runner, Nimd nimd)
        {
            Action<string, Action<PullTests>> run = (name, test) => runner.Run("pull: " + name, () =>
            {
                Check.That(NimLibrary.SetDispatchMode(NimxDispatchMode.Pull), "pull mode");
                try
                {
                    test(new PullTests(nimd));
                }
                finally
                {
                    ClientAPI.Cleanup();
                    Check.That(NimLibrary.SetDispatchMode(NimxDispatchMode.Push), "push mode");
                }
            });
            run("handlers run in Dispatch", t => t.Dispatches());
            run("logout, wait on a semaphore, cleanup", t => t.SeedExit(false));
            run("logout, wait on a semaphore, cleanup, with a frozen server", t => t.SeedExit(true));
            run("a wait runs callbacks", t => t.Waits());
            run("the mode is fixed while initialised", t => t.ModeIsFixed());
            run("a thread that only tries to dispatch is not the one that does", t => t.OneDispatcher());
            run("a cancelled login behind another", t => t.CancelBehindAnother());
            run("init again leaves a kick that waits", t => t.KickBesideInit());
            run("an answer that cannot be read fails its task", t => t.Unreadable());
        }

        private void Start(string link = null)
        {
            Check.That(ClientAPI.Init(nimd.NewDirectory("data"), "", nimd.Options(link)), "init: " + NimLibrary.InitError);
        }

        private void KickBesideInit()
        {
            string dir = nimd.NewDirectory("data");
            Check.That(ClientAPI.Init(dir, "", nimd.Options()), "init: " + NimLibrary.InitError);
            TaskCompletionSource<KickOtherResult> kick = Tasks.New<KickOtherResult>();
            KickRequests.Send(new KickOtherRequest { DeviceIds = new[] { "phone" } }.ToJson(), kick);
            Check.That(ClientAPI.Init(dir, "", nimd.Options()), "again: " + NimLibrary.InitError);
            NimException e = Check.Throws<NimException>(
                () =>
                {
                    bool pumped;
                    Check.That(NimLibrary.PumpUntil(() => kick.Task.IsCompleted, History.LimitMs, out pumped), "an outcome");
                    kick.Task.GetAwaiter().GetResult();
                }, "the kick");
            Check.Equal("not_logged_in", e.Name, "outcome");
        }

        private void Login(string account)
        {
            bool done = false, pumped;
            ClientAPI.Login(null, account, "secret", r =>
            {
                Check.Equal(here, Thread.CurrentThread.ManagedThreadId, "thread of a handler");
                done = r.LoginStep == NIMLoginStep.kNIMLoginStepLogin && r.Code == ResponseCode.kNIMResSuccess;
            });
            Check.That(NimLibrary.PumpUntil(() => done, History.LimitMs, out pumped), "login");
        }

        private void Dispatches()
        {
            Start();
            bool ran = false;
            ClientAPI.RegConnectionCb(e =>
            {
                ran = true;
                Check.Equal((int)NimxDispatchResult.Busy, NimLibrary.Dispatch(), "a nested dispatch");
            });
            ClientAPI.Login(null, nimd.NewAccount(), "secret");
            Check.Until(() => ClientAPI.GetStatus() == NimxStatus.Online, "online without a dispatch");
            Check.That(!ran && NimLibrary.Pending > 0, "a handler ran by itself");
            Check.Equal(1, NimLibrary.Dispatch(1), "callbacks of a dispatch of one");
            Check.That(NimLibrary.Dispatch() > 0 && ran, "the rest");
            Check.Equal(0, NimLibrary.Dispatch(), "callbacks when nothing waits");
        }

        /// <summary>What NetEase's page tells programs to do when they end.</summary>
        private void SeedExit(bool frozen)
        {
            using (var path = new TcpPath(nimd.Port))
            {
                Start(path.Link);
                Login(nimd.NewAccount());
                if (frozen) path.Freeze();
                var clock = Stopwatch.StartNew();
                int answers = 0;
                var s = new Semaphore(0, 1);
                ClientAPI.Logout(NIMLogoutType.kNIMLogoutAppExit, r =>
                {
                    answers++;
                    s.Release();
                });
                Check.That(s.WaitOne(TimeSpan.FromSeconds(10)), "the semaphore");
                ClientAPI.Cleanup();
                Check.That(clock.ElapsedMilliseconds < 2000, "it took " + clock.ElapsedMilliseconds + " ms");
                Check.Equal(1, answers, "answers");
            }
        }

        private void Waits()
        {
            using (var client = new Client(new ClientOptions
            {
                DataDirectory = nimd.NewDirectory("data"), AppKey = nimd.AppKey, Links = new[] { nimd.Link },
                DispatchMode = NimxDispatchMode.Pull,
            }))
            {
                Task<LoginResult> login = client.LoginAsync(nimd.NewAccount(), "secret");
                Check.That(NimLibrary.Wait(login, History.LimitMs), "login");
                Check.Equal(200, login.Result.ErrCode, "code");
                AggregateException failed = Check.Throws<AggregateException>(
                    () => NimLibrary.Wait(client.LoginAsync("not/legal", ""), History.LimitMs), "a bad login");
                Check.That(failed.InnerException is NimCallerException, "what has failed");
                Check.That(!NimLibrary.Wait(new TaskCompletionSource<int>().Task, 50), "a task that never ends");
                Check.That(NimLibrary.Wait(client.DiagnosticsAsync(), Timeout.Infinite), "a wait without a limit");
                Check.That(NimLibrary.Wait(client.LogoutAsync(), History.LimitMs), "logout");
            }
        }

        private void ModeIsFixed()
        {
            Start();
            Check.That(!NimLibrary.SetDispatchMode(NimxDispatchMode.Push), "push while initialised for pull");
            Check.That(NimLibrary.SetDispatchMode(NimxDispatchMode.Pull), "pull while initialised for pull");
            bool ran = false, inside = false;
            GlobalAPI.GetSdkCacheFileInfo("alice", "image", 0, f =>
            {
                ran = true;
                inside = NimLibrary.SetDispatchMode(NimxDispatchMode.Pull);
            });
            Check.Until(() => NimLibrary.Pending > 0, "an answer waits");
            Check.That(NimLibrary.SetDispatchMode(NimxDispatchMode.Pull) && !ran, "asking for the mode runs callbacks");
            Check.That(NimLibrary.Dispatch() > 0 && inside, "pull, inside a handler");
        }

        private void OneDispatcher()
        {
            Start();
            bool stop = false;
            var entered = new ManualResetEvent(false);
            var pump = new Thread(() =>
            {
                entered.Set();
                while (!Volatile.Read(ref stop)) NimLibrary.Dispatch(0, -1);
            });
            pump.Start();
            entered.WaitOne();
            Check.Until(() => NimLibrary.Dispatch() == (int)NimxDispatchResult.Busy, "the other thread dispatches");
            int answers = 0, code = 0;
            var answered = new ManualResetEvent(false);
            ClientAPI.Logout(NIMLogoutType.kNIMLogoutAppExit, r =>
            {
                answers++;
                code = (int)r.Code;
                answered.Set();
            });
            Check.That(answered.WaitOne(History.LimitMs), "the answer");
            Volatile.Write(ref stop, true);
            ClientAPI.Cleanup();
            pump.Join();
            Check.Equal(1, answers, "answers");
            Check.Equal(200, code, "code");
        }

        private Client NewClient(string link)
        {
            return new Client(new ClientOptions
            {
                DataDirectory = nimd.NewDirectory("data"), AppKey = nimd.AppKey, Links = new[] { link },
                DispatchMode = NimxDispatchMode.Pull,
            });
        }

        /// <summary>The second login is refused; the first, given up meanwhile, must not go on.</summary>
        private void CancelBehindAnother()
        {
            using (var silent = new TcpPath(0))
            using (Client client = NewClient(silent.Link))
            {
                var source = new CancellationTokenSource();
                Task first = client.LoginAsync("alice", "secret", source.Token);
                Check.That(NimLibrary.Dispatch(0, History.LimitMs) > 0, "the first step");
                Task second = client.LoginAsync("alice", "secret");
                source.Cancel();
                Check.Throws<AggregateException>(() => NimLibrary.Wait(second, History.LimitMs), "a second login");
                var clock = Stopwatch.StartNew();
                while (client.Status != NimxStatus.LoggedOut)
                {
                    Check.That(clock.ElapsedMilliseconds < 5000, "the cancelled login goes on");
                    NimLibrary.Dispatch(0, 10);
                }
                Check.Throws<AggregateException>(() => NimLibrary.Wait(first, History.LimitMs), "the first login");
                Check.That(first.IsCanceled, "cancelled");
            }
        }

        private void Unreadable()
        {
            using (Client client = NewClient(nimd.Link))
            {
                Task<DateTimeOffset> time = client.ServerTimeAsync(false);
                Trampolines.Arrived(
                    new IntPtr(Calls.Snapshot()[0]), new ClientGetServerCurrentTimeReply { Rescode = 200, Time = ulong.MaxValue });
                Check.Until(() => time.IsFaulted, "the task fails");
            }
        }
    }
}
