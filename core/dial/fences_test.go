package dial

import (
	"bufio"
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/libnim/libnim/core/proxy"
	"github.com/libnim/libnim/internal/memnet"
	"github.com/libnim/libnim/internal/nimerr"
)

// upgraded answers a request with a correct upgrade and further headers.
func upgraded(c net.Conn, headers string) {
	req, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		return
	}
	fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Accept: %s\r\n%s\r\n", acceptKey(req.Header.Get("Sec-WebSocket-Key")), headers)
}

func TestEndlessHeadersAreCut(t *testing.T) {
	for _, start := range []string{"HTTP/1.1 101 Switching Protocols\r\n", "HTTP/1.1 200 OK\r\n"} {
		synctest.Test(t, func(t *testing.T) {
			n := memnet.New()
			sent := 0
			serve(t, n, func(c net.Conn) {
				readRequest(c)
				io.WriteString(c, start)
				for {
					n, err := io.WriteString(c, "X-Again: "+strings.Repeat("a", 1000)+"\r\n")
					sent += n
					if err != nil {
						return
					}
				}
			})
			_, err := (&Dialer{NetDial: n.Dial}).WebSocket(t.Context(), gateway, Upgrade{}, nil)
			wantError(t, err, nimerr.ProtocolError, "64 KiB")
			synctest.Wait()
			if limit := maxUntilOpen + 64<<10 + 2000; sent > limit {
				t.Errorf("the server got rid of %d bytes, want at most %d", sent, limit)
			}
		})
	}
}

func TestEndlessStatusLineIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		serve(t, n, func(c net.Conn) {
			readRequest(c)
			io.WriteString(c, "HTTP/1.1 ")
			for {
				if _, err := c.Write(bytes.Repeat([]byte("1"), 1000)); err != nil {
					return
				}
			}
		})
		_, err := (&Dialer{NetDial: n.Dial}).WebSocket(t.Context(), gateway, Upgrade{}, nil)
		wantError(t, err, nimerr.ProtocolError, "64 KiB")
	})
}

func TestTheCapEndsWithTheUpgrade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		serveHTTP(t, n, echo(websocket.Upgrader{}))
		c, err := (&Dialer{NetDial: n.Dial}).WebSocket(t.Context(), gateway, Upgrade{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Abort()
		big := bytes.Repeat([]byte("x"), 10_000)
		for range 20 {
			if err := c.WS.WriteMessage(websocket.BinaryMessage, big); err != nil {
				t.Fatal(err)
			}
			if _, msg, err := c.WS.ReadMessage(); err != nil || len(msg) != len(big) {
				t.Fatalf("read %d bytes, %v", len(msg), err)
			}
		}
	})
}

// The inflated frame: 1 KB on the wire that becomes 1 MB. Compression is not
// offered; a server that takes it all the same is refused.
func TestCompressionIsRefused(t *testing.T) {
	var bomb bytes.Buffer
	w, err := flate.NewWriter(&bomb, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(make([]byte, 1<<20))
	w.Flush()
	for _, ext := range []string{
		"permessage-deflate; server_no_context_takeover; client_no_context_takeover",
		"permessage-deflate",
		"x-other",
	} {
		synctest.Test(t, func(t *testing.T) {
			n := memnet.New()
			serve(t, n, func(c net.Conn) {
				upgraded(c, "Sec-WebSocket-Extensions: "+ext+"\r\n")
				c.Write(append([]byte{0xc2, 126, byte(bomb.Len() >> 8), byte(bomb.Len())}, bomb.Bytes()...))
				io.Copy(io.Discard, c)
			})
			_, err := (&Dialer{NetDial: n.Dial}).WebSocket(t.Context(), gateway, Upgrade{}, nil)
			wantError(t, err, nimerr.ProtocolError, "extension")
		})
	}
}

func TestCompressionIsNotOffered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		var request http.Header
		up := websocket.Upgrader{EnableCompression: true}
		serveHTTP(t, n, func(w http.ResponseWriter, r *http.Request) {
			request = r.Header
			echo(up)(w, r)
		})
		c, err := (&Dialer{NetDial: n.Dial}).WebSocket(t.Context(), gateway, Upgrade{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		c.Abort()
		if v := request.Get("Sec-WebSocket-Extensions"); v != "" {
			t.Errorf("offered %q", v)
		}
	})
}

func TestReadLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		serveHTTP(t, n, echo(websocket.Upgrader{}))
		c, err := (&Dialer{NetDial: n.Dial}).WebSocket(t.Context(), gateway, Upgrade{ReadLimit: 100}, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Abort()
		for _, size := range []int{100, 101} {
			if err := c.WS.WriteMessage(websocket.TextMessage, bytes.Repeat([]byte("x"), size)); err != nil {
				t.Fatal(err)
			}
			_, _, err := c.WS.ReadMessage()
			if got, want := errors.Is(err, websocket.ErrReadLimit), size > 100; got != want {
				t.Errorf("%d bytes: %v", size, err)
			}
		}
	})
}

func TestSubprotocolThatWasNotOffered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		serve(t, n, func(c net.Conn) { upgraded(c, "Sec-WebSocket-Protocol: other\r\n") })
		_, err := (&Dialer{NetDial: n.Dial}).WebSocket(t.Context(), gateway, Upgrade{Subprotocols: []string{"nim.v1.json"}}, nil)
		wantError(t, err, nimerr.ProtocolError, "subprotocol")
	})
}

// Each of these made a panic, a hang or a token in a log somewhere.
func TestAnswersThatAreNoUpgrade(t *testing.T) {
	tests := []struct {
		name   string
		answer func(net.Conn)
		kind   *nimerr.Kind
		detail string
	}{
		{"closes at once", func(c net.Conn) {}, nimerr.ConnectionLost, "upgrade"},
		{"closes after the request", func(c net.Conn) { readRequest(c) }, nimerr.ConnectionLost, "upgrade"},
		{"breaks off", func(c net.Conn) { readRequest(c); io.WriteString(c, "HTTP/1.1 101 Swi") }, nimerr.ConnectionLost, "upgrade"},
		{"echoes", func(c net.Conn) { io.WriteString(c, readRequest(c)) }, nimerr.NotAGateway, "HTTP"},
		{"echoes in a header", func(c net.Conn) { fmt.Fprintf(c, "HTTP/1.1 %s", readRequest(c)) }, nimerr.ProtocolError, "malformed"},
		{"SSH", says("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"), nimerr.NotAGateway, "SSH"},
		{"TLS", func(c net.Conn) { readRequest(c); c.Write([]byte{0x15, 3, 1, 0, 2, 2, 70}) }, nimerr.NotAGateway, "wss://"},
		{"no header", says("HTTP/1.1 101 \r\n\r\n"), nimerr.ProtocolError, "does not answer"},
		{"wrong key", says("HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n"),
			nimerr.ProtocolError, "does not answer"},
		{"no status", says("HTTP/1.1\r\n\r\n"), nimerr.ProtocolError, "malformed"},
		{"bad header", says("HTTP/1.1 200 OK\r\n" + secret + "\r\n\r\n"), nimerr.ProtocolError, "malformed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := memnet.New()
				serve(t, n, tt.answer)
				_, err := (&Dialer{NetDial: n.Dial}).WebSocket(t.Context(), gateway, Upgrade{}, nil)
				if e := wantError(t, err, tt.kind, tt.detail); e.Endpoint != "ws://gw:80/nim" {
					t.Errorf("endpoint %q", e.Endpoint)
				}
			})
		})
	}
}

// gorilla's own proxy code indexes into the status line.
func TestShort407(t *testing.T) {
	for _, answer := range []string{"HTTP/1.1 407\r\n\r\n", "HTTP/1.0 407\n\n", "HTTP/1.1 407 \r\nProxy-Authenticate: Basic\r\n\r\n"} {
		synctest.Test(t, func(t *testing.T) {
			n := memnet.New()
			serve(t, n, says(answer))
			d := &Dialer{NetDial: n.Dial, Proxy: proxy.Config{Type: proxy.HTTP, Host: "proxy", Port: 3128}}
			_, err := d.WebSocket(t.Context(), gateway, Upgrade{}, nil)
			wantError(t, err, nimerr.ProxyAuthFailed, "http://proxy:3128")
		})
	}
}

func TestEnvironmentProxiesAreNotAsked(t *testing.T) {
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"} {
		t.Setenv(name, "http://proxy.invalid:3128")
	}
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		serveHTTP(t, n, echo(websocket.Upgrader{}))
		c, err := (&Dialer{NetDial: n.Dial}).WebSocket(t.Context(), gateway, Upgrade{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		c.Abort()
	})
}

func TestRejections(t *testing.T) {
	long := strings.Repeat("x", 3000)
	tests := []struct {
		name, answer string
		kind         *nimerr.Kind
		detail       string
		retry        time.Duration
		body         string
	}{
		{"OpenIM", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 21\r\n\r\n{\"errCode\":1501,\"a\":1}",
			nimerr.NotAGateway, "HTTP 200 OK, application/json", 0, `{"errCode":1501,"a":1`},
		{"long body", "HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n" + long, nimerr.NotAGateway, "HTTP 200", 0, long},
		{"too long body", "HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n" + long + long + long, nimerr.NotAGateway, "HTTP 200", 0, (long + long)[:4096]},
		{"stalled body", "HTTP/1.1 404 Not Found\r\nServer: nginx/1.22.1\r\nContent-Length: 10\r\n\r\nabc",
			nimerr.NotAGateway, "HTTP 404 Not Found, server nginx", 0, "abc"},
		{"redirect", "HTTP/1.1 301 X\r\nLocation: https://other:8443/nim?token=" + secret + "\r\nContent-Length: 0\r\n\r\n",
			nimerr.NotAGateway, "HTTP 301 Moved Permanently, redirects to https://other:8443", 0, ""},
		{"busy", "HTTP/1.1 503 X\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", nimerr.ServerBusy, "HTTP 503", 7 * time.Second, ""},
		{"busy until", "HTTP/1.1 503 X\r\nRetry-After: Sat, 01 Jan 2000 00:01:00 GMT\r\nContent-Length: 0\r\n\r\n",
			nimerr.ServerBusy, "HTTP 503", time.Minute, ""},
		{"busy, silly delay", "HTTP/1.1 503 X\r\nRetry-After: soon\r\nContent-Length: 0\r\n\r\n", nimerr.ServerBusy, "HTTP 503", 0, ""},
		{"rate limited", "HTTP/1.1 429 X\r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n", nimerr.RateLimited, "HTTP 429", 3 * time.Second, ""},
		{"bad gateway", "HTTP/1.1 502 X\r\nContent-Length: 0\r\n\r\n", nimerr.ServerError, "HTTP 502 Bad Gateway", 0, ""},
		{"sign in to the network first", "HTTP/1.1 511 X\r\nContent-Length: 0\r\n\r\n",
			nimerr.NotAGateway, "HTTP 511 Network Authentication Required", 0, ""},
		{"a TLS port, as Go says it", "HTTP/1.0 400 X\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
			nimerr.NotAGateway, "HTTP 400 Bad Request, it speaks TLS; use_https, wss:// or https:// may be missing", 0,
			"Client sent an HTTP request to an HTTPS server.\n"},
		{"a TLS port, as nginx says it", "HTTP/1.1 400 X\r\nServer: nginx\r\nContent-Length: 56\r\n\r\n<b>The plain HTTP request was sent to HTTPS port</b>    ",
			nimerr.NotAGateway, "HTTP 400 Bad Request, server nginx, it speaks TLS", 0, "<b>The plain HTTP request was sent to HTTPS port</b>    "},
		{"odd status", "HTTP/1.1 799 X\r\nContent-Length: 0\r\n\r\n", nimerr.ServerError, "HTTP 799", 0, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := memnet.New()
				serve(t, n, says(tt.answer))
				_, err := (&Dialer{NetDial: n.Dial}).WebSocket(t.Context(), gateway, Upgrade{}, nil)
				e := wantError(t, err, tt.kind, tt.detail)
				if e.RetryAfter != tt.retry {
					t.Errorf("retry after %v, want %v", e.RetryAfter, tt.retry)
				}
				r, ok := errors.AsType[*Rejected](err)
				if !ok {
					t.Fatal("the cause is no *Rejected")
				}
				if string(r.Body) != tt.body {
					t.Errorf("body of %d bytes %.40q, want %d bytes %.40q", len(r.Body), r.Body, len(tt.body), tt.body)
				}
			})
		})
	}
}

func TestURLsThatAreRefused(t *testing.T) {
	for _, url := range []string{
		"http://gw/?token=" + secret, "gw:80", "", "ws://", "ws:///nim", "ws://gw:0/", "ws://gw:65536/", "ws://gw:x/?t=" + secret,
		"ws://user:" + secret + "@gw/", "ws://[::1/?t=" + secret, "ws://gw/%zz?t=" + secret,
	} {
		_, err := new(Dialer).WebSocket(t.Context(), url, Upgrade{}, nil)
		wantError(t, err, nimerr.InvalidArgument, "")
	}
}
