package server_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server"
	"github.com/libnim/libnim/server/gateway"
)

func TestCloseSendsTheClientsAway(t *testing.T) {
	edges := startEdges(t, 2, nil)
	edges[0].account("alice")
	edges[0].do("PUT", "/policy", map[string]any{"multi_login": "all"})
	stays, _ := edges[1].online("alice", "phone", android)
	var goes []*client
	for i := range 5 {
		c, _ := edges[0].online("alice", fmt.Sprint("d", i), pc)
		goes = append(goes, c)
		stays.want(wire.OpPresence, nil)
	}
	if err := edges[0].Close(); err != nil {
		t.Fatal(err)
	}
	delays := map[int64]bool{}
	for _, c := range goes {
		code, frames := c.wantClose()
		last := frames[len(frames)-1]
		var away wire.GoingAway
		if err := last.DecodeBody(&away); err != nil || last.Op != wire.OpGoingAway || code != wire.CloseGoingAway {
			t.Fatalf("last frame %s, closed with %d, %v", last.Op, code, err)
		}
		delays[away.RetryAfterMS] = true
	}
	if len(delays) < 2 {
		t.Errorf("all clients come back at once: %v", delays)
	}
	for range goes {
		var out wire.Presence
		if stays.want(wire.OpPresence, &out); out.Type != 3 {
			t.Errorf("notice = %+v", out)
		}
	}
}

func TestMaintenanceReachesEveryEdge(t *testing.T) {
	edges := startEdges(t, 2, nil)
	edges[0].account("alice")
	c, _ := edges[1].online("alice", "d1", pc)
	var away wire.GoingAway
	edges[0].do("POST", "/maintenance", map[string]any{"reason": "soon", "retry_after_ms": 700, "spread_ms": 0, "close": false})
	if c.want(wire.OpGoingAway, &away); away.RetryAfterMS != 700 || away.Reason != "soon" {
		t.Errorf("told %+v", away)
	}
	c.ask(wire.OpTime, nil, nil)
	edges[0].do("POST", "/maintenance", map[string]any{})
	if code, _ := c.wantClose(); code != wire.CloseGoingAway {
		t.Errorf("closed with %d", code)
	}
}

func TestSilentClientsAreDropped(t *testing.T) {
	e := startEdges(t, 1, func(_ int, c *server.Config) {
		c.Heartbeat, c.LoginTimeout = time.Second, time.Second
	})[0]
	e.account("alice")
	idle := e.dial()
	quiet, _ := e.online("alice", "quiet", pc)
	phone, _ := e.online("alice", "phone", android)
	quiet.want(wire.OpPresence, nil)
	done := make(chan struct{})
	defer close(done)
	go func() { // this one pings
		tick := time.NewTicker(300 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				_ = phone.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(patience))
			}
		}
	}()
	if code, _ := idle.wantClose(); code != wire.CloseLoginTimeout {
		t.Errorf("without a login: closed with %d", code)
	}
	if code, _ := quiet.wantClose(); code != websocket.ClosePolicyViolation {
		t.Errorf("without a heartbeat: closed with %d", code)
	}
	var out wire.Presence
	if phone.want(wire.OpPresence, &out); out.Type != 3 || out.Devices[0].DeviceID != "quiet" {
		t.Errorf("notice = %+v", out)
	}
	phone.ask(wire.OpTime, nil, nil)
}

// A client that was kicked, does not answer the close and goes on pinging holds
// neither its connection nor the shutdown of the edge.
func TestPingsDoNotKeepAnEndedConnection(t *testing.T) {
	e := startEdges(t, 1, nil)[0]
	e.account("alice")
	d := websocket.Dialer{Subprotocols: []string{wire.Subprotocol}, HandshakeTimeout: patience}
	ws, _, err := d.Dial(e.Link, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	ws.SetCloseHandler(func(int, string) error { return nil })
	c := &client{t: t, ws: ws, frames: make(chan wire.Frame, 10)}
	go c.read()
	c.want(wire.OpHello, nil)
	c.mustLogin(e.loginAs("alice", "desk", pc))
	e.do("POST", "/kick", map[string]any{"account": "alice"})
	c.want(wire.OpKicked, nil)
	c.wantClose()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for err == nil {
		select {
		case <-tick.C:
			err = ws.UnderlyingConn().SetWriteDeadline(time.Now().Add(patience))
			if err == nil { // a masked, empty ping; the library sends none after a close
				_, err = ws.UnderlyingConn().Write([]byte{0x89, 0x80, 0, 0, 0, 0})
			}
		case <-deadline:
			t.Fatal("the connection did not end")
		}
	}
}

// The operator decides where clients' logs go, and whether they are taken.
func TestLogsAreMovedOrRefused(t *testing.T) {
	dir := t.TempDir()
	for where, code := range map[string]int32{dir: 200, "off": nimerr.NotSupported.Code} {
		data := t.TempDir()
		e := startEdge(t, server.Config{Listen: "127.0.0.1:0", DataDir: data, Dev: true, ClientLogs: where, Log: testLog(t)})
		e.account("alice")
		c, _ := e.online("alice", "desk", pc)
		if f := c.ask(wire.OpUploadLog, wire.UploadLog{Name: "nim.log", Last: true, Data: []byte("log")}, nil); f.Code != code {
			t.Errorf("%s: %d %s", where, f.Code, f.ErrMsg)
		}
		if _, err := os.Stat(filepath.Join(data, "client-logs")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: client-logs is in the data directory: %v", where, err)
		}
	}
	kept, err := filepath.Glob(filepath.Join(dir, "*", "*", "*.log"))
	if err != nil || len(kept) != 1 {
		t.Errorf("kept %v, %v", kept, err)
	}
}

func TestUploadedLogIsKept(t *testing.T) {
	var dir string
	e := startEdges(t, 1, func(_ int, c *server.Config) { dir = c.DataDir })[0]
	e.account("alice")
	c, _ := e.online("alice", "d1", pc)
	c.ask(wire.OpUploadLog, wire.UploadLog{Name: "nim.log", Part: 0, Data: []byte("one ")}, nil)
	if f := c.ask(wire.OpUploadLog, wire.UploadLog{Name: "nim.log", Part: 1, Last: true, Data: []byte("two")}, nil); f.Code != 200 {
		t.Errorf("last part: %d %s", f.Code, f.ErrMsg)
	}
	if f := c.ask(wire.OpUploadLog, wire.UploadLog{Part: 1}, nil); f.Code != 414 {
		t.Errorf("part 1 of nothing: %d", f.Code)
	}
	found, err := filepath.Glob(filepath.Join(dir, "client-logs", "*", "*", "*"))
	if err != nil || len(found) != 1 {
		t.Fatalf("files %v, %v", found, err)
	}
	if data, err := os.ReadFile(found[0]); err != nil || string(data) != "one two" {
		t.Errorf("kept %q, %v", data, err)
	}
}

func (e *edge) metrics() string {
	e.t.Helper()
	r, err := http.NewRequest("GET", strings.TrimSuffix(e.Admin, "/v1")+"/metrics", nil)
	if err != nil {
		e.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+e.AdminKey)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		e.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	return string(data)
}

func TestMetricsCountEachAccountOnceADay(t *testing.T) {
	edges := startEdges(t, 2, nil)
	for _, account := range []string{"alice", "bob"} {
		edges[0].account(account)
		for i := range 4 {
			c, _ := edges[i%2].online(account, "d1", pc)
			c.ask(wire.OpLogout, wire.Logout{}, nil)
		}
	}
	for i, want := range []string{`{app_key="` + edges[0].AppKey + `"} 2`, ""} {
		text := edges[i].metrics()
		if want != "" && !strings.Contains(text, "nimd_daily_active_accounts"+want) {
			t.Errorf("edge %d has not counted two accounts:\n%s", i, text)
		}
		if want == "" && strings.Contains(text, "nimd_daily_active_accounts{") {
			t.Errorf("edge %d counted accounts of the other:\n%s", i, text)
		}
		for _, line := range []string{"nimd_ready 1", `nimd_logins_total{result="ok"} 4`, "nimd_login_seconds_count 4"} {
			if !strings.Contains(text, line) {
				t.Errorf("edge %d: no line %q", i, line)
			}
		}
	}
}

func TestAdminCalls(t *testing.T) {
	e := startEdges(t, 1, nil)[0]
	for _, tc := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{"POST", "/accounts", `{"account":"a b","token":"t"}`, 400, "account:"},
		{"POST", "/accounts", `{"account":"alice","token":""}`, 400, "token:"},
		{"POST", "/accounts", `{"account":"alice","tokn":"t"}`, 400, "tokn"},
		{"POST", "/accounts", `{"account":5}`, 400, "account:"},
		{"POST", "/accounts", `{"account":"alice"} {}`, 400, "more than one"},
		{"POST", "/accounts", `{"account":"alice","app_key":"no"}`, 404, "app_key:"},
		{"GET", "/accounts/nobody", ``, 404, "account:"},
		{"DELETE", "/accounts/nobody", ``, 404, "account:"},
		{"POST", "/unban", `{"account":"nobody"}`, 404, "account:"},
		{"PUT", "/policy", `{"multi_login":"two"}`, 400, "multi_login:"},
		{"PUT", "/policy", `{"multi_login":"custom","classes":[{"name":"a","max":101}]}`, 400, "classes[0].max:"},
		{"POST", "/apps", `{"app_key":"x","kinds":["magic"]}`, 400, "kinds:"},
		{"POST", "/apps", `{"app_key":"x","webhook":{"url":"ftp://x"}}`, 400, "webhook.url:"},
		{"POST", "/apps", `{"app_key":"x","app_secret":"short"}`, 400, "app_secret:"},
		{"POST", "/tokens", `{"account":"alice","kind":"magic"}`, 400, "kind:"},
		{"POST", "/apps", `{"app_key":"x","sdkappid":0}`, 400, "sdkappid:"},
		{"POST", "/apps", `{"rotate_secret":true}`, 404, "app_key:"}, // no new app
		{"POST", "/apps", `{"app_key":"x","rotate_secret":true}`, 404, "app_key:"},
		{"POST", "/tokens", `{"account":"alice","ttl_s":0}`, 400, "ttl_s:"},
		{"GET", "/online?limit=0", ``, 400, "limit:"},
		{"POST", "/maintenance", `{"retry_after_ms":-1}`, 400, "retry_after_ms:"},
		{"GET", "/online?account=a+b", ``, 400, "account:"},
		{"GET", "/online?limit=10001", ``, 400, "limit: want 1 to 10000"},
		{"GET", "/online?cursor=x", ``, 400, "cursor:"},
		{"GET", "/accounts?limit=1001", ``, 400, "limit: want 1 to 1000"},
		{"GET", "/accounts?limit=x", ``, 400, "limit:"},
		{"GET", "/accounts?cursor=-1", ``, 400, "cursor:"},
		{"GET", "/accounts?cursor=99999999", ``, 400, "cursor:"},
		{"GET", "/accounts?acount=alice", ``, 400, "acount"},
		{"GET", "/accounts?account=", ``, 400, "account:"},
		{"GET", "/accounts?app_key=no", ``, 404, "app_key:"},
		{"DELETE", "/accounts", ``, 400, "account:"},
		{"DELETE", "/accounts/alice?appkey=x", ``, 400, "appkey"},
		{"DELETE", "/apps", ``, 400, "app_key:"},
		{"DELETE", "/apps/no", ``, 404, "app_key:"},
		{"GET", "/nothing", ``, 404, "no such call"},
		{"GET", "", ``, 404, "no such call"},
		{"DELETE", "/kick", ``, 405, "POST"},
		{"PATCH", "/accounts", `{}`, 405, "DELETE, GET, POST"},
		{"POST", "/accounts/alice", `{}`, 405, "DELETE, GET"},
		{"PUT", "/apps/x", `{}`, 405, "DELETE, GET"},
		{"POST", "/accounts", ``, 400, "empty"},
		{"POST", "/accounts", `{"account":`, 400, "ends in the middle"},
		{"POST", "/accounts", `[]`, 400, "body: want an object, not array"},
		{"POST", "/accounts", `{"account":"` + strings.Repeat("x", 1<<20) + `"}`, 413, "1048576 bytes"},
		{"PUT", "/policy", `{"multi_login":5}`, 400, "multi_login: want a string, not number"},
		{"PUT", "/policy", `{"multi_login":"custom","classes":[{"name":"a","max":"1"}]}`, 400, "classes.max: want an integer, not string"},
		{"POST", "/kick", `{"account":"alice","device_ids":"d1"}`, 400, "device_ids: want a list, not string"},
		{"POST", "/apps", `{"app_key":"x","webhook":"http://x"}`, 400, "webhook: want an object, not string"},
		{"POST", "/maintenance", `{"close":1}`, 400, "close: want true or false, not number"},
	} {
		r, err := http.NewRequest(tc.method, e.Admin+tc.path, strings.NewReader(tc.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+e.AdminKey)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != tc.status || !bytes.Contains(body, []byte(tc.says)) {
			t.Errorf("%s %s %.100s: %d %s; want %d with %q", tc.method, tc.path, tc.body, resp.StatusCode, body, tc.status, tc.says)
		}
		if !json.Valid(body) || tc.status == http.StatusMethodNotAllowed && resp.Header.Get("Allow") != tc.says {
			t.Errorf("%s %s: allows %q, says %s", tc.method, tc.path, resp.Header.Get("Allow"), body)
		}
	}
	for _, key := range []string{"", "Bearer ", "Bearer wrong", e.AdminKey, "bearer " + e.AdminKey + "x"} {
		r, err := http.NewRequest("GET", e.Admin+"/policy", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", key)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("key %q: %d", key, resp.StatusCode)
		}
	}
}

func TestBanAndDeleteEndSessions(t *testing.T) {
	e := startEdges(t, 1, nil)[0]
	e.account("alice")
	c, _ := e.online("alice", "d1", pc)
	e.do("POST", "/ban", map[string]any{"account": "alice", "duration_s": 3600})
	var k wire.Kicked
	if c.want(wire.OpKicked, &k); k.Reason != wire.KickByServer {
		t.Errorf("kick = %+v", k)
	}
	e.do("POST", "/unban", map[string]any{"account": "alice"})
	c, _ = e.online("alice", "d1", pc)
	e.do("DELETE", "/accounts/alice", nil)
	c.want(wire.OpKicked, nil)
	// A ban holds for an account that a token would create.
	e.do("POST", "/ban", map[string]any{"account": "eve"})
	l := e.loginAs("eve", "d1", pc)
	l.Token, _ = e.mint("eve", "hmac", time.Hour)
	if f := e.dial().ask(wire.OpLogin, l, nil); f.Code != 422 {
		t.Errorf("banned before it existed: %d %s", f.Code, f.ErrName)
	}
}

func TestDataDirectoryHasOneOwner(t *testing.T) {
	cfg := server.Config{Listen: "127.0.0.1:0", DataDir: t.TempDir()}
	e := startEdge(t, cfg)
	if _, err := server.Start(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "another nimd") {
		t.Errorf("a second server on the same directory: %v", err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	startEdge(t, cfg)
}

func TestAppsAreShownWithoutSecrets(t *testing.T) {
	e := startEdges(t, 1, nil)[0]
	made := e.do("POST", "/apps", map[string]any{"app_key": "second", "kinds": []string{"jwt"}})
	if secret, _ := made["app_secret"].(string); len(secret) < 16 {
		t.Errorf("made %v", made)
	}
	for _, path := range []string{"/apps", "/apps/second", "/policy?app_key=second"} {
		if out := fmt.Sprint(e.do("GET", path, nil)); strings.Contains(out, made["app_secret"].(string)) || strings.Contains(out, e.AppSecret) {
			t.Errorf("%s shows a secret: %s", path, out)
		}
	}
	if status, _ := e.admin("GET", "/policy", nil); status != http.StatusBadRequest {
		t.Errorf("no app named among two: %d", status)
	}
}

func TestConfigurationIsChecked(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*server.Config)
		says   string
	}{
		"listen":    {func(c *server.Config) { c.Listen = "x" }, "listen:"},
		"admin":     {func(c *server.Config) { c.AdminListen = "x" }, "admin-listen:"},
		"data":      {func(c *server.Config) { c.DataDir = "" }, "data:"},
		"tls":       {func(c *server.Config) { c.TLSCert = "x" }, "tls-cert"},
		"no file":   {func(c *server.Config) { c.TLSCert, c.TLSKey = "x", "x" }, "tls-cert, tls-key:"},
		"heartbeat": {func(c *server.Config) { c.Heartbeat = time.Millisecond }, "heartbeat:"},
		"drain":     {func(c *server.Config) { c.DrainSpread = -1 }, "drain:"},
		"replicas":  {func(c *server.Config) { c.Replicas = 6 }, "nats-replicas:"},
		"frames":    {func(c *server.Config) { c.Limits = &gateway.Limits{FrameRate: -1} }, "frame-rate:"},
		"addresses": {func(c *server.Config) { c.Limits = &gateway.Limits{AddressRate: math.NaN()} }, "address-rate:"},
		"failures":  {func(c *server.Config) { c.Limits = &gateway.Limits{FailureRate: math.Inf(1)} }, "login-failure-rate:"},
		"no path":   {func(c *server.Config) { c.PublicLinks = []string{"h:1", "wss://h/nim", "wss://h"} }, `links: want host:port or a URL such as wss://im.example/nim, not "wss://h"`},
		"no socket": {func(c *server.Config) { c.PublicLinks = []string{"https://h/nim"} }, "links:"},
		"no scheme": {func(c *server.Config) { c.Origins = []string{"*", "null", "https://h", "h"} }, `origins: want * or what browsers send, such as https://im.example, not "h"`},
		"path":      {func(c *server.Config) { c.Origins = []string{"https://h/"} }, "origins:"},
		"too few":   {func(c *server.Config) { c.Limits = &gateway.Limits{Connections: -1} }, "max-connections:"},
	} {
		cfg := server.Config{Listen: "127.0.0.1:0", DataDir: t.TempDir()}
		tc.change(&cfg)
		if s, err := server.Start(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v", name, err)
			if err == nil {
				_ = s.Close()
			}
		}
	}
}
