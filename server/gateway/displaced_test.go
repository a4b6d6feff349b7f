package gateway

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server/bus"
	"github.com/libnim/libnim/server/presence"
)

// writeEntry puts an entry into the record of an account in place of all others, as a
// login does whose write the engine took and whose answer was lost.
func (e *testEdge) writeEntry(t *testing.T, owner accountID, d presence.Device) {
	t.Helper()
	key := bus.AccountKey(owner.app, owner.account)
	old, err := e.bus.Presence.Get(t.Context(), key)
	if err != nil {
		t.Error(err)
		return
	}
	record := map[string]any{}
	if err := json.Unmarshal(old.Value, &record); err != nil {
		t.Error(err)
		return
	}
	d.Edge, d.Epoch = e.presence.Lease.Edge, e.presence.Lease.Epoch()
	record["devices"] = []presence.Device{d}
	data, err := json.Marshal(record)
	if err != nil {
		t.Error(err)
		return
	}
	if _, err := e.bus.Presence.Set(t.Context(), key, data, old.Revision, 0); err != nil {
		t.Error(err)
	}
}

// The write of a login is taken, its answer is lost, and a rival displaces it
// before it looks again. It then displaces the rival in its turn; the rival's
// kick, on its way all that time, does not end it.
func TestALoginDisplacedBeforeItKnewOfItselfStays(t *testing.T) {
	edges := newTestEdges(t, 2, 0)
	owner := edges[0].account(t, "alice")
	first, _ := edges[0].login(t, "alice", "first") // so that there is a record
	var rival interface{ Close() error }
	meddle := func() {
		own := edges[0].hub.of(owner)
		mine := own[len(own)-1]
		edges[0].writeEntry(t, owner, mine.device)
		ws, reply := edges[1].login(t, "alice", "rival")
		rival = ws
		if reply.Code != 200 {
			t.Errorf("rival: %d %s", reply.Code, reply.ErrName)
		}
		within(t, "the rival's kick arrives", func() bool {
			mine.mu.Lock()
			defer mine.mu.Unlock()
			return len(mine.early) > 0
		})
	}
	edges[0].midway.Store(&meddle)
	late, reply := edges[0].login(t, "alice", "late")
	if rival == nil {
		t.Fatal("nothing happened midway")
	}
	if reply.Code != 200 {
		t.Fatalf("late: %d %s", reply.Code, reply.ErrName)
	}
	if f := request(t, late, wire.OpTime, nil); f.Op != wire.OpReply {
		t.Errorf("the login that came last got %q", f.Op)
	}
	// "first" was displaced by the write whose answer was lost.
	if f := nextFrame(t, first); f.Op != wire.OpKicked {
		t.Errorf("the first login got %q", f.Op)
	}
}

// An edge dies after it displaced a session of another edge and before it said
// so. The other edge finds out when the lease of the dead one is gone.
func TestASessionDisplacedByAnEdgeThatDiedIsEnded(t *testing.T) {
	edges := newTestEdges(t, 2, 500*time.Millisecond)
	owner := edges[0].account(t, "alice")
	desk, _ := edges[0].login(t, "alice", "desk")
	died := edges[1]
	_, _, err := died.presence.Join(t.Context(), presence.Login{
		App: owner.app, Account: owner.account, Force: true,
		Device: presence.Device{DeviceID: "late", ClientType: 16, Session: "s", LoginTimeMS: time.Now().UnixMilli()},
	})
	if err != nil {
		t.Fatal(err)
	}
	died.Close()
	var k wire.Kicked
	f := nextFrame(t, desk)
	if err := f.DecodeBody(&k); err != nil || f.Op != wire.OpKicked || k.Reason != wire.KickSameType || k.DeviceID != "late" {
		t.Errorf("the displaced session got %q %+v, %v", f.Op, k, err)
	}
}

// The engine takes a change, its answer is lost, and the caller goes. No later
// call finds the session in the record, so this one has to see to its end.
func TestAKickWhoseOutcomeIsUnknownIsSettled(t *testing.T) {
	edges := newTestEdges(t, 2, 0)
	owner := edges[0].account(t, "alice")
	desk, _ := edges[0].login(t, "alice", "desk")
	ctx, leave := context.WithCancel(t.Context())
	_, err := edges[1].evict(ctx, owner, func(string) bool {
		if ctx.Err() == nil { // as if this change were written already
			edges[1].writeEntry(t, owner, presence.Device{DeviceID: "other", Session: "other"})
			leave()
		}
		return true
	}, wire.Kicked{Reason: wire.KickByServer}, 0)
	if err == nil {
		t.Fatal("the call was answered")
	}
	if f := nextFrame(t, desk); f.Op != wire.OpKicked {
		t.Errorf("the session got %q", f.Op)
	}
}

// A kick that gets lost is sent again long before anybody could call it late.
func TestALostKickIsSentAgainSoon(t *testing.T) {
	e := newTestEdges(t, 1, 0)[0]
	other := presence.NewLease(e.bus, nil, e.log)
	if err := other.Acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	kicks, err := e.bus.Conn.SubscribeSync(bus.EdgeSubject(other.Edge))
	if err != nil {
		t.Fatal(err)
	}
	d := presence.Device{DeviceID: "d", Session: "s", Edge: other.Edge, Epoch: other.Epoch()}
	e.kickAll(accountID{e.app, "alice"}, 1, []presence.Device{d}, func(presence.Device) wire.Kicked { return wire.Kicked{} })
	if _, err := kicks.NextMsg(patience); err != nil {
		t.Fatal(err)
	}
	lost := time.Now()
	again, err := kicks.NextMsg(patience)
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(lost); took >= time.Second {
		t.Errorf("sent again after %v", took)
	}
	if err := again.Respond(nil); err != nil {
		t.Fatal(err)
	}
}
