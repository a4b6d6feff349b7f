package dial

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libnim/libnim/internal/memnet"
	"github.com/libnim/libnim/internal/nimerr"
)

// quiet keeps the complaints of test servers out of the output.
var quiet = log.New(io.Discard, "", 0)

func TestGet(t *testing.T) {
	tests := []struct {
		name   string
		answer http.HandlerFunc
		kind   *nimerr.Kind // nil: want is the body
		want   string       // body or detail
	}{
		{"length", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }, nil, "hello"},
		{"empty", func(http.ResponseWriter, *http.Request) {}, nil, ""},
		{"chunked", func(w http.ResponseWriter, _ *http.Request) {
			for range 3 {
				io.WriteString(w, "ab")
				w.(http.Flusher).Flush()
			}
		}, nil, "ababab"},
		{"exactly the bound", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, strings.Repeat("x", 100)) },
			nil, strings.Repeat("x", 100)},
		{"over the bound", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, strings.Repeat("x", 101)) },
			nimerr.ProtocolError, "more than 100 bytes"},
		{"endless", func(w http.ResponseWriter, _ *http.Request) {
			for {
				if _, err := io.WriteString(w, strings.Repeat("x", 4096)); err != nil {
					return
				}
			}
		}, nimerr.ProtocolError, "more than 100 bytes"},
		{"not found", http.NotFound, nimerr.NotAGateway, "HTTP 404"},
		{"redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "http://other/", http.StatusFound) },
			nimerr.NotAGateway, "redirects to http://other"},
		{"busy", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }, nimerr.ServerBusy, "HTTP 503"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := memnet.New()
				serveHTTP(t, n, tt.answer)
				body, err := (&Dialer{NetDial: n.Dial}).Get(t.Context(), "http://lbs/lbs?key="+secret, 100)
				if tt.kind != nil {
					wantError(t, err, tt.kind, tt.want)
				} else if err != nil || string(body) != tt.want {
					t.Errorf("got %q, %v", body, err)
				}
				synctest.Wait()
				if n.Live() != 0 {
					t.Errorf("%d connections left", n.Live())
				}
			})
		})
	}
}

func TestPostJSON(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		serveHTTP(t, n, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			fmt.Fprintf(w, "%s %s %s %s %s", r.Method, r.URL, r.Header.Get("Content-Type"), r.Header.Get("operationID"), body)
		})
		got, err := (&Dialer{NetDial: n.Dial}).PostJSON(t.Context(), "http://api/user/token",
			map[string]string{"operationID": "42"}, []byte(`{"a":1}`), 1000)
		if want := `POST /user/token application/json 42 {"a":1}`; err != nil || string(got) != want {
			t.Errorf("got %q, %v; want %q", got, err, want)
		}
	})
}

func TestRejectionOfAPost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		serveHTTP(t, n, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(401)
			io.WriteString(w, `{"errCode":1501}`)
		})
		_, err := (&Dialer{NetDial: n.Dial}).PostJSON(t.Context(), "http://api/", nil, nil, 1000)
		wantError(t, err, nimerr.NotAGateway, "HTTP 401")
		r, ok := errors.AsType[*Rejected](err)
		if !ok || string(r.Body) != `{"errCode":1501}` || r.Status != 401 {
			t.Errorf("cause %+v", r)
		}
	})
}

func TestHTTPFaults(t *testing.T) {
	tests := []struct {
		name   string
		answer func(net.Conn)
		kind   *nimerr.Kind
		detail string
	}{
		{"mute", func(c net.Conn) { io.Copy(io.Discard, c) }, nimerr.Timeout, "waiting for the answer"},
		{"closes", func(c net.Conn) { readRequest(c) }, nimerr.ConnectionLost, "waiting for the answer"},
		{"echoes", func(c net.Conn) { io.WriteString(c, readRequest(c)) }, nimerr.NotAGateway, "HTTP"},
		{"cut body", func(c net.Conn) {
			readRequest(c)
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
		}, nimerr.ConnectionLost, ""},
		{"stalled body", says("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"), nimerr.Timeout, "waiting for the answer"},
		{"bad chunk", says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" + secret), nimerr.ProtocolError, "malformed"},
		{"endless headers", func(c net.Conn) {
			readRequest(c)
			io.WriteString(c, "HTTP/1.1 200 OK\r\n")
			for {
				if _, err := io.WriteString(c, "A: "+strings.Repeat("a", 1000)+"\r\n"); err != nil {
					return
				}
			}
		}, nimerr.ProtocolError, "64 KiB"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := memnet.New()
				serve(t, n, tt.answer)
				_, err := (&Dialer{NetDial: n.Dial}).Get(t.Context(), "http://lbs/lbs?key="+secret, 100)
				if e := wantError(t, err, tt.kind, tt.detail); e.Endpoint != "http://lbs:80/lbs" {
					t.Errorf("endpoint %q", e.Endpoint)
				}
			})
		})
	}
}

func TestGetIsCancelledAtOnce(t *testing.T) {
	for _, answer := range []string{"", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", "HTTP/1.1 404 X\r\nContent-Length: 9\r\n\r\n"} {
		synctest.Test(t, func(t *testing.T) {
			n := memnet.New()
			serve(t, n, says(answer))
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			start := time.Now()
			_, err := (&Dialer{NetDial: n.Dial}).Get(ctx, "http://lbs/", 100)
			wantError(t, err, nimerr.Cancelled, "")
			if got := time.Since(start); got != time.Second {
				t.Errorf("returned after %v, want 1s", got)
			}
		})
	}
}

func TestGetOverTLS(t *testing.T) {
	ca := newAuthority(t)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{ca.issue(t, nil)}})
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{ErrorLog: quiet, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") })}
	go s.Serve(l)
	defer s.Close()
	url := "https://" + l.Addr().String() + "/"
	if body, err := (&Dialer{TLS: TLS{CAFile: ca.file}}).Get(t.Context(), url, 10); err != nil || string(body) != "ok" {
		t.Errorf("got %q, %v", body, err)
	}
	_, err = new(Dialer).Get(t.Context(), url, 10)
	wantError(t, err, nimerr.TLSUnknownAuthority, "")
}
