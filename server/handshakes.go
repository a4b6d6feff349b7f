package server

import (
	"context"
	"crypto/tls"
	"errors"
	"runtime"
	"sync"
	"time"
)

// handshakeWait is how long a client may wait for its turn: a client gives up
// after 10 s, and the login still has to come.
const handshakeWait = 4 * time.Second

var errBusy = errors.New("too many TLS handshakes")

// handshakes lets only as many clients compute as there are processors, the
// rest wait in order. When all clients of a restarted server come at once,
// handshakes that share the processors all end too late, and take the edge's
// own lease with them.
//
// A turn is taken when the client's hello is there and ends before its answer
// is waited for, so that no slow client keeps one.
type handshakes struct {
	turns chan struct{}
	wait  time.Duration
}

func newHandshakes() *handshakes {
	return &handshakes{turns: make(chan struct{}, runtime.GOMAXPROCS(0)), wait: handshakeWait}
}

// limit makes c take turns.
func (h *handshakes) limit(c *tls.Config) *tls.Config {
	out := c.Clone()
	out.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		ctx, cancel := context.WithTimeout(hello.Context(), h.wait)
		defer cancel()
		select {
		case h.turns <- struct{}{}:
		case <-ctx.Done():
			_ = hello.Conn.Close() // an alert would look like a server that is wrong, not busy
			return nil, errBusy
		}
		end := sync.OnceFunc(func() { <-h.turns })
		context.AfterFunc(hello.Context(), end) // a handshake that fails
		mine := c.Clone()
		mine.VerifyConnection = func(tls.ConnectionState) error { end(); return nil }
		return mine, nil
	}
	return out
}
