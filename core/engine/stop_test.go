package engine

import (
	"slices"
	"testing"
	"time"

	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/core/store"
)

// C9: what waits for the connection, or behind others of its session, can be taken
// back: 10200, once, and it never leaves. It can be sent again.
func TestC9StopSend(t *testing.T) {
	bubble(t, nil, func(w *world) {
		settle(time.Second)
		w.offline(module.Lost)
		for i := range 3 {
			w.engine.Send(draft(t, "bob", text(i)))
		}
		settle(time.Second)
		w.host.take()
		w.engine.StopSend("carol", "c1") // another session's
		w.engine.StopSend("bob", "c9")   // nobody sends it
		w.engine.StopSend("bob", "c1")
		w.engine.StopSend("bob", "c1")
		settle(time.Second)
		want(t, lines(w.host.take()), "ack c1 10200")
		if m, err := w.store.MessageByID("c1"); err != nil || m == nil || m.Status != store.StatusCancelled {
			t.Errorf("its row: %+v %v", m, err)
		}
		w.online()
		settle(time.Minute)
		got := slices.DeleteFunc(lines(w.host.take()), func(line string) bool { return line == "synced 2" }) // before or after
		want(t, got, "ack c0 200", "ack c2 200", "change 9 bob c2 status 6 unread 0 of 0")
		w.engine.Send(draft(t, "bob", text(1)))
		settle(time.Minute)
		want(t, lines(w.host.take()), "change 9 bob c1 status 4 unread 0 of 0", "ack c1 200", "change 9 bob c1 status 6 unread 0 of 0")
		list, _ := w.server.stored(p2p("bob"))
		var ids []string
		for _, e := range list {
			ids = append(ids, e.ClientID)
		}
		want(t, ids, "c0", "c2", "c1")
	})
}

// One that is on its way goes on to its own end.
func TestStopSendTooLate(t *testing.T) {
	bubble(t, nil, func(w *world) {
		settle(time.Second)
		w.host.take()
		w.engine.Send(draft(t, "bob", text(1)))
		w.engine.StopSend("", "c1")
		settle(time.Second)
		got := lines(w.host.take())
		list, _ := w.server.stored(p2p("bob"))
		if len(list) != 1 || len(got) != 3 || got[1] != "ack c1 200" {
			t.Errorf("%d stored, told %q", len(list), got)
		}
	})
}
