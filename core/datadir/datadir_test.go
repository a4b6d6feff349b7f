package datadir

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/libnim/libnim/internal/nimerr"
)

// holdEnv makes the test binary a second process that opens this directory,
// says how that went, and keeps it until its input ends.
const holdEnv = "DATADIR_TEST_HOLD"

func TestMain(m *testing.M) {
	if path := os.Getenv(holdEnv); path != "" {
		if _, err := Open(path); err != nil {
			fmt.Println(err.Kind.Name, err.Detail)
			os.Exit(1)
		}
		fmt.Println("open", os.Getpid())
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// holder starts the second process and returns its answer, and what ends it.
func holder(t *testing.T, path string) (answer string, pid int, end func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), holdEnv+"="+path)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	end = func() {
		if !ended {
			ended = true
			in.Close()
			_ = cmd.Wait()
		}
	}
	t.Cleanup(end)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the second process said nothing: %v", err)
	}
	return strings.TrimSpace(line), cmd.Process.Pid, end
}

func open(t *testing.T, path string) *Dir {
	t.Helper()
	d, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

func wantKind(t *testing.T, err error, want *nimerr.Kind) {
	t.Helper()
	e, ok := errors.AsType[*nimerr.Error](err)
	if !ok || e == nil || e.Kind != want {
		t.Fatalf("error = %v, want %s", err, want.Name)
	}
}

func TestSecondProcessIsLockedOut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	d := open(t, path)
	if !d.Locked() {
		t.Fatal("Locked() = false on a local file system")
	}

	answer, _, end := holder(t, path)
	if want := fmt.Sprintf("data_dir_locked %s is in use by pid %d", path, os.Getpid()); answer != want {
		t.Errorf("the second process said %q, want %q", answer, want)
	}
	end()

	d.Close()
	answer, pid, end := holder(t, path)
	if want := fmt.Sprint("open ", pid); answer != want {
		t.Fatalf("after Close the second process said %q, want %q", answer, want)
	}
	_, err := Open(path)
	if err == nil || err.Kind != nimerr.DataDirLocked || !strings.Contains(err.Detail, fmt.Sprintf("pid %d", pid)) {
		t.Fatalf("while the second process has it: %v, want data_dir_locked by pid %d", err, pid)
	}
	end()
	open(t, path)
}

func TestSameProcess(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	_, err := Open(path)
	if err == nil || err.Kind != nimerr.DataDirLocked || !strings.Contains(err.Detail, "this process") {
		t.Fatalf("second Open = %v, want data_dir_locked by this process", err)
	}
	d.Close()
	d.Close()
	for range 50 {
		again, err := Open(path)
		if err != nil {
			t.Fatalf("after Close: %v", err)
		}
		again.Close()
	}
}

func TestHolderUnknown(t *testing.T) {
	path := t.TempDir()
	open(t, path)
	// A full disk may have kept the pid out of the file.
	if err := os.Truncate(filepath.Join(path, lockName), 0); err != nil {
		t.Fatal(err)
	}
	_, err := Open(path)
	if err == nil || err.Kind != nimerr.DataDirLocked || !strings.Contains(err.Detail, "another process") {
		t.Fatalf("Open = %v, want data_dir_locked by another process", err)
	}
}

func TestUnusable(t *testing.T) {
	base := t.TempDir()
	file := filepath.Join(base, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	lockIsDir := filepath.Join(base, "lockdir")
	if err := os.MkdirAll(filepath.Join(lockIsDir, lockName), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{
		"a file":           file,
		"below a file":     filepath.Join(file, "data"),
		"lock not a file":  lockIsDir,
		"name with a zero": filepath.Join(base, "a\x00b"),
	} {
		t.Run(name, func(t *testing.T) {
			d, err := Open(path)
			if d != nil || err == nil || err.Kind != nimerr.DataDirUnusable {
				t.Errorf("Open = %v, %v, want data_dir_unusable", d, err)
			}
		})
	}
}

func TestCreatedForThisUserOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b")
	d := open(t, path)
	if d.Path() != path {
		t.Errorf("Path() = %q, want %q", d.Path(), path)
	}
	if want := filepath.Join(path, "logs"); d.LogDir() != want {
		t.Errorf("LogDir() = %q, want %q", d.LogDir(), want)
	}
	for name, want := range map[string]os.FileMode{"": 0o700, lockName: 0o600} {
		info, err := os.Stat(filepath.Join(path, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want && os.PathSeparator == '/' {
			t.Errorf("%q has mode %o, want %o", name, got, want)
		}
	}
}

func TestResolve(t *testing.T) {
	home := t.TempDir()
	for _, v := range []string{"HOME", "XDG_CONFIG_HOME", "LocalAppData"} {
		t.Setenv(v, home)
	}
	user, err := userDir()
	if err != nil {
		t.Fatal(err)
	}
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for in, want := range map[string]string{
		"":                                  filepath.Join(user, "libnim"),
		"MyApp":                             filepath.Join(user, "MyApp"),
		".":                                 wd,
		"./data":                            filepath.Join(wd, "data"),
		"a/b":                               filepath.Join(wd, "a", "b"),
		filepath.Join(home, "x") + "/":      filepath.Join(home, "x"),
		filepath.Join(home, "x", "..", "y"): filepath.Join(home, "y"),
	} {
		got, err := Resolve(in)
		if err != nil || got != want {
			t.Errorf("Resolve(%q) = %q, %v, want %q", in, got, err, want)
		}
	}
	for _, v := range []string{"HOME", "XDG_CONFIG_HOME", "LocalAppData"} {
		t.Setenv(v, "")
	}
	if got, err := Resolve(""); err == nil || err.Kind != nimerr.DataDirUnusable {
		t.Errorf("Resolve without a home = %q, %v, want data_dir_unusable", got, err)
	}
}

func TestSpace(t *testing.T) {
	d := open(t, t.TempDir())
	free, err := d.Space()
	if err != nil || free == 0 {
		t.Fatalf("Space() = %d, %v", free, err)
	}
	steps := []struct {
		free   uint64
		notice bool
	}{
		{1 << 40, false}, {spaceLow, false}, {spaceLow - 1, true}, {0, false},
		{spaceEnough, false}, {spaceLow - 1, false}, // between: still the same period
		{spaceEnough + 1, false}, {spaceLow - 1, true},
	}
	for i, s := range steps {
		if got := d.spaceNotice(s.free); got != s.notice {
			t.Errorf("step %d: notice at %d = %v, want %v", i, s.free, got, s.notice)
		}
	}
}

func TestSpaceCannotBeAsked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	d := open(t, path)
	d.Close()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
	if free, notice := d.SpaceNotice(); free != 0 || notice {
		t.Errorf("SpaceNotice() = %d, %v, want 0, false", free, notice)
	}
}
