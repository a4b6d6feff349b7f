package presence

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/libnim/libnim/server/bus"
)

// watchTimeout bounds the begin of a watch: the bus may go away in the middle.
const watchTimeout = 10 * time.Second

// Edges is what this edge knows of the leases of all edges. A lease that it
// believes dead is always confirmed with the bucket's leader; one that it
// believes live may have died a moment ago, which is the safe side.
type Edges struct {
	own    *Lease
	bucket *bus.Bucket
	ttl    time.Duration

	mu   sync.Mutex
	seen map[string]sighting // by edge
	lost func(edge string, epoch uint64)
}

type sighting struct {
	epoch    uint64
	revision uint64
	at       time.Time // when that revision was first seen
}

// NewEdges returns the table for an edge with the lease own.
func NewEdges(b *bus.Bus, own *Lease) *Edges {
	return &Edges{own: own, bucket: b.Leases, ttl: b.LeaseTTL, seen: map[string]sighting{}}
}

// Run follows the leases until ctx ends. lost is called for each lease of
// another edge that ended, on a goroutine of its own. Run returns once the
// leases of now are known, and goes on in the background.
func (t *Edges) Run(ctx context.Context, lost func(edge string, epoch uint64)) error {
	t.mu.Lock()
	t.lost = lost
	t.mu.Unlock()
	stop, err := t.watch(ctx)
	if err != nil {
		return err
	}
	go func() {
		defer func() { stop() }()
		tick := time.NewTicker(t.ttl / 20)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if t.blind() {
					if again, err := t.watch(ctx); err == nil {
						stop()
						stop = again
					}
				}
				for edge, epoch := range t.overdue() {
					t.Alive(ctx, edge, epoch) // which calls lost
				}
			}
		}
	}()
	return nil
}

func (t *Edges) watch(ctx context.Context) (stop context.CancelFunc, err error) {
	ctx, stop = context.WithCancel(ctx)
	late := time.AfterFunc(watchTimeout, stop)
	if err := t.bucket.Watch(ctx, t.learn); err != nil {
		stop()
		return nil, err
	}
	if !late.Stop() {
		return nil, context.DeadlineExceeded
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if s, known := t.seen[t.own.Edge]; known { // the new watch has its time too
		s.at = time.Now()
		t.seen[t.own.Edge] = s
	}
	return stop, nil
}

// blind reports that the watch does not even show this edge's own lease: a
// watch does not outlive the bucket, which a restarted cluster makes anew.
func (t *Edges) blind() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.own.Epoch() != 0 && time.Since(t.seen[t.own.Edge].at) >= t.ttl
}

// Live returns the ids of the other edges that are believed to live.
func (t *Edges) Live() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []string
	for edge, s := range t.seen {
		if edge != t.own.Edge && time.Since(s.at) < t.ttl {
			out = append(out, edge)
		}
	}
	return out
}

// Holders returns the ids of the other edges that hold a lease, as the leader has
// them: none is missing because the watch is behind or was cut off.
func (t *Edges) Holders(ctx context.Context) (edges []string, err error) {
	err = t.bucket.Walk(ctx, ">", 0, func(e bus.Entry) bool {
		if e.Key != t.own.Edge {
			edges = append(edges, e.Key)
		}
		return true
	})
	if err != nil {
		return nil, busy(err)
	}
	return edges, nil
}

// Alive reports whether entries of an edge under that epoch count. It asks the
// leader before it says no, and says yes when the leader cannot be asked.
func (t *Edges) Alive(ctx context.Context, edge string, epoch uint64) bool {
	alive, err := t.alive(ctx, edge, epoch)
	return alive || err != nil
}

// alive returns an error when the leader cannot be asked.
func (t *Edges) alive(ctx context.Context, edge string, epoch uint64) (bool, error) {
	if edge == t.own.Edge {
		return t.own.Epoch() == epoch, nil
	}
	t.mu.Lock()
	s, known := t.seen[edge]
	t.mu.Unlock()
	if known && s.epoch == epoch && time.Since(s.at) < t.ttl {
		return true, nil
	}
	e, err := t.bucket.Get(ctx, edge)
	if err != nil {
		return false, err
	}
	t.learn(e)
	return e.Value != nil && epochOf(e) == epoch, nil
}

// learn takes a lease as it is now. Whoever learns first that one ended tells:
// a login may ask before the watch or the clock shows it.
func (t *Edges) learn(e bus.Entry) {
	if old, ended := t.note(e); ended {
		t.mu.Lock()
		lost := t.lost
		t.mu.Unlock()
		if lost != nil {
			go lost(e.Key, old)
		}
	}
}

// note takes a lease as it is now, and returns the epoch that ended with it.
func (t *Edges) note(e bus.Entry) (ended uint64, any bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	old, known := t.seen[e.Key]
	if e.Value == nil {
		delete(t.seen, e.Key)
		return old.epoch, known
	}
	epoch := epochOf(e)
	if e.Revision != old.revision || epoch != old.epoch {
		// Only a refresh is a sign of life: the engine may be late to take an
		// expired lease away. Revisions begin anew with the bucket.
		t.seen[e.Key] = sighting{epoch: epoch, revision: e.Revision, at: time.Now()}
	}
	return old.epoch, known && old.epoch != epoch
}

// overdue returns the leases of other edges that were not refreshed in time.
func (t *Edges) overdue() map[string]uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := map[string]uint64{}
	for edge, s := range t.seen {
		if edge != t.own.Edge && time.Since(s.at) >= t.ttl {
			out[edge] = s.epoch
		}
	}
	return out
}

func epochOf(e bus.Entry) uint64 {
	var v leaseValue
	if json.Unmarshal(e.Value, &v) != nil || v.Epoch == 0 {
		return e.Revision
	}
	return v.Epoch
}
