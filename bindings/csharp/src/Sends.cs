using System;
using System.Collections.Generic;
using System.Threading.Tasks;
using NIM;

namespace LibNim
{
    /// <summary>The messages whose end somebody waits for. The ends come as events, by the id of the message.</summary>
    internal static class Sends
    {
        /// <summary>Who waits for the end of a message.</summary>
        private sealed class Waiter
        {
            internal Action<MessageAck> Ended;
            internal Action Cancelled;
        }

        private static readonly object Gate = new object();

        // Guarded by Gate. Sends of one id that is in flight are one message, with one end for all of them.
        private static readonly Dictionary<string, List<Waiter>> Waiting = new Dictionary<string, List<Waiter>>();

        private static bool attached; // guarded by Gate: the slot tells Arrived

        /// <summary>Sends a message; the task ends with the acknowledgement.</summary>
        internal static Task<MessageAck> Send(NIMIMMessage message)
        {
            TaskCompletionSource<MessageAck> end = Tasks.New<MessageAck>();
            Send(message, ack => Tasks.Finish(end, ack.Error(), ack), () => Tasks.Cancel(end));
            return end.Task;
        }

        /// <summary>Sends a message; cancelled runs instead of ended if no end can come any more.</summary>
        internal static void Send(NIMIMMessage message, Action<MessageAck> ended, Action cancelled)
        {
            byte[] json = Utf8.Bytes(message.Serialize());
            lock (Gate)
            {
                if (!attached) Slots.TalkAck.Add(Arrived);
                attached = true;
                List<Waiter> same;
                if (!Waiting.TryGetValue(message.ClientMsgID, out same))
                    Waiting.Add(message.ClientMsgID, same = new List<Waiter>());
                same.Add(new Waiter { Ended = ended, Cancelled = cancelled });
            }
            Native.nim_talk_send_msg(json, null, IntPtr.Zero, IntPtr.Zero);
        }

        private static void Arrived(TalkAckReply reply)
        {
            MessageAck ack = JsonMembers.Of<MessageAck>(reply.Object(reply.Result));
            List<Waiter> waiters;
            lock (Gate)
            {
                if (!Waiting.TryGetValue(ack.MsgId, out waiters)) return;
                Waiting.Remove(ack.MsgId);
            }
            foreach (Waiter w in waiters)
            {
                try
                {
                    w.Ended(ack);
                }
                catch (Exception e)
                {
                    NimLibrary.Report(e);
                }
            }
        }

        /// <summary>The slot has dropped its handlers: ends what waits, since no end comes any more.</summary>
        internal static void Detach()
        {
            var left = new List<Waiter>();
            lock (Gate)
            {
                attached = false;
                foreach (List<Waiter> waiters in Waiting.Values) left.AddRange(waiters);
                Waiting.Clear();
            }
            foreach (Waiter w in left)
                if (w.Cancelled != null) w.Cancelled();
        }
    }
}
