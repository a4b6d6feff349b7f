package server_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server"
)

func TestLoginAnswersWithTheSession(t *testing.T) {
	e := startEdges(t, 1, nil)[0]
	e.do("POST", "/accounts", map[string]any{"account": "alice", "token": "alice-token", "name": "Alice"})
	c := e.dial()
	if c.hello.HeartbeatMS != 5000 || c.hello.Conn == "" || c.hello.ServerTimeMS == 0 {
		t.Errorf("hello = %+v", c.hello)
	}
	ok := c.mustLogin(e.loginAs("alice", "d1", pc))
	if ok.Session == "" || len(ok.Others) != 0 || ok.TokenExpiresAtMS != 0 || ok.SwitchOpen != 2 {
		t.Errorf("answer = %+v", ok)
	}
	if ok.Profile == nil || ok.Profile.Name != "Alice" {
		t.Errorf("profile = %+v", ok.Profile)
	}
}

func TestRefusals(t *testing.T) {
	e := startEdges(t, 1, nil)[0]
	e.account("alice")
	e.account("mallory")
	e.do("POST", "/ban", map[string]any{"account": "mallory", "reason": "spam"})
	for _, tc := range []struct {
		name string
		edit func(*wire.Login)
		code int32
		err  string
	}{
		{"wrong token", func(l *wire.Login) { l.Token = "x" }, 302, "token_invalid"},
		{"unknown account", func(l *wire.Login) { l.Account = "nobody" }, 302, "token_invalid"},
		{"unknown app", func(l *wire.Login) { l.AppKey = "x" }, 403, "app_key_unknown"},
		{"banned", func(l *wire.Login) { l.Account, l.Token = "mallory", "mallory-token" }, 422, "account_banned"},
		{"banned, wrong token", func(l *wire.Login) { l.Account, l.Token = "mallory", "x" }, 302, "token_invalid"},
		{"illegal account", func(l *wire.Login) { l.Account = "a b" }, 414, "invalid_argument"},
		{"no device", func(l *wire.Login) { l.DeviceID = "" }, 414, "invalid_argument"},
		{"unknown kind", func(l *wire.Login) { l.AuthType = 7 }, 414, "invalid_argument"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := e.dial()
			l := e.loginAs("alice", "d1", pc)
			tc.edit(&l)
			f := c.ask(wire.OpLogin, l, nil)
			if f.Code != tc.code || f.ErrName != tc.err || f.ErrMsg == "" {
				t.Errorf("got %d %s %q, want %d %s", f.Code, f.ErrName, f.ErrMsg, tc.code, tc.err)
			}
			if code, _ := c.wantClose(); code != wire.CloseRefused {
				t.Errorf("closed with %d, want %d", code, wire.CloseRefused)
			}
		})
	}
}

func TestUnknownAccountLooksLikeAWrongToken(t *testing.T) {
	e := startEdges(t, 1, nil)[0]
	e.account("alice")
	refusal := func(account string) string {
		c := e.dial()
		l := e.loginAs(account, "d1", pc)
		l.Token = "wrong"
		f := c.ask(wire.OpLogin, l, nil)
		data, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	if a, b := refusal("alice"), refusal("bobby"); a != b {
		t.Errorf("wrong token:     %s\nunknown account: %s", a, b)
	}
}

// How long it takes says nothing either: what a refusal took is rounded up.
func TestARefusedProofTakesItsTime(t *testing.T) {
	e := startEdges(t, 1, nil)[0]
	e.account("alice")
	for _, account := range []string{"alice", "nobody"} {
		c := e.dial()
		l := e.loginAs(account, "d1", pc)
		l.Token = "wrong"
		start := time.Now()
		c.ask(wire.OpLogin, l, nil)
		if took := time.Since(start); took < 20*time.Millisecond {
			t.Errorf("%s: refused after %v", account, took)
		}
	}
}

func TestUpgradeErrors(t *testing.T) {
	e := startEdges(t, 1, func(_ int, c *server.Config) { c.Origins = []string{"https://good.example"} })[0]
	get := func(protocol, origin string) (*http.Response, map[string]any) {
		h := http.Header{}
		if origin != "" {
			h.Set("Origin", origin)
		}
		d := websocket.Dialer{}
		if protocol != "" {
			d.Subprotocols = []string{protocol}
		}
		ws, resp, err := d.Dial(e.Link, h)
		if err == nil {
			_ = ws.Close()
			return resp, nil
		}
		var body map[string]any
		if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
			t.Errorf("body: %v", err)
		}
		return resp, body
	}
	for _, protocol := range []string{"", "nim.v9"} {
		resp, body := get(protocol, "")
		if resp.StatusCode != http.StatusBadRequest || body["err_name"] != "version_refused" {
			t.Errorf("protocol %q: %d %v", protocol, resp.StatusCode, body)
		}
	}
	if resp, _ := get(wire.Subprotocol, "https://evil.example"); resp.StatusCode != http.StatusForbidden {
		t.Errorf("foreign origin: %d", resp.StatusCode)
	}
	for _, origin := range []string{"", "https://good.example"} {
		resp, _ := get(wire.Subprotocol, origin)
		if resp.StatusCode != http.StatusSwitchingProtocols {
			t.Errorf("origin %q: %d", origin, resp.StatusCode)
		}
		if ext := resp.Header.Get("Sec-Websocket-Extensions"); ext != "" {
			t.Errorf("negotiated %q", ext)
		}
	}
	resp, err := http.Get("http" + e.Link[len("ws"):])
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusUpgradeRequired {
		t.Errorf("plain GET: %d", resp.StatusCode)
	}
}

func TestRequests(t *testing.T) {
	e := startEdges(t, 1, nil)[0]
	e.account("alice")
	stranger := e.dial()
	if f := stranger.ask(wire.OpTime, nil, nil); f.ErrName != "not_logged_in" {
		t.Errorf("before the login: %s", f.ErrName)
	}
	desk, _ := e.online("alice", "desk", pc)
	phone, ok := e.online("alice", "phone", android)
	if len(ok.Others) != 1 || ok.Others[0].DeviceID != "desk" || ok.Others[0].LoginTimeMS == 0 || ok.Others[0].Account != "alice" {
		t.Errorf("others = %+v", ok.Others)
	}
	var p wire.Presence
	desk.want(wire.OpPresence, &p)
	if p.Type != 2 || len(p.Devices) != 1 || p.Devices[0].DeviceID != "phone" {
		t.Errorf("in notice = %+v", p)
	}
	var now wire.Time
	if desk.ask(wire.OpTime, nil, &now); now.ServerTimeMS == 0 {
		t.Error("no time")
	}
	var push wire.PushConfig
	if desk.ask(wire.OpPushGet, nil, &push); push.SwitchOpen != 2 {
		t.Errorf("push switch = %d", push.SwitchOpen)
	}
	if f := desk.ask(wire.OpPushSet, wire.PushConfig{SwitchOpen: 3}, nil); f.Code != 414 {
		t.Errorf("push switch 3: %d", f.Code)
	}
	desk.ask(wire.OpPushSet, wire.PushConfig{SwitchOpen: 1}, nil)
	if phone.want(wire.OpPushChanged, &push); push.SwitchOpen != 1 {
		t.Errorf("other device told %d", push.SwitchOpen)
	}
	if f := desk.ask("no_such_op", nil, nil); f.Code != 21003 || f.ErrName != "not_supported" {
		t.Errorf("an unknown operation: %d %s", f.Code, f.ErrName)
	}
	if f := desk.ask(wire.OpLogout, wire.Logout{Type: 1}, nil); f.Code != 200 {
		t.Errorf("logout: %d", f.Code)
	}
	if code, _ := desk.wantClose(); code != wire.CloseLoggedOut {
		t.Errorf("closed with %d", code)
	}
	if phone.want(wire.OpPresence, &p); p.Type != 3 || p.Devices[0].DeviceID != "desk" {
		t.Errorf("out notice = %+v", p)
	}
}

func TestBadFramesEndTheConnection(t *testing.T) {
	e := startEdges(t, 1, nil)[0]
	for name, message := range map[string]string{
		"no JSON": "hello", "no op": "{}", "array": "[]", "login without id": `{"op":"login","body":{}}`,
	} {
		c := e.dial()
		if err := c.ws.WriteMessage(websocket.TextMessage, []byte(message)); err != nil {
			t.Fatal(err)
		}
		if code, _ := c.wantClose(); code != wire.CloseProtocol {
			t.Errorf("%s: closed with %d", name, code)
		}
	}
	c := e.dial()
	if err := c.ws.WriteMessage(websocket.BinaryMessage, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if code, _ := c.wantClose(); code != wire.CloseProtocol {
		t.Errorf("binary: closed with %d", code)
	}
}
