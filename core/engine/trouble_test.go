package engine

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/core/store"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// The server's store is restored from a backup: it has lost the newest messages and
// goes on with their numbers. What was told is not told again, what is new is; the
// lost ones stay here.
func TestAnotherEpoch(t *testing.T) {
	for _, how := range []string{"hello", "answer"} {
		t.Run(how, func(t *testing.T) {
			prepare := func(w *world) {
				for i := range 10 {
					w.server.add(p2p("bob"), "bob", "x", text(i))
				}
			}
			bubble(t, prepare, func(w *world) {
				settle(5 * time.Second)
				w.engine.Send(draft(t, "bob", text(50)))
				settle(time.Second)
				w.host.take()
				if how == "hello" {
					w.offline(module.Lost)
				}
				w.server.mu.Lock()
				w.server.epoch++
				w.server.stamp = 0
				room := w.server.room(p2p("bob"))
				room.entries, room.stamp = room.entries[:7], 1
				w.server.mu.Unlock()
				for i := range 3 {
					w.arrive(p2p("bob"), "bob", text(100+i))
				}
				w.arrive(p2p("eve"), "eve", text(200))
				if how == "hello" {
					w.online()
				} else {
					w.engine.Push(backend.Resync{All: true})
				}
				settle(10 * time.Second)
				var told []string
				for _, l := range lines(w.host.take()) {
					if strings.HasPrefix(l, "receive") {
						told = append(told, strings.Fields(l)[1])
					}
				}
				for i := range told {
					told[i], _, _ = strings.Cut(told[i], ":")
				}
				slices.Sort(told)
				want(t, told, "c100", "c101", "c102", "c200")
				for id, seq := range map[string]int64{"c0": 1, "c6": 7, "c100": 8, "c102": 10, "c8": 0, "c50": 0} {
					sender := "bob"
					if id == "c50" {
						sender = me
					}
					if m, err := w.store.Message(store.Key{Conversation: "p:bob", Sender: sender, ClientID: id}); err != nil || m == nil || m.Seq != seq {
						t.Errorf("%s: %+v, %v; want the number %d", id, m, err, seq)
					}
				}
			})
		})
	}
}

// A full disk refuses a send with its code and loses nothing; it heals by itself.
func TestFullDisk(t *testing.T) {
	bubble(t, nil, func(w *world) {
		settle(5 * time.Second)
		w.arrive(p2p("bob"), "bob", text(1))
		settle(time.Second)
		w.host.take()
		w.store.fill(store.ErrFull)
		w.engine.Send(draft(t, "bob", text(2)))
		w.arrive(p2p("bob"), "bob", text(3))
		w.engine.Zero(1, p2p("bob"))
		settle(time.Second)
		want(t, lines(w.host.take()), "ack c2 21012")
		if a := w.host.answers[1]; a.Number(0) != 21012 {
			t.Errorf("zeroing on a full disk: %v", a)
		}
		w.store.fill(nil)
		w.engine.Push(backend.Resync{All: true})
		w.engine.Send(draft(t, "bob", text(4)))
		settle(20 * time.Second)
		got := lines(w.host.take())
		for _, l := range []string{"receive c3:0", "ack c4 200"} {
			if !slices.Contains(got, l) {
				t.Errorf("no %q in %v", l, got)
			}
		}
		w.engine.Recent(2, Listing{Limit: -1})
		settle(time.Second)
		if a := w.host.answers[2]; a.Number(0) != 2 {
			t.Errorf("want 2 unread: %v", a)
		}
	})
}

// The time of a send does not run while the host has too much to consume: the
// session may not read the answer then.
func TestTheVerdictWaitsForTheHost(t *testing.T) {
	bubble(t, nil, func(w *world) {
		settle(time.Second)
		w.host.take()
		busy := func(more int) {
			w.host.mu.Lock()
			w.host.more = more
			w.host.mu.Unlock()
		}
		w.server.set(func() {
			w.server.refuse = func(r backend.Request) *nimerr.Error {
				if _, ok := r.(backend.Send); ok {
					return nimerr.ServerBusy.New("")
				}
				return nil
			}
		})
		busy(2 * module.Backlog)
		w.engine.Send(draft(t, "bob", text(1)))
		settle(time.Minute)
		want(t, lines(w.host.take()), "change 0 bob c1 status 4 unread 0 of 0")
		busy(0)
		settle(28 * time.Second)
		want(t, lines(w.host.take()))
		settle(3 * time.Second)
		want(t, lines(w.host.take()), "ack c1 408", "change 9 bob c1 status 5 unread 0 of 0")
	})
}

// A store that is found to be damaged is set aside, and a new one begun: the program
// is told, what is open ends, and messages go on.
func TestDamageAtRunTime(t *testing.T) {
	bubble(t, nil, func(w *world) {
		settle(time.Second)
		w.host.register(abi.SlotGlobalSdkDbError, true)
		w.arrive(p2p("bob"), "bob", text(1))
		settle(time.Second)
		w.host.take()
		w.path += ".new"
		w.store.fill(store.ErrDamaged)
		w.engine.Send(draft(t, "bob", text(2)))
		settle(time.Second)
		var told, failed int
		for _, p := range w.host.take() {
			switch p.Slot() {
			case abi.SlotGlobalSdkDbError:
				told++
			case abi.SlotTalkAck:
				failed++
			}
		}
		if told != 1 || failed != 1 {
			t.Errorf("told %d times, %d acknowledgements", told, failed)
		}
		w.arrive(p2p("bob"), "bob", text(3))
		settle(10 * time.Second)
		var got []string
		for _, l := range lines(w.host.take()) {
			if strings.HasPrefix(l, "receive") {
				got = append(got, l)
			}
		}
		want(t, got, "receive c3:0")
		w.unread(t, "2: bob c3 2")
		w.engine.Send(draft(t, "bob", text(4)))
		settle(time.Second)
		if s := strings.Join(lines(w.host.take()), "|"); !strings.Contains(s, "ack c4 200") {
			t.Errorf("a send on the new store: %s", s)
		}
	})
}
