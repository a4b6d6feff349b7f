using System;
using System.Collections.Generic;
using System.Threading;

namespace LibNim.Tests
{
    /// <summary>A process that has had callbacks ends within two seconds, whatever it has not done.</summary>
    internal static class ExitTests
    {
        private const int Runs = 20;
        private const int LimitMs = 2000;
        private const int AtOnce = 4;

        private static readonly Dictionary<string, string> Names = new Dictionary<string, string>
        {
            { "cleanup", "with Cleanup" }, { "nothing", "without Cleanup" }, { "inside", "Environment.Exit in a handler" },
        };

        internal static void All(Runner runner, Nimd nimd)
        {
            foreach (string mode in new[] { "push", "pull" })
                foreach (string end in new[] { "cleanup", "nothing", "inside" })
                    runner.Run("exit: " + mode + " mode, a callback every 20 ms, " + Names[end] + ", " + Runs + " runs",
                        () => Exit(nimd, mode, end));
        }

        private static void Exit(Nimd nimd, string mode, string end)
        {
            string account = nimd.NewAccount();
            nimd.Admin("PUT", "/policy", "{\"multi_login\":\"all\"}");
            var slowest = new List<int>();
            string failure = null;
            using (var done = new CountdownEvent(Runs))
            using (var slots = new SemaphoreSlim(AtOnce))
            {
                for (int i = 0; i < Runs; i++)
                {
                    slots.Wait();
                    string dir = nimd.NewDirectory("exit");
                    ThreadPool.QueueUserWorkItem(state =>
                    {
                        string wrong = One(nimd, mode, end, account, dir, slowest);
                        lock (slowest) failure = failure ?? wrong;
                        slots.Release();
                        done.Signal();
                    });
                }
                Check.That(done.Wait(Runs * History.LimitMs), "the runs end");
            }
            nimd.Admin("PUT", "/policy", "{\"multi_login\":\"class\"}");
            Check.That(failure == null, failure);
            slowest.Sort();
            Console.WriteLine("        ms from the end of Main to the end of the process: median {0}, worst {1}",
                slowest[slowest.Count / 2], slowest[slowest.Count - 1]);
        }

        private static readonly object Alone = new object();

        /// <summary>
        /// One process; what is wrong with it, or null. Where it ends, but late, it may be the machine
        /// that was busy: it is tried again without company.
        /// </summary>
        private static string One(Nimd nimd, string mode, string end, string account, string dir, List<int> times)
        {
            int ms;
            string wrong = Measure(nimd, mode, end, account, dir, out ms);
            if (wrong == null && ms > LimitMs)
            {
                lock (Alone) wrong = Measure(nimd, mode, end, account, nimd.NewDirectory("exit"), out ms);
                if (wrong == null && ms > LimitMs) wrong = mode + ", " + end + ": " + ms + " ms, twice more than " + LimitMs;
            }
            lock (times) times.Add(ms);
            return wrong;
        }

        private static string Measure(Nimd nimd, string mode, string end, string account, string dir, out int ms)
        {
            ms = 0;
            try
            {
                using (var child = new Device("exit", mode, end, nimd.Link, nimd.AppKey, account, dir))
                {
                    child.Lines.Next("leaving Main");
                    var clock = System.Diagnostics.Stopwatch.StartNew();
                    int status = child.WaitForExit(History.LimitMs);
                    ms = (int)clock.ElapsedMilliseconds;
                    if (status == 0) return null;
                    return mode + ", " + end + ": " + (status == -1 ? "hangs" : "exit status " + status) + "\n  " + child.Lines;
                }
            }
            catch (Failure e)
            {
                return e.Message;
            }
        }
    }
}
