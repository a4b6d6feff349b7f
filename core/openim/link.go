package openim

import (
	"context"
	"errors"
	"maps"
	"net"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/dial"
	"github.com/libnim/libnim/core/journal"
	"github.com/libnim/libnim/internal/nimerr"
)

// queued is how many frames may wait for the writer.
const queued = 256

// A link is one connection to a msggateway. Three goroutines work for it: the
// reader and the writer of the socket, and whoever calls Receive, which owns
// all state; a fourth asks for the profile. Only the reader ends a link, so that
// a kick is never lost to the close that follows it.
type link struct {
	b     *Backend
	api   *api
	login *backend.Login

	// set before start
	conn     *dial.Conn
	endpoint string
	born     time.Time

	frames   chan []byte               // Send, Receive -> writer; the first one -> start
	checks   chan struct{}             // Check -> writer
	messages chan message              // reader -> Receive, unbuffered: Receive sets the pace
	logins   chan uint64               // Send -> Receive: the id of the Login
	outcomes chan func() backend.Event // REST calls -> Receive, run there
	panicked chan *nimerr.Error        // any goroutine of the link -> Receive
	ctx      context.Context           // ends with the link
	cancel   context.CancelFunc
	closed   sync.Once
	workers  sync.WaitGroup

	rtt   atomic.Int64 // of the last heartbeat, ns; 0: no pong yet
	dying atomic.Bool  // a write failed: the reader takes what is there and ends

	mu        sync.Mutex
	loginSent bool
	gone      bool               // Close waits for the workers: no more of them
	sent      map[string]awaited // by msgIncr
	incr      uint64             // the last msgIncr
	waiting   []*unconfirmed
	highest   map[backend.Conv]uint64 // numbers that were told of
	others    map[int]bool            // platforms known to be online; nil: unknown

	state // owned by the goroutine in Receive
}

var _ backend.Link = (*link)(nil)

// A message is what the reader read, or why there is nothing more.
type message struct {
	kind int
	data []byte
	err  error
}

// newLink returns a link without a connection: connected gives it one and start
// sets it going, or abandon ends it.
func newLink(b *Backend, login *backend.Login) *link {
	l := &link{
		b: b, login: login, api: &api{dialer: b.Dialer(), base: b.APIAddr, op: operationID(login)},
		frames: make(chan []byte, queued), checks: make(chan struct{}, 1), messages: make(chan message),
		logins: make(chan uint64, 1), outcomes: make(chan func() backend.Event), panicked: make(chan *nimerr.Error, 1),
		sent: map[string]awaited{}, highest: map[backend.Conv]uint64{},
	}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l
}

// connected gives the link its connection.
func (l *link) connected(c *dial.Conn, endpoint string) {
	l.conn, l.endpoint, l.born = c, endpoint, time.Now()
}

// abandon ends a link that was not started.
func (l *link) abandon() {
	l.cancel()
	if l.conn != nil {
		l.conn.Abort()
	}
	l.workers.Wait()
}

// start begins to read and write, once the gateway has accepted the token. The
// first thing that is asked is which other devices are there, from here: the
// server is at work on it while this side wakes its goroutines.
func (l *link) start() *nimerr.Error {
	c := l.conn
	if err := l.ask(awaited{reply: presenceCame}, opOnlineStatus, subscribe(l.login.Account)); err != nil {
		return nimerr.From(err, nimerr.Internal)
	}
	if l.put(<-l.frames) != nil {
		l.giveUpWriting()
	}
	l.state = newState(time.Now(), l.login.Until, newPresence(l.login.Account, l.b.platform()))
	l.expiry = newExpiry(readClaims(l.login.Token), l.b.wall())
	c.WS.SetPongHandler(func(sent string) error {
		if at, err := strconv.ParseInt(sent, 10, 64); err == nil {
			l.rtt.Store(max(int64(time.Since(l.born))-at, 1))
		}
		return l.alive()
	})
	ping := c.WS.PingHandler()
	c.WS.SetPingHandler(func(data string) error { // platform 5 is pinged
		l.alive()
		return ping(data)
	})
	l.spawn(l.read)
	l.spawn(l.write)
	return nil
}

// spawn starts a goroutine of the link. A panic in it ends the link, not the
// process.
func (l *link) spawn(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gone {
		return
	}
	l.workers.Go(func() {
		defer func() {
			if p := recover(); p != nil {
				select {
				case l.panicked <- nimerr.Internal.Newf("%v", p):
				default:
				}
			}
		}()
		f()
	})
}

// alive moves the reader's deadline: something was heard.
func (l *link) alive() error {
	wait := heartbeat + pongWait
	if l.dying.Load() {
		wait = hangUpWait
	}
	return l.conn.WS.SetReadDeadline(time.Now().Add(wait))
}

// read passes on what comes, and why it ended.
func (l *link) read() {
	for {
		err := l.alive()
		m := message{err: err}
		if err == nil {
			m.kind, m.data, m.err = l.conn.WS.ReadMessage()
		}
		select {
		case l.messages <- m:
		case <-l.ctx.Done():
			return
		}
		if m.err != nil {
			return
		}
	}
}

// write sends what is queued, and the heartbeat: the gateway itself pings only
// browsers. It does not report failures: the reader does, which sees the end too.
func (l *link) write() {
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	var err error
	for err == nil {
		select {
		case <-l.ctx.Done():
			return
		case data := <-l.frames:
			err = l.put(data)
		case <-beat.C:
			err = l.ping()
		case <-l.checks:
			_ = l.conn.WS.SetReadDeadline(time.Now().Add(checkWait))
			err = l.ping()
		}
	}
	l.giveUpWriting()
}

// put sends one frame. Only start and then the writer do.
func (l *link) put(data []byte) error {
	_ = l.conn.WS.SetWriteDeadline(time.Now().Add(writeWait))
	return l.conn.WS.WriteMessage(websocket.BinaryMessage, data)
}

// giveUpWriting gives the reader a second to take what the server said before
// it hung up.
func (l *link) giveUpWriting() {
	l.dying.Store(true)
	_ = l.conn.WS.SetReadDeadline(time.Now().Add(hangUpWait))
}

func (l *link) ping() error {
	sent := strconv.AppendInt(nil, int64(time.Since(l.born)), 10)
	return l.conn.WS.WriteControl(websocket.PingMessage, sent, time.Now().Add(writeWait))
}

// Server implements backend.Link: OpenIM says nothing of itself.
func (*link) Server() backend.Server { return declared }

// Send implements backend.Link.
func (l *link) Send(id uint64, r backend.Request) error {
	how := requests[reflect.TypeOf(r)]
	switch {
	case how == nil:
		return nimerr.ServerCannot.Newf("OpenIM has no %T", r)
	case how.send != nil:
		return how.send(l, id, r)
	}
	return l.ask(awaited{id, how.answered(id)}, how.op, how.encode(l, r))
}

// Forget implements backend.Link.
func (l *link) Forget(id uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	maps.DeleteFunc(l.sent, func(_ string, a awaited) bool { return a.id == id })
	l.waiting = slices.DeleteFunc(l.waiting, func(u *unconfirmed) bool { return u.id == id })
}

// sendLogin passes on the id under which the Login is answered: the login
// itself went out with the handshake.
func (l *link) sendLogin(id uint64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.loginSent {
		return nimerr.ServerCannot.New("a second login on one connection")
	}
	l.loginSent = true
	l.logins <- id // has room for one
	return nil
}

// ask queues an envelope.
func (l *link) ask(a awaited, op int32, data []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.incr++
	incr := strconv.FormatUint(l.incr, 10)
	frame, err := encode(&envelope{
		ID: op, SendID: l.login.Account, OperationID: operationID(l.login), MsgIncr: incr, Data: data,
	}, l.b.Gzip)
	if err != nil {
		return nimerr.Internal.Wrap(err)
	}
	select {
	case l.frames <- frame:
		l.sent[incr] = a
		return nil
	default:
		return nimerr.Busy.New("the connection takes no more requests at present")
	}
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
		l.cancel()
		// It gives up after a millisecond when the writer holds the connection.
		_ = l.conn.WS.WriteControl(websocket.CloseMessage,
			websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Millisecond))
		l.conn.Abort()
		l.mu.Lock()
		l.gone = true
		l.mu.Unlock()
		l.workers.Wait()
	})
}

// Stats implements backend.Link.
func (l *link) Stats() backend.Stats {
	return backend.Stats{RTT: time.Duration(l.rtt.Load()), BytesIn: l.conn.BytesIn(), BytesOut: l.conn.BytesOut()}
}

// why turns the end of a read into a row of the error table.
func (l *link) why(err error) *nimerr.Error {
	e := nimerr.ConnectionLost.New("closed by the server without a word")
	if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
		e = nimerr.ServerSilent.New("")
	} else if errors.Is(err, websocket.ErrReadLimit) {
		e = nimerr.ProtocolError.Newf("a frame has more than %d bytes", maxFrame)
	} else if ce, ok := errors.AsType[*websocket.CloseError](err); ok && ce.Code != websocket.CloseAbnormalClosure {
		kind := nimerr.ConnectionLost
		switch ce.Code {
		case websocket.CloseMessageTooBig, websocket.CloseProtocolError:
			kind = nimerr.ProtocolError
		}
		e = kind.Newf("closed by the server with code %d %s", ce.Code, harmless(ce.Text, l.login.Token))
	}
	return e.At(l.endpoint)
}

// log writes a line, with the operation id of the login.
func (l *link) log(level journal.Level, event string, fields ...journal.Field) {
	l.b.Journal.Add(level, event, append(fields, journal.Str("operation_id", operationID(l.login)))...)
}
