package nimlink

import (
	"errors"
	"fmt"
	"net"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/dial"
	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/internal/wire"
)

// queued is how many frames may wait for the writer.
const queued = 256

// A link is one connection to nimd. One goroutine, writer, writes to it; the
// goroutine that calls Receive reads from it and alone decides that it is over.
type link struct {
	conn      *dial.Conn
	sdk       string
	heartbeat time.Duration
	frames    chan []byte   // Send -> writer
	checks    chan struct{} // Check -> writer
	left      chan struct{} // closed by Close
	closed    sync.Once
	writer    sync.WaitGroup

	server   backend.Server
	features map[wire.Op]bool // what the server knows besides the session

	began time.Time    // heartbeats carry the time since
	rtt   atomic.Int64 // of the last heartbeat, ns
	dying atomic.Int64 // when the reader ends, since began, because a write failed; 0: none has

	mu   sync.Mutex
	sent map[uint64]*request // on the wire: what the body of a reply is
}

var _ backend.Link = (*link)(nil)

func newLink(c *dial.Conn, sdk string) *link {
	return &link{
		conn: c, sdk: sdk, frames: make(chan []byte, queued), checks: make(chan struct{}, 1),
		left: make(chan struct{}), began: time.Now(), sent: map[uint64]*request{},
	}
}

// start takes what the server says of itself, and begins the heartbeat that it
// asked for.
func (l *link) start(h *wire.Hello) {
	l.server, l.features = backend.Server{Epoch: h.Epoch, Features: h.Features, Limits: limits(h.Limits)}, map[wire.Op]bool{}
	for _, f := range h.Features {
		l.features[wire.Op(f)] = true
	}
	l.server.Messages.Supported = l.features[wire.OpSend]
	l.heartbeat = defaultHeartbeat
	if h.HeartbeatMS > 0 {
		l.heartbeat = min(max(delay(h.HeartbeatMS), shortestBeat), longestBeat)
	}
	l.conn.WS.SetPongHandler(func(sent string) error {
		if at, err := strconv.ParseInt(sent, 10, 64); err == nil {
			l.rtt.Store(max(int64(time.Since(l.began))-at, 0))
		}
		return l.alive()
	})
	ping := l.conn.WS.PingHandler()
	l.conn.WS.SetPingHandler(func(data string) error {
		l.alive()
		return ping(data)
	})
	l.writer.Go(l.write)
}

// alive moves the reader's deadline: something was heard. It cannot be moved
// any more once a write has failed.
func (l *link) alive() error {
	if err := l.conn.WS.SetReadDeadline(time.Now().Add(l.heartbeat + pongWait)); err != nil {
		return err
	}
	if end := l.dying.Load(); end != 0 { // after the above: the writer may be doing the same
		return l.conn.WS.SetReadDeadline(l.began.Add(time.Duration(end)))
	}
	return nil
}

// Server implements backend.Link.
func (l *link) Server() backend.Server { return l.server }

// Send implements backend.Link.
func (l *link) Send(id uint64, r backend.Request) error {
	how := requests[reflect.TypeOf(r)]
	if how == nil || how.asked && !l.features[how.op] {
		return nimerr.ServerCannot.Newf("%T", r)
	}
	var body any
	if how.encode != nil {
		body = how.encode(l, r)
	}
	data, err := wire.Encode(wire.Frame{Op: how.op, ID: id}, body)
	if err != nil {
		return nimerr.Internal.Wrap(err)
	}
	if len(data) > wire.MaxFrame {
		return nimerr.InvalidArgument.Newf("the request has %d bytes, the limit is %d", len(data), wire.MaxFrame)
	}
	l.mu.Lock()
	l.sent[id] = how
	l.mu.Unlock()
	select {
	case l.frames <- data:
		return nil
	default:
		l.Forget(id)
		return nimerr.Busy.New("the connection takes no more requests at present")
	}
}

// Forget implements backend.Link.
func (l *link) Forget(id uint64) {
	l.mu.Lock()
	delete(l.sent, id)
	l.mu.Unlock()
}

// Check implements backend.Link.
func (l *link) Check() {
	select {
	case l.checks <- struct{}{}:
	default:
	}
}

// Close implements backend.Link. A server that is listening is told.
func (l *link) Close() {
	l.closed.Do(func() {
		close(l.left)
		// It gives up after a millisecond when the writer holds the connection.
		_ = l.conn.WS.WriteControl(websocket.CloseMessage,
			websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Millisecond))
		l.conn.Abort()
		l.writer.Wait()
	})
}

// Stats implements backend.Link.
func (l *link) Stats() backend.Stats {
	return backend.Stats{RTT: time.Duration(l.rtt.Load()), BytesIn: l.conn.BytesIn(), BytesOut: l.conn.BytesOut()}
}

// write sends what is queued and the heartbeat. It does not report failures:
// only the reader ends a link, so that what the server sent before it hung up,
// why it kicked us, is read first. A failed write, or a panic, just gives the
// reader a second to do so.
func (l *link) write() {
	defer func() {
		if recover() != nil {
			l.hangUp()
		}
	}()
	beat := time.NewTicker(l.heartbeat)
	defer beat.Stop()
	for {
		var err error
		select {
		case <-l.left:
			return
		case data := <-l.frames:
			_ = l.conn.WS.SetWriteDeadline(time.Now().Add(writeWait))
			err = l.conn.WS.WriteMessage(websocket.TextMessage, data)
		case <-beat.C:
			err = l.ping()
		case <-l.checks:
			_ = l.conn.WS.SetReadDeadline(time.Now().Add(checkWait))
			err = l.ping()
		}
		if err != nil {
			l.hangUp()
			return
		}
	}
}

// hangUp bounds what the reader still reads: nothing is sent any more.
func (l *link) hangUp() {
	end := time.Now().Add(hangUpWait)
	l.dying.Store(int64(end.Sub(l.began)))
	_ = l.conn.WS.SetReadDeadline(end)
}

func (l *link) ping() error {
	now := time.Now()
	return l.conn.WS.WriteControl(websocket.PingMessage, strconv.AppendInt(nil, int64(now.Sub(l.began)), 10), now.Add(writeWait))
}

// Receive implements backend.Link.
func (l *link) Receive() (backend.Event, error) {
	for {
		if err := l.alive(); err != nil {
			return nil, l.why(err)
		}
		kind, data, err := l.conn.WS.ReadMessage()
		if err != nil {
			return nil, l.why(err)
		}
		f, err := frame(kind, data)
		if err != nil {
			return nil, err
		}
		e, err := l.event(&f)
		if err != nil {
			return nil, nimerr.ProtocolError.Wrap(err)
		}
		if e != nil {
			return e, nil
		}
	}
}

// why turns the end of a read into a row of the error table.
func (l *link) why(err error) *nimerr.Error {
	if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
		if l.dying.Load() != 0 {
			return nimerr.ConnectionLost.New("nothing can be sent any more")
		}
		return nimerr.ServerSilent.New("")
	}
	if ce, ok := errors.AsType[*websocket.CloseError](err); ok {
		switch ce.Code {
		case websocket.CloseAbnormalClosure: // made up on this side
			return nimerr.ConnectionLost.New("closed by the server without a word")
		case wire.CloseGoingAway, websocket.CloseGoingAway, websocket.CloseServiceRestart:
			return nimerr.GoingAway.New(ce.Text)
		case wire.CloseRateLimited, websocket.CloseTryAgainLater:
			return nimerr.RateLimited.New(ce.Text)
		case wire.CloseProtocol, websocket.CloseProtocolError:
			return nimerr.ProtocolError.New(ce.Text)
		}
		return nimerr.ConnectionLost.New(strings.TrimSpace(fmt.Sprintf("closed by the server with code %d %s", ce.Code, ce.Text)))
	}
	if errors.Is(err, websocket.ErrReadLimit) {
		return nimerr.ProtocolError.Newf("a frame of more than %d bytes", wire.MaxFrame)
	}
	return nimerr.ConnectionLost.Wrap(err)
}
