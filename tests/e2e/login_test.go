package e2e

import (
	"encoding/json"
	"maps"
	"net"
	"slices"
	"testing"
	"time"
)

func TestLoginStepsAndJSON(t *testing.T) {
	server := theServer(t)
	d := newStarted(t, server, "desk", settings{nimx: map[string]any{"device_id": "desk-1"}})
	name := account(t, server)
	final := d.loginWith("", name, "secret", `{"operation_id":"op-7","custom_tag":"kitchen"}`)
	d.ready()

	var steps []int
	var order []string
	for _, e := range d.history[:final.At+1] {
		switch e.CB {
		case "login":
			steps = append(steps, e.JSON.Step)
			order = append(order, "login")
			if e.JSON.ErrCode != 200 || e.JSON.Retrying || e.JSON.Relogin || e.JSON.OperationID != "op-7" {
				t.Errorf("step: %s", e.JSON.Raw)
			}
		case "connection":
			order = append(order, e.JSON.Event)
		}
	}
	if !slices.Equal(steps, []int{0, 1, 2, 3}) {
		t.Errorf("steps %v", steps)
	}
	if want := []string{"connecting", "login", "connected", "login", "login", "login"}; !slices.Equal(order, want) {
		t.Errorf("order %v, want %v", order, want)
	}
	var keys map[string]json.RawMessage
	must(t, json.Unmarshal(final.JSON.Raw, &keys))
	want := []string{"err_code", "login_step", "operation_id", "other_clients_pres", "relogin", "retrying"}
	if got := slices.Sorted(maps.Keys(keys)); !slices.Equal(got, want) {
		t.Errorf("keys of a login result: %v, want %v", got, want)
	}
	if got := string(keys["other_clients_pres"]); got != "[]" {
		t.Errorf("other_clients_pres = %s", got)
	}
	for _, want := range []struct {
		kind       int
		attachment string
	}{{3, "[]"}, {1001, ""}, {22, "[]"}, {1011, ""}, {2, "{}"}} {
		e := d.next("data_sync")
		if e.Type != want.kind || e.Status != 1 || e.Attachment != want.attachment || e.At < final.At {
			t.Errorf("data sync %+v, want type %d complete with %q", e, want.kind, want.attachment)
		}
	}
	if d.value("state") != "1" || d.value("status") != "2" || d.value("account") != name {
		t.Errorf("state %s, status %s, account %s", d.value("state"), d.value("status"), d.value("account"))
	}
}

func TestLoginRefused(t *testing.T) {
	server := theServer(t)
	known, banned := account(t, server), account(t, server)
	must(t, server.Admin("POST", "/ban", map[string]any{"account": banned, "reason": "spam"}, nil))
	d := newStarted(t, server, "desk", settings{})
	for _, c := range []struct {
		name, appKey, account, token, extension string
		code                                    int
		errName                                 string
	}{
		{"wrong token", "", known, "wrong", "", 302, "token_invalid"},
		{"unknown account", "", "nobody-here", "wrong", "", 302, "token_invalid"},
		{"unknown app key", "no-such-app", known, "secret", "", 403, "app_key_unknown"},
		{"banned", "", banned, "secret", "", 422, "account_banned"},
		{"no account", "", "", "secret", "", 414, "invalid_argument"},
		{"no token", "", known, "", "", 414, "invalid_argument"},
		{"account not legal", "", "no spaces", "secret", "", 414, "invalid_argument"},
		{"wrong type in the extension", "", known, "secret", `{"custom_tag":5}`, 414, "invalid_argument"},
	} {
		e := d.loginWith(c.appKey, c.account, c.token, c.extension)
		if e.JSON.ErrCode != c.code || e.JSON.ErrName != c.errName || e.JSON.Retrying {
			t.Errorf("%s: %s", c.name, e.JSON.Raw)
		}
		if d.value("state") != "2" || d.value("account") != "" {
			t.Errorf("%s: state %s, account %q", c.name, d.value("state"), d.value("account"))
		}
	}
	wrong, unknown := d.loginWith("", known, "wrong", `{"operation_id":"x"}`), d.loginWith("", "nobody-here", "wrong", `{"operation_id":"x"}`)
	if string(wrong.JSON.Raw) != string(unknown.JSON.Raw) {
		t.Errorf("a wrong token and an unknown account differ:\n%s\n%s", wrong.JSON.Raw, unknown.JSON.Raw)
	}
	d.mustLogin(known)
}

func TestLoginAtARefusedPort(t *testing.T) {
	server := theServer(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	link := "ws://" + l.Addr().String() + "/nim"
	must(t, l.Close())
	d := newStarted(t, server, "desk", settings{link: link, global: map[string]any{"login_retry_max_times": 2}})
	final := d.login(account(t, server))
	if final.JSON.ErrCode != 415 || final.JSON.ErrName != "connection_refused" {
		t.Errorf("final: %s", final.JSON.Raw)
	}
	failed := 0
	for _, e := range d.history[:final.At] {
		if e.CB == "login" && e.JSON.ErrCode == 415 && e.JSON.Retrying {
			failed++
		}
	}
	if failed != 2 {
		t.Errorf("%d attempts were reported as retrying, want 2", failed)
	}
}

// Without a limit of its own a first login reports no failed attempt: programs
// of old take any code but 200 as the end.
func TestLoginWaitsForTheServer(t *testing.T) {
	server := theServer(t)
	path := newPath(t, server)
	path.SetClosed(true)
	d := newStarted(t, server, "desk", settings{link: path.Link()})
	name := account(t, server)
	tag := d.newTag("login")
	d.do("login", "", name, "secret", "", tag)
	d.connection("failed")
	path.SetClosed(false)
	final := d.until("login", func(e event) bool { return e.JSON.final() })
	if final.JSON.ErrCode != 200 {
		t.Fatalf("final: %s", final.JSON.Raw)
	}
	for _, e := range d.history[:final.At] {
		if e.CB == "login" && e.JSON.ErrCode != 200 {
			t.Errorf("a failed attempt was reported: %s", e.JSON.Raw)
		}
	}
}

func TestLoginTimeout(t *testing.T) {
	server := theServer(t)
	path := newPath(t, server)
	path.SetClosed(true)
	d := newStarted(t, server, "desk", settings{link: path.Link()})
	began := time.Now()
	final := d.loginWith("", account(t, server), "secret", `{"timeout_ms":1500}`)
	if code := final.JSON.ErrCode; code != 415 && code != 408 {
		t.Errorf("final: %s", final.JSON.Raw)
	}
	if took := time.Since(began); took < time.Second || took > 10*time.Second {
		t.Errorf("a login of 1.5 s took %v", took)
	}
}

func TestLoginDuringLogin(t *testing.T) {
	server := theServer(t)
	path := newPath(t, server)
	path.SetClosed(true)
	d := newStarted(t, server, "desk", settings{link: path.Link()})
	name := account(t, server)
	first := d.newTag("login")
	d.do("login", "", name, "secret", "", first)
	d.connection("failed")
	if e := d.login(name); e.JSON.ErrCode != 21001 {
		t.Errorf("second login: %s", e.JSON.Raw)
	}
	path.SetClosed(false)
	if e := d.until("login", func(e event) bool { return e.JSON.final() }); e.JSON.ErrCode != 200 {
		t.Errorf("first login: %s", e.JSON.Raw)
	}
}

func TestLoginAgain(t *testing.T) {
	server := theServer(t)
	d := newStarted(t, server, "desk", settings{})
	one, two := account(t, server), account(t, server)
	d.mustLogin(one)
	if e := d.login(one); e.JSON.ErrCode != 200 || !e.JSON.Repeat {
		t.Errorf("the same account: %s", e.JSON.Raw)
	}
	if e := d.login(two); e.JSON.ErrCode != 20002 {
		t.Errorf("another account: %s", e.JSON.Raw)
	}
	if d.value("account") != one {
		t.Errorf("account %q", d.value("account"))
	}
	if e := d.loginWith("", two, "secret", `{"switch_account":true}`); e.JSON.ErrCode != 200 {
		t.Errorf("switch: %s", e.JSON.Raw)
	}
	d.connection("closed")
	d.ready()
	if d.value("account") != two || d.value("state") != "1" {
		t.Errorf("after the switch: %q", d.value("account"))
	}
}
