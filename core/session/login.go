package session

import (
	"math"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/journal"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/internal/nimerr"
)

// begin accepts a login call. It is legal wherever no session stands.
func (s *Session) begin(c *cmdLogin) stateFn {
	if err := s.checkLogin(&c.req); err != nil {
		s.refuseLogin(c, err)
		return nil
	}
	if o := s.opened; o != nil && (o.ID != c.req.Account || o.AppKey != c.req.AppKey) {
		// that of before a kick: its modules come to their end first
		f := &logoutState{login: c}
		return s.await(s.closeModules(logoutTimeout), logoutTimeout, f, func() stateFn {
			s.shutGate()
			return s.follow(f)
		})
	}
	s.forget()
	s.acct = s.newAccount(c.call, &c.req)
	for _, k := range c.req.Options.Unknown {
		s.log(journal.Pro, "unknown_key", journal.Str("argument", "json_extension"), journal.Str("key", k))
	}
	if n := len(c.req.Account); n > tencentAccountMax {
		s.log(journal.Warn, "long_account", journal.Int("bytes", int64(n)))
	}
	s.log(journal.App, "login", journal.Str("account", c.req.Account), journal.Int("auth_type", int64(c.req.Options.AuthType)))
	return s.accepting
}

// loginElsewhere treats a login call while a login runs or a session without a
// link stands. Another account is refused, unless it asks to switch.
func (s *Session) loginElsewhere(c *cmdLogin) stateFn {
	if err := s.checkLogin(&c.req); err != nil {
		s.refuseLogin(c, err)
		return nil
	}
	switch a := s.acct; {
	case a.first:
		s.refuseLogin(c, nimerr.LoginInProgress.New(""))
		return nil
	case a.isFor(&c.req):
		return s.loginAnew(c)
	case !c.req.Options.SwitchAccount:
		s.refuseLogin(c, nimerr.AlreadyLoggedIn.New(""))
		return nil
	}
	return s.departing(&logoutState{login: c}, logoutTimeout)
}

// loginAnew makes a login of what was a relogin of the same account: the call
// brings credentials and wants an answer. One that brings none goes on with
// those there are.
func (s *Session) loginAnew(c *cmdLogin) stateFn {
	old := s.acct
	s.renewed(nimerr.Cancelled.New("logged in anew"))
	s.env.Journal.Forget(old.login.Token)
	s.acct = s.newAccount(c.call, &c.req)
	p, l := c.req.credentials().over(credentialsOf(&old.login)), &s.acct.login
	if l.Token != p.token {
		s.env.Journal.Secret(p.token)
	}
	l.Token, l.AuthType, l.LoginEx = p.token, p.authType, p.loginEx
	return s.linking
}

// failure decides what follows a failed attempt: another one, or the end.
func (s *Session) failure(err *nimerr.Error, step loginStep, refused *backend.LoginRefused) stateFn {
	a := s.acct
	a.failures++
	a.last, s.history.last = err, err
	s.log(journal.Warn, "attempt_failed", journal.Int("step", int64(step)), journal.Err(err))
	a.noteRetryAfter(err.RetryAfter)
	if r := a.renewal; r != nil {
		s.renewed(err) // first: its log may hold the token, which restore forgets
		s.restore(r.old)
		if !retried(err) && err.Kind != nimerr.KickedOffline {
			s.failed(s.attempted(err, step))
			return s.linking // the session goes on with the old token
		}
	}
	if err.Kind == nimerr.TokenExpired && s.canAskAgain() {
		a.mustAsk = true
		s.failed(s.attempted(err, step))
		return s.linking
	}
	a.asked = false // a later attempt may ask again
	if retried(err) && !s.exhausted() {
		delay := s.plan()
		info := s.attempted(err, step)
		info.RetryInMs = delay.Milliseconds()
		s.attemptFailed(info, step)
		s.failed(info)
		return s.backoff(err, delay)
	}
	if err.Kind == nimerr.KickedOffline && !a.first && refused != nil && refused.Kicked != nil {
		return s.kickedWhileOffline(err, step, refused)
	}
	return s.end(err, step, refused)
}

// end is the last failure of a login: the call gets its final answer, or
// automatic relogin stops.
func (s *Session) end(err *nimerr.Error, step loginStep, refused *backend.LoginRefused) stateFn {
	if s.acct.first {
		s.enter(StatusLoggedOut, "failed")
		f := &logoutState{}
		return s.await(s.closeModules(logoutTimeout), logoutTimeout, f, func() stateFn {
			s.shutGate()
			s.finishLogin(err, step, refused)
			if s.acct.begun() {
				s.failed(s.attempted(err, step))
			}
			s.forget()
			return s.follow(f)
		})
	}
	s.enter(StatusGaveUp, "gave_up")
	s.offline(module.Ended, err)
	end := err
	if retried(err) { // its code would read as another attempt
		end = nimerr.ReloginGivenUp.New(err.Error())
		end.RetryAfter, end.ServerCode, end.Endpoint = err.RetryAfter, err.ServerCode, err.Endpoint
	}
	s.finishLogin(end, step, refused)
	s.failed(s.attempted(err, step))
	return s.gaveUp
}

// kickedWhileOffline reports a kick that the server kept for this device: once
// as a kickout, then as the end of automatic relogin.
func (s *Session) kickedWhileOffline(err *nimerr.Error, step loginStep, refused *backend.LoginRefused) stateFn {
	s.enter(StatusKicked, "kicked")
	f := &logoutState{}
	return s.await(s.offline(module.Ended, err), kickTimeout, f, func() stateFn {
		s.tellKicked(refused.Kicked)
		s.finishLogin(err, step, refused)
		s.forget()
		return s.kickedThen(f)
	})
}

// canAskAgain reports whether an expired token may be replaced by asking the
// provider, once per attempt.
func (s *Session) canAskAgain() bool {
	return s.env.Tokens != nil && !s.acct.asked && !s.acct.mustAsk && s.env.Tokens.Registered()
}

// retried reports whether another attempt follows an error by itself.
func retried(err *nimerr.Error) bool { return err.Kind.Retryable }

// exhausted reports whether the limits that apply to this login, or to this
// outage, are reached.
func (s *Session) exhausted() bool {
	a := s.acct
	if !a.first {
		return s.env.Config.ReloginMax > 0 && a.failures > s.env.Config.ReloginMax
	}
	return a.options.max > 0 && a.failures > a.options.max || s.untilLimit() <= 0
}

// untilLimit returns how long the first login may still take. One that was
// online before has no limit.
func (s *Session) untilLimit() time.Duration {
	a := s.acct
	if !a.first || a.options.timeout == 0 {
		return math.MaxInt64
	}
	return a.options.timeout - time.Since(a.started)
}

// trying is the status of an attempt.
func (s *Session) trying() Status {
	if s.acct.first {
		return StatusLoggingIn
	}
	return StatusReconnecting
}
