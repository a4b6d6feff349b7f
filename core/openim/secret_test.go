package openim

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/journal"
	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/tests/openimfake"
)

// texts is everything an error can show.
func texts(err error) string {
	s := fmt.Sprintf("%v %+v", err, err)
	if e, ok := errors.AsType[*nimerr.Error](err); ok {
		s += fmt.Sprintf(" %s %s %v", e.Detail, e.Endpoint, e.Cause)
	}
	return s
}

// The token is in the URL by protocol, and must be nowhere else: whatever
// happens to a login, and though a server repeats what it was sent.
func TestTokenIsNowhere(t *testing.T) {
	echo := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Server", r.URL.RawQuery)
		w.Header().Set("Location", r.URL.String())
		fmt.Fprintf(w, `{"errCode":1502,"errMsg":%q,"errDlt":%q}`, r.URL.Query().Get("token"), r.URL.String())
	}
	ends := map[string]http.HandlerFunc{
		"plain refusal": echo,
		"not found": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", r.URL.String())
			http.Error(w, r.URL.String(), http.StatusNotFound)
		},
		"redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.String(), http.StatusFound) },
		"text refusal": func(w http.ResponseWriter, r *http.Request) {
			upgradeThen(func(c *websocket.Conn) {
				c.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"errCode":1501,"errMsg":%q}`, r.URL.String()))
			})(w, r)
		},
		"stranger": func(w http.ResponseWriter, r *http.Request) {
			upgradeThen(func(c *websocket.Conn) {
				c.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"url":%q}`, r.URL.String()))
			})(w, r)
		},
		"close text": func(w http.ResponseWriter, r *http.Request) {
			upgradeThen(func(c *websocket.Conn) {
				text := r.URL.Query().Get("token")
				c.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(4001, text[:min(len(text), 100)]))
			})(w, r)
		},
		"broken frame": func(w http.ResponseWriter, r *http.Request) {
			upgradeThen(func(c *websocket.Conn) {
				c.WriteMessage(websocket.TextMessage, []byte(openimfake.CapturedAccepted))
				c.WriteMessage(websocket.BinaryMessage, []byte(r.URL.String()))
			})(w, r)
		},
	}
	for name, h := range ends {
		for _, token := range []string{"head0123456789.payload0123456789.signature0123456789", "s3cr3t/token+with=odd&characters"} {
			inBubble(t, openimfake.Options{}, func(b *bed) {
				b.backend.Journal = journal.New(journal.Options{})
				defer b.backend.Journal.Close()
				login := b.login("alice", token)
				var a backend.Attempt
				var seen strings.Builder
				link, err := b.backend.Connect(b.Context(), answersWith(b, h), login, &a)
				if err == nil {
					if err := link.Send(1, login); err != nil {
						b.Fatal(err)
					}
					var e backend.Event
					for err == nil {
						e, err = link.Receive()
						if answer, ok := e.(backend.Answer); ok && answer.Err != nil {
							seen.WriteString(texts(answer.Err))
						}
					}
					link.Close()
				}
				seen.WriteString(texts(err))
				fmt.Fprintf(&seen, " %+v %v", a, b.backend.Journal.Trace())
				for _, part := range append(strings.Split(token, "."), token, strings.ReplaceAll(token, "/", "%2F")) {
					if strings.Contains(seen.String(), part) {
						b.Errorf("%s: %q is in %s", name, part, seen.String())
					}
				}
			})
		}
	}
}
