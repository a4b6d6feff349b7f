package memnet

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// window is how many bytes one direction holds before a write blocks.
const window = 64 << 10

// A link is one connection with its two ends and two directions.
type link struct {
	network        *Network
	client, server *conn
	up, down       *stream // client to server, server to client
}

func newLink(n *Network, client, server net.Addr) *link {
	k := &link{network: n, up: newStream(), down: newStream()}
	k.client = &conn{link: k, in: k.down, out: k.up, local: client, remote: server}
	k.server = &conn{link: k, in: k.up, out: k.down, local: server, remote: client}
	k.client.readBy, k.client.writeBy = newDeadline(), newDeadline()
	k.server.readBy, k.server.writeBy = newDeadline(), newDeadline()
	return k
}

func (k *link) cut() {
	k.up.change(func(s *stream) { s.ended = true })
	k.down.change(func(s *stream) { s.ended = true })
}

func (k *link) reset() {
	fail := func(s *stream) { s.err, s.buf = syscall.ECONNRESET, nil }
	k.up.change(fail)
	k.down.change(fail)
}

func (k *link) stall() {
	lose := func(s *stream) { s.stalled, s.buf = true, nil }
	k.up.change(lose)
	k.down.change(lose)
}

// A stream is one direction of a link.
type stream struct {
	mu         sync.Mutex
	changed    chan struct{} // closed and replaced at every change
	buf        []byte
	ended      bool  // no more bytes come: the reader gets EOF after buf
	readerGone bool  // the reading end is closed
	writerGone bool  // the writing end is closed
	stalled    bool  // writes vanish, reads hang
	err        error // both ends fail with it
}

func newStream() *stream { return &stream{changed: make(chan struct{})} }

// change applies f and wakes everyone who waits on the stream.
func (s *stream) change(f func(*stream)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s)
	close(s.changed)
	s.changed = make(chan struct{})
}

// take moves bytes to p. When there is nothing to say yet, wait is what to wait
// for.
func (s *stream) take(p []byte) (n int, wait <-chan struct{}, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.readerGone:
		return 0, nil, net.ErrClosed
	case s.err != nil:
		return 0, nil, os.NewSyscallError("read", s.err)
	case s.stalled:
		return 0, s.changed, nil
	case len(s.buf) > 0:
		n = copy(p, s.buf)
		s.buf = s.buf[n:]
		close(s.changed)
		s.changed = make(chan struct{})
		return n, nil, nil
	case s.ended:
		return 0, nil, io.EOF
	case len(p) == 0:
		return 0, nil, nil
	}
	return 0, s.changed, nil
}

// put takes bytes from p, as many as the window has room for.
func (s *stream) put(p []byte) (n int, wait <-chan struct{}, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.writerGone:
		return 0, nil, net.ErrClosed
	case s.err != nil:
		return 0, nil, os.NewSyscallError("write", s.err)
	case s.stalled:
		return len(p), nil, nil
	case s.ended || s.readerGone:
		return 0, nil, os.NewSyscallError("write", syscall.EPIPE)
	case len(p) == 0:
		return 0, nil, nil
	}
	n = min(len(p), window-len(s.buf))
	if n == 0 {
		return 0, s.changed, nil
	}
	s.buf = append(s.buf, p[:n]...)
	close(s.changed)
	s.changed = make(chan struct{})
	return n, nil, nil
}

// A conn is one end of a link.
type conn struct {
	link            *link
	in, out         *stream
	readBy, writeBy *deadline
	local, remote   net.Addr
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	for {
		expired, err := c.readBy.passed()
		if err != nil {
			return 0, c.fail("read", err)
		}
		n, wait, err := c.in.take(p)
		if err == io.EOF {
			return 0, err
		}
		if err != nil || wait == nil {
			return n, c.fail("read", err)
		}
		expired.wait(wait)
	}
}

// Write implements net.Conn. It blocks while the window is full.
func (c *conn) Write(p []byte) (int, error) {
	done := 0
	for {
		expired, err := c.writeBy.passed()
		if err != nil {
			return done, c.fail("write", err)
		}
		n, wait, err := c.out.put(p[done:])
		done += n
		if err != nil || done == len(p) {
			return done, c.fail("write", err)
		}
		if wait != nil {
			expired.wait(wait)
		}
	}
}

// Close implements net.Conn: the peer reads what was written, then io.EOF.
func (c *conn) Close() error {
	// Outgoing first: of two ends that close at once, one sees the other gone.
	var again, last bool
	c.out.change(func(s *stream) { again, s.writerGone, s.ended = s.writerGone, true, true })
	c.in.change(func(s *stream) { s.readerGone, last = true, s.writerGone })
	if again {
		return c.fail("close", net.ErrClosed)
	}
	if last {
		c.link.network.forget(c.link)
	}
	return nil
}

func (c *conn) fail(op string, err error) error {
	if err == nil {
		return nil
	}
	return &net.OpError{Op: op, Net: "tcp", Source: c.local, Addr: c.remote, Err: err}
}

func (c *conn) LocalAddr() net.Addr  { return c.local }
func (c *conn) RemoteAddr() net.Addr { return c.remote }

func (c *conn) SetDeadline(t time.Time) error {
	c.readBy.set(t)
	c.writeBy.set(t)
	return nil
}
func (c *conn) SetReadDeadline(t time.Time) error  { c.readBy.set(t); return nil }
func (c *conn) SetWriteDeadline(t time.Time) error { c.writeBy.set(t); return nil }

// A deadline is a point in time that may be moved while someone waits for it.
type deadline struct {
	mu    sync.Mutex
	at    time.Time // zero: never
	moved chan struct{}
}

func newDeadline() *deadline { return &deadline{moved: make(chan struct{})} }

func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at = t
	close(d.moved)
	d.moved = make(chan struct{})
}

// passed returns os.ErrDeadlineExceeded, or what to wait for.
func (d *deadline) passed() (expiry, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.at.IsZero() {
		return expiry{moved: d.moved}, nil
	}
	left := time.Until(d.at)
	if left <= 0 {
		return expiry{}, os.ErrDeadlineExceeded
	}
	return expiry{moved: d.moved, left: left}, nil
}

// expiry is a deadline as it stood.
type expiry struct {
	moved <-chan struct{}
	left  time.Duration // 0: never
}

// wait returns when changed is closed, the deadline passed or was moved.
func (e expiry) wait(changed <-chan struct{}) {
	var over <-chan time.Time
	if e.left > 0 {
		t := time.NewTimer(e.left)
		defer t.Stop()
		over = t.C
	}
	select {
	case <-changed:
	case <-e.moved:
	case <-over:
	}
}
