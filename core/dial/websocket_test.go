package dial

import (
	"context"
	"crypto/sha1"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/memnet"
	"github.com/libnim/libnim/internal/nimerr"
)

// secret stands for a token in the query of every URL: no error may hold it.
const secret = "s3cr3t-token"

const gateway = "ws://gw:80/nim?token=" + secret

// serve answers every connection of the network with answer.
func serve(t *testing.T, n *memnet.Network, answer func(net.Conn)) {
	t.Helper()
	l, err := n.Listen("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				answer(c)
			}()
		}
	}()
}

// serveHTTP serves the network with a handler.
func serveHTTP(t *testing.T, n *memnet.Network, h http.HandlerFunc) {
	t.Helper()
	l, err := n.Listen("")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: h}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
}

// echo upgrades and sends back every message.
func echo(up websocket.Upgrader) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer c.Close()
		for {
			kind, msg, err := c.ReadMessage()
			if err != nil || c.WriteMessage(kind, msg) != nil {
				return
			}
		}
	}
}

// says reads the request and answers with fixed bytes, then waits for the end.
func says(answer string) func(net.Conn) {
	return func(c net.Conn) {
		readRequest(c)
		io.WriteString(c, answer)
		io.Copy(io.Discard, c)
	}
}

func readRequest(c net.Conn) string {
	var req []byte
	b := make([]byte, 512)
	for !strings.Contains(string(req), "\r\n\r\n") {
		n, err := c.Read(b)
		if err != nil {
			return string(req)
		}
		req = append(req, b[:n]...)
	}
	return string(req)
}

// wantError checks the row, the detail and the endpoint of an error, and that
// the secret is nowhere in it.
func wantError(t *testing.T, err error, kind *nimerr.Kind, detail string) *nimerr.Error {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %s", kind.Name)
	}
	e, ok := err.(*nimerr.Error)
	if !ok {
		t.Fatalf("got %T %v, want a *nimerr.Error", err, err)
	}
	if e.Kind != kind || !strings.Contains(e.Detail, detail) {
		t.Fatalf("got %s %q, want %s with %q", e.Kind.Name, e.Detail, kind.Name, detail)
	}
	texts := e.Error() + e.Endpoint
	if e.Cause != nil {
		texts += e.Cause.Error()
	}
	if strings.Contains(texts, secret) {
		t.Fatalf("the secret is in %q", texts)
	}
	return e
}

func TestWebSocketEchoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		serveHTTP(t, n, echo(websocket.Upgrader{Subprotocols: []string{"nim.v1.json"}}))
		var a backend.Attempt
		d := &Dialer{NetDial: n.Dial}
		c, err := d.WebSocket(t.Context(), gateway, Upgrade{Subprotocols: []string{"nim.v1.json"}}, &a)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Abort()
		if got, want := c.WS.Subprotocol(), "nim.v1.json"; got != want {
			t.Errorf("subprotocol %q, want %q", got, want)
		}
		if got, want := a.Endpoint, "ws://gw:80/nim"; got != want {
			t.Errorf("endpoint %q, want %q", got, want)
		}
		// The deadline of the handshake must not outlive it.
		time.Sleep(time.Hour)
		out := c.BytesOut()
		if err := c.WS.WriteMessage(websocket.TextMessage, []byte("hello")); err != nil {
			t.Fatal(err)
		}
		_, msg, err := c.WS.ReadMessage()
		if err != nil || string(msg) != "hello" {
			t.Fatalf("read %q, %v", msg, err)
		}
		if got := c.BytesOut() - out; got != 6+5 {
			t.Errorf("a message of 5 bytes took %d bytes, want 11", got)
		}
		if c.BytesIn() == 0 {
			t.Error("no bytes counted on the way in")
		}
	})
}

func TestAbortEndsARead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		serveHTTP(t, n, echo(websocket.Upgrader{}))
		c, err := (&Dialer{NetDial: n.Dial}).WebSocket(t.Context(), gateway, Upgrade{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() {
			_, _, err := c.WS.ReadMessage()
			ended <- err
		}()
		synctest.Wait()
		c.Abort()
		c.Abort()
		if err := <-ended; err == nil {
			t.Error("the read returned no error")
		}
	})
}

func TestCancelReturnsAtOnce(t *testing.T) {
	for _, url := range []string{gateway, "wss://gw/nim?token=" + secret} {
		synctest.Test(t, func(t *testing.T) {
			n := memnet.New()
			serve(t, n, func(c net.Conn) { io.Copy(io.Discard, c) })
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				time.Sleep(time.Second)
				cancel()
			}()
			start := time.Now()
			_, err := (&Dialer{NetDial: n.Dial}).WebSocket(ctx, url, Upgrade{}, nil)
			wantError(t, err, nimerr.Cancelled, "")
			if got := time.Since(start); got != time.Second {
				t.Errorf("%s: returned after %v, want 1s", url, got)
			}
			synctest.Wait()
			if n.Live() != 0 {
				t.Error("the connection is still open")
			}
		})
	}
}

// Wherever the cancellation falls, there is either a connection that works or an
// error and no connection.
func TestCancelAnywhere(t *testing.T) {
	n := memnet.New()
	serveHTTP(t, n, echo(websocket.Upgrader{}))
	d := &Dialer{NetDial: n.Dial}
	opened := 0
	for i := range 300 {
		ctx, cancel := context.WithCancel(t.Context())
		stop := time.AfterFunc(time.Duration(i)*2*time.Microsecond, cancel)
		c, err := d.WebSocket(ctx, gateway, Upgrade{}, nil)
		if err != nil {
			wantError(t, err, nimerr.Cancelled, "")
			continue
		}
		opened++
		cancel() // of no effect any more
		stop.Stop()
		c.WS.SetReadDeadline(time.Now().Add(10 * time.Second))
		if err := c.WS.WriteMessage(websocket.TextMessage, []byte("x")); err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.WS.ReadMessage(); err != nil {
			t.Fatal(err)
		}
		c.Abort()
	}
	t.Logf("%d of 300 opened", opened)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(10 * time.Second)
	for n.Live() > 0 {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%d connections left", n.Live())
		}
	}
}

func TestTimeoutNamesTheStep(t *testing.T) {
	tests := []struct {
		name, url, step string
		arrange         func(*testing.T, *memnet.Network)
	}{
		{"connecting", gateway, "connecting", func(t *testing.T, n *memnet.Network) { n.Stall() }},
		{"TLS", "wss://gw/nim", "TLS handshake", mute},
		{"upgrade", gateway, "upgrade", mute},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := memnet.New()
				tt.arrange(t, n)
				start := time.Now()
				d := &Dialer{NetDial: n.Dial}
				_, err := d.WebSocket(t.Context(), tt.url, Upgrade{Timeout: 7 * time.Second}, nil)
				if e := wantError(t, err, nimerr.Timeout, tt.step); e.Detail != tt.step {
					t.Errorf("detail %q, want %q", e.Detail, tt.step)
				}
				if got := time.Since(start); got != 7*time.Second {
					t.Errorf("gave up after %v, want 7s", got)
				}
			})
		})
	}
}

func mute(t *testing.T, n *memnet.Network) {
	serve(t, n, func(c net.Conn) { io.Copy(io.Discard, c) })
}

func TestNoTimeoutMeansTheDefault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		mute(t, n)
		start := time.Now()
		_, err := (&Dialer{NetDial: n.Dial}).WebSocket(t.Context(), gateway, Upgrade{}, nil)
		wantError(t, err, nimerr.Timeout, "upgrade")
		if got := time.Since(start); got != DefaultTimeout {
			t.Errorf("gave up after %v, want %v", got, DefaultTimeout)
		}
	})
}

// acceptKey is the answer to a Sec-WebSocket-Key, RFC 6455 §4.2.2.
func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}
