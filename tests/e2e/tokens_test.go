package e2e

import (
	"bytes"
	"compress/zlib"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/libnim/libnim/tests/nimdtest"
)

// mint has the server make a token of a kind.
func mint(t *testing.T, s *nimdtest.Server, kind, account string, ttl int) string {
	t.Helper()
	var made struct {
		Token string `json:"token"`
	}
	must(t, s.Admin("POST", "/tokens", map[string]any{"kind": kind, "account": account, "ttl_s": ttl}, &made))
	if made.Token == "" {
		t.Fatalf("no %s token", kind)
	}
	return made.Token
}

// app changes the settings of the server's only app.
func app(t *testing.T, s *nimdtest.Server, settings map[string]any) {
	t.Helper()
	settings["app_key"] = s.AppKey
	must(t, s.Admin("POST", "/apps", settings, nil))
}

// Every kind of signed token logs in, and creates its account.
func TestTokenKinds(t *testing.T) {
	s := newServer(t)
	app(t, s, map[string]any{"sdkappid": 1400000000})
	for kind, extension := range map[string]string{
		"hmac": "", "usersig": "", "jwt": "", "dynamic": `{"auth_type":1}`,
	} {
		t.Run(kind, func(t *testing.T) {
			d := newStarted(t, s, kind, settings{})
			name := "fresh-" + kind
			if e := d.loginWith("", name, mint(t, s, kind, name, 600), extension); e.JSON.ErrCode != 200 {
				t.Fatalf("login: %s", e.JSON.Raw)
			}
			if got := d.value("account"); got != name {
				t.Errorf("account %q", got)
			}
			other := newStarted(t, s, "other", settings{})
			e := other.loginWith("", "someone-else", mint(t, s, kind, name, 600), extension)
			if e.JSON.ErrCode != 302 {
				t.Errorf("another account's token: %s", e.JSON.Raw)
			}
		})
	}
}

// userSig signs a Tencent UserSig, version 2, of any age.
func userSig(t *testing.T, app int, secret, account string, signed time.Time, ttl int) string {
	t.Helper()
	text := fmt.Sprintf("TLS.identifier:%s\nTLS.sdkappid:%d\nTLS.time:%d\nTLS.expire:%d\n", account, app, signed.Unix(), ttl)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	data, err := json.Marshal(map[string]any{
		"TLS.ver": "2.0", "TLS.identifier": account, "TLS.sdkappid": app, "TLS.time": signed.Unix(), "TLS.expire": ttl,
		"TLS.sig": base64.StdEncoding.EncodeToString(mac.Sum(nil)),
	})
	must(t, err)
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	_, _ = z.Write(data)
	must(t, z.Close())
	return strings.NewReplacer("+", "*", "/", "-", "=", "_").Replace(base64.StdEncoding.EncodeToString(b.Bytes()))
}

// A refused UserSig carries Tencent's own number.
func TestExpiredUserSig(t *testing.T) {
	s := newServer(t)
	app(t, s, map[string]any{"sdkappid": 1400000000})
	d := newStarted(t, s, "desk", settings{})
	e := d.loginWith("", "alice", userSig(t, 1400000000, s.AppSecret, "alice", time.Now().Add(-time.Hour), 600), "")
	if e.JSON.ErrCode != 302 || e.JSON.ErrName != "token_expired" || e.JSON.ServerCode != 70001 {
		t.Errorf("expired: %s", e.JSON.Raw)
	}
	if c := d.next("connection"); c.JSON.Event != "connecting" {
		t.Errorf("first event %s", c.JSON.Raw)
	}
	d.connection("token_expired")
}

// The app's own server decides over logins of auth_type 2.
func TestWebhookToken(t *testing.T) {
	var seen atomic.Value
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body map[string]any
		_ = json.NewDecoder(r.Body).Decode(&body)
		seen.Store(body)
		if body["token"] != "good" {
			_, _ = w.Write([]byte(`{"errCode":1,"responseCode":20042}`))
			return
		}
		_, _ = w.Write([]byte(`{"errCode":0}`))
	}))
	defer hook.Close()
	s := newServer(t)
	app(t, s, map[string]any{"webhook": map[string]any{"url": hook.URL, "on_failure": "deny"}})
	d := newStarted(t, s, "desk", settings{})
	if e := d.loginWith("", "alice", "bad", `{"auth_type":2,"login_ex":"hello"}`); e.JSON.ErrCode != 403 ||
		e.JSON.ErrName != "webhook_refused" || e.JSON.ServerCode != 20042 {
		t.Errorf("refused: %s", e.JSON.Raw)
	}
	if e := d.loginWith("", "alice", "good", `{"auth_type":2,"login_ex":"hello","custom_tag":"vip"}`); e.JSON.ErrCode != 200 {
		t.Fatalf("login: %s", e.JSON.Raw)
	}
	body, _ := seen.Load().(map[string]any)
	if body["fromAccount"] != "alice" || body["loginExt"] != "hello" || body["customTag"] != "vip" || body["eventType"] != float64(36) {
		t.Errorf("the webhook was told %v", body)
	}
	d.logout(1)
	hook.Close()
	e := d.loginWith("", "alice", "good", `{"auth_type":2,"timeout_ms":1500}`)
	if e.JSON.ErrCode != 503 && e.JSON.ErrCode != 408 || e.JSON.ErrCode == 503 && e.JSON.ErrName != "webhook_unreachable" {
		t.Errorf("unreachable: %s", e.JSON.Raw)
	}
}

// A program that knows nothing but the provider stays online when its token
// runs out: the next one takes its place, and the one after that.
func TestProviderKeepsTheSession(t *testing.T) {
	s := newServer(t)
	app(t, s, map[string]any{"token_grace_s": 5})
	d := newStarted(t, s, "desk", settings{})
	d.do("on", "token", "1")
	if e := d.loginWith("", "alice", mint(t, s, "dynamic", "alice", 1), `{"auth_type":1}`); e.JSON.ErrCode != 200 {
		t.Fatalf("login: %s", e.JSON.Raw)
	}
	d.do("token", mint(t, s, "dynamic", "alice", 3))
	d.next("token")
	d.do("token", mint(t, s, "dynamic", "alice", 600))
	d.next("token")
	d.connection("token_expired")
	tag := d.newTag("push_get") // an answer of the session that is still there
	d.do("push_get", tag)
	if e := d.next("push"); e.Code != 200 {
		t.Errorf("after the renewals: %d", e.Code)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range d.history {
		if e.CB == "disconnect" {
			t.Errorf("the link was lost: %s", e.JSON.Raw)
		}
	}
}

// The provider gives the token of a login without one, and of each relogin.
func TestTokenProvider(t *testing.T) {
	s := newServer(t)
	path := newPath(t, s)
	d := newStarted(t, s, "desk", settings{link: path.Link()})
	d.do("on", "token", "77")
	d.do("token", mint(t, s, "dynamic", "alice", 600))
	if e := d.loginWith("", "alice", "", `{"auth_type":1}`); e.JSON.ErrCode != 200 {
		t.Fatalf("login: %s", e.JSON.Raw)
	}
	d.ready()
	if e := d.next("token"); !strings.Contains(string(e.JSON.Raw), `"reason":"login"`) {
		t.Errorf("asked with %s", e.JSON.Raw)
	}
	d.do("token", "") // none: the old token stays
	path.Cut()
	recovered(t, d)
	if e := d.next("token"); !strings.Contains(string(e.JSON.Raw), `"reason":"relogin"`) {
		t.Errorf("asked with %s", e.JSON.Raw)
	}
	d.do("token", "wrong")
	path.Cut()
	e := d.until("relogin", func(e event) bool { return !e.JSON.Retrying })
	if e.JSON.ErrCode != 302 || d.value("status") != "4" {
		t.Errorf("wrong token: %s, status %s", e.JSON.Raw, d.value("status"))
	}
}

// A token that ends while online is announced, and renewed without a logout.
func TestTokenEndsOnline(t *testing.T) {
	s := newServer(t)
	app(t, s, map[string]any{"token_expiring_s": 3600})
	d := newStarted(t, s, "desk", settings{})
	if e := d.loginWith("", "alice", mint(t, s, "hmac", "alice", 2), ""); e.JSON.ErrCode != 200 {
		t.Fatalf("login: %s", e.JSON.Raw)
	}
	d.connection("token_expiring")
	d.connection("token_expired")
	d.do("renew", mint(t, s, "hmac", "alice", 600), "", d.newTag("renew"))
	if e := d.next("answer"); e.JSON.ErrCode != 200 {
		t.Errorf("renewal: %s", e.JSON.Raw)
	}
	if d.value("state") != "1" {
		t.Error("not logged in after the renewal")
	}
	d.do("renew", "wrong", "", d.newTag("renew"))
	if e := d.next("answer"); e.JSON.ErrCode != 302 {
		t.Errorf("wrong renewal: %s", e.JSON.Raw)
	}
	if d.value("state") != "1" {
		t.Error("a refused renewal ended the session")
	}
}

// Custom classes with counts: over a count the earliest login goes.
func TestCustomPolicy(t *testing.T) {
	s := newServer(t)
	must(t, s.Admin("PUT", "/policy", map[string]any{"multi_login": "custom", "classes": []map[string]any{
		{"name": "mobile", "client_types": []int{1, 2}, "max": 1}, {"name": "desktop", "max": 2},
	}}, nil))
	name := account(t, s)
	first := newStarted(t, s, "first", settings{})
	first.mustLogin(name)
	second := newStarted(t, s, "second", settings{})
	second.mustLogin(name)
	phone := newStarted(t, s, "phone", settings{nimx: map[string]any{"client_type": android}})
	phone.mustLogin(name)
	third := newStarted(t, s, "third", settings{})
	third.mustLogin(name)
	if k := first.next("kickout"); k.JSON.Reason != 1 {
		t.Errorf("kickout: %s", k.JSON.Raw)
	}
	for _, d := range []*device{second, phone, third} {
		if d.value("state") != "1" {
			t.Errorf("%s is not online", d.name)
		}
	}
}
