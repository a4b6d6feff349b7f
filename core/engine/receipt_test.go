package engine

import (
	"fmt"
	"testing"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/core/store"
	"github.com/libnim/libnim/internal/abi"
)

// receiptLines are what was told of receipts, in short.
func receiptLines(list []abi.Posting) (out []string) {
	for _, p := range list {
		if p.Slot() == abi.SlotMsglogStatusChanged {
			for _, r := range jsonArray(p) {
				out = append(out, fmt.Sprintf("%s %d at %d", r.Get("talk_id"), r.Get("status").Int(), r.Get("msg_timetag").Int()))
			}
		}
	}
	return out
}

// peerReads is that bob has read up to a number, told live where there is a link.
func (w *world) peerReads(of backend.Conv, seq uint64) {
	w.server.mu.Lock()
	r := w.server.room(of)
	r.peerRead = max(r.peerRead, seq)
	w.server.stamp++
	r.stamp = w.server.stamp
	h := w.server.headOf(r)
	l := w.link
	w.server.mu.Unlock()
	if l != nil {
		l.push(backend.HeadChanged{Head: h})
	}
}

// D19: a receipt is told once, never goes back, and holds for rows that come later.
func TestD19ReceiptsHoldForRowsThatComeLater(t *testing.T) {
	bubble(t, nil, func(w *world) {
		w.host.register(abi.SlotMsglogStatusChanged, true)
		for i := 1; i <= 3; i++ {
			w.engine.Send(draft(t, "bob", text(i)))
		}
		settle(time.Second)
		w.host.take()
		status := func(id string) int32 {
			m, err := w.store.MessageByID(id)
			if err != nil || m == nil {
				t.Fatalf("%s: %+v %v", id, m, err)
			}
			return m.Status
		}
		sent, _ := w.server.stored(p2p("bob"))
		w.peerReads(p2p("bob"), 2)
		settle(time.Second)
		want(t, receiptLines(w.host.take()), fmt.Sprint("bob 7 at ", sent[1].Time.UnixMilli()))
		if status("c1") != store.StatusReceipt || status("c2") != store.StatusReceipt || status("c3") != store.StatusSent {
			t.Errorf("%d %d %d", status("c1"), status("c2"), status("c3"))
		}
		if r := (Receipt{Conv: p2p("bob"), Time: sent[1].Time.UnixMilli()}); !w.engine.ReadByPeer(r) {
			t.Error("c2 is not known as read")
		}
		if r := (Receipt{Conv: p2p("bob"), Time: sent[2].Time.UnixMilli()}); w.engine.ReadByPeer(r) {
			t.Error("c3 is known as read")
		}
		w.peerReads(p2p("bob"), 1)
		settle(time.Second)
		want(t, receiptLines(w.host.take()))
		// While away: my other device sends, bob reads it.
		w.offline(module.Lost)
		e := w.arrive(p2p("bob"), me, text(4))
		w.peerReads(p2p("bob"), 4)
		w.online()
		settle(5 * time.Second)
		want(t, receiptLines(w.host.take()), fmt.Sprint("bob 7 at ", e.Time.UnixMilli()))
		if status("c3") != store.StatusReceipt || status("c4") != store.StatusReceipt {
			t.Errorf("%d %d", status("c3"), status("c4"))
		}
	})
}

// A receipt goes out once for the newest message, and leaves the unread number.
func TestSendReceipt(t *testing.T) {
	bubble(t, nil, func(w *world) {
		settle(time.Second)
		says(w, "one", "two")
		m, _ := w.store.MessageByID("m1")
		r := Receipt{Conv: p2p("bob"), Sender: "bob", ClientID: "m1"}
		if r.Time = m.Time; w.engine.ReceiptSent(r) {
			t.Error("known as sent before")
		}
		w.engine.SendReceipt(1, r)
		settle(time.Second)
		older := r
		older.ClientID = "m0"
		w.engine.SendReceipt(2, older)
		unknown := r
		unknown.ClientID = "m9"
		w.engine.SendReceipt(3, unknown)
		settle(time.Second)
		for call, code := range map[module.Call]int64{1: 200, 2: 200, 3: 404} {
			if got, list := w.number(call, 0), jsonArray(w.host.answers[call]); got != code || len(list) != 1 || list[0].Get("talk_id").Str != "bob" {
				t.Errorf("call %d: %d %v", call, got, list)
			}
		}
		var asked []backend.Read
		w.server.set(func() {
			for _, a := range w.server.asked {
				if read, ok := a.(backend.Read); ok {
					asked = append(asked, read)
				}
			}
		})
		if len(asked) != 1 || !asked[0].ReceiptOnly || asked[0].Seq != 2 || asked[0].Silent {
			t.Errorf("asked for %+v", asked)
		}
		if c, _ := w.store.Conversation("p:bob"); c.Unread.Total() != 2 || !w.engine.ReceiptSent(r) {
			t.Errorf("%+v", c)
		}
	})
}
