package session

import (
	"context"
	"testing"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// accept makes the server take these tokens and refuse every other one.
func (st *tester) accept(refusal *nimerr.Error, tokens ...string) {
	st.server.onLogin(func(r *backend.Login) *backend.Answer {
		for _, t := range tokens {
			if r.Token == t {
				return &backend.Answer{}
			}
		}
		return &backend.Answer{Err: refusal}
	})
}

func signedWith(token string) LoginRequest {
	return loginAs("alice", func(r *LoginRequest) { r.Token = token; signed(r) })
}

// tooLate answers when the deadline of the request has passed.
func tooLate(ctx context.Context, r abi.TokenRequest) (string, error) {
	select {
	case <-time.After(time.Duration(r.DeadlineMs) * time.Millisecond):
		return "", nimerr.TokenProviderTimeout.New("")
	case <-ctx.Done():
		return "", nimerr.Cancelled.New("")
	}
}

// The provider is asked where a login of type 1 or 2 has no token, and before
// each relogin of such a login.
func TestTokenProviderIsAsked(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.tokens.give("one")
		st.loginWith(signedWith(""))
		st.want(loggedIn("0s", "login")...)
		st.tokens.give("two")
		st.lose()
		st.sleep(time.Second)
		if got := st.server.lastLogin().Token; got != "two" {
			t.Errorf("relogin with %q", got)
		}
		if got := st.tokens.reasons(); got != "login,relogin" {
			t.Errorf("asked for %q", got)
		}
		st.tokens.mu.Lock()
		defer st.tokens.mu.Unlock()
		if r := st.tokens.requests[1]; r.Account != "alice" || r.AppKey != "app" || r.DeadlineMs != 10000 || r.OperationId != "op-1" {
			t.Errorf("asked with %+v", r)
		}
	})
}

func TestTokenProviderIsNotAsked(t *testing.T) {
	for name, r := range map[string]LoginRequest{
		"type 0":           loginAs("alice", nil),
		"type 1 and token": signedWith("secret"),
	} {
		t.Run(name, func(t *testing.T) {
			play(t, nil, func(st *tester) {
				st.tokens.give("asked")
				st.loginWith(r)
				st.want(loggedIn("0s", "login")...)
				if got := st.tokens.reasons(); got != "" {
					t.Errorf("asked for %q", got)
				}
			})
		})
	}
	t.Run("nobody to ask", func(t *testing.T) {
		play(t, func(e *Env) { e.Tokens = nil }, func(st *tester) {
			st.loginWith(signedWith("secret"))
			st.want(loggedIn("0s", "login")...)
			st.server.refuseLogin(nimerr.TokenExpired.New(""))
			st.lose()
			st.sleep(time.Second)
			st.wantStatus(StatusGaveUp, "")
		})
	})
}

// A provider that gives nothing: the old token stays; where there is none, the
// login says so.
func TestTokenProviderGivesNothing(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.tokens.give("")
		st.loginWith(signedWith("secret"))
		st.lose()
		st.sleep(time.Second)
		if got := st.server.lastLogin().Token; got != "secret" {
			t.Errorf("relogin with %q", got)
		}
		st.wantStatus(StatusOnline, "alice")
	})
	play(t, nil, func(st *tester) {
		st.tokens.give("")
		st.loginWith(signedWith(""))
		st.want(prefixed("0s", "connecting", "login step 0", "connected", "login step 1", "login step 2",
			"login 414 invalid_argument", "failed 414 logining")...)
	})
}

// A provider that never answers costs the attempt, not the login; a late token
// serves the next attempt.
func TestTokenProviderIsLate(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.loginWith(signedWith("secret"))
		st.sleep(time.Minute)
		st.skip()
		st.tokens.set(tooLate)
		st.lose()
		st.sleep(10500 * time.Millisecond)
		st.want(join(prefixed("1m0s", "disconnected 415 connection_lost", "lost", "not_ready", "retry_in 100ms"),
			prefixed("1m0.1s", "connecting", "connected"),
			prefixed("1m10.1s", "relogin 408 token_provider_timeout retrying", "failed 408 link", "retry_in 1s"))...)
		st.tokens.mu.Lock()
		st.tokens.late = "late"
		st.tokens.mu.Unlock()
		st.sleep(time.Second)
		st.want(reconnected("1m11.1s")...)
		if got := st.server.lastLogin().Token; got != "late" {
			t.Errorf("relogin with %q", got)
		}
	})
}

// Whatever goes wrong with the provider is retried: it says nothing about the
// account.
func TestTokenProviderFails(t *testing.T) {
	for name, answer := range map[string]func(context.Context, abi.TokenRequest) (string, error){
		"cancelled": func(context.Context, abi.TokenRequest) (string, error) { return "", nimerr.Cancelled.New("") },
		"panics":    func(context.Context, abi.TokenRequest) (string, error) { panic("provoked") },
		"error":     func(context.Context, abi.TokenRequest) (string, error) { return "", context.Canceled },
	} {
		t.Run(name, func(t *testing.T) {
			play(t, nil, func(st *tester) {
				st.loginWith(signedWith("secret"))
				st.tokens.set(answer)
				st.lose()
				st.sleep(500 * time.Millisecond)
				if got := last(st.lines(), "relogin"); got != "100ms relogin 408 token_provider_timeout retrying" {
					t.Errorf("got %q", got)
				}
				st.tokens.give("good")
				st.sleep(time.Second)
				st.wantStatus(StatusOnline, "alice")
			})
		})
	}
}

// A provider that ignores its deadline does not hold the session.
func TestTokenProviderIgnoresItsDeadline(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.loginWith(signedWith("secret"))
		st.tokens.set(neverGives)
		st.lose()
		st.sleep(12 * time.Second)
		if got := last(st.lines(), "relogin"); got != "11.1s relogin 408 token_provider_timeout retrying" {
			t.Errorf("got %q", got)
		}
	})
}

// The provider is told how long it is really waited for.
func TestTokenProviderIsToldTheTimeLeft(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.server.refuse(refused)
		st.loginWith(loginAs("alice", func(r *LoginRequest) { signed(r); r.Token, r.Options.TimeoutMs = "", 3000 }))
		st.sleep(500 * time.Millisecond)
		st.server.refuse(nil)
		st.tokens.set(tooLate)
		st.sleep(5 * time.Second)
		if got := last(st.lines(), "login"); got != "3s login 408 token_provider_timeout" {
			t.Errorf("got %q", got)
		}
		st.tokens.mu.Lock()
		defer st.tokens.mu.Unlock()
		if got := st.tokens.requests[0].DeadlineMs; got != 2000 {
			t.Errorf("told %d ms", got)
		}
	})
}

// A wrong token from the provider is final.
func TestTokenProviderGivesWrongToken(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.accept(wrong, "secret")
		st.loginWith(signedWith("secret"))
		st.tokens.give("bad")
		st.lose()
		st.sleep(time.Second)
		if got := last(st.lines(), "relogin"); got != "100ms relogin 302 token_invalid" {
			t.Errorf("got %q", got)
		}
		st.wantStatus(StatusGaveUp, "")
	})
}

// Any token that is refused as expired is asked for anew, once an attempt, and
// the attempt goes on at once.
func TestExpiredTokenAsksTheProvider(t *testing.T) {
	expired := nimerr.TokenExpired.New("")
	play(t, nil, func(st *tester) {
		st.accept(expired, "fresh")
		st.tokens.give("fresh")
		st.login("alice")
		st.want(join(prefixed("0s", "connecting", "login step 0", "connected", "login step 1", "login step 2", "token_expired 302 logining"),
			loggedIn("0s", "login"))...)
		if got := st.tokens.reasons(); got != "expired" {
			t.Errorf("asked for %q", got)
		}
		st.accept(expired, "newest")
		st.lose() // the provider has only the one that is expired now
		st.sleep(time.Minute)
		st.wantStatus(StatusGaveUp, "")
		if got := st.tokens.reasons(); got != "expired,expired" {
			t.Errorf("asked for %q", got)
		}
		st.tokens.give("newest")
		st.s.Relogin()
		st.wantStatus(StatusOnline, "alice")
	})
}

// The link breaks, the server leaves, or the login is at its end while the
// provider thinks.
func TestWhileTheProviderThinks(t *testing.T) {
	asking := func(st *tester) {
		st.tokens.set(neverGives)
		st.loginWith(signedWith(""))
		st.skip()
	}
	t.Run("lost", func(t *testing.T) {
		play(t, nil, func(st *tester) {
			asking(st)
			st.server.link().push(backend.Presence{Type: 2})
			st.lose()
			st.want("0s failed 415 link", "0s retry_in 1s")
		})
	})
	t.Run("going away", func(t *testing.T) {
		play(t, nil, func(st *tester) {
			asking(st)
			st.server.link().push(backend.GoingAway{RetryAfter: 5 * time.Second})
			st.lose()
			st.want("0s failed 415 link", "0s retry_in 5s")
		})
	})
	t.Run("out of time", func(t *testing.T) {
		play(t, nil, func(st *tester) {
			st.tokens.set(neverGives)
			r := signedWith("")
			r.Options.TimeoutMs = 3000
			st.loginWith(r)
			st.sleep(10 * time.Second)
			if got := last(st.lines(), "login "); got != "3s login 408 token_provider_timeout" {
				t.Errorf("got %q", got)
			}
		})
	})
}

func inHandshake(e *Env) { e.Backend.TokenInHandshake = true }

// Where the token travels in the handshake, it is asked for before the link.
func TestTokenInHandshake(t *testing.T) {
	play(t, inHandshake, func(st *tester) {
		var dialled []string
		st.server.set(func(f *fakeServer) {
			f.connect = func(_ context.Context, l *backend.Login) error {
				dialled = append(dialled, l.Token)
				if l.Token == "old" {
					return nimerr.TokenExpired.New("")
				}
				return nil
			}
		})
		st.tokens.give("old")
		st.loginWith(signedWith(""))
		st.sleep(0)
		if got := last(st.lines(), "login "); got != "0s login 302 token_expired" {
			t.Errorf("got %q", got)
		}
		st.tokens.give("new")
		st.loginWith(signedWith("old"))
		st.wantStatus(StatusOnline, "alice")
		if len(dialled) != 3 || dialled[0] != "old" || dialled[1] != "old" || dialled[2] != "new" {
			t.Errorf("dialled with %q", dialled)
		}
	})
	play(t, inHandshake, func(st *tester) {
		st.loginWith(loginAs("alice", token("")))
		st.want("0s connecting", "0s login step 0", "0s login 414 invalid_argument", "0s failed 414 linking")
	})
	play(t, inHandshake, func(st *tester) {
		st.tokens.set(neverGives)
		st.loginWith(signedWith(""))
		st.sleep(0)
		st.logout()
		st.want("0s connecting", "0s login step 0", "0s login 21002 cancelled", "0s closed", "0s logout 200")
	})
}

// With auth_type 2 the app's own server may need no token.
func TestWebhookLoginWithoutToken(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.loginWith(loginAs("alice", func(r *LoginRequest) { r.Token, r.Options.AuthType = "", 2 }))
		st.want(loggedIn("0s", "login")...)
	})
}

// With auth_type 2 a new text for the app's own server is new credentials, with or
// without a token: while online, and where the session has no link.
func TestWebhookLoginWithANewText(t *testing.T) {
	webhook := func(token, text string) LoginRequest {
		return loginAs("alice", func(r *LoginRequest) {
			r.Token, r.Options.AuthType, r.Options.LoginEx = token, abi.AuthTypeByAppToken, text
		})
	}
	for _, tok := range []string{"", "t"} {
		play(t, nil, func(st *tester) {
			last := func(want string) {
				t.Helper()
				st.sleep(2 * time.Second)
				if l := st.server.lastLogin(); l.LoginEx != want || l.Token != tok || l.AuthType != abi.AuthTypeByAppToken {
					t.Errorf("token %q: logged in with %q, %q, want %q", tok, l.Token, l.LoginEx, want)
				}
				st.wantStatus(StatusOnline, "alice")
				st.skip()
			}
			var renewals []backend.RenewToken
			st.server.on(func(_ *fakeLink, _ uint64, r backend.Request) bool {
				if n, ok := r.(backend.RenewToken); ok {
					renewals = append(renewals, n)
				}
				return false
			})
			st.loginWith(webhook(tok, "one"))
			last("one")
			st.loginWith(webhook("", "one"))
			st.want("2s login2 200 repeat")
			st.loginWith(webhook("", "two"))
			st.want("2s login3 200 repeat")
			if len(renewals) != 1 || renewals[0].LoginEx != "two" || renewals[0].Token != tok {
				t.Errorf("renewed with %+v", renewals)
			}
			st.lose()
			last("two")
			st.pause()
			st.loginWith(webhook("", "three"))
			last("three")
			st.pause()
			st.loginWith(loginAs("alice", token(""))) // nothing new: what there is
			last("three")
		})
	}
}

// A renewal shows the app's own server all that the login showed it, but for
// what is new.
func TestRenewalKeepsTheText(t *testing.T) {
	play(t, nil, func(st *tester) {
		var got []string
		st.server.on(func(_ *fakeLink, _ uint64, r backend.Request) bool {
			if n, ok := r.(backend.RenewToken); ok {
				got = append(got, n.Token+"/"+n.LoginEx)
			}
			return false
		})
		st.loginWith(loginAs("alice", func(r *LoginRequest) {
			r.Options.AuthType, r.Options.LoginEx = abi.AuthTypeByAppToken, "one"
		}))
		st.sleep(0)
		st.renew("fresh")
		st.sleep(0)
		st.s.RenewToken(st.rec.open("renew"), "", abi.RenewTokenOptions{AuthType: -1, LoginEx: "two"})
		st.sleep(0)
		if len(got) != 2 || got[0] != "fresh/one" || got[1] != "fresh/two" {
			t.Errorf("renewed with %q", got)
		}
	})
}
