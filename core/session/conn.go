package session

import (
	"sync"
	"sync/atomic"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/nimerr"
)

// A conn is a link with its reader. It is handed from linking through linked
// and authenticating to online; the state that leaves this chain closes it.
type conn struct {
	link     backend.Link
	scrubber scrubber           // reader
	events   chan backend.Event // reader -> run, unbuffered: run sets the pace
	lost     chan *nimerr.Error // reader -> run, once, after its last event
	left     chan struct{}      // closed by close
	reader   sync.WaitGroup
	lastID   atomic.Uint64
}

func newConn(link backend.Link, s scrubber) *conn {
	c := &conn{
		link: link, scrubber: s, events: make(chan backend.Event),
		lost: make(chan *nimerr.Error, 1), left: make(chan struct{}),
	}
	c.reader.Go(c.read)
	return c
}

// read passes on what the server says. Only it ends a link: a failed write
// shows up here, after everything that was received before it.
func (c *conn) read() {
	for {
		e, err := c.receive()
		if err != nil {
			c.lost <- err
			return
		}
		select {
		case c.events <- e:
		case <-c.left:
			return
		}
	}
}

// receive turns a panic of a decoder into the end of the link.
func (c *conn) receive() (e backend.Event, failed *nimerr.Error) {
	defer func() {
		if p := recover(); p != nil {
			failed = nimerr.Internal.Newf("%v", p)
		}
	}()
	e, err := c.link.Receive()
	return c.scrubber.event(e), c.scrubber.err(nimerr.From(err, nimerr.ConnectionLost))
}

// nextID returns an id for a request.
func (c *conn) nextID() uint64 { return c.lastID.Add(1) }

// send queues a request. A panic of an encoder fails the request, not the session.
func (c *conn) send(id uint64, r backend.Request) (failed *nimerr.Error) {
	defer func() {
		if p := recover(); p != nil {
			failed = nimerr.Internal.Newf("%v", p)
		}
	}()
	return nimerr.From(c.link.Send(id, r), nimerr.ConnectionLost)
}

// close ends the link and waits for the reader: nothing outlives the state.
func (c *conn) close() {
	close(c.left)
	c.link.Close()
	c.reader.Wait()
}
