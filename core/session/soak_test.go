package session

import (
	"context"
	"flag"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

var (
	soakSeed  = flag.Uint64("soak.seed", 0, "seed of the soak; 0: a new one")
	soakSteps = flag.Int("soak.steps", 100_000, "steps of the soak")
)

// A session ends, in whatever state it is, after so many steps, and is looked
// at between.
const (
	soakSession = 2000
	soakLook    = 50
)

// TestSoak makes random calls while a random server misbehaves. The recorder
// and the fake server check at every event: one final answer per call, total
// order, getters never behind, one kickout per login, one live link. Between
// them: from any state a logout ends the session in bounded time, a login works
// afterwards, and no call is left without its answer. The bubble fails if a
// goroutine is left.
func TestSoak(t *testing.T) {
	seed, steps := *soakSeed, *soakSteps
	if seed == 0 {
		seed = rand.Uint64()
	}
	if testing.Short() {
		steps = min(steps, 10_000)
	}
	t.Logf("to repeat: go test ./core/session -run TestSoak -soak.seed=%d -soak.steps=%d", seed, steps)
	synctest.Test(t, func(t *testing.T) {
		k := &soak{random: rand.New(rand.NewPCG(seed, 1)), dice: rand.New(rand.NewPCG(seed, 2))}
		for done := 0; done < steps && !t.Failed(); done += soakSession {
			k.session(t, min(soakSession, steps-done))
		}
		if t.Failed() {
			t.Logf("the seed was %d", seed)
		}
	})
}

type soak struct {
	*tester
	guest  *guest
	random *rand.Rand // the script's
	dice   *rand.Rand // the session's jitter
}

func (k *soak) session(t *testing.T, steps int) {
	k.guest = &guest{}
	k.tester = newTester(t, func(e *Env) {
		k.guest.rec = e.Sink.(*recorder)
		if k.one(2) {
			e.Modules = append(e.Modules, k.guest)
		}
		e.Rand = k.dice.Float64
		e.Backend.RenewToken = k.one(2)
		e.Backend.TokenInHandshake = k.one(4)
		if k.one(3) {
			e.Config.LoginRetryMax = 1 + k.random.IntN(5)
			e.Config.ReloginMax = k.random.IntN(5)
		}
	})
	for i := range steps {
		k.step()
		if i%soakLook == soakLook-1 {
			k.look()
		}
		if k.Failed() || k.broken() {
			break
		}
	}
	for range k.random.IntN(20) {
		k.step()
	}
	k.finish() // in whatever state it is
	if n := k.guest.asked.Load(); n != 0 {
		k.Errorf("%d requests of a module have no end", n)
	}
}

// one is true once in n.
func (k *soak) one(n int) bool { return k.random.IntN(n) == 0 }

func (k *soak) broken() bool {
	k.rec.mu.Lock()
	defer k.rec.mu.Unlock()
	return len(k.rec.faults) > 0
}

// step is a call, a fault, or a while.
func (k *soak) step() {
	switch n := k.random.IntN(10); {
	case n < 5:
		k.call()
	case n < 7:
		k.misbehave()
	case n < 8:
		k.push()
	default:
		pauses := []time.Duration{0, time.Millisecond, 100 * time.Millisecond, time.Second, 3 * time.Second, 11 * time.Second, time.Minute}
		k.sleep(pauses[k.random.IntN(len(pauses))])
	}
	if k.one(3) {
		synctest.Wait()
	}
}

// call is one of everything an application can do.
func (k *soak) call() {
	all := []func(){
		k.anyLogin, k.anyLogin, k.anyLogin, k.logout, k.s.Relogin, k.s.NetworkChanged,
		func() { k.kickOther("a", "b") }, func() { k.renew("fresh") }, func() { k.renew("") },
		k.pushGet, k.pushSet, k.serverTime, k.upload, k.pause, k.resume, k.diagnostics,
		func() { go k.guest.ask(time.Duration(k.random.Int64N(int64(20 * time.Second)))) },
		func() { k.s.Replay(Stream(k.random.IntN(3))) },
	}
	run := all[k.random.IntN(len(all))]
	run()
	if k.one(10) { // calls from many threads at once
		for range k.random.IntN(5) {
			go k.serverTime()
			go k.kickOther("c")
		}
	}
}

func (k *soak) anyLogin() {
	r := LoginRequest{
		Account: []string{"alice", "alice", "bob", "a b"}[k.random.IntN(4)],
		Token:   []string{"secret", "secret", "other", ""}[k.random.IntN(4)],
		Options: abi.LoginOptions{AuthType: k.random.IntN(3), SwitchAccount: k.one(2), Force: true},
	}
	if k.one(4) {
		r.Options.TimeoutMs = 1 + k.random.IntN(20000)
	}
	k.loginWith(r)
}

// misbehave changes what the server, the provider, the clock or the host do.
func (k *soak) misbehave() {
	switch k.random.IntN(9) {
	case 8:
		k.guest.slow(k.random)
	case 0, 1:
		k.server.refuse(nil)
		k.server.on(nil)
	case 2:
		k.network()
	case 3:
		k.logins()
	case 4:
		k.server.on(k.requests())
	case 5:
		k.provider()
	case 6:
		k.asleep.Add(k.random.Int64N(int64(time.Minute)))
	case 7:
		if k.one(2) {
			k.rec.stall()
		} else {
			k.rec.consume()
		}
	}
}

func (k *soak) anyError() *nimerr.Error {
	kinds := []*nimerr.Kind{
		nimerr.ConnectionRefused, nimerr.Timeout, nimerr.ServerBusy, nimerr.NetworkUnreachable, nimerr.ServerError,
		nimerr.TokenInvalid, nimerr.TokenExpired, nimerr.AccountBanned, nimerr.KickedOffline, nimerr.OtherDeviceOnline, nimerr.GoingAway,
	}
	e := kinds[k.random.IntN(len(kinds))].New("")
	if k.one(4) {
		e.RetryAfter = time.Duration(k.random.Int64N(int64(time.Minute)))
	}
	return e
}

func (k *soak) network() {
	if k.one(3) {
		k.server.hang()
		return
	}
	err, slow, panics := k.anyError(), k.random.Int64N(int64(12*time.Second)), k.one(10)
	accept := k.one(2)
	k.server.set(func(f *fakeServer) {
		f.connect = func(ctx context.Context, _ *backend.Login) error {
			if panics {
				panic("provoked in Connect")
			}
			select {
			case <-time.After(time.Duration(slow)):
			case <-ctx.Done():
				return nimerr.Timeout.New("")
			}
			if accept {
				return nil
			}
			return err
		}
	})
}

func (k *soak) logins() {
	a := backend.Answer{Err: k.anyError()}
	if k.one(2) {
		kick := byOther
		a.Body = backend.LoginRefused{Kicked: &kick, Others: []backend.Device{{ID: "pad"}}}
	}
	k.server.onLogin(func(*backend.Login) *backend.Answer { answer := a; return &answer })
}

func (k *soak) requests() func(*fakeLink, uint64, backend.Request) bool {
	mode, after := k.random.IntN(6), time.Duration(k.random.Int64N(int64(12*time.Second)))
	return func(l *fakeLink, id uint64, r backend.Request) bool {
		switch mode {
		case 0: // silence
			return true
		case 1: // slowly
			time.AfterFunc(after, func() { l.push(granted(id, r)) })
			return true
		case 2: // twice
			l.push(granted(id, r))
		case 3: // hangs up
			l.lose(nimerr.ConnectionLost.New(""))
			return true
		case 4: // kicks instead of answering
			l.push(byOther)
			l.lose(nimerr.ConnectionLost.New(""))
			return true
		}
		return false
	}
}

func (k *soak) provider() {
	switch k.random.IntN(6) {
	case 0:
		k.tokens.set(nil)
	case 1:
		k.tokens.give([]string{"", "secret", "fresh"}[k.random.IntN(3)])
	case 2:
		k.tokens.set(tooLate)
	case 3:
		k.tokens.set(neverGives)
	case 4:
		k.tokens.set(func(context.Context, abi.TokenRequest) (string, error) { panic("provoked in Ask") })
	case 5:
		k.tokens.mu.Lock()
		k.tokens.late = "late"
		k.tokens.mu.Unlock()
	}
}

// push makes the server say something that nobody asked for, or break.
func (k *soak) push() {
	k.server.mu.Lock()
	n := len(k.server.links)
	k.server.mu.Unlock()
	if n == 0 {
		return
	}
	l := k.server.link()
	switch k.random.IntN(11) {
	case 0, 1:
		l.lose(k.anyError())
	case 2:
		l.push(byOther)
	case 3:
		l.push(backend.GoingAway{RetryAfter: time.Duration(k.random.Int64N(int64(5 * time.Second)))})
	case 4:
		l.push(backend.TokenExpiring{ExpiresAt: time.Now()})
	case 5:
		l.push(backend.TokenExpired{})
	case 6:
		l.push(backend.Answer{ID: k.random.Uint64N(10)})
	case 7:
		l.push(backend.PushChanged{SwitchOpen: 1})
	case 8:
		l.panicAt([]string{"send", "receive"}[k.random.IntN(2)])
	default:
		l.push(backend.Presence{Type: 2 + k.random.IntN(2), Devices: []backend.Device{{ID: "pad"}, {ID: "me"}}})
	}
}

// calm makes everybody behave.
func (k *soak) calm() {
	k.behave()
	k.guest.slow(nil)
	synctest.Wait()
	k.rec.consume()
}

// look checks that the session is not wedged, and that nothing is owed.
func (k *soak) look() {
	k.Helper()
	if k.one(2) {
		k.server.silent() // a logout is bounded all the same
	}
	k.logout()
	k.sleep(logoutTimeout)
	k.wantStatus(StatusLoggedOut, "")
	k.rec.mu.Lock()
	for _, name := range k.rec.calls {
		k.Errorf("%s is not answered after the logout", name)
	}
	if k.rec.kicks != 0 {
		k.Errorf("%d kick requests are not answered after the logout", k.rec.kicks)
	}
	k.rec.mu.Unlock()
	k.calm()
	k.login("zoe")
	k.sleep(time.Second)
	k.wantStatus(StatusOnline, "zoe")
	if k.Failed() {
		k.Logf("the last lines: %q", last20(k.rec.take()))
	}
}

func last20(lines []string) []string { return lines[max(0, len(lines)-20):] }
