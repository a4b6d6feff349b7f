package session

import (
	"strings"
	"testing"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// tell plays a script and returns the errors that the application was told, in
// order, each with the name of what told it.
func tell(t *testing.T, change func(*Env), script func(st *tester)) (told []toldError) {
	t.Helper()
	keep := &toldSink{}
	play(t, func(e *Env) {
		if change != nil {
			change(e)
		}
		keep.Sink = e.Sink
		e.Sink = keep
	}, script)
	return keep.errors
}

// When another attempt follows, everything that tells of the failure says when;
// what ends it does not. The attempt is that of the outage.
func TestErrorsOfAnOutage(t *testing.T) {
	told := tell(t, func(e *Env) { e.Config.ReloginMax = 1 }, func(st *tester) {
		st.online()
		busy := nimerr.ServerBusy.New("")
		busy.RetryAfter = 7 * time.Second
		st.server.refuse(busy)
		st.lose()
		st.sleep(time.Minute)
		st.wantStatus(StatusGaveUp, "")
	})
	wantErrors(t, told,
		toldError{"disconnected", "connection_lost", "", 0, 100},
		toldError{"lost", "connection_lost", "", 0, 100},
		toldError{"retry_in", "connection_lost", "", 0, 100},
		toldError{"relogin", "server_busy", "linking", 1, 7000},
		toldError{"failed", "server_busy", "linking", 1, 7000},
		toldError{"retry_in", "server_busy", "", 1, 7000},
		toldError{"relogin", "relogin_given_up", "linking", 2, 7000}, // nothing follows by itself: what the server asks for
		toldError{"failed", "server_busy", "linking", 2, 7000},
	)
}

// A delay of the schedule is told as well, on the login's own callback too.
func TestErrorsOfALogin(t *testing.T) {
	told := tell(t, func(e *Env) { e.Config.LoginRetryMax = 1 }, func(st *tester) {
		st.server.refuse(refused)
		st.login("alice")
		st.sleep(time.Minute)
		st.wantStatus(StatusLoggedOut, "")
	})
	wantErrors(t, told,
		toldError{"login", "connection_refused", "linking", 1, 1000},
		toldError{"failed", "connection_refused", "linking", 1, 1000},
		toldError{"retry_in", "connection_refused", "", 1, 1000},
		toldError{"login", "connection_refused", "linking", 2, 0},
		toldError{"failed", "connection_refused", "linking", 2, 0},
	)
}

// What fails while online belongs to no attempt.
func TestErrorsWhileOnline(t *testing.T) {
	told := tell(t, nil, func(st *tester) {
		st.online()
		st.server.refuse(refused)
		st.lose()
		st.sleep(time.Second)
		st.server.refuse(nil)
		st.sleep(time.Minute)
		st.wantStatus(StatusOnline, "alice")
		st.rec.s.env.Sink.(*toldSink).errors = nil
		st.server.silent()
		st.kickOther("pad")
		st.sleep(time.Minute)
		st.server.link().push(backend.TokenExpired{})
		st.sleep(time.Second)
	})
	wantErrors(t, told,
		toldError{"kick_other", "timeout", "", 0, 0},
		toldError{"token_expired", "token_expired", "", 0, 0},
	)
}

// The answer to a relogin that has nothing to reconnect stands at the last step,
// where old programs look for the end.
func TestStepOfARefusedRelogin(t *testing.T) {
	steps := 0
	keep := &toldSink{seen: func(p abi.Posting) {
		if r, ok := p.Text(0).(*abi.LoginResult); ok && p.Slot() == abi.SlotClientAutoRelogin {
			if steps++; r.LoginStep != abi.LoginStepLogin || !r.Relogin || r.Retrying {
				t.Errorf("got %+v", r)
			}
		}
	}}
	play(t, func(e *Env) { keep.Sink = e.Sink; e.Sink = keep }, func(st *tester) {
		st.s.Relogin()
		st.online()
		st.server.link().push(backend.Kicked{Reason: 1})
		st.wantStatus(StatusKicked, "")
		st.s.Relogin()
		st.sleep(time.Second)
	})
	if steps != 2 {
		t.Errorf("%d relogin events, want 2", steps)
	}
}

// A logout echoes its own operation id, joined logouts each theirs; one without
// has that of the login.
func TestOperationOfALogout(t *testing.T) {
	var ids []string
	keep := &toldSink{seen: func(p abi.Posting) {
		if r, ok := p.Text(0).(*abi.LogoutResult); ok {
			ids = append(ids, r.OperationId)
		}
	}}
	play(t, func(e *Env) { keep.Sink = e.Sink; e.Sink = keep }, func(st *tester) {
		leave := func(id string) { st.s.Logout(st.rec.open("logout"), abi.LogoutChangeAccout, id) }
		leave("nobody there")
		st.loginWith(loginAs("alice", func(r *LoginRequest) { r.Options.OperationId = "login" }))
		st.wantStatus(StatusOnline, "alice")
		st.server.silent()
		leave("first")
		leave("")
		leave("second")
		st.sleep(time.Minute)
	})
	if got := strings.Join(ids, ","); got != "nobody there,first,login,second" {
		t.Errorf("operation ids %s", got)
	}
}

// A toldError is what an event or an answer says of an error.
type toldError struct {
	by, name, step string
	attempt        int
	retryInMS      int64
}

func errorOf(by string, i abi.ErrorInfo) toldError {
	return toldError{by, i.ErrName, i.Step, i.Attempt, i.RetryInMs}
}

func wantErrors(t *testing.T, got []toldError, want ...toldError) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		var g, w toldError
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			t.Errorf("%d: got %+v, want %+v", i, g, w)
		}
	}
}

// A toldSink keeps what the application was told.
type toldSink struct {
	Sink
	seen   func(abi.Posting)
	errors []toldError
}

func (s *toldSink) Post(p abi.Posting) (node uint64, backlog int) {
	switch e := p.Text(0).(type) {
	case *abi.DisconnectEvent:
		s.keep("disconnected", e.ErrorInfo)
	case *abi.LoginResult:
		s.keep("relogin", e.ErrorInfo)
	case *abi.KickOtherResult:
		s.keep("kick_other", e.ErrorInfo)
	case *abi.ConnectionEvent:
		s.keep(e.Event, e.ErrorInfo)
	}
	if s.seen != nil {
		s.seen(p)
	}
	return s.Sink.Post(p)
}

func (s *toldSink) Answer(call Call, p abi.Posting, final bool) {
	if r, ok := p.Text(0).(*abi.LoginResult); ok {
		s.keep("login", r.ErrorInfo)
	}
	if s.seen != nil {
		s.seen(p)
	}
	s.Sink.Answer(call, p, final)
}

func (s *toldSink) keep(by string, i abi.ErrorInfo) {
	if i.ErrName != "" {
		s.errors = append(s.errors, errorOf(by, i))
	}
}
