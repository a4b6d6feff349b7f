package engine

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/message"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/core/store"
	"github.com/libnim/libnim/internal/nimerr"
)

// found are the ids of a query's answer, in order.
func (w *world) found(call module.Call, f Find) string {
	w.engine.Find(call, f)
	settle(3 * time.Second)
	w.host.mu.Lock()
	a := w.host.answers[call]
	w.host.mu.Unlock()
	var ids []string
	for _, m := range object(a).Get("content").Array() {
		ids = append(ids, m.Get("client_msg_id").Str)
	}
	if code := a.Number(0); code != 200 {
		return fmt.Sprint(code)
	}
	return strings.Join(ids, " ")
}

// says puts messages of bob and eve into the store.
func says(w *world, texts ...string) {
	for i, s := range texts {
		from := "bob"
		if strings.HasPrefix(s, "eve:") {
			from, s = "eve", s[4:]
		}
		w.arrive(p2p(from), from, backend.Message{ClientID: fmt.Sprint("m", i), Body: s})
		settle(10 * time.Millisecond)
	}
	settle(time.Second)
}

// K1: what a search asks for is a piece of the text, in Chinese as in Latin.
func TestK1SearchOfAnyPiece(t *testing.T) {
	bubble(t, nil, func(w *world) {
		settle(time.Second)
		says(w, "今天天气很好", "Hello World", "eve:天气 forecast", "it's 天气Weather", "nothing")
		for i, c := range []struct {
			text, want string
			one        bool
		}{
			{"天", "m3 m2 m0", false}, {"天气", "m3 m2 m0", false}, {"天天气很", "m0", false}, {"lo wo", "m1", false}, {"WORLD", "m1", false},
			{"orecas", "m2", false}, {"气w", "m3", false}, {"天气", "m3 m0", true}, {"不", "", false}, {"'", "m3", false}, {"", "m4 m3 m2 m1 m0", false},
		} {
			f := Find{Query: store.Query{Text: c.text, Limit: 100}}
			if c.one {
				f.Conv = p2p("bob")
			}
			if got := w.found(module.Call(100+i), f); got != c.want {
				t.Errorf("%q: %s, want %s", c.text, got, c.want)
			}
		}
		// Pages go on behind a message that the caller has, in both directions.
		f := Find{Known: "m3", Query: store.Query{Text: "天", Limit: 1}}
		if got := w.found(200, f); got != "m2" {
			t.Errorf("behind m3: %s", got)
		}
		f.OldestFirst, f.Known = true, "m0"
		if got := w.found(201, f); got != "m2" {
			t.Errorf("behind m0, oldest first: %s", got)
		}
		f = Find{Conv: p2p("bob"), Query: store.Query{Kinds: "t", Text: "天", Limit: 9}}
		if f.Conv.ID = ""; w.found(202, f) != "" {
			t.Error("teams have no messages")
		}
	})
}

func TestOpenSearchesEndWithTheLogin(t *testing.T) {
	bubble(t, nil, func(w *world) {
		settle(time.Second)
		says(w, "one", "two")
		for i := range 20 {
			w.engine.Find(module.Call(100+i), Find{Query: store.Query{Text: "o", Limit: 10}})
		}
		w.logout(false)
		settle(5 * time.Second)
		w.end()
		for i := range 20 {
			a, answered := w.host.answers[module.Call(100+i)]
			if code := a.Number(0); !answered || code != 200 && int32(code) != nimerr.Cancelled.Code {
				t.Errorf("call %d: answered %v with %d", 100+i, answered, code)
			}
		}
		w.start(Options{})
		w.online()
	})
}

func TestEdit(t *testing.T) {
	bubble(t, nil, func(w *world) {
		settle(time.Second)
		says(w, "one", "two")
		w.host.take()
		status, sub, ext := int32(store.StatusRead), int32(21), `{"a":1}`
		w.engine.Edit(1, "m1", Edit{Status: &status})
		w.engine.Edit(2, "m0", Edit{SubStatus: &sub})
		w.engine.Edit(3, "m0", Edit{LocalExt: &ext})
		w.engine.Edit(4, "m9", Edit{LocalExt: &ext})
		settle(time.Second)
		for call, code := range map[module.Call]int64{1: 200, 2: 200, 3: 200, 4: 404} {
			if got := w.number(call, 0); got != code {
				t.Errorf("call %d: %d, want %d", call, got, code)
			}
		}
		want(t, lines(w.host.take()), "change 9 bob m1 status 2 unread 2 of 2") // the number has nothing to do with it
		m, _ := w.store.MessageByID("m0")
		if m.SubStatus != 21 || message.Body(m) != "one" || !strings.Contains(string(m.Content), `"local_ext":"{\"a\":1}"`) {
			t.Errorf("%+v %s", m, m.Content)
		}
		ext = ""
		w.engine.Edit(5, "m0", Edit{LocalExt: &ext})
		settle(time.Second)
		if m, _ = w.store.MessageByID("m0"); strings.Contains(string(m.Content), "local_ext") {
			t.Errorf("%s", m.Content)
		}
	})
}

// E3, D10: what was deleted stays deleted over pushes, heads, pulls and another
// login; the sum of unread numbers is that of the list.
func TestE3DeletedStaysDeleted(t *testing.T) {
	bubble(t, nil, func(w *world) {
		settle(time.Second)
		says(w, "one", "two", "eve:three", "four")
		w.host.take()
		w.engine.Edit(1, "m3", Edit{Conv: p2p("bob"), Delete: true})
		settle(time.Second)
		want(t, lines(w.host.take()), "change 5 bob m1 status 1 unread 2 of 3")
		w.engine.Edit(2, "m0", Edit{Conv: p2p("bob"), Delete: true})
		settle(time.Second)
		want(t, lines(w.host.take()), "change 9 bob m1 status 1 unread 1 of 2")
		again := func() {
			w.logout(false)
			w.end()
			time.Sleep(time.Hour)
			w.start(Options{})
			w.online()
			settle(5 * time.Second)
		}
		again()
		w.engine.Push(backend.Resync{All: true})
		e, _ := w.server.stored(p2p("bob"))
		w.engine.Push(backend.Entries{Conv: p2p("bob"), Entries: e, MaxSeq: 3})
		settle(time.Second)
		if got := w.found(3, Find{Conv: p2p("bob"), Query: store.Query{Limit: 9}}); got != "m1" {
			t.Errorf("%s", got)
		}
		w.host.take()
		w.engine.Clear(4, Clearing{Conv: p2p("bob")}, func(err *nimerr.Error) { w.engine.EndChange(4, err) })
		settle(time.Second)
		want(t, lines(w.host.take()), "change 5 bob  status 0 unread 0 of 1")
		again()
		w.engine.Push(backend.Entries{Conv: p2p("bob"), Entries: e, MaxSeq: 3})
		settle(time.Second)
		if got := w.found(5, Find{Conv: p2p("bob"), Query: store.Query{Limit: 9}}); got != "" {
			t.Errorf("%s", got)
		}
		// E6: a bound, no block.
		w.host.take()
		w.arrive(p2p("bob"), "bob", backend.Message{ClientID: "m7", Body: "new"})
		settle(time.Second)
		want(t, lines(w.host.take()), "receive m7:0", "change 9 bob m7 status 1 unread 1 of 2")
		w.server.room(p2p("bob")).read = 1 // another device has read some of what is deleted here
		w.engine.Push(backend.HeadChanged{Head: w.server.headOf(w.server.room(p2p("bob")))})
		settle(time.Second)
		w.engine.Recent(6, Listing{Limit: -1})
		settle(time.Second)
		if n := object(w.host.answers[6]).Get("unread_counts").Int(); n != 2 {
			t.Errorf("%d unread, want 2", n)
		}
		// Another epoch brings the same entries under other numbers.
		w.logout(false)
		w.end()
		w.server.set(func() { w.server.epoch++ })
		w.start(Options{})
		w.online()
		settle(5 * time.Second)
		if got := w.found(7, Find{Conv: p2p("bob"), Query: store.Query{Limit: 9}}); got != "m7" {
			t.Errorf("%s", got)
		}
	})
}

func TestClearKindsTellsOnce(t *testing.T) {
	bubble(t, nil, func(w *world) {
		settle(time.Second)
		says(w, "one", "eve:two")
		w.host.take()
		w.engine.Clear(1, Clearing{Kinds: "t"}, func(err *nimerr.Error) { w.engine.EndChange(1, err) })
		settle(time.Second)
		want(t, lines(w.host.take()), "change 8   status 0 unread 0 of 2")
		w.engine.Clear(2, Clearing{Kinds: "p"}, func(err *nimerr.Error) { w.engine.EndChange(2, err) })
		settle(time.Second)
		want(t, lines(w.host.take()), "change 7   status 0 unread 0 of 0")
		w.engine.Recent(3, Listing{Limit: -1})
		settle(time.Second)
		if n := object(w.host.answers[3]).Get("count").Int(); n != 2 {
			t.Errorf("%d items stay, want 2", n)
		}
		w.engine.Clear(4, Clearing{Items: true}, func(err *nimerr.Error) { w.engine.EndChange(4, err) })
		settle(time.Second)
		want(t, lines(w.host.take()), "change 2   status 0 unread 0 of 0")
		w.engine.Recent(5, Listing{Limit: -1})
		settle(time.Second)
		if n := object(w.host.answers[5]).Get("count").Int(); n != 0 {
			t.Errorf("%d items stay", n)
		}
	})
}

func TestClearOfASpan(t *testing.T) {
	bubble(t, nil, func(w *world) {
		settle(time.Second)
		says(w, "0", "1", "2", "3")
		m1, _ := w.store.MessageByID("m1")
		m2, _ := w.store.MessageByID("m2")
		w.host.take()
		w.engine.Clear(1, Clearing{Conv: p2p("bob"), First: m1.Time, Last: m2.Time}, func(err *nimerr.Error) { w.engine.EndChange(1, err) })
		settle(time.Second)
		want(t, lines(w.host.take()), "change 9 bob m3 status 1 unread 2 of 2")
		if got := w.found(2, Find{Conv: p2p("bob"), Query: store.Query{Limit: 9}}); got != "m3 m0" {
			t.Errorf("%s", got)
		}
	})
}

// E5, E6: an item that was deleted comes back with a newer message, and only then.
func TestE5DeletedItem(t *testing.T) {
	bubble(t, nil, func(w *world) {
		settle(time.Second)
		says(w, "one", "eve:two")
		top, data := true, "mine"
		w.engine.SetItem(1, p2p("bob"), Dress{Top: &top, Data: &data})
		settle(time.Second)
		w.engine.Item(2, p2p("bob"))
		settle(time.Second)
		if o := object(w.host.answers[2]); !o.Get("top").Bool() || o.Get("extend_data").Str != "mine" {
			t.Errorf("%s", o.Raw)
		}
		w.host.take()
		w.engine.RemoveItem(3, p2p("bob"))
		settle(5 * time.Second)
		want(t, lines(w.host.take()), "change 1 bob  status 0 unread 0 of 1")
		e, _ := w.server.stored(p2p("bob"))
		w.engine.Push(backend.Entries{Conv: p2p("bob"), Entries: e, MaxSeq: 1})
		w.engine.Push(backend.Resync{All: true})
		settle(time.Second)
		w.engine.Item(4, p2p("bob"))
		settle(time.Second)
		if code := w.number(4, 0); code != 404 {
			t.Errorf("the item is back: %d", code)
		}
		if got := w.found(5, Find{Conv: p2p("bob"), Query: store.Query{Limit: 9}}); got != "m0" {
			t.Errorf("its messages stay, got %q", got)
		}
		w.arrive(p2p("bob"), "bob", backend.Message{ClientID: "m7", Body: "new"})
		settle(time.Second)
		want(t, lines(w.host.take()), "receive m7:0", "change 0 bob m7 status 1 unread 1 of 2")
		w.engine.RemoveAllItems(6)
		settle(time.Second)
		want(t, lines(w.host.take()), "change 2   status 0 unread 0 of 0")
	})
}

func TestListing(t *testing.T) {
	bubble(t, nil, func(w *world) {
		settle(time.Second)
		says(w, "one", "eve:two")
		w.arrive(p2p("bob"), "bob", backend.Message{ClientID: "tip", Type: 10, Body: "tip"})
		settle(time.Second)
		w.engine.Recent(1, Listing{Limit: 1})
		w.engine.Recent(2, Listing{Limit: -1, Excluded: []int32{10}})
		w.engine.ZeroMany(3, []backend.Conv{p2p("bob"), p2p("nobody")})
		settle(time.Second)
		if o := object(w.host.answers[1]); o.Get("count").Int() != 1 || o.Get("content.0.msg_client_id").Str != "tip" || o.Get("unread_counts").Int() != 3 {
			t.Errorf("%s", o.Raw)
		}
		if o := object(w.host.answers[2]); o.Get("content.0.msg_client_id").Str != "m0" || o.Get("content.1.msg_client_id").Str != "m1" {
			t.Errorf("%s", o.Raw)
		}
		if o := object(w.host.answers[3]); o.Get("0.id").Str != "bob" || o.Get("0.unread_count").Int() != 0 || o.Get("1.id").Str != "nobody" || w.number(3, 1) != 1 {
			t.Errorf("%s", o.Raw)
		}
	})
}

// number is an integer argument of the answer of a call.
func (w *world) number(call module.Call, at int) int64 {
	w.host.mu.Lock()
	defer w.host.mu.Unlock()
	a := w.host.answers[call]
	return a.Number(at)
}

// A burst of messages: the acknowledgement of the first does not make it the last
// message of the list again.
func TestLastMessageOfABurst(t *testing.T) {
	bubble(t, nil, func(w *world) {
		settle(time.Second)
		w.host.take()
		for i := range 4 {
			w.engine.Send(draft(t, "bob", text(i)))
		}
		settle(2 * time.Second)
		newest := ""
		for _, l := range lines(w.host.take()) {
			if f := strings.Fields(l); f[0] == "change" {
				if f[3] < newest {
					t.Errorf("%s after %s", l, newest)
				}
				newest = f[3]
			}
		}
		if newest != "c3" {
			t.Errorf("the last message is %s", newest)
		}
	})
}
