using System;
using System.Collections.Generic;
using System.Threading;

namespace LibNim
{
    /// <summary>What a callback brings. The classes for each kind are generated.</summary>
    internal abstract class Reply
    {
        private string source;
        private JsonObject parsed;

        /// <summary>The error that it tells; ok where its callback has no result code.</summary>
        internal virtual ErrorInfo Error() { return Errors.Info(Errors.Ok); }

        /// <summary>The error, where a code and a JSON object, which may be missing, tell it together.</summary>
        protected ErrorInfo ErrorOf(int code, string json)
        {
            if (json.Length == 0) return Errors.Info(code);
            var info = new ErrorInfo();
            info.ReadMembers(Object(json));
            return info.ErrCode == code ? info : Errors.Info(code);
        }

        /// <summary>One of its JSON arguments as an object, which is parsed once however many handlers read it.</summary>
        internal JsonObject Object(string json)
        {
            if (parsed != null && ReferenceEquals(json, source)) return parsed;
            source = json;
            return parsed = JsonReader.ReadObject(json);
        }
    }

    internal sealed partial class JsonTransportReply
    {
        internal JsonObject Content { get { return Object(JsonParams); } }
    }

    /// <summary>A call that waits for its answer.</summary>
    internal abstract class Call
    {
        private readonly Action cancel;

        /// <summary>Its user_data, once it is entered.</summary>
        internal IntPtr Id { get; set; }

        /// <summary>cancel, which may be null, runs if the answer can never come any more.</summary>
        protected Call(Action cancel) { this.cancel = cancel; }

        /// <summary>Whether no answer follows this one.</summary>
        internal virtual bool IsLast(Reply reply) { return true; }

        internal abstract void Answer(Reply reply);

        internal void Cancel() { if (cancel != null) cancel(); }
    }

    /// <summary>A call that one kind of reply answers.</summary>
    internal class Call<T> : Call where T : Reply
    {
        private readonly Action<T> handler;

        /// <summary>handler may be null: nobody waits.</summary>
        internal Call(Action<T> handler, Action cancel = null) : base(cancel) { this.handler = handler; }

        internal override void Answer(Reply reply) { if (handler != null) handler((T)reply); }
    }

    /// <summary>A login, which is answered for each step and once finally.</summary>
    internal sealed class LoginCall : Call<JsonTransportReply>
    {
        private readonly Action otherEnded;

        /// <summary>otherEnded, which may be null, runs when another login has had its last answer.</summary>
        internal LoginCall(Action<JsonTransportReply> handler, Action cancel, Action otherEnded) : base(handler, cancel)
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
            JsonObject o = ((JsonTransportReply)reply).Content;
            bool stepLogin = o.Int("login_step") == (int)NIM.NIMLoginStep.kNIMLoginStepLogin;
            return o.Int("err_code") == Errors.Ok.Code ? stepLogin : !o.Bool("retrying");
        }
    }

    /// <summary>
    /// The calls that wait. What crosses the C interface as user_data is a number that names the
    /// call, never an object: a number cannot be collected, moved or used twice.
    /// </summary>
    internal static class Calls
    {
        private const int First = 1000; // below are the registrations

        private static readonly Dictionary<int, Call> Waiting = new Dictionary<int, Call>(); // guarded by itself
        private static int last = First - 1; // guarded by Waiting

        /// <summary>Whether a user_data names a call, and not a registration.</summary>
        internal static bool Has(IntPtr userData) { return userData.ToInt32() >= First; }

        /// <summary>Enters a call and returns its user_data.</summary>
        internal static IntPtr Add(Call call)
        {
            NimLibrary.HandOut();
            lock (Waiting)
            {
                do last = last == int.MaxValue ? First : last + 1;
                while (Waiting.ContainsKey(last));
                Waiting.Add(last, call);
                return call.Id = new IntPtr(last);
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
