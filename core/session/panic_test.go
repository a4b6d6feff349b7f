package session

import (
	"context"
	"testing"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/abi"
)

// A panic of a backend fails what it was asked for, not the process, and what
// was accepted is answered.
func TestBackendPanics(t *testing.T) {
	t.Run("connect", func(t *testing.T) {
		play(t, nil, func(st *tester) {
			st.server.set(func(f *fakeServer) { f.connect = func(context.Context, *backend.Login) error { panic("provoked") } })
			st.login("alice")
			st.want("0s connecting", "0s login step 0", "0s login 21000 internal", "0s failed 21000 linking")
			st.server.refuse(nil)
			st.login("alice")
			st.want(loggedIn("0s", "login2")...)
		})
	})
	t.Run("receive", func(t *testing.T) {
		play(t, nil, func(st *tester) {
			st.online()
			st.server.silent()
			st.serverTime()
			st.server.on(nil)
			st.server.link().panicAt("receive")
			st.sleep(time.Second)
			st.want(join(prefixed("0s", "time 21000", "disconnected 21000 internal", "lost", "not_ready", "retry_in 100ms"),
				reconnected("100ms"))...)
		})
	})
	t.Run("send", func(t *testing.T) {
		play(t, nil, func(st *tester) {
			st.online()
			st.server.link().panicAt("send")
			st.serverTime()
			st.kickOther("x")
			st.renew("fresh")
			st.upload()
			st.want("0s time 21000", "0s kick_other 21000 ", "0s renew 21000 internal", "0s upload 21000")
			st.wantStatus(StatusOnline, "alice")
		})
	})
	t.Run("login", func(t *testing.T) {
		play(t, nil, func(st *tester) {
			st.server.onLogin(func(*backend.Login) *backend.Answer { panic("provoked") })
			st.login("alice")
			st.want(prefixed("0s", "connecting", "login step 0", "connected", "login step 1", "login step 2",
				"login 21000 internal", "failed 21000 logining")...)
		})
	})
}

// A logout that meets a panic is answered all the same.
func TestLogoutPanics(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.online()
		st.server.link().panicAt("send")
		st.logout()
		st.want("0s not_ready", "0s closed", "0s logout 200")
		st.wantStatus(StatusLoggedOut, "")
		st.login("alice")
		st.want(loggedIn("0s", "login2")...)
	})
}

// panicker is a Sink that panics once, at an event.
type panicker struct {
	*recorder
	at    string // kind of the connection event
	armed bool
}

func (p *panicker) Post(e abi.Posting) (node uint64, backlog int) {
	node, backlog = p.recorder.Post(e)
	if c, ok := e.Text(0).(*abi.ConnectionEvent); ok && p.armed && c.Event == p.at {
		p.armed = false
		panic("provoked")
	}
	return node, backlog
}

// A panic in a state ends the login: what it owes is answered, what it held is
// closed, and the next login works.
func TestStatePanics(t *testing.T) {
	for _, tt := range []struct {
		at   string // the event at which the state panics
		want string // the answer of the login call
	}{
		{connConnecting, "login 21000 internal"},
		{connConnected, "login 21000 internal"},
		{connReady, "login 200"},
	} {
		t.Run(tt.at, func(t *testing.T) {
			play(t, func(e *Env) { e.Sink = &panicker{e.Sink.(*recorder), tt.at, true} }, func(st *tester) {
				st.login("alice")
				if got := last(st.lines(), "login "); got != "0s "+tt.want {
					t.Errorf("got %q", got)
				}
				st.wantStatus(StatusLoggedOut, "")
				if n := st.server.live(); n != 0 {
					t.Errorf("%d links are left open", n)
				}
				st.login("alice")
				st.wantStatus(StatusOnline, "alice")
			})
		})
	}
}

// Requests on the wire are answered when the online state panics.
func TestOnlinePanics(t *testing.T) {
	arm := &panicker{at: connTokenExpiring, armed: true}
	play(t, func(e *Env) { arm.recorder = e.Sink.(*recorder); e.Sink = arm }, func(st *tester) {
		st.online()
		st.server.silent()
		st.serverTime()
		st.kickOther("x")
		st.server.link().push(backend.TokenExpiring{})
		st.want("0s token_expiring", "0s time 21000", "0s kick_other 21000 ", "0s relogin 21000 internal", "0s failed 21000", "0s not_ready")
		st.wantStatus(StatusLoggedOut, "")
		st.server.on(nil)
		st.login("alice")
		st.wantStatus(StatusOnline, "alice")
	})
}

// deafSink panics at every event while it is deaf.
type deafSink struct {
	*recorder
	deaf bool
}

func (d *deafSink) Post(e abi.Posting) (node uint64, backlog int) {
	if d.deaf {
		panic("provoked")
	}
	return d.recorder.Post(e)
}

// Where even the report of a panic panics, nobody is left to tell; the session
// is there for the next call.
func TestReportPanics(t *testing.T) {
	sink := &deafSink{deaf: true}
	play(t, func(e *Env) { sink.recorder = e.Sink.(*recorder); e.Sink = sink }, func(st *tester) {
		st.login("alice")
		st.wantStatus(StatusLoggedOut, "")
		sink.deaf = false
		st.skip()
		st.login("alice")
		st.want(loggedIn("0s", "login2")...)
	})
}
