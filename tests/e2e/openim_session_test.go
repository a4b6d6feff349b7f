package e2e

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/libnim/libnim/tests/nimdtest"
	"github.com/libnim/libnim/tests/openimfake"
)

// What a session does on any server, on OpenIM.

// pathTo returns a way to a deployment's gateway that can be cut.
func pathTo(t *testing.T, s *openimfake.Server) (path *nimdtest.Path, ws string) {
	t.Helper()
	path, err := nimdtest.NewPath(strings.TrimPrefix(s.WSAddr(), "ws://"))
	must(t, err)
	t.Cleanup(func() { _ = path.Close() })
	return path, "ws://" + path.Host()
}

func TestOpenIMLoginAgain(t *testing.T) {
	s := newOpenIM(t)
	s.AddUser(openimfake.User{UserID: "bob"})
	d, token := onOpenIM(t, s)
	if e := d.loginWith("", "alice", token, ""); e.JSON.ErrCode != 200 || !e.JSON.Repeat {
		t.Errorf("the same token: %s", e.JSON.Raw)
	}
	if e := d.loginWith("", "alice", s.Token("alice", linux), ""); e.JSON.ErrCode != 200 || !e.JSON.Repeat {
		t.Errorf("a new token: %s", e.JSON.Raw)
	}
	if e := d.loginWith("", "bob", s.Token("bob", linux), ""); e.JSON.ErrCode != 20002 {
		t.Errorf("another account: %s", e.JSON.Raw)
	}
	if e := d.loginWith("", "bob", s.Token("bob", linux), `{"switch_account":true}`); e.JSON.ErrCode != 200 {
		t.Errorf("switch: %s", e.JSON.Raw)
	}
	waitFor(t, "alice to be gone", func() bool { return len(s.Online("alice")) == 0 && len(s.Online("bob")) == 1 })
	if d.value("account") != "bob" {
		t.Errorf("account %q", d.value("account"))
	}
	for _, e := range d.history {
		if e.CB == "kickout" {
			t.Errorf("kicked: %s", e.JSON.Raw)
		}
	}
}

func TestOpenIMLoginDuringLogin(t *testing.T) {
	s := newOpenIM(t)
	d, _ := newOnOpenIM(t, s, nil)
	token := s.Token("alice", linux)
	s.Freeze()
	d.do("login", "", "alice", token, "", d.newTag("login"))
	d.connection("connecting")
	if e := d.loginWith("", "alice", token, ""); e.JSON.ErrCode != 21001 {
		t.Errorf("second login: %s", e.JSON.Raw)
	}
	s.Thaw()
	if e := d.until("login", func(e event) bool { return e.JSON.final() }); e.JSON.ErrCode != 200 {
		t.Errorf("first login: %s", e.JSON.Raw)
	}
}

// A logout needs no server that answers: neither during a login nor online.
func TestOpenIMLogoutOfAFrozenServer(t *testing.T) {
	t.Parallel()
	s := newOpenIM(t)
	d, _ := newOnOpenIM(t, s, nil)
	token := s.Token("alice", linux)
	s.Freeze()
	d.do("login", "", "alice", token, "", d.newTag("login"))
	d.connection("connecting")
	start := time.Now()
	out := d.logout(1)
	if cut := d.until("login", func(e event) bool { return e.JSON.final() }); cut.JSON.ErrCode != 21002 || cut.At > out.At || time.Since(start) > time.Second {
		t.Errorf("the login after %v: %s", time.Since(start), cut.JSON.Raw)
	}
	s.Thaw()
	if e := d.loginWith("", "alice", token, ""); e.JSON.ErrCode != 200 {
		t.Fatalf("login: %s", e.JSON.Raw)
	}
	s.Freeze()
	start = time.Now()
	if e := d.logout(1); e.JSON.ErrCode != 200 || time.Since(start) > 6*time.Second {
		t.Errorf("logout after %v: %s", time.Since(start), e.JSON.Raw)
	}
	s.Thaw()
}

func TestOpenIMPauseAndResume(t *testing.T) {
	s := newOpenIM(t)
	d, _ := onOpenIM(t, s)
	d.do("pause", d.newTag("pause"))
	if e := d.next("answer"); e.JSON.ErrCode != 200 || d.value("status") != "7" {
		t.Errorf("pause: %s, status %s", e.JSON.Raw, d.value("status"))
	}
	waitFor(t, "the server to see it", func() bool { return len(s.Online("alice")) == 0 })
	d.do("resume", d.newTag("resume"))
	if e := d.next("answer"); e.JSON.ErrCode != 200 {
		t.Errorf("resume: %s", e.JSON.Raw)
	}
	recovered(t, d)
}

func TestOpenIMRelogin(t *testing.T) {
	s := newOpenIM(t)
	path, ws := pathTo(t, s)
	d, _ := newOnOpenIM(t, s, map[string]any{"ws_addr": ws})
	if e := d.loginWith("", "alice", s.Token("alice", linux), ""); e.JSON.ErrCode != 200 {
		t.Fatalf("login: %s", e.JSON.Raw)
	}
	d.ready()
	path.SetClosed(true)
	d.next("disconnect")
	d.until("relogin", func(e event) bool { return e.JSON.Retrying && e.JSON.ErrCode == 415 })
	path.SetClosed(false)
	d.do("relogin", "")
	recovered(t, d)

	// A new network is a reason to look at once whether the server is there.
	s.Freeze()
	start := time.Now()
	d.do("network_changed", "")
	if e := d.next("disconnect"); e.JSON.ErrName != "server_silent" || time.Since(start) > 5*time.Second {
		t.Errorf("after %v: %s", time.Since(start), e.JSON.Raw)
	}
	s.Thaw()
	recovered(t, d)
}

// The provider gives the token of a login without one, and of each relogin.
func TestOpenIMTokenProvider(t *testing.T) {
	s := newOpenIM(t)
	d, _ := newOnOpenIM(t, s, nil)
	d.do("on", "token", "77")
	d.do("token", s.Token("alice", linux))
	if e := d.loginWith("", "alice", "", `{"auth_type":1}`); e.JSON.ErrCode != 200 {
		t.Fatalf("login: %s", e.JSON.Raw)
	}
	d.ready()
	if e := d.next("token"); !strings.Contains(string(e.JSON.Raw), `"reason":"login"`) {
		t.Errorf("asked with %s", e.JSON.Raw)
	}
	d.do("token", s.Token("alice", linux)) // which revokes the one in use
	s.Cut()
	recovered(t, d)
	if e := d.next("token"); !strings.Contains(string(e.JSON.Raw), `"reason":"relogin"`) {
		t.Errorf("asked with %s", e.JSON.Raw)
	}
	d.do("token", "wrong")
	s.Cut()
	e := d.until("relogin", func(e event) bool { return !e.JSON.Retrying })
	if e.JSON.ErrCode != 302 || d.value("status") != "4" {
		t.Errorf("wrong token: %s, status %s", e.JSON.Raw, d.value("status"))
	}
}

// A deployment behind a reverse proxy with TLS, a path for each of its two
// ports, and a proxy on the way to it.
func TestOpenIMBehindTLSAndProxies(t *testing.T) {
	s := newOpenIM(t)
	to := func(address string) http.Handler {
		u, err := url.Parse("http" + strings.TrimPrefix(strings.TrimPrefix(address, "http"), "ws"))
		must(t, err)
		return httputil.NewSingleHostReverseProxy(u)
	}
	mux := http.NewServeMux()
	mux.Handle("/msg_gateway", to(s.WSAddr()))
	mux.Handle("/api/", http.StripPrefix("/api", to(s.APIAddr())))
	cert, key, _ := certificate(t, t.TempDir(), "127.0.0.1", time.Now().Add(time.Hour))
	pair, err := tls.LoadX509KeyPair(cert, key)
	must(t, err)
	front := httptest.NewUnstartedServer(mux)
	front.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	front.StartTLS()
	t.Cleanup(front.Close)
	t.Cleanup(s.Cut) // before: the front waits for its connections

	port := socks(t)
	d := newDevice(t, "desk")
	d.do("set_proxy", socks5, "127.0.0.1", port, "", "")
	host := strings.TrimPrefix(front.URL, "https://")
	d.initWith(filepath.Join(t.TempDir(), "data"), map[string]any{
		"private_server_setting": map[string]any{
			"backend": "openim", "ws_addr": "wss://" + host + "/msg_gateway", "api_addr": "https://" + host + "/api/", "platform_id": linux,
		},
		"nimx": map[string]any{"ca_file": cert},
	})
	if e := d.loginWith("", "alice", s.Token("alice", linux), ""); e.JSON.ErrCode != 200 {
		t.Fatalf("login: %s", e.JSON.Raw)
	}
	d.ready()
	if user := d.value("user"); !strings.Contains(user, "https://face") {
		t.Errorf("user %s", user)
	}
	s.Cut()
	recovered(t, d)
	s.KickKeepingToken("alice", linux)
	if e := d.next("kickout"); e.JSON.Reason != 2 {
		t.Errorf("kickout: %s", e.JSON.Raw)
	}
}
