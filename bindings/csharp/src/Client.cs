using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using NIM;

namespace LibNim
{
    /// <summary>
    /// A session as tasks and events. The library has one session per process, so there is one
    /// Client at a time. Events are raised in order, on the synchronization context of the thread
    /// that made the Client where it has one. ClientAPI.Cleanup and NimLibrary.DetachCallbacks end it
    /// too; then a new one can be made.
    /// </summary>
    public sealed partial class Client : IDisposable
    {
        private static Client current;

        private readonly EventRelay<JsonTransportReply, ConnectionEvent> connection;
        private readonly EventRelay<JsonTransportReply, KickoutEvent> kickout;
        private readonly EventRelay<JsonTransportReply, DisconnectEvent> disconnect;
        private readonly EventRelay<JsonTransportReply, LoginResult> relogin;
        private readonly EventRelay<JsonTransportReply, MultiSpotEvent> multiSpot;
        private readonly EventRelay<ClientMultiportPushConfigReply, PushConfig> pushChanged;
        private readonly EventRelay<DataSyncReply, DataSyncEvent> dataSync;
        private Func<TokenRequest, string> tokenProvider;
        private int disposed;

        /// <summary>
        /// Starts the library. Throws NimException if it does not start, InvalidOperationException
        /// while another Client lives.
        /// </summary>
        public Client(ClientOptions options)
        {
            if (options == null) throw new ArgumentNullException("options");
            if (Interlocked.CompareExchange(ref current, this, null) != null)
                throw new InvalidOperationException("another Client lives in this process; dispose it first");
            Context = options.Context ?? SynchronizationContext.Current;
            connection = Json(Slots.NimxClientConnection, ConnectionEvent.Read);
            kickout = Json(Slots.ClientKickout, KickoutEvent.Read);
            disconnect = Json(Slots.ClientDisconnect, DisconnectEvent.Read);
            relogin = Json(Slots.ClientAutoRelogin, LoginResult.Read);
            multiSpot = Json(Slots.ClientMultispotLoginNotify, MultiSpotEvent.Read);
            pushChanged = new EventRelay<ClientMultiportPushConfigReply, PushConfig>(
                this, Slots.ClientSyncMultiportPushConfig, r => PushConfig.Read(r.Object(r.Content)));
            dataSync = new EventRelay<DataSyncReply, DataSyncEvent>(this, Slots.DataSyncComplete, DataSyncEvent.Of);
            MakeMessageEvents();
            try
            {
                Start(options);
            }
            catch
            {
                current = null;
                throw;
            }
        }

        private EventRelay<JsonTransportReply, T> Json<T>(Slot<JsonTransportReply> slot, Func<JsonObject, T> read) where T : class
        {
            return new EventRelay<JsonTransportReply, T>(this, slot, r => read(r.Content));
        }

        private static void Start(ClientOptions options)
        {
            if (!NimLibrary.SetDispatchMode(options.DispatchMode))
                throw NimException.Of(Errors.Info(Errors.ConfigConflict));
            if (!NimLibrary.Init(options.DataDirectory, "", options.ToInitOptions().ToJson()))
                throw NimException.Of(NimLibrary.InitError ?? Errors.Info(Errors.Internal));
        }

        /// <summary>Every change of the connection and the session, as one stream.</summary>
        public event EventHandler<ConnectionEvent> ConnectionChanged
        {
            add { connection.Add(value); }
            remove { connection.Remove(value); }
        }

        /// <summary>This device was thrown out; no relogin follows.</summary>
        public event EventHandler<KickoutEvent> KickedOut
        {
            add { kickout.Add(value); }
            remove { kickout.Remove(value); }
        }

        /// <summary>The connection was lost; relogins follow by themselves.</summary>
        public event EventHandler<DisconnectEvent> Disconnected
        {
            add { disconnect.Add(value); }
            remove { disconnect.Remove(value); }
        }

        /// <summary>The outcome of each relogin.</summary>
        public event EventHandler<LoginResult> Relogged
        {
            add { relogin.Add(value); }
            remove { relogin.Remove(value); }
        }

        /// <summary>Other devices of the account came or went.</summary>
        public event EventHandler<MultiSpotEvent> OtherDevicesChanged
        {
            add { multiSpot.Add(value); }
            remove { multiSpot.Remove(value); }
        }

        /// <summary>Another device changed the push setting.</summary>
        public event EventHandler<PushConfig> PushConfigChanged
        {
            add { pushChanged.Add(value); }
            remove { pushChanged.Remove(value); }
        }

        /// <summary>A sync after a login is over.</summary>
        public event EventHandler<DataSyncEvent> DataSynced
        {
            add { dataSync.Add(value); }
            remove { dataSync.Remove(value); }
        }

        /// <summary>
        /// Gives the token that a login or relogin needs; null keeps the old one. It runs where the
        /// callbacks run, has ten seconds, and should answer from what it has at hand.
        /// </summary>
        public Func<TokenRequest, string> TokenProvider
        {
            get { return tokenProvider; }
            set
            {
                Alive();
                tokenProvider = value;
                TokenSource.Set(value);
            }
        }

        /// <summary>The state of the session; may be ahead of the events, never behind.</summary>
        public NimxStatus Status { get { return ClientAPI.GetStatus(); } }

        /// <summary>The account that is logged in, or "".</summary>
        public string Account { get { return ClientAPI.GetCurrentUserAccount(); } }

        internal SynchronizationContext Context { get; private set; }

        internal bool IsDisposed { get { return Volatile.Read(ref disposed) != 0; } }

        /// <summary>
        /// Logs in; progress gets each step and each failed attempt. Throws NimException, of a class
        /// that says whose matter it is. A cancellation ends the login, and the session with it if it
        /// has come to be meanwhile; the task is cancelled once that is done.
        /// </summary>
        public Task<LoginResult> LoginAsync(
            string account, string token, LoginOptions options = null, IProgress<LoginResult> progress = null,
            CancellationToken cancellation = default(CancellationToken))
        {
            Alive();
            if (cancellation.IsCancellationRequested) return Task.FromCanceled<LoginResult>(cancellation);
            return new LoginTask(progress, cancellation).Start(account, token, options);
        }

        /// <summary>LoginAsync without options.</summary>
        public Task<LoginResult> LoginAsync(string account, string token, CancellationToken cancellation)
        {
            return LoginAsync(account, token, null, null, cancellation);
        }

        /// <summary>Ends the session. Succeeds without a session and without a server too.</summary>
        public Task<LogoutResult> LogoutAsync(NIMLogoutType type = NIMLogoutType.kNIMLogoutChangeAccout)
        {
            return AskJson(LogoutResult.Read, call => Ask.nim_client_logout(type, null, call));
        }

        /// <summary>Drops other devices of the account.</summary>
        public Task<KickOtherResult> KickOtherAsync(params string[] deviceIds)
        {
            Alive();
            TaskCompletionSource<KickOtherResult> outcome = Tasks.New<KickOtherResult>();
            KickRequests.Send(new KickOtherRequest { DeviceIds = deviceIds }.ToJson(), outcome);
            return outcome.Task;
        }

        /// <summary>Replaces the token of the session, without a logout.</summary>
        public Task<RenewTokenResult> RenewTokenAsync(string token, RenewTokenOptions options = null)
        {
            string extension = options == null ? null : options.ToJson();
            return AskJson(RenewTokenResult.Read, call => Ask.nimx_client_renew_token(token, extension, call));
        }

        /// <summary>Closes the connection and keeps the session.</summary>
        public Task<Result> PauseAsync() { return AskJson(Result.Read, call => Ask.nimx_client_pause(null, call)); }

        /// <summary>Ends a pause.</summary>
        public Task<Result> ResumeAsync() { return AskJson(Result.Read, call => Ask.nimx_client_resume(null, call)); }

        /// <summary>What is known about the connection. Holds no secret.</summary>
        public Task<Diagnostics> DiagnosticsAsync()
        {
            return AskJson(Diagnostics.Read, call => Ask.nimx_client_diagnostics(null, call));
        }

        /// <summary>The server's clock: computed from the last known one, or asked for.</summary>
        public Task<DateTimeOffset> ServerTimeAsync(bool computeLocally = true)
        {
            return AskFor<ClientGetServerCurrentTimeReply, DateTimeOffset>(
                r => Epoch.AddMilliseconds(r.Time),
                call => Ask.nim_client_get_server_current_time(computeLocally, null, call));
        }

        private static readonly DateTimeOffset Epoch = new DateTimeOffset(1970, 1, 1, 0, 0, 0, TimeSpan.Zero);

        /// <summary>Whether phones get pushes while a desktop is online.</summary>
        public Task<PushConfig> GetPushConfigAsync()
        {
            return AskFor<ClientMultiportPushConfigReply, PushConfig>(
                r => PushConfig.Read(r.Object(r.Content)), call => Ask.nim_client_get_multiport_push_config(null, call));
        }

        /// <summary>Sets whether phones get pushes while a desktop is online.</summary>
        public Task<PushConfig> SetPushConfigAsync(PushConfig config)
        {
            return AskFor<ClientMultiportPushConfigReply, PushConfig>(
                r => PushConfig.Read(r.Object(r.Content)),
                call => Ask.nim_client_set_multiport_push_config(config.ToJson(), null, call));
        }

        /// <summary>Tries to log in again at once; the outcome comes as Relogged.</summary>
        public void Relogin() { ClientAPI.Relogin(); }

        /// <summary>Says that the network changed: a waiting relogin is tried at once.</summary>
        public void NetworkChanged() { Native.nimx_client_network_changed(null); }

        /// <summary>Who is logged in; null when nobody is.</summary>
        public LoginUser GetLoginUser()
        {
            LoginUser user = LoginUser.Read(JsonReader.ReadObject(Utf8.Take(Native.nimx_client_get_login_user())));
            return user.Account.Length == 0 ? null : user;
        }

        /// <summary>What this library and its current server can do.</summary>
        public Capabilities GetCapabilities()
        {
            return Capabilities.Read(JsonReader.ReadObject(Utf8.Take(Native.nimx_client_capabilities())));
        }

        /// <summary>Stops the library. Every task is finished, and no event is raised afterwards.</summary>
        public void Dispose()
        {
            if (Interlocked.Exchange(ref disposed, 1) != 0) return;
            NimLibrary.Cleanup();
        }

        /// <summary>The library has forgotten, or forgets, every registration: the Client that lives is over.</summary>
        internal static void End()
        {
            Client living = Interlocked.Exchange(ref current, null);
            if (living != null) Volatile.Write(ref living.disposed, 1);
        }

        private void Alive() { if (IsDisposed) throw new ObjectDisposedException("Client"); }

        /// <summary>Makes a call that a JSON object answers, which tells its error too.</summary>
        private Task<T> AskJson<T>(Func<JsonObject, T> read, Action<Call<JsonTransportReply>> send) where T : ErrorInfo
        {
            return AskFor((r, value) => value, r => read(r.Content), send);
        }

        /// <summary>Makes a call whose reply tells its error.</summary>
        private Task<T> AskFor<TReply, T>(Func<TReply, T> read, Action<Call<TReply>> send) where TReply : Reply
        {
            return AskFor((r, value) => r.Error(), read, send);
        }

        private Task<T> AskFor<TReply, T>(Func<TReply, T, ErrorInfo> error, Func<TReply, T> read, Action<Call<TReply>> send)
            where TReply : Reply
        {
            Alive();
            TaskCompletionSource<T> task = Tasks.New<T>();
            send(new Call<TReply>(
                r =>
                {
                    try
                    {
                        T value = read(r);
                        Tasks.Finish(task, error(r, value), value);
                    }
                    catch (Exception e)
                    {
                        task.TrySetException(e); // what the server said makes no sense
                    }
                },
                () => Tasks.Cancel(task)));
            return task.Task;
        }
    }
}
