// Package session is the login session: one goroutine, run, owns all state and runs one
// function per state. It knows no C type, no socket and no JSON of the ABI.
package session

import (
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/journal"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// Env is what a session runs on. All fields but Tokens and Journal are
// required; they are set once.
type Env struct {
	Config  Config
	Router  Router
	Backend backend.Capabilities
	Sink    Sink
	Modules []module.Module
	Tokens  TokenProvider    // nil: there is none
	Journal *journal.Journal // nil: nothing is written
	Wall    func() time.Time // the wall clock; monotonic time comes from package time
	Rand    func() float64   // uniform in [0, 1)
	NewID   func() string    // for operation ids; called from any goroutine
}

// A Session is one use of the library, from init to cleanup. Its methods may
// be called from any goroutine, host callbacks included; none of them waits
// for the network or for the host.
type Session struct {
	env  Env
	cmds chan command  // any goroutine -> run
	quit chan struct{} // closed by Stop
	stop sync.Once
	done chan struct{} // closed when run has returned

	user atomic.Pointer[abi.LoginUser]  // what LoginUser returns; stored by run
	said atomic.Pointer[backend.Server] // what Server returns; stored by run
	wire *requests

	// owned by run
	status  Status
	leaving *logoutState    // the logout that runs; nil: none
	acct    *account        // nil: nobody is logged in, or is trying to
	opened  *module.Account // what the modules have accepted; nil: they are closed
	history history
	sent    uint64        // logins
	epoch   uint64        // how often it came online
	ready   *module.Gate  // of the present time online; nil: it is not
	backlog int           // undelivered callbacks when the last event was posted
	room    chan struct{} // non-nil while the host's backlog holds up reading; closed when there is room
}

// New starts a session that is logged out.
func New(env Env) *Session {
	s := &Session{env: env, cmds: make(chan command), quit: make(chan struct{}), done: make(chan struct{}), wire: newRequests()}
	s.user.Store(&abi.LoginUser{})
	for _, m := range env.Modules {
		m.Start(s)
	}
	go s.run()
	return s
}

// Stop ends the session: every accepted call is answered with "cancelled", the
// link is closed, nothing is posted afterwards. It does not wait; Done does.
func (s *Session) Stop() { s.stop.Do(func() { close(s.quit) }) }

// Done is closed when the session has stopped.
func (s *Session) Done() <-chan struct{} { return s.done }

// LoginUser returns the account that is logged in and what is known of it.
func (s *Session) LoginUser() *abi.LoginUser { return s.user.Load() }

// Server returns what the server last said of itself; nil: there was none yet.
func (s *Session) Server() *backend.Server { return s.said.Load() }

// do hands a command to run. It waits only for run to reach its select, and
// run neither does I/O nor calls the host. A command that comes after the end
// is dropped: the C front answers its call.
func (s *Session) do(c command) {
	select {
	case s.cmds <- c:
	case <-s.done:
	}
}

// A stateFn runs one state until it is left, and returns the next; nil ends
// the session. What a state needs (link, timers, calls on the wire) lives in
// its locals, so nothing of one connection can leak into the next.
type stateFn func() stateFn

func (s *Session) run() {
	defer close(s.done)
	for st := stateFn(s.loggedOut); st != nil; {
		st = s.guarded(st)
	}
}

// guarded runs one state. A panic in it ends the login, not the process: what
// the state had open is closed by its own defers.
func (s *Session) guarded(st stateFn) (next stateFn) {
	defer func() {
		if p := recover(); p != nil {
			next = s.afterPanic(p)
		}
	}()
	return st()
}

// afterPanic answers what the login owes and forgets it. A panic in here, where
// the sink itself fails, leaves nobody to tell.
func (s *Session) afterPanic(p any) (next stateFn) {
	next = s.loggedOut
	defer func() {
		if recover() != nil {
			s.acct, s.leaving, s.opened = nil, nil, nil
		}
	}()
	s.log(journal.Error, "panic", journal.Str("value", fmt.Sprint(p)), journal.Str("stack", string(debug.Stack())))
	if s.opened != nil {
		s.closeModules(0)
		s.shutGate()
	}
	if s.acct == nil {
		return next
	}
	if f := s.leaving; f != nil { // the session ends as the logout wanted
		s.leaving = nil
		return func() stateFn { return s.over(f) }
	}
	err := nimerr.Internal.Newf("%v", p)
	ready := s.status == StatusOnline
	s.notReady()
	s.enter(StatusLoggedOut, "panic")
	s.finishLogin(err, s.acct.step, nil)
	s.connection(connFailed, err)
	if ready {
		s.connection(connNotReady, nil)
	}
	s.forget()
	return next
}

// enter publishes a state. It comes before any event that the state causes: a
// getter may be ahead of the events, never behind.
func (s *Session) enter(status Status, name string) {
	s.log(journal.Pro, "state", journal.Str("name", name), journal.Int("status", int64(status)))
	s.status = status
	if status == StatusLoggingOut {
		s.wire.refuse(nimerr.LogoutInProgress.New(""))
	} else {
		s.wire.refuse(nimerr.NotLoggedIn.New(""))
	}
	s.publish()
}

func (s *Session) publish() {
	u := s.loginUser()
	s.user.Store(u)
	s.env.Sink.Publish(s.status, u.Account)
}

func (s *Session) loginUser() *abi.LoginUser {
	u := &abi.LoginUser{Status: int(s.status)}
	a := s.acct
	if a == nil {
		return u
	}
	switch s.status {
	case StatusLoggedOut, StatusLoggingIn, StatusKicked, StatusGaveUp:
		return u
	}
	u.Account, u.AppKey, u.DeviceId = a.login.Account, a.login.AppKey, s.env.Config.Device.ID
	u.Session, u.LoginTime = a.session, a.onlineWall.UnixMilli()
	if p := a.profile; p != nil {
		u.Name, u.Icon, u.Ex = p.Name, p.Icon, p.Ex
	}
	return u
}

func (s *Session) log(level journal.Level, event string, fields ...journal.Field) {
	if s.acct != nil {
		fields = append(fields, journal.Str("operation_id", s.acct.login.OperationID))
	}
	s.env.Journal.Add(level, event, fields...)
}
