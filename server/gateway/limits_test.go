package gateway

import (
	"net/http"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/libnim/libnim/internal/wire"
)

func TestLimiter(t *testing.T) {
	l := newLimiter(2, 3)
	now := time.Unix(1000, 0)
	for i := range 3 {
		if wait := l.allow("a", now); wait != 0 {
			t.Errorf("burst %d: wait %v", i, wait)
		}
	}
	if wait := l.allow("a", now); wait != 500*time.Millisecond {
		t.Errorf("past the burst: wait %v, want 500ms", wait)
	}
	if wait := l.allow("b", now); wait != 0 {
		t.Errorf("another key: wait %v", wait)
	}
	now = now.Add(500 * time.Millisecond)
	if wait := l.allow("a", now); wait != 0 {
		t.Errorf("refilled: wait %v", wait)
	}
	l.giveBack("a")
	l.giveBack("nobody's")
	if wait := l.allow("a", now); wait != 0 {
		t.Errorf("given back: wait %v", wait)
	}
	now = now.Add(2 * time.Minute)
	l.allow("c", now)
	if len(l.buckets) != 1 {
		t.Errorf("%d buckets are kept, want 1", len(l.buckets))
	}
	if wait := newLimiter(0, 0).allow("a", now); wait != 0 {
		t.Errorf("without a limit: wait %v", wait)
	}
}

// A thousand clients behind one address come at once. Whoever is refused comes
// back when it was told to: each is refused about once, and none waits for
// longer than the rate makes it.
func TestRefusedConnectionsTakeTurns(t *testing.T) {
	l := newLimiter(100, 200)
	start := time.Unix(1000, 0)
	due := make([]time.Time, 1000)
	for i := range due {
		due[i] = start
	}
	refused := 0
	var now time.Time
	for len(due) > 0 {
		slices.SortFunc(due, time.Time.Compare)
		now, due = due[0], due[1:]
		if l.allow("nat", now) > 0 {
			refused++
			due = append(due, now.Add(max(l.turn("nat", now), time.Second)))
		}
	}
	if refused > 1000 {
		t.Errorf("%d refusals", refused)
	}
	if took := now.Sub(start); took > 9*time.Second {
		t.Errorf("all are in after %v, want 8 s", took)
	}
	for range 10000 {
		if l.allow("crowd", now) > 0 {
			if wait := l.turn("crowd", now); wait > maxTurn {
				t.Fatalf("told to wait %v", wait)
			}
		}
	}
}

func TestClientAddress(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	for _, tc := range []struct {
		remote, forwarded, want string
	}{
		{"192.0.2.1:5", "", "192.0.2.1:5"},
		{"192.0.2.1:5", "198.51.100.7", "192.0.2.1:5"}, // not from a proxy: not believed
		{"10.1.1.1:5", "198.51.100.7", "198.51.100.7:0"},
		{"10.1.1.1:5", "203.0.113.9, 198.51.100.7, 10.2.2.2", "198.51.100.7:0"},
		{"10.1.1.1:5", "10.3.3.3", "10.3.3.3:0"},
		{"10.1.1.1:5", "nonsense", "10.1.1.1:0"},
		{"[::1]:5", "2001:db8::1", "[2001:db8::1]:0"},
	} {
		r := &http.Request{RemoteAddr: tc.remote, Header: http.Header{}}
		if tc.forwarded != "" {
			r.Header.Set("X-Forwarded-For", tc.forwarded)
		}
		if got := clientAddress(r, trusted); got != tc.want {
			t.Errorf("%s via %q: got %s, want %s", tc.remote, tc.forwarded, got, tc.want)
		}
	}
}

func TestNetwork(t *testing.T) {
	for remote, want := range map[string]string{
		"127.0.0.1:1": "", "[::1]:1": "", "[::ffff:127.0.0.1]:1": "", "nonsense": "",
		"192.0.2.1:1": "192.0.2.1", "[::ffff:192.0.2.1]:1": "192.0.2.1",
		"[2001:db8:1:2:3:4:5:6]:1": "2001:db8:1:2::/64", "[fe80::1%eth0]:1": "fe80::/64",
	} {
		if got := network(remote); got != want {
			t.Errorf("%s: got %q, want %q", remote, got, want)
		}
	}
}

// Too many arrive. Who gets no turn is told when to come back; who was greeted
// holds none, whatever it does then.
func TestArrivalsTakeTurns(t *testing.T) {
	e := newTestEdges(t, 1, 0)[0]
	e.account(t, "alice")
	for range 2 * cap(e.arrivals) {
		if _, f := e.login(t, "alice", "desk"); f.Code != 200 {
			t.Fatalf("%d %s", f.Code, f.ErrName)
		}
	}
	e.cfg.ArrivalWait = time.Millisecond
	for range cap(e.logins) {
		e.logins <- struct{}{}
	}
	if _, f := e.login(t, "alice", "desk"); f.ErrName != "server_busy" || f.RetryAfterMS < 500 {
		t.Errorf("one more login: %d %s, retry after %d", f.Code, f.ErrName, f.RetryAfterMS)
	}
	for range cap(e.arrivals) {
		e.arrivals <- struct{}{}
	}
	d := websocket.Dialer{Subprotocols: []string{wire.Subprotocol}}
	_, resp, err := d.Dial(e.url, nil)
	if err == nil {
		t.Fatal("one more was let in")
	}
	if resp == nil || resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Errorf("refused with %v, %v", resp, err)
	}
}
