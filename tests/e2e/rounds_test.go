package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/libnim/libnim/tests/nimdtest"
)

// Rounds of faults with a filter that calls functions, in push and in pull mode.
// NIM_FAULT_ROUNDS says how many, NIM_FAULT_SEED with which seed the first begins.
func TestFilterFaultRounds(t *testing.T) {
	rounds, seed := 5, uint64(time.Now().UnixNano())
	if v := os.Getenv("NIM_FAULT_ROUNDS"); v != "" {
		rounds, _ = strconv.Atoi(v)
	}
	if v := os.Getenv("NIM_FAULT_SEED"); v != "" {
		seed, _ = strconv.ParseUint(v, 10, 64)
	}
	server := quickServer(t)
	t.Run("rounds", func(t *testing.T) {
		for i := range rounds {
			s := seed + uint64(i)
			t.Run(fmt.Sprint(s), func(t *testing.T) {
				t.Parallel()
				filterRound(t, server, s)
				if t.Failed() {
					t.Logf("again with NIM_FAULT_SEED=%d NIM_FAULT_ROUNDS=1", s)
				}
			})
		}
	})
}

// A filterHost is a device whose host serves its callbacks, by pumping or not.
type filterHost struct {
	*device
	server  *nimdtest.Server
	path    *nimdtest.Path
	dir     string
	account string
	pull    bool
}

// seen counts what the device has printed of a kind, such as "cb login".
func (h *filterHost) seen(kind string, ok func(event) bool) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.history {
		if e.kind() == kind && (ok == nil || ok(e)) {
			n++
		}
	}
	return n
}

// serve lets callbacks run until something is so.
func (h *filterHost) serve(what string, done func() bool) {
	h.t.Helper()
	for end := time.Now().Add(3 * waitLimit); !done(); {
		if time.Now().After(end) {
			h.t.Fatalf("%s: no %s\n%s", h.name, what, h.tail())
		}
		h.turn()
	}
}

// turn serves for a short while.
func (h *filterHost) turn() {
	if h.pull {
		h.do("dispatch", "0", "20")
	} else {
		h.do("wait", "20")
	}
}

// more does something and serves until one more of a kind has come.
func (h *filterHost) more(kind string, ok func(event) bool, do func()) {
	h.t.Helper()
	n := h.seen(kind, ok)
	do()
	h.serve(kind, func() bool { return h.seen(kind, ok) > n })
}

func (h *filterHost) begin() {
	h.start(h.server, settings{dir: h.dir, link: h.path.Link()})
	h.speaks()
	h.do("on", "filter", "2100")
}

func (h *filterHost) logIn() {
	h.t.Helper()
	final := func(e event) bool { return e.JSON.final() && e.JSON.ErrCode == 200 }
	h.more("cb login", final, func() { h.send("login", "", h.account, "secret", "", h.newTag("login")) })
}

func filterRound(t *testing.T, server *nimdtest.Server, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 13))
	alice, a, b := pair(t, server)
	bob := &filterHost{newDevice(t, "bob"), server, newPath(t, server), t.TempDir(), b, r.IntN(2) == 0}
	if bob.pull {
		bob.do("mode", "1")
	}
	bob.begin()
	bob.more("cb data_sync", func(e event) bool { return e.Type == 2 }, bob.logIn)

	sent, idle := 0, bob.pull // a pumping host may always be too slow for the machine
	text := func() {
		n := 1 + r.IntN(40)
		alice.texts(b, "r", sent, n)
		sent += n
	}
	for range 4 + r.IntN(5) {
		switch r.IntN(9) {
		case 0:
			text()
			bob.path.Cut()
		case 1:
			bob.path.SetClosed(true)
			text()
			bob.turn()
			bob.path.SetClosed(false)
		case 2:
			bob.do("in", "filter", "texts", a, fmt.Sprintf("back%d-", sent), "0", "3")
			text()
		case 3:
			bob.do("in", "filter", "sessions", "9999")
			text()
		case 4:
			bob.do("in", "filter", "on", "filter", "2101")
			text()
		case 5: // the login ends inside the filter
			bob.do("in", "filter", "logout", "1", "", bob.newTag("logout"))
			bob.more("cb logout", nil, text)
			bob.logIn()
		case 6: // the library ends inside the filter
			bob.do("in", "filter", "cleanup", "")
			bob.more("ret cleanup", nil, text)
			bob.begin()
			bob.logIn()
		case 7: // the filter takes long
			bob.do("in", "filter", "block", strconv.Itoa(50+r.IntN(500)))
			text()
		case 8: // the host does nothing for 5 s
			text()
			if !bob.pull {
				bob.do("in", "filter", "block", "5000")
				text()
			} else if r.IntN(2) == 0 {
				bob.do("block", "5000")
			}
		}
		for range r.IntN(6) {
			bob.turn()
		}
	}
	all := ids("r", 0, sent)
	last := wanted(all)[len(wanted(all))-1]
	bob.serve(last, func() bool {
		return slices.ContainsFunc(bob.heard(), func(r received) bool { return r.Content.ID == last })
	})

	var told []string
	for _, m := range bob.heard() {
		if m.Content.From == a {
			told = append(told, m.Content.ID)
		}
	}
	want := wanted(all)
	if idle { // what was asked of a host that did nothing is kept
		want = slices.DeleteFunc(slices.Clone(all), func(id string) bool {
			return strings.HasSuffix(id, "3") && !slices.Contains(told, id)
		})
	}
	if last := all[len(all)-1]; strings.HasSuffix(last, "3") { // it may have come meanwhile, or not yet
		told = slices.DeleteFunc(told, func(id string) bool { return id == last })
		want = slices.DeleteFunc(want, func(id string) bool { return id == last })
	}
	if !slices.Equal(told, want) {
		t.Errorf("told of %d, want %d: %s (pull %v)", len(told), len(want), firstDifference(told, want), bob.pull)
	}
	alice.isAcked(all[len(all)-1])
	checkAcks(t, alice, all)
	start := time.Now()
	bob.do("cleanup", "")
	if d := time.Since(start); d > 10*time.Second {
		t.Errorf("cleanup took %v", d)
	}
}
