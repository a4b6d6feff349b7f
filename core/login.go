package core

import (
	"context"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/journal"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// begin accepts a login call. It is legal wherever no session stands.
func (s *Session) begin(c cmdLogin) stateFn {
	if err := checkLogin(&c.req); err != nil {
		s.refuseLogin(c.call, err)
		return nil
	}
	s.forget()
	s.acct = s.newAccount(c.call, &c.req)
	s.log(journal.App, "login", journal.Str("account", c.req.Account), journal.Int("auth_type", int64(c.req.Options.AuthType)))
	return s.linking
}

// loginElsewhere treats a login call while a session stands or a login runs:
// it is refused, unless it asks to switch accounts.
func (s *Session) loginElsewhere(c cmdLogin, leave func(then stateFn) stateFn) stateFn {
	if err := checkLogin(&c.req); err != nil {
		s.refuseLogin(c.call, err)
		return nil
	}
	a := s.acct
	same := a.login.Account == c.req.Account && a.login.AppKey == c.req.AppKey
	switch {
	case a.first:
		s.refuseLogin(c.call, nimerr.LoginInProgress.New(""))
		return nil
	case same:
		// Reconnecting: the call brings credentials and wants an answer.
		fresh := s.newAccount(c.call, &c.req)
		s.acct = fresh
		return s.linking
	case !c.req.Options.SwitchAccount:
		s.refuseLogin(c.call, nimerr.AlreadyLoggedIn.New(""))
		return nil
	}
	return leave(func() stateFn { return s.begin(c) })
}

type linked struct {
	link     backend.Link
	attempts []backend.Attempt
	err      error
}

// linking finds a way to the server: names, proxy, TLS, upgrade. Where the
// token travels in the handshake, it is asked for here.
func (s *Session) linking() stateFn {
	s.acct.tries++
	s.enter(s.trying(), "linking")
	s.connection(connConnecting, nil)
	s.step(stepLinking)

	if s.env.Backend.TokenInHandshake && s.wantsToken() {
		return s.asking(nil, s.dialing)
	}
	return s.dialing
}

// dialing is the part of linking that waits for the network.
func (s *Session) dialing() stateFn {
	a := s.acct
	ctx, cancel := context.WithTimeout(context.Background(), connectTimeout)
	defer cancel()
	login := a.login
	login.Relogin = !a.first
	result := make(chan linked, 1)
	go func() { result <- s.dial(ctx, &login) }()
	limit := time.NewTimer(s.untilLimit())
	defer limit.Stop()
	drop := func() { // the dial ends at once when its context does
		cancel()
		if r := <-result; r.link != nil {
			r.link.Close()
		}
	}
	for {
		select {
		case r := <-result:
			s.history.add(r.attempts, r.err)
			if r.err != nil {
				return s.failure(nimerr.From(r.err, nimerr.ConnectionFailed), stepLinking, nil)
			}
			return s.linked(newConn(r.link))
		case <-limit.C:
			drop()
			return s.failure(nimerr.Timeout.New("connecting"), stepLinking, nil)
		case c := <-s.cmds:
			if next := s.whileConnecting(c, drop); next != nil {
				return next
			}
		case <-s.quit:
			drop()
			return s.stopped
		}
	}
}

func (s *Session) dial(ctx context.Context, login *backend.Login) (r linked) {
	defer func() {
		if p := recover(); p != nil {
			r.err = nimerr.Internal.Newf("%v", p)
		}
	}()
	r.link, r.attempts, r.err = s.env.Router.Connect(ctx, login, login.Relogin && s.env.Config.RefreshLBS)
	return r
}

// linked: the socket is up. A token that is needed is asked for now, when a
// server is there to take it.
func (s *Session) linked(c *conn) stateFn {
	return func() stateFn {
		s.enter(s.trying(), "linked")
		s.connection(connConnected, nil)
		s.step(stepLink)
		if !s.env.Backend.TokenInHandshake && s.wantsToken() {
			return s.asking(c, s.authenticating(c))
		}
		return s.authenticating(c)
	}
}

// wantsToken reports whether the provider has to be asked before this attempt.
func (s *Session) wantsToken() bool {
	a := s.acct
	if s.env.Tokens == nil || a.asked || !s.env.Tokens.Registered() {
		return false
	}
	signed := a.login.AuthType != abi.AuthTypeDefault
	return a.mustAsk || signed && (a.login.Token == "" || !a.first)
}

// asking waits for the token provider, with a link that must stay alive (c)
// or without one (nil), and goes on with next.
func (s *Session) asking(c *conn, next stateFn) stateFn {
	return func() stateFn {
		a := s.acct
		keep := false
		s.enter(s.trying(), "asking")
		var events chan backend.Event
		var lost chan *nimerr.Error
		if c != nil {
			events, lost = c.events, c.lost
			defer func() {
				if !keep {
					c.close()
				}
			}()
		}
		if token, ok := s.env.Tokens.Late(); ok {
			s.takeToken(token)
			keep = true
			return next
		}
		ctx, cancel := context.WithTimeout(context.Background(), tokenTimeout)
		type reply struct {
			token string
			err   error
		}
		answered := make(chan reply, 1)
		reason := "login"
		if a.mustAsk {
			reason = "expired"
		} else if !a.first {
			reason = "relogin"
		}
		request := abi.TokenRequest{
			Account: a.login.Account, AppKey: a.login.AppKey, Reason: reason,
			DeadlineMs: tokenTimeout.Milliseconds(), OperationId: a.login.OperationID,
		}
		go func() {
			token, err := s.env.Tokens.Ask(ctx, request)
			answered <- reply{token, err}
		}()
		drop := func() { cancel(); <-answered }
		defer cancel()
		limit := time.NewTimer(s.untilLimit())
		defer limit.Stop()
		for {
			select {
			case r := <-answered:
				if r.err != nil {
					return s.failure(nimerr.From(r.err, nimerr.TokenProviderTimeout), stepLink, nil)
				}
				s.takeToken(r.token)
				keep = true
				return next
			case <-events: // nothing the server says before the login matters here
			case err := <-lost:
				drop()
				return s.failure(err, stepLink, nil)
			case <-limit.C:
				drop()
				return s.failure(nimerr.TokenProviderTimeout.New(""), stepLink, nil)
			case cmd := <-s.cmds:
				if n := s.whileConnecting(cmd, drop); n != nil {
					return n
				}
			case <-s.quit:
				drop()
				return s.stopped
			}
		}
	}
}

// takeToken uses what the provider gave; nothing means the old token.
func (s *Session) takeToken(token string) {
	a := s.acct
	a.asked, a.mustAsk = true, false
	if token != "" && token != a.login.Token {
		s.env.Journal.Forget(a.login.Token)
		s.env.Journal.Secret(token)
		a.login.Token = token
	}
}

// authenticating sends the login and waits for its answer.
func (s *Session) authenticating(c *conn) stateFn {
	return func() stateFn {
		a := s.acct
		s.enter(s.trying(), "authenticating")
		keep := false
		defer func() {
			if !keep {
				c.close()
			}
		}()
		s.step(stepLogining)
		if a.login.Token == "" && a.login.AuthType != abi.AuthTypeByAppToken {
			err := nimerr.InvalidArgument.New("token: want a token, got an empty string and no token provider gave one")
			return s.failure(err, stepLogining, nil)
		}
		login := a.login
		login.Relogin = !a.first
		sent := time.Now()
		id, err := c.send(&login)
		if err != nil {
			return s.failure(err, stepLogining, nil)
		}
		limit := time.NewTimer(min(loginTimeout, s.untilLimit()))
		defer limit.Stop()
		var kick *backend.Kicked
		for {
			select {
			case e := <-c.events:
				switch e := e.(type) {
				case backend.Answer:
					if e.ID != id {
						continue
					}
					s.history.authenticated(time.Since(sent), e.Err)
					ok, _ := e.Body.(backend.LoginOK)
					if e.Err == nil {
						keep = true
						return s.online(c, &ok)
					}
					refused, _ := e.Body.(backend.LoginRefused)
					return s.failure(e.Err, stepLogining, &refused)
				case backend.Kicked:
					kick = &e
				case backend.GoingAway:
					a.wish = e.RetryAfter
				}
			case err := <-c.lost:
				if kick != nil {
					refused := backend.LoginRefused{Kicked: kick}
					return s.failure(nimerr.KickedOffline.New(kick.Description), stepLogining, &refused)
				}
				return s.failure(err, stepLogining, nil)
			case <-limit.C:
				return s.failure(nimerr.Timeout.New("waiting for the answer to the login"), stepLogining, nil)
			case cmd := <-s.cmds:
				if next := s.whileConnecting(cmd, func() {}); next != nil {
					return next
				}
			case <-s.quit:
				return s.stopped
			}
		}
	}
}

// whileConnecting treats a command during an attempt. A non-nil result leaves
// the attempt, after drop has released what the state holds.
func (s *Session) whileConnecting(c command, drop func()) stateFn {
	switch c := c.(type) {
	case cmdLogin:
		next := s.loginElsewhere(c, s.leave)
		if next != nil {
			drop()
		}
		return next
	case cmdLogout:
		drop()
		return s.logoutHere(c)
	case cmdPause:
		if s.acct.first {
			s.unavailable(c, nimerr.NotLoggedIn.New("pause works once the login is done"))
			return nil
		}
		drop()
		return s.pausing(c.call)
	case cmdNetworkChanged, cmdRelogin:
		return nil // an attempt is running
	}
	s.unavailable(c, nimerr.NotLoggedIn.New(""))
	return nil
}

// failure decides what follows a failed attempt: another one, or the end.
func (s *Session) failure(err *nimerr.Error, step loginStep, refused *backend.LoginRefused) stateFn {
	a := s.acct
	a.failures++
	s.history.last = err
	s.log(journal.Warn, "attempt_failed", journal.Int("step", int64(step)), journal.Err(err))
	if err.RetryAfter > 0 {
		a.wish = err.RetryAfter
	}
	if err.Kind == nimerr.TokenExpired && s.canAskAgain() {
		a.mustAsk = true
		s.failed(err, step)
		return s.linking
	}
	a.asked = false // a later attempt may ask again
	if retried(err) && !s.exhausted() {
		s.attemptFailed(err, step)
		s.failed(err, step)
		return s.backoff(err)
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
		s.finishLogin(err, step, refused)
		s.failed(err, step)
		s.forget()
		return s.loggedOut
	}
	s.enter(StatusGaveUp, "gave_up")
	s.finishLogin(err, step, refused)
	s.failed(err, step)
	return s.gaveUp
}

// kickedWhileOffline reports a kick that the server kept for this device: once
// as a kickout, then as the end of automatic relogin.
func (s *Session) kickedWhileOffline(err *nimerr.Error, step loginStep, refused *backend.LoginRefused) stateFn {
	s.enter(StatusKicked, "kicked")
	s.tellKicked(refused.Kicked)
	s.finishLogin(err, step, refused)
	s.forget()
	return s.kicked
}

// canAskAgain reports whether an expired token may be replaced by asking the
// provider, once per attempt.
func (s *Session) canAskAgain() bool {
	return s.env.Tokens != nil && !s.acct.asked && !s.acct.mustAsk && s.env.Tokens.Registered()
}

// retried reports whether automatic relogin goes on after an error.
func retried(err *nimerr.Error) bool {
	switch err.Kind.Code {
	case 408, 415, 500, 503, 10010:
		return true
	}
	return false
}

// exhausted reports whether the limits that apply to this login are reached.
func (s *Session) exhausted() bool {
	a := s.acct
	if m := a.options.max; m > 0 && a.failures > m {
		return true
	}
	return a.first && s.untilLimit() <= 0
}

// untilLimit returns how long the first login may still take. A login that
// counts its retries is not bounded in time as well, unless it asks for both;
// one that was online before has no limit.
func (s *Session) untilLimit() time.Duration {
	a := s.acct
	if !a.first || a.options.max > 0 && a.options.timeout == firstLoginTimeout {
		return time.Duration(1<<63 - 1)
	}
	return a.options.timeout - time.Since(a.started)
}

func (s *Session) trying() Status {
	if s.acct.first {
		return StatusLoggingIn
	}
	return StatusReconnecting
}
