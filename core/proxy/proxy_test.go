package proxy

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libnim/libnim/internal/memnet"
	"github.com/libnim/libnim/internal/nimerr"
)

// secret is the password of every proxy: no error may hold it.
const secret = "p4ssw0rd"

// A turn of a conversation: what the proxy must get, then what it says.
type turn struct{ want, reply string }

// peer returns a connection whose other end plays the turns, and a channel that
// gives what went wrong there, nil included. After the turns it holds still.
func peer(t *testing.T, turns []turn, closes bool) (net.Conn, <-chan error) {
	t.Helper()
	n := memnet.New()
	l, err := n.Listen("proxy:1080")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := n.Dial(t.Context(), "tcp", "proxy:1080")
	if err != nil {
		t.Fatal(err)
	}
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(); server.Close() })
	result := make(chan error, 1)
	go func() {
		result <- play(server, turns)
		if closes {
			server.Close()
		}
	}()
	return conn, result
}

func play(c net.Conn, turns []turn) error {
	for _, tn := range turns {
		got := make([]byte, len(tn.want))
		if n, err := io.ReadFull(c, got); err != nil || string(got) != tn.want {
			return fmt.Errorf("the proxy got %q (%v), want %q", got[:n], err, tn.want)
		}
		if _, err := io.WriteString(c, tn.reply); err != nil {
			return err
		}
	}
	return nil
}

func basic(user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
}

func config(kind Type, user string) Config {
	c := Config{Type: kind, Host: "proxy", Port: 1080, User: user}
	if user != "" {
		c.Password = secret
	}
	return c
}

const (
	connect4 = "CONNECT 10.0.0.1:80 HTTP/1.1\r\nHost: 10.0.0.1:80\r\n\r\n"
	asked5   = "\x05\x01\x00\x01\x0a\x00\x00\x01\x00\x50"
	granted5 = "\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"
)

func TestConnect(t *testing.T) {
	withAuth := func(target string) string {
		return "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\nProxy-Authorization: Basic " + basic("user", secret) + "\r\n\r\n"
	}
	pass := turn{"\x01\x04user\x08" + secret, "\x01\x00"}
	tests := []struct {
		name   string
		config Config
		target string
		turns  []turn
	}{
		{"socks4", config(Socks4, "user"), "10.0.0.1:80", []turn{{"\x04\x01\x00\x50\x0a\x00\x00\x01user\x00", "\x00\x5a......"}}},
		{"socks4 without user", config(Socks4, ""), "10.0.0.1:80", []turn{{"\x04\x01\x00\x50\x0a\x00\x00\x01\x00", "\x00\x5a......"}}},
		{"socks4a, name", config(Socks4a, "user"), "gw:80", []turn{{"\x04\x01\x00\x50\x00\x00\x00\x01user\x00gw\x00", "\x00\x5a......"}}},
		{"socks4a, address", config(Socks4a, ""), "10.0.0.1:80", []turn{{"\x04\x01\x00\x50\x0a\x00\x00\x01\x00", "\x00\x5a......"}}},
		{"socks5, address", config(Socks5, ""), "10.0.0.1:80", []turn{{"\x05\x01\x00", "\x05\x00"}, {asked5, granted5}}},
		{"socks5, name", config(Socks5, ""), "gw:443",
			[]turn{{"\x05\x01\x00", "\x05\x00"}, {"\x05\x01\x00\x03\x02gw\x01\xbb", "\x05\x00\x00\x03\x03abc\x00\x00"}}},
		{"socks5, IPv6", config(Socks5, ""), "[::1]:80",
			[]turn{{"\x05\x01\x00", "\x05\x00"}, {"\x05\x01\x00\x04" + strings.Repeat("\x00", 15) + "\x01\x00\x50",
				"\x05\x00\x00\x04" + strings.Repeat("\x00", 18)}}},
		{"socks5 with password", config(Socks5, "user"), "10.0.0.1:80",
			[]turn{{"\x05\x02\x00\x02", "\x05\x02"}, pass, {asked5, granted5}}},
		{"socks5, password not wanted", config(Socks5, "user"), "10.0.0.1:80",
			[]turn{{"\x05\x02\x00\x02", "\x05\x00"}, {asked5, granted5}}},
		{"http", config(HTTP, ""), "10.0.0.1:80", []turn{{connect4, "HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n"}}},
		{"http, short answer", config(HTTP, ""), "10.0.0.1:80", []turn{{connect4, "HTTP/1.0 200\n\n"}}},
		{"http, interim answers", config(HTTP, ""), "10.0.0.1:80", []turn{{connect4, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"}}},
		{"http with password", config(HTTP, "user"), "gw:443", []turn{{withAuth("gw:443"), "HTTP/1.1 200 OK\r\n\r\n"}}},
		{"http, IPv6", config(HTTP, "user"), "[::1]:443", []turn{{withAuth("[::1]:443"), "HTTP/1.1 200 OK\r\n\r\n"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				// The first bytes of the server come in the same segment.
				tt.turns[len(tt.turns)-1].reply += "server says"
				conn, played := peer(t, tt.turns, true)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				if err := Connect(ctx, conn, tt.config, tt.target); err != nil {
					t.Fatal(err, <-played)
				}
				if err := <-played; err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Hour) // no deadline is left behind
				if rest, err := io.ReadAll(conn); string(rest) != "server says" || err != nil {
					t.Errorf("then read %q, %v", rest, err)
				}
			})
		})
	}
}

func TestRefusals(t *testing.T) {
	hello := turn{"\x05\x01\x00", "\x05\x00"}
	offer := turn{"\x05\x02\x00\x02", "\x05\x02"}
	tests := []struct {
		name   string
		config Config
		target string
		turns  []turn
		kind   *nimerr.Kind
		detail string
	}{
		{"socks4 rejected", config(Socks4, ""), "10.0.0.1:80", []turn{{"\x04", "\x00\x5b......"}}, nimerr.ProxyRefused, "rejected"},
		{"socks4 ident", config(Socks4, ""), "10.0.0.1:80", []turn{{"\x04", "\x00\x5d......"}}, nimerr.ProxyAuthFailed, "ident"},
		{"socks4 odd code", config(Socks4, ""), "10.0.0.1:80", []turn{{"\x04", "\x00\x01......"}}, nimerr.ProxyFailed, "SOCKS4"},
		{"socks4 to HTTP", config(Socks4, ""), "10.0.0.1:80", []turn{{"\x04", "HTTP/1.1 400\r\n"}}, nimerr.ProxyFailed, "does not speak SOCKS4"},
		{"socks4 closes", config(Socks4, ""), "10.0.0.1:80", []turn{{"\x04", ""}}, nimerr.ProxyFailed, "closed"},
		{"socks4 breaks off", config(Socks4, ""), "10.0.0.1:80", []turn{{"\x04", "\x00\x5a."}}, nimerr.ProxyFailed, "closed"},
		{"socks4 has no IPv6", config(Socks4, ""), "[fd00::1]:80", nil, nimerr.ProxyFailed, "only IPv4"},
		{"socks4 has no names", config(Socks4, ""), "gw:80", nil, nimerr.ProxyFailed, "only IPv4"},
		{"socks4a has no IPv6", config(Socks4a, ""), "[fd00::1]:80", nil, nimerr.ProxyFailed, "only IPv4"},
		{"socks5 to HTTP", config(Socks5, ""), "gw:80", []turn{{"\x05\x01\x00", "HTTP/1.1 400"}}, nimerr.ProxyFailed, "does not speak SOCKS5"},
		{"socks5 wants a password", config(Socks5, ""), "gw:80", []turn{{"\x05\x01\x00", "\x05\xff"}}, nimerr.ProxyAuthFailed, "none is configured"},
		{"socks5 takes no method", config(Socks5, "user"), "gw:80", []turn{{"\x05\x02\x00\x02", "\x05\xff"}}, nimerr.ProxyAuthFailed, "neither"},
		{"socks5 method not offered", config(Socks5, ""), "gw:80", []turn{{"\x05\x01\x00", "\x05\x02"}}, nimerr.ProxyFailed, "not offered"},
		{"socks5 wrong password", config(Socks5, "user"), "gw:80", []turn{offer, {"\x01\x04user", "\x01\x01"}}, nimerr.ProxyAuthFailed, "password"},
		{"socks5 hangs up on the password", config(Socks5, "user"), "gw:80", []turn{offer, {"\x01\x04user\x08" + secret, ""}}, nimerr.ProxyAuthFailed, "password"},
		{"socks5 rules", config(Socks5, ""), "gw:80", []turn{hello, {"\x05", "\x05\x02\x00\x01"}}, nimerr.ProxyRefused, "rules"},
		{"socks5 refused", config(Socks5, ""), "gw:80", []turn{hello, {"\x05", "\x05\x05\x00\x01"}}, nimerr.ProxyRefused, "the server refused"},
		{"socks5 odd code", config(Socks5, ""), "gw:80", []turn{hello, {"\x05", "\x05\x63\x00\x01"}}, nimerr.ProxyRefused, "99"},
		{"socks5 odd address", config(Socks5, ""), "gw:80", []turn{hello, {"\x05", "\x05\x00\x00\x09"}}, nimerr.ProxyFailed, "not SOCKS5"},
		{"socks5 breaks off", config(Socks5, ""), "gw:80", []turn{hello, {"\x05", "\x05\x00\x00\x01"}}, nimerr.ProxyFailed, "closed"},
		{"http 407", config(HTTP, ""), "gw:80", []turn{{"CONNECT", "HTTP/1.1 407\r\n\r\n"}}, nimerr.ProxyAuthFailed, "none is configured"},
		{"http 407 again", config(HTTP, "user"), "gw:80", []turn{{"CONNECT", "HTTP/1.1 407\r\n\r\n"}}, nimerr.ProxyAuthFailed, "refused the user name"},
		{"http 401", config(HTTP, "user"), "gw:80", []turn{{"CONNECT", "HTTP/1.1 401 Unauthorized\r\n\r\n"}}, nimerr.ProxyAuthFailed, "refused the user name"},
		{"http NTLM", config(HTTP, "user"), "gw:80",
			[]turn{{"CONNECT", "HTTP/1.1 407 No\r\nProxy-Authenticate: NTLM\r\nproxy-authenticate: Negotiate\r\n\r\n"}}, nimerr.ProxyAuthFailed, "does not take basic"},
		{"http 403", config(HTTP, ""), "gw:80", []turn{{"CONNECT", "HTTP/1.1 403 Forbidden\r\n\r\n"}}, nimerr.ProxyRefused, "rules"},
		{"http 502", config(HTTP, ""), "gw:80", []turn{{"CONNECT", "HTTP/1.1 502 Bad\r\n\r\n"}}, nimerr.ProxyRefused, "cannot reach"},
		{"http 405", config(HTTP, ""), "gw:80", []turn{{"CONNECT", "HTTP/1.1 405 No\r\n\r\n"}}, nimerr.ProxyRefused, "HTTP 405"},
		{"http to SOCKS", config(HTTP, ""), "gw:80", []turn{{"CONNECT", "\x05\xff......"}}, nimerr.ProxyFailed, "does not speak HTTP"},
		{"http says nothing", config(HTTP, ""), "gw:80", []turn{{"CONNECT", "HTTP/1.1\r\n\r\n"}}, nimerr.ProxyFailed, "not HTTP/1"},
		{"http repeats", config(HTTP, "user"), "gw:80",
			[]turn{{"CONNECT", "HTTP/1.1 " + basic("user", secret) + "\r\n\r\n"}}, nimerr.ProxyFailed, "not HTTP/1"},
		{"http endless", config(HTTP, ""), "gw:80", []turn{{"CONNECT", "HTTP/1.1 200 OK\r\n" + strings.Repeat("A: b\r\n", 4000)}}, nimerr.ProxyFailed, "16384 bytes"},
		{"http never comes to the point", config(HTTP, ""), "gw:80", []turn{{"CONNECT", strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 20)}}, nimerr.ProxyFailed, "interim"},
		{"http closes", config(HTTP, ""), "gw:80", []turn{{"CONNECT", "HTTP/1.1 200 OK\r\n"}}, nimerr.ProxyFailed, "closed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn, _ := peer(t, tt.turns, true)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				wantError(t, Connect(ctx, conn, tt.config, tt.target), tt.kind, tt.detail)
			})
		})
	}
}

// wantError checks row and detail, that the proxy is named, and that neither
// its password nor its user is.
func wantError(t *testing.T, err error, kind *nimerr.Kind, detail string) {
	t.Helper()
	e, ok := errors.AsType[*nimerr.Error](err)
	if !ok {
		t.Fatalf("got %v, want %s", err, kind.Name)
	}
	if e.Kind != kind || !strings.Contains(e.Detail, detail) || !strings.Contains(e.Detail, "://proxy:1080") {
		t.Errorf("got %s %q, want %s with %q", e.Kind.Name, e.Detail, kind.Name, detail)
	}
	for _, s := range []string{secret, basic("user", secret)} {
		if strings.Contains(e.Error(), s) {
			t.Errorf("the password is in %q", e.Error())
		}
	}
}

func TestMuteProxy(t *testing.T) {
	hello := []turn{{"\x05\x01\x00", "\x05\x00"}}
	tests := []struct {
		config Config
		turns  []turn
	}{
		{config(Socks4, ""), nil}, {config(Socks4a, ""), nil}, {config(Socks5, ""), nil}, {config(Socks5, ""), hello},
		{config(HTTP, ""), nil}, {config(HTTP, ""), []turn{{"CONNECT", "HTTP/1.1 200 OK\r\n"}}},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			conn, _ := peer(t, tt.turns, false)
			start := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			wantError(t, Connect(ctx, conn, tt.config, "10.0.0.1:80"), nimerr.Timeout, "waiting for the proxy")
			if got := time.Since(start); got != 5*time.Second {
				t.Errorf("%v: gave up after %v, want 5s", tt.config, got)
			}
		})
		synctest.Test(t, func(t *testing.T) {
			conn, _ := peer(t, tt.turns, false)
			start := time.Now()
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			wantError(t, Connect(ctx, conn, tt.config, "10.0.0.1:80"), nimerr.Cancelled, "waiting for the proxy")
			if got := time.Since(start); got != time.Second {
				t.Errorf("%v: cancelled after %v, want 1s", tt.config, got)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	long := strings.Repeat("x", 256)
	tests := []struct {
		config Config
		ok     bool
	}{
		{Config{}, true},
		{config(Socks5, "user"), true},
		{config(HTTP, "user"), true},
		{Config{Type: 2, Host: "h", Port: 1}, false},
		{Config{Type: Socks5, Port: 1}, false},
		{Config{Type: Socks5, Host: "h"}, false},
		{Config{Type: Socks5, Host: "h", Port: 65536}, false},
		{Config{Type: Socks5, Host: "h", Port: 1, User: long}, false},
		{Config{Type: Socks5, Host: "h", Port: 1, User: "u", Password: long}, false},
		{Config{Type: Socks5, Host: "h", Port: 1, Password: secret}, false},
		{Config{Type: Socks4, Host: "h", Port: 1, User: "a\x00b"}, false},
		{Config{Type: HTTP, Host: "h", Port: 1, User: "a:b"}, false},
	}
	for _, tt := range tests {
		err := tt.config.Check()
		if (err == nil) != tt.ok {
			t.Errorf("%v: %v", tt.config, err)
		}
		if !tt.ok && !errors.Is(err, nimerr.InvalidArgument) {
			t.Errorf("%v: %v is not invalid_argument", tt.config, err)
		}
	}
}

func TestFormattingHidesThePassword(t *testing.T) {
	c := config(Socks5, "user")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		for _, v := range []any{c, &c, struct{ C Config }{c}} {
			if text := fmt.Sprintf(verb, v); strings.Contains(text, secret) || strings.Contains(text, "user") {
				t.Errorf("%s gives %s", verb, text)
			}
		}
	}
}

func TestTargetsThatAreRefused(t *testing.T) {
	for _, target := range []string{"", "gw", "gw:", "gw:0", "gw:65536", ":80", "a\x00b:80", strings.Repeat("x", 256) + ":80"} {
		if err := Connect(t.Context(), nil, config(Socks5, ""), target); !errors.Is(err, nimerr.InvalidArgument) {
			t.Errorf("%q: %v", target, err)
		}
	}
}

func FuzzSocks4Reply(f *testing.F) {
	f.Add([]byte("\x00\x5a......"))
	f.Add([]byte("HTTP/1.1 400"))
	f.Fuzz(func(t *testing.T, b []byte) { wantBounded(t, b, readSocks4, 8) })
}

func FuzzSocks5Reply(f *testing.F) {
	f.Add([]byte(granted5))
	f.Add([]byte("\x05\x00\x00\x03\xffabc"))
	f.Add([]byte("\x05\x00"))
	f.Add([]byte("\x05\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		wantBounded(t, b, readSocks5Reply, 4+1+255+2)
		wantBounded(t, b, readSocks5Auth, 2)
		for _, offered := range []bool{false, true} {
			wantBounded(t, b, func(r io.Reader) error { _, err := readSocks5Method(r, offered); return err }, 2)
		}
	})
}

func FuzzConnectReply(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nVia: x\r\n\r\nrest"))
	f.Add([]byte("HTTP/1.1 407\r\n\r\n"))
	f.Add([]byte("HTTP/1.1 407 x\nProxy-Authenticate: Basic\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		wantBounded(t, b, func(r io.Reader) error {
			head, err := readHead(r)
			if err != nil {
				return err
			}
			return parseConnectReply(head, true)
		}, maxConnectReply)
	})
}

// wantBounded checks that a parser takes no more than it may, and that what it
// says is an error of this package or of the stream.
func wantBounded(t *testing.T, b []byte, parse func(io.Reader) error, limit int) {
	t.Helper()
	r := bytes.NewReader(b)
	err := parse(r)
	if used := len(b) - r.Len(); used > limit {
		t.Fatalf("took %d bytes, want at most %d", used, limit)
	}
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return
	}
	if _, ok := errors.AsType[*refusal](err); !ok {
		t.Fatalf("unexpected error %v", err)
	}
}
