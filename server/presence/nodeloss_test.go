package presence

import (
	"context"
	"flag"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/libnim/libnim/server/bus"
	"github.com/libnim/libnim/server/bus/bustest"
)

var (
	kills  = flag.Int("kills", 1, "how often the leader of the leases is killed")
	freeze = flag.Duration("freeze", 5*time.Second, "for how long a NATS server is frozen")
)

// leasesStream is what the bucket of the leases is in JetStream.
const leasesStream = "KV_nim_leases"

func TestMain(m *testing.M) {
	if !bustest.Main() {
		os.Exit(m.Run())
	}
}

// The loss of one NATS server of three, however it is lost, ends no lease: an
// edge closes all its clients when its lease ends, and at no other time.
func TestTheLossOfANATSServerEndsNoLease(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a NATS cluster and kills servers of it")
	}
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	nodes := bustest.Start(t)
	urls := bustest.URLs(nodes)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var fences atomic.Int32
	var leases []*Lease
	run, stop := context.WithCancel(t.Context())
	defer stop()
	for i := range urls { // each edge begins on another server
		var b *bus.Bus
		for { // the servers are starting
			var err error
			own := append([]string{urls[i]}, urls...)
			if b, err = bus.Open(ctx, bus.Config{URLs: own, Replicas: 3}); err == nil {
				break
			}
			select {
			case <-ctx.Done():
				t.Fatal(err)
			case <-time.After(100 * time.Millisecond):
			}
		}
		t.Cleanup(b.Close)
		l := NewLease(b, nil, quiet)
		if err := l.Acquire(ctx); err != nil {
			t.Fatal(err)
		}
		go l.Run(run, func() { fences.Add(1) })
		leases = append(leases, l)
	}
	refreshed := func() bool { // by every edge, since this is asked
		for _, l := range leases {
			if l.due() || l.Epoch() == 0 {
				return false
			}
		}
		return true
	}
	for i := range *kills {
		n := bustest.Leader(t, nodes, leasesStream)
		n.Kill(t)
		start := time.Now()
		age(leases)
		waitLong(t, "every lease to be refreshed without the killed server", refreshed)
		t.Logf("kill %d, of %s: leases are refreshed after %v", i, n.Name, time.Since(start).Round(time.Millisecond))
		n.Begin(t)()
		bustest.Whole(t, nodes, leasesStream)
	}
	for _, n := range []*bustest.Node{bustest.Leader(t, nodes, leasesStream), nodes[rng.IntN(3)]} {
		n.Freeze(t)
		start := time.Now()
		age(leases)
		waitLong(t, "every lease to be refreshed without the frozen server", refreshed)
		t.Logf("%s frozen: leases are refreshed after %v", n.Name, time.Since(start).Round(time.Millisecond))
		if left := *freeze - time.Since(start); left > 0 {
			select {
			case <-time.After(left):
			case <-t.Context().Done():
			}
		}
		n.Thaw(t)
		bustest.Whole(t, nodes, leasesStream)
	}
	if n := fences.Load(); n != 0 {
		t.Errorf("%d times an edge closed all its clients", n)
	}
}

// age makes every lease due, so that the next refresh is one that came after.
func age(leases []*Lease) {
	for _, l := range leases {
		l.mu.Lock()
		l.deadline -= l.ttl / 10
		l.mu.Unlock()
	}
}

// waitLong is within for what an election may come before.
func waitLong(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(time.Minute)
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
