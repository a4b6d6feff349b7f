package hold

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/core/store"
	"github.com/libnim/libnim/internal/nimerr"
)

// accept waits for what a module answers to a login.
func accept(t *testing.T, m *Module, account string) *nimerr.Error {
	t.Helper()
	answer := make(chan *nimerr.Error, 1)
	m.Accepted(module.Account{AppKey: "app", ID: account, Backend: "nim", Server: "gw"}, func(err *nimerr.Error) { answer <- err })
	select {
	case err := <-answer:
		return err
	case <-time.After(20 * time.Second):
		t.Fatal("no answer")
		return nil
	}
}

func closing(m *Module) chan struct{} {
	closed := make(chan struct{})
	m.Close(time.Now(), func() { close(closed) })
	return closed
}

func in(dir string) *Module {
	return &Module{Dir: func(account string) string {
		path := dir + "/" + account
		if os.MkdirAll(path, 0o700) != nil {
			return ""
		}
		return path
	}}
}

// An account has one owner at a time; others are not in its way. The lock is
// given back when the login is over and nobody uses the store any more.
func TestOneOwner(t *testing.T) {
	dir := t.TempDir()
	one, two := in(dir), in(dir)
	if err := accept(t, one, "alice"); err != nil {
		t.Fatal(err)
	}
	if err := accept(t, one, "alice"); err != nil { // after a kick
		t.Fatal(err)
	}
	path, release, err := one.Wait(t.Context())
	if err != nil || path == "" {
		t.Fatal(path, err)
	}
	start := time.Now()
	if err := accept(t, two, "alice"); err == nil || err.Kind != nimerr.StoreInUse {
		t.Errorf("a second owner: %v", err)
	}
	if d := time.Since(start); d < waitForOwner {
		t.Errorf("refused after %v: the first one might have been about to end", d)
	}
	if _, _, err := two.Wait(t.Context()); !errors.Is(err, store.ErrInUse) {
		t.Errorf("the store of a login that failed: %v", err)
	}
	<-closing(two)
	if err := accept(t, two, "bob"); err != nil {
		t.Errorf("another account: %v", err)
	}
	<-closing(two)
	closed := closing(one)
	select {
	case <-closed:
		t.Error("given back while the store is open")
	default:
	}
	if _, _, err := one.Wait(t.Context()); !errors.Is(err, store.ErrClosed) {
		t.Errorf("after the login: %v", err)
	}
	answer := make(chan *nimerr.Error, 1)
	go func() { answer <- accept(t, two, "alice") }()
	release()
	release()
	<-closed
	if err := <-answer; err != nil {
		t.Errorf("after the first owner: %v", err)
	}
	<-closing(two)
}

// A login needs no lock where there can be none: then nothing is kept.
func TestWithoutADirectory(t *testing.T) {
	m := &Module{Dir: func(string) string { return "" }}
	<-closing(m)
	if err := accept(t, m, "alice"); err != nil {
		t.Error(err)
	}
	if _, _, err := m.Wait(t.Context()); !errors.Is(err, store.ErrUnusable) {
		t.Errorf("got %v", err)
	}
	<-closing(m)
}

// A disk that hangs holds up neither the login nor its end for long.
func TestADiskThatHangs(t *testing.T) {
	hang := make(chan struct{})
	m := &Module{Dir: func(string) string { <-hang; return "" }}
	start := time.Now()
	if err := accept(t, m, "alice"); err != nil {
		t.Error(err)
	}
	if d := time.Since(start); d < waitForDisk {
		t.Errorf("went on after %v", d)
	}
	closed := closing(m)
	close(hang)
	<-closed
}
