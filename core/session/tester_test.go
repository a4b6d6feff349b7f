package session

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/kick"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/core/push"
	"github.com/libnim/libnim/core/upload"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// A tester drives one Session against a fakeServer in a bubble, as a script:
// calls, what the server does, and the lines that must have been recorded, with
// exact virtual times.
type tester struct {
	*testing.T
	s      *Session
	rec    *recorder
	server *fakeServer
	tokens *fakeTokens
	kick   *kick.Module
	push   *push.Module
	log    *upload.Module
	asleep atomic.Int64 // by how much the wall clock is ahead, ns
}

// play runs a script in a bubble of its own. change may adapt the Env. At the
// end the session is stopped and every promise is checked.
func play(t *testing.T, change func(*Env), script func(st *tester)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		st := newTester(t, change)
		st.server.scripted = true
		defer st.finish()
		script(st)
	})
}

func newTester(t *testing.T, change func(*Env)) *tester {
	st := &tester{T: t, rec: newRecorder(t), server: &fakeServer{t: t}, tokens: &fakeTokens{}, kick: &kick.Module{}, push: &push.Module{}, log: &upload.Module{}}
	var ids atomic.Int64
	env := Env{
		Config: Config{AppKey: "app", Device: backend.Device{ID: "me", ClientType: 4, OS: "Linux"}},
		Router: st.server, Sink: st.rec, Tokens: st.tokens,
		Backend: backend.Capabilities{
			KickOther: true, Presence: true, RenewToken: true, PushConfig: true,
			ServerTime: true, UploadLog: true, KickDetails: true, RefuseDevice: true,
		},
		Modules: []module.Module{st.kick, st.push, st.log},
		Wall:    func() time.Time { return time.Now().Add(time.Duration(st.asleep.Load())) },
		Rand:    func() float64 { return 0.5 },
		NewID:   func() string { return fmt.Sprintf("op-%d", ids.Add(1)) },
	}
	if change != nil {
		change(&env)
	}
	st.s = New(env)
	synctest.Wait()
	st.rec.mu.Lock()
	st.rec.s = st.s
	st.rec.mu.Unlock()
	return st
}

// finish stops the session and checks what must hold for each.
func (st *tester) finish() {
	st.Helper()
	synctest.Wait()
	st.stop()
	<-st.s.Done()
	st.rec.mu.Lock()
	st.rec.stopped = true
	st.rec.mu.Unlock()
	st.rec.consume() // lets a waiter for room go
	synctest.Wait()
	if n := st.server.live(); n != 0 {
		st.Errorf("%d links are live after the end", n)
	}
	st.rec.mu.Lock()
	status, account := st.rec.status, st.rec.account
	st.rec.mu.Unlock()
	if st.s.acct != nil {
		st.Error("the account is not forgotten at the end")
	}
	if status != StatusLoggedOut || account != "" {
		st.Errorf("after the end: status %d of %q, want logged out", status, account)
	}
	st.rec.finish()
}

// stop begins the cleanup.
func (st *tester) stop() {
	st.rec.mu.Lock()
	st.rec.stopping = true
	st.rec.mu.Unlock()
	st.s.Stop()
}

// want compares the lines since the last look.
func (st *tester) want(lines ...string) {
	st.Helper()
	synctest.Wait()
	got := st.rec.take()
	if !slices.Equal(got, lines) {
		st.Errorf("got:\n\t%s\nwant:\n\t%s", strings.Join(got, "\n\t"), strings.Join(lines, "\n\t"))
	}
}

// skip forgets the lines so far.
func (st *tester) skip() {
	synctest.Wait()
	st.rec.take()
}

// sleep lets time pass.
func (st *tester) sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// wantStatus checks what the getters say.
func (st *tester) wantStatus(want Status, account string) {
	st.Helper()
	synctest.Wait()
	st.rec.mu.Lock()
	defer st.rec.mu.Unlock()
	if st.rec.status != want || st.rec.account != account {
		st.Errorf("status %d of %q, want %d of %q", st.rec.status, st.rec.account, want, account)
	}
	if (want == StatusLoggedOut || want == StatusKicked) && st.s.acct != nil { // run is idle
		st.Errorf("the account is not forgotten in status %d", want)
	}
}

// loginAs is a login of a user with the token "secret".
func loginAs(account string, change func(*LoginRequest)) LoginRequest {
	r := LoginRequest{Account: account, Token: "secret", Options: abi.LoginOptions{Force: true}}
	if change != nil {
		change(&r)
	}
	return r
}

func (st *tester) login(account string) { st.loginWith(loginAs(account, nil)) }

func (st *tester) loginWith(r LoginRequest) { st.s.Login(st.rec.open("login"), r) }

func (st *tester) logout() { st.s.Logout(st.rec.open("logout"), abi.LogoutChangeAccout, "") }

func (st *tester) kickOther(ids ...string) {
	st.rec.openKick()
	st.kick.Other(ids)
}

func (st *tester) refuseKick(err *nimerr.Error) {
	st.rec.openKick()
	st.kick.Refuse(err)
}

func (st *tester) renew(token string) {
	st.s.RenewToken(st.rec.open("renew"), token, abi.RenewTokenOptions{AuthType: -1})
}

func (st *tester) pushGet()     { st.push.Get(st.rec.open("push")) }
func (st *tester) pushSet()     { st.push.Set(st.rec.open("push"), 2) }
func (st *tester) serverTime()  { st.s.ServerTime(st.rec.open("time")) }
func (st *tester) upload()      { st.log.Log(st.rec.open("upload"), "feedback") }
func (st *tester) pause()       { st.s.Pause(st.rec.open("pause")) }
func (st *tester) resume()      { st.s.Resume(st.rec.open("resume")) }
func (st *tester) diagnostics() { st.s.Diagnostics(st.rec.open("diagnostics")) }

// online logs in and forgets the lines of it.
func (st *tester) online() {
	st.Helper()
	st.login("alice")
	st.wantStatus(StatusOnline, "alice")
	st.skip()
}

// lose breaks the link.
func (st *tester) lose() {
	synctest.Wait()
	st.server.link().lose(nimerr.ConnectionLost.New(""))
}

// outage brings the session online, breaks the link and lets nothing through.
func (st *tester) outage() {
	st.Helper()
	st.online()
	st.server.refuse(refused)
	st.lose()
	st.wantStatus(StatusReconnecting, "alice")
	st.skip()
}

var (
	refused = nimerr.ConnectionRefused.New("")
	wrong   = nimerr.TokenInvalid.New("")
)

// loggedIn are the lines of a login that works, at one time.
func loggedIn(at, name string) []string {
	return prefixed(at, "connecting", name+" step 0", "connected", name+" step 1", name+" step 2", name+" 200", "ready", "synced")
}

func prefixed(at string, lines ...string) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = at + " " + l
	}
	return out
}

func join(lists ...[]string) []string { return slices.Concat(lists...) }

// fakeTokens is a TokenProvider that answers what a test says.
type fakeTokens struct {
	mu       sync.Mutex
	answer   func(ctx context.Context, r abi.TokenRequest) (string, error) // nil: not registered
	late     string
	requests []abi.TokenRequest
	forgot   int
}

func (f *fakeTokens) set(answer func(ctx context.Context, r abi.TokenRequest) (string, error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = answer
}

// give makes the provider answer at once with a token.
func (f *fakeTokens) give(token string) {
	f.set(func(context.Context, abi.TokenRequest) (string, error) { return token, nil })
}

// reasons lists why the provider was asked.
func (f *fakeTokens) reasons() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []string
	for _, r := range f.requests {
		out = append(out, r.Reason)
	}
	return strings.Join(out, ",")
}

// Registered implements TokenProvider.
func (f *fakeTokens) Registered() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.answer != nil
}

// Ask implements TokenProvider.
func (f *fakeTokens) Ask(ctx context.Context, r abi.TokenRequest) (string, error) {
	f.mu.Lock()
	answer := f.answer
	f.requests = append(f.requests, r)
	f.mu.Unlock()
	if answer == nil {
		return "", nil
	}
	return answer(ctx, r)
}

// Late implements TokenProvider.
func (f *fakeTokens) Late() (string, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	token := f.late
	f.late = ""
	return token, token != ""
}

// Forget implements TokenProvider.
func (f *fakeTokens) Forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.late = ""
	f.forgot++
}

// lines returns the lines since the last look.
func (st *tester) lines() []string {
	synctest.Wait()
	return st.rec.take()
}

// times returns when the lines that begin with about came.
func times(lines []string, about string) string {
	var out []string
	for _, l := range lines {
		if at, text, _ := strings.Cut(l, " "); strings.HasPrefix(text, about) {
			out = append(out, at)
		}
	}
	return strings.Join(out, " ")
}

// last returns the last line about something, with its time.
func last(lines []string, about string) string {
	for _, l := range slices.Backward(lines) {
		if _, text, _ := strings.Cut(l, " "); strings.HasPrefix(text, about) {
			return l
		}
	}
	return ""
}

// lastLogin returns the newest answer of a login call.
func (st *tester) lastLogin() *abi.LoginResult {
	st.Helper()
	synctest.Wait()
	st.rec.mu.Lock()
	defer st.rec.mu.Unlock()
	if st.rec.lastLogin == nil {
		st.Fatal("no login call was answered")
	}
	return st.rec.lastLogin
}
