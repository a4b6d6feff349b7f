package nimlink

import (
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/dial"
	"github.com/libnim/libnim/internal/memnet"
	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/internal/wire"
)

const address = "ws://gateway.test/nim"

// A gateway is a scripted server on an in-memory network: serve runs for every
// connection that was upgraded.
type gateway struct {
	t     *testing.T
	net   *memnet.Network
	b     *Backend
	serve func(p *peer)

	served sync.WaitGroup // the scripts

	mu    sync.Mutex
	asked []*http.Request
}

// play runs a test in a bubble, against a gateway that runs serve.
func play(t *testing.T, serve func(p *peer), test func(t *testing.T, g *gateway)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		g := &gateway{t: t, net: memnet.New(), serve: serve}
		dialer := &dial.Dialer{NetDial: g.net.Dial}
		g.b = &Backend{Dialer: func() *dial.Dialer { return dialer }, SDK: "libnim/test"}
		l, err := g.net.Listen("")
		if err != nil {
			t.Fatal(err)
		}
		s := &http.Server{Handler: g}
		g.served.Go(func() { _ = s.Serve(l) })
		test(t, g)
		g.net.Reset()
		_ = s.Close()
		g.served.Wait()
	})
}

// ServeHTTP upgrades a connection and runs the script.
func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.served.Add(1)
	defer g.served.Done()
	g.mu.Lock()
	g.asked = append(g.asked, r)
	g.mu.Unlock()
	u := websocket.Upgrader{Subprotocols: []string{wire.Subprotocol}}
	c, err := u.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer c.Close()
	g.serve(&peer{Conn: c, t: g.t})
}

// connect opens a link.
func (g *gateway) connect() (backend.Link, error) {
	return g.b.Connect(g.t.Context(), address, nil, &backend.Attempt{})
}

// mustConnect opens a link that is closed at the end of the test.
func (g *gateway) mustConnect() backend.Link {
	g.t.Helper()
	l, err := g.connect()
	if err != nil {
		g.t.Fatal(err)
	}
	return l
}

// A peer is the gateway's end of a connection.
type peer struct {
	*websocket.Conn
	t *testing.T
}

// send writes a frame. That nobody is there to read it is no fault.
func (p *peer) send(f wire.Frame, body any) {
	data, err := wire.Encode(f, body)
	if err != nil {
		p.t.Error(err)
	}
	_ = p.WriteMessage(websocket.TextMessage, data)
}

func (p *peer) text(s string) { _ = p.WriteMessage(websocket.TextMessage, []byte(s)) }

func (p *peer) hello() { p.send(wire.Frame{Op: wire.OpHello}, wire.Hello{Server: "test"}) }

func (p *peer) hangUp(code int, text string) {
	_ = p.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, text), time.Now().Add(time.Second))
	_ = p.Close()
}

// read returns the next frame; false when the client is gone.
func (p *peer) read() (wire.Frame, bool) {
	_, data, err := p.ReadMessage()
	if err != nil {
		return wire.Frame{}, false
	}
	f, err := wire.Decode(data)
	if err != nil {
		p.t.Errorf("the client sent %.200q: %v", data, err)
	}
	return f, true
}

// drain reads until the client is gone, which answers its pings.
func (p *peer) drain() {
	for {
		if _, ok := p.read(); !ok {
			return
		}
	}
}

// greet greets and then only reads.
func greet(p *peer) {
	p.hello()
	p.drain()
}

func wantKind(t *testing.T, err error, want *nimerr.Kind) *nimerr.Error {
	t.Helper()
	e, ok := errors.AsType[*nimerr.Error](err)
	if !ok {
		t.Fatalf("got %v (%T), want %s", err, err, want.Name)
	}
	if e.Kind != want {
		t.Errorf("got %s (%v), want %s", e.Kind.Name, e, want.Name)
	}
	return e
}

// wantEnd reads a link to its end.
func wantEnd(t *testing.T, l backend.Link, want *nimerr.Kind) *nimerr.Error {
	t.Helper()
	for {
		if _, err := l.Receive(); err != nil {
			return wantKind(t, err, want)
		}
	}
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
