package engine

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/message"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/core/store"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// bubble runs a test with an engine that is online and has had its heads.
func bubble(t *testing.T, prepare func(w *world), test func(w *world)) {
	path := filepath.Join(t.TempDir(), "m.db")
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, server: newServer(nil), path: path, host: newHost(t)}
		if prepare != nil {
			prepare(w)
			time.Sleep(time.Hour)
		}
		w.start(Options{})
		w.online()
		test(w)
		w.logout(false)
		w.end()
		time.Sleep(time.Minute) // timers of the fakes
	})
}

// settle lets everything happen that needs less than d.
func settle(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func draft(t testing.TB, to string, m backend.Message) *message.Draft {
	d, err := message.Parse(fmt.Sprintf(`{"to_type":0,"to_accid":%q,"msg_type":0,"client_msg_id":%q,"msg_body":%q}`, to, m.ClientID, m.Body))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// lines are what has run, in short.
func lines(list []abi.Posting) (out []string) {
	for _, p := range list {
		r := object(p)
		switch p.Slot() {
		case abi.SlotTalkAck:
			out = append(out, fmt.Sprintf("ack %s %d", r.Get("msg_id"), r.Get("rescode").Int()))
		case abi.SlotNimxTalkMsgCorrected:
			out = append(out, "corrected "+r.Get("msg_id").Str)
		case abi.SlotSessionChange:
			out = append(out, fmt.Sprintf("change %d %s %s status %d unread %d of %d", r.Get("command").Int(), r.Get("id"), r.Get("msg_client_id"),
				r.Get("msg_status").Int(), r.Get("unread_count").Int(), p.Number(1)))
		case abi.SlotTalkMessageFilter, abi.SlotTalkNotificationFilter:
			out = append(out, "filter "+r.Get("content.client_msg_id").Str)
		case abi.SlotDataSyncComplete:
			out = append(out, fmt.Sprintf("synced %d", p.Number(0)))
		default:
			var ids []string
			for _, m := range messages(p) {
				ids = append(ids, fmt.Sprintf("%s:%d", m.Get("content.client_msg_id").Str, m.Get("feature").Int()))
			}
			name := "receive"
			if p.Slot() == abi.SlotTalkReceiveMsgs {
				name = "batch"
			}
			out = append(out, name+" "+strings.Join(ids, " "))
		}
	}
	return out
}

func want(t *testing.T, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func TestSendAndReceive(t *testing.T) {
	bubble(t, nil, func(w *world) {
		settle(time.Second)
		want(t, lines(w.host.take()), "synced 2")
		w.engine.Send(draft(t, "bob", text(1)))
		synctest.Wait()
		if list, _ := w.server.stored(p2p("bob")); len(list) != 0 {
			t.Errorf("%d messages left before the row was seen", len(list))
		}
		if m, err := w.store.MessageByID("c1"); err != nil || m == nil || m.Status != store.StatusSending {
			t.Fatalf("the row before it leaves: %+v, %v", m, err)
		}
		settle(time.Second)
		want(t, lines(w.host.take()), "change 0 bob c1 status 4 unread 0 of 0", "ack c1 200", "change 9 bob c1 status 6 unread 0 of 0")
		w.arrive(p2p("bob"), "bob", text(2))
		settle(time.Second)
		want(t, lines(w.host.take()), "receive c2:0", "change 9 bob c2 status 1 unread 1 of 1")
		w.arrive(p2p("bob"), me, text(3)) // another device of mine
		settle(time.Second)
		want(t, lines(w.host.take()), "receive c3:3", "change 9 bob c3 status 6 unread 1 of 1")
		w.engine.Zero(1, p2p("bob"))
		settle(time.Second)
		want(t, lines(w.host.take()), "change 9 bob c3 status 6 unread 0 of 0")
		if a := w.host.answers[1]; a.Number(0) != 200 || object(a).Get("unread_count").Int() != 0 {
			t.Errorf("%v", a)
		}
		if _, read := w.server.stored(p2p("bob")); read != 3 {
			t.Errorf("the server has the read mark %d, want 3", read)
		}
	})
}

func TestMessagesThatWaited(t *testing.T) {
	prepare := func(w *world) {
		for i := range 250 {
			w.server.add(p2p("bob"), "bob", "x", text(i))
		}
		for i := range 3 {
			w.server.add(p2p(fmt.Sprint("p", i)), fmt.Sprint("p", i), "x", text(1000+i))
		}
		w.server.room(p2p("bob")).read = 160
	}
	bubble(t, prepare, func(w *world) {
		w.host.register(abi.SlotTalkReceiveMsgs, true)
		settle(2 * time.Second)
		next, arrays := 160, 0
		seen2 := false
		for _, p := range w.host.take() {
			if p.Slot() == abi.SlotDataSyncComplete && p.Number(0) == abi.DataSyncTypeUnreadMsg {
				seen2 = true
			}
			if list := messages(p); len(list) > 0 {
				arrays++
				if seen2 {
					t.Error("an array after data_sync 2")
				}
				for _, m := range list {
					id := m.Get("content.client_msg_id").Str
					if strings.HasPrefix(id, "c1000") || strings.HasPrefix(id, "c1001") || strings.HasPrefix(id, "c1002") {
						continue
					}
					if id != fmt.Sprint("c", next) || m.Get("feature").Int() != featureOffline {
						t.Errorf("%s after %d: %s", id, next, m.Raw)
						return
					}
					next++
				}
			}
		}
		if next != 250 || !seen2 {
			t.Errorf("told up to %d, data_sync 2: %v", next, seen2)
		}
		w.engine.Recent(1, Listing{Limit: -1})
		w.engine.Messages(2, Page{Conv: p2p("bob"), Limit: 20})
		settle(time.Second)
		list := object(w.host.answers[1])
		if list.Get("unread_counts").Int() != 93 || list.Get("count").Int() != 4 {
			t.Errorf("%s", list.Raw)
		}
		page := object(w.host.answers[2])
		if page.Get("count").Int() != 20 || page.Get("content.0.client_msg_id").Str != "c249" || page.Get("content.19.client_msg_id").Str != "c230" {
			t.Errorf("%s", page.Raw)
		}
	})
}

// The second login of a device is told what came between, and the newest page of
// the past of a new one comes without being told.
func TestPastAndReturn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.db")
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, server: newServer(nil), path: path, host: newHost(t)}
		for i := range 150 {
			w.server.add(p2p("bob"), "bob", "x", text(i))
		}
		w.server.room(p2p("bob")).read = 150
		time.Sleep(time.Hour)
		w.start(Options{})
		w.online()
		settle(2 * time.Second)
		want(t, lines(w.host.take()), "change 0 bob c149 status 2 unread 0 of 0", "synced 2", "synced 7")
		if list, _ := w.store.Messages(store.Query{Conversation: "p:bob"}); len(list) != 101 {
			t.Errorf("%d messages of the past, want the newest and a page", len(list))
		}
		w.logout(false)
		w.end()
		for i := range 3 {
			w.arrive(p2p("bob"), "bob", text(200+i))
		}
		w.arrive(p2p("eve"), "eve", text(300))
		time.Sleep(time.Hour)
		w.start(Options{})
		w.online()
		settle(2 * time.Second)
		got := strings.Join(lines(w.host.take()), "\n")
		for _, line := range []string{"receive c200:1", "receive c201:1", "receive c202:1", "receive c300:1", "change 9 bob c202 status 1 unread 3 of"} {
			if !strings.Contains(got, line) {
				t.Errorf("no %q in\n%s", line, got)
			}
		}
		w.logout(false)
		w.end()
		time.Sleep(time.Minute)
	})
}

func TestNoAnswerIsAFailureThatIsCorrected(t *testing.T) {
	bubble(t, nil, func(w *world) {
		settle(time.Second)
		w.host.take()
		w.offline(module.Lost)
		w.engine.Send(draft(t, "bob", text(1)))
		w.engine.Send(draft(t, "bob", text(1))) // joins
		settle(time.Second)
		want(t, lines(w.host.take()), "change 0 bob c1 status 4 unread 0 of 0")
		w.online()
		settle(time.Second)
		got := slices.DeleteFunc(lines(w.host.take()), func(l string) bool { return strings.HasPrefix(l, "synced") })
		want(t, got, "ack c1 200", "change 9 bob c1 status 6 unread 0 of 0")
		settle(5 * time.Second) // the second look at the heads

		// It arrives and the answer never does.
		w.server.set(func() { w.server.quiet = true })
		refuse := func(r backend.Request) *nimerr.Error {
			if s, ok := r.(backend.Send); ok {
				w.server.add(s.Conv, me, device, s.Messages[0])
				return nimerr.ServerBusy.New("")
			}
			return nil
		}
		w.server.set(func() { w.server.refuse = refuse })
		w.engine.Send(draft(t, "bob", text(2)))
		settle(31 * time.Second)
		want(t, lines(w.host.take()), "change 9 bob c2 status 4 unread 0 of 0", "ack c2 408", "change 9 bob c2 status 5 unread 0 of 0")
		w.server.set(func() { w.server.refuse = nil })
		w.engine.Push(backend.Resync{All: true})
		settle(time.Second)
		want(t, lines(w.host.take()), "corrected c2", "change 9 bob c2 status 6 unread 0 of 0")
	})
}

func TestRefusals(t *testing.T) {
	bubble(t, nil, func(w *world) {
		settle(time.Second)
		w.host.take()
		refuse := func(r backend.Request) *nimerr.Error {
			if _, ok := r.(backend.Send); ok {
				return nimerr.Blocked.New("")
			}
			return nil
		}
		w.server.set(func() { w.server.refuse = refuse })
		w.engine.Send(draft(t, "bob", text(1)))
		settle(time.Second)
		want(t, lines(w.host.take()), "change 0 bob c1 status 4 unread 0 of 0", "ack c1 7101", "change 9 bob c1 status 10 unread 0 of 0")
		refuse = func(r backend.Request) *nimerr.Error {
			if _, ok := r.(backend.Send); ok {
				e := nimerr.SendTooFast.New("")
				e.RetryAfter = time.Second
				return e
			}
			return nil
		}
		w.server.set(func() { w.server.refuse = refuse })
		for i := range 3 {
			w.engine.Send(draft(t, "bob", text(2+i)))
		}
		settle(10 * time.Second)
		w.server.set(func() { w.server.refuse = nil })
		settle(2 * time.Second)
		var acks []string
		for _, l := range lines(w.host.take()) {
			if strings.HasPrefix(l, "ack") {
				acks = append(acks, l)
			}
		}
		want(t, acks, "ack c2 200", "ack c3 200", "ack c4 200")
		d := draft(t, "bob", backend.Message{ClientID: "long", Body: strings.Repeat("字", 5001)})
		w.engine.Send(d)
		settle(time.Second)
		want(t, lines(w.host.take()), "ack long 414")
	})
}

func TestLogoutEndsWhatIsOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.db")
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, server: newServer(nil), path: path, host: newHost(t)}
		w.start(Options{})
		w.online()
		settle(time.Second)
		w.offline(module.Lost)
		for i := range 3 {
			w.engine.Send(draft(t, "bob", text(i)))
		}
		synctest.Wait()
		w.host.take()
		w.logout(false)
		settle(time.Second)
		want(t, lines(w.host.take())[:3], "ack c0 21002", "ack c1 21002", "ack c2 21002")
		w.engine.Send(draft(t, "bob", text(9)))
		settle(time.Second)
		want(t, lines(w.host.take()), "ack c9 20001")
		w.login()
		synctest.Wait()
		if list, _ := w.store.MessagesByStatus("", store.StatusSending, 0); len(list) > 0 {
			t.Errorf("%d rows stay in sending", len(list))
		}
		w.logout(false)
		w.end()
		time.Sleep(time.Minute)
	})
}

// A message that comes while nobody takes messages waits for who does.
func TestToldWhenSomebodyListens(t *testing.T) {
	bubble(t, func(w *world) { w.host.register(abi.SlotTalkReceive, false) }, func(w *world) {
		settle(time.Second)
		w.host.take()
		w.arrive(p2p("bob"), "bob", text(1))
		settle(time.Second)
		want(t, lines(w.host.take()), "change 0 bob c1 status 1 unread 1 of 1")
		w.host.register(abi.SlotTalkReceive, true)
		w.engine.Want()
		settle(time.Second)
		want(t, lines(w.host.take()), "receive c1:0", "change 9 bob c1 status 1 unread 1 of 1")
	})
}

// Where the server stores an id twice, a request without an answer is not issued
// again; where it has no counters, unread messages are counted here.
func TestServerThatStoresTwice(t *testing.T) {
	prepare := func(w *world) {
		w.server.raw = true
		for i := range 20 {
			w.server.add(p2p("bob"), "bob", "x", text(i))
		}
		w.server.room(p2p("bob")).read = 15
	}
	bubble(t, prepare, func(w *world) {
		settle(5 * time.Second)
		got := lines(w.host.take())
		if !slices.Contains(got, "change 0 bob c19 status 1 unread 5 of 5") {
			t.Errorf("%v", got)
		}
		w.server.set(func() { w.server.quiet = true })
		w.engine.Send(draft(t, "bob", text(100)))
		synctest.Wait()
		w.offline(module.Lost) // with the request on the wire, which arrives or not
		w.online()
		settle(40 * time.Second)
		n := 0
		list, _ := w.server.stored(p2p("bob"))
		for _, e := range list {
			if e.ClientID == "c100" {
				n++
			}
		}
		got = lines(w.host.take())
		want := map[int]string{0: "ack c100 408", 1: "ack c100 200"}[n]
		if n > 1 || !slices.Contains(got, want) {
			t.Errorf("stored %d times: %v", n, got)
		}
		w.engine.Zero(1, p2p("bob"))
		settle(time.Second)
		w.host.take()
		w.server.set(func() { w.server.quiet = false })
		w.arrive(p2p("bob"), "bob", text(200))
		settle(time.Second)
		if got := lines(w.host.take()); !slices.Contains(got, "change 9 bob c200 status 1 unread 1 of 1") {
			t.Errorf("%v", got)
		}
	})
}

// A cleanup in the middle of an array that is told one by one: what has run is not
// told again.
func TestCutInsideAnArray(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.db")
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, server: newServer(nil), path: path, host: newHost(t)}
		for i := range 30 {
			w.server.add(p2p("bob"), "bob", "x", text(i))
		}
		time.Sleep(time.Hour)
		w.host.delay = func() time.Duration { return 10 * time.Millisecond }
		w.start(Options{})
		w.online()
		time.Sleep(200 * time.Millisecond)
		w.logout(true)
		received := func() (n int) {
			for _, l := range lines(w.host.take()) {
				if strings.HasPrefix(l, "receive") {
					n++
				}
			}
			return n
		}
		first := received()
		w.end()
		w.start(Options{})
		w.online()
		settle(5 * time.Second)
		if second := received(); first == 0 || first == 30 || first+second != 30 {
			t.Errorf("%d messages before the cleanup and %d after it, of 30", first, second)
		}
		w.logout(false)
		w.end()
		time.Sleep(time.Minute)
	})
}

func TestInsertAndMarkRead(t *testing.T) {
	bubble(t, nil, func(w *world) {
		settle(time.Second)
		w.host.take()
		d := draft(t, "bob", text(1))
		d.Sender, d.Row.Status = "bob", store.StatusUnread
		w.engine.Insert(1, d, true)
		d2 := draft(t, "bob", text(2))
		d2.Sender, d2.Row.Status, d2.Wire.Settings = "bob", store.StatusUnread, backend.NoBadge
		w.engine.Insert(2, d2, true)
		settle(time.Second)
		want(t, lines(w.host.take()), "change 0 bob c1 status 1 unread 1 of 1", "change 9 bob c2 status 1 unread 1 of 1")
		w.engine.MarkRead(3, p2p("bob"))
		w.engine.Message(4, "c1")
		w.engine.Message(5, "none")
		settle(time.Second)
		if a := w.host.answers[3]; a.Number(0) != 200 || string(a.Text(0).AppendJSON(nil)) != "bob" {
			t.Errorf("%+v", a)
		}
		if a := w.host.answers[4]; a.Number(0) != 200 || object(a).Get("log_status").Int() != 2 {
			t.Errorf("%+v", a)
		}
		if a := w.host.answers[5]; a.Number(0) != 404 || string(a.Text(1).AppendJSON(nil)) != "{}" || object(a).Get("err_name").Str != "not_found" {
			t.Errorf("%+v", a)
		}
	})
}

// All unread numbers become 0 in one call; each conversation that had one is told.
func TestZeroAll(t *testing.T) {
	bubble(t, nil, func(w *world) {
		settle(time.Second)
		for _, peer := range []string{"bob", "carol"} {
			w.arrive(p2p(peer), peer, text(1))
		}
		settle(time.Second)
		w.host.take()
		w.engine.ZeroAll(7)
		settle(time.Second)
		if a := w.host.answers[7]; a.Number(0) != 200 {
			t.Errorf("%+v", a)
		}
		told := strings.Join(lines(w.host.take()), "\n")
		for _, peer := range []string{"bob", "carol"} {
			if !strings.Contains(told, "change 9 "+peer) {
				t.Errorf("%s was not told:\n%s", peer, told)
			}
		}
		for _, peer := range []string{"bob", "carol"} {
			if entries, read := w.server.stored(p2p(peer)); read != uint64(len(entries)) {
				t.Errorf("%s: the server has read %d of %d", peer, read, len(entries))
			}
		}
	})
}
