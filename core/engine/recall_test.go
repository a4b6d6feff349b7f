package engine

import (
	"fmt"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/core/store"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// recallLines are what was told of recalls, in short.
func recallLines(list []abi.Posting) (out []string) {
	for _, p := range list {
		if p.Slot() != abi.SlotTalkRecallMsg {
			continue
		}
		for _, r := range jsonArray(p) {
			out = append(out, fmt.Sprintf("%s of %s feature %d exist %v notify %s", r.Get("msg_id"), r.Get("from_id"), r.Get("feature").Int(),
				r.Get("msg_exist").Bool(), r.Get("notify")))
		}
	}
	return out
}

func recallOf(peer, id string) Recall {
	return Recall{Recall: backend.Recall{Conv: p2p(peer), ClientID: id, Said: backend.RecallSaid{Notify: "oops"}}}
}

// E7: what the server has taken back is not shown here any more, and the list shows
// the message before it.
func TestE7OwnRecallTakesTheRowAway(t *testing.T) {
	bubble(t, nil, func(w *world) {
		w.host.register(abi.SlotTalkRecallMsg, true)
		w.engine.Send(draft(t, "bob", text(1)))
		w.engine.Send(draft(t, "bob", text(2)))
		settle(time.Second)
		w.host.take()
		w.engine.Recall(7, recallOf("bob", "c2"))
		settle(time.Second)
		want(t, lines(w.host.take()), "change 5 bob c1 status 6 unread 0 of 0")
		r := jsonArray(w.host.answers[7])
		if w.number(7, 0) != 200 || len(r) != 1 || r[0].Get("msg_id").Str != "c2" || !r[0].Get("msg_exist").Bool() || r[0].Get("from_id").Str != me || r[0].Get("to_id").Str != "bob" {
			t.Errorf("answered %v", r)
		}
		if m, err := w.store.MessageByID("c2"); err != nil || m != nil {
			t.Errorf("it is shown: %+v %v", m, err)
		}
		w.engine.Recall(8, recallOf("bob", "c9")) // nobody knows it
		w.engine.Recall(9, Recall{Recall: backend.Recall{Conv: p2p("bob"), ClientID: "c1"}, Sender: "bob"})
		settle(time.Second)
		if a, b := w.number(8, 0), w.number(9, 0); a != 404 || b != 403 {
			t.Errorf("refused with %d and %d", a, b)
		}
		if list := jsonArray(w.host.answers[8]); len(list) != 1 || list[0].Get("msg_id").Str != "c9" || list[0].Get("msg_exist").Bool() {
			t.Errorf("refused with %v", list)
		}
	})
}

// E8: a recall is told once and in its place, live and after being away, on the
// other side and on other devices; one of a message that is not here is remembered,
// and the message is not shown when it comes.
func TestE8RecallsFromElsewhere(t *testing.T) {
	bubble(t, nil, func(w *world) {
		w.host.register(abi.SlotTalkRecallMsg, true)
		settle(time.Second)
		for i := range 3 {
			w.arrive(p2p("bob"), "bob", text(i))
		}
		w.arrive(p2p("bob"), me, text(3))
		settle(time.Second)
		w.host.take()
		w.takesBack(p2p("bob"), 2) // c1
		settle(time.Second)
		want(t, recallLines(w.host.take()), "c1 of bob feature 0 exist true notify gone")
		w.offline(module.Lost)
		w.takesBack(p2p("bob"), 4)           // c3, by my other device
		w.arrive(p2p("bob"), "bob", text(4)) // never seen here with its text
		w.takesBack(p2p("bob"), 7)           // which is it
		w.arrive(p2p("bob"), "bob", text(5))
		settle(time.Second)
		w.online()
		settle(5 * time.Second)
		list := w.host.take()
		want(t, recallLines(list), "c3 of me feature 3 exist true notify gone", "c4 of bob feature 1 exist false notify gone")
		var received []string
		for _, l := range lines(list) {
			if l == "receive c5:1" || l == "receive c4:1" {
				received = append(received, l)
			}
		}
		want(t, received, "receive c5:1")
		// The push of a message that was held up comes behind its recall.
		w.server.set(func() { w.server.quiet = true })
		e := w.arrive(p2p("bob"), "bob", text(6))
		w.server.set(func() { w.server.quiet = false })
		w.takesBack(p2p("bob"), e.Seq)
		settle(time.Second)
		w.engine.Push(backend.Entries{Conv: p2p("bob"), Entries: []backend.Entry{e}, MaxSeq: e.Seq})
		settle(time.Second)
		want(t, recallLines(w.host.take()), "c6 of bob feature 0 exist false notify gone")
		m, err := w.store.Message(store.Key{Conversation: "p:bob", Sender: "bob", ClientID: "c6"})
		if err != nil || m == nil || m.Visible() || m.Text != "" {
			t.Errorf("%+v %v", m, err)
		}
	})
}

// A recall waits for the link, and is answered when its time is up or the login ends.
func TestRecallWithoutALink(t *testing.T) {
	bubble(t, nil, func(w *world) {
		w.engine.Send(draft(t, "bob", text(1)))
		settle(time.Second)
		w.offline(module.Lost)
		w.engine.Send(draft(t, "bob", text(2)))
		w.engine.Recall(1, recallOf("bob", "c1"))
		w.engine.Recall(2, recallOf("bob", "c2"))
		settle(10 * time.Second)
		if _, answered := w.host.answers[1]; answered || w.number(2, 0) != int64(nimerr.RecallTooLateHere.Code) {
			t.Errorf("%v, and %d for what is being sent", answered, w.number(2, 0))
		}
		w.online()
		settle(3 * time.Second)
		if w.number(1, 0) != 200 {
			t.Errorf("%d", w.number(1, 0))
		}
		w.offline(module.Lost)
		w.engine.Recall(3, recallOf("bob", "c2"))
		settle(31 * time.Second)
		w.engine.Recall(4, recallOf("bob", "c2"))
		w.logout(false)
		settle(time.Second)
		if a, b := w.number(3, 0), w.number(4, 0); a != 408 || b != int64(nimerr.Cancelled.Code) {
			t.Errorf("%d without a link, %d at logout", a, b)
		}
		w.end()
		w.start(Options{})
		w.online()
		settle(2 * time.Second)
		list, _ := w.server.stored(p2p("bob"))
		if n := len(list); n != 3 || list[1].Kind == backend.KindRecall && list[2].Kind == backend.KindRecall {
			t.Errorf("a recall that ended is asked for all the same: %+v", list)
		}
	})
}

// jsonArray is the content of a posting about recalls.
func jsonArray(p abi.Posting) []gjson.Result {
	if t := p.Text(0); t != nil {
		return gjson.ParseBytes(t.AppendJSON(nil)).Array()
	}
	return nil
}
