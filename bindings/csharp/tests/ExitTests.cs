using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;

namespace LibNim.Tests
{
    /// <summary>A process that has had callbacks ends within two seconds, whatever it has not done.</summary>
    internal static class ExitTests
    {
        private const int Runs = 20;
        private const int LimitMs = 2000;
        private const int AtOnce = 2;

        private static readonly Dictionary<string, string> Names = new Dictionary<string, string>
        {
            { "cleanup", "with Cleanup" }, { "nothing", "without Cleanup" }, { "inside", "Environment.Exit in a handler" },
        };

        internal static void All(Runner runner, Nimd nimd)
        {
            runner.Run("exit: with another library of that name", () => WrongLibrary(nimd));
            foreach (string mode in new[] { "push", "pull" })
                foreach (string end in new[] { "cleanup", "nothing", "inside" })
                    runner.Run("exit: " + mode + " mode, a callback every 20 ms, " + Names[end] + ", " + Runs + " runs",
                        () => Exit(nimd, mode, end));
        }

        /// <summary>A library without our functions: the call fails, and the process ends in peace.</summary>
        private static void WrongLibrary(Nimd nimd)
        {
            string dir = nimd.NewDirectory("wrong");
            string other = new[] { "/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu", "/lib64", "/lib" }
                .Select(d => Path.Combine(d, "libm.so.6")).First(File.Exists);
            File.Copy(other, Path.Combine(dir, "libnim.so"));
            using (var child = new Device(info => info.EnvironmentVariables["LD_LIBRARY_PATH"] = dir, "wrong"))
            {
                child.Lines.Next("EntryPointNotFoundException");
                Check.Equal(0, child.WaitForExit(History.LimitMs), "exit status");
            }
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

        /// <summary>One process; what is wrong with it, or null. A late end is as wrong as none.</summary>
        private static string One(Nimd nimd, string mode, string end, string account, string dir, List<int> times)
        {
            try
            {
                using (var child = new Device("exit", mode, end, nimd.Link, nimd.AppKey, account, dir))
                {
                    child.Lines.Next("leaving Main");
                    var clock = System.Diagnostics.Stopwatch.StartNew();
                    int status = child.WaitForExit(LimitMs);
                    lock (times) times.Add((int)clock.ElapsedMilliseconds);
                    if (status == 0) return null;
                    string what = status == -1 ? "still there after " + LimitMs + " ms" : "exit status " + status;
                    return mode + ", " + end + ": " + what + "\n  " + child.Lines;
                }
            }
            catch (Failure e)
            {
                return e.Message;
            }
        }
    }
}
