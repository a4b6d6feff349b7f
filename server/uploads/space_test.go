package uploads

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/libnim/libnim/internal/nimerr"
)

// Uploads leave room on the disk for what the server itself writes, and come
// back by themselves when there is more.
func TestUploadsLeaveAReserve(t *testing.T) {
	s, err := Open(filepath.Join(t.TempDir(), "logs"), Limits{File: 1 << 20, Account: 10, Total: 1 << 30, Reserve: 1000})
	if err != nil {
		t.Fatal(err)
	}
	free, size := int64(1500), int64(1<<40)
	s.space = func(string) (int64, int64, error) { return free, size, nil }
	part := strings.Repeat("x", 400)
	u, err := s.Begin("app", "a", "log", "", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := u.Write(0, []byte(part)); err != nil {
		t.Fatal(err)
	}
	free = 1100
	err = u.Write(1, []byte(part))
	e, _ := errors.AsType[*nimerr.Error](err)
	if !errors.Is(err, nimerr.ServerBusy) || e.RetryAfter == 0 {
		t.Errorf("a part that takes from the reserve: %v", err)
	}
	u.Abandon()
	free = 900
	if err := upload(t, s, "log", "", time.Now()); !errors.Is(err, nimerr.ServerBusy) {
		t.Errorf("a file although the reserve is used: %v", err)
	}
	if got := files(t, s.dir); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
	size = 5000 // a small disk keeps a tenth
	if err := upload(t, s, "log", "", time.Now(), part[:300]); err != nil {
		t.Errorf("on a small disk: %v", err)
	}
}

// The disk of these tests is read.
func TestDiskSpace(t *testing.T) {
	free, size, err := diskSpace(t.TempDir())
	if err != nil || free <= 0 || size < free {
		t.Errorf("%d of %d free, %v", free, size, err)
	}
}
