using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using NIM;

namespace LibNim.Tests
{
    /// <summary>The session through LibNim.Client, in push mode, against a real server.</summary>
    internal sealed class ClientTests
    {
        private readonly Nimd nimd;
        private readonly History seen = new History();

        private ClientTests(Nimd nimd) { this.nimd = nimd; }

        internal static void All(Runner runner, Nimd nimd)
        {
            Action<string, Func<ClientTests, Task>> run = (name, test) => runner.Run("client: " + name, () =>
            {
                if (!test(new ClientTests(nimd)).Wait(2 * History.LimitMs)) throw new Failure("does not end");
            });
            run("login, steps, user, logout", t => t.Login());
            run("events keep their order on a context, and come after the answer that causes them", t => t.Order());
            run("typed exceptions", t => t.TypedExceptions());
            run("cancellation", t => t.Cancellation());
            run("a cancelled login that succeeds is undone", t => t.CancelledTooLate());
            run("login again after a cancelled one", t => t.LoginAfterCancel());
            run("cancelled at any time", t => t.CancelAnyTime());
            run("a cancelled repeat leaves the session", t => t.CancelRepeat());
            run("ended by ClientAPI.Cleanup", t => t.EndedFromOutside());
            run("kick, renew, time, push, pause, diagnostics", t => t.Calls_());
            run("recovery and kick as events", t => t.Events());
            run("token provider", t => t.Provider());
            run("dispose finishes what waits", t => t.DisposeFinishes());
            run("progress that throws", t => t.BadProgress());
            run("one at a time", t => t.OneAtATime());
        }

        private Client New(string link = null, NimxOptions nimx = null, SynchronizationContext context = null)
        {
            return new Client(new ClientOptions
            {
                DataDirectory = nimd.NewDirectory("data"), AppKey = nimd.AppKey, Links = new[] { link ?? nimd.Link },
                Settings = new InitOptions { Nimx = nimx }, Context = context,
            });
        }

        /// <summary>Progress without a context, so that steps come where they happen.</summary>
        private sealed class Steps : IProgress<LoginResult>
        {
            internal readonly List<NIMLoginStep> Seen = new List<NIMLoginStep>();

            public void Report(LoginResult value) { Seen.Add(value.LoginStep); }
        }

        private async Task Login()
        {
            using (Client client = New())
            {
                var steps = new Steps();
                string account = nimd.NewAccount();
                LoginResult r = await client.LoginAsync(account, "secret", null, steps);
                Check.Equal(NIMLoginStep.kNIMLoginStepLogin, r.LoginStep, "step");
                Check.Equal("0123", string.Concat(steps.Seen.Select(s => ((int)s).ToString())), "steps");
                Check.Equal(NimxStatus.Online, client.Status, "status");
                Check.Equal(account, client.Account, "account");
                LoginUser user = client.GetLoginUser();
                Check.Equal(account, user.Account, "login user");
                Check.That(user.DeviceId.Length > 0 && user.LoginTime > 0, "device and time of the login user");
                Check.Equal("nim", client.GetCapabilities().Backend, "backend");
                Check.That((await client.LoginAsync(account, "secret")).RepeatLogin, "repeat_login");
                await client.LogoutAsync();
                Check.Equal(NimxStatus.LoggedOut, client.Status, "status");
                Check.That(client.GetLoginUser() == null, "login user after logout");
                await client.LogoutAsync();
            }
        }

        private async Task Order()
        {
            using (var loop = new LoopContext())
            using (var path = new TcpPath(nimd.Port))
            using (Client client = New(path.Link, null, loop))
            {
                path.SetClosed(true);
                client.ConnectionChanged += (s, e) => seen.Add((loop.IsCurrent ? "" : "astray ") + "connection " + e.Event);
                client.DataSynced += (s, e) => seen.Add((loop.IsCurrent ? "" : "astray ") + "sync");
                var done = new TaskCompletionSource<bool>();
                string account = nimd.NewAccount();
                loop.Post(async state =>
                {
                    await client.LoginAsync(account, "secret");
                    seen.Add((loop.IsCurrent ? "" : "astray ") + "login result");
                    await client.LogoutAsync();
                    seen.Add("logout result");
                    done.SetResult(true);
                }, null);
                // The login gets through only when it is awaited: an answer that comes in the middle of
                // an await is posted behind the events that wait for the context by then.
                loop.Post(state => path.SetClosed(false), null);
                await done.Task;
                seen.Next("closed");
                int[] at = new[] { "connecting", "connected", "ready", "sync", "not_ready", "closed" }.Select(seen.IndexOf).ToArray();
                Check.That(at.All(i => i >= 0) && at.SequenceEqual(at.OrderBy(i => i)), "order:\n  " + seen);
                Check.That(seen.IndexOf("login result") < seen.IndexOf("ready"), "a result after what it causes:\n  " + seen);
                Check.Equal(0, seen.Count("astray"), "events beside the context");
            }
        }

        private static async Task<T> Fails<T>(Task task) where T : Exception
        {
            try
            {
                await task;
            }
            catch (T e)
            {
                return e;
            }
            throw new Failure("no " + typeof(T).Name);
        }

        private async Task TypedExceptions()
        {
            using (var closed = new TcpPath(0))
            using (Client client = New(closed.Link))
            {
                closed.SetClosed(true);
                NimNetworkException network = await Fails<NimNetworkException>(
                    client.LoginAsync("alice", "secret", new LoginOptions { TimeoutMs = 300 }));
                Check.Equal(ResponseCode.kNIMResConnectionError, network.Code, "code");
                Check.That(network.Retryable && network.Info.Endpoint.Contains("127.0.0.1"), "details: " + network.Info);
                NimCallerException caller = await Fails<NimCallerException>(client.LoginAsync("not/legal", "secret"));
                Check.Equal("invalid_argument", caller.Name, "name");
                await Fails<NimCallerException>(client.RenewTokenAsync("secret"));
                await Fails<NimCallerException>(client.KickOtherAsync("phone"));
            }
            using (Client client = New())
            {
                NimAuthException auth = await Fails<NimAuthException>(client.LoginAsync(nimd.NewAccount(), "not the token"));
                Check.Equal("token_invalid", auth.Name, "name");
                Check.Equal(ResponseCode.kNIMResUidPassError, auth.Code, "code");
                Check.That(!auth.ToString().Contains("not the token"), "the token stands in the exception");
            }
            NimException init = Check.Throws<NimException>(() => New(null, new NimxOptions { CaFile = "/nowhere" }), "a bad setting");
            Check.That(init.Message.Length > 0, "text");
        }

        private async Task Cancellation()
        {
            using (var silent = new TcpPath(0))
            using (Client client = New(silent.Link))
            {
                var before = new CancellationToken(true);
                OperationCanceledException e = await Fails<OperationCanceledException>(client.LoginAsync("alice", "secret", before));
                Check.Equal(before, e.CancellationToken, "whose cancellation it was");
                Check.Equal(NimxStatus.LoggedOut, client.Status, "status");
                var source = new CancellationTokenSource();
                Task login = client.LoginAsync("alice", "secret", source.Token);
                Check.Until(() => client.Status == NimxStatus.LoggingIn, "logging in");
                source.Cancel();
                await Fails<OperationCanceledException>(login);
                Check.Until(() => client.Status == NimxStatus.LoggedOut, "logged out");
                var early = new CancellationTokenSource();
                login = client.LoginAsync("alice", "secret", early.Token);
                early.Cancel();
                await Fails<OperationCanceledException>(login);
                Check.Until(() => Calls.Count == 0 && client.Status == NimxStatus.LoggedOut, "logged out again");
            }
        }

        private async Task CancelledTooLate()
        {
            using (Client client = New())
            {
                var source = new CancellationTokenSource();
                string account = nimd.NewAccount();
                var cancel = new CancelOnce { Step = NIMLoginStep.kNIMLoginStepLogining, Source = source };
                await Fails<OperationCanceledException>(client.LoginAsync(account, "secret", null, cancel, source.Token));
                Check.Until(() => Calls.Count == 0 && client.Status == NimxStatus.LoggedOut, "logged out");
                await client.LoginAsync(account, "secret");
                await client.LogoutAsync();
            }
        }

        private sealed class CancelOnce : IProgress<LoginResult>
        {
            internal NIMLoginStep Step;
            internal CancellationTokenSource Source;

            public void Report(LoginResult value) { if (value.LoginStep == Step) Source.Cancel(); }
        }

        /// <summary>Once the task has ended, so has the login.</summary>
        private async Task LoginAfterCancel()
        {
            using (Client client = New())
            {
                string account = nimd.NewAccount();
                foreach (NIMLoginStep step in new[]
                {
                    NIMLoginStep.kNIMLoginStepLinking, NIMLoginStep.kNIMLoginStepLink, NIMLoginStep.kNIMLoginStepLogining,
                })
                {
                    var source = new CancellationTokenSource();
                    var cancel = new CancelOnce { Step = step, Source = source };
                    await Fails<OperationCanceledException>(client.LoginAsync(account, "secret", null, cancel, source.Token));
                    Check.Equal(NimxStatus.LoggedOut, client.Status, "status after a cancellation at " + step);
                    await client.LoginAsync(account, "secret");
                    await client.LogoutAsync();
                }
            }
        }

        /// <summary>A cancellation from another thread leaves a session and a result, or neither.</summary>
        private async Task CancelAnyTime()
        {
            using (Client client = New())
            {
                string account = nimd.NewAccount();
                int cancelled = 0;
                var random = new Random(1);
                for (int i = 0; i < 100; i++)
                {
                    var source = new CancellationTokenSource();
                    Task login = client.LoginAsync(account, "secret", source.Token);
                    int spins = random.Next(400000);
                    var canceller = new Thread(() =>
                    {
                        Thread.SpinWait(spins);
                        source.Cancel();
                    });
                    canceller.Start();
                    try
                    {
                        await login;
                        Check.Equal(NimxStatus.Online, client.Status, "status after a login that was too fast");
                        await client.LogoutAsync();
                    }
                    catch (OperationCanceledException)
                    {
                        cancelled++;
                        Check.Equal(NimxStatus.LoggedOut, client.Status, "status after a cancellation");
                    }
                    canceller.Join();
                }
                Check.Equal(0, Calls.Count, "calls that wait");
                Console.WriteLine("        {0} of 100 cancelled", cancelled);
            }
        }

        private async Task CancelRepeat()
        {
            using (Client client = New())
            {
                string account = nimd.NewAccount();
                await client.LoginAsync(account, "secret");
                var source = new CancellationTokenSource();
                Task repeat = client.LoginAsync(account, "secret", source.Token);
                source.Cancel();
                try
                {
                    await repeat;
                }
                catch (OperationCanceledException)
                {
                    // Either is right; the session stays.
                }
                Check.Equal(NimxStatus.Online, client.Status, "status");
                await client.ServerTimeAsync(false);
                Check.Equal(NimxStatus.Online, client.Status, "status after another call");
            }
        }

        private async Task EndedFromOutside()
        {
            Client first = New();
            first.ConnectionChanged += (s, e) => seen.Add("first " + e.Event);
            ClientAPI.Cleanup();
            Check.Throws<ObjectDisposedException>(() => first.LogoutAsync(), "a call of a Client that is over");
            using (Client second = New())
            {
                first.Dispose();
                await second.LoginAsync(nimd.NewAccount(), "secret");
                Check.Equal(0, seen.Count("first"), "events of a Client that is over");
            }
        }

        private async Task Calls_()
        {
            using (Client client = New(null, new NimxOptions { DeviceId = "desk" }))
            {
                string account = nimd.NewAccount();
                await client.LoginAsync(account, "secret");
                using (var phone = new Device("device", nimd.Link, nimd.AppKey, account, "phone", nimd.NewDirectory("phone")))
                {
                    phone.Lines.Next("login 200 others desk");
                    KickOtherResult[] kicked = await Task.WhenAll(client.KickOtherAsync("phone"), client.KickOtherAsync("nobody"));
                    Check.Equal("phone", string.Join(",", kicked[0].DeviceIds), "devices");
                    Check.Equal(404, kicked[1].Results[0].ErrCode, "result of an unknown device");
                    phone.Lines.Next("kickout");
                }
                await client.RenewTokenAsync(nimd.DynamicToken(account),
                    new RenewTokenOptions { AuthType = NIMAuthType.kNIMAuthTypeBySecretToken });
                await Fails<NimAuthException>(client.RenewTokenAsync("not a token"));
                Check.Equal(NimxStatus.Online, client.Status, "status after a bad renewal");
                double apart = ((await client.ServerTimeAsync()) - DateTimeOffset.UtcNow).TotalSeconds;
                Check.That(Math.Abs(apart) < 60, "server time: " + apart + " s apart");
                await client.ServerTimeAsync(false);
                await client.SetPushConfigAsync(new PushConfig { SwitchOpen = 2 });
                Check.Equal(2, (await client.GetPushConfigAsync()).SwitchOpen, "push config");
                await client.PauseAsync();
                Check.Equal(NimxStatus.Paused, client.Status, "status");
                await client.ResumeAsync();
                Check.Until(() => client.Status == NimxStatus.Online, "online after a pause");
                client.NetworkChanged();
                Diagnostics d = await client.DiagnosticsAsync();
                Check.That(d.Attempts.Count > 0 && d.Trace.Count > 0, "diagnostics");
                Check.That(!d.ToJson().Contains("secret"), "the token stands in the diagnostics");
            }
        }

        private async Task Events()
        {
            using (var path = new TcpPath(nimd.Port))
            using (Client client = New(path.Link))
            {
                client.Disconnected += (s, e) => seen.Add("disconnected " + e.ErrCode);
                client.Relogged += (s, e) => seen.Add("relogin " + e.ErrCode);
                client.KickedOut += (s, e) => seen.Add("kicked " + e.ReasonCode + " " + e.ReasonDescription);
                client.KickedOut += (s, e) => { throw new InvalidOperationException(); };
                string account = nimd.NewAccount();
                await client.LoginAsync(account, "secret");
                path.SetClosed(true);
                seen.Next("disconnected 415");
                path.SetClosed(false);
                seen.Next("relogin 200");
                nimd.Kick(account);
                seen.Next("kicked kNIMKickReasonServerKick see you later");
                await client.LoginAsync(account, "secret");
            }
        }

        private async Task Provider()
        {
            using (Client client = New())
            {
                string account = nimd.NewAccount();
                client.TokenProvider = r => r.Account == account ? nimd.DynamicToken(account) : null;
                await client.LoginAsync(account, null, new LoginOptions { AuthType = NIMAuthType.kNIMAuthTypeBySecretToken });
                client.TokenProvider = null;
            }
        }

        private async Task DisposeFinishes()
        {
            using (var silent = new TcpPath(0))
            {
                Client client = New(silent.Link);
                Task login = client.LoginAsync("alice", "secret");
                client.ConnectionChanged += (s, e) => seen.Add(e.Event);
                client.Dispose();
                int size = seen.Size;
                NimCallerException e1 = await Fails<NimCallerException>(login);
                Check.Equal("cancelled", e1.Name, "name");
                Check.Equal(size, seen.Size, "events after Dispose");
                client.Dispose();
                Check.Throws<ObjectDisposedException>(() => client.LogoutAsync(), "a call after Dispose");
            }
        }

        private sealed class Thrower : IProgress<LoginResult>
        {
            public void Report(LoginResult value) { throw new InvalidOperationException("in progress"); }
        }

        private async Task BadProgress()
        {
            Action<Exception> told = e => seen.Add(e.Message);
            NimLibrary.HandlerFailed += told;
            using (Client client = New()) await client.LoginAsync(nimd.NewAccount(), "secret", null, new Thrower());
            NimLibrary.HandlerFailed -= told;
            Check.Equal(4, seen.Count("in progress"), "reports");
        }

        private async Task OneAtATime()
        {
            using (Client client = New())
            {
                Check.Throws<InvalidOperationException>(() => New(), "a second Client");
                await client.LoginAsync(nimd.NewAccount(), "secret");
            }
            using (New()) { }
        }
    }
}
