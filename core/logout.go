package core

import (
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/journal"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// A farewell is a logout that tells the server.
type farewell struct {
	calls []cmdLogout // answered at the end
	kind  int         // NIMLogoutType
	login *cmdLogin   // that follows it, to switch accounts; nil: none
}

// loggingOut tells the server, within bounds: the local session ends whatever
// the server says.
func (s *Session) loggingOut(c *conn, f *farewell) stateFn {
	return func() stateFn {
		defer c.close()
		s.leaving = f
		s.log(journal.App, "logout", journal.Int("type", int64(f.kind)))
		limit := time.NewTimer(logoutTimeout)
		defer limit.Stop()
		done := func() stateFn {
			s.leaving = nil
			return s.over(f.calls, true, f.login)
		}
		id, err := c.send(backend.Logout{Type: f.kind})
		if err != nil {
			return done
		}
		for {
			select {
			case e := <-c.events:
				if a, ok := e.(backend.Answer); ok && a.ID == id {
					return done
				}
			case <-c.lost:
				return done
			case <-limit.C:
				s.log(journal.Warn, "logout_unanswered")
				return done
			case cmd := <-s.cmds:
				s.whileLoggingOut(cmd, f)
			case <-s.quit:
				return s.stoppedIn(f)
			}
		}
	}
}

// whileLoggingOut treats a command during a logout. Another logout joins it,
// and takes back a login that was to follow.
func (s *Session) whileLoggingOut(c command, f *farewell) {
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
	return func() stateFn { return s.over([]cmdLogout{c}, false, nil) }
}

// over ends the local session: memory is wiped, then the application is told;
// the answers of the logout calls come last. login, if not nil, follows.
func (s *Session) over(calls []cmdLogout, ready bool, login *cmdLogin) stateFn {
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
	if ready {
		s.connectionEvent(abi.ConnectionEvent{Event: connNotReady, ErrorInfo: info})
	}
	if a != nil {
		s.connectionEvent(abi.ConnectionEvent{Event: connClosed, ErrorInfo: info})
	}
	s.loggedOutAll(calls, info)
	if login != nil {
		return s.begin(login)
	}
	return s.loggedOut
}

// stoppedIn ends a logout for cleanup.
func (s *Session) stoppedIn(f *farewell) stateFn {
	return func() stateFn {
		info := s.info(nil)
		s.leaving = nil
		next := s.stopped()
		if f.login != nil {
			s.refuseLogin(f.login, nimerr.Cancelled.New(stopping))
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
		s.env.Sink.Answer(c.call, &r, true)
	}
}

const stopping = "the library is being cleaned up"

// stopped ends everything for cleanup: what was accepted is answered, nothing
// else is posted.
func (s *Session) stopped() stateFn {
	s.enter(StatusLoggedOut, "stopped")
	err := nimerr.Cancelled.New(stopping)
	if a := s.acct; a != nil && a.call != 0 {
		s.finishLogin(err, a.step, nil)
	}
	s.renewed(err)
	s.forget()
	return nil
}
