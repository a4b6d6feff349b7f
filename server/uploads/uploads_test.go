package uploads

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/libnim/libnim/internal/nimerr"
)

// files returns the paths below dir with their content.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		out[rel] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func upload(t *testing.T, s *Store, name, feedback string, at time.Time, parts ...string) error {
	t.Helper()
	u, err := s.Begin("app", "..", name, feedback, at)
	if err != nil {
		return err
	}
	for i, p := range parts {
		if err := u.Write(i, []byte(p)); err != nil {
			u.Abandon()
			return err
		}
	}
	return u.Finish()
}

func TestPartsBecomeOneFileInsideTheDirectory(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(filepath.Join(dir, "logs"), DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	if err := upload(t, s, "../../../etc/passwd", "it broke", time.Unix(0, 0), "one ", "two"); err != nil {
		t.Fatal(err)
	}
	got := files(t, dir)
	if len(got) != 2 {
		t.Fatalf("files: %v", got)
	}
	for name, content := range got {
		if !strings.HasPrefix(name, filepath.Join("logs", encode("app"), encode(".."))) {
			t.Errorf("written to %s", name)
		}
		if want := map[bool]string{true: "it broke", false: "one two"}[strings.HasSuffix(name, ".txt")]; content != want {
			t.Errorf("%s holds %q, want %q", name, content, want)
		}
	}
}

func TestLimits(t *testing.T) {
	dir := t.TempDir()
	limits := Limits{File: 10, Account: 2, Total: 30}
	s, err := Open(dir, limits)
	if err != nil {
		t.Fatal(err)
	}
	if err := upload(t, s, "a", "", time.Unix(1, 0), "12345", "678901"); !errors.Is(err, nimerr.InvalidArgument) {
		t.Errorf("a long file: %v", err)
	}
	for i := range 5 { // the oldest make room, so the total is never passed
		if err := upload(t, s, "a", "", time.Unix(int64(i), 0), "1234567890"); err != nil {
			t.Fatalf("upload %d: %v", i, err)
		}
	}
	if got := files(t, dir); len(got) != 2 {
		t.Errorf("kept %v", got)
	}
	s, err = Open(dir, Limits{File: 100, Account: 9, Total: 30}) // counts what is there
	if err != nil {
		t.Fatal(err)
	}
	if err := upload(t, s, "a", "", time.Unix(9, 0), "12345678901"); !errors.Is(err, nimerr.ServerBusy) {
		t.Errorf("past the total: %v", err)
	}
	if got := files(t, dir); len(got) != 2 {
		t.Errorf("a refused upload left %v", got)
	}
}

func TestPartsComeInOrder(t *testing.T) {
	s, err := Open(t.TempDir(), DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	u, err := s.Begin("app", "alice", "x", "", time.Unix(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	defer u.Abandon()
	if err := u.Write(1, nil); !errors.Is(err, nimerr.InvalidArgument) {
		t.Errorf("part 1 first: %v", err)
	}
}
