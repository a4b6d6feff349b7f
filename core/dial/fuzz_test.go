package dial

import (
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/libnim/libnim/internal/memnet"
	"github.com/libnim/libnim/internal/nimerr"
)

// Whatever a server answers, the outcome is a row of the table, without the
// token that the answer may repeat.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
		"HTTP/1.1 503 X\r\nRetry-After: 7\r\nServer: a/" + secret + "\r\n\r\n",
		"HTTP/1.1 302 X\r\nLocation: //h/" + secret + "\r\n\r\n",
		"HTTP/1.1 407\r\n\r\n", "SSH-2.0-x\r\n", "\x15\x03\x01\x00\x02\x02\x46", secret,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		n := memnet.New()
		serve(t, n, func(c net.Conn) {
			readRequest(c)
			c.Write(answer)
		})
		d := &Dialer{NetDial: n.Dial}
		_, err := d.WebSocket(t.Context(), gateway, Upgrade{}, nil)
		wantClean(t, err)
		if err == nil {
			t.Fatal("upgraded without the key")
		}
		body, err := d.Get(t.Context(), "http://lbs/lbs?key="+secret, 100)
		wantClean(t, err)
		if len(body) > 100 {
			t.Fatalf("a body of %d bytes", len(body))
		}
	})
}

func wantClean(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	e, ok := errors.AsType[*nimerr.Error](err)
	if !ok || e.Kind == nil || e.Endpoint == "" {
		t.Fatalf("got %#v", err)
	}
	// A redirect names the host it leads to, and a header may hold anything.
	if strings.Contains(e.Error(), "?") || strings.Contains(e.Endpoint, secret) {
		t.Fatalf("a query is in %q at %q", e.Error(), e.Endpoint)
	}
}

func FuzzRetryAfter(f *testing.F) {
	f.Add("7")
	f.Add("Sat, 01 Jan 2000 00:01:00 GMT")
	f.Add("99999999999999999999")
	f.Fuzz(func(t *testing.T, v string) {
		if d := retryAfter(map[string][]string{"Retry-After": {v}}); d < 0 || d > 300*1e9 {
			t.Fatalf("%q is %v", v, d)
		}
	})
}
