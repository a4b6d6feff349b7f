//go:build unix

package core

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/libnim/libnim/core/session"
	"github.com/libnim/libnim/internal/abi"
)

// A disk that hangs while the answer of an LBS is kept holds up neither the login
// nor cleanup. A pipe that nobody reads is such a disk: opening it waits.
func TestLoginWithADiskThatHangs(t *testing.T) {
	link := serveLogins(t)
	lbs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"link":[%q],"ttl_s":600}`, link)
	}))
	defer lbs.Close()
	dir := t.TempDir()
	pipe := filepath.Join(dir, "cache", "_lbs=2ejson.new")
	if err := os.MkdirAll(filepath.Dir(pipe), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	sink := &loginSink{done: make(chan time.Time, 2)}
	c, bad := Open(Options{DataDir: dir, Sink: sink, Settings: *settings(t, `{"app_key":"app","private_server_setting":{"lbs":"`+lbs.URL+`"}}`)})
	if bad != nil {
		t.Fatal(bad)
	}
	closed := make(chan struct{})
	limit := time.After(5 * time.Second)
	c.Login(1, session.LoginRequest{Account: "alice", Token: "secret", Options: abi.LoginOptions{Force: true}})
	select {
	case at := <-sink.done:
		if at.IsZero() {
			t.Error("the login failed")
		}
	case <-limit:
		t.Error("the login waits for the disk")
	}
	go func() {
		c.Close(100 * time.Millisecond)
		close(closed)
	}()
	select {
	case <-closed:
	case <-limit:
		t.Error("cleanup waits for the disk")
	}
	if reader, err := os.OpenFile(pipe, os.O_RDONLY|syscall.O_NONBLOCK, 0); err == nil { // the disk is back
		defer reader.Close()
	}
	<-closed
}
