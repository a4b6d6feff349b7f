package e2e

import (
	"strconv"
	"testing"
)

// pumped runs a pull-mode device: its callbacks run only inside dispatch.
func pumped(t *testing.T) *device {
	t.Helper()
	d := newDevice(t, "pump")
	if e := d.do("mode", "1"); string(e.Value) != "1" {
		t.Fatalf("mode: %s", e.Value)
	}
	d.start(theServer(t), settings{})
	return d
}

// pumpUntil dispatches until a callback of that name has come.
func pumpUntil(d *device, cb string, ok func(event) bool) event {
	d.t.Helper()
	for range 1000 {
		d.do("dispatch", "0", "1000")
		d.mu.Lock()
		for i := d.taken["cb "+cb]; i < len(d.history); i++ {
			if e := d.history[i]; e.CB == cb && (ok == nil || ok(e)) {
				d.taken["cb "+cb] = i + 1
				d.mu.Unlock()
				return e
			}
		}
		d.mu.Unlock()
	}
	d.t.Fatalf("no %s after 1000 dispatches", cb)
	return event{}
}

func TestPull(t *testing.T) {
	d := pumped(t)
	name := account(t, theServer(t))
	tag := d.newTag("login")
	d.do("login", "", name, "secret", "", tag)
	if e := d.do("wait", "10000"); string(e.Value) != "1" {
		t.Errorf("wait: %s", e.Value)
	}
	for _, e := range d.history {
		if e.CB != "" {
			t.Fatalf("%s ran outside of dispatch", e.CB)
		}
	}
	if n, _ := strconv.Atoi(d.value("pending")); n < 1 {
		t.Errorf("pending %d", n)
	}
	login := pumpUntil(d, "login", func(e event) bool { return e.JSON.final() })
	if login.JSON.ErrCode != 200 {
		t.Errorf("login: %s", login.JSON.Raw)
	}
	pumpUntil(d, "connection", func(e event) bool { return e.JSON.Event == "ready" })
	// All ran on one thread, the one that reads commands.
	for _, e := range d.history {
		if e.CB != "" && e.TID != d.cmd.Process.Pid {
			t.Errorf("%s ran on thread %d", e.CB, e.TID)
		}
	}
	d.do("in", "time", "dispatch", "0", "0")
	d.do("time", "0", d.newTag("time"))
	pumpUntil(d, "time", nil)
	d.await("ret dispatch", nil) // of the two that have returned, one was consumed
	refused := false
	for _, e := range d.history {
		refused = refused || e.Ret == "dispatch" && string(e.Value) == "-2"
	}
	if !refused {
		t.Error("a nested dispatch was not refused")
	}
	if e := d.do("dispatch", "1", "0"); string(e.Value) != "1" && string(e.Value) != "0" {
		t.Errorf("dispatch of at most one: %s", e.Value)
	}
	if e := d.do("mode", "0"); string(e.Value) != "0" {
		t.Error("the mode can change while initialised")
	}
	d.do("cleanup", "")
	if e := d.do("wait", "0"); string(e.Value) != "-1" {
		t.Errorf("wait after cleanup: %s", e.Value)
	}
	if e := d.do("dispatch", "0", "0"); string(e.Value) != "-1" {
		t.Errorf("dispatch after cleanup: %s", e.Value)
	}
}

// Without a pump, cleanup itself delivers the answers that are due.
func TestPullCleanupWithoutAPump(t *testing.T) {
	d := pumped(t)
	d.do("login", "", account(t, theServer(t)), "secret", "", d.newTag("login"))
	d.do("time", "0", d.newTag("time"))
	back := d.do("cleanup", "")
	if e := d.until("login", func(e event) bool { return e.JSON.final() }); e.At > back.At {
		t.Errorf("login: %s", e.JSON.Raw)
	}
}

// lastSync is the type of the data sync that ends what a login tells.
const lastSync = 2

func TestPullCleanupBesideThePump(t *testing.T) {
	d := pumped(t)
	d.do("login", "", account(t, theServer(t)), "secret", "", d.newTag("login"))
	pumpUntil(d, "data_sync", func(e event) bool { return e.Type == lastSync })
	d.send("spawn", "dispatch", "0", "-1") // waits for something to run: a login has no more to tell
	d.do("cleanup", "")
	if e := d.await("ret dispatch", nil); string(e.Value) != "0" && string(e.Value) != "-1" {
		t.Errorf("the pump got %s", e.Value)
	}
}
