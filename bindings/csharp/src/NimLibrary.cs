#define TRACE // Report must reach the program also where a compiler is not told so
using System;
using System.Diagnostics;
using System.Threading;
using System.Threading.Tasks;
using NIM;

namespace LibNim
{
    /// <summary>
    /// The library in this process: who runs the callbacks, what it can do, and how to let go of it.
    /// </summary>
    public static class NimLibrary
    {
        private const int ExitLimitMs = 100;
        private const int PumpSliceMs = 20;
        private const int WaitSliceMs = 100;

        private static int pumpThread; // id of the thread that dispatches; 0: none yet
        private static bool modeSet;   // Mode is the library's: this domain has set it, or asked
        private static volatile bool handedOut; // C has an address or a number of this domain

        private static volatile bool initialized;

        static NimLibrary()
        {
            AppDomain domain = AppDomain.CurrentDomain;
            domain.ProcessExit += (sender, e) => LetGo();
            domain.DomainUnload += (sender, e) => LeaveDomain();
        }

        /// <summary>
        /// A handler of the program threw. The exception stays here: it must not enter C. Without a
        /// subscriber it goes to System.Diagnostics.Trace. A subscriber must not throw.
        /// </summary>
        public static event Action<Exception> HandlerFailed;

        /// <summary>Whether this domain has initialised the library, and not ended it.</summary>
        internal static bool Initialized { get { return initialized; } }

        /// <summary>Who runs the callbacks.</summary>
        public static NimxDispatchMode Mode { get; private set; }

        /// <summary>Version of the library.</summary>
        public static string Version { get { return Utf8.Text(Native.nim_client_version()); } }

        /// <summary>Level of the C interface; it grows with every addition.</summary>
        public static int AbiLevel { get { return Native.nimx_abi_level(); } }

        /// <summary>Why the last init failed; null if it did not.</summary>
        public static ErrorInfo InitError
        {
            get
            {
                string json = Utf8.Text(Native.nimx_init_error());
                return json.Length == 0 ? null : (ErrorInfo)Result.Read(JsonReader.ReadObject(json));
            }
        }

        /// <summary>Callbacks that wait to run.</summary>
        public static int Pending { get { return Native.nimx_global_pending(); } }

        /// <summary>Whether this thread is inside a callback.</summary>
        public static bool InCallback { get { return Running.Here; } }

        /// <summary>Whether this build can do something: names in docs/API.md, nimx_build_has.</summary>
        public static bool BuildHas(string name) { return Native.nimx_build_has(Utf8.Bytes(name)) != 0; }

        /// <summary>
        /// Chooses who runs the callbacks, before init. False if the library is initialised and works
        /// the other way.
        /// </summary>
        public static bool SetDispatchMode(NimxDispatchMode mode)
        {
            if (Native.nimx_global_set_dispatch_mode((int)mode) != 0) Mode = mode;
            else if (!modeSet) Mode = IsPull() ? NimxDispatchMode.Pull : NimxDispatchMode.Push;
            modeSet = true;
            return Mode == mode;
        }

        /// <summary>
        /// Linux, before init: the size of the signal stack that the library gives each thread which
        /// enters it (1024 KiB unless set); 0 leaves the threads alone.
        /// </summary>
        public static void SetSignalStack(int kib) { Native.nimx_global_set_signal_stack(kib); }

        /// <summary>
        /// Asks a library that was initialised before this domain set a mode. Only pull mode lets a host
        /// dispatch.
        /// </summary>
        private static bool IsPull() { return Native.nimx_global_dispatch(1, 0) != (int)NimxDispatchResult.Busy; }

        /// <summary>
        /// Runs pending callbacks on this thread, in pull mode; 0 events: all that are pending now. It
        /// waits up to timeoutMs for the first, -1 without a limit. Returns how many ran, or an enum
        /// NimxDispatchResult.
        /// </summary>
        public static int Dispatch(int maxEvents = 0, int timeoutMs = 0)
        {
            int here = Thread.CurrentThread.ManagedThreadId;
            if (pumpThread == 0) pumpThread = here;
            int begin = Environment.TickCount;
            while (true)
            {
                // A thread that waits in C without an end would keep the process from exiting.
                int left = timeoutMs < 0 ? WaitSliceMs : Math.Max(timeoutMs - (Environment.TickCount - begin), 0);
                int n = Native.nimx_global_dispatch(maxEvents, Math.Min(left, WaitSliceMs));
                if (n >= 0) pumpThread = here;
                if (n != 0 || left == 0) return n;
                if (Running.Closed) return (int)NimxDispatchResult.Closed;
            }
        }

        /// <summary>
        /// Waits for a task of this library. In pull mode it runs callbacks meanwhile, so that a game's
        /// main thread can wait. False after the time; -1 waits without a limit. A task that has failed
        /// throws. Not inside a callback: it would wait for what comes after itself.
        /// </summary>
        public static bool Wait(Task task, int timeoutMs)
        {
            bool pumped = PumpsHere;
            if (pumped && PumpUntil(() => task.IsCompleted, timeoutMs, out pumped)) return task.Wait(0);
            return !pumped && task.Wait(timeoutMs);
        }

        /// <summary>Whether a wait on this thread must dispatch, since nobody else does.</summary>
        internal static bool PumpsHere
        {
            get
            {
                return Mode == NimxDispatchMode.Pull && !Running.Here &&
                    (pumpThread == 0 || pumpThread == Thread.CurrentThread.ManagedThreadId);
            }
        }

        /// <summary>Runs callbacks until done; false after the time. Not pumped: another thread dispatches.</summary>
        internal static bool PumpUntil(Func<bool> done, int timeoutMs, out bool pumped)
        {
            pumped = true;
            int begin = Environment.TickCount;
            while (!done())
            {
                int left = timeoutMs < 0 ? PumpSliceMs : timeoutMs - (Environment.TickCount - begin);
                if (left <= 0) return false;
                int n = Dispatch(0, Math.Min(left, PumpSliceMs));
                pumped = n != (int)NimxDispatchResult.Busy;
                if (n < 0) return done();
            }
            return true;
        }

        /// <summary>
        /// Makes the library forget every callback of this program, without waiting, and keeps the
        /// session. Handlers must be registered again. For hosts that unload this code.
        /// </summary>
        public static void DetachCallbacks()
        {
            Client.End();
            if (!handedOut) return; // an editor need not load the library to forget nothing
            handedOut = false;
            Native.nimx_global_detach_callbacks();
            Forget(Calls.Snapshot());
        }

        /// <summary>Something of this domain is about to be given to C, which must forget it in time.</summary>
        internal static void HandOut() { handedOut = true; }

        /// <summary>Init, with what C takes. False: InitError says why.</summary>
        internal static bool Init(string dataDir, string installDir, string json)
        {
            if (!initialized) KickRequests.Clear(); // those of before have no outcome
            bool began = Native.nim_client_init(Utf8.Bytes(dataDir), Utf8.Bytes(installDir), Utf8.Bytes(json)) != 0;
            if (began) initialized = true;
            return began;
        }

        /// <summary>Cleanup: every call is answered and no callback starts once this returns.</summary>
        internal static void Cleanup()
        {
            int[] waiting = Calls.Snapshot();
            initialized = false;
            Native.nim_client_cleanup(null);
            Forget(waiting);
        }

        /// <summary>Drops what belongs to registrations and calls that the library does not know any more.</summary>
        private static void Forget(int[] waiting)
        {
            Client.End();
            ClientAPI.Forget();
            TalkAPI.Forget();
            NIM.Session.SessionAPI.Forget();
            Slots.End();
            TokenSource.Forget();
            KickRequests.Detach();
            Sends.Detach();
            Calls.Cancel(waiting);
        }

        internal static void Report(Exception e)
        {
            Action<Exception> tell = HandlerFailed;
            try
            {
                if (tell != null) tell(e);
                else Trace.TraceError("libnim: a handler failed: " + e);
            }
            catch (Exception)
            {
                // Whoever is told of exceptions has thrown one; there is nobody left to tell.
            }
        }

        /// <summary>The code behind the callbacks goes away: none may start any more.</summary>
        private static void LetGo()
        {
            if (!handedOut) return;
            try
            {
                Native.nimx_global_detach_callbacks();
            }
            catch (TypeLoadException)
            {
                return; // not found, or another one of that name: nothing can be called
            }
            catch (BadImageFormatException)
            {
                return; // one for another processor
            }
            Running.Close(ExitLimitMs);
        }

        /// <summary>
        /// LetGo, and time for a callback that C has begun and that has not come as far as Running: the
        /// runtime would abort its thread in the middle. Pull mode has no such thread.
        /// </summary>
        private static void LeaveDomain()
        {
            LetGo();
            if (handedOut && Mode == NimxDispatchMode.Push && !Running.Here) Thread.Sleep(ExitLimitMs);
        }
    }
}
