package server_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server"
)

// transcript collects all that a server logs.
type transcript struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *transcript) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(p)
}

func (l *transcript) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.String()
}

// Every kind of token is used rightly and wrongly, and no secret shows in the
// log or in an answer.
func TestSecretsStayOutOfLogsAndAnswers(t *testing.T) {
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }))
	defer hook.Close()
	log := &transcript{}
	e := startEdge(t, server.Config{
		Listen: "127.0.0.1:0", DataDir: t.TempDir(), Dev: true,
		Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	e.do("POST", "/apps", map[string]any{
		"app_key": e.AppKey, "sdkappid": 1400000000,
		"webhook": map[string]any{"url": hook.URL + "/path?key=webhook-url-secret"},
	})
	const static = "a-static-token-that-nobody-may-see"
	e.do("POST", "/accounts", map[string]any{"account": "alice", "token": static})
	secrets := []string{static, e.AppSecret, e.AdminKey, "webhook-url-secret"}
	tokens, answers := e.tryEveryToken(static)
	secrets = append(secrets, tokens...)
	answers += e.postBadly(static)
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(log.text(), "alice") {
		t.Error("the log says nothing at all")
	}
	for _, secret := range secrets {
		if strings.Contains(log.text(), secret) {
			t.Errorf("the log holds %q", secret)
		}
		if strings.Contains(answers, secret) {
			t.Errorf("an answer holds %q", secret)
		}
	}
}

// tryEveryToken logs in with a token of each kind, for the account it is for and
// for another, and returns the tokens and what the server answered.
func (e *edge) tryEveryToken(static string) (tokens []string, answers string) {
	e.t.Helper()
	for _, kind := range []string{"hmac", "jwt", "usersig", "dynamic", "webhook", "static"} {
		l := e.loginAs("alice", "d1", pc)
		switch kind {
		case "webhook":
			l.Token, l.AuthType = "a-webhook-token-that-nobody-may-see", 2
		case "static":
			l.Token = static
		default:
			l.Token, l.AuthType = e.mint("alice", kind, time.Hour)
		}
		tokens = append(tokens, l.Token)
		for _, account := range []string{"alice", "bob"} {
			l.Account = account
			f := e.dial().ask(wire.OpLogin, l, nil)
			answers += f.ErrMsg + string(f.Body) + "\n"
		}
	}
	return tokens, answers
}

// postBadly puts a token where it does not belong, and returns the answers.
func (e *edge) postBadly(token string) (answers string) {
	e.t.Helper()
	for _, body := range []string{`{"account":"x y","token":"` + token + `"}`, `{"token":{"` + token + `":1}}`, `["` + token + `"]`} {
		r, err := http.NewRequest("POST", e.Admin+"/accounts", strings.NewReader(body))
		if err != nil {
			e.t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+e.AdminKey)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			e.t.Fatal(err)
		}
		answer, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil {
			e.t.Fatal(err)
		}
		answers += string(answer)
	}
	return answers
}

// A server that was used and closed leaves no goroutine.
func TestCloseLeavesNothing(t *testing.T) {
	use := func() {
		e := startEdge(t, server.Config{Listen: "127.0.0.1:0", DataDir: t.TempDir(), Dev: true})
		e.account("alice")
		for range 20 {
			c, _ := e.online("alice", "d1", pc)
			c.ask(wire.OpTime, nil, nil)
		}
		e.dial()
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		http.DefaultClient.CloseIdleConnections()
	}
	use() // what is made once per process is there from now on
	before := runtime.NumGoroutine()
	for range 3 {
		use()
	}
	waitFor(t, "the goroutines to end", func() bool { return runtime.NumGoroutine() <= before })
}
