using System;
using System.Threading;

namespace LibNim
{
    /// <summary>A registration that the library knows, with the handlers behind it.</summary>
    internal abstract class Slot
    {
        internal abstract void Deliver(Reply reply);

        /// <summary>Drops the handlers; the library has dropped the registration.</summary>
        internal abstract void End();
    }

    /// <summary>
    /// A registration of one kind of event. It has one handler that is set, as the NIM API does, and
    /// any number that are added. It is made in the library when the first handler comes, and stays
    /// there until cleanup or detach.
    /// </summary>
    internal sealed class Slot<T> : Slot where T : class
    {
        private const int WaitLimitMs = 2000;

        private readonly object gate = new object();
        private readonly object registering = new object(); // held until the library has the registration
        private readonly Func<Reply, T> read;
        private readonly Action register;
        private Action<T> one;   // guarded by gate
        private Action<T> many;  // guarded by gate
        private bool registered; // guarded by gate
        private int running;     // guarded by gate

        internal Slot(Func<Reply, T> read, Action register)
        {
            this.read = read;
            this.register = register;
        }

        /// <summary>Sets the one handler. Once null is set, the old one never starts again.</summary>
        internal void Set(Action<T> handler)
        {
            lock (gate)
            {
                one = handler;
                if (handler == null) WaitQuiet();
            }
            if (handler != null) Register();
        }

        internal void Add(Action<T> handler)
        {
            lock (gate) many += handler;
            Register();
        }

        private void Register()
        {
            lock (registering)
            {
                lock (gate)
                {
                    if (registered) return;
                    registered = true;
                }
                NimLibrary.HandOut();
                register();
            }
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
                T value = read(reply);
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

        /// <summary>The library does not know the registration any more; the next handler makes it anew.</summary>
        internal void Unregistered() { lock (gate) registered = false; }
    }

    /// <summary>The end of one sync after a login.</summary>
    public sealed class DataSyncEvent
    {
        /// <summary>What was synced.</summary>
        public NIM.NIMDataSyncType Type { get; internal set; }

        /// <summary>Always complete.</summary>
        public NIM.NIMDataSyncStatus Status { get; internal set; }
    }

    /// <summary>A line of the library's log. It holds no secret.</summary>
    public sealed class LogLine
    {
        /// <summary>How grave it is.</summary>
        public NIM.NIMSDKLogLevel Level { get; internal set; }

        /// <summary>The line.</summary>
        public string Text { get; internal set; }
    }

    /// <summary>Something is odd in the environment.</summary>
    public sealed class EnvironmentWarning
    {
        /// <summary>What it is.</summary>
        public NIM.NIMSDKException Kind { get; internal set; }

        /// <summary>Details, a JSON object.</summary>
        public string Text { get; internal set; }
    }

    /// <summary>All registrations. The number of one is its user_data.</summary>
    internal static class Slots
    {
        internal static readonly Slot<LoginResult> Relogin = new Slot<LoginResult>(
            r => LoginResult.Read(r.Object), () => Native.nim_client_reg_auto_relogin_cb(null, Trampolines.Event, new IntPtr(1)));

        internal static readonly Slot<KickoutEvent> Kickout = new Slot<KickoutEvent>(
            r => KickoutEvent.Read(r.Object), () => Native.nim_client_reg_kickout_cb(null, Trampolines.Event, new IntPtr(2)));

        internal static readonly Slot<DisconnectEvent> Disconnect = new Slot<DisconnectEvent>(
            r => DisconnectEvent.Read(r.Object), () => Native.nim_client_reg_disconnect_cb(null, Trampolines.Event, new IntPtr(3)));

        internal static readonly Slot<MultiSpotEvent> MultiSpot = new Slot<MultiSpotEvent>(
            r => MultiSpotEvent.Read(r.Object),
            () => Native.nim_client_reg_multispot_login_notify_cb(null, Trampolines.Event, new IntPtr(4)));

        internal static readonly Slot<KickOtherResult> KickOther = new Slot<KickOtherResult>(
            r => KickOtherResult.Read(r.Object),
            () => Native.nim_client_reg_kickout_other_client_cb(null, Trampolines.Event, new IntPtr(5)));

        internal static readonly Slot<ConnectionEvent> Connection = new Slot<ConnectionEvent>(
            r => ConnectionEvent.Read(r.Object),
            () => Native.nimx_client_reg_connection_cb(null, Trampolines.Event, new IntPtr(6), IntPtr.Zero));

        internal static readonly Slot<PushConfig> PushChanged = new Slot<PushConfig>(
            r => PushConfig.Read(JsonReader.ReadObject(r.Text)),
            () => Native.nim_client_reg_sync_multiport_push_config_cb(null, Trampolines.PushChanged, new IntPtr(7)));

        internal static readonly Slot<DataSyncEvent> DataSync = new Slot<DataSyncEvent>(
            r => new DataSyncEvent { Type = (NIM.NIMDataSyncType)r.Kind, Status = (NIM.NIMDataSyncStatus)r.Code },
            () => Native.nim_data_sync_reg_complete_cb(Trampolines.Sync, new IntPtr(8)));

        internal static readonly Slot<LogLine> Log = new Slot<LogLine>(
            r => new LogLine { Level = (NIM.NIMSDKLogLevel)r.Kind, Text = r.Text },
            () => Native.nim_global_reg_sdk_log_cb(null, Trampolines.Log, new IntPtr(9)));

        internal static readonly Slot<EnvironmentWarning> Warning = new Slot<EnvironmentWarning>(
            r => new EnvironmentWarning { Kind = (NIM.NIMSDKException)r.Kind, Text = r.Text },
            () => Native.nim_global_reg_exception_report_cb(null, Trampolines.Warning, new IntPtr(10)));

        private static readonly Slot[] All =
        {
            Relogin, Kickout, Disconnect, MultiSpot, KickOther, Connection, PushChanged, DataSync, Log, Warning,
        };

        internal static void Deliver(int number, Reply reply)
        {
            if (number >= 1 && number <= All.Length) All[number - 1].Deliver(reply);
        }

        /// <summary>Stops the log lines, which would be made for nobody.</summary>
        internal static void StopLog()
        {
            Native.nim_global_reg_sdk_log_cb(null, IntPtr.Zero, IntPtr.Zero);
            Log.Unregistered();
        }

        /// <summary>Drops every handler: the library has ended its registrations.</summary>
        internal static void End() { foreach (Slot slot in All) slot.End(); }
    }
}
