package server_test

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server"
	"github.com/libnim/libnim/server/gateway"
)

// counted returns the value of a metric without labels, or with the ones given.
func (e *edge) counted(name string) int {
	e.t.Helper()
	for line := range strings.Lines(e.metrics()) {
		if v, found := strings.CutPrefix(line, name+" "); found {
			n, err := strconv.Atoi(strings.TrimSpace(v))
			if err != nil {
				e.t.Fatal(err)
			}
			return n
		}
	}
	return 0
}

// Sockets on which nothing is said lose their places to those that come after
// them. Clients are let in beside them, and stay.
func TestSilentSocketsKeepNobodyOut(t *testing.T) {
	e := startEdges(t, 1, func(_ int, c *server.Config) { c.Limits = &gateway.Limits{Waiting: 20} })[0]
	e.account("alice")
	first, _ := e.online("alice", "desk", pc)
	address := strings.TrimSuffix(strings.TrimPrefix(e.Link, "ws://"), "/nim")
	var silent []net.Conn
	for range 200 {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		silent = append(silent, c)
	}
	_ = silent[0].SetReadDeadline(time.Now().Add(patience))
	if _, err := silent[0].Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the oldest: %v, want it closed", err)
	}
	second, _ := e.online("alice", "phone", ios)
	second.ask(wire.OpTime, nil, nil)
	first.want(wire.OpPresence, nil)
	first.ask(wire.OpTime, nil, nil) // an upgraded connection has no place to lose
	if n := e.counted("nimd_sockets_closed_total"); n < 180 || n > 200 {
		t.Errorf("%d sockets were closed, want about 180", n)
	}
}

// One address has so many connections at a time; one that ends makes room.
func TestConnectionsOfOneAddressAreBounded(t *testing.T) {
	e := startEdges(t, 1, func(_ int, c *server.Config) {
		c.Limits = &gateway.Limits{Address: 2}
		c.Trusted = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})[0]
	dial := func(from string) (*websocket.Conn, *http.Response) {
		d := websocket.Dialer{Subprotocols: []string{wire.Subprotocol}, HandshakeTimeout: patience}
		ws, resp, err := d.Dial(e.Link, http.Header{"X-Forwarded-For": {from}})
		if err == nil {
			t.Cleanup(func() { _ = ws.Close() })
		}
		return ws, resp
	}
	one, _ := dial("192.0.2.1")
	if two, _ := dial("192.0.2.1:4711"); one == nil || two == nil {
		t.Fatal("refused within the limit")
	}
	if ws, resp := dial("::ffff:192.0.2.1"); ws != nil || resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Errorf("a third: %v", resp)
	}
	if other, _ := dial("192.0.2.2"); other == nil {
		t.Error("another address was refused")
	}
	if n := e.counted(`nimd_connections_refused_total{cause="rate_limited"}`); n != 1 {
		t.Errorf("%d refusals were counted", n)
	}
	_ = one.Close()
	waitFor(t, "the place that was given up", func() bool { ws, _ := dial("192.0.2.1"); return ws != nil })
}

// A trusted proxy that names its clients in another way is warned about, once.
func TestAnUnreadableHopIsWarnedAbout(t *testing.T) {
	var out strings.Builder
	e := startEdges(t, 1, func(_ int, c *server.Config) {
		c.Log = slog.New(slog.NewTextHandler(&out, nil))
		c.Trusted = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})[0]
	for range 3 {
		d := websocket.Dialer{Subprotocols: []string{wire.Subprotocol}, HandshakeTimeout: patience}
		ws, _, err := d.Dial(e.Link, http.Header{"X-Forwarded-For": {"for=\"someone\"" + strings.Repeat("x", 1000)}})
		if err != nil {
			t.Fatal(err)
		}
		_ = ws.Close()
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		if strings.Contains(line, "X-Forwarded-For") && len(line) > 400 {
			t.Errorf("a line of %d bytes", len(line))
		}
	}
	if n := strings.Count(out.String(), "X-Forwarded-For"); n != 1 {
		t.Errorf("%d lines in\n%s", n, &out)
	}
}
