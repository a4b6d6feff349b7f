package server_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/libnim/libnim/internal/wire"
)

// mint makes a token by REST.
func (e *edge) mint(account, kind string, ttl time.Duration) (token string, authType int) {
	e.t.Helper()
	out := e.do("POST", "/tokens", map[string]any{"app_key": e.AppKey, "account": account, "kind": kind, "ttl_s": int(ttl / time.Second)})
	return out["token"].(string), int(out["auth_type"].(float64))
}

func TestEveryKindOfTokenLogsInAndCreatesTheAccount(t *testing.T) {
	e := startEdges(t, 1, nil)[0]
	e.do("POST", "/apps", map[string]any{"app_key": e.AppKey, "sdkappid": 1400000000})
	for _, kind := range []string{"hmac", "jwt", "usersig", "dynamic", "static"} {
		t.Run(kind, func(t *testing.T) {
			c := e.dial()
			l := e.loginAs("new-"+kind, "d1", pc)
			l.Token, l.AuthType = e.mint(l.Account, kind, time.Hour)
			ok := c.mustLogin(l)
			if (ok.TokenExpiresAtMS == 0) != (kind == "static") || (ok.TokenExpiringMS == 0) != (kind == "static") {
				t.Errorf("expires at %d, announced %d before", ok.TokenExpiresAtMS, ok.TokenExpiringMS)
			}
			e.do("GET", "/accounts/new-"+kind, nil)
		})
	}
}

func TestRefusedTokensSayWhy(t *testing.T) {
	e := startEdges(t, 1, nil)[0]
	e.do("POST", "/apps", map[string]any{"app_key": e.AppKey, "sdkappid": 1400000000})
	e.do("POST", "/apps", map[string]any{"app_key": "other", "sdkappid": 1400000001})
	e.account("alice")
	refusal := func(l wire.Login) wire.Frame {
		return e.dial().ask(wire.OpLogin, l, nil)
	}
	login := func(account, kind string, change func(*wire.Login)) wire.Login {
		l := e.loginAs(account, "d1", pc)
		l.Token, l.AuthType = e.mint(account, kind, time.Hour)
		if change != nil {
			change(&l)
		}
		return l
	}
	for _, tc := range []struct {
		name   string
		login  wire.Login
		err    string
		server int32
	}{
		{"another account", login("bob", "usersig", func(l *wire.Login) { l.Account = "alice" }), "token_account_mismatch", 70013},
		{"another app", login("alice", "usersig", func(l *wire.Login) { l.AppKey = "other" }), "token_app_mismatch", 70014},
		{"another key", login("alice", "hmac", func(l *wire.Login) { l.AppKey = "other" }), "token_key_mismatch", 0},
		{"dynamic as static", login("alice", "dynamic", func(l *wire.Login) { l.AuthType = 0 }), "token_invalid", 0},
		{"static as dynamic", login("alice", "static", func(l *wire.Login) { l.AuthType = 1 }), "token_invalid", 0},
		{"webhook without one", login("alice", "static", func(l *wire.Login) { l.AuthType = 2 }), "auth_type_refused", 0},
	} {
		if f := refusal(tc.login); f.ErrName != tc.err || f.ServerCode != tc.server {
			t.Errorf("%s: %d %s, server code %d; want %s, %d", tc.name, f.Code, f.ErrName, f.ServerCode, tc.err, tc.server)
		}
	}

	kept := login("alice", "jwt", nil)
	e.do("POST", "/tokens/revoke", map[string]any{"app_key": e.AppKey, "account": "alice"})
	if f := refusal(kept); f.ErrName != "token_revoked" {
		t.Errorf("revoked: %s", f.ErrName)
	}
	if f := refusal(login("alice", "jwt", nil)); f.Code != 200 {
		t.Errorf("minted after the revocation: %s", f.ErrName)
	}
	e.do("POST", "/apps", map[string]any{"app_key": e.AppKey, "kinds": []string{"hmac"}, "auto_create": false})
	if f := refusal(login("alice", "jwt", nil)); f.ErrName != "auth_type_refused" {
		t.Errorf("kind not allowed: %s", f.ErrName)
	}
	if f := refusal(login("nobody", "hmac", nil)); f.ErrName != "token_invalid" {
		t.Errorf("account not created: %s", f.ErrName)
	}
}

// Many signers of JWTs leave the time of issue out. Such a token is good until
// the account's tokens are revoked: then nobody knows that it is newer.
func TestJWTWithoutATimeOfIssue(t *testing.T) {
	e := startEdges(t, 1, nil)[0]
	part := base64.RawURLEncoding.EncodeToString
	signed := part([]byte(`{"alg":"HS256"}`)) + "." + part(fmt.Appendf(nil, `{"sub":"alice","exp":%d}`, time.Now().Add(time.Hour).Unix()))
	mac := hmac.New(sha256.New, []byte(e.AppSecret))
	mac.Write([]byte(signed))
	l := e.loginAs("alice", "d1", pc)
	l.Token = signed + "." + part(mac.Sum(nil))
	if f := e.dial().ask(wire.OpLogin, l, nil); f.Code != 200 {
		t.Fatalf("got %d %s", f.Code, f.ErrName)
	}
	e.do("POST", "/tokens/revoke", map[string]any{"app_key": e.AppKey, "account": "alice"})
	if f := e.dial().ask(wire.OpLogin, l, nil); f.ErrName != "token_revoked" {
		t.Errorf("after the revocation: got %d %s", f.Code, f.ErrName)
	}
}

func TestRotatedSecretStillVerifies(t *testing.T) {
	e := startEdges(t, 1, nil)[0]
	l := e.loginAs("alice", "d1", pc)
	l.Token, _ = e.mint("alice", "hmac", time.Hour)
	if out := e.do("POST", "/apps", map[string]any{"app_key": e.AppKey, "rotate_secret": true}); out["app_secret"] == e.AppSecret {
		t.Error("the secret did not change")
	}
	e.dial().mustLogin(l)
	e.do("POST", "/apps", map[string]any{"app_key": e.AppKey, "extra_secrets": []string{}})
	if f := e.dial().ask(wire.OpLogin, l, nil); f.ErrName != "token_key_mismatch" {
		t.Errorf("after the old secret went: %s", f.ErrName)
	}
}

func TestTokenEndsWhileOnline(t *testing.T) {
	e := startEdges(t, 1, nil)[0]
	e.do("POST", "/apps", map[string]any{"app_key": e.AppKey, "token_expiring_s": 1, "token_grace_s": 1, "sdkappid": 1400000000})
	renewed, abandoned := e.dial(), e.dial()
	for i, c := range []*client{renewed, abandoned} {
		l := e.loginAs([]string{"alice", "bob"}[i], "d1", pc)
		l.Token, _ = e.mint(l.Account, []string{"hmac", "usersig"}[i], 2*time.Second)
		ok := c.mustLogin(l)
		var early, ended wire.TokenExpiry
		c.want(wire.OpTokenExpiring, &early)
		if early.ExpiresAtMS != ok.TokenExpiresAtMS {
			t.Errorf("early notice for %d, token ends at %d", early.ExpiresAtMS, ok.TokenExpiresAtMS)
		}
		if c == renewed {
			if f := c.ask(wire.OpRenewToken, wire.RenewToken{Token: "wrong"}, nil); f.ErrName != "token_invalid" {
				t.Errorf("wrong renewal: %s", f.ErrName)
			}
			token, _ := e.mint("alice", "hmac", time.Hour)
			var now wire.TokenExpiry
			if c.ask(wire.OpRenewToken, wire.RenewToken{Token: token}, &now); now.ExpiresAtMS <= ok.TokenExpiresAtMS {
				t.Errorf("renewed until %d", now.ExpiresAtMS)
			}
			continue
		}
		if c.want(wire.OpTokenExpired, &ended); ended.ServerCode != 70001 {
			t.Errorf("the end of a UserSig has server_code %d, want 70001", ended.ServerCode)
		}
		if code, frames := c.wantClose(); code != wire.CloseRefused || len(frames) != 0 {
			t.Errorf("closed with %d after %v", code, frames)
		}
	}
	renewed.ask(wire.OpTime, nil, nil) // bob's token has ended since, alice's would have
}

func TestWebhookDecides(t *testing.T) {
	answer := `{"errCode":0}`
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, answer) }))
	defer hook.Close()
	e := startEdges(t, 1, nil)[0]
	e.do("POST", "/apps", map[string]any{"app_key": e.AppKey, "webhook": map[string]any{"url": hook.URL}})
	l := e.loginAs("alice", "d1", pc)
	l.AuthType, l.LoginEx = 2, `{"otp":1}`
	if ok := e.dial().mustLogin(l); ok.TokenExpiresAtMS != 0 {
		t.Errorf("expires at %d", ok.TokenExpiresAtMS)
	}
	bare := l
	bare.Token = "" // login_ex is proof enough, if the app's server says so
	e.dial().mustLogin(bare)
	bare.AuthType = 0
	if f := e.dial().ask(wire.OpLogin, bare, nil); f.Code != 414 {
		t.Errorf("without a token: %d %s", f.Code, f.ErrName)
	}
	answer = `{"errCode":7,"responseCode":20042}`
	if f := e.dial().ask(wire.OpLogin, l, nil); f.Code != 403 || f.ErrName != "webhook_refused" || f.ServerCode != 20042 {
		t.Errorf("refused with %d %s %d", f.Code, f.ErrName, f.ServerCode)
	}
	hook.Close()
	if f := e.dial().ask(wire.OpLogin, l, nil); f.Code != 503 || f.ErrName != "webhook_unreachable" {
		t.Errorf("unreachable: %d %s", f.Code, f.ErrName)
	}
	e.do("POST", "/apps", map[string]any{"app_key": e.AppKey, "webhook": map[string]any{"url": hook.URL, "on_failure": "allow"}})
	e.dial().mustLogin(l)
}

// The operator puts an account out while a login of it is being verified. The
// call finds nobody on line, and the login must not be let in after it.
// A login that its client has given up, and that takes its time here, comes
// after the one that the client has sent instead: it must not put that out.
func TestALoginThatWasGivenUpDisplacesNoLaterOne(t *testing.T) {
	var meanwhile func()
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		meanwhile()
		_, _ = io.WriteString(w, `{"errCode":0}`)
	}))
	defer hook.Close()
	e := startEdges(t, 1, nil)[0]
	e.do("POST", "/apps", map[string]any{"app_key": e.AppKey, "webhook": map[string]any{"url": hook.URL}})
	e.account("alice")
	slow, later := e.loginAs("alice", "d1", pc), e.loginAs("alice", "d1", pc)
	slow.AuthType = 2
	slow.Instance, slow.Attempt = "run", 1
	later.Instance, later.Attempt = "run", 2
	c := e.dial()
	meanwhile = func() { c.mustLogin(later) }
	if f := e.dial().ask(wire.OpLogin, slow, nil); f.ErrName != "server_busy" {
		t.Errorf("the earlier login: %d %q", f.Code, f.ErrName)
	}
	if f := c.ask(wire.OpTime, nil, nil); f.Code != 200 {
		t.Errorf("the later one: %+v", f)
	}
	// Another run of the library on this device is no attempt of the same.
	meanwhile = func() {}
	slow.Instance = "another run"
	e.dial().mustLogin(slow)
}

func TestALoginUnderWayDoesNotOutliveABan(t *testing.T) {
	var meanwhile func()
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if meanwhile != nil {
			meanwhile()
			meanwhile = nil
		}
		_, _ = io.WriteString(w, `{"errCode":0}`)
	}))
	defer hook.Close()
	edges := startEdges(t, 2, nil)
	e := edges[0]
	e.do("POST", "/apps", map[string]any{"app_key": e.AppKey, "webhook": map[string]any{"url": hook.URL}})
	for name, tc := range map[string]struct {
		meanwhile func(account string)
		err       string
	}{
		"banned":  {func(a string) { edges[1].do("POST", "/ban", map[string]any{"account": a}) }, "account_banned"},
		"deleted": {func(a string) { edges[1].do("DELETE", "/accounts/"+a, nil) }, ""}, // and made anew by its token
	} {
		e.account(name)
		l := e.loginAs(name, "d1", pc)
		l.AuthType = 2
		meanwhile = func() { tc.meanwhile(name) }
		if f := e.dial().ask(wire.OpLogin, l, nil); f.ErrName != tc.err {
			t.Errorf("%s: %d %q", name, f.Code, f.ErrName)
		}
		if status, _ := e.admin("GET", "/accounts/"+name, nil); status != http.StatusOK {
			t.Errorf("%s: the account: %d", name, status)
		}
	}
}

// A program of Tencent's SDK names its app by its number, whatever the key is.
func TestAnAppIsNamedByItsNumber(t *testing.T) {
	e := startEdges(t, 1, nil)[0]
	e.do("POST", "/apps", map[string]any{"app_key": e.AppKey, "sdkappid": 1400000007})
	e.account("alice")
	for key, want := range map[string]string{"1400000007": "", "01400000007": "app_key_unknown", "1400000008": "app_key_unknown"} {
		l := e.loginAs("alice", "desk", pc)
		l.AppKey = key
		if f := e.dial().ask(wire.OpLogin, l, nil); f.ErrName != want {
			t.Errorf("%s: %d %q, want %q", key, f.Code, f.ErrName, want)
		}
	}
	// Two apps of one number have to be named by key; a key wins over a number.
	e.do("POST", "/apps", map[string]any{"app_key": "other", "sdkappid": 1400000007})
	l := e.loginAs("alice", "desk", pc)
	l.AppKey = "1400000007"
	if f := e.dial().ask(wire.OpLogin, l, nil); f.ErrName != "app_key_unknown" {
		t.Errorf("which of two: %d %q", f.Code, f.ErrName)
	}
}
