package session

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// A situation is a way to be in a status, as an application sees it.
type situation struct {
	name   string
	status Status
	enter  func(st *tester)
}

func neverGives(ctx context.Context, _ abi.TokenRequest) (string, error) {
	<-ctx.Done()
	return "", nimerr.Cancelled.New("")
}

func signed(r *LoginRequest) { r.Options.AuthType = abi.AuthTypeBySecretToken }

// situations are all of them: every state of the session, as a first login and
// as a relogin where there are both.
var situations = []situation{
	{"logged_out", StatusLoggedOut, func(*tester) {}},
	{"logging_in/linking", StatusLoggingIn, func(st *tester) { st.server.hang(); st.login("alice") }},
	{"logging_in/asking", StatusLoggingIn, func(st *tester) {
		st.tokens.set(neverGives)
		st.loginWith(loginAs("alice", func(r *LoginRequest) { r.Token = ""; signed(r) }))
	}},
	{"logging_in/authenticating", StatusLoggingIn, func(st *tester) { st.server.silent(); st.login("alice") }},
	{"logging_in/backoff", StatusLoggingIn, func(st *tester) { st.server.refuse(refused); st.login("alice") }},
	{"online", StatusOnline, func(st *tester) { st.login("alice") }},
	{"reconnecting/linking", StatusReconnecting, func(st *tester) {
		st.online()
		st.server.hang()
		st.lose()
		st.sleep(time.Second)
	}},
	{"reconnecting/asking", StatusReconnecting, func(st *tester) {
		st.loginWith(loginAs("alice", signed))
		st.wantStatus(StatusOnline, "alice")
		st.tokens.set(neverGives)
		st.lose()
		st.sleep(time.Second)
	}},
	{"reconnecting/authenticating", StatusReconnecting, func(st *tester) {
		st.online()
		st.server.silent()
		st.lose()
		st.sleep(time.Second)
	}},
	{"reconnecting/backoff", StatusReconnecting, func(st *tester) { st.outage() }},
	{"gave_up", StatusGaveUp, func(st *tester) {
		st.online()
		st.server.refuseLogin(wrong)
		st.lose()
		st.sleep(time.Second)
	}},
	{"kicked", StatusKicked, func(st *tester) { st.online(); st.server.link().push(byOther) }},
	{"logging_out", StatusLoggingOut, func(st *tester) { st.online(); st.server.silent(); st.logout() }},
	{"paused", StatusPaused, func(st *tester) { st.online(); st.pause() }},
}

// behave makes the server agree with everything from now on. What waits for it
// already goes on waiting.
func (st *tester) behave() {
	st.server.refuse(nil)
	st.server.on(nil)
	st.tokens.set(nil)
}

// settle lets a while pass in which the server agrees with everything.
func (st *tester) settle() {
	st.behave()
	st.sleep(20 * time.Second)
}

// leaves checks that a logout reaches logged_out in bounded time, whatever is
// the matter with the server, and that a login works afterwards.
func (st *tester) leaves() {
	st.Helper()
	st.server.silent()
	st.logout()
	st.sleep(logoutTimeout)
	st.wantStatus(StatusLoggedOut, "")
	st.settle()
	st.login("zoe")
	st.wantStatus(StatusOnline, "zoe")
}

// TestWhatAFunctionDoesInWhichState is the table of docs/CLIENT.md §2, cell by
// cell, in every situation that a status stands for.
func TestWhatAFunctionDoesInWhichState(t *testing.T) {
	const (
		runs    = "runs"
		nothing = "nothing"
	)
	// The columns of the table: logged_out, logging_in, online, reconnecting,
	// gave_up, kicked, logging_out, paused.
	order := []Status{
		StatusLoggedOut, StatusLoggingIn, StatusOnline, StatusReconnecting,
		StatusGaveUp, StatusKicked, StatusLoggingOut, StatusPaused,
	}
	refusedIn := []string{"20001", "20001", runs, "20001", "20001", "20001", "21004", "20001"}
	table := []struct {
		call  string
		make  func(st *tester)
		cells []string
	}{
		{"login", func(st *tester) { st.login("alice") },
			[]string{runs, "21001", "200 repeat", runs, runs, runs, "21004", runs}},
		{"login", func(st *tester) { st.login("bob") },
			[]string{runs, "21001", "20002", "20002", runs, runs, "21004", "20002"}},
		{"login", func(st *tester) {
			st.loginWith(loginAs("bob", func(r *LoginRequest) { r.Options.SwitchAccount = true }))
		}, []string{runs, "21001", runs, runs, runs, runs, "21004", runs}},
		{"logout", func(st *tester) { st.logout() },
			[]string{"200", "200", "200", "200", "200", "200", "200", "200"}},
		{"relogin", func(st *tester) { st.s.Relogin() },
			[]string{"20001", "at once", nothing, "at once", "at once", "417", nothing, "at once"}},
		{"kick_other", func(st *tester) { st.kickOther("other") }, refusedIn},
		{"renew", func(st *tester) { st.renew("fresh") }, refusedIn},
		{"push", func(st *tester) { st.pushGet() }, refusedIn},
		{"push", func(st *tester) { st.pushSet() }, refusedIn},
		{"time", func(st *tester) { st.serverTime() }, refusedIn},
		{"upload", func(st *tester) { st.upload() }, refusedIn},
		{"pause", func(st *tester) { st.pause() },
			[]string{"20001", "20001", "200", "200", "20001", "20001", "21004", "200"}},
		{"resume", func(st *tester) { st.resume() },
			[]string{"20001", "20001", "200", "20001", "20001", "20001", "21004", "200"}},
		{"network", func(st *tester) { st.s.NetworkChanged() },
			[]string{nothing, "at once", "check", "at once", nothing, nothing, nothing, nothing}},
		{"diagnostics", func(st *tester) { st.diagnostics() },
			[]string{"status", "status", "status", "status", "status", "status", "status", "status"}},
	}
	for _, where := range situations {
		for _, row := range table {
			cell := ""
			for i, s := range order {
				if s == where.status {
					cell = row.cells[i]
				}
			}
			t.Run(where.name+"/"+row.call+" "+cell, func(t *testing.T) {
				play(t, nil, func(st *tester) {
					where.enter(st)
					st.sleep(0)
					st.skip()
					calls := st.callsSoFar()
					if cell == runs {
						st.behave() // before the call: it may run at once
					}
					row.make(st)
					st.wantCell(row.call, cell, where, calls)
					st.leaves()
				})
			})
		}
	}
}

func (st *tester) callsSoFar() Call {
	st.rec.mu.Lock()
	defer st.rec.mu.Unlock()
	return st.rec.last
}

// wantCell checks what a call made of a situation.
func (st *tester) wantCell(call, cell string, where situation, before Call) {
	st.Helper()
	waiting := strings.HasSuffix(where.name, "/backoff") || where.status == StatusGaveUp || where.status == StatusPaused
	switch cell {
	case "nothing":
		st.want()
	case "check":
		st.want()
		if n := st.server.link().checked(); n != 1 {
			st.Errorf("%d checks, want 1", n)
		}
	case "at once":
		lines := st.lines()
		if tried := times(lines, "connecting") != ""; tried != waiting {
			st.Errorf("attempt at once: %v, want %v; %q", tried, waiting, lines)
		}
	case "runs":
		st.settle()
		st.wantAnswer(call, "200", before)
	default:
		if where.status == StatusLoggingOut {
			st.sleep(logoutTimeout)
		}
		st.wantAnswer(call, cell, before)
	}
}

// wantAnswer checks the answer of the newest call, or the event where the
// answer is one.
func (st *tester) wantAnswer(call, want string, before Call) {
	st.Helper()
	lines := st.lines()
	got := last(lines, call)
	_, text, _ := strings.Cut(got, " ")
	_, text, _ = strings.Cut(text, " ")
	if !strings.HasPrefix(text, want) {
		st.Errorf("%s: got %q, want %s; lines %q", call, got, want, lines)
	}
	st.rec.mu.Lock()
	defer st.rec.mu.Unlock()
	for c, name := range st.rec.calls {
		if c > before {
			st.Errorf("%s has no answer yet", name)
		}
	}
}

// Cleanup in every situation answers what was accepted, closes the link and
// posts nothing afterwards; finish checks it.
func TestCleanupInEveryState(t *testing.T) {
	for _, where := range situations {
		t.Run(where.name, func(t *testing.T) {
			play(t, nil, func(st *tester) {
				where.enter(st)
				st.wantStatus(where.status, accountIn(where.status))
				before := st.rec.start.Add(time.Since(st.rec.start))
				st.stop()
				<-st.s.Done()
				if d := time.Since(before); d != 0 {
					st.Errorf("cleanup took %v", d)
				}
				st.s.Login(1<<40, loginAs("alice", nil)) // dropped; the C front answers it
			})
		})
	}
}

func accountIn(s Status) string {
	switch s {
	case StatusOnline, StatusReconnecting, StatusLoggingOut, StatusPaused:
		return "alice"
	}
	return ""
}

// Cleanup while calls are on the wire answers them, cancelled.
func TestCleanupAnswersWhatIsOnTheWire(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.online()
		st.server.silent()
		st.serverTime()
		st.kickOther("x")
		st.renew("fresh")
		st.stop()
		st.want("0s time 21002", "0s kick_other 21002 ", "0s renew 21002 cancelled")
	})
}

// Cleanup in the middle of a switch answers the login that was to follow.
func TestCleanupDuringAccountSwitch(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.online()
		st.server.silent()
		st.loginWith(loginAs("bob", func(r *LoginRequest) { r.Options.SwitchAccount = true }))
		st.stop()
		st.want("0s login2 21002 cancelled")
	})
}

// The states as the ABI numbers them.
func TestLoginState(t *testing.T) {
	for s := StatusLoggedOut; s <= StatusPaused; s++ {
		want := 2
		if s == StatusOnline {
			want = 1
		}
		if got := s.LoginState(); got != want {
			t.Errorf("LoginState of %d = %d, want %d", s, got, want)
		}
	}
}

// Every call may come from a callback: they run on other threads, while the
// owner goes on.
func TestCallsFromCallbacks(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.rec.mu.Lock()
		st.rec.hook = func(line string) {
			switch line {
			case "login 200":
				st.serverTime()
			case "time 200":
				st.logout()
			case "logout 200":
				st.login("bob")
			case "login2 200":
				st.stop()
			}
		}
		st.rec.mu.Unlock()
		st.login("alice")
		<-st.s.Done()
		lines := st.lines()
		if got := last(lines, "login2 "); got != "0s login2 200" {
			t.Errorf("got %q in %q", got, lines)
		}
	})
}

// A request that no backend can do is refused without asking the server.
func TestCapabilities(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.online()
		st.server.set(func(f *fakeServer) { f.cannot = true })
		st.kickOther("x")
		st.pushGet()
		st.serverTime()
		st.upload()
		st.want("0s kick_other 403 ", "0s push 403 switch 0", "0s time 403", "0s upload 403")
	})
}
