// Package deliver tells the devices of accounts, on whatever edge they are, what
// was committed. It is fast and may lose: a message crosses the bus at most once.
// What makes it complete is that every loss is seen within seconds: each edge
// numbers what it sends to each other edge and repeats the last number every
// second, so that who is behind, or hears nothing, makes its clients ask the
// store.
package deliver

import (
	"context"
	"crypto/rand"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server/bus"
	"github.com/libnim/libnim/server/gateway"
	"github.com/libnim/libnim/server/metrics"
	"github.com/libnim/libnim/server/presence"
	"github.com/libnim/libnim/server/talk"
)

// DefaultBeat is how often an edge tells the others how far it is.
const DefaultBeat = time.Second

// presenceLimit bounds the question who is on line. Without an answer all edges
// make their clients ask.
const presenceLimit = 2 * time.Second

// Config says what a Deliver is on.
type Config struct {
	Bus      *bus.Bus
	Gateway  *gateway.Gateway
	Presence *presence.Store
	Beat     time.Duration // 0: DefaultBeat
	Metrics  *metrics.Registry
	Log      *slog.Logger

	// Lose is asked before a message or a beat is published, by tests: true loses it.
	Lose func() bool
}

// Deliver is the publisher of one edge.
type Deliver struct {
	cfg  Config
	log  *slog.Logger
	edge string // of this edge
	run  string // of this start: numbers hold for it

	sub    *bus.Subscription
	cancel context.CancelFunc
	beats  sync.WaitGroup

	lines   lines   // to other edges
	sources sources // other edges

	pushes  *metrics.Counter
	resyncs *metrics.Counter
}

// New returns a publisher that hears the other edges.
func New(ctx context.Context, cfg Config) (*Deliver, error) {
	if cfg.Beat == 0 {
		cfg.Beat = DefaultBeat
	}
	if cfg.Metrics == nil {
		cfg.Metrics = &metrics.Registry{}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	d := &Deliver{
		cfg: cfg, log: cfg.Log, edge: cfg.Presence.Lease.Edge, run: strings.ToLower(rand.Text()[:16]),
		pushes:  cfg.Metrics.Counter("nimd_pushes_total", "Pushes of messages and marks, by where they went: here, or to another edge.", "to"),
		resyncs: cfg.Metrics.Counter("nimd_resyncs_total", "Times all clients of this edge were made to ask the store, by cause: behind, silent, gone.", "cause"),
	}
	var background context.Context
	background, d.cancel = context.WithCancel(context.Background())
	if cfg.Bus.Alone() {
		return d, nil
	}
	var err error
	if d.sub, err = cfg.Bus.Subscribe(bus.EntrySubject(d.edge), d.hear); err != nil {
		return nil, err
	}
	if err := cfg.Bus.Flush(ctx); err != nil {
		d.sub.End()
		return nil, err
	}
	cfg.Gateway.OnEdgeGone(func() { d.resync("gone") })
	d.beats.Go(func() { d.beat(background) })
	return d, nil
}

// Close stops hearing and beating.
func (d *Deliver) Close() {
	d.cancel()
	d.beats.Wait()
	if d.sub != nil {
		d.sub.End()
	}
}

// Publish hands pushes to all devices that they are for. It asks the leader who
// is on line now: after the commit, so that a login which did not see the commit
// is found.
func (d *Deliver) Publish(ctx context.Context, app string, pushes []talk.Push) {
	ctx, cancel := context.WithTimeout(ctx, presenceLimit)
	defer cancel()
	where := map[string][]string{} // edges of an account
	for _, p := range pushes {
		frame, err := wire.Encode(wire.Frame{Op: p.Op}, p.Body)
		if err != nil {
			d.log.Error("deliver: frame not encoded", "op", p.Op, "err", err)
			continue
		}
		m := message{App: app, Account: p.Account, Device: p.Device, Except: p.Except, Droppable: p.Droppable, frame: frame}
		d.pushes.Inc("here")
		d.here(m) // a session is in the hub before it is in its record
		if d.cfg.Bus.Alone() {
			continue
		}
		edges, asked := where[p.Account]
		if !asked {
			if edges, err = d.cfg.Presence.Holding(ctx, app, p.Account); err != nil {
				d.log.Warn("deliver: it is not known who is on line", "err", err)
				edges = d.skip()
			}
			where[p.Account] = edges
		}
		for _, edge := range edges {
			if edge != d.edge {
				d.pushes.Inc("edge")
				d.to(edge, m)
			}
		}
	}
}

// here hands a message to the sessions of this edge.
func (d *Deliver) here(m message) {
	d.cfg.Gateway.Deliver(m.App, m.Account, func(device string) bool {
		return (m.Device == "" || m.Device == device) && (m.Except == "" || m.Except != device)
	}, m.frame, m.Droppable)
}

// skip leaves a number out for every edge: each sees that it lacks something.
func (d *Deliver) skip() []string {
	for _, edge := range d.cfg.Presence.Edges.Live() {
		d.lines.next(edge, func(uint64) {})
	}
	return nil
}

// to sends a message to another edge.
func (d *Deliver) to(edge string, m message) {
	d.lines.next(edge, func(n uint64) {
		m.From, m.Run, m.N = d.edge, d.run, n
		d.publish(edge, m)
	})
}

func (d *Deliver) publish(edge string, m message) {
	if d.cfg.Lose != nil && d.cfg.Lose() {
		return
	}
	data, err := m.encode()
	if err == nil {
		err = d.cfg.Bus.Publish(bus.EntrySubject(edge), data)
	}
	if err != nil { // its number is used up, so the edge will see that it lacks it
		d.log.Warn("deliver: not sent to an edge", "edge", edge, "err", err)
	}
}

// resync makes the clients of this edge ask the store.
func (d *Deliver) resync(cause string) {
	d.resyncs.Inc(cause)
	d.log.Info("deliver: clients are made to ask for what they may lack", "cause", cause)
	d.cfg.Gateway.Resync()
}
