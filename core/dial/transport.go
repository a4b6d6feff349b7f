package dial

import (
	"errors"
	"net"
	"sync/atomic"
)

// errTooMuch ends a handshake that never ends.
var errTooMuch = errors.New("more than 64 KiB before the handshake was through")

// transport is the raw connection: it counts bytes, and until lift is called it
// reads no more than maxUntilOpen of them.
type transport struct {
	net.Conn
	in, out atomic.Uint64
	open    atomic.Bool
}

func (t *transport) lift() { t.open.Store(true) }

// Read implements net.Conn.
func (t *transport) Read(p []byte) (int, error) {
	if !t.open.Load() {
		left := maxUntilOpen - int(t.in.Load())
		if left <= 0 {
			return 0, errTooMuch
		}
		p = p[:min(len(p), left)]
	}
	n, err := t.Conn.Read(p)
	t.in.Add(uint64(n))
	return n, err
}

// Write implements net.Conn.
func (t *transport) Write(p []byte) (int, error) {
	n, err := t.Conn.Write(p)
	t.out.Add(uint64(n))
	return n, err
}

// recorder is what gorilla gets as its connection. Until done it keeps what the
// server said, so that a rejection can be read again in full, and it ignores
// Close, since the rejection may not have arrived in full yet. The transport
// below bounds it, and its owner closes that.
type recorder struct {
	net.Conn
	seen []byte
	done bool // set before the connection is handed on
}

// Read implements net.Conn.
func (r *recorder) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	if !r.done {
		r.seen = append(r.seen, p[:n]...)
	}
	return n, err
}

// Close implements net.Conn.
func (r *recorder) Close() error {
	if !r.done {
		return nil
	}
	return r.Conn.Close()
}

func (r *recorder) finish() { r.done, r.seen = true, nil }
