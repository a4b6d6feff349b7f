using System;
using System.Threading;

namespace LibNim
{
    /// <summary>
    /// An event of a Client. It asks the library for the events when the first handler is added, so
    /// that a state which is replayed to a new registration finds it.
    /// </summary>
    internal sealed class EventRelay<TReply, T> where TReply : Reply where T : class
    {
        private readonly Client owner;
        private readonly Slot<TReply> slot;
        private readonly Func<TReply, T> read;
        private readonly object gate = new object();
        private EventHandler<T> handlers; // guarded by gate
        private bool attached;            // guarded by gate

        internal EventRelay(Client owner, Slot<TReply> slot, Func<TReply, T> read)
        {
            this.owner = owner;
            this.slot = slot;
            this.read = read;
        }

        internal void Add(EventHandler<T> handler)
        {
            lock (gate)
            {
                handlers += handler;
                if (attached) return;
                attached = true;
            }
            slot.Add(Arrived);
        }

        internal void Remove(EventHandler<T> handler)
        {
            lock (gate)
            {
                handlers -= handler;
                if (handlers != null || !attached) return;
                attached = false;
            }
            slot.Remove(Arrived);
        }

        private void Arrived(TReply reply)
        {
            T value = read(reply);
            SynchronizationContext context = owner.Context;
            if (context == null) Raise(value);
            else context.Post(state => Raise((T)state), value);
        }

        private void Raise(T value)
        {
            EventHandler<T> all;
            lock (gate) all = handlers;
            if (all == null || owner.IsDisposed) return;
            foreach (Delegate one in all.GetInvocationList())
            {
                try
                {
                    ((EventHandler<T>)one)(owner, value);
                }
                catch (Exception e)
                {
                    NimLibrary.Report(e);
                }
            }
        }
    }
}
