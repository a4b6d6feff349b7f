package presence

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server/bus"
)

// meddling returns a store whose next Join finds its record changed by meddle
// between reading and writing it. To the store that is the same as a write of
// its own that the engine took and whose answer was lost.
func meddling(t *testing.T) (s *Store, meddle func(func(*record))) {
	t.Helper()
	b := openBus(t, 10*time.Second)
	var change func(*record)
	lease := NewLease(b, nil, quiet)
	s = NewStore(b, lease, func(ctx context.Context, _ string, atLeast uint64) (Policy, error) {
		if change == nil {
			return Policy{Rev: 1}, nil
		}
		if atLeast == 0 {
			return Policy{}, nil // older than the record: Join asks again, record in hand
		}
		key := bus.AccountKey("app", "alice")
		e, err := b.Presence.Get(ctx, key)
		if err != nil {
			return Policy{}, err
		}
		r, err := decodeRecord(e.Value)
		if err != nil {
			return Policy{}, err
		}
		change(&r)
		change = nil
		data, err := json.Marshal(r)
		if err != nil {
			return Policy{}, err
		}
		_, err = b.Presence.Set(ctx, key, data, e.Revision, 0)
		return Policy{Rev: 1}, err
	}, quiet)
	if err := lease.Acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s, func(f func(*record)) { change = f }
}

func loginOf(device, session string, clientType int) Login {
	return Login{
		App: "app", Account: "alice", Force: true,
		Device: Device{DeviceID: device, ClientType: clientType, Session: session, LoginTimeMS: time.Now().UnixMilli()},
	}
}

func mustJoin(t *testing.T, s *Store, l Login) Admitted {
	t.Helper()
	out, _, err := s.Join(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAKickIsToldAlthoughTheAnswerOfTheBusWasLost(t *testing.T) {
	s, meddle := meddling(t)
	mustJoin(t, s, loginOf("desk", "s1", 4))
	if _, err := s.Leave(t.Context(), "app", "alice", "s1", true); err != nil {
		t.Fatal(err)
	}
	all := func(string) bool { return true }
	if left, err := s.Evict(t.Context(), "app", "alice", all, wire.Kicked{Reason: 2, TimeMS: time.Now().UnixMilli()}, 0); err != nil || len(left.Offline) != 1 {
		t.Fatalf("evicted %+v, %v", left, err)
	}
	meddle(func(r *record) { r.takeOfflineKick("desk") })
	again := loginOf("desk", "s2", 4)
	again.Relogin = true
	_, _, err := s.Join(t.Context(), again)
	refused, ok := errors.AsType[*Refused](err)
	if !ok || refused.Err.Kind != nimerr.KickedOffline || refused.Kicked == nil {
		t.Fatalf("relogin: %v", err)
	}
	mustJoin(t, s, again) // once is enough
}

func TestALoginWhoseAnswerWasLostKnowsWhoCameMeanwhile(t *testing.T) {
	s, meddle := meddling(t)
	mustJoin(t, s, loginOf("phone", "s1", 1))
	l := loginOf("desk", "s2", 4)
	meddle(func(r *record) {
		mine, late := l.Device, Device{DeviceID: "late", ClientType: 64, Session: "s3"}
		for _, d := range []*Device{&mine, &late} {
			d.Edge, d.Epoch = s.Lease.Edge, s.Lease.Epoch()
			r.Devices = append(r.Devices, *d)
		}
	})
	out := mustJoin(t, s, l)
	if len(out.Others) != 2 || out.Others[0].DeviceID != "phone" || out.Others[1].DeviceID != "late" {
		t.Errorf("beside %+v", out.Others)
	}
}

// A try was written although it did not look so, and another device came before
// the next one. Both went, and both have to be told.
func TestARemovalReportsWhatEachOfItsTriesTook(t *testing.T) {
	s, _ := meddling(t)
	mustJoin(t, s, loginOf("desk", "s1", 4))
	key := bus.AccountKey("app", "alice")
	taken := false
	left, err := s.Evict(t.Context(), "app", "alice", func(string) bool {
		if taken {
			return true
		}
		taken = true
		e, err := s.bucket.Get(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		late := loginOf("late", "s2", 64).Device
		data, err := json.Marshal(record{Devices: []Device{late}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.bucket.Set(t.Context(), key, data, e.Revision, 0); err != nil {
			t.Fatal(err)
		}
		return true
	}, wire.Kicked{Reason: 2}, 0)
	if err != nil || len(left.Gone) != 2 || left.Gone[0].Session != "s2" || left.Gone[1].Session != "s1" {
		t.Errorf("gone %+v, %v", left.Gone, err)
	}
}
