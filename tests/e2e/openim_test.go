package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/libnim/libnim/tests/openimfake"
)

// linux is the platform id of every device under test.
const linux = 7

// newOpenIM returns a double of an OpenIM deployment with a user alice.
func newOpenIM(t *testing.T) *openimfake.Server {
	t.Helper()
	s, err := openimfake.Start(openimfake.Options{DistinctTokens: true, Lag: 50 * time.Millisecond})
	must(t, err)
	t.Cleanup(s.Close)
	s.AddUser(openimfake.User{UserID: "alice", Nickname: "Alice", FaceURL: "https://face", Ex: "ex"})
	return s
}

// deployed is an OpenIM deployment, the double or a real one.
type deployed interface {
	WSAddr() string
	APIAddr() string
}

// newOnOpenIM returns a device whose settings name an OpenIM deployment, and
// its data directory.
func newOnOpenIM(t *testing.T, s deployed, more map[string]any) (*device, string) {
	t.Helper()
	private := map[string]any{"backend": "openim", "ws_addr": s.WSAddr(), "api_addr": s.APIAddr(), "platform_id": linux}
	for k, v := range more {
		private[k] = v
	}
	data, err := json.Marshal(map[string]any{"private_server_setting": private})
	must(t, err)
	d, dir := newDevice(t, "desk"), t.TempDir()
	if e := d.do("init", dir, "", string(data)); string(e.Value) != "1" {
		t.Fatalf("init failed: %s", d.do("init_error").Value)
	}
	for i, name := range all {
		d.do("on", name, strconv.Itoa(1000+i))
	}
	return d, dir
}

// onOpenIM returns a device that is logged in as alice, and its token.
func onOpenIM(t *testing.T, s *openimfake.Server) (*device, string) {
	t.Helper()
	d, _ := newOnOpenIM(t, s, nil)
	token := s.Token("alice", linux)
	if e := d.loginWith("", "alice", token, ""); e.JSON.ErrCode != 200 {
		t.Fatalf("login: %s", e.JSON.Raw)
	}
	d.ready()
	return d, token
}

// phone brings another device of alice online.
func phone(t *testing.T, s *openimfake.Server, platform int) *openimfake.Device {
	t.Helper()
	p, err := s.Connect(t.Context(), "alice", platform, nil)
	must(t, err)
	go p.Drain()
	t.Cleanup(p.Close)
	return p
}

func TestOpenIMLogin(t *testing.T) {
	s := newOpenIM(t)
	d, _ := newOnOpenIM(t, s, nil)
	final := d.loginWith("", "alice", s.Token("alice", linux), `{"operation_id":"op-9"}`)
	d.ready()
	var steps []int
	for _, e := range d.history[:final.At+1] {
		if e.CB == "login" {
			steps = append(steps, e.JSON.Step)
			if e.JSON.ErrCode != 200 || e.JSON.OperationID != "op-9" {
				t.Errorf("step: %s", e.JSON.Raw)
			}
		}
	}
	if !slices.Equal(steps, []int{0, 1, 2, 3}) {
		t.Errorf("steps %v", steps)
	}
	var user struct{ Account, Name, Icon, Ex string }
	must(t, json.Unmarshal([]byte(d.value("user")), &user))
	if user.Account != "alice" || user.Name != "Alice" || user.Icon != "https://face" || user.Ex != "ex" {
		t.Errorf("user %+v", user)
	}
	var can struct {
		Backend  string
		Features []string `json:"backend_features"`
	}
	must(t, json.Unmarshal([]byte(d.value("capabilities")), &can))
	if want := []string{"presence", "profile", "token_expiry"}; can.Backend != "openim" || !slices.Equal(can.Features, want) {
		t.Errorf("capabilities %+v, want %v", can, want)
	}
	if e := d.logout(1); e.JSON.ErrCode != 200 || d.value("state") != "2" {
		t.Errorf("logout: %s, state %s", e.JSON.Raw, d.value("state"))
	}
	for deadline := time.Now().Add(waitLimit); len(s.Online("alice")) != 0; runtime.Gosched() {
		if time.Now().After(deadline) { // the server notices the closed connection in its own time
			t.Fatalf("online after the logout: %v", s.Online("alice"))
		}
	}
}

// OpenIM registers letters, digits and _, and logs in any user id without a
// colon that it holds, however it came there; so does a login here.
func TestOpenIMUserIDs(t *testing.T) {
	s := newOpenIM(t)
	for _, id := range []string{"+49 170/1 23?&=%", "auth0|7", "张三", strings.Repeat("x", 100)} {
		s.AddUser(openimfake.User{UserID: id, Nickname: "Nick"})
		d, _ := newOnOpenIM(t, s, nil)
		if e := d.loginWith("", id, s.Token(id, linux), ""); e.JSON.ErrCode != 200 {
			t.Fatalf("%q: %s", id, e.JSON.Raw)
		}
		d.ready()
		var user struct{ Account, Name string }
		must(t, json.Unmarshal([]byte(d.value("user")), &user))
		if user.Account != id || user.Name != "Nick" || !slices.Equal(s.Online(id), []int{linux}) {
			t.Errorf("%q: user %+v, online %v", id, user, s.Online(id))
		}
		d.close()
	}
}

// A login does not wait for a slow REST API; what it tells comes when it does.
func TestOpenIMLateProfile(t *testing.T) {
	s := newOpenIM(t)
	s.SetFaults(openimfake.Faults{SlowAPI: true})
	d, _ := newOnOpenIM(t, s, nil)
	if e := d.loginWith("", "alice", s.Token("alice", linux), `{"timeout_ms":900}`); e.JSON.ErrCode != 200 {
		t.Fatalf("login: %s", e.JSON.Raw)
	}
	d.ready()
	var user struct{ Account, Name, Icon, Ex string }
	must(t, json.Unmarshal([]byte(d.value("user")), &user))
	if user.Account != "alice" || user.Name != "" {
		t.Errorf("user %+v, want alice and no name yet", user)
	}
	s.SetFaults(openimfake.Faults{})
	d.connection("profile_updated")
	must(t, json.Unmarshal([]byte(d.value("user")), &user))
	if user.Name != "Alice" || user.Icon != "https://face" || user.Ex != "ex" {
		t.Errorf("user %+v", user)
	}
}

func TestOpenIMRefused(t *testing.T) {
	s := newOpenIM(t)
	forgotten := s.TokenFor("alice", linux, time.Hour)
	s.ForgetToken(forgotten)
	good := s.Token("alice", linux)
	for _, c := range []struct {
		token, name, event string
		code, server       int
	}{
		{"garbage", "token_invalid", "token_invalid", 302, 1503},
		{good[:strings.LastIndex(good, ".")] + ".AAAA", "token_key_mismatch", "token_invalid", 302, 1505},
		{s.TokenFor("alice", linux, -time.Minute), "token_expired", "token_expired", 302, 1501},
		{forgotten, "token_revoked", "token_invalid", 302, 1507},
		{s.Token("alice", 3), "token_invalid", "token_invalid", 302, 1502},
		{"", "invalid_argument", "failed", 414, 0},
	} {
		for _, plain := range []bool{false, true} {
			s.SetFaults(openimfake.Faults{PlainRefusals: plain})
			d, _ := newOnOpenIM(t, s, nil)
			e := d.loginWith("", "alice", c.token, "")
			var got struct {
				ServerCode int    `json:"server_code"`
				Domain     string `json:"domain"`
			}
			must(t, json.Unmarshal(e.JSON.Raw, &got))
			if e.JSON.ErrCode != c.code || e.JSON.ErrName != c.name || got.ServerCode != c.server || e.JSON.Retrying {
				t.Errorf("%s, plain %v: %s", c.name, plain, e.JSON.Raw)
			}
			d.connection(c.event)
			d.close()
		}
	}
}

func TestOpenIMIsNotThere(t *testing.T) {
	s := newOpenIM(t)
	wrong := "ws" + strings.TrimPrefix(s.APIAddr(), "http") // the REST API's port
	d, _ := newOnOpenIM(t, s, map[string]any{"ws_addr": wrong})
	e := d.loginWith("", "alice", s.Token("alice", linux), `{"timeout_ms":1500}`)
	if e.JSON.ErrCode != 415 || e.JSON.ErrName != "not_a_gateway" || !strings.Contains(string(e.JSON.Raw), "found: HTTP 404") {
		t.Errorf("got %s", e.JSON.Raw)
	}
}

func TestOpenIMDevices(t *testing.T) {
	s := newOpenIM(t)
	pad := phone(t, s, 9)
	time.AfterFunc(waitLimit, pad.Close)
	d, _ := onOpenIM(t, s)
	in := func(id string) func(event) bool {
		return func(e event) bool { return e.JSON.Notice == 2 && e.JSON.Others[0].DeviceID == id }
	}
	mobile := phone(t, s, 2)
	e := d.until("multispot", in("platform:2"))
	if o := e.JSON.Others[0]; o.Account != "alice" || o.ClientType != 1 || o.ClientOS != "Android" || o.LoginTime <= 0 {
		t.Errorf("in: %s", e.JSON.Raw)
	}
	mobile.Close()
	d.until("multispot", func(e event) bool { return e.JSON.Notice == 3 && e.JSON.Others[0].DeviceID == "platform:2" })

	// Who is online at a relogin stands in its result.
	s.Disconnect("alice", linux)
	d.next("disconnect")
	if e := recovered(t, d); len(e.JSON.Others) != 1 || e.JSON.Others[0].DeviceID != "platform:9" || e.JSON.Others[0].LoginTime != 0 {
		t.Errorf("relogin: %s", e.JSON.Raw)
	}
	phone(t, s, 5)
	d.until("multispot", in("platform:5"))
}

func TestOpenIMKick(t *testing.T) {
	for name, c := range map[string]struct {
		kick   func(s *openimfake.Server)
		reason int
	}{
		"login elsewhere":      {func(s *openimfake.Server) { phone(t, s, linux) }, 1},
		"force logout":         {func(s *openimfake.Server) { s.ForceLogout("alice", linux) }, 1},
		"surely by the server": {func(s *openimfake.Server) { s.KickKeepingToken("alice", linux) }, 2},
	} {
		s := newOpenIM(t)
		d, token := onOpenIM(t, s)
		c.kick(s)
		if e := d.next("kickout"); e.JSON.Reason != c.reason || e.JSON.Description == "" {
			t.Errorf("%s: %s", name, e.JSON.Raw)
		}
		d.connection("not_ready")
		if d.value("status") != "5" || d.value("account") != "" {
			t.Errorf("%s: status %s", name, d.value("status"))
		}
		if c.reason == 1 {
			if e := d.loginWith("", "alice", token, ""); e.JSON.ErrCode != 417 || e.JSON.ErrName != "kicked_offline" {
				t.Errorf("%s, login with the same token: %s", name, e.JSON.Raw)
			}
		}
		if e := d.loginWith("", "alice", s.Token("alice", linux), ""); e.JSON.ErrCode != 200 {
			t.Errorf("%s, login with a new token: %s", name, e.JSON.Raw)
		}
		d.close()
	}
}

// A kick while the link is down comes once, at the next connect.
func TestOpenIMKickedWhileAway(t *testing.T) {
	s := newOpenIM(t)
	d, _ := onOpenIM(t, s)
	s.Freeze() // so that the relogin waits for the kick
	s.Cut()
	d.next("disconnect")
	s.ForceLogout("alice", linux)
	s.Thaw()
	kick := d.next("kickout")
	if kick.JSON.Reason != 1 {
		t.Errorf("kickout: %s", kick.JSON.Raw)
	}
	e := d.until("relogin", func(e event) bool { return !e.JSON.Retrying })
	if e.JSON.ErrCode != 417 || e.JSON.ErrName != "kicked_offline" || e.At < kick.At {
		t.Errorf("relogin: %s", e.JSON.Raw)
	}
}

func TestOpenIMRecovery(t *testing.T) {
	s := newOpenIM(t)
	d, _ := onOpenIM(t, s)
	for range 3 {
		s.Cut()
		if e := d.next("disconnect"); e.JSON.ErrCode != 415 {
			t.Errorf("disconnect: %s", e.JSON.Raw)
		}
		recovered(t, d)
	}
	if on := s.Online("alice"); !slices.Equal(on, []int{linux}) {
		t.Errorf("online %v", on)
	}
}

func TestOpenIMFrozen(t *testing.T) {
	t.Parallel()
	s := newOpenIM(t)
	d, _ := onOpenIM(t, s)
	s.Freeze()
	start := time.Now()
	if e := d.next("disconnect"); e.JSON.ErrCode != 408 || e.JSON.ErrName != "server_silent" {
		t.Errorf("disconnect: %s", e.JSON.Raw)
	}
	if took := time.Since(start); took > 15*time.Second {
		t.Errorf("noticed after %v", took)
	}
	s.Thaw()
	recovered(t, d)
}

// A new token is taken without a logout; the old one is revoked by then.
func TestOpenIMRenew(t *testing.T) {
	s := newOpenIM(t)
	d, _ := onOpenIM(t, s)
	token := s.Token("alice", linux)
	tag := d.newTag("renew")
	d.do("renew", token, "", tag)
	if e := d.next("answer"); e.JSON.ErrCode != 200 {
		t.Errorf("renew: %s", e.JSON.Raw)
	}
	s.Cut()
	recovered(t, d)
	for _, e := range d.history {
		if e.CB == "kickout" || e.JSON.Event == "closed" {
			t.Errorf("a renewal that shows: %s", e.JSON.Raw)
		}
	}
}

// The end of a token is foreseen; the provider is asked when it is needed.
func TestOpenIMTokenExpiry(t *testing.T) {
	t.Parallel()
	s := newOpenIM(t)
	d, _ := newOnOpenIM(t, s, nil)
	d.do("on", "token", "77")
	if e := d.loginWith("", "alice", s.TokenFor("alice", linux, 6*time.Second), ""); e.JSON.ErrCode != 200 {
		t.Fatalf("login: %s", e.JSON.Raw)
	}
	d.connection("token_expiring")
	d.connection("token_expired")
	if d.value("state") != "1" {
		t.Error("an expired token ended the session")
	}
	d.do("token", s.Token("alice", linux))
	s.Cut()
	recovered(t, d)
	asked := 0
	for _, e := range d.history {
		if e.CB == "token" {
			asked++
		}
	}
	if asked != 1 {
		t.Errorf("the provider was asked %d times", asked)
	}
}

// What OpenIM cannot do is answered once, and says so.
func TestOpenIMUnsupported(t *testing.T) {
	const serverCannot = 403
	s := newOpenIM(t)
	d, _ := onOpenIM(t, s)
	d.do("push_get", d.newTag("push_get"))
	if e := d.next("push"); e.Code != serverCannot && e.JSON.ErrCode != serverCannot {
		t.Errorf("push_get: %+v", e)
	}
	d.do("push_set", `{"switch_open":1}`, d.newTag("push_set"))
	if e := d.next("push"); e.Code != serverCannot && e.JSON.ErrCode != serverCannot {
		t.Errorf("push_set: %+v", e)
	}
	d.do("time", "0", d.newTag("time"))
	if e := d.next("time"); e.Code != serverCannot {
		t.Errorf("time: %+v", e)
	}
	d.do("upload_log", "", d.newTag("upload_log"))
	if e := d.next("answer"); e.Code != serverCannot {
		t.Errorf("upload_log: %+v", e)
	}
	d.do("kick_other", `{"device_ids":["platform:2"]}`)
	if e := d.next("kicked_other"); e.JSON.ErrCode != serverCannot || e.JSON.ErrName != "server_cannot" {
		t.Errorf("kick_other: %s", e.JSON.Raw)
	}
	if e := onOpenIMWithoutForce(t, s); e.JSON.ErrCode != serverCannot {
		t.Errorf("force false: %s", e.JSON.Raw)
	}
}

func onOpenIMWithoutForce(t *testing.T, s *openimfake.Server) event {
	t.Helper()
	d, _ := newOnOpenIM(t, s, nil)
	return d.loginWith("", "alice", s.Token("alice", linux), `{"force":false}`)
}

func TestOpenIMKickOther(t *testing.T) {
	s := newOpenIM(t)
	d, _ := newOnOpenIM(t, s, map[string]any{"admin_token": s.Token(openimfake.AdminID, 10), "compression": "gzip"})
	if e := d.loginWith("", "alice", s.Token("alice", linux), ""); e.JSON.ErrCode != 200 {
		t.Fatalf("login: %s", e.JSON.Raw)
	}
	phone(t, s, 2)
	d.until("multispot", func(e event) bool { return e.JSON.Notice == 2 })
	d.do("kick_other", `{"device_ids":["platform:2"]}`)
	if e := d.next("kicked_other"); e.JSON.ErrCode != 200 || !slices.Equal(e.JSON.DeviceIDs, []string{"platform:2"}) {
		t.Errorf("kick_other: %s", e.JSON.Raw)
	}
	d.until("multispot", func(e event) bool { return e.JSON.Notice == 3 })
}

// The token travels in a URL there, and is nowhere else.
func TestOpenIMTokenIsNowhere(t *testing.T) {
	s := newOpenIM(t)
	d, dir := newOnOpenIM(t, s, nil)
	token := s.Token("alice", linux)
	d.loginWith("", "alice", token, "")
	d.ready()
	s.Cut()
	recovered(t, d)
	d.do("diagnostics", d.newTag("diagnostics"))
	d.next("answer")
	s.ForceLogout("alice", linux)
	d.next("kickout")
	d.loginWith("", "alice", token, "")
	d.close()
	signature := token[strings.LastIndex(token, ".")+1:]
	for _, e := range d.history {
		if strings.Contains(string(e.JSON.Raw), signature) {
			t.Errorf("the token is in %s", e.JSON.Raw)
		}
	}
	files := 0
	must(t, filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files++
		data, err := os.ReadFile(path)
		if strings.Contains(string(data), signature) {
			t.Errorf("the token is in %s", path)
		}
		return err
	}))
	if files == 0 {
		t.Error("no log to look at")
	}
}
