package core

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/libnim/libnim/core/journal"
	"github.com/libnim/libnim/core/proxy"
	"github.com/libnim/libnim/core/session"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/internal/wire"
)

// nobody is an address of the loopback interface where nobody listens.
const nobody = `{"private_server_setting":{"link":"127.0.0.1:1"}}`

// options are what a program gives to init, with a data directory of its own.
func options(t *testing.T, text string) Options {
	return Options{Version: "1.2.3", DataDir: t.TempDir(), Settings: *settings(t, text), Sink: newRecorder()}
}

// open opens a client that is closed at the end of the test.
func open(t *testing.T, o Options) *Client {
	t.Helper()
	c, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(time.Second) })
	return c
}

func TestOpenRefuses(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{`{}`, "private_server_setting: want link or lbs"},
		{`{"private_server_setting":{"link":"ftp://x"}}`, "private_server_setting.link: "},
		{`{"private_server_setting":{"lbs":"lbs.example"}}`, "private_server_setting.lbs: "},
		{`{"private_server_setting":{"backend":"smtp","link":"a:1"}}`, "private_server_setting.backend: "},
		{`{"private_server_setting":{"backend":"openim"}}`, "private_server_setting.ws_addr"},
		{`{"private_server_setting":{"ws_addr":"ws://gw:10001"}}`, `want "openim" beside ws_addr`},
		{`{"private_server_setting":{"backend":"openim","ws_addr":"ws://gw:10001","platform_id":13}}`, "platform_id: want 1 to 12"},
		{`{"private_server_setting":{"link":"a:1"},"nimx":{"device_id":"a\nb"}}`, "device_id"},
		{`{"private_server_setting":{"link":"a:1"},"nimx":{"ca_file":"/nonexistent/ca.pem"}}`, "ca.pem"},
		{`{"server_conf_file_path":"/nonexistent/nim_server.conf"}`, "server_conf_file_path: "},
	} {
		o := options(t, tt.text)
		c, err := Open(o)
		if err == nil {
			c.Close(time.Second)
		}
		if err == nil || err.Kind != nimerr.InvalidArgument || !strings.Contains(err.Detail, tt.want) {
			t.Errorf("%s: got %v, want %q", tt.text, err, tt.want)
		}
		// What was refused leaves nothing locked behind.
		o.Settings = *settings(t, nobody)
		open(t, o)
	}
}

func TestOpenTakesTheDataDirectory(t *testing.T) {
	o := options(t, nobody)
	c := open(t, o)
	again := open(t, o) // several may use it
	a, _ := c.dir.DeviceID("")
	if b, _ := again.dir.DeviceID(""); a == "" || a != b {
		t.Errorf("device ids %q and %q, want the same", a, b)
	}
	o = options(t, nobody)
	o.DataDir = filepath.Join(o.DataDir, "file", "dir")
	if err := os.WriteFile(filepath.Dir(o.DataDir), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(o); err == nil || err.Kind != nimerr.DataDirUnusable {
		t.Errorf("a directory that cannot be made: %v", err)
	}
}

func TestSame(t *testing.T) {
	o := options(t, nobody)
	c := open(t, o)
	for _, tt := range []struct {
		dir, text string
		want      bool
	}{
		{o.DataDir, nobody, true},
		{o.DataDir + "/", nobody, true},
		{t.TempDir(), nobody, false},
		{o.DataDir, `{"private_server_setting":{"link":"127.0.0.1:2"}}`, false},
		{o.DataDir, `{"private_server_setting":{"link":"127.0.0.1:1"},"app_key":"x"}`, false},
		{o.DataDir, `{"unknown":1,"private_server_setting":{"link":"127.0.0.1:1"}}`, true},
		{o.DataDir, `{"server_conf_file_path":"/nonexistent"}`, false},
	} {
		if got := c.Same(tt.dir, settings(t, tt.text)); got != tt.want {
			t.Errorf("Same(%s) = %v, want %v", tt.text, got, tt.want)
		}
	}
}

// Close is bounded, whatever the session does, and comes before the directory
// is free again.
func TestCloseIsBounded(t *testing.T) {
	o := options(t, nobody)
	stuck := &stuckSink{recorder: newRecorder(), hold: make(chan struct{})}
	o.Sink = stuck
	c, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	stuck.armed.Store(true)
	go c.Login(stuck.open("login"), session.LoginRequest{AppKey: "app", Account: "alice", Token: "secret"})
	start := time.Now()
	c.Close(50 * time.Millisecond)
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("Close took %v", d)
	}
	close(stuck.hold)
	<-c.Done()
	open(t, o)
}

// stuckSink holds up the session, as no sink may.
type stuckSink struct {
	*recorder
	armed atomic.Bool
	hold  chan struct{}
}

func (s *stuckSink) Publish(status session.Status, account string) {
	if s.armed.Load() {
		<-s.hold
	}
	s.recorder.Publish(status, account)
}

// A key that nobody takes, of another SDK or misspelt, is a line in the log.
func TestUnknownKeysAreLogged(t *testing.T) {
	c := open(t, options(t, `{"appkey":"k","global_config":{"sdk_log_level":6},"private_server_setting":{"link":"127.0.0.1:1"}}`))
	if trace := strings.Join(c.journal.Trace(), "\n"); !strings.Contains(trace, `"unknown_key"`) || !strings.Contains(trace, `"appkey"`) {
		t.Errorf("got %s", trace)
	}
}

func TestDescribe(t *testing.T) {
	d := open(t, options(t, nobody)).Describe()
	if d.Version != "1.2.3" || d.AbiLevel != abi.Level || d.Backend != "nim" || !slices.Contains(d.Backends, "openim") {
		t.Errorf("got %+v", d)
	}
	for _, f := range []string{"kick_other", "presence", "renew_token", "push_config", "server_time", "upload_log", "kick_details", "token_expiry", "refuse_device"} {
		if !slices.Contains(d.BackendFeatures, f) {
			t.Errorf("feature %s is missing in %q", f, d.BackendFeatures)
		}
	}
	c := open(t, options(t, `{"private_server_setting":{"backend":"openim","ws_addr":"ws://127.0.0.1:1","api_addr":"http://127.0.0.1:1"}}`))
	if d := c.Describe(); d.Backend != "openim" || slices.Contains(d.BackendFeatures, "renew_token") {
		t.Errorf("got %+v", d)
	}
	if name, caps := c.Capabilities(); name != "openim" || !caps.TokenInHandshake {
		t.Errorf("%s: %+v", name, caps)
	}
}

// The environment names a proxy only to a program that asks for it.
func TestProxyFromEnvironment(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:3128")
	t.Setenv("NO_PROXY", "")
	t.Setenv("no_proxy", "")
	if p := open(t, options(t, nobody)).dialer.Load().Proxy; p.Type != proxy.None {
		t.Errorf("got %+v without asking", p)
	}
	asked := `{"nimx":{"use_env_proxy":true},"private_server_setting":{"link":"127.0.0.1:1"}}`
	if p := open(t, options(t, asked)).dialer.Load().Proxy; p.Type != proxy.HTTP || p.Port != 3128 {
		t.Errorf("got %+v", p)
	}
	own := options(t, asked)
	own.Proxy = proxy.Config{Type: proxy.Socks5, Host: "127.0.0.1", Port: 1080}
	if p := open(t, own).dialer.Load().Proxy; p.Type != proxy.Socks5 {
		t.Errorf("got %+v beside the program's own", p)
	}
	t.Setenv("HTTP_PROXY", "ftp://user:proxy-secret@127.0.0.1:3128")
	if _, err := Open(options(t, asked)); err == nil || err.Kind != nimerr.InvalidArgument || strings.Contains(err.Error(), "proxy-secret") {
		t.Errorf("got %v", err)
	}
}

// Work in the background ends with the client; a panic in it stays inside.
func TestBackground(t *testing.T) {
	o := options(t, nobody)
	c := open(t, o)
	done := make(chan error, 1)
	c.Background(func(ctx context.Context) { <-ctx.Done(); done <- ctx.Err() })
	c.Background(func(context.Context) { panic("provoked") })
	finished := make(chan struct{})
	c.Background(func(context.Context) { close(finished) })
	<-finished
	c.Close(time.Second)
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
}

func TestCacheOfTheDataDirectory(t *testing.T) {
	c := open(t, options(t, nobody))
	if f, err := c.CacheInfo("alice", "image", 0); err != nil || f.Count != 0 {
		t.Errorf("got %+v, %v", f, err)
	}
	if err := c.CacheDelete("alice", "image", 5); err != nil {
		t.Error(err)
	}
}

// A gateway on a real socket that admits everybody.
func realGateway(t *testing.T) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(admitAll)}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return l.Addr().String()
}

// admitAll is a gateway that greets and grants every request.
func admitAll(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/lbs" {
		_, _ = w.Write([]byte(`{"link":["` + r.Host + `"],"ttl_s":60}`))
		return
	}
	c, err := (&websocket.Upgrader{Subprotocols: []string{wire.Subprotocol}}).Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer c.Close()
	write := func(f wire.Frame, body any) {
		data, _ := wire.Encode(f, body)
		_ = c.WriteMessage(websocket.TextMessage, data)
	}
	write(wire.Frame{Op: wire.OpHello}, wire.Hello{Server: "test", Features: []string{"send"}})
	for {
		_, data, err := c.ReadMessage()
		if err != nil {
			return
		}
		if f, err := wire.Decode(data); err == nil {
			write(wire.Frame{Op: wire.OpReply, ID: f.ID, Code: 200}, nil)
		}
	}
}

// The whole client on real sockets: discovery, login, log upload, logout.
func TestClientLogsIn(t *testing.T) {
	for _, lbs := range []bool{false, true} {
		address := realGateway(t)
		text := `{"app_key":"app","private_server_setting":{"link":"` + address + `"}}`
		if lbs {
			text = `{"app_key":"app","private_server_setting":{"lbs":"http://` + address + `/lbs"}}`
		}
		o := options(t, text)
		r := o.Sink.(*recorder)
		var logged atomic.Int64
		o.Log = func(journal.Level, string) { logged.Add(1) }
		o.DiskLow = func(uint64) {}
		c := open(t, o)
		c.Login(r.open("login"), session.LoginRequest{Account: "alice", Token: "secret-token", Options: abi.LoginOptions{Force: true}})
		r.wait(t, "synced")
		if f := c.Describe().BackendFeatures; !slices.Contains(f, "send") || !slices.Contains(f, "kick_other") {
			t.Errorf("features %q", f)
		}
		c.Upload.Log(r.open("upload"), "it broke")
		r.wait(t, "upload 200")
		c.Logout(r.open("logout"), 3, "")
		r.wait(t, "logout 200")
		if logged.Load() == 0 {
			t.Error("nothing was logged")
		}
		c.Close(time.Second)
		wantNoSecret(t, o.DataDir, c.journal.Trace())
		if owed := r.owed(); len(owed) != 0 {
			t.Errorf("not answered: %q", owed)
		}
	}
}

// wantNoSecret looks for the token in every file of the data directory and in
// the trace.
func wantNoSecret(t *testing.T, dir string, trace []string) {
	t.Helper()
	if len(trace) == 0 {
		t.Error("the trace is empty")
	}
	if strings.Contains(strings.Join(trace, "\n"), "secret-token") {
		t.Error("the trace holds the token")
	}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if strings.Contains(string(data), "secret-token") {
			t.Errorf("%s holds the token", d.Name())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// A proxy that is set takes effect at the next connect, and an error names it.
func TestSetProxy(t *testing.T) {
	address := realGateway(t)
	o := options(t, `{"app_key":"app","private_server_setting":{"link":"`+address+`"}}`)
	r := o.Sink.(*recorder)
	dead := proxy.Config{Type: proxy.Socks5, Host: "127.0.0.1", Port: 1, User: "user", Password: "proxy-secret"}
	o.Proxy = dead
	c := open(t, o)
	c.Login(r.open("login"), session.LoginRequest{Account: "alice", Token: "secret-token", Options: abi.LoginOptions{TimeoutMs: 20000}})
	r.wait(t, "login 415 proxy_failed retrying")
	c.SetProxy(proxy.Config{})
	c.NetworkChanged()
	r.wait(t, "login 200")
	if err := c.DetectProxy(t.Context(), dead); err == nil || strings.Contains(err.Error(), "proxy-secret") {
		t.Errorf("DetectProxy: %v", err)
	}
	if err := c.DetectProxy(t.Context(), proxy.Config{}); err != nil && !errors.Is(err, nimerr.InvalidArgument) {
		t.Errorf("DetectProxy without proxy: %v", err)
	}
}
