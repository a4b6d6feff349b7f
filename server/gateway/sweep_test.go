package gateway

import (
	"encoding/json"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server/bus"
	"github.com/libnim/libnim/server/presence"
)

// silence lets nobody answer reads of a bucket, until bus.Ensure. It counts them.
func silence(t *testing.T, b *bus.Bus, bucket string) *atomic.Int32 {
	t.Helper()
	js, err := jetstream.New(b.Conn)
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.Stream(t.Context(), "KV_"+bucket)
	if err != nil {
		t.Fatal(err)
	}
	config := s.CachedInfo().Config
	config.AllowDirect = false
	if _, err := js.UpdateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	asked := &atomic.Int32{}
	sub, err := b.Conn.Subscribe("$JS.API.DIRECT.GET.KV_"+bucket+".>", func(m *nats.Msg) {
		if b.Conn.PublishMsg(&nats.Msg{Subject: m.Reply, Header: nats.Header{"Status": {"408"}}}) == nil {
			asked.Add(1)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := sub.AutoUnsubscribe(8); err != nil { // the tries of one change
		t.Fatal(err)
	}
	return asked
}

// An edge is dead, and the bus does not answer while another one takes its
// entries out. That is done again, and who is left is told.
func TestASweepIsRepeatedUntilTheBusAnswers(t *testing.T) {
	for bucket, tries := range map[string]int32{"nim_presence": 8, "nim_leases": 1} {
		t.Run(bucket, func(t *testing.T) {
			e := newTestEdges(t, 1, 0)[0]
			owner := e.account(t, "alice")
			desk, _ := e.login(t, "alice", "desk")
			devices, err := e.presence.Online(t.Context(), owner.app, owner.account)
			if err != nil || len(devices) != 1 {
				t.Fatal(devices, err)
			}
			devices = append(devices, presence.Device{DeviceID: "ghost", ClientType: 1, Session: "ghost", Edge: "dead", Epoch: 1})
			record, err := json.Marshal(map[string]any{"devices": devices})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := e.bus.Presence.Put(t.Context(), bus.AccountKey(owner.app, owner.account), record); err != nil {
				t.Fatal(err)
			}
			asked := silence(t, e.bus, bucket)
			e.sweep("dead", 1)
			within(t, "the sweep met the silence", func() bool { return asked.Load() >= tries })
			if err := e.bus.Ensure(t.Context()); err != nil {
				t.Fatal(err)
			}
			var p wire.Presence
			f := nextFrame(t, desk)
			if err := f.DecodeBody(&p); err != nil || f.Op != wire.OpPresence || p.Type != noticeOut || p.Devices[0].DeviceID != "ghost" {
				t.Errorf("got %q %+v, %v", f.Op, p, err)
			}
		})
	}
}
