package gateway

import (
	"errors"
	"io"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/libnim/libnim/internal/wire"
)

// smallMessage is how many bytes of a message each connection may hold.
const smallMessage = 64 << 10

// incoming are the messages of all connections that are being received and are
// not small. When they need more memory than there is for them, the one that has
// taken longest ends with its connection.
type incoming struct {
	limit int // bytes; 0: no limit

	mu    sync.Mutex
	bytes int
	open  []*partial // oldest first
}

// partial is a message that is being received.
type partial struct {
	c    *conn
	held int // bytes counted
	cut  bool
}

// grow makes room for n more bytes of p, and returns false when p has to go.
func (in *incoming) grow(p *partial, n int) bool {
	if in.limit == 0 {
		return true
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if p.cut {
		return false
	}
	if p.held == 0 {
		in.open = append(in.open, p)
	}
	p.held += n
	in.bytes += n
	for in.bytes > in.limit && !p.cut {
		oldest := in.open[0]
		in.remove(oldest)
		oldest.cut = true
		oldest.c.g.stats.limited.Inc("memory")
		oldest.c.cut(wire.CloseProtocol, errSlowMessage.Error())
	}
	return !p.cut
}

// done gives back what p held.
func (in *incoming) done(p *partial) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if p.held > 0 && !p.cut {
		in.remove(p)
	}
}

func (in *incoming) remove(p *partial) {
	for i, x := range in.open {
		if x == p {
			in.open = append(in.open[:i], in.open[i+1:]...)
			in.bytes -= p.held
			return
		}
	}
}

// receive reads the next message.
func (c *conn) receive() (kind int, data []byte, err error) {
	kind, r, err := c.ws.NextReader()
	if err != nil {
		return 0, nil, err
	}
	c.messageEnds.Store(time.Now().Add(c.g.cfg.MessageTimeout).UnixNano())
	c.extend()
	defer c.messageEnds.Store(0)
	p := &partial{c: c}
	defer c.g.incoming.done(p)
	limit := wire.MaxFrame
	if c.session.Load() == nil {
		limit = maxLoginFrame
	}
	data = make([]byte, 0, 1024)
	for {
		if len(data) == cap(data) {
			grown := min(2*cap(data), limit+1)
			if grown > smallMessage && !c.g.incoming.grow(p, grown-cap(data)) {
				return 0, nil, io.ErrUnexpectedEOF
			}
			data = append(make([]byte, 0, grown), data...)
		}
		n, err := r.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		if len(data) > limit {
			c.unread = true
			c.finish(websocket.CloseMessageTooBig, "a frame over the limit")
			return 0, nil, io.ErrShortBuffer
		}
		if err == io.EOF {
			return kind, data, nil
		}
		if err != nil {
			return 0, nil, c.late(err)
		}
	}
}

// errSlowMessage ends a connection whose message did not come in time.
var errSlowMessage = errors.New("the message came too slowly")

// late tells a time-out of the message from one of the connection.
func (c *conn) late(err error) error {
	if timeout, ok := err.(interface{ Timeout() bool }); ok && timeout.Timeout() && time.Now().UnixNano() >= c.messageEnds.Load() {
		return errSlowMessage
	}
	return err
}
