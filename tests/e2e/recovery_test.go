package e2e

import (
	"slices"
	"testing"
)

// lost checks the events of a loss: disconnect, then lost, not_ready, retry_in.
func lost(t *testing.T, d *device) {
	t.Helper()
	gone := d.next("disconnect")
	if gone.JSON.ErrCode != 415 {
		t.Errorf("disconnect: %s", gone.JSON.Raw)
	}
	var order []string
	for _, name := range []string{"lost", "not_ready", "retry_in"} {
		e := d.next("connection")
		order = append(order, e.JSON.Event)
		if e.At < gone.At {
			t.Errorf("%s before the disconnect callback", name)
		}
	}
	if !slices.Equal(order, []string{"lost", "not_ready", "retry_in"}) {
		t.Errorf("order of a loss: %v", order)
	}
}

// recovered waits for the relogin's success and then ready.
func recovered(t *testing.T, d *device) event {
	t.Helper()
	e := d.until("relogin", func(e event) bool { return !e.JSON.Retrying })
	if e.JSON.ErrCode != 200 || e.JSON.Step != 3 || !e.JSON.Relogin {
		t.Fatalf("relogin: %s", e.JSON.Raw)
	}
	if r := d.ready(); r.At < e.At {
		t.Error("ready before the result of the relogin")
	}
	return e
}

func TestCutAndRecovery(t *testing.T) {
	server := theServer(t)
	path := newPath(t, server)
	d := newStarted(t, server, "desk", settings{link: path.Link()})
	name := account(t, server)
	d.mustLogin(name)
	path.SetClosed(true)
	lost(t, d)
	if d.value("state") != "2" || d.value("status") != "3" || d.value("account") != name {
		t.Errorf("while lost: state %s, status %s, account %q", d.value("state"), d.value("status"), d.value("account"))
	}
	if e := d.next("relogin"); e.JSON.ErrCode != 415 || !e.JSON.Retrying || !e.JSON.Relogin {
		t.Errorf("failed attempt: %s", e.JSON.Raw)
	}
	path.SetClosed(false)
	recovered(t, d)
	if d.value("state") != "1" {
		t.Errorf("state %s", d.value("state"))
	}
	if e := d.logout(1); e.JSON.ErrCode != 200 {
		t.Errorf("logout: %s", e.JSON.Raw)
	}
}

func TestServerRestart(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(interface {
			Stop() error
			Kill() error
		}) error
	}{
		{"stopped", func(s interface {
			Stop() error
			Kill() error
		}) error {
			return s.Stop()
		}},
		{"killed", func(s interface {
			Stop() error
			Kill() error
		}) error {
			return s.Kill()
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := newServer(t)
			d := newStarted(t, server, "desk", settings{})
			name := account(t, server)
			banned := account(t, server)
			must(t, server.Admin("POST", "/ban", map[string]any{"account": banned, "reason": "spam"}, nil))
			must(t, server.SetPolicy("one"))
			d.mustLogin(name)
			must(t, c.end(server))
			d.next("disconnect")
			must(t, server.Restart())
			recovered(t, d)

			// What the admin was told is kept: accounts, bans, policies.
			if e := newStarted(t, server, "other", settings{nimx: map[string]any{"client_type": android}}).login(banned); e.JSON.ErrCode != 422 {
				t.Errorf("a banned account: %s", e.JSON.Raw)
			}
			var policy struct {
				Mode string `json:"multi_login"`
			}
			must(t, server.Admin("GET", "/policy", nil, &policy))
			if policy.Mode != "one" {
				t.Errorf("policy %q", policy.Mode)
			}
			if e := newStarted(t, server, "another", settings{}).login(account(t, server)); e.JSON.ErrCode != 200 {
				t.Errorf("a new account: %s", e.JSON.Raw)
			}
		})
	}
}

func TestReloginGivesUpAndIsTakenUpAgain(t *testing.T) {
	server := theServer(t)
	path := newPath(t, server)
	d := newStarted(t, server, "desk", settings{link: path.Link(), nimx: map[string]any{"relogin_max_attempts": 1}})
	d.mustLogin(account(t, server))
	path.SetClosed(true)
	end := d.until("relogin", func(e event) bool { return !e.JSON.Retrying })
	if end.JSON.ErrCode != 21013 {
		t.Errorf("end of the attempts: %s", end.JSON.Raw)
	}
	if d.value("status") != "4" {
		t.Errorf("status %s, want gave_up", d.value("status"))
	}
	path.SetClosed(false)
	d.do("relogin", "")
	recovered(t, d)
}

func TestReloginWhileNothingIsLost(t *testing.T) {
	server := theServer(t)
	d := newStarted(t, server, "desk", settings{})
	d.do("relogin", "")
	if e := d.next("relogin"); e.JSON.ErrCode != 20001 || e.JSON.Retrying {
		t.Errorf("logged out: %s", e.JSON.Raw)
	}
	d.mustLogin(account(t, server))
	before := d.taken["cb relogin"]
	d.do("relogin", "")
	d.do("time", "0", d.newTag("time")) // its answer comes after all that relogin could cause
	d.next("time")
	for _, e := range d.history[before:] {
		if e.CB == "relogin" {
			t.Errorf("online: %s", e.JSON.Raw)
		}
	}
}

func TestKickedWhileAway(t *testing.T) {
	server := theServer(t)
	path := newPath(t, server)
	d := newStarted(t, server, "desk", settings{link: path.Link(), nimx: map[string]any{"device_id": "desk"}})
	name := account(t, server)
	d.mustLogin(name)
	path.SetClosed(true)
	d.next("disconnect")
	newTyped(t, server, "rival", pc).mustLogin(name)
	path.SetClosed(false)
	k := d.next("kickout")
	if k.JSON.Reason != 1 {
		t.Errorf("kickout: %s", k.JSON.Raw)
	}
	end := d.until("relogin", func(e event) bool { return !e.JSON.Retrying })
	if end.JSON.ErrCode != 417 || end.At < k.At {
		t.Errorf("relogin: %s", end.JSON.Raw)
	}
	if d.value("status") != "5" {
		t.Errorf("status %s", d.value("status"))
	}
}

func TestBannedWhileAway(t *testing.T) {
	server := theServer(t)
	path := newPath(t, server)
	d := newStarted(t, server, "desk", settings{link: path.Link()})
	name := account(t, server)
	d.mustLogin(name)
	path.SetClosed(true)
	d.next("disconnect")
	must(t, server.Admin("POST", "/ban", map[string]any{"account": name, "reason": "spam"}, nil))
	path.SetClosed(false)
	end := d.until("relogin", func(e event) bool { return !e.JSON.Retrying })
	if end.JSON.ErrCode != 422 && end.JSON.ErrCode != 417 {
		t.Errorf("relogin: %s", end.JSON.Raw)
	}
}

func TestPauseAndResume(t *testing.T) {
	server := theServer(t)
	d := newStarted(t, server, "desk", settings{})
	name := account(t, server)
	d.mustLogin(name)
	d.do("pause", d.newTag("pause"))
	if e := d.next("answer"); e.JSON.ErrCode != 200 {
		t.Errorf("pause: %s", e.JSON.Raw)
	}
	if d.value("status") != "7" || d.value("state") != "2" || d.value("account") != name {
		t.Errorf("paused: status %s, state %s", d.value("status"), d.value("state"))
	}
	d.do("resume", d.newTag("resume"))
	if e := d.next("answer"); e.JSON.ErrCode != 200 {
		t.Errorf("resume: %s", e.JSON.Raw)
	}
	recovered(t, d)
}
