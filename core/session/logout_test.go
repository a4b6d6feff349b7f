package session

import (
	"testing"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/nimerr"
)

func TestLogout(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.online()
		st.logout()
		st.want("0s not_ready", "0s closed", "0s logout 200")
		st.wantStatus(StatusLoggedOut, "")
		if u := st.s.LoginUser(); u.Session != "" || u.AppKey != "" || u.DeviceId != "" {
			t.Errorf("LoginUser still knows %+v", u)
		}
		st.logout()
		st.want("0s logout2 200")
	})
}

// The local session ends even when the server does not answer, or is gone.
func TestLogoutWithoutServer(t *testing.T) {
	t.Run("silent", func(t *testing.T) {
		play(t, nil, func(st *tester) {
			st.online()
			st.server.silent()
			st.logout()
			st.wantStatus(StatusLoggingOut, "alice")
			st.sleep(10 * time.Second)
			st.want("5s not_ready", "5s closed", "5s logout 200")
		})
	})
	t.Run("lost", func(t *testing.T) {
		play(t, nil, func(st *tester) {
			st.online()
			st.server.silent()
			st.logout()
			st.sleep(time.Second)
			st.lose()
			st.want("1s not_ready", "1s closed", "1s logout 200")
		})
	})
	t.Run("cannot send", func(t *testing.T) {
		play(t, nil, func(st *tester) {
			st.online()
			st.server.link().panicAt("send")
			st.logout()
			st.want("0s not_ready", "0s closed", "0s logout 200")
		})
	})
	t.Run("kicked meanwhile", func(t *testing.T) {
		play(t, nil, func(st *tester) {
			st.online()
			st.server.silent()
			st.logout()
			st.server.link().push(byOther)
			st.lose()
			st.want("0s not_ready", "0s closed", "0s logout 200")
		})
	})
}

// Calls on the wire are cancelled in order before the session ends.
func TestLogoutCancelsWhatIsOnTheWire(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.online()
		st.server.on(func(_ *fakeLink, _ uint64, r backend.Request) bool {
			_, out := r.(backend.Logout)
			return !out
		})
		st.serverTime()
		st.renew("fresh")
		st.kickOther("x")
		st.pushSet()
		st.logout()
		st.want("0s time 21002", "0s renew 21002 cancelled", "0s kick_other 21002 ", "0s push 21002 switch 0",
			"0s not_ready", "0s closed", "0s logout 200")
	})
}

// A logout cancels the login that runs.
func TestLogoutDuringLogin(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.server.silent()
		st.login("alice")
		st.sleep(time.Second)
		st.skip()
		st.logout()
		st.want("1s login 21002 cancelled", "1s closed", "1s logout 200")
		if got := st.lastLogin(); got.Step != "logining" || got.LoginStep != 3 {
			t.Errorf("cancelled in step %q %d, want logining 3", got.Step, got.LoginStep)
		}
	})
}

func TestLogoutFromEveryOtherState(t *testing.T) {
	for _, where := range situations {
		switch where.status {
		case StatusReconnecting, StatusGaveUp, StatusPaused:
			t.Run(where.name, func(t *testing.T) {
				play(t, nil, func(st *tester) {
					where.enter(st)
					st.skip()
					at := time.Since(st.rec.start).String()
					st.logout()
					st.want(prefixed(at, "closed", "logout 200")...)
				})
			})
		}
	}
}

// Two logouts are one; both are answered at its end.
func TestLogoutDuringLogout(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.online()
		st.server.silent()
		st.logout()
		st.sleep(time.Second)
		st.logout()
		st.sleep(10 * time.Second)
		st.want("5s not_ready", "5s closed", "5s logout 200", "5s logout2 200")
	})
}

func TestSwitchAccount(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.online()
		st.loginWith(loginAs("bob", func(r *LoginRequest) { r.Options.SwitchAccount = true }))
		st.want(join(prefixed("0s", "not_ready", "closed"), loggedIn("0s", "login2"))...)
		st.wantStatus(StatusOnline, "bob")
		st.server.refuse(refused)
		st.lose()
		st.sleep(time.Second)
		st.skip()
		st.server.refuse(nil)
		st.loginWith(loginAs("carol", func(r *LoginRequest) { r.Options.SwitchAccount = true }))
		st.want(join(prefixed("1s", "closed"), loggedIn("1s", "login3"))...)
		st.wantStatus(StatusOnline, "carol")
	})
}

// A logout after a switch has begun takes the new login back: whoever logs out
// last wins.
func TestLogoutDuringAccountSwitch(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.online()
		st.server.silent()
		st.loginWith(loginAs("bob", func(r *LoginRequest) { r.Options.SwitchAccount = true }))
		st.login("carol")
		st.logout()
		st.sleep(time.Minute)
		st.want("0s login3 21004 logout_in_progress", "0s login2 21002 cancelled",
			"5s not_ready", "5s closed", "5s logout 200")
		st.wantStatus(StatusLoggedOut, "")
	})
}

// A login right after a logout call is refused, not queued: its answer says so.
func TestLoginDuringLogout(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.online()
		st.server.silent()
		st.logout()
		st.login("alice")
		st.want("0s login2 21004 logout_in_progress")
		st.server.link().push(backend.Answer{ID: 2})
		st.want("0s not_ready", "0s closed", "0s logout 200")
	})
}

// What the provider gave and what an account was told is wiped.
func TestLogoutForgets(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.online()
		st.tokens.mu.Lock()
		st.tokens.late = "late"
		st.tokens.mu.Unlock()
		st.logout()
		st.sleep(0)
		st.tokens.give("given")
		st.loginWith(loginAs("alice", func(r *LoginRequest) { r.Token = ""; signed(r) }))
		st.sleep(0)
		if got := st.server.lastLogin().Token; got != "given" {
			t.Errorf("the next login uses %q", got)
		}
	})
}

func TestPauseAndResume(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.online()
		st.server.silent()
		st.serverTime()
		st.pause()
		st.want("0s time 21002", "0s pause 200", "0s not_ready")
		st.wantStatus(StatusPaused, "alice")
		if n := st.server.live(); n != 0 {
			t.Errorf("%d links while paused", n)
		}
		st.server.on(nil)
		st.sleep(time.Hour)
		st.want()
		st.resume()
		st.want(join(prefixed("1h0m0s", "resume 200"), reconnected("1h0m0s"))...)
	})
}

func TestPauseDuringOutage(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.outage()
		st.pause()
		st.sleep(time.Hour)
		st.want("0s pause 200")
		st.resume()
		st.want(prefixed("1h0m0s", "resume 200", "connecting", "relogin 415 connection_refused retrying", "failed 415 linking", "retry_in 1s")...)
		st.pause()
		st.server.refuse(nil)
		st.login("alice") // the same account, while paused
		st.want(join(prefixed("1h0m0s", "pause2 200"), loggedIn("1h0m0s", "login2"))...)
	})
}

// The answer of a logout that nobody waits for any more is harmless.
func TestLogoutAnswerWithError(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.online()
		st.server.on(func(l *fakeLink, id uint64, _ backend.Request) bool {
			l.push(backend.Answer{ID: id, Err: nimerr.TokenInvalid.New("")})
			return true
		})
		st.logout()
		st.want("0s not_ready", "0s closed", "0s logout 200")
	})
}
