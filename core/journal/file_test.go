package journal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func names(paths []string) []string {
	var all []string
	for _, p := range paths {
		all = append(all, filepath.Base(p))
	}
	return all
}

func TestRotation(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "there", "yet")
	const size, keep = 4096, 3
	j := New(Options{Dir: dir, MaxFileBytes: size, Files: keep})
	for i := range 200 {
		j.Add(App, "x", Int("i", int64(i)), Str("pad", strings.Repeat("p", 100)))
		if i%7 == 0 {
			j.Flush()
		}
	}
	files := j.Files()
	j.Close()
	if len(files) != keep || !slices.IsSorted(files) {
		t.Fatalf("files %v, want the last %d", names(files), keep)
	}
	for _, path := range files {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() > size {
			t.Errorf("%s has %d bytes, want at most %d", filepath.Base(path), info.Size(), size)
		}
		if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %o", filepath.Base(path), info.Mode().Perm())
		}
	}
	lines := fileLines(t, j)
	first := int(decoded(t, lines[0])["i"].(float64))
	if first == 0 || len(lines) != 200-first {
		t.Fatalf("%d lines from line %d on, want all to 199", len(lines), first)
	}
	for n, line := range lines {
		if got := int(decoded(t, line)["i"].(float64)); got != first+n {
			t.Fatalf("line %d is %d, want %d", n, got, first+n)
		}
	}
}

func TestLineLargerThanFile(t *testing.T) {
	j := New(Options{Dir: t.TempDir(), MaxFileBytes: 64, Files: 2})
	for i := range 4 {
		j.Add(App, fmt.Sprint("e", i), Str("pad", strings.Repeat("p", 100)))
	}
	want(t, "file", events(t, fileLines(t, j)), []string{"e2", "e3"})
	j.Close()
}

func TestNextRunGoesOn(t *testing.T) {
	dir := t.TempDir()
	run := func(event string) *Journal {
		j := New(Options{Dir: dir, MaxFileBytes: 200})
		j.Add(App, event)
		j.Close()
		return j
	}
	run("one")
	j := run("two")
	want(t, "files", names(j.Files()), []string{"nim-000001.log"})

	// A crash or a full disk has left half a line, others have left theirs.
	f, err := os.OpenFile(j.Files()[0], os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(f, `{"half":`)
	f.Close()
	for _, name := range []string{"nim-.log", "nim-x.log", "nim-000007.log.gz", "other-000009.log", "nim--00001.log"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "nim-000099.log"), 0o700); err != nil {
		t.Fatal(err)
	}
	run("three")
	lines := fileLines(t, j)
	if len(lines) != 4 || lines[2] != `{"half":` {
		t.Fatalf("lines %q", lines)
	}
	want(t, "events", events(t, slices.Delete(lines, 2, 3)), []string{"one", "two", "three"})
	run("four")
	want(t, "files", names(j.Files()), []string{"nim-000001.log", "nim-000002.log"})
}

// A disk is what the open seam gives out: it takes limit bytes, then is full.
type disk struct {
	mu      sync.Mutex
	limit   int
	openErr error
	text    strings.Builder
	opens   int
}

func (d *disk) open(string) (io.WriteCloser, int64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.opens++
	return d, int64(d.text.Len()), d.openErr
}

func (d *disk) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := min(len(p), d.limit-d.text.Len())
	d.text.Write(p[:n])
	if n < len(p) {
		return n, errors.New("no space left on device")
	}
	return n, nil
}

// ReadAt shows the end of the text, where a line may be torn.
func (d *disk) ReadAt(p []byte, at int64) (int, error) {
	return copy(p, d.text.String()[at:]), nil
}

func (d *disk) Close() error { return nil }

func TestFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{limit: 100}
		var r recorder
		j := New(Options{Dir: t.TempDir(), Callback: r.call})
		j.file.open = d.open
		add := func(event string) { j.Add(App, event); j.Flush() }

		add("fits")
		add("does_not_fit")
		for range 10 {
			add("lost")
		}
		if j.Lost() != 11 {
			t.Errorf("Lost() = %d, want 11", j.Lost())
		}
		if d.opens != 1 {
			t.Errorf("opened %d times within a second, want once", d.opens)
		}
		d.limit = 1 << 20
		time.Sleep(retryAfter)
		add("again")
		j.Close()

		said := slices.DeleteFunc(events(t, j.Trace()), func(ev string) bool { return ev == "lost" })
		want(t, "ring", said, strings.Fields("fits does_not_fit log_file_failed again log_file_recovered"))
		want(t, "callback", r.events(t), events(t, j.Trace()))
		lines := strings.Split(d.text.String(), "\n")
		if len(lines) != 4 || decoded(t, lines[0])["ev"] != "fits" || decoded(t, lines[2])["ev"] != "again" {
			t.Errorf("file:\n%s", d.text.String())
		}
		recovered := decoded(t, j.Trace()[len(j.Trace())-1])
		if recovered["lost_lines"] != float64(11) {
			t.Errorf("log_file_recovered says %v lines, want 11", recovered["lost_lines"])
		}
	})
}

func TestDevFull(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full")
	}
	j := New(Options{Dir: t.TempDir(), Now: atNoon})
	j.file.open = func(string) (io.WriteCloser, int64, error) {
		f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		return f, 0, err
	}
	for range 5 {
		j.Add(App, "x")
		j.Flush()
	}
	j.Close()
	want(t, "ring", events(t, j.Trace()), strings.Fields("x log_file_failed x x x x"))
	if text := decoded(t, j.Trace()[1])["err"].(string); !strings.Contains(text, "no space left") || j.Lost() != 5 {
		t.Errorf("err %q, Lost() = %d, want 5", text, j.Lost())
	}
}

func TestDirectoryCannotBeMade(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	j := New(Options{Dir: path})
	j.Add(App, "one")
	j.Add(App, "two")
	j.Close()
	if !slices.Contains(events(t, j.Trace()), "log_file_failed") || j.Lost() != 2 || len(j.Files()) != 0 {
		t.Errorf("ring %v, Lost() = %d, Files() = %v", j.Trace(), j.Lost(), j.Files())
	}
}

func TestDirectoryIsRemoved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	j := New(Options{Dir: dir, MaxFileBytes: 300})
	defer j.Close()
	j.Add(App, "before")
	j.Flush()
	if err := os.RemoveAll(dir); err != nil {
		t.Skip("an open file keeps the directory:", err)
	}
	for i := range 9 {
		j.Add(App, fmt.Sprint("after", i))
		j.Flush()
	}
	if got := events(t, fileLines(t, j)); len(got) == 0 || got[len(got)-1] != "after8" {
		t.Errorf("events in the file %v, want it to go on", got)
	}
}

// A stuck disk does not return from its write until it is released.
type stuck struct {
	disk
	release chan struct{}
	entered chan struct{}
}

func (s *stuck) Write(p []byte) (int, error) {
	select {
	case s.entered <- struct{}{}:
	default:
	}
	<-s.release
	return s.disk.Write(p)
}

func TestHangingDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stuck{disk: disk{limit: 1 << 30}, release: make(chan struct{}), entered: make(chan struct{}, 1)}
		j := New(Options{Dir: t.TempDir(), RingLines: 16})
		j.file.open = func(string) (io.WriteCloser, int64, error) { return s, 0, nil }
		start := time.Now()
		j.Add(App, "first")
		<-s.entered
		pad := strings.Repeat("p", 1000)
		for range 2000 {
			j.Add(App, "x", Str("pad", pad))
		}
		if waited := time.Since(start); waited != 0 {
			t.Errorf("Add waited %v for the disk", waited)
		}
		lost := j.Lost()
		if lost < 500 || lost > 1500 {
			t.Errorf("Lost() = %d with 2 MB for a queue of 1 MiB", lost)
		}
		j.Flush()
		if waited := time.Since(start); waited != patience {
			t.Errorf("Flush waited %v, want %v", waited, patience)
		}
		if got := len(j.Trace()); got != 16 {
			t.Errorf("%d lines in the ring, want 16", got)
		}
		close(s.release)
		j.Flush()
		if got := strings.Count(s.text.String(), "\n"); got != 2001-int(lost)+1 {
			t.Errorf("%d lines in the file, want %d", got, 2001-int(lost)+1)
		}
		last := decoded(t, j.Trace()[15])
		if last["ev"] != "log_lines_dropped" || last["lines"] != float64(lost) {
			t.Errorf("last line %v, want log_lines_dropped with %d", last, lost)
		}
		j.Close()
	})
}

func TestCloseDoesNotHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stuck{disk: disk{limit: 1 << 30}, release: make(chan struct{}), entered: make(chan struct{}, 1)}
		j := New(Options{Dir: t.TempDir()})
		j.file.open = func(string) (io.WriteCloser, int64, error) { return s, 0, nil }
		start := time.Now()
		j.Add(App, "x")
		j.Close()
		if waited := time.Since(start); waited != patience {
			t.Errorf("Close waited %v, want %v", waited, patience)
		}
		close(s.release)
	})
}
