package presence

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/libnim/libnim/server/bus"
)

func openBus(t *testing.T, ttl time.Duration) *bus.Bus {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	b, err := bus.Open(ctx, bus.Config{Dir: t.TempDir(), LeaseTTL: ttl})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

var quiet = slog.New(slog.DiscardHandler)

func within(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(10 * time.Second)
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func TestLeaseEndsBeforeItExpires(t *testing.T) {
	b := openBus(t, 10*time.Second)
	var now atomic.Int64
	l := NewLease(b, func() time.Duration { return time.Duration(now.Load()) }, quiet)
	if l.Epoch() != 0 {
		t.Error("held before it was acquired")
	}
	if err := l.Acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	epoch := l.Epoch()
	now.Store(int64(8*time.Second) - 1)
	if !l.Valid(epoch) || epoch == 0 {
		t.Error("not valid right before the margin")
	}
	now.Store(int64(8 * time.Second))
	if l.Valid(epoch) || l.Epoch() != 0 {
		t.Error("valid within 2 s of its end")
	}
	if !l.refresh(t.Context()) || !l.Valid(epoch) {
		t.Error("a refresh in time must restore it under the same epoch")
	}
}

// Somebody takes the lease out of the bucket. The edge fences and comes back
// under another epoch, and the others learn that the first one ended.
func TestLostLeaseGetsANewEpoch(t *testing.T) {
	b := openBus(t, 500*time.Millisecond)
	own, other := NewLease(b, nil, quiet), NewLease(b, nil, quiet)
	for _, l := range []*Lease{own, other} {
		if err := l.Acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	table := NewEdges(b, other)
	lost := make(chan uint64, 10)
	if err := table.Run(ctx, func(edge string, epoch uint64) {
		if edge == own.Edge {
			lost <- epoch
		}
	}); err != nil {
		t.Fatal(err)
	}
	var fences atomic.Int32
	go own.Run(ctx, func() { fences.Add(1) })
	go other.Run(ctx, func() { t.Error("the other edge fenced") })
	first := own.Epoch()
	if !table.Alive(ctx, own.Edge, first) {
		t.Error("a live lease looks dead")
	}
	if _, err := b.Leases.Delete(ctx, own.Edge); err != nil {
		t.Fatal(err)
	}
	select {
	case epoch := <-lost:
		if epoch != first {
			t.Errorf("lost epoch %d, want %d", epoch, first)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("nobody noticed")
	}
	within(t, "the edge is back", func() bool { return own.Epoch() != 0 && own.Epoch() != first })
	if fences.Load() != 1 {
		t.Errorf("fenced %d times", fences.Load())
	}
	if table.Alive(ctx, own.Edge, first) {
		t.Error("the old epoch still counts")
	}
	within(t, "the new epoch counts", func() bool { return table.Alive(ctx, own.Edge, own.Epoch()) })
}

// An edge stops without a word. Its lease vanishes by age, which no watch
// reports.
func TestExpiredLeaseIsNoticed(t *testing.T) {
	b := openBus(t, 500*time.Millisecond)
	own, dead := NewLease(b, nil, quiet), NewLease(b, nil, quiet)
	for _, l := range []*Lease{own, dead} {
		if err := l.Acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	lost := make(chan string, 1)
	table := NewEdges(b, own)
	if err := table.Run(t.Context(), func(edge string, _ uint64) { lost <- edge }); err != nil {
		t.Fatal(err)
	}
	if got := table.Live(); len(got) != 1 || got[0] != dead.Edge {
		t.Errorf("live edges: %v", got)
	}
	select {
	case edge := <-lost:
		if edge != dead.Edge {
			t.Errorf("lost %s", edge)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("nobody noticed")
	}
}

// The engine is late to take an expired lease away. Seeing it there once more is
// no sign of life.
func TestLateExpiryIsNoSignOfLife(t *testing.T) {
	b := openBus(t, 10*time.Second)
	table := NewEdges(b, NewLease(b, nil, quiet))
	e := bus.Entry{Key: "edge", Value: []byte(`{"epoch":3}`), Revision: 7}
	table.note(e)
	table.seen["edge"] = sighting{epoch: 3, revision: 7, at: time.Now().Add(-time.Minute)}
	table.note(e)
	if got := table.overdue(); got["edge"] != 3 {
		t.Errorf("overdue: %v", got)
	}
	e.Revision = 8
	table.note(e)
	if got := table.overdue(); len(got) != 0 {
		t.Errorf("refreshed, but overdue: %v", got)
	}
}

// A refresh whose acknowledgement was lost must not look like a lost lease.
func TestRefreshFindsItsOwnEarlierWrite(t *testing.T) {
	b := openBus(t, 10*time.Second)
	l := NewLease(b, nil, quiet)
	if err := l.Acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	epoch := l.Epoch()
	if !l.refresh(t.Context()) {
		t.Fatal("refresh")
	}
	l.mu.Lock()
	l.revision = epoch // as if the refresh had not been acknowledged
	l.mu.Unlock()
	if !l.refresh(t.Context()) || !l.Valid(epoch) {
		t.Error("the lease was given up")
	}
}

// A login looks at an entry of an edge whose lease has just expired, before the
// clock that looks for those does. The end is told all the same.
func TestALoginThatFindsADeadEdgeTellsOfIt(t *testing.T) {
	b := openBus(t, 10*time.Second)
	table := NewEdges(b, NewLease(b, nil, quiet))
	lost := make(chan uint64, 1)
	if err := table.Run(t.Context(), func(_ string, epoch uint64) { lost <- epoch }); err != nil {
		t.Fatal(err)
	}
	table.mu.Lock()
	table.seen["dead"] = sighting{epoch: 3, revision: 7, at: time.Now().Add(-time.Minute)}
	table.mu.Unlock()
	if table.Alive(t.Context(), "dead", 3) {
		t.Error("alive without a lease")
	}
	select {
	case epoch := <-lost:
		if epoch != 3 {
			t.Errorf("lost epoch %d, want 3", epoch)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("nobody was told")
	}
}

// The cluster loses what it had in memory. Edges that come later are known too.
func TestLeasesAreFollowedAfterTheirBucketWasLost(t *testing.T) {
	b := openBus(t, 500*time.Millisecond)
	own, late := NewLease(b, nil, quiet), NewLease(b, nil, quiet)
	if err := own.Acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	table := NewEdges(b, own)
	if err := table.Run(t.Context(), func(string, uint64) {}); err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(b.Conn)
	if err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteStream(t.Context(), "KV_nim_leases"); err != nil {
		t.Fatal(err)
	}
	fenced := make(chan struct{}, 1)
	go own.Run(t.Context(), func() { fenced <- struct{}{} })
	<-fenced
	within(t, "the edge is back", func() bool { return own.Epoch() != 0 })
	if err := late.Acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	go late.Run(t.Context(), func() { t.Error("the other edge fenced") })
	within(t, "the other edge is known", func() bool { return slices.Contains(table.Live(), late.Edge) })
}
