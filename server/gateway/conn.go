package gateway

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server/uploads"
)

// Time limits of a connection.
const (
	writeTimeout = 10 * time.Second       // one frame to a client that does not read
	finalTimeout = 150 * time.Millisecond // all that waits, once the connection is to end
	lingerTime   = time.Second            // for the client's answer to our close
)

// conn is one client connection.
type conn struct {
	g      *Gateway
	ws     *websocket.Conn
	id     string
	remote string // address of the client
	log    *slog.Logger
	out    *outbox

	ending atomic.Bool     // the last item is in the outbox: requests are no longer run
	ctx    context.Context // of the requests; over when ending
	cancel context.CancelFunc
	lanes  lanes
	holds  holdList

	session atomic.Pointer[session] // nil until a login succeeded, and after a logout

	// owned by the session's lane
	loggedOut bool            // the client said that it does not come back
	upload    *uploads.Upload // the log that is being sent

	// owned by the reader
	budget  bucket // of requests
	bytes   bucket // of what they take
	control bucket // of frames that carry none
	refused int    // requests in a row
	unread  bool   // there is more from the client than was read

	messageEnds atomic.Int64 // when the message that is being received has to be there, in ns; 0: none is

	fence atomic.Pointer[fenceCheck]
}

// fenceCheck is what the writer asks before each frame of a session.
type fenceCheck struct {
	valid func(epoch uint64) bool
	epoch uint64
}

func newConn(g *Gateway, ws *websocket.Conn, remote string) *conn {
	id := strings.ToLower(rand.Text()[:16])
	ctx, cancel := context.WithCancel(context.Background())
	return &conn{
		g: g, ws: ws, id: id, remote: remote, ctx: ctx, cancel: cancel,
		log: g.log.With("conn", id),
		out: newOutbox(g.cfg.OutboxBytes),
	}
}

// serve runs the connection until it has ended and its session is off line.
func (c *conn) serve() {
	c.push(wire.OpHello, c.g.hello(c.id))
	ended := !c.flush() // the greeting needs no other goroutine to wake up
	written := make(chan struct{})
	go func() {
		defer close(written)
		c.write(ended)
	}()
	c.read()
	c.finishAs(closedLost, nil, websocket.CloseNormalClosure, "") // ends the writer, if nothing did
	<-written
	if c.unread {
		c.drain()
	}
	_ = c.ws.Close()
	c.lanes.close()
	c.abandonUpload()
	if s := c.session.Load(); s != nil {
		c.g.depart(s)
	}
}

// write puts the outbox on the wire until the last item, or an error; ended says
// that there was one already.
func (c *conn) write(ended bool) {
	for !ended {
		<-c.out.ready
		ended = !c.flush()
	}
}

// flush writes what waits, and returns false when nothing more may be written.
func (c *conn) flush() bool {
	for _, it := range c.out.take() {
		if f := c.fence.Load(); f != nil && it.kind != websocket.CloseMessage && !f.valid(f.epoch) {
			c.ending.Store(true)
			it = item{kind: websocket.CloseMessage, data: websocket.FormatCloseMessage(wire.CloseFenced, "edge fenced")}
		}
		timeout := writeTimeout
		if c.ending.Load() {
			timeout = finalTimeout
		}
		deadline := time.Now().Add(timeout)
		var err error
		if it.kind == websocket.TextMessage {
			c.g.stats.frames.Inc("out")
			_ = c.ws.SetWriteDeadline(deadline)
			err = c.ws.WriteMessage(it.kind, it.data)
		} else {
			err = c.ws.WriteControl(it.kind, it.data, deadline)
		}
		if err != nil {
			c.ending.Store(true)
			_ = c.ws.NetConn().SetReadDeadline(time.Now()) // the reader ends the connection
			return false
		}
		if it.kind == websocket.CloseMessage {
			_ = c.ws.NetConn().SetReadDeadline(time.Now().Add(lingerTime))
			return false
		}
	}
	return true
}

// send queues an item. A client that lets too much wait is cut off.
func (c *conn) send(it item) {
	if c.out.push(it) {
		return
	}
	c.log.Info("gateway: slow consumer")
	c.cut(wire.CloseSlowConsumer, "slow consumer")
}

// push queues a frame without an id.
func (c *conn) push(op wire.Op, body any) { c.sendFrame(wire.Frame{Op: op}, body) }

// sendFrame queues a frame.
func (c *conn) sendFrame(f wire.Frame, body any) {
	data, err := wire.Encode(f, body)
	if err != nil {
		c.log.Error("gateway: frame not encoded", "op", f.Op, "err", err)
		return
	}
	c.send(item{kind: websocket.TextMessage, data: data})
}

// answerPatiently queues the successful reply to a request that may be large: it
// waits for room, so that a client which asks for much at a time gets it as it
// reads.
func (c *conn) answerPatiently(ctx context.Context, id uint64, body any) error {
	data, err := wire.Encode(wire.Frame{Op: wire.OpReply, ID: id, Code: nimerr.OK.Code}, body)
	if err != nil {
		return err
	}
	return c.out.pushPatiently(ctx, item{kind: websocket.TextMessage, data: data})
}

// answer queues the successful reply to a request.
func (c *conn) answer(id uint64, body any) {
	c.sendFrame(wire.Frame{Op: wire.OpReply, ID: id, Code: nimerr.OK.Code}, body)
}

// refuse queues the reply that tells an error.
func (c *conn) refuse(id uint64, err error) {
	e := nimerr.From(err, nimerr.ServerError)
	if e.Kind == nimerr.ServerError {
		c.log.Error("gateway: request failed", "err", err)
	}
	c.sendFrame(reply(id, public(e)), nil)
}

// finish ends the connection once all that waits, and the close, is written.
func (c *conn) finish(code int, text string) { c.finishWith(nil, code, text) }

// finishWith is finish after one last frame. It may be called by any goroutine;
// the first call decides.
func (c *conn) finishWith(last json.RawMessage, code int, text string) {
	c.finishAs(strconv.Itoa(code), last, code, text)
}

// How ends are counted that are not this edge's own.
const (
	closedByClient = "client" // whatever code it gave
	closedLost     = "lost"   // without a close frame
)

// finishAs is finishWith for an end that is counted as something else than its
// code.
func (c *conn) finishAs(count string, last json.RawMessage, code int, text string) {
	end := item{kind: websocket.CloseMessage, data: websocket.FormatCloseMessage(code, text)}
	var taken bool
	if last == nil {
		taken = c.out.finish(end)
	} else {
		taken = c.out.finish(item{kind: websocket.TextMessage, data: last}, end)
	}
	if taken {
		c.g.stats.closes.Inc(count)
		c.hurry()
	}
}

// cut ends the connection without what waits.
func (c *conn) cut(code int, text string) {
	if c.out.abandon(item{kind: websocket.CloseMessage, data: websocket.FormatCloseMessage(code, text)}) {
		c.g.stats.closes.Inc(strconv.Itoa(code))
		c.hurry()
	}
}

// hurry bounds a write that is under way: a client that does not read cannot
// hold up its own end.
func (c *conn) hurry() {
	c.ending.Store(true)
	c.cancel()
	_ = c.ws.NetConn().SetWriteDeadline(time.Now().Add(finalTimeout))
}

// goAway tells the client to come back later; end also closes the connection.
func (c *conn) goAway(body wire.GoingAway, end bool) {
	if !end {
		c.push(wire.OpGoingAway, body)
		return
	}
	data, err := wire.Encode(wire.Frame{Op: wire.OpGoingAway}, body)
	if err != nil {
		c.log.Error("gateway: frame not encoded", "op", wire.OpGoingAway, "err", err)
	}
	c.finishWith(data, wire.CloseGoingAway, body.Reason)
}
