package memnet

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// pair returns the two ends of a connection.
func pair(t *testing.T, n *Network) (client, server net.Conn) {
	t.Helper()
	l, err := n.Listen("gw:80")
	if err != nil {
		t.Fatal(err)
	}
	client, err = n.Dial(t.Context(), "tcp", "gw:80")
	if err != nil {
		t.Fatal(err)
	}
	server, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return client, server
}

func TestBytesThenEOF(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New()
		client, server := pair(t, n)
		if _, err := client.Write([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		client.Close()
		got, err := io.ReadAll(server)
		if string(got) != "hello" || err != nil {
			t.Errorf("read %q, %v", got, err)
		}
		if _, err := server.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
			t.Errorf("a write to a closed peer: %v", err)
		}
		if _, err := client.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a read after Close: %v", err)
		}
		if err := client.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a second Close: %v", err)
		}
		if n.Live() != 1 {
			t.Errorf("%d live, want 1", n.Live())
		}
		server.Close()
		if n.Live() != 0 {
			t.Errorf("%d live, want 0", n.Live())
		}
	})
}

func TestAMutePeerHoldsOneWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := pair(t, New())
		if n, err := client.Write(make([]byte, window)); n != window || err != nil {
			t.Fatalf("wrote %d, %v", n, err)
		}
		start := time.Now()
		client.SetWriteDeadline(start.Add(time.Second))
		if n, err := client.Write([]byte("x")); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("wrote %d, %v into a full window", n, err)
		}
		if got := time.Since(start); got != time.Second {
			t.Errorf("the deadline came after %v", got)
		}
		client.SetWriteDeadline(time.Time{})
		go func() {
			time.Sleep(time.Minute)
			io.ReadFull(server, make([]byte, 10))
		}()
		if n, err := client.Write([]byte("0123456789")); n != 10 || err != nil {
			t.Errorf("wrote %d, %v after the peer read", n, err)
		}
	})
}

func TestDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := pair(t, New())
		start := time.Now()
		go func() { // moved while a read waits
			time.Sleep(time.Second)
			client.SetReadDeadline(start.Add(3 * time.Second))
		}()
		_, err := client.Read(make([]byte, 1))
		var timeout net.Error
		if !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("got %v, want a timeout", err)
		}
		if got := time.Since(start); got != 3*time.Second {
			t.Errorf("after %v, want 3s", got)
		}
		server.Write([]byte("x"))
		if _, err := client.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a passed deadline: %v", err)
		}
		client.SetDeadline(time.Time{})
		if n, err := client.Read(make([]byte, 1)); n != 1 || err != nil {
			t.Errorf("no deadline: %d, %v", n, err)
		}
	})
}

func TestCloseWakesBothSides(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := pair(t, New())
		own, peers := make(chan error, 1), make(chan error, 1)
		go func() { _, err := client.Read(make([]byte, 1)); own <- err }()
		go func() { _, err := server.Read(make([]byte, 1)); peers <- err }()
		synctest.Wait()
		client.Close()
		if err := <-own; !errors.Is(err, net.ErrClosed) {
			t.Errorf("the own read: %v", err)
		}
		if err := <-peers; err != io.EOF {
			t.Errorf("the read of the peer: %v", err)
		}
	})
}

func TestRefusedDeniedClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New()
		dial := func() error {
			c, err := n.Dial(t.Context(), "tcp", "gw:80")
			if err == nil {
				c.Close()
			}
			return err
		}
		if err := dial(); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("no listener: %v", err)
		}
		l, err := n.Listen("")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := n.Listen(""); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("two listeners: %v", err)
		}
		if err := dial(); err != nil {
			t.Errorf("wildcard: %v", err)
		}
		n.SetDeny(syscall.ENETUNREACH)
		if err := dial(); !errors.Is(err, syscall.ENETUNREACH) {
			t.Errorf("denied: %v", err)
		}
		n.SetDeny(nil)
		l.SetDeny(syscall.EHOSTUNREACH)
		if err := dial(); !errors.Is(err, syscall.EHOSTUNREACH) {
			t.Errorf("denied by the listener: %v", err)
		}
		l.SetDeny(nil)
		left, err := n.Dial(t.Context(), "tcp", "gw:80")
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		if _, err := left.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("a connection nobody accepted: %v", err)
		}
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("accept after Close: %v", err)
		}
		if err := dial(); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("after Close: %v", err)
		}
	})
}

func TestCutAndReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New()
		client, server := pair(t, n)
		server.Write([]byte("bye"))
		n.Cut()
		if got, err := io.ReadAll(client); string(got) != "bye" || err != nil {
			t.Errorf("after Cut read %q, %v", got, err)
		}
		if _, err := client.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
			t.Errorf("a write after Cut: %v", err)
		}
		n.Reset()
		for _, c := range []net.Conn{client, server} {
			if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("after Reset: %v", err)
			}
		}
	})
}

func TestStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New()
		client, server := pair(t, n)
		server.Write([]byte("lost"))
		n.Stall()
		if k, err := client.Write(bytes.Repeat([]byte("x"), 2*window)); k != 2*window || err != nil {
			t.Errorf("a write vanishes: %d, %v", k, err)
		}
		client.SetReadDeadline(time.Now().Add(time.Hour))
		if _, err := client.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a read hangs: %v", err)
		}
		client.Close()
		server.SetReadDeadline(time.Now().Add(time.Hour))
		if _, err := server.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the peer of a closed stalled connection: %v", err)
		}

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := n.Dial(ctx, "tcp", "gw:80"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a dial hangs: %v", err)
		}
		time.AfterFunc(time.Second, n.Resume)
		if _, err := n.Dial(t.Context(), "tcp", "gw:80"); err != nil {
			t.Errorf("a dial after Resume: %v", err)
		}
	})
}
