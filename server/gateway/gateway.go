// Package gateway is an edge: it holds the clients' WebSocket connections,
// runs their requests and delivers what other edges have for them. What it
// knows of a client ends with the connection; presence and accounts are kept
// by their own packages.
//
// A connection has a reader, which hands each request to a lane and never waits
// for one, and is the only one that ends the connection; and a writer, which,
// once the greeting is out, is the only one that writes to the socket. Lanes run
// the requests. All that they and others have for a client goes through the
// connection's outbox.
//
// What a client may ask is registered: the session's own requests here, those
// of the modules by Handle.
package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server/accounts"
	"github.com/libnim/libnim/server/address"
	"github.com/libnim/libnim/server/auth"
	"github.com/libnim/libnim/server/bus"
	"github.com/libnim/libnim/server/metrics"
	"github.com/libnim/libnim/server/presence"
	"github.com/libnim/libnim/server/rarely"
	"github.com/libnim/libnim/server/turns"
	"github.com/libnim/libnim/server/uploads"
)

// closeTimeout bounds how long Close waits for sessions to go off line.
const closeTimeout = 10 * time.Second

// Config is what a gateway can be told. Zero values mean the defaults.
type Config struct {
	Version        string         // of the server, for the greeting
	Heartbeat      time.Duration  // how often a client pings; default 5 s
	ArrivalWait    time.Duration  // of an upgrade for its turn; default 4 s: a client gives up after 10
	LoginTimeout   time.Duration  // from the upgrade to a login; default 20 s: a token provider may take 10
	Origins        []string       // browser origins let in; "*": any. Native clients send none
	MessageTimeout time.Duration  // from a message's first byte to its last; default 20 s
	OutboxBytes    int            // what may wait for a slow client; default 1 MiB
	DrainSpread    time.Duration  // over which clients come back after a Close; default 3 s
	Trusted        []netip.Prefix // proxies whose X-Forwarded-For is believed
	Limits         Limits
	Uploads        *uploads.Store // nil: logs are refused
	Epoch          func() uint64  // of the store, for the greeting; nil: none
	MessageLimits  *wire.Limits   // for the greeting; nil: none
	Metrics        *metrics.Registry
	Log            *slog.Logger
}

func (c *Config) setDefaults() {
	if c.Heartbeat == 0 {
		c.Heartbeat = 5 * time.Second
	}
	if c.ArrivalWait == 0 {
		c.ArrivalWait = 4 * time.Second
	}
	if c.LoginTimeout == 0 {
		c.LoginTimeout = 20 * time.Second
	}
	if c.MessageTimeout == 0 {
		c.MessageTimeout = 20 * time.Second
	}
	if c.OutboxBytes == 0 {
		c.OutboxBytes = 1 << 20
	}
	if c.DrainSpread == 0 {
		c.DrainSpread = 3 * time.Second
	}
	if c.Metrics == nil {
		c.Metrics = &metrics.Registry{}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
}

// Gateway is one edge. It is an http.Handler for the WebSocket endpoint.
type Gateway struct {
	cfg      Config
	log      *slog.Logger
	bus      *bus.Bus
	presence *presence.Store
	apps     *accounts.Apps
	accounts *accounts.Store
	auth     *auth.Verifier
	upgrader websocket.Upgrader
	hub      hub
	stats    *stats
	incoming incoming

	operations map[wire.Op]operation // set before the first client
	features   []string              // those that modules brought

	arrivals turns.Turns // upgrades that compute
	logins   turns.Turns // logins that use the bus
	byAddr   *Limiter    // connections
	failures *Limiter    // logins that proved nothing

	ctx    context.Context // ends when the gateway closes
	cancel context.CancelFunc
	subs   []*bus.Subscription
	lease  sync.WaitGroup // the lease's goroutine

	unreadable rarely.Log // addresses that a trusted proxy named

	mu       sync.Mutex
	conns    map[*conn]struct{} // guarded by mu
	admitted int                // guarded by mu; connections, those included that are being upgraded
	places   map[string]int     // guarded by mu; the same by place
	edgeGone []func()           // guarded by mu; what to do when another edge has died
	closed   bool               // guarded by mu; no connection or task starts any more
	tasks    sync.WaitGroup     // connections and work that outlives a request
}

// New returns an edge that is on line: it holds its lease and hears the others.
func New(ctx context.Context, cfg Config, b *bus.Bus, p *presence.Store, apps *accounts.Apps, acc *accounts.Store, v *auth.Verifier) (*Gateway, error) {
	cfg.setDefaults()
	g := &Gateway{
		cfg: cfg, log: cfg.Log, bus: b, presence: p, apps: apps, accounts: acc, auth: v,
		conns: map[*conn]struct{}{}, places: map[string]int{}, operations: maps.Clone(sessionOperations),
	}
	g.incoming.limit = cfg.Limits.IncomingBytes
	g.hub.init()
	g.stats = newStats(cfg.Metrics, g)
	g.arrivals = turns.New(runtime.GOMAXPROCS(0))
	g.logins = turns.New(loginsPerProcessor * runtime.GOMAXPROCS(0))
	g.byAddr = NewLimiter(cfg.Limits.AddressRate, cfg.Limits.AddressBurst)
	g.failures = NewLimiter(cfg.Limits.FailureRate, cfg.Limits.FailureBurst)
	g.upgrader = websocket.Upgrader{
		HandshakeTimeout: 10 * time.Second,
		ReadBufferSize:   4096,
		WriteBufferSize:  4096,
		WriteBufferPool:  &sync.Pool{},
		Subprotocols:     []string{wire.Subprotocol},
		CheckOrigin:      g.originAllowed,
		Error: func(w http.ResponseWriter, _ *http.Request, status int, reason error) {
			writeUpgradeError(w, status, nimerr.InvalidArgument.New(reason.Error()))
		},
	}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	apps.Follow(g.appGone)
	if err := g.start(ctx); err != nil {
		g.cancel()
		return nil, err
	}
	return g, nil
}

func (g *Gateway) start(ctx context.Context) error {
	lease := g.presence.Lease
	for _, subject := range []string{bus.EdgeSubject(lease.Edge), bus.AllEdges} {
		sub, err := g.bus.Subscribe(subject, g.hear)
		if err != nil {
			return fmt.Errorf("subscribe: %w", err)
		}
		g.subs = append(g.subs, sub)
	}
	// The subscriptions must be in force before an entry names this edge.
	if err := g.bus.Flush(ctx); err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	if err := lease.Acquire(ctx); err != nil {
		return fmt.Errorf("edge lease: %w", err)
	}
	if err := g.presence.Edges.Run(g.ctx, g.sweep); err != nil {
		return fmt.Errorf("edge leases: %w", err)
	}
	g.lease.Go(func() { lease.Run(g.ctx, g.fence) })
	return nil
}

// Ready returns an error while this edge cannot take logins.
func (g *Gateway) Ready() error {
	g.mu.Lock()
	closed := g.closed
	g.mu.Unlock()
	switch {
	case closed:
		return errors.New("the edge is going away")
	case !g.bus.Healthy():
		return errors.New("the message bus is not connected")
	case g.presence.Lease.Epoch() == 0:
		return errors.New("the edge lease is not held")
	}
	return nil
}

// Close ends every connection with going_away and waits until their entries
// are out of the presence records, then gives the lease up.
func (g *Gateway) Close() {
	g.mu.Lock()
	g.closed = true
	for c := range g.conns {
		c.goAway(g.shutdownNotice(), true)
	}
	g.mu.Unlock()
	done := make(chan struct{})
	go func() { g.tasks.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(closeTimeout): // the bus is gone: the lease will end the entries
		g.log.Warn("gateway: some sessions could not be taken off line")
	}
	g.cancel()
	<-done
	g.lease.Wait()
	for _, s := range g.subs {
		s.End()
	}
}

// ServeHTTP upgrades a request to the gateway protocol and serves it until the
// connection ends.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !websocket.IsWebSocketUpgrade(r) {
		w.Header().Set("Upgrade", "websocket")
		w.Header().Set("Connection", "Upgrade")
		writeUpgradeError(w, http.StatusUpgradeRequired, nimerr.InvalidArgument.New("this is a WebSocket endpoint"))
		return
	}
	if !offers(r, wire.Subprotocol) {
		writeUpgradeError(w, http.StatusBadRequest, nimerr.VersionRefused.New("the subprotocol of this server is "+wire.Subprotocol))
		return
	}
	remote := g.clientAddress(r)
	leave, err := g.admitConn(remote)
	if err != nil {
		g.stats.refused.Inc(err.Kind.Name)
		writeUpgradeError(w, http.StatusServiceUnavailable, err)
		return
	}
	defer leave()
	end, ok := g.arrivals.Take(r.Context(), g.cfg.ArrivalWait)
	if !ok {
		g.stats.refused.Inc(nimerr.ServerBusy.Name)
		writeUpgradeError(w, http.StatusServiceUnavailable, g.tooMany("too many clients arrive"))
		return
	}
	ws, failed := g.upgrade(w, r, end)
	if failed != nil {
		return // the upgrader has answered
	}
	c := newConn(g, ws, remote)
	if !g.adopt(c) {
		c.goAway(g.shutdownNotice(), true)
		c.serve() // it only says that
		return
	}
	defer g.tasks.Done()
	c.serve()
	g.mu.Lock()
	delete(g.conns, c)
	g.mu.Unlock()
}

// upgrade makes a WebSocket of a request and ends its turn. The answer is held
// back until the greeting is: whoever does not read it keeps no turn.
func (g *Gateway) upgrade(w http.ResponseWriter, r *http.Request, end func()) (*websocket.Conn, error) {
	defer end()
	return g.upgrader.Upgrade(greeting{w}, r, nil)
}

// adopt takes a connection in, unless the gateway is closing.
func (g *Gateway) adopt(c *conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.conns[c] = struct{}{}
	g.tasks.Add(1)
	return true
}

// hello is the greeting of a connection.
func (g *Gateway) hello(conn string) wire.Hello {
	h := wire.Hello{
		Server: "nimd/" + g.cfg.Version, HeartbeatMS: g.cfg.Heartbeat.Milliseconds(),
		ServerTimeMS: time.Now().UnixMilli(), Conn: conn, Features: g.features, Limits: g.cfg.MessageLimits,
	}
	if g.cfg.Epoch != nil {
		h.Epoch = g.cfg.Epoch()
	}
	return h
}

// goTask runs f in the background, where Close waits for it. After Close it
// runs at once in the caller, which Close then waits for.
func (g *Gateway) goTask(f func()) {
	g.mu.Lock()
	if g.closed {
		g.mu.Unlock()
		f()
		return
	}
	g.tasks.Add(1)
	g.mu.Unlock()
	go func() {
		defer g.tasks.Done()
		f()
	}()
}

// clientAddress is where a request comes from. A proxy that names clients in
// another way makes all of its clients one: somebody has to hear of it.
func (g *Gateway) clientAddress(r *http.Request) string {
	remote, unreadable := address.Of(r, g.cfg.Trusted)
	if unreadable != "" {
		g.unreadable.Warn(g.log, "gateway: X-Forwarded-For of a trusted proxy names no address; its clients count as one",
			"proxy", r.RemoteAddr, "hop", nimerr.Clip(unreadable, 64))
	}
	return remote
}

// admitConn counts a connection from that address until leave is called, or
// returns why none may be made now.
func (g *Gateway) admitConn(remote string) (leave func(), refused *nimerr.Error) {
	place := address.Place(remote)
	g.mu.Lock()
	defer g.mu.Unlock()
	l := g.cfg.Limits
	switch {
	case l.Connections > 0 && g.admitted >= l.Connections:
		e := nimerr.ServerBusy.New("this edge is full")
		e.RetryAfter = time.Duration(g.retrySpread()) * time.Millisecond
		return nil, e
	case place != "" && l.Address > 0 && g.places[place] >= l.Address:
		e := nimerr.RateLimited.New("too many connections from this address are open")
		e.RetryAfter = maxTurn/2 + rand.N(maxTurn/2)
		return nil, e
	case place != "" && g.byAddr.Allow(place, time.Now()) > 0:
		e := nimerr.RateLimited.New("too many connections from this address")
		e.RetryAfter = max(g.byAddr.turn(place, time.Now()), time.Second)
		return nil, e
	}
	g.admitted++
	g.places[place]++
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.admitted--
		if g.places[place]--; g.places[place] == 0 {
			delete(g.places, place)
		}
	}, nil
}

// fence closes every session: their entries can no longer be relied on.
func (g *Gateway) fence() {
	g.stats.fences.Inc("")
	g.hub.each(func(s *session) { s.conn.finish(wire.CloseFenced, "edge fenced") })
}

func (g *Gateway) originAllowed(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	for _, o := range g.cfg.Origins {
		if o == "*" || strings.EqualFold(o, origin) {
			return true
		}
	}
	return false
}

func offers(r *http.Request, subprotocol string) bool {
	for _, p := range websocket.Subprotocols(r) {
		if p == subprotocol {
			return true
		}
	}
	return false
}
