package session

import (
	"sync"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/journal"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// What the modules on the session are told, and how it waits for them: in a state
// of its own, never in a call.

// Run implements module.Session.
func (s *Session) Run(f func()) { s.do(cmdRun{f}) }

// Post implements module.Session.
func (s *Session) Post(p abi.Posting) { s.post(p) }

// Answer implements module.Session.
func (s *Session) Answer(call module.Call, p abi.Posting, final bool) {
	s.env.Sink.Answer(call, p, final)
}

// Info implements module.Session.
func (s *Session) Info(err *nimerr.Error) abi.ErrorInfo { return s.info(err) }

// A gathering waits until every module has said something once.
type gathering struct {
	said chan *nimerr.Error
	left int
	err  *nimerr.Error // the first one
}

// gather tells every module something; tell passes on what it answers with.
func (s *Session) gather(tell func(m module.Module, answer func(*nimerr.Error))) *gathering {
	g := &gathering{said: make(chan *nimerr.Error, len(s.env.Modules)), left: len(s.env.Modules)}
	for _, m := range s.env.Modules {
		var once sync.Once
		tell(m, func(err *nimerr.Error) { once.Do(func() { g.said <- err }) })
	}
	return g
}

// heard takes one answer.
func (g *gathering) heard(err *nimerr.Error) {
	g.left--
	if g.err == nil {
		g.err = err
	}
}

// complete takes what was answered already, and reports whether that is all.
func (g *gathering) complete() bool {
	for g.left > 0 {
		select {
		case err := <-g.said:
			g.heard(err)
		default:
			return false
		}
	}
	return true
}

// accepting tells the modules of an accepted login, and links once all are ready.
func (s *Session) accepting() stateFn {
	a := s.acct
	s.enter(StatusLoggingIn, "accepting")
	if s.opened == nil {
		s.opened = &module.Account{
			AppKey: a.login.AppKey, ID: a.login.Account, Device: s.env.Config.Device.ID,
			Backend: s.env.Config.Backend, Server: s.env.Config.Server, Gate: &module.Gate{},
		}
	}
	s.opened.Operation = a.login.OperationID
	g := s.gather(func(m module.Module, answer func(*nimerr.Error)) { m.Accepted(*s.opened, answer) })
	limit := time.NewTimer(min(acceptTimeout, s.untilLimit()))
	defer limit.Stop()
	for !g.complete() {
		select {
		case err := <-g.said:
			g.heard(err)
		case <-limit.C:
			return s.end(nimerr.StoreUnusable.New("it was not ready in time"), stepLinking, nil)
		case cmd := <-s.cmds:
			if next := s.whileConnecting(cmd); next != nil {
				return next
			}
		case <-s.quit:
			return s.stopped
		}
	}
	if g.err != nil {
		return s.end(g.err, stepLinking, nil)
	}
	return s.linking
}

// connected tells the modules that the session stands.
func (o *onlineState) connected() {
	s := o.Session
	s.epoch++
	server := o.conn.link.Server()
	s.said.Store(&server)
	s.ready = &module.Gate{}
	on := module.Online{Account: *s.opened, Epoch: s.epoch, Relogin: o.relogin, Server: server, Ready: s.ready}
	if !o.clock.IsZero() {
		on.Clock = o.now()
	}
	for _, m := range s.env.Modules {
		m.Online(on)
	}
}

// offline ends what is on the wire, and tells the modules that the link is gone.
func (s *Session) offline(why module.Reason, err *nimerr.Error) *gathering {
	s.wire.close(err)
	s.notReady()
	return s.gather(func(m module.Module, answer func(*nimerr.Error)) {
		m.Offline(why, func() { answer(nil) })
	})
}

// notReady lets nothing of the time online pass any more.
func (s *Session) notReady() {
	if s.ready != nil {
		s.ready.Shut()
		s.ready = nil
	}
}

// closeModules tells the modules that the login ends.
func (s *Session) closeModules(limit time.Duration) *gathering {
	if s.opened == nil {
		return &gathering{}
	}
	deadline := time.Now().Add(limit)
	return s.gather(func(m module.Module, answer func(*nimerr.Error)) {
		m.Close(deadline, func() { answer(nil) })
	})
}

// shutGate is the end of waiting for the modules: what they post from now on is
// dropped.
func (s *Session) shutGate() {
	if s.opened != nil {
		s.opened.Gate.Shut()
		s.opened = nil
	}
}

// await waits for the modules, at most for limit, and goes on with next. What the
// application calls meanwhile is treated as during the logout f.
func (s *Session) await(g *gathering, limit time.Duration, f *logoutState, next stateFn) stateFn {
	if g.complete() {
		return next
	}
	return func() stateFn {
		s.leaving = f
		end := time.NewTimer(limit)
		defer end.Stop()
		for !g.complete() {
			select {
			case err := <-g.said:
				g.heard(err)
			case <-end.C:
				s.log(journal.Warn, "modules_late")
				s.leaving = nil
				return next
			case cmd := <-s.cmds:
				s.whileLoggingOut(cmd, f)
			case <-s.quit:
				return s.stoppedIn(f)
			}
		}
		s.leaving = nil
		return next
	}
}

// settle is await in the last state of the session, where calls are dropped.
func (s *Session) settle(g *gathering, limit time.Duration) {
	end := time.NewTimer(limit)
	defer end.Stop()
	for !g.complete() {
		select {
		case err := <-g.said:
			g.heard(err)
		case <-s.cmds: // the front answers it
		case <-end.C:
			s.log(journal.Warn, "modules_late")
			return
		}
	}
}

// push passes on what is not the session's own.
func (s *Session) push(e backend.Event) {
	for _, m := range s.env.Modules {
		m.Push(e)
	}
}
