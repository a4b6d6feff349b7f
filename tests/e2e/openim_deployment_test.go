package e2e

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/libnim/libnim/tests/nimdtest"
	"github.com/libnim/libnim/tests/openimsite"
)

// A site is a deployment of which only the addresses and the secret are known:
// what these tests do to it, they do through its REST API.
type site struct{ *openimsite.Site }

func (s *site) WSAddr() string  { return s.Gateway }
func (s *site) APIAddr() string { return s.API }

// TestOpenIMSite runs against the double.
func TestOpenIMSite(t *testing.T) {
	fake := newOpenIM(t)
	onSite(t, fake.WSAddr(), fake.APIAddr(), "openIM123")
}

// TestOpenIMDeployment runs the same against a real deployment.
func TestOpenIMDeployment(t *testing.T) {
	ws, api, secret := openimsite.Deployment(t)
	onSite(t, ws, api, secret)
}

func onSite(t *testing.T, ws, api, secret string) {
	for name, f := range map[string]func(*site){
		"login": (*site).testLogin, "refusals": (*site).testRefusals, "devices": (*site).testDevices, "kick": (*site).testKick,
		"force logout": (*site).testForceLogout, "kick other": (*site).testKickOther, "recovery and renewal": (*site).testRecovery,
	} {
		t.Run(name, func(t *testing.T) {
			user := fmt.Sprintf("libnim_%x", time.Now().UnixNano())
			f(&site{openimsite.Registered(t, ws, api, secret, user)})
		})
	}
}

// device returns one that is logged in.
func (s *site) device(platform int, token string, more map[string]any) *device {
	s.Helper()
	private := map[string]any{"platform_id": platform}
	for k, v := range more {
		private[k] = v
	}
	d, _ := newOnOpenIM(s.T, s, private)
	if e := d.loginWith("", s.User, token, ""); e.JSON.ErrCode != 200 {
		s.Fatalf("login: %s", e.JSON.Raw)
	}
	d.ready()
	return d
}

func (s *site) testLogin() {
	for _, more := range []map[string]any{nil, {"compression": "gzip"}} {
		d := s.device(linux, s.Token(linux), more)
		var user struct{ Account, Name string }
		must(s.T, json.Unmarshal([]byte(d.value("user")), &user))
		if user.Name == "" { // the API was slower than a second
			d.connection("profile_updated")
			must(s.T, json.Unmarshal([]byte(d.value("user")), &user))
		}
		if user.Account != s.User || user.Name != "Nick" {
			s.Errorf("user %+v", user)
		}
		if e := d.logout(1); e.JSON.ErrCode != 200 || d.value("state") != "2" {
			s.Errorf("logout: %s", e.JSON.Raw)
		}
		d.close()
	}
}

func (s *site) testRefusals() {
	good := s.Token(linux)
	for token, name := range map[string]string{
		"garbage": "token_invalid", good[:strings.LastIndex(good, ".")] + ".AAAA": "token_key_mismatch", s.Token(3): "token_invalid",
	} {
		d, _ := newOnOpenIM(s.T, s, nil)
		if e := d.loginWith("", s.User, token, ""); e.JSON.ErrCode != 302 || e.JSON.ErrName != name || e.JSON.Retrying {
			s.Errorf("want %s, got %s", name, e.JSON.Raw)
		}
		d.close()
	}
}

func (s *site) testDevices() {
	d := s.device(linux, s.Token(linux), nil)
	mobile := s.device(2, s.Token(2), nil)
	d.until("multispot", notice(2, "platform:2"))
	mobile.close()
	d.until("multispot", notice(3, "platform:2"))
}

// notice is of a device that came (2) or left (3).
func notice(kind int, id string) func(event) bool {
	return func(e event) bool { return e.JSON.Notice == kind && e.JSON.Others[0].DeviceID == id }
}

// testKick wants multiLogin.policy 1 or 4.
func (s *site) testKick() {
	first := s.Token(linux)
	d := s.device(linux, first, nil)
	s.device(linux, s.Token(linux), nil)
	if e := d.next("kickout"); e.JSON.Reason != 1 {
		s.Errorf("kickout: %s", e.JSON.Raw)
	}
	if e := d.loginWith("", s.User, first, ""); e.JSON.ErrCode != 417 || e.JSON.ErrName != "kicked_offline" {
		s.Errorf("login with the same token: %s", e.JSON.Raw)
	}
}

func (s *site) testForceLogout() {
	d := s.device(linux, s.Token(linux), nil)
	s.Call("/auth/force_logout", s.Admin(), map[string]any{"userID": s.User, "platformID": linux})
	d.next("kickout") // with either reason: it depends on who is faster
	if e := d.loginWith("", s.User, s.Token(linux), ""); e.JSON.ErrCode != 200 {
		s.Errorf("login with a new token: %s", e.JSON.Raw)
	}
}

func (s *site) testKickOther() {
	own, other := s.Token(linux), s.Token(2)
	d := s.device(linux, own, map[string]any{"admin_token": s.Admin()})
	mobile := s.device(2, other, nil)
	d.until("multispot", notice(2, "platform:2"))
	d.do("kick_other", `{"device_ids":["platform:2"]}`)
	if e := d.next("kicked_other"); e.JSON.ErrCode != 200 || !slices.Equal(e.JSON.DeviceIDs, []string{"platform:2"}) {
		s.Errorf("kick_other: %s", e.JSON.Raw)
	}
	mobile.next("kickout")
}

// testRecovery cuts the way to the gateway, with the token of the login and
// with one that replaced it.
func (s *site) testRecovery() {
	u, err := url.Parse(s.Gateway)
	must(s.T, err)
	if u.Scheme != "ws" {
		s.Skip("the way to a gateway with TLS cannot be cut from here")
	}
	path, err := nimdtest.NewPath(u.Host)
	must(s.T, err)
	s.Cleanup(func() { _ = path.Close() })
	u.Host = path.Host()
	d := s.device(linux, s.Token(linux), map[string]any{"ws_addr": u.String()})
	path.Cut()
	d.next("disconnect")
	recovered(s.T, d)
	d.do("renew", s.Token(linux), "", d.newTag("renew"))
	if e := d.next("answer"); e.JSON.ErrCode != 200 {
		s.Errorf("renew: %s", e.JSON.Raw)
	}
	path.Cut()
	recovered(s.T, d)
	for _, e := range d.history {
		if e.CB == "kickout" {
			s.Errorf("kicked: %s", e.JSON.Raw)
		}
	}
}
