using System;
using System.Threading;
using System.Threading.Tasks;
using NIM;

namespace LibNim
{
    /// <summary>
    /// One LoginAsync: its steps, its end, and its cancellation, which is a logout. The task ends when
    /// the login has: the next login can follow at once.
    /// </summary>
    internal sealed class LoginTask
    {
        private readonly TaskCompletionSource<LoginResult> task = Tasks.New<LoginResult>();
        private readonly IProgress<LoginResult> progress;
        private readonly CancellationToken cancellation;
        private readonly LoginCall call;
        private readonly object gate = new object();
        private CancellationTokenRegistration registration; // guarded by gate
        private bool over;                                  // guarded by gate: the final answer has come
        private bool givenUp;                               // guarded by gate: before that, the caller has cancelled
        private bool undone;                                // guarded by gate: a logout was sent, whose answer ends the task

        internal LoginTask(IProgress<LoginResult> progress, CancellationToken cancellation)
        {
            this.progress = progress;
            this.cancellation = cancellation;
            call = new LoginCall(Answered, Dropped, UndoIfRunning);
        }

        internal Task<LoginResult> Start(string account, string token, LoginOptions options)
        {
            Ask.nim_client_login(null, account, token, options == null ? null : options.ToJson(), call);
            if (!cancellation.CanBeCanceled) return task.Task;
            CancellationTokenRegistration made = cancellation.Register(GiveUp);
            lock (gate)
            {
                registration = made;
                if (!over) return task.Task;
            }
            made.Dispose();
            return task.Task;
        }

        private void Answered(JsonTransportReply reply)
        {
            LoginResult result = LoginResult.Read(reply.Content);
            bool final = call.IsLast(reply);
            if (final) End();
            if (GivenUp())
            {
                bool stands = result.ErrCode == Errors.Ok.Code && !result.RepeatLogin;
                if (stands || !final) Undo();
                else Cancel(false);
                return;
            }
            if (progress != null) Tell(result);
            if (final) Tasks.Finish(task, result, result);
        }

        private void Tell(LoginResult result)
        {
            try
            {
                progress.Report(result);
            }
            catch (Exception e)
            {
                NimLibrary.Report(e);
            }
        }

        private void Dropped()
        {
            End();
            if (GivenUp()) Cancel(false);
            else Tasks.Cancel(task);
        }

        /// <summary>Waits for a GiveUp on another thread, so that what follows knows of it.</summary>
        private void End()
        {
            CancellationTokenRegistration made;
            lock (gate)
            {
                over = true;
                made = registration;
            }
            made.Dispose();
        }

        private bool GivenUp() { lock (gate) return givenUp; }

        private void GiveUp()
        {
            lock (gate)
            {
                if (over) return;
                givenUp = true;
            }
            UndoIfRunning();
        }

        /// <summary>
        /// A logout ends whatever login runs. Where another one waits too, or a session stands, only an
        /// answer tells whether it is this one.
        /// </summary>
        private void UndoIfRunning()
        {
            lock (gate)
                if (!givenUp || over) return;
            if (Calls.IsOnlyLogin(call) && ClientAPI.GetStatus() == NimxStatus.LoggingIn) Undo();
        }

        /// <summary>Ends, once, what a login has begun that nobody waits for any more.</summary>
        private void Undo()
        {
            lock (gate)
            {
                if (undone) return;
                undone = true;
            }
            Ask.nim_client_logout(
                NIMLogoutType.kNIMLogoutChangeAccout, null, new Call<JsonTransportReply>(r => Cancel(true), () => Cancel(true)));
        }

        /// <summary>Ends the task, unless a logout is under way that has not been answered.</summary>
        private void Cancel(bool loggedOut)
        {
            lock (gate)
                if (undone && !loggedOut) return;
            task.TrySetCanceled(cancellation);
        }
    }
}
