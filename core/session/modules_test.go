package session

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/internal/nimerr"
)

// A guest is a module that takes its time. It writes down what it is told, and
// says something through its gate whenever it is asked.
type guest struct {
	module.Passive
	rec     *recorder
	mu      sync.Mutex
	gate    *module.Gate
	refuses *nimerr.Error // what Accepted answers
	asked   atomic.Int64  // requests without an end

	accept, settle, close time.Duration // how long it takes
}

func (g *guest) tell(format string, a ...any) {
	g.rec.mu.Lock()
	defer g.rec.mu.Unlock()
	g.rec.add("guest "+format, a...)
}

// slow makes it take its time, or none at all.
func (g *guest) slow(random *rand.Rand) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.accept, g.settle, g.close = 0, 0, 0
	if random != nil {
		for _, d := range []*time.Duration{&g.accept, &g.settle, &g.close} {
			*d = time.Duration(random.Int64N(int64(8*time.Second))) * time.Duration(random.IntN(2))
		}
	}
}

// ask asks for something, from any goroutine.
func (g *guest) ask(limit time.Duration) {
	if g.Session != nil {
		g.asked.Add(1)
		g.Session.Do(backend.PushGet{}, limit, func(backend.Result) { g.asked.Add(-1) })
	}
}

// takes reads one of the times.
func (g *guest) takes(d *time.Duration) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return *d
}

// say posts something, if it may.
func (g *guest) say(gate *module.Gate, what string) {
	if !gate.Pass(func() { g.tell("%s", what) }) {
		g.tell("%s is not heard", what)
	}
}

func after(d time.Duration, f func()) {
	if d == 0 {
		f()
		return
	}
	time.AfterFunc(d, f)
}

func (g *guest) Accepted(a module.Account, ready func(*nimerr.Error)) {
	g.gate = a.Gate
	g.tell("accepted %s %s", a.ID, a.Device)
	after(g.takes(&g.accept), func() { ready(g.refuses); ready(nil) }) // once counts
}

func (g *guest) Online(o module.Online) {
	g.tell("online %s %d relogin %v, store %d", o.Account.ID, o.Epoch, o.Relogin, o.Server.Epoch)
}

func (g *guest) Push(e backend.Event) { g.tell("push %T", e) }

func (g *guest) Offline(why module.Reason, settled func()) {
	g.tell("offline %d", why)
	after(g.takes(&g.settle), settled)
}

func (g *guest) Close(deadline time.Time, closed func()) {
	g.tell("close within %v", time.Until(deadline))
	gate := g.gate
	after(g.takes(&g.close), func() { g.say(gate, "last words"); closed() })
}

// entertain plays a script with a guest.
func entertain(t *testing.T, change func(g *guest), script func(st *tester, g *guest)) {
	t.Helper()
	g := &guest{}
	change(g)
	play(t, func(e *Env) {
		g.rec = e.Sink.(*recorder)
		e.Modules = append(e.Modules, g)
	}, func(st *tester) { script(st, g) })
}

// A module is told everything, after the host was told the same.
func TestModuleIsTold(t *testing.T) {
	entertain(t, func(*guest) {}, func(st *tester, g *guest) {
		st.server.said = backend.Server{Epoch: 7}
		st.login("alice")
		st.want("0s guest accepted alice me", "0s connecting", "0s login step 0", "0s connected", "0s login step 1",
			"0s login step 2", "0s login 200", "0s ready", "0s synced", "0s guest online alice 1 relogin false, store 7")
		st.server.link().push(backend.Resync{All: true})
		st.lose()
		st.sleep(time.Second)
		st.logout()
		st.want("0s guest push backend.Resync", "0s guest offline 0", "0s disconnected 415 connection_lost", "0s lost", "0s not_ready",
			"0s retry_in 100ms", "100ms connecting", "100ms connected", "100ms relogin 200", "100ms ready",
			"100ms synced", "100ms guest online alice 2 relogin true, store 7",
			"1s guest close within 5s", "1s guest last words", "1s not_ready", "1s closed", "1s logout 200")
	})
}

// A logout waits for the modules as for the server, and no longer.
func TestLogoutWaitsForModules(t *testing.T) {
	entertain(t, func(g *guest) { g.close = 3 * time.Second }, func(st *tester, g *guest) {
		st.online()
		st.logout()
		st.sleep(time.Second)
		st.login("alice")
		st.logout() // joins
		st.sleep(time.Minute)
		st.want("0s guest close within 5s", "1s login2 21004 logout_in_progress", "3s guest last words",
			"3s not_ready", "3s closed", "3s logout 200", "3s logout2 200")
		g.close = time.Hour
		st.online()
		st.logout()
		st.sleep(2 * time.Hour)
		st.want("1m1s guest close within 5s", "1m6s not_ready", "1m6s closed", "1m6s logout3 200", "1h1m1s guest last words is not heard")
	})
}

// A logout without a link waits for them too.
func TestLogoutWithoutALinkWaitsForModules(t *testing.T) {
	entertain(t, func(g *guest) { g.close = time.Second }, func(st *tester, _ *guest) {
		st.outage()
		st.logout()
		st.wantStatus(StatusLoggingOut, "alice")
		st.sleep(time.Minute)
		st.want("0s guest close within 5s", "1s guest last words", "1s closed", "1s logout 200")
	})
}

// A kick is told when the modules have answered what is open, or after half a
// second. They stay open until the next account, or a logout.
func TestKickWaitsForModules(t *testing.T) {
	entertain(t, func(g *guest) { g.settle, g.close = 300*time.Millisecond, time.Second }, func(st *tester, g *guest) {
		st.online()
		st.server.link().push(byOther)
		st.sleep(100 * time.Millisecond)
		st.login("alice")
		st.sleep(time.Second)
		st.want("0s guest offline 1", "100ms login2 21004 logout_in_progress", "300ms kickout 1 other", "300ms kicked", "300ms not_ready")
		g.settle = time.Hour
		st.online() // the same account: it is open
		st.server.link().push(byOther)
		st.sleep(time.Second)
		st.want("1.1s guest offline 1", "1.6s kickout 1 other", "1.6s kicked", "1.6s not_ready")
		st.login("bob")
		st.sleep(time.Minute)
		lines := st.lines()
		if len(lines) < 3 || lines[0] != "2.1s guest close within 5s" || lines[1] != "3.1s guest last words" || lines[2] != "3.1s guest accepted bob me" {
			t.Errorf("got %q", lines)
		}
	})
}

// A logout that is called while a kick settles comes after it.
func TestLogoutWhileAKickSettles(t *testing.T) {
	entertain(t, func(g *guest) { g.settle = 300 * time.Millisecond }, func(st *tester, _ *guest) {
		st.online()
		st.server.link().push(byOther)
		st.sleep(100 * time.Millisecond)
		st.logout()
		st.sleep(time.Second)
		st.want("0s guest offline 1", "300ms kickout 1 other", "300ms kicked", "300ms not_ready",
			"300ms guest close within 4.5s", "300ms guest last words", "300ms logout 200")
	})
}

// Cleanup waits for them 700 ms.
func TestCleanupWaitsForModules(t *testing.T) {
	for _, d := range []time.Duration{0, 500 * time.Millisecond, time.Minute} {
		entertain(t, func(g *guest) { g.close = d }, func(st *tester, _ *guest) {
			st.online()
			st.stop()
			var late sync.WaitGroup
			late.Go(func() { st.serverTime() }) // too late: the front answers it
			<-st.s.Done()
			if got, want := time.Since(st.rec.start), min(d, cleanupTimeout); got != want {
				t.Errorf("a module that takes %v: %v", d, got)
			}
			late.Wait()
			st.rec.mu.Lock()
			clear(st.rec.calls)
			st.rec.mu.Unlock()
			st.sleep(time.Hour)
		})
	}
}

// A login begins when the modules are ready, and ends where one refuses.
func TestModulesAcceptALogin(t *testing.T) {
	entertain(t, func(g *guest) { g.accept, g.refuses = time.Second, nimerr.StoreInUse.New("") }, func(st *tester, g *guest) {
		st.login("alice")
		st.sleep(time.Minute)
		st.want("0s guest accepted alice me", "1s guest close within 5s", "1s guest last words", "1s login 21010 store_in_use")
		st.wantStatus(StatusLoggedOut, "")
		g.refuses = nil
		st.login("alice")
		st.sleep(time.Minute)
		if got := times(st.lines(), "connecting"); got != "1m1s" {
			t.Errorf("connecting at %q", got)
		}
		st.logout()
		st.skip()
		g.accept = time.Hour
		st.login("alice")
		st.sleep(time.Minute)
		if got := last(st.lines(), "login3"); got != "2m3s login3 21011 store_unusable" {
			t.Errorf("got %q", got)
		}
	})
}

// The three ends of a request.
func TestOutcomes(t *testing.T) {
	entertain(t, func(*guest) {}, func(st *tester, g *guest) {
		ask := func(name string, limit time.Duration) {
			g.Session.Do(backend.PushGet{}, limit, func(r backend.Result) {
				err := "ok"
				if r.Err != nil {
					err = r.Err.Kind.Name
				}
				g.tell("%s: %v %s", name, r.Outcome, err)
			})
		}
		ask("logged out", 0)
		st.want(fmt.Sprintf("0s guest logged out: %v not_logged_in", backend.NotSent))
		st.online()
		ask("granted", 0)
		st.server.set(func(f *fakeServer) { f.cannot = true })
		ask("cannot", 0)
		st.server.set(func(f *fakeServer) { f.cannot = false })
		st.want(fmt.Sprintf("0s guest granted: %v ok", backend.Answered), fmt.Sprintf("0s guest cannot: %v server_cannot", backend.NotSent))
		st.server.silent()
		ask("slow", 0)
		ask("quick", 2*time.Second)
		ask("long", time.Hour)
		st.sleep(time.Minute)
		synctest.Wait()
		st.server.mu.Lock()
		forgot := fmt.Sprint(st.server.forgot)
		st.server.mu.Unlock()
		if forgot != "[5 4]" {
			t.Errorf("forgotten on the link: %s", forgot)
		}
		st.lose()
		st.sleep(0)
		st.want(fmt.Sprintf("2s guest quick: %v timeout", backend.Unknown), fmt.Sprintf("10s guest slow: %v timeout", backend.Unknown),
			fmt.Sprintf("1m0s guest long: %v connection_lost", backend.Unknown), "1m0s guest offline 0",
			"1m0s disconnected 415 connection_lost", "1m0s lost", "1m0s not_ready", "1m0s retry_in 100ms")
	})
}

// A panic of the session ends the modules' login too.
func TestModulesAfterAPanic(t *testing.T) {
	g := &guest{close: time.Second}
	arm := &panicker{at: connTokenExpiring, armed: true}
	play(t, func(e *Env) {
		arm.recorder = e.Sink.(*recorder)
		e.Sink, g.rec = arm, arm.recorder
		e.Modules = append(e.Modules, g)
	}, func(st *tester) {
		st.online()
		st.server.link().push(backend.TokenExpiring{})
		st.sleep(time.Minute)
		st.want("0s token_expiring", "0s guest close within 0s", "0s relogin 21000 internal", "0s failed 21000", "0s not_ready", "1s guest last words is not heard")
	})
}
