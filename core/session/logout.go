package session

import (
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/journal"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// A logoutState is a logout that tells the server.
type logoutState struct {
	calls []cmdLogout // answered at the end
	kind  int         // NIMLogoutType
	login *cmdLogin   // that follows it, to switch accounts; nil: none
	ready bool        // the host was told ready, and not yet not_ready
}

// loggingOut tells the server, and waits for the modules, within bounds: the
// local session ends whatever they say.
func (s *Session) loggingOut(c *conn, f *logoutState, closing *gathering) stateFn {
	return func() stateFn {
		defer c.close()
		s.leaving = f
		s.log(journal.App, "logout", journal.Int("type", int64(f.kind)))
		limit := time.NewTimer(logoutTimeout)
		defer limit.Stop()
		id := c.nextID()
		told := c.send(id, backend.Logout{Type: f.kind}) != nil
		for !told || !closing.complete() {
			select {
			case e := <-c.events:
				if a, ok := e.(backend.Answer); ok && a.ID == id {
					told = true
				}
			case <-c.lost:
				told = true
			case err := <-closing.said:
				closing.heard(err)
			case <-limit.C:
				s.log(journal.Warn, "logout_unanswered", journal.Bool("server", !told), journal.Int("modules", int64(closing.left)))
				told, closing.left = true, 0
			case cmd := <-s.cmds:
				s.whileLoggingOut(cmd, f)
			case <-s.quit:
				return s.stoppedIn(f)
			}
		}
		s.leaving = nil
		s.shutGate()
		return func() stateFn { return s.over(f) }
	}
}

// whileLoggingOut treats a command during a logout. Another logout joins it,
// and takes back a login that was to follow.
func (s *Session) whileLoggingOut(c command, f *logoutState) {
	again, ok := c.(cmdLogout)
	if !ok {
		s.unavailable(c, nimerr.LogoutInProgress.New(""))
		return
	}
	if f.login != nil {
		s.refuseLogin(f.login, nimerr.Cancelled.New("logged out"))
		f.login = nil
	}
	f.calls = append(f.calls, again)
}

// logoutHere ends a session that has no link, or a login that runs.
func (s *Session) logoutHere(c cmdLogout) stateFn {
	return s.departing(&logoutState{calls: []cmdLogout{c}}, logoutTimeout)
}

// departing is a logout that has no link to tell the server over.
func (s *Session) departing(f *logoutState, limit time.Duration) stateFn {
	return func() stateFn {
		if s.acct != nil && !s.acct.first {
			s.enter(StatusLoggingOut, "leaving")
		}
		return s.await(s.closeModules(limit), limit, f, func() stateFn {
			s.shutGate()
			return s.over(f)
		})
	}
}

// follow goes on with what was called while the session came to its end by itself.
func (s *Session) follow(f *logoutState) stateFn {
	switch {
	case len(f.calls) > 0:
		return s.over(f)
	case f.login != nil:
		return s.begin(f.login)
	}
	return s.loggedOut
}

// kickedThen is the state after a kick, unless a logout was called meanwhile.
func (s *Session) kickedThen(f *logoutState) stateFn {
	if len(f.calls) > 0 {
		return s.departing(f, logoutTimeout-kickTimeout) // it has waited already
	}
	return s.kicked
}

// over ends the local session: memory is wiped, then the application is told;
// the answers of the logout calls come last. A login may follow.
func (s *Session) over(f *logoutState) stateFn {
	a := s.acct
	info := s.info(nil)
	s.enter(StatusLoggedOut, "logged_out")
	if a != nil {
		cancelled := nimerr.Cancelled.New("logged out")
		if a.call != 0 {
			s.finishLogin(cancelled, a.step, nil)
		}
		s.renewed(cancelled)
	}
	s.history.kick = nil
	s.forget()
	if f.ready {
		s.connectionEvent(abi.ConnectionEvent{Event: connNotReady, ErrorInfo: info})
	}
	if a != nil && a.begun() {
		s.connectionEvent(abi.ConnectionEvent{Event: connClosed, ErrorInfo: info})
	}
	s.loggedOutAll(f.calls, info)
	if f.login != nil {
		return s.begin(f.login)
	}
	return s.loggedOut
}

// stoppedIn ends a logout for cleanup.
func (s *Session) stoppedIn(f *logoutState) stateFn {
	return func() stateFn {
		info := s.info(nil)
		s.leaving = nil
		next := s.stopped()
		if f.login != nil {
			s.refuseLogin(f.login, nimerr.Cancelled.New(Stopping))
		}
		s.loggedOutAll(f.calls, info)
		return next
	}
}

// loggedOutAll answers logout calls. info names the operation of the login.
func (s *Session) loggedOutAll(calls []cmdLogout, info abi.ErrorInfo) {
	for _, c := range calls {
		r := abi.LogoutResult{ErrorInfo: info}
		if c.operation != "" {
			r.OperationId = c.operation
		}
		s.env.Sink.Answer(c.call, abi.AnswerJsonTransport(&r), true)
	}
}

// Stopping is why calls end with the library.
const Stopping = "the library is being cleaned up"

// stopped ends everything for cleanup: what was accepted is answered, nothing
// else is posted.
func (s *Session) stopped() stateFn {
	s.enter(StatusLoggedOut, "stopped")
	s.settle(s.closeModules(cleanupTimeout), cleanupTimeout)
	s.shutGate()
	err := nimerr.Cancelled.New(Stopping)
	if a := s.acct; a != nil && a.call != 0 {
		s.finishLogin(err, a.step, nil)
	}
	s.renewed(err)
	s.forget()
	return nil
}
