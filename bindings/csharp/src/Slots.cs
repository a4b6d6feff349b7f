using System;
using System.Threading;

namespace LibNim
{
    /// <summary>A registration that the library knows, with the handlers behind it.</summary>
    internal abstract class Slot
    {
        internal abstract void Deliver(Reply reply);

        /// <summary>What the host answers to a question; 0 where it has nothing to say.</summary>
        internal virtual int Ask(Reply question) { return 0; }

        /// <summary>Drops the handlers; the library has dropped the registration.</summary>
        internal abstract void End();
    }

    /// <summary>
    /// A registration of one kind of event. It has one handler that is set, as the NIM API does, and
    /// any number that are added. It is made in the library when the first handler comes, and stays
    /// there until cleanup or detach. Where what nobody hears waits in the library (heard), it goes
    /// with the last handler.
    /// </summary>
    internal sealed class Slot<T> : Slot where T : Reply
    {
        private const int WaitLimitMs = 2000;

        private readonly object gate = new object();
        private readonly object registering = new object(); // held while handlers change, until the library has it
        private readonly IntPtr data, trampoline;
        private readonly bool heard;
        private readonly Action<IntPtr, IntPtr> register;
        private Action<T> one;   // guarded by gate; changed by who holds registering, and by End
        private Action<T> many;  // as one
        private bool registered; // guarded by gate
        private int running;     // guarded by gate

        /// <summary>register takes the address of what C calls, which is trampoline or zero, and the user_data.</summary>
        internal Slot(int number, IntPtr trampoline, bool heard, Action<IntPtr, IntPtr> register)
        {
            data = new IntPtr(number);
            this.trampoline = trampoline;
            this.heard = heard;
            this.register = register;
        }

        /// <summary>Sets the one handler. Once null is set, the old one never starts again.</summary>
        internal void Set(Action<T> handler)
        {
            lock (registering) Change(handler, many);
            if (handler == null)
                lock (gate) WaitQuiet();
        }

        internal void Add(Action<T> handler) { lock (registering) Change(one, many + handler); }

        internal void Remove(Action<T> handler) { lock (registering) Change(one, many - handler); }

        /// <summary>
        /// Locked by registering. The library loses the registration before the last handler goes, where
        /// what comes then waits, and has it once the first is there.
        /// </summary>
        private void Change(Action<T> nextOne, Action<T> nextMany)
        {
            bool wanted = nextOne != null || nextMany != null;
            if (!wanted && heard) Drop();
            lock (gate)
            {
                one = nextOne;
                many = nextMany;
                if (!wanted || registered) return;
                registered = true;
            }
            NimLibrary.HandOut();
            register(trampoline, data);
        }

        private void Drop()
        {
            lock (gate)
            {
                if (!registered) return;
                registered = false;
            }
            register(IntPtr.Zero, data);
        }

        /// <summary>Ends the registration if no handler is left: the events would be made for nobody.</summary>
        internal void Stop()
        {
            lock (registering)
                if (one == null && many == null) Drop();
        }

        /// <summary>Locked. Waits for a handler on another thread, not for one that this thread is in.</summary>
        private void WaitQuiet()
        {
            int end = Environment.TickCount + WaitLimitMs;
            while (running > 0 && !Running.Here)
            {
                int left = end - Environment.TickCount;
                if (left <= 0 || !Monitor.Wait(gate, left)) return;
            }
        }

        internal override void Deliver(Reply reply)
        {
            Action<T> first, others;
            lock (gate)
            {
                first = one;
                others = many;
                running++;
            }
            try
            {
                if (first == null && others == null) return;
                var value = (T)reply;
                if (first != null) Run(first, value);
                if (others != null)
                    foreach (Delegate other in others.GetInvocationList()) Run((Action<T>)other, value);
            }
            finally
            {
                lock (gate)
                {
                    running--;
                    Monitor.PulseAll(gate);
                }
            }
        }

        private static void Run(Action<T> handler, T value)
        {
            try
            {
                handler(value);
            }
            catch (Exception e)
            {
                NimLibrary.Report(e);
            }
        }

        internal override void End()
        {
            lock (gate)
            {
                one = many = null;
                registered = false;
            }
        }
    }

    /// <summary>
    /// A registration of one kind of question. It has one handler, and is in the library as long as that
    /// is set.
    /// </summary>
    internal sealed class AskSlot<T> : Slot where T : Reply
    {
        private readonly object registering = new object(); // held until the library has it
        private readonly IntPtr data, trampoline;
        private readonly Action<IntPtr, IntPtr> register;
        private volatile Func<T, int> handler;

        internal AskSlot(int number, IntPtr trampoline, Action<IntPtr, IntPtr> register)
        {
            data = new IntPtr(number);
            this.trampoline = trampoline;
            this.register = register;
        }

        /// <summary>Sets the handler; null removes it.</summary>
        internal void Set(Func<T, int> value)
        {
            lock (registering)
            {
                handler = value;
                NimLibrary.HandOut();
                register(value == null ? IntPtr.Zero : trampoline, data);
            }
        }

        internal override int Ask(Reply question)
        {
            Func<T, int> answer = handler;
            return answer == null ? 0 : answer((T)question);
        }

        internal override void Deliver(Reply reply) { }

        internal override void End() { handler = null; }
    }

    /// <summary>All registrations. The number of one is its user_data.</summary>
    internal static partial class Slots
    {
        internal static void Deliver(int number, Reply reply)
        {
            if (number >= 1 && number <= All.Length) All[number - 1].Deliver(reply);
        }

        internal static int Ask(int number, Reply question)
        {
            return number >= 1 && number <= All.Length ? All[number - 1].Ask(question) : 0;
        }

        /// <summary>Drops every handler: the library has ended its registrations.</summary>
        internal static void End() { foreach (Slot slot in All) slot.End(); }
    }
}
