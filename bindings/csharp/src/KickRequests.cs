using System.Collections.Generic;
using System.Threading.Tasks;

namespace LibNim
{
    /// <summary>
    /// The requests to drop other devices that wait. Their outcomes come as events without a name,
    /// in the order of the requests.
    /// </summary>
    internal static class KickRequests
    {
        private static readonly object Gate = new object();
        // In order; null: nobody waits for that one. Guarded by Gate. Not a Queue: Mono has that in another
        // assembly than .NET has, and what mcs compiles would not load there.
        private static readonly List<TaskCompletionSource<KickOtherResult>> Waiting =
            new List<TaskCompletionSource<KickOtherResult>>();

        private static bool attached; // guarded by Gate: the slot tells Arrived

        /// <summary>Sends a request; outcome may be null.</summary>
        internal static void Send(string json, TaskCompletionSource<KickOtherResult> outcome)
        {
            lock (Gate)
            {
                if (!attached) Slots.ClientKickoutOtherClient.Add(Arrived); // before anybody's request
                attached = true;
                Waiting.Add(outcome);
                Native.nim_client_kick_other_client(Utf8.Bytes(json));
            }
        }

        private static void Arrived(JsonTransportReply reply)
        {
            KickOtherResult result = KickOtherResult.Read(reply.Content);
            TaskCompletionSource<KickOtherResult> outcome;
            lock (Gate)
            {
                if (Waiting.Count == 0) return;
                outcome = Waiting[0];
                Waiting.RemoveAt(0);
            }
            if (outcome != null) Tasks.Finish(outcome, result, result);
        }

        /// <summary>Ends what waits: no outcome comes any more.</summary>
        internal static void Clear()
        {
            TaskCompletionSource<KickOtherResult>[] left;
            lock (Gate)
            {
                left = Waiting.ToArray();
                Waiting.Clear();
            }
            foreach (TaskCompletionSource<KickOtherResult> outcome in left)
                if (outcome != null) Tasks.Cancel(outcome);
        }

        /// <summary>Clear, after the slot has dropped its handlers.</summary>
        internal static void Detach()
        {
            lock (Gate) attached = false;
            Clear();
        }
    }

    /// <summary>Ends tasks as answers tell.</summary>
    internal static class Tasks
    {
        internal static TaskCompletionSource<T> New<T>()
        {
            return new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        internal static void Finish<T>(TaskCompletionSource<T> task, ErrorInfo info, T value)
        {
            if (info.ErrCode == Errors.Ok.Code) task.TrySetResult(value);
            else task.TrySetException(NimException.Of(info));
        }

        /// <summary>The library has dropped the answer.</summary>
        internal static void Cancel<T>(TaskCompletionSource<T> task)
        {
            task.TrySetException(NimException.Of(Errors.Info(Errors.Cancelled)));
        }
    }
}
