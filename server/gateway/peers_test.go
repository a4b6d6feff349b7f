package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server/bus"
	"github.com/libnim/libnim/server/presence"
)

// An edge that has to read an app's settings from a bus that does not answer
// goes on taking kicks.
func TestKicksDoNotWaitForSettings(t *testing.T) {
	e := newTestEdges(t, 1, 0)[0]
	nc := e.bus.Conn
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteStream(t.Context(), "KV_nim_apps"); err != nil {
		t.Fatal(err)
	}
	asked, err := nc.SubscribeSync("$JS.API.DIRECT.GET.KV_nim_apps.>") // and is not answered
	if err != nil {
		t.Fatal(err)
	}
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
	tell("settings", peerMessage{App: e.app, Revision: 1 << 40, Settings: true})
	if _, err := asked.NextMsg(patience); err != nil {
		t.Fatal(err)
	}
	tell("kick", peerMessage{App: e.app, Account: "alice", Session: "s", Kick: &wire.Kicked{}})
	if m, err := answers.NextMsg(patience); err != nil || m.Subject != inbox+"kick" {
		t.Fatalf("answered %v, %v; want kick", m, err)
	}
	// It says that it knows only what it does: this read began after the other.
	if e.readSettings(e.app, 1<<40) {
		t.Error("settings are known that could not be read")
	}
	if n, _, err := answers.Pending(); err != nil || n > 0 {
		t.Errorf("%d more answers, %v", n, err)
	}
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
