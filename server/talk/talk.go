// Package talk keeps conversations: it appends messages, tells an account what
// changed (heads), hands out entries (pull) and keeps read marks and unread
// counts. It is on the store and knows neither connections nor the bus; what a
// commit has to be told to whom goes through Publisher.
package talk

import (
	"context"
	"log/slog"
	"time"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server/gateway"
	"github.com/libnim/libnim/server/metrics"
	"github.com/libnim/libnim/server/store"
)

// Limits are what clients are held to. 0: the default; a negative rate: no limit.
type Limits struct {
	SendRate, SendBurst float64 // messages of one account per second; default 20, 60
	ConversationRate    float64 // messages of one conversation per second; default 200
	TextChars, MsgBytes int     // default 5,000 and 64 KiB
	Recall              time.Duration
}

func (l *Limits) setDefaults() {
	for _, f := range []struct {
		v       *float64
		standby float64
	}{{&l.SendRate, 20}, {&l.SendBurst, 3 * max(l.SendRate, 20)}, {&l.ConversationRate, 200}} {
		if *f.v == 0 {
			*f.v = f.standby
		}
	}
	if l.TextChars == 0 {
		l.TextChars = 5000
	}
	if l.MsgBytes == 0 {
		l.MsgBytes = 64 << 10
	}
	if l.Recall == 0 {
		l.Recall = 2 * time.Minute
	}
}

// Bounds that are not set.
const (
	maxBatch    = 64        // messages of one send
	maxID       = 64        // bytes of a client_msg_id
	maxPage     = 200       // entries or heads of one answer
	maxScan     = 1000      // entries looked at for one answer
	maxAnswer   = 512 << 10 // bytes of one answer or push, about
	maxExt      = 4096      // bytes of content.server_ext
	offlineTime = time.Minute
	maxAhead    = 2000 // ms that times may run ahead of the clock
)

// Wire is what hello tells.
func (l Limits) Wire() *wire.Limits {
	l.setDefaults()
	return &wire.Limits{
		TextChars: l.TextChars, MsgBytes: l.MsgBytes, SendBatch: maxBatch, PullLimit: maxPage, ExtBytes: maxExt,
		RecallMS: int(l.Recall.Milliseconds()), SendsPerSec: max(int(l.SendRate), 0),
	}
}

// Push is a frame for the devices of one account.
type Push struct {
	Account      string
	Device       string // not empty: only for this device
	Except       string // not empty: not for this one
	Conversation string // as that account names it
	Op           wire.Op
	Body         any
	Droppable    bool // may be left out for a client that does not keep up; a resync says so
}

// Publisher tells the devices of accounts, wherever they are, what was committed.
type Publisher interface {
	Publish(ctx context.Context, app string, pushes []Push)
}

// Config says what a Talk is on.
type Config struct {
	Store   *store.Store
	Publish Publisher
	Limits  Limits
	Metrics *metrics.Registry
	Log     *slog.Logger
}

// Talk runs the requests about messages.
type Talk struct {
	cfg      Config
	store    *store.Store
	log      *slog.Logger
	people   people
	accounts rates // sends of an account
	convs    rates // sends of a conversation
	stats    *stats
}

// New returns a Talk.
func New(cfg Config) *Talk {
	cfg.Limits.setDefaults()
	if cfg.Metrics == nil {
		cfg.Metrics = &metrics.Registry{}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	t := &Talk{cfg: cfg, store: cfg.Store, log: cfg.Log, stats: newStats(cfg.Metrics)}
	t.people.store = cfg.Store
	t.accounts = rates{rate: cfg.Limits.SendRate, burst: cfg.Limits.SendBurst}
	t.convs = rates{rate: cfg.Limits.ConversationRate, burst: 2 * cfg.Limits.ConversationRate}
	return t
}

// requestLimit bounds one request. The store gives up earlier.
const requestLimit = 10 * time.Second

// Register makes the gateway run the requests.
func (t *Talk) Register(g *gateway.Gateway) {
	g.Handle(wire.OpSend, gateway.InConversation, requestLimit, t.timed(t.send))
	g.Handle(wire.OpHeads, gateway.Free, requestLimit, t.timed(t.heads))
	g.Handle(wire.OpPull, gateway.Free, requestLimit, t.timed(t.pull))
	g.Handle(wire.OpRead, gateway.Free, requestLimit, t.timed(t.read))
	g.Handle(wire.OpHistory, gateway.Free, requestLimit, t.timed(t.history))
	g.Handle(wire.OpPin, gateway.Free, requestLimit, t.timed(t.pin))
	g.Handle(wire.OpClear, gateway.Free, requestLimit, t.timed(t.clear))
	g.Handle(wire.OpDelete, gateway.Free, requestLimit, t.timed(t.delete))
	g.Handle(wire.OpDeleted, gateway.Free, requestLimit, t.timed(t.deleted))
	g.Handle(wire.OpRecall, gateway.Free, requestLimit, t.timed(t.recall))
}

func (t *Talk) timed(h gateway.Handler) gateway.Handler {
	return func(ctx context.Context, r *gateway.Request) (any, error) {
		start := time.Now()
		answer, err := h(ctx, r)
		t.stats.took(r.Op, time.Since(start), err)
		if err != nil {
			err = store.Answer(err)
		}
		return answer, err
	}
}

func invalid(format string, args ...any) error { return nimerr.InvalidArgument.Newf(format, args...) }
