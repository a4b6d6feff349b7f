package session

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

func TestLoginSucceeds(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.login("alice")
		st.want(loggedIn("0s", "login")...)
		st.wantStatus(StatusOnline, "alice")
		l := st.server.lastLogin()
		if l.AppKey != "app" || l.Account != "alice" || l.Token != "secret" || l.Relogin || l.OperationID != "op-1" || l.Device.ID != "me" {
			t.Errorf("the server got %+v", l)
		}
		u := st.s.LoginUser()
		if u.Session != "session-alice" || u.DeviceId != "me" || u.AppKey != "app" {
			t.Errorf("LoginUser = %+v", u)
		}
	})
}

// What the server knows of the account is told by LoginUser, and kept where a
// later login does not say.
func TestProfile(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.server.onLogin(func(*backend.Login) *backend.Answer {
			return &backend.Answer{Body: backend.LoginOK{Profile: &backend.Profile{Name: "A", Icon: "i", Ex: "e"}}}
		})
		st.online()
		st.server.on(nil)
		st.lose()
		st.sleep(time.Second)
		if u := st.s.LoginUser(); u.Name != "A" || u.Icon != "i" || u.Ex != "e" || u.Session != "session-alice" {
			t.Errorf("LoginUser = %+v", u)
		}
	})
}

// A profile that comes after the login result is told once, and again only
// where it has changed.
func TestLateProfile(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.online()
		st.skip()
		for _, name := range []string{"A", "A", "B"} {
			st.server.link().push(backend.Profile{Account: "alice", Name: name})
			st.sleep(0)
			if u := st.s.LoginUser(); u.Name != name || u.Account != "alice" {
				t.Errorf("LoginUser = %+v, want name %s", u, name)
			}
		}
		st.want("0s profile_updated", "0s profile_updated")
	})
}

// The server can tell a login that was given up from the one that came instead.
func TestLoginsAreCounted(t *testing.T) {
	play(t, func(e *Env) { e.Config.Instance = "run" }, func(st *tester) {
		for want := uint64(1); want < 4; want++ {
			st.login("alice")
			st.sleep(time.Second)
			if l := st.server.lastLogin(); l.Attempt != want || l.Instance != "run" {
				t.Errorf("login %d of %q, want %d of run", l.Attempt, l.Instance, want)
			}
			st.logout()
			st.sleep(time.Second)
		}
	})
}

// A refusal is final at once, whatever limits the login has.
func TestLoginRefused(t *testing.T) {
	for _, tt := range []struct {
		err  *nimerr.Error
		want string // the final answer
		conn string
	}{
		{wrong, "302 token_invalid", "token_invalid 302 logining"},
		{nimerr.TokenExpired.New(""), "302 token_expired", "token_expired 302 logining"},
		{nimerr.AppKeyUnknown.New(""), "403 app_key_unknown", "failed 403 logining"},
		{nimerr.AccountBanned.New(""), "422 account_banned", "failed 422 logining"},
		{nimerr.KickedOffline.New(""), "417 kicked_offline", "failed 417 logining"},
		{nimerr.VersionRefused.New(""), "201 version_refused", "failed 201 logining"},
	} {
		t.Run(tt.err.Kind.Name, func(t *testing.T) {
			play(t, func(e *Env) { e.Config.LoginRetryMax = 3 }, func(st *tester) {
				st.server.refuseLogin(tt.err)
				st.login("alice")
				st.want(prefixed("0s", "connecting", "login step 0", "connected", "login step 1", "login step 2",
					"login "+tt.want, tt.conn)...)
				st.wantStatus(StatusLoggedOut, "")
				st.server.on(nil)
				st.login("alice")
				st.want(loggedIn("0s", "login2")...)
			})
		})
	}
}

// force false: who is in the way comes with the refusal.
func TestLoginRefusedTellsWhoIsInTheWay(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.server.onLogin(func(r *backend.Login) *backend.Answer {
			if r.Force {
				t.Error("force arrives as true")
			}
			others := []backend.Device{{ID: "other", Account: "alice", LoginTime: time.UnixMilli(5)}, {ID: "me"}}
			return &backend.Answer{Err: nimerr.OtherDeviceOnline.New(""), Body: backend.LoginRefused{Others: others}}
		})
		st.loginWith(loginAs("alice", func(r *LoginRequest) { r.Options.Force = false }))
		got := st.lastLogin()
		if len(got.OtherClientsPres) != 1 || got.OtherClientsPres[0].DeviceId != "other" || got.OtherClientsPres[0].LoginTime != 5 {
			t.Errorf("got %+v", got)
		}
		if got.ErrCode != 417 || got.ErrName != "other_device_online" || got.Step != "logining" || got.Attempt != 1 {
			t.Errorf("got %+v", got.ErrorInfo)
		}
	})
}

// A first login without limits of its own says nothing but steps until its end.
func TestSilentServerFirstLogin(t *testing.T) {
	for _, tt := range []struct {
		name   string
		script func(*fakeServer)
		want   []string
	}{
		{"connecting", (*fakeServer).hang, []string{
			"0s connecting", "0s login step 0", "10s failed 408 linking", "10s retry_in 1s",
			"11s connecting", "11s login step 0", "21s failed 408 linking", "21s retry_in 1s",
			"22s connecting", "22s login step 0", "30s login 408 timeout", "30s failed 408 linking",
		}},
		{"login", (*fakeServer).silent, []string{
			"0s connecting", "0s login step 0", "0s connected", "0s login step 1", "0s login step 2",
			"10s failed 408 logining", "10s retry_in 1s",
			"11s connecting", "11s login step 0", "11s connected", "11s login step 1", "11s login step 2",
			"21s failed 408 logining", "21s retry_in 1s",
			"22s connecting", "22s login step 0", "22s connected", "22s login step 1", "22s login step 2",
			"30s login 408 timeout", "30s failed 408 logining",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			play(t, nil, func(st *tester) {
				tt.script(st.server)
				st.login("alice")
				st.sleep(time.Minute)
				st.want(tt.want...)
				st.wantStatus(StatusLoggedOut, "")
			})
		})
	}
}

// With an own limit each failed attempt is reported as retrying.
func TestLoginTimeoutOfItsOwn(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.server.refuse(refused)
		st.loginWith(loginAs("alice", func(r *LoginRequest) { r.Options.TimeoutMs = 2500 }))
		st.sleep(10 * time.Second)
		st.want("0s connecting", "0s login step 0", "0s login 415 connection_refused retrying", "0s failed 415 linking", "0s retry_in 1s",
			"1s connecting", "1s login step 0", "1s login 415 connection_refused retrying", "1s failed 415 linking", "1s retry_in 1s",
			"2s connecting", "2s login step 0", "2s login 415 connection_refused retrying", "2s failed 415 linking", "2s retry_in 1s",
			"2.5s login 415 connection_refused", "2.5s failed 415 linking")
	})
}

func TestLoginRetryMaxTimes(t *testing.T) {
	play(t, func(e *Env) { e.Config.LoginRetryMax = 2 }, func(st *tester) {
		st.server.refuse(refused)
		st.login("alice")
		st.sleep(time.Minute)
		st.want("0s connecting", "0s login step 0", "0s login 415 connection_refused retrying", "0s failed 415 linking", "0s retry_in 1s",
			"1s connecting", "1s login step 0", "1s login 415 connection_refused retrying", "1s failed 415 linking", "1s retry_in 1s",
			"2s connecting", "2s login step 0", "2s login 415 connection_refused", "2s failed 415 linking")
	})
}

// Counted retries are not bounded in time: three silent attempts take longer
// than the 30 s of a login without limits. Both limits hold where both are set.
func TestLoginRetryMaxTimesHasNoTimeLimit(t *testing.T) {
	play(t, func(e *Env) { e.Config.LoginRetryMax = 3 }, func(st *tester) {
		st.server.hang()
		st.login("alice")
		st.sleep(time.Minute)
		if got := last(st.lines(), "login "); got != "43s login 408 timeout" {
			t.Errorf("got %q", got)
		}
	})
	play(t, func(e *Env) { e.Config.LoginRetryMax, e.Config.LoginTimeout = 3, 30*time.Second }, func(st *tester) {
		st.server.hang()
		st.login("alice")
		st.sleep(time.Minute)
		if got := last(st.lines(), "login "); got != "30s login 408 timeout" {
			t.Errorf("got %q", got)
		}
	})
}

// custom_timeout takes the place of the 30 s; attempts stay silent as with these.
func TestFirstLoginTimeOfTheSettings(t *testing.T) {
	play(t, func(e *Env) { e.Config.FirstLogin = 15 * time.Second }, func(st *tester) {
		st.server.refuse(refused)
		st.login("alice")
		st.sleep(time.Minute)
		if got := last(st.lines(), "login "); got != "15s login 415 connection_refused" {
			t.Errorf("got %q", got)
		}
		if got := times(st.lines(), "login 415 connection_refused retrying"); got != "" {
			t.Errorf("attempts reported at %s", got)
		}
	})
}

// A login that runs out of time in the middle of an attempt tells why the
// attempts before it failed.
func TestLoginOutOfTimeTellsTheLastError(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.server.refuse(refused)
		st.loginWith(loginAs("alice", func(r *LoginRequest) { r.Options.TimeoutMs = 5000 }))
		st.sleep(500 * time.Millisecond)
		st.server.hang()
		st.sleep(10 * time.Second)
		if got := last(st.lines(), "login "); got != "5s login 415 connection_refused" {
			t.Errorf("got %q", got)
		}
	})
}

func TestServerComesUpDuringLogin(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.server.refuse(refused)
		st.login("alice")
		st.sleep(2500 * time.Millisecond)
		st.server.refuse(nil)
		st.skip()
		st.sleep(time.Second)
		st.want(loggedIn("3s", "login")...)
	})
}

// The network comes back: a login that waits for its next attempt tries now.
func TestNetworkChangedDuringLogin(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.server.refuse(refused)
		st.login("alice")
		st.sleep(100 * time.Millisecond)
		st.skip()
		st.server.refuse(nil)
		st.s.NetworkChanged()
		st.want(loggedIn("100ms", "login")...)
	})
}

// A login call while one runs is refused; the running one goes on.
func TestLoginDuringLogin(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.server.set(func(f *fakeServer) {
			f.connect = func(context.Context, *backend.Login) error { time.Sleep(time.Second); return nil }
		})
		st.login("alice")
		st.sleep(500 * time.Millisecond)
		st.login("alice")
		st.loginWith(loginAs("bob", func(r *LoginRequest) { r.Options.SwitchAccount = true }))
		st.sleep(time.Second)
		st.want(join(prefixed("0s", "connecting", "login step 0"),
			prefixed("500ms", "login2 21001 login_in_progress", "login3 21001 login_in_progress"),
			prefixed("1s", "connected", "login step 1", "login step 2", "login 200", "ready", "synced"))...)
	})
}

// An answer to another request, an early push and a notice of leaving do not
// disturb a login.
func TestPushesBeforeTheLoginAnswer(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.server.on(func(l *fakeLink, id uint64, r backend.Request) bool {
			if _, ok := r.(*backend.Login); ok {
				l.push(backend.Answer{ID: id + 7})
				l.push(backend.Presence{Type: 2, Devices: []backend.Device{{ID: "x"}}})
				l.push(backend.PushChanged{SwitchOpen: 2})
			}
			return false
		})
		st.login("alice")
		st.want(loggedIn("0s", "login")...)
	})
}

// A kick that overtakes the answer of the login ends it as refused.
func TestKickedBeforeTheLoginAnswer(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.server.on(func(l *fakeLink, _ uint64, _ backend.Request) bool {
			l.push(backend.Kicked{Reason: 1, DeviceID: "other"})
			l.lose(nimerr.ConnectionLost.New(""))
			return true
		})
		st.login("alice")
		st.want(prefixed("0s", "connecting", "login step 0", "connected", "login step 1", "login step 2",
			"login 417 kicked_offline", "failed 417 logining")...)
	})
}

func TestInvalidLoginRequests(t *testing.T) {
	long := string(make([]byte, 20000))
	for name, change := range map[string]func(*LoginRequest){
		"account empty":     func(r *LoginRequest) { r.Account = "" },
		"account long":      func(r *LoginRequest) { r.Account = long[:65] },
		"account letters":   func(r *LoginRequest) { r.Account = "a b" },
		"account not ASCII": func(r *LoginRequest) { r.Account = "ä" },
		"app key":           func(r *LoginRequest) { r.AppKey = long[:129] },
		"token":             func(r *LoginRequest) { r.Token = long },
		"auth type":         func(r *LoginRequest) { r.Options.AuthType = 3 },
		"auth type below":   func(r *LoginRequest) { r.Options.AuthType = -1 },
		"timeout":           func(r *LoginRequest) { r.Options.TimeoutMs = -1 },
		"custom tag":        func(r *LoginRequest) { r.Options.CustomTag = long[:1025] },
		"login_ex":          func(r *LoginRequest) { r.Options.LoginEx = long[:4097] },
		"operation id":      func(r *LoginRequest) { r.Options.OperationId = long[:129] },
		"no token":          func(r *LoginRequest) { r.Token = "" },
	} {
		t.Run(name, func(t *testing.T) {
			play(t, nil, func(st *tester) {
				st.loginWith(loginAs("alice", change))
				if got := last(st.lines(), "login "); got != "0s login 414 invalid_argument" {
					t.Errorf("got %q", got)
				}
				st.wantStatus(StatusLoggedOut, "")
			})
		})
	}
	play(t, func(e *Env) { e.Config.AppKey = "" }, func(st *tester) {
		st.login("alice")
		st.want("0s login 414 invalid_argument")
	})
}

// The operation id of the call comes back, also where the call is refused.
func TestOperationIDIsEchoed(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.online()
		op := func(id string) func(*LoginRequest) {
			return func(r *LoginRequest) { r.Options.OperationId = id }
		}
		for account, want := range map[string]string{"alice": "mine", "bob": "his"} {
			st.loginWith(loginAs(account, op(want)))
			if got := st.lastLogin(); got.OperationId != want {
				t.Errorf("login of %s: operation_id %q, want %q", account, got.OperationId, want)
			}
		}
	})
}

// A first login against a dead server says so at every step after the first
// attempt, and where it is cancelled.
func TestStepsTellOfTheAttemptBefore(t *testing.T) {
	var got []string
	keep := &toldSink{seen: func(p abi.Posting) {
		if r, ok := p.Text(0).(*abi.LoginResult); ok {
			got = append(got, fmt.Sprintf("%d step %d attempt %d %s", r.ErrCode, r.LoginStep, r.Attempt, r.LastError))
		}
	}}
	play(t, func(e *Env) { keep.Sink = e.Sink; e.Sink = keep }, func(st *tester) {
		st.server.refuse(refused)
		st.login("alice")
		st.sleep(1500 * time.Millisecond)
		st.logout()
	})
	why := "connection_refused: the server refused the connection"
	want := []string{"200 step 0 attempt 0 ", "200 step 0 attempt 2 " + why, "21002 step 3 attempt 2 " + why}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

// A relogin says when the session began, as the server's answer to the first
// login had it; a login anew begins anew.
func TestReloginSaysWhenTheSessionBegan(t *testing.T) {
	play(t, nil, func(st *tester) {
		at := int64(1000)
		st.server.onLogin(func(*backend.Login) *backend.Answer {
			at++
			return &backend.Answer{Body: backend.LoginOK{ServerTime: time.UnixMilli(at)}}
		})
		began := func() int64 {
			st.sleep(time.Second)
			l := st.server.lastLogin()
			if l.Began.IsZero() {
				return 0
			}
			return l.Began.UnixMilli()
		}
		st.online()
		if got := began(); got != 0 {
			t.Errorf("the first login says %d", got)
		}
		for range 2 {
			st.lose()
			if got := began(); got != 1001 {
				t.Errorf("a relogin says %d", got)
			}
		}
		st.server.refuse(refused)
		st.lose()
		st.sleep(time.Second)
		st.server.refuse(nil)
		st.login("alice")
		if got := began(); got != 0 {
			t.Errorf("a login anew says %d", got)
		}
	})
}
