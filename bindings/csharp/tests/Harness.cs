using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;

namespace LibNim.Tests
{
    /// <summary>A check of a test did not hold.</summary>
    internal sealed class Failure : Exception { internal Failure(string text) : base(text) { } }

    /// <summary>Checks of tests.</summary>
    internal static class Check
    {
        internal static void That(bool condition, string what) { if (!condition) throw new Failure(what); }

        internal static void Equal<T>(T want, T have, string what)
        {
            if (!EqualityComparer<T>.Default.Equals(want, have))
                throw new Failure(what + ": want " + want + ", have " + have);
        }

        /// <summary>Waits until something holds that no callback tells of.</summary>
        internal static void Until(Func<bool> condition, string what)
        {
            var clock = Stopwatch.StartNew();
            while (!condition())
            {
                if (clock.ElapsedMilliseconds > History.LimitMs) throw new Failure("not in time: " + what);
                Thread.Yield();
            }
        }

        internal static T Throws<T>(Action act, string what) where T : Exception
        {
            try
            {
                act();
            }
            catch (T e)
            {
                return e;
            }
            throw new Failure(what + ": no " + typeof(T).Name);
        }
    }

    /// <summary>What happened, in order; tests wait for things in it.</summary>
    internal sealed class History
    {
        internal const int LimitMs = 20000;

        private readonly List<string> lines = new List<string>(); // guarded by itself
        private int taken;                                        // guarded by lines: all before it were waited for

        internal void Add(string line)
        {
            lock (lines)
            {
                lines.Add(line);
                Monitor.PulseAll(lines);
            }
        }

        /// <summary>Waits for the next line that contains text, and returns it.</summary>
        internal string Next(string text, int limitMs = LimitMs)
        {
            var clock = Stopwatch.StartNew();
            lock (lines)
            {
                while (true)
                {
                    for (; taken < lines.Count; taken++)
                        if (lines[taken].Contains(text)) return lines[taken++];
                    int left = limitMs - (int)clock.ElapsedMilliseconds;
                    if (left <= 0) throw new Failure("no \"" + text + "\" in " + limitMs + " ms; there is:\n  " + this);
                    Monitor.Wait(lines, left);
                }
            }
        }

        internal int Count(string text)
        {
            lock (lines) return lines.FindAll(l => l.Contains(text)).Count;
        }

        internal int Size { get { lock (lines) return lines.Count; } }

        /// <summary>Where a line that contains text is; -1 if it is not.</summary>
        internal int IndexOf(string text) { lock (lines) return lines.FindIndex(l => l.Contains(text)); }

        public override string ToString() { lock (lines) return string.Join("\n  ", lines); }
    }

    /// <summary>A thread that runs what is posted to it, as a user interface does.</summary>
    internal sealed class LoopContext : SynchronizationContext, IDisposable
    {
        private readonly List<Action> work = new List<Action>(); // guarded by itself; no Queue, as in KickRequests
        private readonly Thread thread;
        private bool ended; // guarded by work

        internal LoopContext()
        {
            thread = new Thread(Loop) { IsBackground = true };
            thread.Start();
        }

        internal bool IsCurrent { get { return Thread.CurrentThread == thread; } }

        public override void Post(SendOrPostCallback d, object state)
        {
            lock (work)
            {
                work.Add(() => d(state));
                Monitor.Pulse(work);
            }
        }

        private void Loop()
        {
            SetSynchronizationContext(this);
            while (true)
            {
                Action next;
                lock (work)
                {
                    while (work.Count == 0 && !ended) Monitor.Wait(work);
                    if (work.Count == 0) return;
                    next = work[0];
                    work.RemoveAt(0);
                }
                next();
            }
        }

        public void Dispose()
        {
            lock (work)
            {
                ended = true;
                Monitor.Pulse(work);
            }
            thread.Join();
        }
    }

    /// <summary>Runs tests and counts.</summary>
    internal sealed class Runner
    {
        private readonly string only;
        private int passed;
        private int failed;

        internal Runner(string only) { this.only = only; }

        internal void Run(string name, Action test)
        {
            if (only != null && !name.Contains(only)) return;
            var clock = Stopwatch.StartNew();
            try
            {
                test();
                passed++;
                Console.WriteLine("ok      {0} ({1} ms)", name, clock.ElapsedMilliseconds);
            }
            catch (Exception e)
            {
                failed++;
                Console.WriteLine("not ok  {0}\n        {1}", name, e is Failure ? e.Message : e.ToString());
            }
        }

        /// <summary>Prints the sum; the exit status of the program.</summary>
        internal int End()
        {
            Console.WriteLine("{0} passed, {1} failed", passed, failed);
            return failed == 0 ? 0 : 1;
        }
    }
}
