package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server/bus"
	"github.com/libnim/libnim/server/presence"
	"github.com/libnim/libnim/server/store"
)

// An edge that has to read an app's settings from a store that does not answer
// goes on taking kicks.
func TestKicksDoNotWaitForSettings(t *testing.T) {
	e := newTestEdges(t, 1, 0)[0]
	nc := e.bus.Conn
	release := occupy(t, e.db)
	defer release()
	answers, err := nc.SubscribeSync(nats.NewInbox() + ".*")
	if err != nil {
		t.Fatal(err)
	}
	inbox := answers.Subject[:len(answers.Subject)-1]
	tell := func(name string, p peerMessage) {
		data, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if err := nc.PublishRequest(bus.EdgeSubject(e.presence.Lease.Edge), inbox+name, data); err != nil {
			t.Fatal(err)
		}
	}
	tell("settings", peerMessage{App: e.app, Revision: 1 << 60, Settings: true})
	tell("kick", peerMessage{App: e.app, Account: "alice", Session: "s", Kick: &wire.Kicked{}})
	if m, err := answers.NextMsg(patience); err != nil || m.Subject != inbox+"kick" {
		t.Fatalf("answered %v, %v; want kick", m, err)
	}
	// It says that it knows only what it does: this read began after the other.
	if e.readSettings(e.app, 1<<60) {
		t.Error("settings are known that could not be read")
	}
	if n, _, err := answers.Pending(); err != nil || n > 0 {
		t.Errorf("%d more answers, %v", n, err)
	}
}

// occupy keeps every reader of a store busy until release.
func occupy(t *testing.T, db *store.Store) (release func()) {
	t.Helper()
	var all sync.WaitGroup
	end, taken := make(chan struct{}), make(chan struct{})
	readers := 4 // as many as a store has
	if os.Getenv("NIMD_TEST_STORE") == "postgres" {
		readers = 12
	}
	for range readers {
		all.Go(func() {
			err := db.View(t.Context(), func(*store.View) error {
				taken <- struct{}{}
				<-end
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
		<-taken
	}
	return func() { close(end); all.Wait() }
}

// The deletion of an app waits for an edge that holds a lease, also when the
// watch that shows the leases was cut off.
func TestRetireAsksTheLeaderWhoLives(t *testing.T) {
	e := newTestEdges(t, 1, 0)[0]
	if _, err := e.bus.Leases.Put(t.Context(), "mute", []byte(`{"epoch":1}`)); err != nil {
		t.Fatal(err)
	}
	e.presence.Edges = presence.NewEdges(e.bus, e.presence.Lease) // which has seen nothing
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if err := e.Retire(ctx, e.app, 1); !errors.Is(err, nimerr.ServerBusy) {
		t.Errorf("did not wait for the other edge: %v", err)
	}
	if _, err := e.bus.Leases.Delete(t.Context(), "mute"); err != nil {
		t.Fatal(err)
	}
	if err := e.Retire(t.Context(), e.app, 1); err != nil {
		t.Error(err)
	}
}
