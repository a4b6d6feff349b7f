package gateway

import (
	"net"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/libnim/libnim/internal/wire"
)

// countingListener counts what its connections write.
type countingListener struct {
	net.Listener
	writes atomic.Int32
}

type countingConn struct {
	net.Conn
	writes *atomic.Int32
}

func (l *countingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return countingConn{c, &l.writes}, err
}

func (c countingConn) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(p)
}

func TestTheGreetingLeavesWithTheUpgrade(t *testing.T) {
	e := newTestEdges(t, 1, 0)[0]
	s := httptest.NewUnstartedServer(e)
	l := &countingListener{Listener: s.Listener}
	s.Listener = l
	s.Start()
	defer s.Close()
	d := websocket.Dialer{Subprotocols: []string{wire.Subprotocol}, HandshakeTimeout: patience}
	ws, _, err := d.Dial("ws"+s.URL[len("http"):], nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	if f := nextFrame(t, ws); f.Op != wire.OpHello || l.writes.Load() != 1 {
		t.Errorf("%s after %d writes", f.Op, l.writes.Load())
	}
	if f := request(t, ws, wire.OpTime, nil); f.ErrName != "not_logged_in" || l.writes.Load() != 2 {
		t.Errorf("%s after %d writes", f.ErrName, l.writes.Load())
	}
}

// An edge that drains is not ready, whatever still keeps its connections open.
func TestAnEdgeThatDrainsIsNotReady(t *testing.T) {
	e := newTestEdges(t, 1, 0)[0]
	e.account(t, "alice")
	ws, _ := e.login(t, "alice", "desk")
	if err := e.Ready(); err != nil {
		t.Fatal(err)
	}
	closed := make(chan struct{})
	go func() { e.Close(); close(closed) }()
	if f := nextFrame(t, ws); f.Op != wire.OpGoingAway {
		t.Errorf("told %q", f.Op)
	}
	if e.Ready() == nil { // the client has not closed yet
		t.Error("ready")
	}
	<-closed
}
