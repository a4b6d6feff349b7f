package core

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/journal"
	"github.com/libnim/libnim/internal/nimerr"
)

// No token is in the trace, whatever goes wrong: given by the login, by the
// provider or by a renewal, refused or taken, even where a server repeats it.
func TestNoTokenInTheTrace(t *testing.T) {
	tokens := []string{"token-of-login", "token-of-provider", "token-of-renewal", "token-refused"}
	for _, inPlace := range []bool{true, false} {
		t.Run(fmt.Sprint("in place ", inPlace), func(t *testing.T) {
			j := journal.New(journal.Options{RingLines: 10_000})
			play(t, func(e *Env) { e.Journal, e.Backend.RenewToken = j, inPlace }, func(st *tester) {
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
			})
			trace := strings.Join(j.Trace(), "\n")
			for _, token := range tokens {
				if i := strings.Index(trace, token); i >= 0 {
					t.Errorf("the trace holds %s: …%s…", token, trace[max(0, i-100):min(len(trace), i+50)])
				}
			}
			if n := strings.Count(trace, "\n"); n < 30 {
				t.Errorf("%d lines only", n)
			}
		})
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
