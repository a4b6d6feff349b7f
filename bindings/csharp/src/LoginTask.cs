using System;
using System.Threading;
using System.Threading.Tasks;
using NIM;

namespace LibNim
{
    /// <summary>One LoginAsync: its steps, its end, and its cancellation, which is a logout.</summary>
    internal sealed class LoginTask
    {
        private static int running; // logins that have no final answer yet

        private readonly TaskCompletionSource<LoginResult> task = Tasks.New<LoginResult>();
        private readonly IProgress<LoginResult> progress;
        private readonly CancellationToken cancellation;
        private CancellationTokenRegistration registration;
        private int cancelled; // 1: the caller has given up, and no logout was sent yet
        private int over;      // 1: the final answer has come

        internal LoginTask(IProgress<LoginResult> progress, CancellationToken cancellation)
        {
            this.progress = progress;
            this.cancellation = cancellation;
        }

        internal Task<LoginResult> Start(string account, string token, LoginOptions options)
        {
            byte[] name = Utf8.Bytes(account), secret = Utf8.Bytes(token);
            byte[] extension = options == null ? null : Utf8.Bytes(options.ToJson());
            Interlocked.Increment(ref running);
            IntPtr id = Calls.Add(new LoginCall(Answered, Dropped));
            Native.nim_client_login(null, name, secret, extension, Trampolines.Json, id);
            if (cancellation.CanBeCanceled)
            {
                registration = cancellation.Register(GiveUp);
                if (Volatile.Read(ref over) == 1) registration.Dispose();
            }
            return task.Task;
        }

        private void Answered(Reply reply)
        {
            LoginResult result = LoginResult.Read(reply.Object);
            bool success = result.ErrCode == Errors.Ok.Code;
            bool final = success ? result.LoginStep == NIMLoginStep.kNIMLoginStepLogin : !result.Retrying;
            if (final) End();
            if (Volatile.Read(ref cancelled) == 1 && !result.RepeatLogin && (success || !final)) Undo();
            if (progress != null && !cancellation.IsCancellationRequested) Tell(result);
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
            Tasks.Cancel(task);
        }

        private void End()
        {
            if (Interlocked.Exchange(ref over, 1) == 1) return;
            Interlocked.Decrement(ref running);
            registration.Dispose();
        }

        private void GiveUp()
        {
            if (Volatile.Read(ref over) == 1) return;
            Volatile.Write(ref cancelled, 1);
            task.TrySetCanceled(cancellation);
            bool alone = Volatile.Read(ref running) == 1;
            if (alone && ClientAPI.GetStatus() == NimxStatus.LoggingIn) Undo();
        }

        /// <summary>Ends, once, what a login has begun that nobody waits for any more.</summary>
        private void Undo()
        {
            if (Interlocked.Exchange(ref cancelled, 0) == 1) ClientAPI.Logout(NIMLogoutType.kNIMLogoutChangeAccout);
        }
    }
}
