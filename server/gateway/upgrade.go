package gateway

import (
	"bufio"
	"net"
	"net/http"
	"slices"
)

// greeting is the response of an upgrade whose head waits for the first frame,
// the greeting: both leave in one packet, and the client wakes up once.
type greeting struct{ http.ResponseWriter }

func (g greeting) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(g.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	return &meteredConn{Conn: &heldConn{Conn: c}}, rw, nil
}

// heldConn keeps back what is written first until there is more. It is written
// by one goroutine at a time.
type heldConn struct {
	net.Conn
	begun bool
	held  []byte
}

func (c *heldConn) Write(p []byte) (int, error) {
	if !c.begun {
		c.begun, c.held = true, slices.Clone(p)
		return len(p), nil
	}
	if c.held == nil {
		return c.Conn.Write(p)
	}
	before := len(c.held)
	n, err := c.Conn.Write(append(c.held, p...))
	c.held = nil
	return max(n-before, 0), err
}
