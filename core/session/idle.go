package session

import (
	"time"

	"github.com/libnim/libnim/core/journal"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// The states without a link: logged out, waiting for the next attempt, given
// up, kicked, paused.

// loggedOut: nobody is logged in.
func (s *Session) loggedOut() stateFn {
	s.enter(StatusLoggedOut, "logged_out")
	return s.idle(s.reloginRefused(nimerr.NotLoggedIn.New("")))
}

// kicked: the server ended the session. A login is legal without a logout.
func (s *Session) kicked() stateFn {
	return s.idle(s.reloginRefused(nimerr.Kicked.New("log in again")))
}

// gaveUp: automatic relogin has stopped; a manual one starts it again.
func (s *Session) gaveUp() stateFn {
	return s.idle(func() stateFn {
		s.acct.newOutage()
		return s.linking
	})
}

// reloginRefused tells a manual relogin that there is nothing to reconnect.
func (s *Session) reloginRefused(why *nimerr.Error) func() stateFn {
	return func() stateFn {
		s.post(abi.OnClientAutoRelogin(&abi.LoginResult{ErrorInfo: s.info(why), LoginStep: int(stepLogin), Relogin: true}))
		return nil
	}
}

// idle waits for a command where no session stands.
func (s *Session) idle(relogin func() stateFn) stateFn {
	for {
		var next stateFn
		select {
		case c := <-s.cmds:
			switch c := c.(type) {
			case cmdLogin:
				next = s.begin(&c)
			case cmdLogout:
				next = s.logoutHere(c)
			case cmdRelogin:
				next = relogin()
			default:
				s.unavailable(c, nimerr.NotLoggedIn.New(""))
			}
		case <-s.room:
			s.room = nil
		case <-s.quit:
			return s.stopped
		}
		if next != nil {
			return next
		}
	}
}

// plan decides when the next attempt comes. It uses up what the server asked for.
func (s *Session) plan() time.Duration {
	a := s.acct
	if time.Since(a.outage) >= youngOutage {
		a.late++
	}
	delay := retryDelay(a.tries, a.late, a.retryAfter, s.env.Rand())
	a.retryAfter = noRetryAfter
	return delay
}

// backoff waits for the next attempt.
func (s *Session) backoff(cause *nimerr.Error, delay time.Duration) stateFn {
	return func() stateFn {
		s.enter(s.trying(), "backoff")
		s.retryIn(delay, cause)
		wake := time.NewTimer(min(delay, s.untilLimit()))
		defer wake.Stop()
		watch := newClockWatch(s.env.Wall)
		tick := time.NewTicker(clockCheck)
		defer tick.Stop()
		for {
			select {
			case <-wake.C:
				if s.exhausted() {
					return s.end(cause, s.acct.step, nil)
				}
				return s.linking
			case <-tick.C:
				if watch.jumped() {
					s.log(journal.App, "wall_clock_jumped")
					return s.linking
				}
			case c := <-s.cmds:
				switch c.(type) {
				case cmdRelogin, cmdNetworkChanged:
					return s.linking
				}
				if next := s.whileConnecting(c); next != nil {
					return next
				}
			case <-s.quit:
				return s.stopped
			}
		}
	}
}

// pausing drops the connection and keeps the session.
func (s *Session) pausing(call Call) stateFn {
	ready := s.status == StatusOnline
	return func() stateFn {
		s.enter(StatusPaused, "paused")
		s.renewed(nimerr.Cancelled.New("paused"))
		s.simple(call, nil)
		if ready {
			s.connection(connNotReady, nil)
		}
		return s.paused
	}
}

// paused: the session is kept without a connection until Resume.
func (s *Session) paused() stateFn {
	for {
		select {
		case c := <-s.cmds:
			switch c := c.(type) {
			case cmdResume:
				s.acct.newOutage()
				s.simple(c.call, nil)
				return s.linking
			case cmdRelogin:
				s.acct.newOutage()
				return s.linking
			case cmdPause:
				s.simple(c.call, nil)
			default:
				if next := s.whileConnecting(c); next != nil {
					return next
				}
			}
		case <-s.room:
			s.room = nil
		case <-s.quit:
			return s.stopped
		}
	}
}
