package presence

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/libnim/libnim/server/bus"
)

// A Lease vouches for the entries of one edge. They count while the lease is in
// its bucket with the same epoch, which is the revision of its creation. The
// edge itself stops trusting it a margin before it can have expired there.
type Lease struct {
	Edge string // id of the edge, new for each process

	bus    *bus.Bus
	bucket *bus.Bucket
	ttl    time.Duration
	clock  func() time.Duration // goes on while the machine sleeps
	log    *slog.Logger

	mu       sync.Mutex
	epoch    uint64        // 0: none held
	revision uint64        // of the last write known to have succeeded
	deadline time.Duration // by clock; from here on nobody may rely on the lease
}

// leaseValue is what the bucket holds. Epoch is 0 in the revision that created
// the lease, whose own number is the epoch.
type leaseValue struct {
	Epoch uint64 `json:"epoch"`
}

// NewLease returns a lease that is not held yet. clock must not stop during a
// suspend; nil: the machine's boot time.
func NewLease(b *bus.Bus, clock func() time.Duration, log *slog.Logger) *Lease {
	if clock == nil {
		clock = bootTime
	}
	return &Lease{
		Edge:   strings.ToLower(rand.Text()),
		bus:    b,
		bucket: b.Leases, ttl: b.LeaseTTL, clock: clock, log: log,
	}
}

// margin is how long before the lease can expire the edge fences itself.
func (l *Lease) margin() time.Duration { return l.ttl / 5 }

// Epoch returns the epoch under which entries may be written now, or 0 when the
// edge must not write any.
func (l *Lease) Epoch() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.clock() >= l.deadline {
		return 0
	}
	return l.epoch
}

// Valid reports whether entries written under epoch can still be relied on.
func (l *Lease) Valid(epoch uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return epoch != 0 && l.epoch == epoch && l.clock() < l.deadline
}

// Acquire creates the lease under a new epoch.
func (l *Lease) Acquire(ctx context.Context) error {
	start := l.clock()
	old, err := l.bucket.Get(ctx, l.Edge)
	if err != nil {
		return err
	}
	value, err := json.Marshal(leaseValue{})
	if err != nil {
		return err
	}
	rev, err := l.bucket.Set(ctx, l.Edge, value, old.Revision, 0)
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.epoch, l.revision, l.deadline = rev, rev, start+l.ttl-l.margin()
	l.mu.Unlock()
	return nil
}

// Run refreshes the lease until ctx ends, then gives it up, so that the other
// edges need not wait for it to expire. fence is called, from this goroutine,
// each time the lease can no longer be relied on, before a new one is acquired.
//
// A refresh that fails is tried again at the next check: the engine may have a
// leader again long before the next one is due.
func (l *Lease) Run(ctx context.Context, fence func()) {
	check := time.NewTicker(l.ttl / 40)
	defer check.Stop()
	for {
		select {
		case <-ctx.Done():
			l.release()
			return
		case <-check.C:
		}
		if l.lapsed() {
			l.log.Error("presence: the edge lease could not be refreshed in time; closing all clients")
			fence()
		}
		switch {
		case l.Epoch() == 0:
			l.reacquire(ctx)
		case l.due() && !l.refresh(ctx):
			l.log.Error("presence: the edge lease is lost; closing all clients")
			fence()
		}
	}
}

// due reports that a tenth of the lease has passed since the last refresh that
// succeeded.
func (l *Lease) due() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.clock() >= l.deadline-(l.ttl-l.margin())+l.ttl/10
}

// tryTimeout bounds one try to write the lease, so that there are several
// before the edge has to fence itself.
func (l *Lease) tryTimeout() time.Duration { return min(l.ttl/5, maxLeaseTry) }

const maxLeaseTry = 2 * time.Second

// lapsed drops a lease whose deadline has passed, and reports that it did.
func (l *Lease) lapsed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.epoch == 0 || l.clock() < l.deadline {
		return false
	}
	l.epoch = 0
	return true
}

func (l *Lease) reacquire(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, l.tryTimeout())
	defer cancel()
	if err := l.bus.Ensure(ctx); err != nil {
		return // the engine is away; the next check tries again
	}
	if err := l.Acquire(ctx); err == nil {
		l.log.Info("presence: edge lease acquired", "edge", l.Edge, "epoch", l.Epoch())
	}
}

// refresh renews the lease and returns false when it is lost for certain. An
// engine that does not answer is no loss yet: the deadline decides.
func (l *Lease) refresh(ctx context.Context) bool {
	l.mu.Lock()
	epoch, revision := l.epoch, l.revision
	l.mu.Unlock()
	if epoch == 0 {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, l.tryTimeout())
	defer cancel()
	value, err := json.Marshal(leaseValue{Epoch: epoch})
	if err != nil {
		return true
	}
	start := l.clock()
	rev, err := l.bucket.Set(ctx, l.Edge, value, revision, 0)
	if errors.Is(err, bus.ErrConflict) {
		// It may be our own write whose acknowledgement was lost.
		e, getErr := l.bucket.Get(ctx, l.Edge)
		if getErr != nil {
			return true
		}
		var v leaseValue
		if e.Value != nil && json.Unmarshal(e.Value, &v) == nil && v.Epoch == epoch {
			start = l.clock()
			rev, err = l.bucket.Set(ctx, l.Edge, value, e.Revision, 0)
		} else {
			l.mu.Lock()
			l.epoch = 0
			l.mu.Unlock()
			return false
		}
	}
	if err != nil {
		l.log.Warn("presence: edge lease not refreshed", "err", err)
		return true
	}
	l.mu.Lock()
	l.revision, l.deadline = rev, start+l.ttl-l.margin()
	l.mu.Unlock()
	return true
}

func (l *Lease) release() {
	l.mu.Lock()
	l.epoch = 0
	l.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if _, err := l.bucket.Delete(ctx, l.Edge); err != nil {
		l.log.Debug("presence: edge lease not released", "err", err)
	}
}
