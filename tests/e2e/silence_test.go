package e2e

import (
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/libnim/libnim/tests/nimdtest"
)

// silenceLimit is how soon a server that says nothing must be noticed.
const silenceLimit = 15 * time.Second

// freeze stops a server as a hung machine would: its connections stay open. When
// it returns no thread of the server runs any more.
func freeze(t *testing.T, s *nimdtest.Server) {
	t.Helper()
	pid := s.PID()
	must(t, syscall.Kill(pid, syscall.SIGSTOP))
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGCONT) })
	var status syscall.WaitStatus
	_, err := syscall.Wait4(pid, &status, syscall.WUNTRACED, nil)
	for err == syscall.EINTR {
		_, err = syscall.Wait4(pid, &status, syscall.WUNTRACED, nil)
	}
	if err != nil || !status.Stopped() {
		t.Fatalf("the server did not stop: %v, status %#x", err, status)
	}
}

// within waits for a thing and fails if it took longer than limit.
func within(t *testing.T, limit time.Duration, what string, wait func()) {
	t.Helper()
	start := time.Now()
	wait()
	took := time.Since(start)
	t.Logf("%s: %v", what, took.Round(time.Millisecond))
	if took > limit {
		t.Errorf("%s took %v, limit %v", what, took, limit)
	}
}

func TestFrozenServerOnlineAndInTheHandshake(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	d := newStarted(t, s, "desk", settings{})
	d.mustLogin(account(t, s))
	freeze(t, s)
	within(t, silenceLimit, "online", func() {
		if e := d.next("disconnect"); e.JSON.ErrCode != 408 {
			t.Errorf("disconnect: %s", e.JSON.Raw)
		}
	})
	d.connection("connecting")
	within(t, silenceLimit, "in the handshake", func() {
		if e := d.next("relogin"); e.JSON.ErrCode != 408 || !e.JSON.Retrying {
			t.Errorf("relogin: %s", e.JSON.Raw)
		}
	})
	within(t, silenceLimit, "logout while it is frozen", func() { d.logout(1) })
}

func TestFrozenServerInALogout(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	d := newStarted(t, s, "desk", settings{})
	d.mustLogin(account(t, s))
	freeze(t, s)
	within(t, silenceLimit, "in a logout", func() {
		if e := d.logout(3); e.JSON.ErrCode != 200 {
			t.Errorf("logout: %s", e.JSON.Raw)
		}
	})
}

// The server freezes while the token provider thinks about its answer.
func TestFrozenServerInATokenRequest(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	path := newPath(t, s)
	d := newStarted(t, s, "desk", settings{link: path.Link()})
	d.do("on", "token", "77")
	d.do("token", mint(t, s, "dynamic", "alice", 600))
	if e := d.loginWith("", "alice", "", `{"auth_type":1}`); e.JSON.ErrCode != 200 {
		t.Fatalf("login: %s", e.JSON.Raw)
	}
	d.next("token")
	d.do("in", "token", "block", "11000") // callbacks wait behind the provider
	path.Cut()
	d.next("token")
	freeze(t, s)
	within(t, silenceLimit, "in a token request", func() {
		if e := d.next("relogin"); e.JSON.ErrCode != 408 || !e.JSON.Retrying {
			t.Errorf("relogin: %s", e.JSON.Raw)
		}
	})
}

// A killed server is noticed at once: its side of the connection is closed.
func TestKilledServer(t *testing.T) {
	s := newServer(t)
	d := newStarted(t, s, "desk", settings{})
	d.mustLogin(account(t, s))
	var all []time.Duration
	for range 7 {
		start := time.Now()
		must(t, s.Kill())
		all = append(all, d.next("disconnect").When.Sub(start))
		must(t, s.Restart())
		recovered(t, d)
	}
	slices.Sort(all)
	t.Logf("noticed after %v (median of %d, the kill included)", all[len(all)/2], len(all))
	if all[0] > 10*time.Millisecond {
		t.Errorf("noticed after %v at best, limit 10 ms", all[0])
	}
}

// After an outage of 4 s clients are back within a second, on average.
func TestBackAfterARestart(t *testing.T) {
	t.Parallel()
	const clients = 10
	s := newServer(t)
	devices := make([]*device, clients)
	for i := range devices {
		devices[i] = newStarted(t, s, "desk"+strconv.Itoa(i), settings{})
		devices[i].mustLogin(account(t, s))
	}
	must(t, s.Kill())
	down := time.NewTimer(4 * time.Second)
	for _, d := range devices {
		d.next("disconnect")
	}
	<-down.C
	must(t, s.Restart())
	open := time.Now()
	var sum, worst time.Duration
	for _, d := range devices {
		e := d.until("relogin", func(e event) bool { return e.JSON.ErrCode == 200 })
		back := e.When.Sub(open)
		sum, worst = sum+back, max(worst, back)
	}
	t.Logf("back after %v on average, %v at worst", sum/clients, worst)
	if sum/clients > time.Second {
		t.Errorf("back after %v on average, limit 1 s", sum/clients)
	}
}
