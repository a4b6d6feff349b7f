package server

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libnim/libnim/server/metrics"
	"github.com/libnim/libnim/server/rarely"
	"github.com/libnim/libnim/server/turns"
)

// handshakeWait is how long the turns of one handshake may be waited for in
// all: a client gives up after 10 s, and the login still has to come.
const handshakeWait = 4 * time.Second

var errBusy = errors.New("too many TLS handshakes")

// handshakes lets only as many TLS handshakes compute as there are processors,
// the rest wait in order: package turns says why.
//
// A turn is held while the server computes and never while it waits for the
// client: it ends before anything is read or written, and is taken anew when
// there is something to compute with. However many clients say hello and
// nothing more, they hold no turn.
type handshakes struct {
	turns   turns.Turns
	wait    time.Duration
	log     *slog.Logger
	refused *metrics.Counter
	told    rarely.Log
}

func newHandshakes(log *slog.Logger, refused *metrics.Counter) *handshakes {
	return &handshakes{turns: turns.New(runtime.GOMAXPROCS(0)), wait: handshakeWait, log: log, refused: refused}
}

// listen makes the clients of l shake hands by c, in turns.
func (h *handshakes) listen(l net.Listener, c *tls.Config) net.Listener {
	c = c.Clone()
	c.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		mine := c.Clone()
		mine.VerifyConnection = func(tls.ConnectionState) error {
			hello.Conn.(*shaking).shaken()
			return nil
		}
		return mine, nil
	}
	return tls.NewListener(turnsListener{l, h}, c)
}

type turnsListener struct {
	net.Listener
	h *handshakes
}

func (l turnsListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &shaking{Conn: c, h: l.h, left: l.h.wait}, nil
}

// shaking is a connection whose handshake takes turns. Before the handshake is
// over one goroutine reads and writes it.
type shaking struct {
	net.Conn
	h    *handshakes
	over atomic.Bool   // all that had to be computed is
	left time.Duration // for which turns may still be waited for

	mu  sync.Mutex // Close comes from any goroutine
	end func()     // of the turn that is held; nil: none is
}

// shaken ends the handshake's part in the turns.
func (c *shaking) shaken() {
	c.over.Store(true)
	c.endTurn()
}

func (c *shaking) Read(p []byte) (int, error) {
	if c.over.Load() {
		return c.Conn.Read(p)
	}
	c.endTurn()
	n, err := c.Conn.Read(p)
	if err != nil || n == 0 {
		return n, err
	}
	if !c.takeTurn() {
		c.h.refused.Inc("")
		c.h.told.Warn(c.h.log, "server: TLS handshakes got no turn and were closed")
		return 0, errBusy // without an alert: that would look like a server that is wrong, not busy
	}
	return n, nil
}

func (c *shaking) Write(p []byte) (int, error) {
	if !c.over.Load() {
		c.endTurn()
	}
	return c.Conn.Write(p)
}

func (c *shaking) Close() error {
	c.endTurn()
	return c.Conn.Close()
}

func (c *shaking) takeTurn() bool {
	start := time.Now()
	end, ok := c.h.turns.Take(context.Background(), c.left)
	c.left -= time.Since(start)
	if !ok {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.end = end
	return true
}

func (c *shaking) endTurn() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.end != nil {
		c.end()
		c.end = nil
	}
}
