package session

import (
	"context"
	"math"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// The states of one attempt: linking, linked, asking, authenticating. What each
// holds, a dial, a question to the token provider, a link, is released by its
// defers, however it is left.

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
	if err := s.tokenMissing(); err != nil && s.env.Backend.TokenInHandshake {
		return s.failure(err, stepLinking, nil)
	}
	login := s.acct.login
	login.Relogin = !s.acct.first
	if left := s.untilLimit(); left < math.MaxInt64 {
		login.Until = time.Now().Add(left)
	}
	ctx, cancel := context.WithTimeout(context.Background(), connectTimeout)
	result := make(chan linked, 1)
	go func() { result <- s.dial(ctx, &login) }()
	waiting := true
	defer func() { // a dial ends at once when its context does
		cancel()
		if !waiting {
			return
		}
		if r := <-result; r.link != nil {
			r.link.Close()
		}
	}()
	limit := time.NewTimer(s.untilLimit())
	defer limit.Stop()
	for {
		select {
		case r := <-result:
			waiting = false
			s.history.add(r.attempts)
			if r.err != nil {
				return s.failure(nimerr.From(r.err, nimerr.ConnectionFailed), stepLinking, nil)
			}
			return s.linked(newConn(r.link, scrubber{s.env.Journal}))
		case <-limit.C:
			return s.failure(s.outOfTime("connecting"), stepLinking, nil)
		case cmd := <-s.cmds:
			if next := s.whileConnecting(cmd); next != nil {
				return next
			}
		case <-s.quit:
			return s.stopped
		}
	}
}

// outOfTime is why a first login ends in the middle of an attempt: the reason
// why the attempts before it failed says more than that time is up.
func (s *Session) outOfTime(doing string) *nimerr.Error {
	if s.acct.failures > 0 {
		return s.history.last
	}
	return nimerr.Timeout.New(doing)
}

// dial runs on a goroutine of its own. A panic of the backend is the end of
// the login, not of the process.
func (s *Session) dial(ctx context.Context, login *backend.Login) (r linked) {
	defer func() {
		if p := recover(); p != nil {
			r.err = nimerr.Internal.Newf("%v", p)
		}
	}()
	r.link, r.attempts, r.err = s.env.Router.Connect(ctx, login, login.Relogin && s.env.Config.RefreshLBS)
	return scrubber{s.env.Journal}.linked(r)
}

// linked: the socket is up. A token that is needed is asked for now, when a
// server is there to take it.
func (s *Session) linked(c *conn) stateFn {
	return func() stateFn {
		keep := false
		defer func() {
			if !keep {
				c.close()
			}
		}()
		s.enter(s.trying(), "linked")
		s.connection(connConnected, nil)
		s.step(stepLink)
		next := s.authenticating(c)
		if !s.env.Backend.TokenInHandshake && s.wantsToken() {
			next = s.asking(c, next)
		}
		keep = true
		return next
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

// tokenMissing says that there is no token to log in with, or nil. With
// auth_type 2 the app's own server may need none.
func (s *Session) tokenMissing() *nimerr.Error {
	if a := s.acct; a.login.Token != "" || a.login.AuthType == abi.AuthTypeByAppToken {
		return nil
	}
	return nimerr.InvalidArgument.New("token: want a token, got an empty string and no token provider gave one")
}

// asking waits for the token provider, with a link that must stay alive (c)
// or without one (nil), and goes on with next.
func (s *Session) asking(c *conn, next stateFn) stateFn {
	return func() stateFn {
		keep := false
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
		s.enter(s.trying(), "asking")
		if token, ok := s.env.Tokens.Late(); ok {
			s.takeToken(token)
			keep = true
			return next
		}
		ctx, cancel := context.WithCancel(context.Background())
		answered := make(chan provided, 1)
		go func(r abi.TokenRequest) { answered <- provide(ctx, s.env.Tokens, r) }(s.tokenRequest())
		waiting := true
		defer func() { // a question ends at once when its context does
			cancel()
			if waiting {
				<-answered
			}
		}()
		// The provider keeps the deadline, and what comes late; this one is for
		// a provider that does not.
		limit := time.NewTimer(min(tokenTimeout+time.Second, s.untilLimit()))
		defer limit.Stop()
		for {
			select {
			case r := <-answered:
				waiting = false
				if r.err != nil {
					return s.failure(r.err, stepLink, nil)
				}
				s.takeToken(r.token)
				keep = true
				return next
			case e := <-events:
				if g, ok := e.(backend.GoingAway); ok {
					s.acct.noteRetryAfter(g.RetryAfter)
				}
			case err := <-lost:
				return s.failure(err, stepLink, nil)
			case <-limit.C:
				return s.failure(nimerr.TokenProviderTimeout.New(""), stepLink, nil)
			case cmd := <-s.cmds:
				if n := s.whileConnecting(cmd); n != nil {
					return n
				}
			case <-s.quit:
				return s.stopped
			}
		}
	}
}

// tokenRequest is the question to the token provider.
func (s *Session) tokenRequest() abi.TokenRequest {
	a := s.acct
	reason := "login"
	if a.mustAsk {
		reason = "expired"
	} else if !a.first {
		reason = "relogin"
	}
	return abi.TokenRequest{
		Account: a.login.Account, AppKey: a.login.AppKey, Reason: reason,
		DeadlineMs: max(min(tokenTimeout, s.untilLimit()).Milliseconds(), 1), OperationId: a.login.OperationID,
	}
}

type provided struct {
	token string
	err   *nimerr.Error
}

// provide asks, on a goroutine of its own. Whatever goes wrong is retried: a
// provider that fails says nothing about the account.
func provide(ctx context.Context, from TokenProvider, r abi.TokenRequest) (p provided) {
	defer func() {
		if v := recover(); v != nil {
			p.err = nimerr.TokenProviderTimeout.Newf("%v", v)
		}
	}()
	token, err := from.Ask(ctx, r)
	p.token, p.err = token, nimerr.From(err, nimerr.TokenProviderTimeout)
	if p.err != nil && !retried(p.err) {
		p.err = nimerr.TokenProviderTimeout.New(p.err.Error())
	}
	return p
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
		keep := false
		defer func() {
			if !keep {
				c.close()
			}
		}()
		s.enter(s.trying(), "authenticating")
		s.step(stepLogining)
		if err := s.tokenMissing(); err != nil {
			return s.failure(err, stepLogining, nil)
		}
		s.sent++
		login := s.acct.login
		login.Relogin, login.Instance, login.Attempt = !s.acct.first, s.env.Config.Instance, s.sent
		login.Began = s.acct.began
		sent := time.Now()
		id := c.nextID()
		if err := c.send(id, &login); err != nil {
			return s.failure(err, stepLogining, nil)
		}
		limit := time.NewTimer(min(loginTimeout, s.untilLimit()))
		defer limit.Stop()
		for {
			select {
			case e := <-c.events:
				switch e := e.(type) {
				case backend.Answer:
					if e.ID != id {
						continue
					}
					s.history.authenticated(time.Since(sent), e.Err)
					if e.Err != nil {
						refused, _ := e.Body.(backend.LoginRefused)
						return s.failure(e.Err, stepLogining, &refused)
					}
					ok, _ := e.Body.(backend.LoginOK)
					keep = true
					return s.online(c, &ok)
				case backend.Kicked: // displaced between admission and answer
					return s.failure(nimerr.KickedOffline.New(e.Description), stepLogining, &backend.LoginRefused{Kicked: &e})
				case backend.GoingAway:
					s.acct.noteRetryAfter(e.RetryAfter)
				}
			case err := <-c.lost:
				return s.failure(err, stepLogining, nil)
			case <-limit.C:
				return s.failure(nimerr.Timeout.New("waiting for the answer to the login"), stepLogining, nil)
			case cmd := <-s.cmds:
				if next := s.whileConnecting(cmd); next != nil {
					return next
				}
			case <-s.quit:
				return s.stopped
			}
		}
	}
}

// whileConnecting treats a command during an attempt, or between two. A
// non-nil result leaves the state.
func (s *Session) whileConnecting(c command) stateFn {
	switch c := c.(type) {
	case cmdLogin:
		return s.loginElsewhere(&c)
	case cmdLogout:
		return s.logoutHere(c)
	case cmdPause:
		if s.acct.first {
			s.unavailable(c, nimerr.NotLoggedIn.New("pause works once the login is done"))
			return nil
		}
		return s.pausing(c.call)
	case cmdNetworkChanged, cmdRelogin:
		return nil // an attempt is running
	}
	s.unavailable(c, nimerr.NotLoggedIn.New(""))
	return nil
}
