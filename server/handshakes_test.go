package server

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/libnim/libnim/internal/memnet"
	"github.com/libnim/libnim/server/metrics"
	"github.com/libnim/libnim/server/turns"
)

// one is a listener that accepts one connection.
type one struct {
	net.Listener
	conn net.Conn
}

func (l one) Accept() (net.Conn, error) { return l.conn, nil }

// shake begins a handshake with a server that takes turns, and returns the
// client's end of the line and the server's result.
func shake(t *testing.T, h *handshakes, config *tls.Config) (net.Conn, <-chan error) {
	t.Helper()
	network := memnet.New()
	l, err := network.Listen("server:443")
	if err != nil {
		t.Fatal(err)
	}
	client, err := network.Dial(t.Context(), "tcp", "server:443")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return client, answer(t, h, config, server)
}

// answer is the server's side of shake.
func answer(t *testing.T, h *handshakes, config *tls.Config, server net.Conn) <-chan error {
	t.Helper()
	c, err := h.listen(one{conn: server}, config).Accept()
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		done <- c.(*tls.Conn).HandshakeContext(context.Background())
		_ = c.Close()
	}()
	return done
}

// However far clients get into their handshakes before they stop answering,
// they hold no turn.
func TestHandshakesTakeTurns(t *testing.T) {
	dir := t.TempDir()
	c := &certificates{certFile: filepath.Join(dir, "c"), keyFile: filepath.Join(dir, "k")}
	c.write(t, 1)
	if err := c.load(); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	var counts metrics.Registry
	h := &handshakes{
		turns: turns.New(1), wait: time.Minute, log: slog.New(slog.NewTextHandler(&out, nil)), refused: counts.Counter("refused", "", ""),
	}
	config := &tls.Config{GetCertificate: c.get, NextProtos: []string{"http/1.1"}}
	trusting := &tls.Config{InsecureSkipVerify: true}
	retrying := config.Clone()
	retrying.CurvePreferences = []tls.CurveID{tls.CurveP521} // of which no hello brings a share

	for name, stuck := range map[string]struct{ server, client *tls.Config }{
		"TLS 1.2": {config, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12}},
		"TLS 1.3": {config, trusting},
		"TLS 1.3, a hello that is to be sent again": {retrying, trusting},
	} {
		for range 3 {
			conn, _ := shake(t, h, stuck.server)
			answered := make(chan struct{})
			go func() { _ = tls.Client(readsAll{conn, answered}, stuck.client).Handshake() }()
			<-answered
		}
		deaf, server := net.Pipe() // which holds nothing: the server's answer waits to be read
		t.Cleanup(func() { _ = deaf.Close() })
		_ = answer(t, h, stuck.server, server)
		go func() { _ = tls.Client(readsNothing{deaf}, stuck.client).Handshake() }()
		for range 2 {
			ok, done := shake(t, h, stuck.server)
			if err := tls.Client(ok, stuck.client).Handshake(); err != nil {
				t.Fatalf("beside %s: %v", name, err)
			}
			if err := <-done; err != nil {
				t.Fatalf("beside %s: %v", name, err)
			}
		}
	}
	other, failed := shake(t, h, config)
	_ = tls.Client(other, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}).Handshake()
	if err := <-failed; err == nil {
		t.Fatal("another protocol was accepted")
	}
	if len(h.turns) != 0 {
		t.Error("a handshake that is over holds a turn")
	}

	// Who waits too long is closed without an alert, counted, and logged once.
	h.turns <- struct{}{}
	h.wait = time.Millisecond
	for range 3 {
		late, done := shake(t, h, config)
		if err := tls.Client(late, trusting).Handshake(); !errors.Is(err, io.EOF) {
			t.Errorf("the client saw %v", err)
		}
		if err := <-done; !errors.Is(err, errBusy) {
			t.Errorf("the server saw %v", err)
		}
	}
	written := httptest.NewRecorder()
	counts.ServeHTTP(written, nil)
	if !strings.Contains(written.Body.String(), "refused 3\n") || strings.Count(out.String(), "level=WARN") != 1 {
		t.Errorf("counted %q, logged %q", written.Body, out.String())
	}
}

// readsNothing lets no answer through.
type readsNothing struct{ net.Conn }

func (readsNothing) Read([]byte) (int, error) { select {} }

// readsAll takes what the server says, tells of it and answers nothing.
type readsAll struct {
	net.Conn
	told chan struct{}
}

func (c readsAll) Read([]byte) (int, error) {
	var p [4096]byte
	for first := true; ; first = false {
		if _, err := c.Conn.Read(p[:]); err != nil {
			return 0, err
		}
		if first {
			close(c.told)
		}
	}
}

// broken is a listener without a file descriptor left.
type broken struct{ net.Listener }

func (broken) Accept() (net.Conn, error) { return nil, syscall.EMFILE }

func TestClientsThatCannotBeTakenAreLogged(t *testing.T) {
	var out strings.Builder
	l := loud{broken{}, slog.New(slog.NewTextHandler(&out, nil))}
	if _, err := l.Accept(); !errors.Is(err, syscall.EMFILE) || !strings.Contains(out.String(), "level=WARN") {
		t.Errorf("%v, logged %q", err, &out)
	}
}
