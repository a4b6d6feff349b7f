package store

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	if path := os.Getenv("NIM_TEST_LOCK"); path != "" {
		if _, err := Acquire(context.Background(), path); err != nil {
			os.Exit(3)
		}
		os.Stdout.WriteString("locked\n")
		_, _ = io.Copy(io.Discard, os.Stdin) // until killed
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestIdentitiesHaveFilesOfTheirOwn(t *testing.T) {
	seen := map[string]Identity{}
	for _, i := range []Identity{
		{"k", "nimd", "ws://a", "bob"}, {"k", "nimd", "ws://a", "bo"}, {"k", "openim", "ws://a", "bob"},
		{"k", "nimd", "ws://b", "bob"}, {"kn", "imd", "ws://a", "bob"}, {"k", "nimd", "ws://ab", "ob"}, {},
	} {
		name := i.FileName()
		if other, twice := seen[name]; twice {
			t.Errorf("%v and %v share %s", i, other, name)
		}
		seen[name] = i
		if name != filepath.Base(name) || name != i.FileName() {
			t.Errorf("%v: %q is no stable file name", i, name)
		}
	}
}

func short(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

func TestLockWithinTheProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	first, err := Acquire(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Acquire(short(t), path); !errors.Is(err, ErrInUse) {
		t.Fatalf("a second one: %v, want ErrInUse", err)
	}
	if _, err := Acquire(t.Context(), path+"2"); err != nil {
		t.Fatalf("another store: %v", err)
	}
	next := make(chan error)
	go func() {
		l, err := Acquire(t.Context(), path)
		if err == nil {
			l.Release()
		}
		next <- err
	}()
	first.Release()
	first.Release()
	if err := <-next; err != nil {
		t.Fatalf("one that waited: %v", err)
	}
}

func TestLockAgainstAnotherProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	other := exec.Command(os.Args[0])
	other.Env = append(os.Environ(), "NIM_TEST_LOCK="+path)
	out, err := other.StdoutPipe()
	if err == nil {
		_, err = other.StdinPipe()
	}
	if err == nil {
		err = other.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Process.Kill(); _ = other.Wait() }()
	if line, _ := bufio.NewReader(out).ReadString('\n'); line != "locked\n" {
		t.Fatalf("the other process says %q", line)
	}
	if _, err := Acquire(short(t), path); !errors.Is(err, ErrInUse) {
		t.Fatalf("%v, want ErrInUse", err)
	}
	// The end of the process, also by kill -9, gives it back.
	done := make(chan error)
	go func() {
		_, err := Acquire(t.Context(), path)
		done <- err
	}()
	_ = other.Process.Kill()
	if err := <-done; err != nil {
		t.Fatalf("after the other has ended: %v", err)
	}
}

func TestLockWhereNothingCanBeWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing", "a.db")
	for range 2 { // the second finds nothing left behind by the first
		if _, err := Acquire(short(t), path); !errors.Is(err, ErrUnusable) {
			t.Fatalf("%v, want ErrUnusable", err)
		}
	}
}

func TestUnreadIsNeverNegative(t *testing.T) {
	for _, c := range []struct {
		u    Unread
		want int64
	}{{Unread{3, 1, 2}, 4}, {Unread{1, 5, 0}, 0}, {Unread{0, 0, 0}, 0}} {
		if got := c.u.Total(); got != c.want {
			t.Errorf("%v: %d, want %d", c.u, got, c.want)
		}
	}
}
