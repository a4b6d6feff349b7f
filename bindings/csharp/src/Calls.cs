using System;
using System.Collections.Generic;
using System.Threading;

namespace LibNim
{
    /// <summary>What a callback brings, whatever its C signature.</summary>
    internal sealed class Reply
    {
        internal int Code;
        internal int Kind;
        internal bool Flag;
        internal ulong Time;
        internal string Text = "";
        internal string Json = "";
        private JsonObject parsed;

        /// <summary>The JSON argument, parsed once.</summary>
        internal JsonObject Object { get { return parsed ?? (parsed = JsonReader.ReadObject(Json)); } }

        /// <summary>The error, where a code and a JSON object tell it together.</summary>
        internal ErrorInfo Error()
        {
            if (Json.Length == 0) return Errors.Info(Code);
            var info = new ErrorInfo();
            info.ReadMembers(Object);
            return info.ErrCode == Code ? info : Errors.Info(Code);
        }
    }

    /// <summary>A call that waits for its answer.</summary>
    internal class Call
    {
        private readonly Action<Reply> handler;
        private readonly Action cancel;

        /// <summary>cancel runs instead of handler if the answer can never come any more.</summary>
        internal Call(Action<Reply> handler, Action cancel)
        {
            this.handler = handler;
            this.cancel = cancel;
        }

        /// <summary>Whether no answer follows this one.</summary>
        internal virtual bool IsLast(Reply reply) { return true; }

        internal virtual void Answer(Reply reply) { if (handler != null) handler(reply); }

        internal void Cancel() { if (cancel != null) cancel(); }
    }

    /// <summary>A login, which is answered for each step and once finally.</summary>
    internal sealed class LoginCall : Call
    {
        private readonly Action otherEnded;

        /// <summary>otherEnded, which may be null, runs when another login has had its last answer.</summary>
        internal LoginCall(Action<Reply> handler, Action cancel, Action otherEnded) : base(handler, cancel)
        {
            this.otherEnded = otherEnded;
        }

        internal override void Answer(Reply reply)
        {
            try
            {
                base.Answer(reply);
            }
            finally
            {
                if (IsLast(reply))
                    foreach (LoginCall other in Calls.Logins())
                        if (other.otherEnded != null) other.otherEnded();
            }
        }

        internal override bool IsLast(Reply reply)
        {
            int code = reply.Object.Int("err_code");
            bool stepLogin = reply.Object.Int("login_step") == (int)NIM.NIMLoginStep.kNIMLoginStepLogin;
            return code == Errors.Ok.Code ? stepLogin : !reply.Object.Bool("retrying");
        }
    }

    /// <summary>
    /// The calls that wait. What crosses the C interface as user_data is a number that names the
    /// call, never an object: a number cannot be collected, moved or used twice.
    /// </summary>
    internal static class Calls
    {
        private static readonly Dictionary<int, Call> Waiting = new Dictionary<int, Call>(); // guarded by itself
        private static int last; // guarded by Waiting

        /// <summary>Enters a call and returns its user_data.</summary>
        internal static IntPtr Add(Call call)
        {
            NimLibrary.HandOut();
            lock (Waiting)
            {
                do last = last == int.MaxValue ? 1 : last + 1;
                while (Waiting.ContainsKey(last));
                Waiting.Add(last, call);
                return new IntPtr(last);
            }
        }

        /// <summary>The call that a reply is for; null if it was answered before. The last reply takes it out.</summary>
        internal static Call Find(IntPtr userData, Reply reply)
        {
            lock (Waiting)
            {
                Call call;
                if (!Waiting.TryGetValue(userData.ToInt32(), out call)) return null;
                if (call.IsLast(reply)) Waiting.Remove(userData.ToInt32());
                return call;
            }
        }

        internal static bool Waits(IntPtr userData) { lock (Waiting) return Waiting.ContainsKey(userData.ToInt32()); }

        /// <summary>The logins that wait.</summary>
        internal static List<LoginCall> Logins()
        {
            var logins = new List<LoginCall>();
            lock (Waiting)
                foreach (Call call in Waiting.Values)
                    if (call is LoginCall) logins.Add((LoginCall)call);
            return logins;
        }

        /// <summary>Whether a login waits, and no other.</summary>
        internal static bool IsOnlyLogin(LoginCall login)
        {
            List<LoginCall> logins = Logins();
            return logins.Count == 1 && logins[0] == login;
        }

        internal static int Count { get { lock (Waiting) return Waiting.Count; } }

        /// <summary>The calls of this moment.</summary>
        internal static int[] Snapshot()
        {
            lock (Waiting)
            {
                var ids = new int[Waiting.Count];
                Waiting.Keys.CopyTo(ids, 0);
                return ids;
            }
        }

        /// <summary>Ends the calls of ids that still wait: the library has dropped their answers.</summary>
        internal static void Cancel(int[] ids)
        {
            foreach (int id in ids)
            {
                Call call;
                lock (Waiting)
                {
                    if (!Waiting.TryGetValue(id, out call)) continue;
                    Waiting.Remove(id);
                }
                call.Cancel();
            }
        }
    }

    /// <summary>Keeps count of the host code that runs for the library.</summary>
    internal static class Running
    {
        private static readonly object Gate = new object();
        private static int count;   // guarded by Gate
        private static bool closed; // guarded by Gate: the domain ends
        [ThreadStatic] private static int depth;

        /// <summary>Whether this thread is inside a callback.</summary>
        internal static bool Here { get { return depth > 0; } }

        /// <summary>Whether the domain ends.</summary>
        internal static bool Closed { get { lock (Gate) return closed; } }

        /// <summary>Enters a callback; false: none may begin any more.</summary>
        internal static bool Enter()
        {
            lock (Gate)
            {
                if (closed) return false;
                count++;
            }
            depth++;
            return true;
        }

        internal static void Leave()
        {
            depth--;
            lock (Gate)
            {
                count--;
                Monitor.PulseAll(Gate);
            }
        }

        /// <summary>No callback begins any more; waits a moment for one on another thread.</summary>
        internal static void Close(int limitMs)
        {
            int end = Environment.TickCount + limitMs;
            lock (Gate)
            {
                closed = true;
                while (count > depth)
                {
                    int left = end - Environment.TickCount;
                    if (left <= 0 || !Monitor.Wait(Gate, left)) return;
                }
            }
        }
    }
}
