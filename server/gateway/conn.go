package gateway

import (
	"crypto/rand"
	"encoding/json"
	"log/slog"
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

// maxLoginFrame bounds frames of a client that has not logged in.
const maxLoginFrame = 64 << 10

// conn is one client connection.
type conn struct {
	g       *Gateway
	ws      *websocket.Conn
	id      string
	remote  string // address of the client
	greeted func() // ends its turn to arrive
	log     *slog.Logger
	out     *outbox

	ending atomic.Bool // the last item is in the outbox: requests are no longer run

	// owned by the reader
	session   *session        // nil until a login succeeded
	loggedOut bool            // the client said that it does not come back
	upload    *uploads.Upload // the log that is being sent
	budget    bucket          // of frames

	fence atomic.Pointer[fenceCheck]
}

// fenceCheck is what the writer asks before each frame of a session.
type fenceCheck struct {
	valid func(epoch uint64) bool
	epoch uint64
}

func newConn(g *Gateway, ws *websocket.Conn, remote string) *conn {
	id := strings.ToLower(rand.Text()[:16])
	return &conn{
		g: g, ws: ws, id: id, remote: remote,
		log: g.log.With("conn", id),
		out: newOutbox(g.cfg.OutboxBytes),
	}
}

// serve runs the connection until it has ended and its session is off line.
func (c *conn) serve() {
	c.push(wire.OpHello, wire.Hello{
		Server:       "nimd/" + c.g.cfg.Version,
		HeartbeatMS:  c.g.cfg.Heartbeat.Milliseconds(),
		ServerTimeMS: time.Now().UnixMilli(),
		Conn:         c.id,
	})
	ended := !c.flush() // the greeting needs no other goroutine to wake up
	c.greeted()
	written := make(chan struct{})
	go func() {
		defer close(written)
		c.write(ended)
	}()
	c.read()
	c.finish(websocket.CloseNormalClosure, "") // ends the writer, if nothing did
	<-written
	_ = c.ws.Close()
	c.abandonUpload()
	if c.session != nil {
		c.g.depart(c.session)
	}
}

// read runs the client's frames one after the other until the connection ends.
func (c *conn) read() {
	c.ws.SetReadLimit(maxLoginFrame)
	c.ws.SetPingHandler(func(data string) error {
		if !c.withinRate() {
			c.finish(wire.CloseRateLimited, "too many frames")
		}
		c.extend()
		c.send(item{kind: websocket.PongMessage, data: []byte(data)})
		return nil
	})
	c.ws.SetPongHandler(func(string) error { c.extend(); return nil })
	// The close that answers the client's goes through the outbox, like all else.
	c.ws.SetCloseHandler(func(code int, _ string) error {
		if code == websocket.CloseNoStatusReceived {
			code = websocket.CloseNormalClosure
		}
		c.finish(code, "")
		return nil
	})
	c.setReadDeadline(c.g.cfg.LoginTimeout)
	for {
		kind, data, err := c.ws.ReadMessage()
		if err != nil {
			c.readFailed(err)
			return
		}
		if c.ending.Load() {
			continue // only waiting for the client's close
		}
		if !c.withinRate() {
			c.finish(wire.CloseRateLimited, "too many frames")
			continue
		}
		c.g.stats.frames.Inc("in")
		if kind != websocket.TextMessage {
			c.finish(wire.CloseProtocol, "want text frames")
			continue
		}
		f, err := wire.Decode(data)
		if err != nil {
			c.log.Info("gateway: bad frame", "err", err)
			c.finish(wire.CloseProtocol, "bad frame")
			continue
		}
		c.extend()
		c.run(f)
	}
}

// withinRate spends one frame of the connection's budget.
func (c *conn) withinRate() bool {
	l := c.g.cfg.Limits
	if l.FrameRate == 0 {
		return true
	}
	c.budget.settle(l.FrameRate, time.Now())
	if c.budget.wait(1, l.FrameRate, l.FrameBurst) > 0 {
		return false
	}
	c.budget.spent++
	return true
}

func (c *conn) readFailed(err error) {
	if timeout, ok := err.(interface{ Timeout() bool }); ok && timeout.Timeout() && !c.ending.Load() {
		if c.session == nil {
			c.finish(wire.CloseLoginTimeout, "no login in time")
		} else {
			c.finish(websocket.ClosePolicyViolation, "no heartbeat")
		}
	}
}

// extend moves the read deadline of a session: any frame is a sign of life.
// Before the login nothing moves it, and nothing does once the connection is
// ending: a client that goes on pinging must not keep it.
func (c *conn) extend() {
	if c.session != nil && !c.ending.Load() {
		c.setReadDeadline(c.g.cfg.Heartbeat * 5 / 2)
	}
}

// setReadDeadline sets the deadline, unless the connection is ending and has
// its last one already.
func (c *conn) setReadDeadline(d time.Duration) {
	_ = c.ws.SetReadDeadline(time.Now().Add(d))
	if c.ending.Load() {
		_ = c.ws.SetReadDeadline(time.Now().Add(lingerTime))
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
	end := item{kind: websocket.CloseMessage, data: websocket.FormatCloseMessage(code, text)}
	var taken bool
	if last == nil {
		taken = c.out.finish(end)
	} else {
		taken = c.out.finish(item{kind: websocket.TextMessage, data: last}, end)
	}
	if taken {
		c.g.stats.closed(code)
		c.hurry()
	}
}

// cut ends the connection without what waits.
func (c *conn) cut(code int, text string) {
	if c.out.abandon(item{kind: websocket.CloseMessage, data: websocket.FormatCloseMessage(code, text)}) {
		c.g.stats.closed(code)
		c.hurry()
	}
}

// hurry bounds a write that is under way: a client that does not read cannot
// hold up its own end.
func (c *conn) hurry() {
	c.ending.Store(true)
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
