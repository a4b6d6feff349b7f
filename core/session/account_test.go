package session

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

func token(s string) func(*LoginRequest) {
	return func(r *LoginRequest) { r.Token = s }
}

// The users of a server of others are called as it calls them.
func TestAccountRule(t *testing.T) {
	for _, c := range []struct {
		account  string
		own, any bool
	}{
		{"alice_1.b@c-d", true, true}, {strings.Repeat("a", 64), true, true}, {"", false, false},
		{strings.Repeat("a", 65), false, true}, {strings.Repeat("a", 257), false, false},
		{"+49 170/1", false, true}, {"auth0|7", false, true}, {"张三", false, true}, {"a\nb", false, false}, {"a\xff", false, false},
	} {
		for anyText, good := range map[bool]bool{false: c.own, true: c.any} {
			s := &Session{env: Env{Backend: backend.Capabilities{AnyAccount: anyText}}}
			if err := s.checkLogin(&LoginRequest{AppKey: "app", Account: c.account}); (err == nil) != good {
				t.Errorf("%q, any %v: %v", c.account, anyText, err)
			}
		}
	}
}

// The same account, already online, with the same token or none: success.
func TestRepeatedLogin(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.online()
		st.server.link().push(backend.Presence{Type: 2, Devices: []backend.Device{{ID: "pad"}}})
		st.sleep(0)
		st.login("alice")
		st.loginWith(loginAs("alice", token("")))
		st.want("0s devices 2 pad", "0s login2 200 repeat", "0s login3 200 repeat")
		if got := st.lastLogin(); got.ErrMsg == "" || len(got.OtherClientsPres) != 1 {
			t.Errorf("got %+v", got)
		}
	})
}

// A new token is renewed in place; the session goes on with the old one if the
// server does not take it.
func TestLoginWithNewTokenRenewsInPlace(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.online()
		st.loginWith(loginAs("alice", token("fresh")))
		st.want("0s login2 200 repeat")
		st.lose()
		st.sleep(time.Second)
		if got := st.server.lastLogin().Token; got != "fresh" {
			t.Errorf("relogin with %q", got)
		}
		st.skip()
		st.server.on(func(l *fakeLink, id uint64, r backend.Request) bool {
			if _, ok := r.(backend.RenewToken); ok {
				l.push(backend.Answer{ID: id, Err: wrong})
			}
			return true
		})
		st.loginWith(loginAs("alice", token("bad")))
		st.want("1s login3 302 token_invalid")
		st.wantStatus(StatusOnline, "alice")
		st.server.on(nil)
		st.lose()
		st.sleep(2 * time.Second)
		if got := st.server.lastLogin().Token; got != "fresh" {
			t.Errorf("relogin with %q after a refused renewal", got)
		}
	})
}

// A renewal that is on the wire when the link breaks is answered, once.
func TestLoginRenewalLost(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.online()
		st.server.silent()
		st.loginWith(loginAs("alice", token("fresh")))
		st.lose()
		st.want("0s login2 415 connection_lost", "0s disconnected 415 connection_lost", "0s lost", "0s not_ready", "0s retry_in 100ms")
	})
}

func renewing(e *Env) { e.Backend.RenewToken = false }

// Where the server cannot renew in place, a new link brings the new token.
func TestRenewalByNewLink(t *testing.T) {
	play(t, renewing, func(st *tester) {
		st.online()
		st.server.silent()
		st.serverTime()
		st.server.on(nil)
		st.renew("fresh")
		st.want("0s time 21002", "0s not_ready", "0s connecting", "0s connected", "0s relogin 200", "0s renew 200 ", "0s ready", "0s synced")
		if got := st.server.lastLogin().Token; got != "fresh" {
			t.Errorf("the new link logs in with %q", got)
		}
	})
}

// How long a token holds is told by the renewal, in place or by a new link.
func TestRenewalTellsTheEnd(t *testing.T) {
	for _, inPlace := range []bool{true, false} {
		play(t, func(e *Env) { e.Backend.RenewToken = inPlace }, func(st *tester) {
			st.online()
			st.server.onLogin(func(*backend.Login) *backend.Answer {
				return &backend.Answer{Body: backend.LoginOK{TokenExpiresAt: time.UnixMilli(1_900_000_000_000)}}
			})
			st.renew("fresh")
			st.sleep(0)
			st.rec.mu.Lock()
			defer st.rec.mu.Unlock()
			if got := st.rec.tokenEnds; got != 1_900_000_000_000 {
				t.Errorf("in place %v: the token ends at %d", inPlace, got)
			}
		})
	}
}

func TestRenewalByNewLinkRefused(t *testing.T) {
	play(t, renewing, func(st *tester) {
		st.online()
		st.server.onLogin(func(r *backend.Login) *backend.Answer {
			if r.Token == "bad" {
				return &backend.Answer{Err: wrong}
			}
			return &backend.Answer{}
		})
		st.loginWith(loginAs("alice", token("bad")))
		st.want(prefixed("0s", "not_ready", "connecting", "connected", "login2 302 token_invalid", "token_invalid 302 logining",
			"connecting", "connected", "relogin 200", "ready", "synced")...)
		if got := st.server.lastLogin().Token; got != "secret" {
			t.Errorf("the session goes on with %q", got)
		}
	})
}

// Every way out of a renewal by a new link answers it.
func TestRenewalByNewLinkIsAnswered(t *testing.T) {
	for name, leave := range map[string]func(st *tester){
		"refused":       func(st *tester) { st.server.refuse(refused); st.lose() },
		"logout":        func(st *tester) { st.logout() },
		"pause":         func(st *tester) { st.pause() },
		"login":         func(st *tester) { st.login("alice") },
		"cleanup":       func(st *tester) { st.stop() },
		"kicked":        func(st *tester) { st.server.link().push(byOther) },
		"silent server": func(st *tester) { st.sleep(time.Minute) },
	} {
		t.Run(name, func(t *testing.T) {
			play(t, renewing, func(st *tester) {
				st.online()
				st.server.silent()
				st.renew("fresh")
				st.sleep(time.Second)
				if got := last(st.lines(), "renew"); got != "" {
					t.Fatalf("answered already: %q", got)
				}
				leave(st)
				if got := last(st.lines(), "renew"); got == "" {
					t.Errorf("not answered")
				}
			})
		})
	}
}

// Reconnecting, a login of the same account brings its token, or goes on with
// the one there is.
func TestLoginWhileReconnecting(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.outage()
		st.server.refuse(nil)
		st.loginWith(loginAs("alice", token("fresh")))
		st.want(loggedIn("0s", "login2")...)
		if got := st.server.lastLogin(); got.Token != "fresh" || got.Relogin {
			t.Errorf("the server got %+v", got)
		}
		st.sleep(time.Minute)
		st.server.refuse(refused)
		st.lose()
		st.sleep(time.Second)
		st.skip()
		st.server.refuse(nil)
		st.loginWith(loginAs("alice", token("")))
		st.want(loggedIn("1m1s", "login3")...)
		if got := st.server.lastLogin().Token; got != "fresh" {
			t.Errorf("the server got token %q", got)
		}
		st.login("bob")
		st.want("1m1s login4 20002 already_logged_in")
	})
}

// The same name in another app is another account.
func TestSameNameOtherApp(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.online()
		other := func(r *LoginRequest) { r.AppKey = "other" }
		st.loginWith(loginAs("alice", other))
		st.want("0s login2 20002 already_logged_in")
		st.outageHere()
		st.loginWith(loginAs("alice", other))
		st.want("0s login3 20002 already_logged_in")
	})
}

// outageHere breaks the link of a session that is online.
func (st *tester) outageHere() {
	st.server.refuse(refused)
	st.lose()
	st.skip()
}

// Requests with arguments that no state accepts are refused in each.
func TestInvalidLoginWhileLoggedIn(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.online()
		st.login("a b")
		st.want("0s login2 414 invalid_argument")
		st.outageHere()
		st.login("a b")
		st.want("0s login3 414 invalid_argument")
		st.wantStatus(StatusReconnecting, "alice")
	})
}

// A renewal that names no kind of token keeps the one of the login.
func TestRenewTokenKeepsItsKind(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.loginWith(signedWith("secret"))
		st.wantStatus(StatusOnline, "alice")
		st.renew("fresh")
		st.sleep(0)
		st.lose()
		st.sleep(time.Second)
		if l := st.server.lastLogin(); l.Token != "fresh" || l.AuthType != abi.AuthTypeBySecretToken {
			t.Errorf("relogin with %+v", l)
		}
	})
}

func TestRenewToken(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.online()
		st.renew("")
		st.s.RenewToken(st.rec.open("renew"), "fresh", abi.RenewTokenOptions{AuthType: 2, LoginEx: "x"})
		st.want("0s renew 414 invalid_argument", "0s renew2 200 ")
		st.lose()
		st.sleep(time.Second)
		if l := st.server.lastLogin(); l.Token != "fresh" || l.AuthType != 2 || l.LoginEx != "x" {
			t.Errorf("relogin with %+v", l)
		}
	})
}

// Notices about the token: early, and when it has run out. The provider is
// asked at the next connect.
func TestTokenNotices(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.online()
		st.tokens.give("fresh")
		l := st.server.link()
		l.push(backend.TokenExpiring{ExpiresAt: time.Now().Add(time.Minute)})
		l.push(backend.TokenExpired{ServerCode: 70001})
		st.want("0s token_expiring", "0s token_expired 302")
		if e := st.rec.lastEvent; e.ErrName != "token_expired" || e.ServerCode != 70001 {
			t.Errorf("the end of the token is told as %+v", e)
		}
		l.lose(nimerr.ConnectionLost.New(""))
		st.sleep(time.Second)
		if got := st.server.lastLogin().Token; got != "fresh" {
			t.Errorf("relogin with %q", got)
		}
		if got := st.tokens.reasons(); got != "expired" {
			t.Errorf("asked for %q", got)
		}
	})
}

// A token that runs out while online is replaced by the provider's, in place:
// a program that knows no more than the provider stays online.
func TestProviderReplacesATokenInPlace(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.loginWith(signedWith("old"))
		st.sleep(0)
		st.skip()
		st.tokens.give("fresh")
		var renewed []string
		st.server.on(func(_ *fakeLink, _ uint64, r backend.Request) bool {
			if n, ok := r.(backend.RenewToken); ok {
				renewed = append(renewed, n.Token)
			}
			return false
		})
		st.server.link().push(backend.TokenExpired{})
		st.want("0s token_expired 302")
		st.sleep(time.Second)
		if len(renewed) != 1 || renewed[0] != "fresh" || st.tokens.reasons() != "expired" {
			t.Errorf("renewed with %q, asked for %q", renewed, st.tokens.reasons())
		}
		st.wantStatus(StatusOnline, "alice")
	})
	for name, c := range map[string]struct {
		give  func(context.Context, abi.TokenRequest) (string, error)
		leave func(st *tester)
	}{
		"gives none":    {func(context.Context, abi.TokenRequest) (string, error) { return "", nil }, func(*tester) {}},
		"too late":      {tooLate, func(st *tester) { st.sleep(11 * time.Second) }},
		"logout":        {neverGives, func(st *tester) { st.logout() }},
		"loss":          {neverGives, func(st *tester) { st.lose() }},
		"pause":         {neverGives, func(st *tester) { st.pause() }},
		"second notice": {neverGives, func(st *tester) { st.server.link().push(backend.TokenExpired{}) }},
		"renewed by the program": {
			func(ctx context.Context, r abi.TokenRequest) (string, error) {
				time.Sleep(time.Second)
				return "late", nil
			},
			func(st *tester) { st.renew("own"); st.sleep(2 * time.Second) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, nil, func(st *tester) {
				st.loginWith(signedWith("old"))
				st.sleep(0)
				st.tokens.set(c.give)
				st.server.on(func(_ *fakeLink, _ uint64, r backend.Request) bool {
					if n, ok := r.(backend.RenewToken); ok && n.Token != "own" {
						t.Errorf("renewed with %q", n.Token)
					}
					return false
				})
				st.server.link().push(backend.TokenExpired{})
				st.sleep(100 * time.Millisecond)
				c.leave(st)
				st.sleep(0)
			})
		})
	}
}

// How long a token still holds is counted by the clock of the server that set
// its end: that of this machine may be hours off.
func TestTokenExpiringByTheServersClock(t *testing.T) {
	for _, ahead := range []time.Duration{-time.Hour, 0, 3 * time.Hour} {
		play(t, nil, func(st *tester) {
			st.asleep.Store(int64(ahead))
			st.online()
			st.sleep(10 * time.Second)
			st.server.link().push(backend.TokenExpiring{ExpiresAt: time.Now().Add(time.Minute)})
			st.want("10s token_expiring")
			if got := st.rec.lastEvent.ExpiresInMs; got != 60000 {
				t.Errorf("clock %v ahead: the token ends in %d ms, want 60000", ahead, got)
			}
		})
	}
}
