package gateway

import (
	"errors"
	"io"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"github.com/libnim/libnim/internal/wire"
)

// maxLoginFrame bounds frames of a client that has not logged in.
const maxLoginFrame = 64 << 10

// refusals is how many requests past the rate are refused before the client is
// not read for a while.
const refusals = 50

// read takes the client's frames until the connection ends.
func (c *conn) read() {
	c.ws.SetPingHandler(func(data string) error {
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
		c.finishAs(closedByClient, nil, code, "")
		return nil
	})
	if m, ok := c.ws.NetConn().(*meteredConn); ok {
		m.allow = c.allowControl
	}
	c.setReadDeadline(c.g.cfg.LoginTimeout)
	for {
		kind, data, err := c.receive()
		if err != nil {
			c.readFailed(err)
			return
		}
		if c.ending.Load() {
			continue // only waiting for the client's close
		}
		c.g.stats.frames.Inc("in")
		if kind != websocket.TextMessage {
			c.finish(wire.CloseProtocol, "want text frames")
			continue
		}
		c.extend()
		c.take(data)
	}
}

// take runs one frame, or refuses it where the client sends too many.
func (c *conn) take(data []byte) {
	f, err := decodeRequest(data)
	if err != nil {
		c.log.Info("gateway: bad frame", "err", err)
		c.finish(wire.CloseProtocol, "bad frame")
		return
	}
	wait := c.spendFrame()
	switch {
	case wait == 0:
		c.refused = 0
		c.dispatch(f, len(data))
	case f.ID != 0:
		c.g.stats.limited.Inc("rate")
		c.turnAway(f, tooFast("too many requests; try again later", wait))
	}
	if wait > 0 {
		if c.refused++; c.refused >= refusals {
			c.refused = 0
			c.pause(c.g.cfg.Heartbeat)
		}
	}
	c.pause(c.spendBytes(len(data)))
}

func decodeRequest(data []byte) (wire.Frame, error) {
	if len(data) > wire.MaxRequestKeys { // fewer bytes cannot have as many keys
		if err := wire.CheckKeys(data); err != nil {
			return wire.Frame{}, err
		}
	}
	return wire.Decode(data)
}

// spendFrame spends one request of the connection's rate, or returns when there
// will be one.
func (c *conn) spendFrame() time.Duration {
	l := c.g.cfg.Limits
	if l.FrameRate == 0 {
		return 0
	}
	c.budget.settle(l.FrameRate, time.Now())
	if wait := c.budget.wait(1, l.FrameRate, l.FrameBurst); wait > 0 {
		return wait
	}
	c.budget.spent++
	return 0
}

// spendBytes spends what a message took, and returns how long to wait before
// the next is looked at.
func (c *conn) spendBytes(n int) time.Duration {
	l := c.g.cfg.Limits
	if l.ByteRate == 0 {
		return 0
	}
	c.bytes.settle(l.ByteRate, time.Now())
	wait := c.bytes.wait(float64(n), l.ByteRate, l.ByteBurst)
	c.bytes.spent += float64(n)
	return wait
}

// allowControl spends a frame that carries no request.
func (c *conn) allowControl() bool {
	l := c.g.cfg.Limits
	if l.ControlRate == 0 || c.ending.Load() {
		return true
	}
	c.control.settle(l.ControlRate, time.Now())
	if c.control.wait(1, l.ControlRate, l.ControlBurst) > 0 {
		return false
	}
	c.control.spent++
	return true
}

// pause reads nothing for a while: the client's sending slows down. It is never
// so long that the client misses an answer to its ping.
func (c *conn) pause(d time.Duration) {
	if d <= 0 || c.ending.Load() {
		return
	}
	c.g.stats.limited.Inc("paused")
	t := time.NewTimer(min(d, c.g.cfg.Heartbeat/3))
	defer t.Stop()
	select {
	case <-t.C:
	case <-c.ctx.Done():
	}
}

// readFailed gives the reason of an end that the client did not ask for.
func (c *conn) readFailed(err error) {
	switch {
	case errors.Is(err, errTooManyFrames):
		c.unread = true
		c.g.stats.limited.Inc("control")
		c.finish(wire.CloseRateLimited, errTooManyFrames.Error())
		return
	case errors.Is(err, errSlowMessage):
		c.g.stats.limited.Inc("message")
		c.finish(wire.CloseProtocol, errSlowMessage.Error())
		return
	}
	if count := brokenBy(err); count != 0 { // it was told by the WebSocket layer
		c.finish(count, "")
		return
	}
	timeout, ok := err.(interface{ Timeout() bool })
	if !ok || !timeout.Timeout() || c.ending.Load() {
		return
	}
	if c.session.Load() == nil {
		c.finish(wire.CloseLoginTimeout, "no login in time")
	} else {
		c.finish(websocket.ClosePolicyViolation, "no heartbeat")
	}
}

// brokenBy returns the close code with which the WebSocket layer has ended a
// connection whose client breaks its rules; 0: that is not what err says.
func brokenBy(err error) int {
	if errors.Is(err, websocket.ErrReadLimit) {
		return websocket.CloseMessageTooBig
	}
	if _, closed := errors.AsType[*websocket.CloseError](err); !closed && strings.HasPrefix(err.Error(), "websocket: ") {
		return websocket.CloseProtocolError
	}
	return 0
}

// extend moves the read deadline of a session: any frame is a sign of life.
// Before the login nothing moves it, and nothing does once the connection is
// ending: a client that goes on pinging must not keep it.
func (c *conn) extend() {
	if c.session.Load() != nil && !c.ending.Load() {
		c.setReadDeadline(c.g.cfg.Heartbeat * 5 / 2)
	}
}

// setReadDeadline sets the deadline, unless the message that is being received
// has an earlier one, or the connection is ending and has its last one already.
func (c *conn) setReadDeadline(d time.Duration) {
	deadline := time.Now().Add(d)
	if ends := c.messageEnds.Load(); ends != 0 && ends < deadline.UnixNano() {
		deadline = time.Unix(0, ends)
	}
	_ = c.ws.SetReadDeadline(deadline)
	if c.ending.Load() {
		_ = c.ws.SetReadDeadline(time.Now().Add(lingerTime))
	}
}

// drain reads on for a moment after the close is written, where the reader did
// not get to the client's own: with bytes left unread the close would be lost.
func (c *conn) drain() {
	const most = 16 << 20
	if m, ok := c.ws.NetConn().(*meteredConn); ok {
		_ = m.Conn.SetReadDeadline(time.Now().Add(lingerTime))
		_, _ = io.CopyN(io.Discard, m.Conn, most)
	}
}
