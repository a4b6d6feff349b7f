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
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/core/store"
	"github.com/libnim/libnim/internal/abi"
)

// drops is a filter that drops messages with these ids.
func drops(ids ...string) func(string) bool {
	return func(id string) bool { return strings.Contains(" "+strings.Join(ids, " ")+" ", " "+id+" ") }
}

// filtering gives the program a filter before the engine starts.
func filtering(f func(string) bool) func(w *world) {
	return func(w *world) {
		w.host.register(abi.SlotTalkMessageFilter, true)
		w.host.filter = f
	}
}

func (w *world) head(of backend.Conv) backend.Head {
	w.server.mu.Lock()
	defer w.server.mu.Unlock()
	return w.server.headOf(w.server.room(of))
}

func (w *world) unread(t *testing.T, want string) {
	t.Helper()
	w.engine.Recent(99, Listing{Limit: -1})
	synctest.Wait()
	r := object(w.host.answers[99])
	delete(w.host.answers, 99)
	var items []string
	for _, i := range r.Get("content").Array() {
		items = append(items, fmt.Sprintf("%s %s %d", i.Get("id"), i.Get("msg_client_id"), i.Get("unread_count").Int()))
	}
	if got := fmt.Sprintf("%d: %s", r.Get("unread_counts").Int(), strings.Join(items, ", ")); got != want {
		t.Errorf("the list is %q, want %q", got, want)
	}
}

func TestFilterIsAskedFirst(t *testing.T) {
	bubble(t, filtering(drops("c2", "c4")), func(w *world) {
		settle(time.Second)
		w.host.take()
		w.arrive(p2p("bob"), "bob", text(1))
		settle(time.Second)
		want(t, lines(w.host.take()), "filter c1", "receive c1:0", "change 0 bob c1 status 1 unread 1 of 1")
		w.arrive(p2p("bob"), "bob", text(2))
		settle(time.Second)
		want(t, lines(w.host.take()), "filter c2")
		w.unread(t, "1: bob c1 1")
		if m, err := w.store.Message(store.Key{Conversation: "p:bob", Sender: "bob", ClientID: "c2"}); err != nil || m == nil || m.Visible() || m.Text != "" {
			t.Errorf("the dropped row: %+v, %v", m, err)
		}
		w.arrive(p2p("bob"), "bob", text(3))
		settle(time.Second)
		want(t, lines(w.host.take()), "filter c3", "receive c3:0", "change 9 bob c3 status 1 unread 2 of 2")
		w.arrive(p2p("bob"), me, text(4)) // another device of mine
		settle(time.Second)
		want(t, lines(w.host.take()), "filter c4")
		w.engine.Send(draft(t, "bob", text(5))) // this device is not asked
		settle(time.Second)
		want(t, lines(w.host.take()), "change 9 bob c5 status 4 unread 2 of 2", "ack c5 200", "change 9 bob c5 status 6 unread 2 of 2")
		w.host.register(abi.SlotTalkMessageFilter, false)
		w.arrive(p2p("bob"), "bob", text(6))
		settle(time.Second)
		want(t, lines(w.host.take()), "receive c6:0", "change 9 bob c6 status 1 unread 3 of 3")
		w.engine.Zero(1, p2p("bob"))
		settle(time.Second)
		w.unread(t, "0: bob c6 0")
	})
}

// What is asked is not to be seen, and nothing behind it is told.
func TestFilterThatHasNotAnswered(t *testing.T) {
	bubble(t, filtering(nil), func(w *world) {
		settle(time.Second)
		w.host.take()
		answer := make(chan bool)
		w.host.filter = func(string) bool { return <-answer }
		w.arrive(p2p("bob"), "bob", text(1))
		w.arrive(p2p("bob"), "bob", text(2))
		settle(time.Second)
		w.unread(t, "0: ")
		if m, err := w.store.MessageByID("c1"); m != nil || err != nil {
			t.Errorf("%+v, %v", m, err)
		}
		want(t, lines(w.host.take()), "filter c1")
		answer <- false
		settle(time.Second)
		w.unread(t, "1: bob c1 1")
		want(t, lines(w.host.take()), "filter c2") // the host is in it: c1 is queued behind
		answer <- false
		settle(time.Second)
		want(t, lines(w.host.take()), "receive c1:0", "change 0 bob c1 status 1 unread 1 of 1",
			"receive c2:0", "change 9 bob c2 status 1 unread 2 of 2")
	})
}

// A filter that the host does not run is not waited for.
func TestFilterThatExpires(t *testing.T) {
	bubble(t, filtering(drops("c1", "c2")), func(w *world) {
		settle(time.Second)
		w.host.take()
		hold := make(chan struct{})
		w.host.on = func(p abi.Posting) {
			if p.Slot() == abi.SlotSessionChange {
				<-hold
			}
		}
		w.engine.Send(draft(t, "eve", text(9)))
		settle(time.Second)
		w.arrive(p2p("bob"), "bob", text(1))
		w.arrive(p2p("bob"), "bob", text(2))
		settle(time.Second)
		w.host.end(abi.SlotTalkMessageFilter, module.Expired)
		settle(time.Second)
		w.unread(t, "2: bob c2 2, eve c9 0")
		close(hold)
		settle(time.Second)
		got := lines(w.host.take())
		if s := strings.Join(got, "|"); !strings.Contains(s, "receive c1:0") || !strings.Contains(s, "receive c2:0") || strings.Contains(s, "filter") {
			t.Errorf("got %q", got)
		}
	})
}

// Many that waited: in order, the dropped ones neither told nor counted, and
// data_sync 2 behind them.
func TestFilterOfMessagesThatWaited(t *testing.T) {
	bubble(t, func(w *world) {
		filtering(func(id string) bool { return strings.HasSuffix(id, "0") })(w)
		for i := 1; i <= 95; i++ {
			w.arrive(p2p("bob"), "bob", text(i))
		}
	}, func(w *world) {
		settle(5 * time.Second)
		var told, asked, synced int
		for _, l := range lines(w.host.take()) {
			switch {
			case strings.HasPrefix(l, "filter"):
				asked++
			case strings.HasPrefix(l, "receive"):
				n := 0
				_, _ = fmt.Sscanf(l, "receive c%d:", &n)
				if n <= told || n%10 == 0 {
					t.Errorf("%q behind %d", l, told)
				}
				told = n
			case l == "synced 2":
				synced++
				if told != 95 {
					t.Errorf("synced behind %d", told)
				}
			}
		}
		if asked != 95 || synced != 1 {
			t.Errorf("%d asked, synced %d times", asked, synced)
		}
		w.unread(t, "86: bob c95 86")
	})
}

// What a cleanup or logout cuts off is asked at the next login; what the end of the
// process cuts off too.
func TestFilterIsAskedAgain(t *testing.T) {
	for _, how := range []string{"logout", "cleanup", "crash", "cleanup inside"} {
		t.Run(how, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "m.db")
			synctest.Test(t, func(t *testing.T) {
				w := &world{t: t, server: newServer(nil), path: path, host: newHost(t)}
				filtering(drops("c2"))(w)
				hold, ended := make(chan struct{}), make(chan struct{})
				w.start(Options{})
				w.online()
				settle(time.Second)
				w.host.filter = func(string) bool {
					if how == "cleanup inside" {
						w.logout(true)
						w.end()
						close(ended)
					}
					<-hold
					return true
				}
				for i := 1; i <= 3; i++ {
					w.arrive(p2p("bob"), "bob", text(i))
				}
				settle(time.Second)
				switch how {
				case "cleanup inside":
					<-ended
				case "crash":
					w.crash()
				default:
					w.logout(how == "cleanup")
					w.end()
				}
				w.host.take()
				w.host.filter = drops("c2")
				close(hold)
				w.start(Options{})
				w.online()
				settle(5 * time.Second)
				var told, asked []string
				for _, l := range lines(w.host.take()) {
					switch {
					case strings.HasPrefix(l, "receive"):
						told = append(told, l)
					case strings.HasPrefix(l, "filter"):
						asked = append(asked, l)
					}
				}
				slices.Sort(asked) // one that was not stored yet comes as it arrives
				want(t, asked, "filter c1", "filter c2", "filter c3")
				want(t, told, "receive c1:1", "receive c3:1")
				w.unread(t, "2: bob c3 2")
				w.logout(false)
				w.end()
				time.Sleep(time.Minute)
			})
		})
	}
}

// The filter that a program takes away is asked nothing any more; what it was asked
// is kept.
func TestFilterThatIsTakenAway(t *testing.T) {
	bubble(t, filtering(drops("c2")), func(w *world) {
		settle(time.Second)
		w.host.take()
		w.host.filter = func(string) bool { w.host.register(abi.SlotTalkMessageFilter, false); return false }
		w.arrive(p2p("bob"), "bob", text(1))
		w.arrive(p2p("bob"), "bob", text(2))
		settle(time.Second)
		w.unread(t, "2: bob c2 2")
	})
}

// Numbers stay right where the server has counted what is asked about: a head comes
// first, or behind.
func TestFilterAndHeads(t *testing.T) {
	bubble(t, filtering(drops("c2", "c5")), func(w *world) {
		settle(time.Second)
		for i := 1; i <= 6; i++ {
			w.arrive(p2p("bob"), "bob", text(i))
			w.engine.Push(backend.HeadChanged{Head: w.head(p2p("bob"))})
		}
		settle(time.Second)
		w.unread(t, "4: bob c6 4")
		w.engine.Push(backend.HeadChanged{Head: w.head(p2p("bob"))})
		settle(time.Second)
		w.unread(t, "4: bob c6 4")
	})
}
