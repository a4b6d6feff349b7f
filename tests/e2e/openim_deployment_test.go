package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/libnim/libnim/tests/nimdtest"
	"github.com/libnim/libnim/tests/openimfake"
)

// A site is a deployment of which only the addresses and the secret are known:
// what these tests do to it, they do through its REST API.
type site struct {
	*testing.T
	ws, api, secret string
	user            string // registered for one test
	last            string // token that was issued last
}

func (s *site) WSAddr() string  { return s.ws }
func (s *site) APIAddr() string { return s.api }

// TestOpenIMSite runs against the double.
func TestOpenIMSite(t *testing.T) {
	fake := newOpenIM(t)
	onSite(t, fake.WSAddr(), fake.APIAddr(), "openIM123")
}

// TestOpenIMDeployment runs the same against a real deployment.
func TestOpenIMDeployment(t *testing.T) {
	ws, api, secret := os.Getenv("LIBNIM_OPENIM_WS"), os.Getenv("LIBNIM_OPENIM_API"), os.Getenv("LIBNIM_OPENIM_SECRET")
	if ws == "" || api == "" || secret == "" {
		t.Skip("LIBNIM_OPENIM_WS, LIBNIM_OPENIM_API and LIBNIM_OPENIM_SECRET name no OpenIM deployment")
	}
	onSite(t, ws, api, secret)
}

func onSite(t *testing.T, ws, api, secret string) {
	for name, f := range map[string]func(*site){
		"login": (*site).testLogin, "refusals": (*site).testRefusals, "devices": (*site).testDevices, "kick": (*site).testKick,
		"force logout": (*site).testForceLogout, "kick other": (*site).testKickOther, "recovery and renewal": (*site).testRecovery,
	} {
		t.Run(name, func(t *testing.T) {
			s := &site{T: t, ws: ws, api: strings.TrimRight(api, "/"), secret: secret}
			s.user = fmt.Sprintf("libnim +%x|1", time.Now().UnixNano()) // OpenIM takes such a user id
			s.call("/user/user_register", s.admin(), map[string]any{"users": []map[string]string{{"userID": s.user, "nickname": "Nick"}}})
			f(s)
		})
	}
}

// call does a REST call that must succeed.
func (s *site) call(path, token string, in any) (data struct{ Token string }) {
	s.Helper()
	body, err := json.Marshal(in)
	must(s.T, err)
	r, err := http.NewRequestWithContext(s.Context(), http.MethodPost, s.api+path, bytes.NewReader(body))
	must(s.T, err)
	r.Header.Set("operationID", "libnim-test")
	r.Header.Set("token", token)
	answer, err := (&http.Client{Timeout: waitLimit}).Do(r)
	must(s.T, err)
	defer func() { _ = answer.Body.Close() }()
	var out struct {
		ErrCode        int
		ErrMsg, ErrDlt string
		Data           json.RawMessage
	}
	must(s.T, json.NewDecoder(answer.Body).Decode(&out))
	if out.ErrCode != 0 {
		s.Fatalf("%s: %d %s %s", path, out.ErrCode, out.ErrMsg, out.ErrDlt)
	}
	_ = json.Unmarshal(out.Data, &data) // most calls answer with no token
	return data
}

func (s *site) admin() string {
	s.Helper()
	return s.call("/auth/get_admin_token", "", map[string]string{"secret": s.secret, "userID": openimfake.AdminID}).Token
}

// token issues one that differs from the last: two of one second are equal.
func (s *site) token(platform int) string {
	s.Helper()
	again := time.NewTicker(200 * time.Millisecond)
	defer again.Stop()
	for range 20 {
		t := s.call("/auth/get_user_token", s.admin(), map[string]any{"userID": s.user, "platformID": platform}).Token
		if t != s.last {
			s.last = t
			return t
		}
		<-again.C
	}
	s.Fatal("the server issues the same token again and again")
	return ""
}

// device returns one that is logged in.
func (s *site) device(platform int, token string, more map[string]any) *device {
	s.Helper()
	private := map[string]any{"platform_id": platform}
	for k, v := range more {
		private[k] = v
	}
	d, _ := newOnOpenIM(s.T, s, private)
	if e := d.loginWith("", s.user, token, ""); e.JSON.ErrCode != 200 {
		s.Fatalf("login: %s", e.JSON.Raw)
	}
	d.ready()
	return d
}

func (s *site) testLogin() {
	for _, more := range []map[string]any{nil, {"compression": "gzip"}} {
		d := s.device(linux, s.token(linux), more)
		var user struct{ Account, Name string }
		must(s.T, json.Unmarshal([]byte(d.value("user")), &user))
		if user.Name == "" { // the API was slower than a second
			d.connection("profile_updated")
			must(s.T, json.Unmarshal([]byte(d.value("user")), &user))
		}
		if user.Account != s.user || user.Name != "Nick" {
			s.Errorf("user %+v", user)
		}
		if e := d.logout(1); e.JSON.ErrCode != 200 || d.value("state") != "2" {
			s.Errorf("logout: %s", e.JSON.Raw)
		}
		d.close()
	}
}

func (s *site) testRefusals() {
	good := s.token(linux)
	for token, name := range map[string]string{
		"garbage": "token_invalid", good[:strings.LastIndex(good, ".")] + ".AAAA": "token_key_mismatch", s.token(3): "token_invalid",
	} {
		d, _ := newOnOpenIM(s.T, s, nil)
		if e := d.loginWith("", s.user, token, ""); e.JSON.ErrCode != 302 || e.JSON.ErrName != name || e.JSON.Retrying {
			s.Errorf("want %s, got %s", name, e.JSON.Raw)
		}
		d.close()
	}
}

func (s *site) testDevices() {
	d := s.device(linux, s.token(linux), nil)
	mobile := s.device(2, s.token(2), nil)
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
	first := s.token(linux)
	d := s.device(linux, first, nil)
	s.device(linux, s.token(linux), nil)
	if e := d.next("kickout"); e.JSON.Reason != 1 {
		s.Errorf("kickout: %s", e.JSON.Raw)
	}
	if e := d.loginWith("", s.user, first, ""); e.JSON.ErrCode != 417 || e.JSON.ErrName != "kicked_offline" {
		s.Errorf("login with the same token: %s", e.JSON.Raw)
	}
}

func (s *site) testForceLogout() {
	d := s.device(linux, s.token(linux), nil)
	s.call("/auth/force_logout", s.admin(), map[string]any{"userID": s.user, "platformID": linux})
	d.next("kickout") // with either reason: it depends on who is faster
	if e := d.loginWith("", s.user, s.token(linux), ""); e.JSON.ErrCode != 200 {
		s.Errorf("login with a new token: %s", e.JSON.Raw)
	}
}

func (s *site) testKickOther() {
	own, other := s.token(linux), s.token(2)
	d := s.device(linux, own, map[string]any{"admin_token": s.admin()})
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
	u, err := url.Parse(s.ws)
	must(s.T, err)
	if u.Scheme != "ws" {
		s.Skip("the way to a gateway with TLS cannot be cut from here")
	}
	path, err := nimdtest.NewPath(u.Host)
	must(s.T, err)
	s.Cleanup(func() { _ = path.Close() })
	u.Host = path.Host()
	d := s.device(linux, s.token(linux), map[string]any{"ws_addr": u.String()})
	path.Cut()
	d.next("disconnect")
	recovered(s.T, d)
	d.do("renew", s.token(linux), "", d.newTag("renew"))
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
