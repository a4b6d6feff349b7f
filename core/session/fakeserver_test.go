package session

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/nimerr"
)

// A fakeServer is the Router of a test and everything behind it. Without
// scripts it accepts every connection and grants every request at once.
type fakeServer struct {
	t        testing.TB
	scripted bool // what the script did before a change has happened before it

	mu       sync.Mutex
	connect  func(ctx context.Context, login *backend.Login) error // nil: accept
	handle   func(l *fakeLink, id uint64, r backend.Request) bool  // true: it has dealt with it
	links    []*fakeLink
	logins   []backend.Login
	said     backend.Server // of itself
	cannot   bool           // nothing but login and logout
	forgot   []uint64
	attempts int
	refresh  []bool
}

func (f *fakeServer) set(change func(*fakeServer)) {
	if f.scripted {
		synctest.Wait()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

// refuse makes every connection fail; nil ends that.
func (f *fakeServer) refuse(err error) {
	f.set(func(f *fakeServer) {
		f.connect = nil
		if err != nil {
			f.connect = func(context.Context, *backend.Login) error { return err }
		}
	})
}

// hang makes every connection hang until its context ends.
func (f *fakeServer) hang() {
	f.set(func(f *fakeServer) {
		f.connect = func(ctx context.Context, _ *backend.Login) error {
			<-ctx.Done()
			if ctx.Err() == context.DeadlineExceeded {
				return nimerr.Timeout.New("connecting")
			}
			return nimerr.Cancelled.New("")
		}
	})
}

// on scripts requests; nil means to grant them.
func (f *fakeServer) on(handle func(l *fakeLink, id uint64, r backend.Request) bool) {
	f.set(func(f *fakeServer) { f.handle = handle })
}

// onLogin scripts the answer to a login. A nil answer is silence.
func (f *fakeServer) onLogin(answer func(r *backend.Login) *backend.Answer) {
	f.on(func(l *fakeLink, id uint64, r backend.Request) bool {
		login, ok := r.(*backend.Login)
		if !ok {
			return false
		}
		if a := answer(login); a != nil {
			a.ID = id
			l.push(*a)
		}
		return true
	})
}

func (f *fakeServer) refuseLogin(err *nimerr.Error) {
	f.onLogin(func(*backend.Login) *backend.Answer { return &backend.Answer{Err: err} })
}

func (f *fakeServer) silent() {
	f.on(func(*fakeLink, uint64, backend.Request) bool { return true })
}

// link returns the newest link.
func (f *fakeServer) link() *fakeLink {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.links) == 0 {
		f.t.Fatal("no link was ever made")
	}
	return f.links[len(f.links)-1]
}

// live counts the links that are not closed by the client.
func (f *fakeServer) live() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.liveLocked()
}

func (f *fakeServer) liveLocked() int {
	n := 0
	for _, l := range f.links {
		if !l.isClosed() {
			n++
		}
	}
	return n
}

// lastLogin returns the login that came last.
func (f *fakeServer) lastLogin() backend.Login {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.logins) == 0 {
		return backend.Login{}
	}
	return f.logins[len(f.logins)-1]
}

// Connect implements Router.
func (f *fakeServer) Connect(ctx context.Context, login *backend.Login, refresh bool) (backend.Link, []backend.Attempt, error) {
	f.mu.Lock()
	connect := f.connect
	f.attempts++
	f.refresh = append(f.refresh, refresh)
	f.mu.Unlock()
	tried := []backend.Attempt{{Endpoint: "ws://fake.test/nim", Remote: "10.0.0.1:80", Start: time.Now()}}
	if connect != nil {
		if err := connect(ctx, login); err != nil {
			tried[0].Err = nimerr.From(err, nimerr.ConnectionFailed)
			return nil, tried, err
		}
	}
	l := &fakeLink{server: f, wake: make(chan struct{}, 1), closed: make(chan struct{})}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.liveLocked() > 0 {
		f.t.Errorf("a second link while one is live")
	}
	if len(f.links) > 50 {
		f.links = f.links[25:]
	}
	f.links = append(f.links, l)
	return l, tried, nil
}

// A fakeLink is one connection to a fakeServer.
type fakeLink struct {
	server *fakeServer
	wake   chan struct{}
	closed chan struct{}
	once   sync.Once

	mu     sync.Mutex
	queue  []any // backend.Event or error, in the order they are received
	sent   []backend.Request
	checks int
	panics string // "send" or "receive": what panics next
}

// push makes the server say something.
func (l *fakeLink) push(e backend.Event) { l.put(e) }

// lose ends the link as a connection that broke.
func (l *fakeLink) lose(err *nimerr.Error) { l.put(err) }

func (l *fakeLink) put(v any) {
	l.mu.Lock()
	l.queue = append(l.queue, v)
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// panicAt makes the next send or receive panic.
func (l *fakeLink) panicAt(what string) {
	l.mu.Lock()
	l.panics = what
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *fakeLink) isClosed() bool {
	select {
	case <-l.closed:
		return true
	default:
		return false
	}
}

// queued counts what the session has not read yet.
func (l *fakeLink) queued() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.queue)
}

func (l *fakeLink) checked() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.checks
}

// Send implements backend.Link.
func (l *fakeLink) Send(id uint64, r backend.Request) error {
	l.mu.Lock()
	l.sent = append(l.sent, r)
	panics := l.panics == "send"
	l.mu.Unlock()
	if panics {
		panic("provoked in Send")
	}
	f := l.server
	f.mu.Lock()
	handle := f.handle
	if _, login := r.(*backend.Login); f.cannot && !login && !isLogout(r) {
		f.mu.Unlock()
		return nimerr.ServerCannot.New("")
	}
	if login, ok := r.(*backend.Login); ok {
		f.logins = append(f.logins, *login)
	}
	f.mu.Unlock()
	if handle == nil || !handle(l, id, r) {
		l.push(granted(id, r))
	}
	return nil
}

func isLogout(r backend.Request) bool { _, ok := r.(backend.Logout); return ok }

// granted is the answer of a server that agrees.
func granted(id uint64, r backend.Request) backend.Answer {
	a := backend.Answer{ID: id}
	switch r := r.(type) {
	case *backend.Login:
		a.Body = backend.LoginOK{Session: "session-" + r.Account, ServerTime: time.Now(), SwitchOpen: 1}
	case backend.KickOther:
		ok := backend.KickOtherOK{}
		for _, d := range r.DeviceIDs {
			ok.Results = append(ok.Results, backend.KickResult{DeviceID: d, Code: 200})
		}
		a.Body = ok
	case backend.RenewToken:
		a.Body = backend.TokenRenewed{ExpiresAt: time.UnixMilli(1_900_000_000_000)}
	case backend.PushGet:
		a.Body = backend.PushConfig{SwitchOpen: 1}
	case backend.PushSet:
		a.Body = backend.PushConfig(r)
	case backend.ServerTime:
		a.Body = backend.Time{Server: time.Now()}
	}
	return a
}

// Receive implements backend.Link.
func (l *fakeLink) Receive() (backend.Event, error) {
	for {
		l.mu.Lock()
		if l.panics == "receive" {
			l.mu.Unlock()
			panic("provoked in Receive")
		}
		if len(l.queue) > 0 && !l.isClosed() {
			v := l.queue[0]
			if err, ok := v.(*nimerr.Error); ok {
				l.mu.Unlock()
				return nil, err
			}
			l.queue = l.queue[1:]
			l.mu.Unlock()
			return v.(backend.Event), nil
		}
		l.mu.Unlock()
		select {
		case <-l.wake:
		case <-l.closed:
			return nil, nimerr.ConnectionLost.New("closed")
		}
	}
}

// Server implements backend.Link.
func (l *fakeLink) Server() backend.Server {
	l.server.mu.Lock()
	defer l.server.mu.Unlock()
	return l.server.said
}

// Forget implements backend.Link.
func (l *fakeLink) Forget(id uint64) {
	l.server.mu.Lock()
	defer l.server.mu.Unlock()
	l.server.forgot = append(l.server.forgot, id)
}

// Check implements backend.Link.
func (l *fakeLink) Check() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.checks++
}

// Close implements backend.Link.
func (l *fakeLink) Close() { l.once.Do(func() { close(l.closed) }) }

// Stats implements backend.Link.
func (l *fakeLink) Stats() backend.Stats {
	return backend.Stats{RTT: 7 * time.Millisecond, BytesIn: 11, BytesOut: 13}
}
