package server

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// shake begins a handshake with a server that takes turns, and returns the
// client's end of the line and the server's result.
func shake(t *testing.T, config *tls.Config) (net.Conn, <-chan error) {
	t.Helper()
	client, server := net.Pipe()
	t.Cleanup(func() { _ = client.Close() })
	done := make(chan error, 1)
	go func() {
		done <- tls.Server(server, config).HandshakeContext(context.Background())
		_ = server.Close()
	}()
	return client, done
}

func TestHandshakesTakeTurns(t *testing.T) {
	dir := t.TempDir()
	c := &certificates{certFile: filepath.Join(dir, "c"), keyFile: filepath.Join(dir, "k")}
	c.write(t, 1)
	if err := c.load(); err != nil {
		t.Fatal(err)
	}
	h := &handshakes{turns: make(chan struct{}, 1), wait: time.Minute}
	config := h.limit(&tls.Config{GetCertificate: c.get, NextProtos: []string{"http/1.1"}})
	trusting := &tls.Config{InsecureSkipVerify: true}

	// One that never goes on after its hello, and one that was broken off.
	stuck, _ := shake(t, config)
	stuckHello := make(chan struct{})
	go func() {
		_ = tls.Client(readsAll{stuck, stuckHello}, trusting).Handshake()
	}()
	<-stuckHello
	other, failed := shake(t, config)
	_ = tls.Client(other, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}).Handshake()
	if err := <-failed; err == nil {
		t.Fatal("another protocol was accepted")
	}
	ok, done := shake(t, config)
	if err := tls.Client(ok, trusting).Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}

	// Who waits too long is closed without an alert.
	h.turns <- struct{}{}
	h.wait = 0
	late, done := shake(t, config)
	if err := tls.Client(late, trusting).Handshake(); !errors.Is(err, io.EOF) {
		t.Errorf("the client saw %v", err)
	}
	if err := <-done; !errors.Is(err, errBusy) {
		t.Errorf("the server saw %v", err)
	}
}

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
