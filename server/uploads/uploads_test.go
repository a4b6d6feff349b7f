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

// Uploads of one account that run at the same time, more than it may keep, take
// no room that is not given back.
func TestInterleavedUploadsGiveTheirRoomBack(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir, Limits{File: 10, Account: 2, Total: 40})
	if err != nil {
		t.Fatal(err)
	}
	for round := range 20 {
		var open []*Upload
		for i := range 4 {
			u, err := s.Begin("app", "alice", "x", "f", time.Unix(int64(round), int64(i)))
			if errors.Is(err, nimerr.ServerBusy) && i >= 2 {
				continue // as many as it may keep are under way
			}
			if err != nil {
				t.Fatalf("round %d, upload %d: %v", round, i, err)
			}
			open = append(open, u)
		}
		for part := range 3 {
			for _, u := range open {
				if err := u.Write(part, []byte("123")); err != nil {
					t.Fatalf("round %d, part %d: %v", round, part, err)
				}
			}
		}
		for i, u := range open {
			if i%2 == 0 {
				u.Abandon()
			} else if err := u.Finish(); err != nil {
				t.Fatal(err)
			}
		}
	}
	var kept int64
	for _, content := range files(t, dir) {
		kept += int64(len(content))
	}
	if s.total != kept {
		t.Errorf("counts %d bytes where %d are kept", s.total, kept)
	}
}

// The operator deletes logs at will; their room is there for the next one.
func TestRoomThatTheOperatorMadeIsFound(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir, Limits{File: 30, Account: 9, Total: 30})
	if err != nil {
		t.Fatal(err)
	}
	if err := upload(t, s, "a", "", time.Unix(1, 0), strings.Repeat("x", 30)); err != nil {
		t.Fatal(err)
	}
	for name := range files(t, dir) {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := upload(t, s, "a", "", time.Unix(2, 0), strings.Repeat("x", 30)); err != nil {
		t.Error(err)
	}
}
