package e2e

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/libnim/libnim/tests/nimdtest"
)

// These are promises of the documented SDKs that no other test is about.

// The status follows the session from one end to the other.
func TestStatusFollowsTheSession(t *testing.T) {
	s := theServer(t)
	path := newPath(t, s)
	d := newStarted(t, s, "desk", settings{link: path.Link(), nimx: map[string]any{"relogin_max_attempts": 1}})
	name := account(t, s)
	at := func(status, state, who string) {
		t.Helper()
		if got := []string{d.value("status"), d.value("state"), d.value("account")}; !slices.Equal(got, []string{status, state, who}) {
			t.Errorf("status, state and account are %v, want %s, %s and %q", got, status, state, who)
		}
		var user struct{ Account string }
		must(t, json.Unmarshal([]byte(d.value("user")), &user))
		if user.Account != who {
			t.Errorf("login user %q, want %q", user.Account, who)
		}
	}
	at("0", "2", "")
	path.SetClosed(true)
	d.do("login", "", name, "secret", "", d.newTag("login"))
	d.connection("failed")
	at("1", "2", "") // logging in
	path.SetClosed(false)
	d.ready()
	at("2", "1", name) // online
	path.SetClosed(true)
	d.connection("lost")
	d.do("network_changed", "")
	d.until("relogin", func(e event) bool { return !e.JSON.Retrying })
	at("4", "2", "") // gave up
	path.SetClosed(false)
	d.do("relogin", "")
	recovered(t, d)
	at("2", "1", name)
	must(t, s.Kick(name, "out"))
	d.next("kickout")
	at("5", "2", "") // kicked
	d.logout(2)
	at("0", "2", "")
}

// What needs a session is refused before the login has succeeded, while it
// runs, and after a logout; getters work at any time.
func TestCallsNeedALogin(t *testing.T) {
	s := theServer(t)
	path := newPath(t, s)
	d := newStarted(t, s, "desk", settings{link: path.Link()})
	refused := func() {
		t.Helper()
		for _, call := range [][]string{{"renew", "token", ""}, {"pause"}, {"resume"}} {
			d.do(append(call, d.newTag(call[0]))...)
			if e := d.next("answer"); e.JSON.ErrCode != 20001 || e.JSON.ErrName != "not_logged_in" {
				t.Errorf("%v: %s", call, e.JSON.Raw)
			}
		}
		for _, call := range [][]string{{"upload_log", "x"}, {"feedback", "x"}} {
			if code := d.code(call...); code != 20001 {
				t.Errorf("%v: %d", call, code)
			}
		}
		for _, call := range [][]string{{"push_get"}, {"push_set", `{"switch_open":1}`}} {
			d.do(append(call, d.newTag(call[0]))...)
			if e := d.next("push"); e.Code != 20001 {
				t.Errorf("%v: %d", call, e.Code)
			}
		}
		d.do("kick_other", `{"device_ids":["x"]}`)
		if e := d.next("kicked_other"); e.JSON.ErrCode != 20001 {
			t.Errorf("kick_other: %s", e.JSON.Raw)
		}
		d.diagnose()
	}
	refused()
	path.SetClosed(true)
	d.do("login", "", account(t, s), "secret", "", d.newTag("login"))
	d.connection("failed")
	refused()
	path.SetClosed(false)
	d.ready()
	d.logout(1)
	refused()
}

// A session stands from ready to not_ready: ready comes after the result of the
// login, not_ready before the result of the logout, which is the last event.
func TestReadyAndNotReady(t *testing.T) {
	s := theServer(t)
	d := newStarted(t, s, "desk", settings{})
	login := d.login(account(t, s))
	ready := d.ready()
	if login.JSON.OperationID == "" || ready.JSON.OperationID != login.JSON.OperationID {
		t.Errorf("operation ids %q and %q: want one that was made", login.JSON.OperationID, ready.JSON.OperationID)
	}
	gone, closed := event{}, event{}
	out := d.logout(1)
	for _, e := range d.history {
		switch e.JSON.Event {
		case "not_ready":
			gone = e
		case "closed":
			closed = e
		}
	}
	if login.At > ready.At || gone.At < ready.At || out.At < gone.At || closed.At < gone.At {
		t.Errorf("login %d, ready %d, not_ready %d, closed %d, logout %d", login.At, ready.At, gone.At, closed.At, out.At)
	}
}

// The token has run out, at the login or while online: the program gets another
// one and logs in with it.
func TestLoginWithANewToken(t *testing.T) {
	s := newServer(t)
	app(t, s, map[string]any{"sdkappid": 1400000000})
	path := newPath(t, s)
	d := newStarted(t, s, "desk", settings{link: path.Link()})
	old := userSig(t, 1400000000, s.AppSecret, "alice", time.Now().Add(-time.Hour), 600)
	if e := d.loginWith("", "alice", old, ""); e.JSON.ErrName != "token_expired" {
		t.Fatalf("expired: %s", e.JSON.Raw)
	}
	if e := d.loginWith("", "alice", mint(t, s, "usersig", "alice", 2), ""); e.JSON.ErrCode != 200 {
		t.Fatalf("the first token: %s", e.JSON.Raw)
	}
	d.ready()
	d.until("connection", func(e event) bool { return e.JSON.Event == "token_expired" && e.JSON.Status == 2 })
	if e := d.loginWith("", "alice", mint(t, s, "usersig", "alice", 600), ""); e.JSON.ErrCode != 200 || !e.JSON.Repeat {
		t.Errorf("the next token: %s", e.JSON.Raw)
	}
	path.Cut() // the session lives on with it
	d.next("disconnect")
	recovered(t, d)
}

// A token that has run out ends the session when no other comes.
func TestTokenEndsTheSession(t *testing.T) {
	s := newServer(t)
	app(t, s, map[string]any{"token_grace_s": 1})
	d := newStarted(t, s, "desk", settings{})
	if e := d.loginWith("", "alice", mint(t, s, "hmac", "alice", 1), ""); e.JSON.ErrCode != 200 {
		t.Fatalf("login: %s", e.JSON.Raw)
	}
	d.connection("token_expired")
	e := d.until("relogin", func(e event) bool { return !e.JSON.Retrying })
	if e.JSON.ErrCode != 302 || e.JSON.ErrName != "token_expired" || d.value("status") != "4" {
		t.Errorf("relogin: %s, status %s", e.JSON.Raw, d.value("status"))
	}
}

// With auth_type 2 the provider gives what the app's own server decides over.
func TestProviderForTheWebhook(t *testing.T) {
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Token string }
		_ = json.NewDecoder(r.Body).Decode(&body)
		if body.Token != "fresh" {
			_, _ = w.Write([]byte(`{"errCode":1}`))
			return
		}
		_, _ = w.Write([]byte(`{"errCode":0}`))
	}))
	defer hook.Close()
	s := newServer(t)
	app(t, s, map[string]any{"webhook": map[string]any{"url": hook.URL, "on_failure": "deny"}})
	path := newPath(t, s)
	d := newStarted(t, s, "desk", settings{link: path.Link()})
	d.do("on", "token", "77")
	d.do("token", "fresh")
	if e := d.loginWith("", "alice", "", `{"auth_type":2}`); e.JSON.ErrCode != 200 {
		t.Fatalf("login: %s", e.JSON.Raw)
	}
	d.ready()
	for _, reason := range []string{`"reason":"login"`, `"reason":"relogin"`} {
		if e := d.next("token"); !strings.Contains(string(e.JSON.Raw), reason) {
			t.Errorf("asked with %s, want %s", e.JSON.Raw, reason)
		}
		path.Cut()
		recovered(t, d)
	}
}

// Apps are apart: the same account name in two of them is two accounts.
func TestAppsAreApart(t *testing.T) {
	s := newServer(t)
	must(t, s.SetPolicy("one"))
	must(t, s.AddAccount("alice", "token-of-one"))
	must(t, s.Admin("POST", "/apps", map[string]any{"app_key": "second-app"}, nil))
	must(t, s.Admin("POST", "/accounts", map[string]string{"app_key": "second-app", "account": "alice", "token": "token-of-two"}, nil))
	one := newStarted(t, s, "one", settings{})
	if e := one.loginWith(s.AppKey, "alice", "token-of-one", ""); e.JSON.ErrCode != 200 {
		t.Fatalf("first app: %s", e.JSON.Raw)
	}
	two := newStarted(t, s, "two", settings{})
	if e := two.loginWith("second-app", "alice", "token-of-one", ""); e.JSON.ErrCode != 302 {
		t.Errorf("the other app's token: %s", e.JSON.Raw)
	}
	if e := two.loginWith("second-app", "alice", "token-of-two", ""); e.JSON.ErrCode != 200 || len(e.JSON.Others) != 0 {
		t.Errorf("second app: %s", e.JSON.Raw)
	}
	if one.value("state") != "1" || two.value("state") != "1" {
		t.Error("an app displaced a device of the other")
	}
}

// A device that comes back with its own id after a crash is neither refused by
// its own ghost nor shown to itself; one that is alive is replaced.
func TestTheSameDevice(t *testing.T) {
	s := theServer(t)
	name := account(t, s)
	ghost := newTyped(t, s, "desk", pc)
	ghost.mustLogin(name)
	must(t, ghost.cmd.Process.Kill())
	<-ghost.done
	ghost.calls = nil
	back := newTyped(t, s, "desk", pc)
	if e := back.loginWith("", name, "secret", `{"force":false}`); e.JSON.ErrCode != 200 || len(e.JSON.Others) != 0 {
		t.Fatalf("after a crash: %s", e.JSON.Raw)
	}
	back.ready()
	twin := newTyped(t, s, "desk", pc)
	if e := twin.login(name); e.JSON.ErrCode != 200 || len(e.JSON.Others) != 0 {
		t.Errorf("a second instance: %s", e.JSON.Raw)
	}
	if k := back.next("kickout"); k.JSON.Reason != 1 {
		t.Errorf("the first instance: %s", k.JSON.Raw)
	}
}

// The other devices learn the hardware address, unless it is switched off.
func TestHardwareAddress(t *testing.T) {
	s := theServer(t)
	name := account(t, s)
	desk := newTyped(t, s, "desk", pc)
	desk.mustLogin(name)
	for _, report := range []bool{true, false} {
		phone := newStarted(t, s, "phone", settings{nimx: map[string]any{"client_type": android, "report_mac": report}})
		phone.mustLogin(name)
		in := desk.until("multispot", func(e event) bool { return e.JSON.Notice == 2 })
		mac := in.JSON.Others[0].Mac
		if _, err := net.ParseMAC(mac); mac != "" && err != nil || !report && mac != "" || report && mac == "" && hasHardwareAddress(t) {
			t.Errorf("report %v: %s", report, in.JSON.Raw)
		}
		phone.logout(1)
	}
}

func hasHardwareAddress(t *testing.T) bool {
	t.Helper()
	all, err := net.Interfaces()
	must(t, err)
	return slices.ContainsFunc(all, func(i net.Interface) bool {
		return i.Flags&net.FlagUp != 0 && i.Flags&net.FlagLoopback == 0 && len(i.HardwareAddr) == 6
	})
}

// Where nothing is displaced by the server, a program decides by the list of
// devices which of them goes.
func TestTheProgramDecidesWhoGoes(t *testing.T) {
	s := newServer(t)
	must(t, s.SetPolicy("all"))
	name := account(t, s)
	var devices []*device
	for _, id := range []string{"one", "two", "three"} {
		d := newTyped(t, s, id, pc)
		d.mustLogin(name)
		devices = append(devices, d)
	}
	first, last := devices[0], devices[2]
	e := last.login(name) // the list again
	if !e.JSON.Repeat || len(e.JSON.Others) != 2 || e.JSON.ErrMsg == "" {
		t.Fatalf("the list: %s", e.JSON.Raw)
	}
	last.do("kick_other", `{"device_ids":["one"]}`)
	if k := first.next("kickout"); k.JSON.Reason != 3 || k.JSON.DeviceID != "three" {
		t.Errorf("kickout: %s", k.JSON.Raw)
	}
	devices[1].until("multispot", func(e event) bool { return e.JSON.Notice == 3 && e.JSON.Others[0].DeviceID == "one" })
	if devices[1].value("state") != "1" || last.value("state") != "1" {
		t.Error("another device went, too")
	}
}

// At most ten devices where the policy is all: the eleventh displaces the one
// that came first.
func TestTenDevices(t *testing.T) {
	s := newServer(t)
	must(t, s.SetPolicy("all"))
	name := account(t, s)
	devices := make([]*device, 11)
	for i := range devices {
		devices[i] = newStarted(t, s, string(rune('a'+i)), settings{})
		devices[i].mustLogin(name)
	}
	if k := devices[0].next("kickout"); k.JSON.Reason != 1 {
		t.Errorf("kickout: %s", k.JSON.Raw)
	}
	for _, d := range devices[1:] {
		if d.value("state") != "1" {
			t.Errorf("%s is not online", d.name)
		}
	}
}

// Two web instances of an account, as a console setting allows: the third
// displaces the first, and the logout of one leaves the other alone.
func TestWebInstances(t *testing.T) {
	s := newServer(t)
	name := account(t, s)
	instance := func(id string) *device { d := newTyped(t, s, id, web); d.mustLogin(name); return d }
	a1 := instance("a1")
	a2 := instance("a2") // by default there is one of a class
	if k := a1.next("kickout"); k.JSON.Reason != 1 || k.JSON.ClientType != web {
		t.Errorf("by default: %s", k.JSON.Raw)
	}
	webPolicy(t, s, 2)
	a3 := instance("a3")
	a4 := instance("a4")
	a2.next("kickout")
	a2.connection("not_ready")
	if a3.value("state") != "1" || a4.value("state") != "1" {
		t.Error("two instances do not stand side by side")
	}
	a3.logout(1)
	a4.until("multispot", func(e event) bool { return e.JSON.Notice == 3 })
	if a4.value("state") != "1" {
		t.Error("a logout ended another instance")
	}
}

func webPolicy(t *testing.T, s *nimdtest.Server, count int) {
	t.Helper()
	must(t, s.Admin("PUT", "/policy", map[string]any{"multi_login": "custom", "classes": []map[string]any{
		{"name": "web", "client_types": []int{web}, "max": count}, {"name": "rest", "max": 1},
	}}, nil))
}
