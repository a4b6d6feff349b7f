package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// footprint is what a process holds.
type footprint struct{ kib, threads, descriptors int }

func (f footprint) String() string {
	return fmt.Sprintf("%d KiB, %d threads, %d descriptors", f.kib, f.threads, f.descriptors)
}

// footprint measures the driver; it is zero where this machine cannot see into
// it (another system, an emulator).
func (d *device) footprint() (f footprint) {
	d.t.Helper()
	if os.Getenv("NIM_RUN") != "" {
		return f
	}
	proc := fmt.Sprintf("/proc/%d/", d.cmd.Process.Pid)
	status, err := os.ReadFile(proc + "status")
	if err != nil {
		return f
	}
	for line := range strings.Lines(string(status)) {
		_, _ = fmt.Sscanf(line, "VmRSS: %d", &f.kib)
		_, _ = fmt.Sscanf(line, "Threads: %d", &f.threads)
	}
	open, err := os.ReadDir(proc + "fd")
	must(d.t, err)
	f.descriptors = len(open)
	return f
}

// stress does a round a thousand times in one process. After a quarter of the rounds nothing
// that the process holds may grow any more.
func stress(t *testing.T, d *device, round func(i int)) {
	t.Helper()
	const rounds = 1000
	var early footprint
	began := time.Now()
	for i := range rounds {
		round(i)
		if i == rounds/4 {
			early = d.footprint()
		}
	}
	late := d.footprint()
	t.Logf("%d rounds in %v; after a quarter: %v; at the end: %v", rounds, time.Since(began).Round(time.Millisecond), early, late)
	if late.descriptors > early.descriptors {
		t.Errorf("descriptors grow from %d to %d", early.descriptors, late.descriptors)
	}
	if late.threads > early.threads+2 {
		t.Errorf("threads grow from %d to %d", early.threads, late.threads)
	}
	if late.kib > early.kib+4096 {
		t.Errorf("memory grows from %d to %d KiB", early.kib, late.kib)
	}
}

// Login and logout a thousand times in one process: every login succeeds.
func TestThousandLogins(t *testing.T) {
	s := newServer(t)
	d := newStarted(t, s, "desk", settings{})
	name := account(t, s)
	stress(t, d, func(i int) {
		if e := d.login(name); e.JSON.ErrCode != 200 {
			t.Fatalf("login %d: %s", i, e.JSON.Raw)
		}
		if e := d.logout(1 + i%4); e.JSON.ErrCode != 200 {
			t.Fatalf("logout %d: %s", i, e.JSON.Raw)
		}
	})
}

// ownPace is how many losses are left to the schedule: it waits longer with
// each one of an outage that does not end, so the rest is hurried on.
const ownPace = 10

// A thousand losses of the network in one session: it comes back each time.
func TestThousandLosses(t *testing.T) {
	s := newServer(t)
	path := newPath(t, s)
	d := newStarted(t, s, "desk", settings{link: path.Link()})
	d.mustLogin(account(t, s))
	stress(t, d, func(i int) {
		path.Cut()
		d.next("disconnect")
		if i >= ownPace {
			d.connection("retry_in")
			d.do([]string{"relogin", "network_changed"}[i%2], "")
		}
		recovered(t, d)
	})
	if e := d.logout(1); e.JSON.ErrCode != 200 {
		t.Errorf("logout: %s", e.JSON.Raw)
	}
}
