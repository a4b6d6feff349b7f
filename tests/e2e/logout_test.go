package e2e

import (
	"strings"
	"testing"

	"github.com/libnim/libnim/tests/nimdtest"
)

// Logout is answered once, with 200, whatever the session is doing.
func TestLogoutInEveryState(t *testing.T) {
	server := theServer(t)
	for _, c := range []struct {
		name  string
		reach func(d *device, path *nimdtest.Path, account string)
	}{
		{"logged out", func(*device, *nimdtest.Path, string) {}},
		{"online", func(d *device, _ *nimdtest.Path, a string) { d.mustLogin(a) }},
		{"logging in", func(d *device, p *nimdtest.Path, a string) {
			p.SetClosed(true)
			d.do("login", "", a, "secret", "", d.newTag("login"))
			d.connection("failed")
		}},
		{"reconnecting", func(d *device, p *nimdtest.Path, a string) {
			d.mustLogin(a)
			p.SetClosed(true)
			d.next("disconnect")
		}},
		{"kicked", func(d *device, _ *nimdtest.Path, a string) {
			d.mustLogin(a)
			must(d.t, server.Kick(a, "out"))
			d.next("kickout")
		}},
		{"refused", func(d *device, _ *nimdtest.Path, a string) { d.loginWith("", a, "wrong", "") }},
		{"paused", func(d *device, _ *nimdtest.Path, a string) {
			d.mustLogin(a)
			d.do("pause", d.newTag("pause"))
			d.next("answer")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := newPath(t, server)
			d := newStarted(t, server, "desk", settings{link: path.Link()})
			name := account(t, server)
			c.reach(d, path, name)
			out := d.logout(1)
			if out.JSON.ErrCode != 200 {
				t.Errorf("logout: %s", out.JSON.Raw)
			}
			if d.value("state") != "2" || d.value("status") != "0" || d.value("account") != "" {
				t.Errorf("after it: state %s, status %s, account %q", d.value("state"), d.value("status"), d.value("account"))
			}
			for _, e := range d.history[out.At+1:] {
				if e.CB != "" {
					t.Errorf("after the logout: %s %s", e.kind(), e.JSON.Raw)
				}
			}
			path.SetClosed(false)
			d.mustLogin(name)
		})
	}
}

// A login that a logout cuts short is answered with 21002.
func TestLogoutEndsALogin(t *testing.T) {
	server := theServer(t)
	path := newPath(t, server)
	path.SetClosed(true)
	d := newStarted(t, server, "desk", settings{link: path.Link()})
	d.do("login", "", account(t, server), "secret", "", d.newTag("login"))
	d.connection("failed")
	out := d.logout(1)
	cut := d.until("login", func(e event) bool { return e.JSON.final() })
	if cut.JSON.ErrCode != 21002 || cut.At > out.At {
		t.Errorf("the login: %s", cut.JSON.Raw)
	}
}

func TestLogoutTypes(t *testing.T) {
	server := theServer(t)
	d := newStarted(t, server, "desk", settings{})
	name := account(t, server)
	for kind := 1; kind <= 4; kind++ {
		d.mustLogin(name)
		if e := d.logout(kind); e.JSON.ErrCode != 200 {
			t.Errorf("type %d: %s", kind, e.JSON.Raw)
		}
	}
	for extension, want := range map[string]string{`{"operation_id":"my-logout"}`: `"operation_id":"my-logout"`, `{"operation_id":7}`: `"err_code":200`} {
		d.mustLogin(name)
		d.do("logout", "1", extension, d.newTag("logout"))
		if e := d.next("logout"); e.JSON.ErrCode != 200 || !strings.Contains(string(e.JSON.Raw), want) {
			t.Errorf("logout with %s: %s", extension, e.JSON.Raw)
		}
	}
}

func TestLogoutEndsPresence(t *testing.T) {
	server := theServer(t)
	d := newStarted(t, server, "desk", settings{})
	name := account(t, server)
	d.mustLogin(name)
	d.logout(1)
	var online struct {
		Accounts []struct{ Account string } `json:"accounts"`
	}
	must(t, server.Admin("GET", "/online?account="+name, nil, &online))
	if len(online.Accounts) != 0 {
		t.Errorf("still on line: %+v", online)
	}
}

func TestLogoutTwice(t *testing.T) {
	server := theServer(t)
	d := newStarted(t, server, "desk", settings{})
	d.mustLogin(account(t, server))
	d.send("logout", "1", "", d.newTag("logout"))
	d.send("logout", "1", "", d.newTag("logout"))
	for range 2 {
		if e := d.next("logout"); e.JSON.ErrCode != 200 {
			t.Errorf("logout: %s", e.JSON.Raw)
		}
	}
}

// What is called without a callback is done, and its answer goes nowhere: also
// not to a registration.
func TestCallsWithoutACallback(t *testing.T) {
	server := theServer(t)
	d := newStarted(t, server, "desk", settings{})
	name, none := account(t, server), `\N`
	d.do("login", "", name, "secret", "{broken", none)
	d.do("login", "", name, "secret", "", none)
	d.ready()
	d.do("diagnostics", none)
	d.do("pause", none)
	d.do("logout", "1", "", none)
	d.connection("closed")
	d.logout(1) // answered after all the others
	for _, e := range d.history {
		if e.CB != "" && e.CB != "connection" && e.CB != "data_sync" && e.CB != "logout" {
			t.Errorf("%s %s", e.kind(), e.JSON.Raw)
		}
	}
}
