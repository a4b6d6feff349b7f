package session

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/journal"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// No token is in the trace or in what the application is told, whatever goes
// wrong: given by the login, by the provider or by a renewal, refused or taken,
// even where a server repeats it, and when it is forgotten since.
func TestNoTokenIsSeen(t *testing.T) {
	tokens := []string{"token-of-login", "token-of-provider", "token-of-renewal", "token-refused"}
	for _, inPlace := range []bool{true, false} {
		t.Run(fmt.Sprint("in place ", inPlace), func(t *testing.T) {
			j := journal.New(journal.Options{RingLines: 10_000})
			var words []string
			told := &toldSink{seen: func(p abi.Posting) { words = append(words, p.String()) }}
			play(t, func(e *Env) {
				told.Sink = e.Sink
				e.Sink, e.Journal, e.Backend.RenewToken = told, j, inPlace
			}, func(st *tester) {
				st.loginWith(signedWith(tokens[0]))
				st.tokens.give(tokens[1])
				st.lose()
				st.sleep(time.Minute)
				st.renew(tokens[2])
				st.sleep(time.Second)
				st.server.on(repeat(nimerr.TokenInvalid))
				st.loginWith(signedWith(tokens[3]))
				st.sleep(time.Minute)
				st.server.on(nil)
				st.loginWith(signedWith(tokens[0]))
				st.sleep(time.Minute)
				st.server.on(repeat(nimerr.TokenExpired))
				st.lose()
				st.sleep(time.Minute)
				st.wantStatus(StatusGaveUp, "")
				st.loginWith(signedWith(tokens[0]))
				st.sleep(time.Minute)
				st.server.on(nil)
				st.loginWith(signedWith(tokens[0]))
				st.sleep(time.Minute)
				st.server.link().lose(nimerr.ConnectionLost.New("closed because of " + tokens[0]))
				st.server.refuse(nimerr.NotAGateway.New("no way for " + tokens[0]))
				st.sleep(time.Minute)
				st.server.refuse(nil)
				st.sleep(time.Minute)
				st.wantStatus(StatusOnline, "alice")
				st.server.link().push(backend.Kicked{Reason: 1, Description: "somebody else has " + tokens[1]})
				st.sleep(time.Minute)
				st.loginWith(signedWith(tokens[0]))
				st.sleep(time.Minute)
				st.server.onLogin(func(*backend.Login) *backend.Answer {
					return &backend.Answer{Err: nimerr.KickedOffline.New(""), Body: backend.LoginRefused{
						Kicked: &backend.Kicked{Reason: 1, Description: "somebody else has " + tokens[1]},
					}}
				})
				st.lose()
				st.sleep(time.Minute)
				st.wantStatus(StatusKicked, "")
				st.logout()
				st.diagnostics()
				st.sleep(time.Second)
			})
			trace, host := strings.Join(j.Trace(), "\n"), strings.Join(words, "\n")
			for _, token := range tokens {
				for where, text := range map[string]string{"the trace": trace, "what the application is told": host} {
					if i := strings.Index(text, token); i >= 0 {
						t.Errorf("%s holds %s: …%s…", where, token, text[max(0, i-100):min(len(text), i+50)])
					}
				}
			}
			if !strings.Contains(host, "your token ***") || !strings.Contains(host, "somebody else has ***") {
				t.Error("the texts of the server do not reach the application")
			}
			if n := strings.Count(trace, "\n"); n < 30 {
				t.Errorf("%d lines only", n)
			}
		})
	}
}

// A name that only the server knows passes, unless it is a secret.
func TestErrorNameOfTheServer(t *testing.T) {
	for name, want := range map[string]string{"out_of_credit": "out_of_credit", "secret": "server_refused", "timeout": "timeout"} {
		j := journal.New(journal.Options{})
		play(t, func(e *Env) { e.Journal = j }, func(st *tester) {
			st.server.refuseLogin((&nimerr.Kind{Name: name, Code: 431, Domain: nimerr.Server}).New(""))
			st.login("alice")
			if got := st.lastLogin(); got.ErrName != want || got.ErrCode != 431 {
				t.Errorf("%s is told as %+v", name, got)
			}
		})
		if trace := strings.Join(j.Trace(), "\n"); strings.Contains(trace, `"secret"`) {
			t.Errorf("the token is in the trace: %s", trace)
		}
	}
	j := journal.New(journal.Options{})
	j.Secret("timeout")
	if got := (scrubber{j}).err(nimerr.Timeout.New("")); got.Kind != nimerr.Timeout {
		t.Errorf("a row of the table became %s", got.Kind.Name)
	}
}

// repeat makes a server that refuses tokens and repeats them.
func repeat(kind *nimerr.Kind) func(l *fakeLink, id uint64, r backend.Request) bool {
	return func(l *fakeLink, id uint64, r backend.Request) bool {
		token := ""
		switch r := r.(type) {
		case *backend.Login:
			token = r.Token
		case backend.RenewToken:
			token = r.Token
		default:
			return false
		}
		l.push(backend.Answer{ID: id, Err: kind.New("your token " + token)})
		return true
	}
}

// Every line of a login carries its operation id.
func TestOperationIDIsInEveryLine(t *testing.T) {
	j := journal.New(journal.Options{})
	play(t, func(e *Env) { e.Journal = j }, func(st *tester) {
		st.loginWith(loginAs("alice", func(r *LoginRequest) { r.Options.OperationId = "my-operation" }))
		st.sleep(time.Second)
		st.lose()
		st.sleep(time.Second)
	})
	lines := 0
	for _, l := range j.Trace() {
		var line struct {
			Ev string `json:"ev"`
			Op string `json:"operation_id"`
		}
		if err := json.Unmarshal([]byte(l), &line); err != nil {
			t.Errorf("%s: %v", l, err)
		}
		if line.Op != "" {
			lines++
			if line.Op != "my-operation" {
				t.Errorf("another id in %s", l)
			}
		} else if line.Ev != "state" { // logged out, before and after
			t.Errorf("no id in %s", l)
		}
	}
	if lines < 15 {
		t.Errorf("%d lines only", lines)
	}
}
