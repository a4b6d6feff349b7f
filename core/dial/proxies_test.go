package dial

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/proxy"
	"github.com/libnim/libnim/internal/memnet"
	"github.com/libnim/libnim/internal/nimerr"
)

// The user that the real proxies know.
const (
	proxyUser     = "alice"
	proxyPassword = "p4ss-w0rd"
)

// servePlain runs an echo gateway without TLS and returns its address.
func servePlain(t *testing.T, host string) string {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: echo(websocket.Upgrader{}), ErrorLog: quiet}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return l.Addr().String()
}

// closedPort returns an address of loopback on which nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// reaches checks that an echo comes back through the proxy, that the attempt
// says so, and that the proxy is found to work.
func reaches(t *testing.T, d *Dialer, url string) {
	t.Helper()
	var a backend.Attempt
	c, err := d.WebSocket(t.Context(), url, Upgrade{}, &a)
	if err != nil {
		t.Errorf("%s: %v", url, err)
		return
	}
	defer c.Abort()
	if err := c.WS.WriteMessage(websocket.TextMessage, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, msg, err := c.WS.ReadMessage(); err != nil || string(msg) != "hello" {
		t.Errorf("%s: read %q, %v", url, msg, err)
	}
	if a.Proxy <= 0 || a.Via != d.Proxy.String() || a.Remote != d.Proxy.Address() {
		t.Errorf("attempt %+v", a)
	}
	if err := DetectProxy(t.Context(), d.Proxy, url, d); err != nil {
		t.Errorf("detect: %v", err)
	}
}

// wantHop checks an error that came through a proxy.
func wantHop(t *testing.T, d *Dialer, address string, kind *nimerr.Kind, detail string) {
	t.Helper()
	_, err := d.WebSocket(t.Context(), "ws://"+address+"/nim?token="+secret, Upgrade{}, nil)
	e := wantError(t, err, kind, detail)
	if !strings.Contains(e.Detail, d.Proxy.String()) || e.Endpoint != "ws://"+address+"/nim" {
		t.Errorf("endpoint %q, detail %q, want %s in it", e.Endpoint, e.Detail, d.Proxy)
	}
	if text := e.Error(); strings.Contains(text, proxyUser) || strings.Contains(text, proxyPassword) {
		t.Errorf("credentials in %q", text)
	}
	if e := DetectProxy(t.Context(), d.Proxy, address, d); !errors.Is(e, kind) {
		t.Errorf("detect: %v, want %s", e, kind.Name)
	}
}

func TestRealProxies(t *testing.T) {
	ca := newAuthority(t)
	config := &tls.Config{Certificates: []tls.Certificate{ca.issue(t, nil)}}
	plain4, plain6 := servePlain(t, "127.0.0.1"), servePlain(t, "::1")
	secure4, secure6 := serveTLS(t, "127.0.0.1", config), serveTLS(t, "::1", config)
	_, plainPort, _ := net.SplitHostPort(plain4)
	_, securePort, _ := net.SplitHostPort(secure4)
	four := []string{"ws://" + plain4, "wss://" + secure4}
	six := []string{"ws://" + plain6, "wss://" + secure6}
	names := []string{"ws://localhost:" + plainPort, "wss://localhost:" + securePort}

	as := func(c proxy.Config, kind proxy.Type) proxy.Config { c.Type = kind; return c }
	login := func(c proxy.Config, password string) proxy.Config {
		c.User, c.Password = proxyUser, password
		return c
	}
	auth := "BasicAuth " + proxyUser + " " + proxyPassword + "\n"
	tests := []struct {
		name   string
		config func(*testing.T) proxy.Config
		urls   [][]string
	}{
		{"microsocks", func(t *testing.T) proxy.Config { return microsocks(t, "127.0.0.1") }, [][]string{four, six, names}},
		{"microsocks on IPv6", func(t *testing.T) proxy.Config { return microsocks(t, "::1") }, [][]string{four, six}},
		{"microsocks with password", func(t *testing.T) proxy.Config {
			return login(microsocks(t, "127.0.0.1", "-u", proxyUser, "-P", proxyPassword), proxyPassword)
		}, [][]string{four, six, names}},
		{"dante SOCKS5", func(t *testing.T) proxy.Config { return dante(t, "127.0.0.1") }, [][]string{four, six, names}},
		{"dante SOCKS5 on IPv6", func(t *testing.T) proxy.Config { return dante(t, "::1") }, [][]string{four, six}},
		{"dante SOCKS4", func(t *testing.T) proxy.Config { return as(dante(t, "127.0.0.1"), proxy.Socks4) }, [][]string{four, names}},
		// danted takes the 0.0.0.1 that announces a name for an address, also
		// from curl; ssh does it right.
		{"dante SOCKS4a", func(t *testing.T) proxy.Config { return as(dante(t, "127.0.0.1"), proxy.Socks4a) }, [][]string{four}},
		{"ssh SOCKS4a", func(t *testing.T) proxy.Config { return openssh(t, "127.0.0.1", proxy.Socks4a) },
			[][]string{four, names, {"ws://" + onlyTheProxyKnows + ":" + plainPort}}},
		{"ssh SOCKS4a on IPv6", func(t *testing.T) proxy.Config { return openssh(t, "::1", proxy.Socks4a) }, [][]string{four, names}},
		{"ssh SOCKS4", func(t *testing.T) proxy.Config { return openssh(t, "127.0.0.1", proxy.Socks4) }, [][]string{four, names}},
		{"ssh SOCKS5", func(t *testing.T) proxy.Config { return openssh(t, "127.0.0.1", proxy.Socks5) }, [][]string{
			four, six, names, {"ws://" + onlyTheProxyKnows + ":" + plainPort}}},
		{"tinyproxy", func(t *testing.T) proxy.Config { return tinyproxy(t, "127.0.0.1", "") }, [][]string{four, six, names}},
		{"tinyproxy on IPv6", func(t *testing.T) proxy.Config { return tinyproxy(t, "::1", "") }, [][]string{four, six}},
		{"tinyproxy with password", func(t *testing.T) proxy.Config { return login(tinyproxy(t, "127.0.0.1", auth), proxyPassword) },
			[][]string{four, six, names}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := &Dialer{Proxy: tt.config(t), TLS: TLS{CAFile: ca.file}}
			for _, urls := range tt.urls {
				for _, url := range urls {
					reaches(t, d, url+"/nim")
				}
			}
		})
	}
}

func TestRealProxiesRefuse(t *testing.T) {
	closed := closedPort(t)
	login := func(c proxy.Config, password string) proxy.Config {
		c.User, c.Password = proxyUser, password
		return c
	}
	t.Run("microsocks", func(t *testing.T) {
		open := microsocks(t, "127.0.0.1")
		wantHop(t, &Dialer{Proxy: open}, closed, nimerr.ProxyRefused, "the server refused")
		guarded := microsocks(t, "127.0.0.1", "-u", proxyUser, "-P", proxyPassword)
		wantHop(t, &Dialer{Proxy: guarded}, closed, nimerr.ProxyAuthFailed, "none is configured")
		wantHop(t, &Dialer{Proxy: login(guarded, "wrong")}, closed, nimerr.ProxyAuthFailed, "user name or password")
		guarded.Type = proxy.HTTP
		wantHop(t, &Dialer{Proxy: guarded}, closed, nimerr.ProxyFailed, "")
	})
	t.Run("dante", func(t *testing.T) {
		c := dante(t, "127.0.0.1")
		wantHop(t, &Dialer{Proxy: c}, closed, nimerr.ProxyRefused, "the server refused")
		wantHop(t, &Dialer{Proxy: c}, "127.0.0.9:80", nimerr.ProxyRefused, "rules")
		c.Type = proxy.Socks4
		wantHop(t, &Dialer{Proxy: c}, closed, nimerr.ProxyRefused, "")
		wantHop(t, &Dialer{Proxy: c}, "[::1]:80", nimerr.HostNotFound, "only IPv4")
	})
	t.Run("tinyproxy", func(t *testing.T) {
		auth := "BasicAuth " + proxyUser + " " + proxyPassword + "\n"
		wantHop(t, &Dialer{Proxy: tinyproxy(t, "127.0.0.1", "")}, closed, nimerr.ProxyRefused, "HTTP 500")
		wantHop(t, &Dialer{Proxy: tinyproxy(t, "127.0.0.1", "ConnectPort 443\n")}, closed, nimerr.ProxyRefused, "HTTP 403")
		guarded := tinyproxy(t, "127.0.0.1", auth)
		wantHop(t, &Dialer{Proxy: guarded}, closed, nimerr.ProxyAuthFailed, "none is configured")
		wantHop(t, &Dialer{Proxy: login(guarded, "wrong")}, closed, nimerr.ProxyAuthFailed, "user name or password")
	})
	t.Run("nobody there", func(t *testing.T) {
		host, port, _ := net.SplitHostPort(closed)
		c := proxy.Config{Type: proxy.Socks5, Host: host}
		fmt.Sscan(port, &c.Port)
		wantHop(t, &Dialer{Proxy: c}, "gw:80", nimerr.ProxyFailed, "refused the connection")
	})
}

// A proxy that holds still ends with the time of the attempt, or when cancelled.
func TestMuteProxy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		serve(t, n, func(c net.Conn) { io.Copy(io.Discard, c) })
		d := &Dialer{NetDial: n.Dial, Proxy: proxy.Config{Type: proxy.Socks5, Host: "proxy", Port: 1080}}
		start := time.Now()
		_, err := d.WebSocket(t.Context(), gateway, Upgrade{Timeout: 3 * time.Second}, nil)
		wantError(t, err, nimerr.Timeout, "waiting for the proxy socks5://proxy:1080")
		if got := time.Since(start); got != 3*time.Second {
			t.Errorf("gave up after %v, want 3s", got)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		_, err = d.WebSocket(ctx, gateway, Upgrade{}, nil)
		wantError(t, err, nimerr.Cancelled, "socks5://proxy:1080")
		if got := time.Since(start); got != 4*time.Second {
			t.Errorf("cancelled after %v, want 4s", got)
		}
		if err := DetectProxy(t.Context(), d.Proxy, "gw:80", d); !errors.Is(err, nimerr.Timeout) {
			t.Errorf("detect: %v", err)
		}
		synctest.Wait()
		if n.Live() != 0 {
			t.Errorf("%d connections left", n.Live())
		}
	})
}

// Only SOCKS4 resolves on this side; the others get the name.
func TestWhoResolves(t *testing.T) {
	for _, kind := range []proxy.Type{proxy.HTTP, proxy.Socks4, proxy.Socks4a, proxy.Socks5} {
		synctest.Test(t, func(t *testing.T) {
			n := memnet.New()
			mute(t, n)
			var asked []string
			d := &Dialer{NetDial: n.Dial, Proxy: proxy.Config{Type: kind, Host: "proxy", Port: 1080}}
			d.lookup = func(_ context.Context, host string) ([]netip.Addr, error) {
				asked = append(asked, host)
				return []netip.Addr{netip.MustParseAddr("10.0.0.1")}, nil
			}
			_, err := d.WebSocket(t.Context(), gateway, Upgrade{}, nil)
			wantError(t, err, nimerr.Timeout, "proxy")
			want := "[proxy]"
			if kind == proxy.Socks4 {
				want = "[proxy gw]"
			}
			if got := fmt.Sprint(asked); got != want {
				t.Errorf("%v: resolved %s, want %s", kind, got, want)
			}
		})
	}
}

func TestDetectProxyChecksItsInput(t *testing.T) {
	good := proxy.Config{Type: proxy.Socks5, Host: "127.0.0.1", Port: 1}
	for _, tt := range []struct {
		config proxy.Config
		target string
	}{
		{proxy.Config{Type: 9, Host: "h", Port: 1}, "gw:80"},
		{proxy.Config{Type: proxy.HTTP, Host: "", Port: 1}, "gw:80"},
		{good, ""}, {good, "gw:x"}, {good, "ftp://gw/"},
	} {
		if err := DetectProxy(t.Context(), tt.config, tt.target, new(Dialer)); !errors.Is(err, nimerr.InvalidArgument) {
			t.Errorf("%v to %q: %v", tt.config, tt.target, err)
		}
	}
}
