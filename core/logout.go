package core

import (
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/journal"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// loggingOut tells the server, within bounds: the local session ends whatever
// the server says. calls are answered at the end; then, if not nil, follows
// instead of logged out.
func (s *Session) loggingOut(c *conn, calls []Call, kind int, then stateFn) stateFn {
	s.enter(StatusLoggingOut, "logging_out")
	s.log(journal.App, "logout", journal.Int("type", int64(kind)))
	limit := time.NewTimer(logoutTimeout)
	defer limit.Stop()
	id, err := c.send(backend.Logout{Type: int(kind)})
	for waiting := err == nil; waiting; {
		select {
		case e := <-c.events:
			if a, ok := e.(backend.Answer); ok && a.ID == id {
				waiting = false
			}
		case <-c.lost:
			waiting = false
		case <-limit.C:
			s.log(journal.Warn, "logout_unanswered")
			waiting = false
		case cmd := <-s.cmds:
			if again, ok := cmd.(cmdLogout); ok {
				calls = append(calls, again.call)
				continue
			}
			s.unavailable(cmd, nimerr.LogoutInProgress.New(""))
		case <-s.quit:
			c.close()
			for _, call := range calls {
				s.simple(call, nil)
			}
			return s.stopped
		}
	}
	c.close()
	return s.over(calls, true, then)
}

// logoutHere ends a session that has no link, or a login that runs.
func (s *Session) logoutHere(c cmdLogout) stateFn {
	return func() stateFn { return s.over([]Call{c.call}, false, nil) }
}

// leave ends a session that has no link in favour of another login.
func (s *Session) leave(then stateFn) stateFn {
	return func() stateFn { return s.over(nil, false, then) }
}

// over ends the local session: memory is wiped, then the application is told;
// the answers of the logout calls come last.
func (s *Session) over(calls []Call, ready bool, then stateFn) stateFn {
	a := s.acct
	pending, renewed := Call(0), func(*nimerr.Error) {}
	if a != nil {
		pending = a.call
		if a.renewed != nil {
			renewed = a.renewed
		}
	}
	s.acct, s.history.kick = a, nil
	info := s.info(nil)
	s.forget()
	s.enter(StatusLoggedOut, "logged_out")
	if pending != 0 {
		r := abi.LoginResult{ErrorInfo: s.info(nimerr.Cancelled.New("logged out"))}
		r.OperationId = info.OperationId
		s.env.Sink.Answer(pending, &r, true)
	}
	renewed(nimerr.Cancelled.New("logged out"))
	if ready {
		s.connectionEvent(abi.ConnectionEvent{Event: connNotReady, ErrorInfo: info})
	}
	if a != nil {
		s.connectionEvent(abi.ConnectionEvent{Event: connClosed, ErrorInfo: info})
	}
	for _, call := range calls {
		s.env.Sink.Answer(call, &abi.LogoutResult{ErrorInfo: info}, true)
	}
	if then != nil {
		return then
	}
	return s.loggedOut
}

// stopped ends everything for cleanup: what was accepted is answered, nothing
// else is posted.
func (s *Session) stopped() stateFn {
	err := nimerr.Cancelled.New("the library is being cleaned up")
	if a := s.acct; a != nil {
		if a.call != 0 {
			s.env.Sink.Answer(a.call, &abi.LoginResult{ErrorInfo: s.info(err)}, true)
			a.call = 0
		}
		if a.renewed != nil {
			a.renewed(err)
		}
	}
	s.forget()
	s.status = StatusLoggedOut
	s.publish()
	return nil
}
