package e2e

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/libnim/libnim/tests/nimdtest"
)

// newFilter is a device with a message filter, which drops ids that end in 3.
func newFilter(t *testing.T, server *nimdtest.Server, account string, s settings) *device {
	t.Helper()
	d := newStarted(t, server, "bob", s)
	d.speaks()
	d.do("on", "filter", "2100")
	d.mustLogin(account)
	return d
}

// wanted are the ids that the filter keeps.
func wanted(all []string) (kept []string) {
	for _, id := range all {
		if !strings.HasSuffix(id, "3") {
			kept = append(kept, id)
		}
	}
	return kept
}

// filtered is what the filter was asked about, in order.
func (d *device) filtered() (list []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range d.history {
		if e.CB == "filter" {
			list = append(list, read[received](d.t, e.Content).Content.ID)
		}
	}
	return list
}

// What a filter drops is told, listed, counted and queried by nobody; all others
// are, each once and in order, at full speed too.
func TestFilter(t *testing.T) {
	server := quickServer(t)
	alice, a, b := pair(t, server)
	bob := newFilter(t, server, b, settings{})
	alice.texts(b, "f", 0, 1000)
	bob.hears("f999")
	all := ids("f", 0, 1000)
	if asked := bob.filtered(); !slices.Equal(asked, all) {
		t.Errorf("the filter was asked about %d: %s", len(asked), firstDifference(asked, all))
	}
	bob.wantHeard(a, wanted(all))
	bob.wantLog(a, wanted(all), statusUnread)
	if _, unread := bob.sessions(); unread != 900 {
		t.Errorf("%d unread, want 900", unread)
	}
	if e := bob.ask("by_id", "f3"); e.Code == 200 {
		t.Errorf("a dropped message is found: %s", e.Content)
	}
	bob.logout(1)
	bob.mustLogin(b)
	if list, unread := bob.sessions(); len(list) != 1 || unread != 900 || list[0].MsgID != "f999" {
		t.Errorf("after another login: %+v, %d unread", list, unread)
	}
	if n := len(bob.filtered()); n != 1000 {
		t.Errorf("asked %d times", n)
	}
	checkAcks(t, alice, all)
}

// A filter may call any function; what it cuts off is asked again.
func TestFilterCallsFunctions(t *testing.T) {
	server := quickServer(t)
	for _, c := range []struct {
		name string
		in   []string
		ends bool // with the login
	}{
		{"send", []string{"texts", "ALICE", "back", "0", "1"}, false},
		{"take its time", []string{"block", "3000"}, false},
		{"query", []string{"sessions", "777"}, false},
		{"unregister and register", []string{"on", "filter", "2101"}, false},
		{"logout", []string{"logout", "1", "", "778"}, true},
		{"cleanup", []string{"cleanup", ""}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			alice, a, b := pair(t, server)
			s := settings{dir: t.TempDir()}
			bob := newFilter(t, server, b, s)
			in := slices.Clone(c.in)
			for i := range in {
				in[i] = strings.ReplaceAll(in[i], "ALICE", a)
			}
			bob.do(append([]string{"in", "filter"}, in...)...)
			alice.texts(b, "g", 0, 20)
			if c.ends {
				if in[0] == "logout" {
					bob.next("logout")
				} else {
					bob.await("ret cleanup", nil)
					bob.start(server, s)
					bob.speaks()
					bob.do("on", "filter", "2100")
				}
				bob.mustLogin(b)
			}
			bob.hears("g19")
			bob.wantHeard(a, wanted(ids("g", 0, 20)))
			if in[0] == "texts" {
				alice.hears("back0")
			}
		})
	}
}

// A host that does not pump: the filter is not waited for, and cleanup ends in its
// bound.
func TestFilterThatNobodyPumps(t *testing.T) {
	server := quickServer(t)
	alice, a, b := pair(t, server)
	bob := newDevice(t, "bob")
	bob.do("mode", "1")
	bob.start(server, settings{})
	bob.speaks()
	bob.do("on", "filter", "2100")
	bob.send("login", "", b, "secret", "", "1")
	pumpUntil(bob, "login", func(e event) bool { return e.JSON.final() })
	pumpUntil(bob, "data_sync", func(e event) bool { return e.Type == 2 })
	bob.do("sessions", "7")
	pumpUntil(bob, "answer", nil) // what the login has posted has run
	alice.texts(b, "h", 3, 1)
	alice.isAcked("h3")
	// The question leaves the queue, the message and a session change take its place.
	for end := time.Now().Add(waitLimit); ; bob.do("block", "50") {
		if n, _ := strconv.Atoi(bob.value("pending")); n == 2 {
			break
		} else if time.Now().After(end) {
			t.Fatalf("%d are pending", n)
		}
	}
	pumpUntil(bob, "receive", nil)
	bob.wantHeard(a, []string{"h3"})
	if asked := bob.filtered(); len(asked) != 0 {
		t.Errorf("the filter was asked about %v when it was too late", asked)
	}
	alice.texts(b, "i", 0, 20)
	alice.isAcked("i19")
	start := time.Now()
	bob.do("cleanup", "")
	if d := time.Since(start); d > 10*time.Second {
		t.Errorf("cleanup took %v", d)
	}
}
