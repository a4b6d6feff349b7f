package e2e

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/libnim/libnim/tests/nimdtest"
)

// A hunt looks for secrets wherever they could have come to light.
type hunt struct {
	t       *testing.T
	secrets map[string][]string // by name: the secret and its usual encodings
	hidden  map[string][]string // may be in what programs are told, not in what is written down
	places  int
}

// forms are a secret and what the usual encoders make of it.
func forms(secret string) []string {
	data := []byte(secret)
	quoted, _ := json.Marshal(secret)
	return []string{
		secret, url.QueryEscape(secret), url.PathEscape(secret), string(quoted[1 : len(quoted)-1]), hex.EncodeToString(data),
		base64.RawStdEncoding.EncodeToString(data), base64.RawURLEncoding.EncodeToString(data),
	}
}

// look searches one place; written says whether it is a log.
func (h *hunt) look(place, text string, written bool) {
	h.t.Helper()
	h.places++
	for name, all := range h.secrets {
		h.find(place, text, name, all)
	}
	if written {
		for name, all := range h.hidden {
			h.find(place, text, name, all)
		}
	}
}

func (h *hunt) find(place, text, name string, all []string) {
	h.t.Helper()
	for _, form := range all {
		if at := strings.Index(text, form); at >= 0 {
			h.t.Errorf("%s is in %s: …%s…", name, place, text[max(0, at-80):min(len(text), at+len(form)+20)])
			return
		}
	}
}

// device looks at all that a program was told: answers, events, log lines.
func (h *hunt) device(d *device) {
	h.t.Helper()
	lines := 0
	for _, e := range d.history {
		switch {
		case e.CB == "log":
			lines++
			h.look(d.name+": log line", string(e.Content), true)
		default:
			h.look(d.name+": "+e.kind(), string(e.JSON.Raw)+string(e.Value)+string(e.Content), false)
		}
	}
	if lines < 10 {
		h.t.Errorf("%s: %d log lines only", d.name, lines)
	}
}

// files looks at every file below a directory.
func (h *hunt) files(dir string) {
	h.t.Helper()
	logs := 0
	must(h.t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		if strings.HasSuffix(path, ".log") {
			logs++
		}
		data, err := os.ReadFile(path)
		h.look(path, string(data), true)
		return err
	}))
	if logs == 0 {
		h.t.Errorf("%s: no log file", dir)
	}
}

// A tap keeps the head of every request that goes through it to a server: what
// a proxy or a web server on the way would write into its log.
type tap struct {
	listener net.Listener

	mu    sync.Mutex
	heads []string // guarded by mu
}

func newTap(t *testing.T, target string) *tap {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	p := &tap{listener: l}
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			go p.pass(near, target)
		}
	}()
	return p
}

func (p *tap) host() string { return p.listener.Addr().String() }

func (p *tap) pass(near net.Conn, target string) {
	defer func() { _ = near.Close() }()
	far, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer func() { _ = far.Close() }()
	go func() {
		buf := make([]byte, 32<<10)
		for {
			n, err := far.Read(buf)
			if _, bad := near.Write(buf[:n]); err != nil || bad != nil {
				_ = near.Close()
				return
			}
		}
	}()
	head, done, buf := "", false, make([]byte, 32<<10)
	for {
		n, err := near.Read(buf)
		if !done {
			head += string(buf[:n])
			if end := strings.Index(head, "\r\n\r\n"); end >= 0 {
				done = true
				p.mu.Lock()
				p.heads = append(p.heads, head[:end])
				p.mu.Unlock()
			}
		}
		if _, bad := far.Write(buf[:n]); err != nil || bad != nil {
			return
		}
	}
}

func (p *tap) all() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.heads...)
}

// The secrets of TestSecretsAreNowhere that the test chooses itself. The
// characters are such that encoders change them.
const (
	secretStatic   = "static/token+of the account&1"
	secretRefused  = "refused/token+of nobody&2"
	secretHook     = "webhook/token+for the app&3"
	secretLoginEx  = "login_ex/text+for the app&4"
	secretProxy    = "proxy/password+of joe&5"
	secretNewProxy = "proxy/password+wrong&6"
)

// Tokens, passwords and secrets are used rightly and under every failure, and
// then looked for in all that programs are told, every log line and file, the
// trace, the server's log and the heads of its requests.
func TestSecretsAreNowhere(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"errCode":1,"responseCode":20042}`))
	}))
	defer hook.Close()
	app(t, s, map[string]any{"sdkappid": 1400000000, "webhook": map[string]any{"url": hook.URL, "on_failure": "deny"}})
	must(t, s.AddAccount("alice", secretStatic))
	h := &hunt{t: t, secrets: map[string][]string{}, hidden: map[string][]string{"login_ex": forms(secretLoginEx)}}
	for name, secret := range map[string]string{
		"the static token": secretStatic, "the refused token": secretRefused, "the webhook token": secretHook,
		"the proxy password": secretProxy, "the wrong proxy password": secretNewProxy,
		"the app secret": s.AppSecret, "the admin key": s.AdminKey,
	} {
		h.secrets[name] = forms(secret)
	}
	tokens := map[string]string{}
	for _, kind := range []string{"dynamic", "usersig", "jwt", "hmac"} {
		tokens[kind] = mint(t, s, kind, "alice", 600)
		h.secrets["the "+kind+" token"] = forms(tokens[kind])
	}
	expired := userSig(t, 1400000000, s.AppSecret, "alice", time.Now().Add(-time.Hour), 600)
	h.secrets["the expired UserSig"] = forms(expired)

	path, requests := newPath(t, s), newTap(t, s.Host())
	dir := t.TempDir()
	d := newDevice(t, "desk")
	d.do("on", "log", "7")
	d.do("on", "token", "77")
	d.start(s, settings{link: path.Link(), dir: dir, global: map[string]any{"sdk_log_level": levelPro}})
	provokeRefusals(d, tokens, expired)
	provokeLosses(t, d, s, path, tokens)
	provokeProxyFailures(t, d)
	d.diagnose()
	d.do("upload_log", "please look", d.newTag("upload_log"))
	d.next("answer")
	again := settings{link: "ws://127.0.0.1:1/nim", dir: dir}
	d.do("init", dir, "", again.json(s)) // refused; init_error says why
	d.value("init_error")
	d.close()

	h.device(d)
	h.files(dir)

	for name, link := range map[string]string{"tapped": "ws://" + requests.host() + "/nim", "no TLS": "wss://" + requests.host() + "/nim"} {
		dir, d := t.TempDir(), newDevice(t, name)
		d.do("on", "log", "7")
		d.start(s, settings{link: link, dir: dir, global: map[string]any{"sdk_log_level": levelPro}})
		if strings.HasPrefix(link, "ws:") {
			provokeRefusals(d, tokens, expired)
		} else if e := d.loginWith("", "alice", secretStatic, `{"timeout_ms":1500,"login_ex":"`+secretLoginEx+`"}`); e.JSON.ErrName != "tls_failed" {
			t.Errorf("TLS with a server that speaks none: %s", e.JSON.Raw)
		}
		d.diagnose()
		d.close()
		h.device(d)
		h.files(dir)
	}
	heads := requests.all()
	if len(heads) < 5 {
		t.Errorf("%d requests went through the tap", len(heads))
	}
	for _, head := range heads {
		h.look("a request: "+strings.SplitN(head, "\r\n", 2)[0], head, true)
	}
	must(t, s.Stop())
	if log := s.Log(); !strings.Contains(log, "alice") {
		t.Errorf("the server's log says nothing: %d bytes", len(log))
	} else {
		h.look("the server's log", log, true)
	}
	t.Logf("%d secrets looked for in %d places", len(h.secrets)+len(h.hidden), h.places)
}

// provokeRefusals has every kind of token taken, refused, and given for another
// account.
func provokeRefusals(d *device, tokens map[string]string, expired string) {
	d.t.Helper()
	want := func(code int, e event) {
		d.t.Helper()
		if e.JSON.ErrCode != code {
			d.t.Errorf("want %d: %s", code, e.JSON.Raw)
		}
	}
	want(302, d.loginWith("", "alice", secretRefused, ""))
	want(302, d.loginWith("", "alice", expired, ""))
	want(403, d.loginWith("", "alice", secretHook, `{"auth_type":2,"login_ex":"`+secretLoginEx+`"}`))
	want(414, d.loginWith("", "not legal", secretStatic, `{"login_ex":"`+secretLoginEx+`"}`))
	want(414, d.loginWith("", "alice", secretStatic, `{"custom_tag":5,"login_ex":"`+secretLoginEx+`"}`))
	want(414, d.loginWith("", "alice", secretStatic, `{"login_ex":"`+secretLoginEx+`"`)) // not JSON
	for kind, token := range tokens {
		extension := ""
		if kind == "dynamic" {
			extension = `{"auth_type":1}`
		}
		want(302, d.loginWith("", "bob", token, extension))
		want(200, d.loginWith("", "alice", token, extension))
		d.ready()
		d.logout(1)
	}
}

// provokeLosses ends sessions in every way: cut, kicked, frozen, restarted, a
// refused renewal, a provider whose token is refused.
func provokeLosses(t *testing.T, d *device, s *nimdtest.Server, path *nimdtest.Path, tokens map[string]string) {
	t.Helper()
	d.loginWith("", "alice", secretStatic, "")
	d.ready()
	path.Cut()
	d.next("disconnect")
	recovered(t, d)
	d.do("renew", secretRefused, `{"login_ex":"`+secretLoginEx+`"}`, d.newTag("renew"))
	if e := d.next("answer"); e.JSON.ErrCode != 302 {
		t.Errorf("renewal: %s", e.JSON.Raw)
	}
	must(t, s.Kick("alice", "out"))
	d.next("kickout")

	d.do("token", tokens["dynamic"])
	d.loginWith("", "alice", "", `{"auth_type":1}`)
	d.ready()
	d.do("token", secretRefused)
	path.Cut()
	d.next("disconnect")
	if e := d.until("relogin", func(e event) bool { return !e.JSON.Retrying }); e.JSON.ErrCode != 302 {
		t.Errorf("relogin: %s", e.JSON.Raw)
	}
	d.do("token", "")
	d.loginWith("", "alice", secretStatic, "")
	d.ready()
	must(t, syscall.Kill(s.PID(), syscall.SIGSTOP))
	d.next("disconnect")
	must(t, syscall.Kill(s.PID(), syscall.SIGCONT))
	recovered(t, d)
	must(t, s.Stop())
	d.next("disconnect")
	must(t, s.Restart())
	recovered(t, d)
	d.logout(1)
}

// provokeProxyFailures logs in through proxies that refuse the password, are
// not there, or are no proxies, and to a server that does not speak TLS.
func provokeProxyFailures(t *testing.T, d *device) {
	t.Helper()
	var asked atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusProxyAuthRequired)
	}))
	defer proxy.Close()
	_, port, err := net.SplitHostPort(proxy.Listener.Addr().String())
	must(t, err)
	for _, kind := range []string{"1", "5", socks5} {
		for _, at := range []string{port, "1"} {
			d.do("set_proxy", kind, "127.0.0.1", at, "joe", secretNewProxy)
			if e := d.loginWith("", "alice", secretStatic, `{"timeout_ms":300}`); e.JSON.ErrCode == 200 {
				t.Errorf("a login through no proxy: %s", e.JSON.Raw)
			}
			d.do("detect_proxy", kind, "127.0.0.1", at, "joe", secretProxy, d.newTag("detect"))
			d.next("proxy")
		}
	}
	if asked.Load() == 0 {
		t.Error("no proxy was asked")
	}
	d.do("set_proxy", "0", "", "0", "", "")
	if e := d.loginWith("", "alice", secretStatic, ""); e.JSON.ErrCode != 200 {
		t.Errorf("without a proxy: %s", e.JSON.Raw)
	}
}
