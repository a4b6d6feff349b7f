package server

import (
	"context"
	"crypto/tls"
	"errors"
	"runtime"
	"time"

	"github.com/libnim/libnim/server/turns"
)

// handshakeWait is how long a client may wait for its turn: a client gives up
// after 10 s, and the login still has to come.
const handshakeWait = 4 * time.Second

var errBusy = errors.New("too many TLS handshakes")

// handshakes lets only as many clients compute as there are processors, the
// rest wait in order: package turns says why.
//
// A turn is taken when the client's hello is there and ends before its answer
// is waited for, so that no slow client keeps one.
type handshakes struct {
	turns turns.Turns
	wait  time.Duration
}

func newHandshakes() *handshakes {
	return &handshakes{turns: turns.New(runtime.GOMAXPROCS(0)), wait: handshakeWait}
}

// limit makes c take turns.
func (h *handshakes) limit(c *tls.Config) *tls.Config {
	out := c.Clone()
	out.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		end, ok := h.turns.Take(hello.Context(), h.wait)
		if !ok {
			_ = hello.Conn.Close() // an alert would look like a server that is wrong, not busy
			return nil, errBusy
		}
		context.AfterFunc(hello.Context(), end) // a handshake that fails
		mine := c.Clone()
		mine.VerifyConnection = func(tls.ConnectionState) error { end(); return nil }
		return mine, nil
	}
	return out
}
