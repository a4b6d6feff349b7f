using System;
using System.Threading;
using System.Threading.Tasks;
using NIM;

namespace LibNim.Tests
{
    /// <summary>The garbage collector and the signals of the runtime beside a busy library.</summary>
    internal static class StressTests
    {
        private const int Callbacks = 200000;
        private const int Domains = 5;
        private const int Window = 2000; // calls that wait at a time
        private const int KickRounds = 2000;
        private const int NullRounds = 1000;

        internal static void All(Runner runner, Nimd nimd)
        {
            runner.Run("stress: " + Callbacks + " callbacks with collections at random", () => Collect(nimd));
            if (Type.GetType("Mono.Runtime") != null) // .NET has one domain
                runner.Run("stress: " + Domains + " domains unloaded among callbacks, push mode", () => Unload(nimd));
            runner.Run("stress: " + KickRounds + " times two kicks at once beside a registration", () => Kicks(nimd));
            runner.Run("stress: null references are still caught, beside collections", () => NullReferences(nimd));
        }

        /// <summary>A plug-in of a larger program: it comes and goes with its domain.</summary>
        internal sealed class PlugIn : MarshalByRefObject
        {
            private const int Enough = 50;
            private const int AtOnce = 8;

            private readonly ManualResetEvent many = new ManualResetEvent(false);
            private int callbacks;

            /// <summary>Keeps callbacks coming without an end; true once there were many.</summary>
            public bool Run(string dir, string link)
            {
                var options = new InitOptions { PrivateServerSetting = new PrivateServerSetting { Link = new[] { link } } };
                if (!ClientAPI.Init(dir, "", options)) return false;
                for (int i = 0; i < AtOnce; i++) Next();
                return many.WaitOne(History.LimitMs);
            }

            private void Next()
            {
                GlobalAPI.GetSdkCacheFileInfo("alice", "image", 0, f =>
                {
                    if (Interlocked.Increment(ref callbacks) == Enough) many.Set();
                    Next();
                });
            }
        }

        private static void Unload(Nimd nimd)
        {
            string dir = nimd.NewDirectory("domains");
            for (int i = 0; i < Domains; i++)
            {
                AppDomain domain = AppDomain.CreateDomain("plug-in", null, AppDomain.CurrentDomain.SetupInformation);
                var plugIn = (PlugIn)domain.CreateInstanceAndUnwrap(typeof(PlugIn).Assembly.FullName, typeof(PlugIn).FullName);
                Check.That(plugIn.Run(dir, nimd.Link), "domain " + i);
                AppDomain.Unload(domain);
            }
            ClientAPI.Cleanup();
        }

        private static void Login(Nimd nimd)
        {
            Check.That(ClientAPI.Init(nimd.NewDirectory("data"), "", nimd.Options()), "init: " + NimLibrary.InitError);
            var done = new ManualResetEvent(false);
            ClientAPI.Login(null, nimd.NewAccount(), "secret", r =>
            {
                if (r.LoginStep == NIMLoginStep.kNIMLoginStepLogin && r.Code == ResponseCode.kNIMResSuccess) done.Set();
            });
            Check.That(done.WaitOne(History.LimitMs), "login");
        }

        private static void Collect(Nimd nimd)
        {
            Login(nimd);
            int answered = 0, wrong = 0, collections = 0;
            bool stop = false;
            var collector = new Thread(() =>
            {
                var random = new Random(1);
                var garbage = new object[64];
                while (!Volatile.Read(ref stop))
                {
                    for (int i = random.Next(20000); i > 0; i--) garbage[i % garbage.Length] = new byte[random.Next(200)];
                    GC.Collect(random.Next(GC.MaxGeneration + 1));
                    collections++;
                }
            });
            collector.Start();
            var room = new SemaphoreSlim(Window);
            for (int i = 0; i < Callbacks; i++)
            {
                room.Wait();
                object mark = new object(); // lives by its handler alone
                ServerTimeDelegate handler = (code, local, time) =>
                {
                    if ((int)code != 200 || time == 0 || mark == null) Interlocked.Increment(ref wrong);
                    Interlocked.Increment(ref answered);
                    room.Release();
                };
                if (i % 50 != 0) ClientAPI.GetServerCurrentTime(true, handler);
                else GlobalAPI.GetSdkCacheFileInfo("alice", "image", 0, f => handler((ResponseCode)200, true, 1));
            }
            for (int i = 0; i < Window; i++) Check.That(room.Wait(History.LimitMs), "the last answers: " + answered);
            Volatile.Write(ref stop, true);
            collector.Join();
            ClientAPI.Cleanup();
            Check.Equal(Callbacks, answered, "answers");
            Check.Equal(0, wrong, "wrong answers");
            Check.Equal(0, Calls.Count, "calls that wait");
            Check.That(collections > 20, "collections: " + collections);
            Console.WriteLine("        {0} callbacks, {1} collections", answered, collections);
        }

        /// <summary>
        /// Each round begins without a registration: what sends first has to make it before what sends
        /// next is answered.
        /// </summary>
        private static void Kicks(Nimd nimd)
        {
            Check.That(ClientAPI.Init(nimd.NewDirectory("data"), "", nimd.Options()), "init: " + NimLibrary.InitError);
            var barrier = new Barrier(3);
            var sent = new TaskCompletionSource<KickOtherResult>[2];
            Action<int> each = who =>
            {
                for (int i = 0; i < KickRounds; i++)
                {
                    barrier.SignalAndWait();
                    if (who == 2) ClientAPI.RegKickOtherClientCb(r => { });
                    else KickRequests.Send(new KickOtherRequest { DeviceIds = new[] { "phone" } }.ToJson(), sent[who]);
                    barrier.SignalAndWait();
                    if (who != 2) continue;
                    foreach (TaskCompletionSource<KickOtherResult> one in sent)
                        Check.That(Task.WaitAny(new Task[] { one.Task }, History.LimitMs) == 0, "round " + i + ": an answer was lost");
                    NimLibrary.DetachCallbacks();
                    for (int k = 0; k < 2; k++) sent[k] = Tasks.New<KickOtherResult>();
                }
            };
            for (int k = 0; k < 2; k++) sent[k] = Tasks.New<KickOtherResult>();
            for (int k = 0; k < 2; k++)
            {
                int who = k;
                new Thread(() => each(who)) { IsBackground = true }.Start();
            }
            each(2);
            ClientAPI.Cleanup();
        }

        /// <summary>
        /// A null reference is a signal on the thread that runs the handler, which the runtime stops for a
        /// collection at the same time: on Mono by another signal.
        /// </summary>
        private static void NullReferences(Nimd nimd)
        {
            Login(nimd);
            int caught = 0, inHandlers = 0, collections = 0;
            for (int i = 0; i < NullRounds; i++) caught += Dereference(null);
            bool stop = false;
            var collector = new Thread(() =>
            {
                var garbage = new object[64];
                while (!Volatile.Read(ref stop))
                {
                    for (int i = 0; i < 2000; i++) garbage[i % garbage.Length] = new byte[100];
                    GC.Collect(0);
                    collections++;
                }
            });
            collector.Start();
            var room = new SemaphoreSlim(Window);
            var done = new CountdownEvent(NullRounds);
            for (int i = 0; i < NullRounds; i++)
            {
                room.Wait();
                ClientAPI.GetServerCurrentTime(true, (code, local, time) =>
                {
                    Interlocked.Add(ref inHandlers, Dereference(null));
                    room.Release();
                    done.Signal();
                });
            }
            bool all = done.Wait(2 * History.LimitMs);
            Volatile.Write(ref stop, true);
            collector.Join();
            Check.That(all, "handlers: " + inHandlers);
            ClientAPI.Cleanup();
            Check.Equal(NullRounds, caught, "caught");
            Check.Equal(NullRounds, inHandlers, "caught in handlers");
            Check.That(collections > 0, "no collection");
            Console.WriteLine("        {0} null references in handlers, {1} collections", inHandlers, collections);
        }

        private sealed class Box { internal int Value = 1; }

        private static int Dereference(Box box)
        {
            try
            {
                return box.Value - 1;
            }
            catch (NullReferenceException)
            {
                return 1;
            }
        }
    }
}
