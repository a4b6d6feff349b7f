package e2e

import (
	"testing"
	"time"
)

// Any function may be called from inside any callback.

func TestLogoutInsideTheLoginCallback(t *testing.T) {
	server := theServer(t)
	d := newStarted(t, server, "desk", settings{})
	d.do("in", "login", "logout", "1", "", d.newTag("logout"))
	if e := d.login(account(t, server)); e.JSON.ErrCode != 200 && e.JSON.ErrCode != 21002 {
		t.Errorf("login: %s", e.JSON.Raw)
	}
	if e := d.next("logout"); e.JSON.ErrCode != 200 {
		t.Errorf("logout: %s", e.JSON.Raw)
	}
}

func TestLoginInsideTheKickoutCallback(t *testing.T) {
	server := theServer(t)
	d := newStarted(t, server, "desk", settings{})
	name := account(t, server)
	d.mustLogin(name)
	d.do("in", "kickout", "login", "", name, "secret", "", d.newTag("login"))
	must(t, server.Kick(name, "again"))
	d.next("kickout")
	if e := d.until("login", func(e event) bool { return e.JSON.final() }); e.JSON.ErrCode != 200 {
		t.Errorf("login: %s", e.JSON.Raw)
	}
}

func TestReloginInsideTheDisconnectCallback(t *testing.T) {
	server := theServer(t)
	path := newPath(t, server)
	d := newStarted(t, server, "desk", settings{link: path.Link()})
	d.mustLogin(account(t, server))
	d.do("in", "disconnect", "relogin", "")
	path.Cut()
	d.next("disconnect")
	recovered(t, d)
}

func TestCleanupInsideEveryCallback(t *testing.T) {
	server := theServer(t)
	for _, c := range []struct {
		in    string
		cause func(d *device, account string)
	}{
		{"login", func(d *device, a string) { d.send("login", "", a, "secret", "", d.newTag("login")) }},
		{"connection", func(d *device, a string) { d.send("login", "", a, "secret", "", d.newTag("login")) }},
		{"data_sync", func(d *device, a string) { d.send("login", "", a, "secret", "", d.newTag("login")) }},
		{"time", func(d *device, a string) { d.mustLogin(a); d.send("time", "0", d.newTag("time")) }},
		{"logout", func(d *device, a string) { d.mustLogin(a); d.send("logout", "1", "", d.newTag("logout")) }},
		{"kickout", func(d *device, a string) { d.mustLogin(a); must(t, server.Kick(a, "out")) }},
	} {
		for _, how := range []string{"cleanup", "cleanup2"} {
			t.Run(c.in+" "+how, func(t *testing.T) {
				d := newStarted(t, server, "desk", settings{})
				line := []string{"in", c.in, how, ""}
				if how == "cleanup2" {
					line = append(line, d.newTag("cleanup2"))
				}
				d.do(line...)
				c.cause(d, account(t, server))
				d.await("ret "+how, nil)
				if d.value("state") != "2" {
					t.Error("logged in after cleanup")
				}
				d.start(server, settings{}) // and it can start anew
				d.mustLogin(account(t, server))
			})
		}
	}
}

func TestCleanupFromTwoThreads(t *testing.T) {
	server := theServer(t)
	d := newStarted(t, server, "desk", settings{})
	d.mustLogin(account(t, server))
	d.send("spawn", "cleanup", "")
	d.send("cleanup", "")
	for range 2 {
		d.await("ret cleanup", nil)
	}
}

// A host callback that blocks holds up neither the session nor, for more than
// its bound, a cleanup.
func TestCleanupBesideABlockedCallback(t *testing.T) {
	server := theServer(t)
	d := newStarted(t, server, "desk", settings{})
	d.mustLogin(account(t, server))
	d.do("in", "time", "block", "4000")
	d.do("time", "0", d.newTag("time"))
	d.next("time")
	back := d.do("cleanup", "")
	if end := d.await("ret block", nil); end.At < back.At {
		t.Error("cleanup waited for the blocked callback to end")
	}
}

func TestUnregister(t *testing.T) {
	server := theServer(t)
	path := newPath(t, server)
	d := newStarted(t, server, "desk", settings{link: path.Link()})
	d.mustLogin(account(t, server))
	d.do("off", "disconnect")
	mark := d.do("off", "relogin").At
	path.Cut()
	d.connection("lost")
	d.ready()
	for _, e := range d.history[mark:] {
		if e.CB == "disconnect" || e.CB == "relogin" {
			t.Errorf("%s came after it was unregistered", e.CB)
		}
	}
}

// After a detach nothing comes until somebody registers again, who is told the
// present state.
func TestDetach(t *testing.T) {
	server := theServer(t)
	d := newStarted(t, server, "desk", settings{})
	name := account(t, server)
	d.mustLogin(name)
	mark := d.do("detach").At
	must(t, server.Kick(name, "while detached"))
	for deadline := time.Now().Add(waitLimit); d.value("status") != "5"; {
		if time.Now().After(deadline) {
			t.Fatal("the kick did not arrive")
		}
	}
	for _, e := range d.history[mark:] {
		if e.CB != "" {
			t.Errorf("%s came after the detach", e.CB)
		}
	}
	d.do("on", "kickout", "77")
	if e := d.next("kickout"); e.Tag != 77 || e.JSON.Description != "while detached" {
		t.Errorf("replay: %s", e.JSON.Raw)
	}
	d.do("on", "connection", "78")
	if e := d.next("connection"); e.Tag != 78 || e.JSON.Event != "kicked" || e.JSON.Status != 5 {
		t.Errorf("replay: %s", e.JSON.Raw)
	}
}

func TestDetachOnline(t *testing.T) {
	server := theServer(t)
	d := newStarted(t, server, "desk", settings{})
	d.mustLogin(account(t, server))
	for range 5 {
		d.next("data_sync")
	}
	d.do("detach")
	d.do("on", "connection", "78")
	if e := d.next("connection"); e.Tag != 78 || e.JSON.Event != "ready" {
		t.Errorf("replay: %s", e.JSON.Raw)
	}
	d.do("on", "data_sync", "79")
	for range 5 {
		if e := d.next("data_sync"); e.Tag != 79 || e.Status != 1 {
			t.Errorf("replay: %+v", e)
		}
	}
	d.do("on", "connection", "80") // a replacement is no new attachment
	d.do("time", "0", d.newTag("time"))
	d.next("time")
	for _, e := range d.history {
		if e.Tag == 80 && e.CB == "connection" {
			t.Errorf("a replacement was told the state: %s", e.JSON.Raw)
		}
	}
}
