package gateway

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/libnim/libnim/internal/wire"
)

func TestLimiter(t *testing.T) {
	l := NewLimiter(2, 3)
	now := time.Unix(1000, 0)
	for i := range 3 {
		if wait := l.Allow("a", now); wait != 0 {
			t.Errorf("burst %d: wait %v", i, wait)
		}
	}
	if wait := l.Allow("a", now); wait != 500*time.Millisecond {
		t.Errorf("past the burst: wait %v, want 500ms", wait)
	}
	if wait := l.Allow("b", now); wait != 0 {
		t.Errorf("another key: wait %v", wait)
	}
	now = now.Add(500 * time.Millisecond)
	if wait := l.Allow("a", now); wait != 0 {
		t.Errorf("refilled: wait %v", wait)
	}
	l.GiveBack("a")
	l.GiveBack("nobody's")
	if wait := l.Allow("a", now); wait != 0 {
		t.Errorf("given back: wait %v", wait)
	}
	now = now.Add(2 * time.Minute)
	l.Allow("c", now)
	if len(l.buckets) != 1 {
		t.Errorf("%d buckets are kept, want 1", len(l.buckets))
	}
	if wait := NewLimiter(0, 0).Allow("a", now); wait != 0 {
		t.Errorf("without a limit: wait %v", wait)
	}
}

// A thousand clients behind one address come at once. Whoever is refused comes
// back when it was told to: each is refused about once, and none waits for
// longer than the rate makes it.
func TestRefusedConnectionsTakeTurns(t *testing.T) {
	l := NewLimiter(100, 200)
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
		if l.Allow("nat", now) > 0 {
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
		if l.Allow("crowd", now) > 0 {
			if wait := l.turn("crowd", now); wait > maxTurn {
				t.Fatalf("told to wait %v", wait)
			}
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

// unread is a listener whose clients read nothing: what is written to them
// waits until the test ends.
type unread struct {
	net.Listener
	writing chan struct{} // one value for each write that waits
	done    chan struct{}
}

type unreadConn struct {
	net.Conn
	l unread
}

func (l unread) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return unreadConn{c, l}, err
}

func (c unreadConn) Write([]byte) (int, error) {
	c.l.writing <- struct{}{}
	<-c.l.done
	return 0, net.ErrClosed
}

// Clients that do not read their greeting keep no turn to arrive.
func TestAClientThatReadsNothingKeepsNoTurn(t *testing.T) {
	e := newTestEdges(t, 1, 0)[0]
	n := 2 * cap(e.arrivals)
	s := httptest.NewUnstartedServer(e)
	l := unread{s.Listener, make(chan struct{}, 2*n), make(chan struct{})}
	s.Listener = l
	s.Start()
	t.Cleanup(func() { close(l.done) })
	for range n {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		_, err = io.WriteString(c, "GET /nim HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: "+wire.Subprotocol+"\r\n\r\n")
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range n {
		select {
		case <-l.writing:
		case <-time.After(patience):
			t.Fatalf("%d of %d clients are greeted", i, n)
		}
	}
	e.account(t, "alice")
	if _, f := e.login(t, "alice", "desk"); f.Code != 200 {
		t.Errorf("%d %s", f.Code, f.ErrName)
	}
}
