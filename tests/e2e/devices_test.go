package e2e

import (
	"slices"
	"testing"

	"github.com/libnim/libnim/tests/nimdtest"
)

// Client types, one of each class.
const (
	pc      = 4
	web     = 16
	android = 1
)

func newTyped(t *testing.T, server *nimdtest.Server, id string, clientType int) *device {
	t.Helper()
	return newStarted(t, server, id, settings{nimx: map[string]any{"device_id": id, "client_type": clientType, "client_os": id + "-os"}})
}

func TestOtherDevicesAreSeen(t *testing.T) {
	server := theServer(t)
	name := account(t, server)
	desk, phone := newTyped(t, server, "desk", pc), newTyped(t, server, "phone", android)
	desk.mustLogin(name)
	e := phone.loginWith("", name, "secret", `{"custom_tag":"pocket"}`)
	phone.ready()
	if len(e.JSON.Others) != 1 {
		t.Fatalf("the phone sees %s", e.JSON.Raw)
	}
	if o := e.JSON.Others[0]; o.DeviceID != "desk" || o.Account != name || o.ClientType != pc || o.ClientOS != "desk-os" || o.LoginTime <= 0 {
		t.Errorf("the phone sees %+v", o)
	}
	in := desk.next("multispot")
	if in.JSON.Notice != 2 || len(in.JSON.Others) != 1 || in.JSON.Others[0].DeviceID != "phone" || in.JSON.Others[0].CustomTag != "pocket" {
		t.Errorf("the desk hears %s", in.JSON.Raw)
	}
	if e := phone.logout(1); e.JSON.ErrCode != 200 {
		t.Errorf("logout: %s", e.JSON.Raw)
	}
	out := desk.next("multispot")
	if out.JSON.Notice != 3 || len(out.JSON.Others) != 1 || out.JSON.Others[0].DeviceID != "phone" {
		t.Errorf("the desk hears %s", out.JSON.Raw)
	}
	phone.mustLogin(name)
	if e := desk.next("multispot"); e.JSON.Notice != 2 {
		t.Errorf("the desk hears %s", e.JSON.Raw)
	}
	must(t, phone.cmd.Process.Kill()) // a device that vanishes is out, too
	if e := desk.next("multispot"); e.JSON.Notice != 3 {
		t.Errorf("the desk hears %s", e.JSON.Raw)
	}
	<-phone.done
	phone.calls = nil
}

// A device that the policy displaces gets a kickout with reason 1 and does not
// come back; the others stay.
func TestPolicies(t *testing.T) {
	for _, c := range []struct {
		policy    string
		displaced []string // by desk-2, a PC, after desk, web and phone of one account
		kept      []string
	}{
		{"one", []string{"phone"}, nil},
		{"class", []string{"web"}, []string{"phone"}},
		{"all", nil, []string{"desk", "web", "phone"}},
	} {
		t.Run(c.policy, func(t *testing.T) {
			server := newServer(t)
			must(t, server.SetPolicy(c.policy))
			name := account(t, server)
			devices := map[string]*device{}
			for _, id := range []string{"desk", "web", "phone"} {
				devices[id] = newTyped(t, server, id, map[string]int{"desk": pc, "web": web, "phone": android}[id])
				devices[id].mustLogin(name)
			}
			e := newTyped(t, server, "desk-2", pc).mustLogin(name)
			var seen []string
			for _, o := range e.JSON.Others {
				seen = append(seen, o.DeviceID)
			}
			slices.Sort(seen)
			want := slices.Sorted(slices.Values(c.kept))
			if !slices.Equal(seen, want) {
				t.Errorf("the newcomer sees %v, want %v", seen, want)
			}
			for _, id := range c.displaced {
				k := devices[id].next("kickout")
				if k.JSON.Reason != 1 || k.JSON.ClientType != pc || k.JSON.DeviceID != "desk-2" {
					t.Errorf("%s: %s", id, k.JSON.Raw)
				}
				if devices[id].connection("kicked"); devices[id].value("status") != "5" {
					t.Errorf("%s: status %s", id, devices[id].value("status"))
				}
			}
			for _, id := range c.kept {
				if devices[id].value("state") != "1" {
					t.Errorf("%s is not logged in any more", id)
				}
			}
		})
	}
}

func TestLoginWithoutForce(t *testing.T) {
	server := theServer(t)
	name := account(t, server)
	first, second := newTyped(t, server, "first", pc), newTyped(t, server, "second", pc)
	first.mustLogin(name)
	e := second.loginWith("", name, "secret", `{"force":false}`)
	if e.JSON.ErrCode != 417 || e.JSON.ErrName != "other_device_online" || len(e.JSON.Others) != 1 || e.JSON.Others[0].DeviceID != "first" {
		t.Errorf("login: %s", e.JSON.Raw)
	}
	if first.value("state") != "1" {
		t.Error("the first device was displaced")
	}
}

func TestKickOther(t *testing.T) {
	server := theServer(t)
	name := account(t, server)
	desk, phone := newTyped(t, server, "desk", pc), newTyped(t, server, "phone", android)
	desk.mustLogin(name)
	phone.mustLogin(name)
	desk.do("kick_other", `{"device_ids":["phone","nowhere"]}`)
	k := phone.next("kickout")
	if k.JSON.Reason != 3 || k.JSON.ClientType != pc || k.JSON.DeviceID != "desk" {
		t.Errorf("kickout: %s", k.JSON.Raw)
	}
	phone.connection("not_ready")
	r := desk.next("kicked_other")
	if r.JSON.ErrCode != 200 || !slices.Equal(r.JSON.DeviceIDs, []string{"phone"}) || len(r.JSON.Results) != 2 ||
		r.JSON.Results[0].ErrCode != 200 || r.JSON.Results[1].ErrCode != 404 {
		t.Errorf("result: %s", r.JSON.Raw)
	}
	if e := phone.login(name); e.JSON.ErrCode != 200 {
		t.Errorf("login straight from kicked: %s", e.JSON.Raw)
	}
}

func TestKickedByTheServer(t *testing.T) {
	server := theServer(t)
	name := account(t, server)
	d := newStarted(t, server, "desk", settings{})
	d.mustLogin(name)
	must(t, server.Kick(name, "house closes"))
	k := d.next("kickout")
	if k.JSON.Reason != 2 || k.JSON.Description != "house closes" {
		t.Errorf("kickout: %s", k.JSON.Raw)
	}
	d.connection("not_ready")
	if d.value("state") != "2" || d.value("status") != "5" || d.value("account") != "" {
		t.Errorf("state %s, status %s, account %q", d.value("state"), d.value("status"), d.value("account"))
	}
	if e := d.logout(2); e.JSON.ErrCode != 200 {
		t.Errorf("logout after a kick: %s", e.JSON.Raw)
	}
}

func TestPushConfig(t *testing.T) {
	server := theServer(t)
	name := account(t, server)
	desk, phone := newTyped(t, server, "desk", pc), newTyped(t, server, "phone", android)
	desk.mustLogin(name)
	phone.mustLogin(name)
	phone.do("push_set", `{"switch_open":1}`, phone.newTag("push_set"))
	if e := phone.next("push"); e.Code != 200 {
		t.Errorf("set: %+v", e)
	}
	if e := desk.next("push_sync"); e.Code != 200 || string(e.Content) != `{"switch_open":1}` {
		t.Errorf("the other device hears %d %s", e.Code, e.Content)
	}
	desk.do("push_get", desk.newTag("push_get"))
	if e := desk.next("push"); e.Code != 200 || string(e.Content) != `{"switch_open":1}` {
		t.Errorf("get: %d %s", e.Code, e.Content)
	}
	desk.do("push_set", `{"switch_open":"yes"}`, desk.newTag("push_set"))
	if e := desk.next("push"); e.Code != 414 {
		t.Errorf("a wrong type: %d", e.Code)
	}
}
