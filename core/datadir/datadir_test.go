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

// holdEnv makes the test binary another process that opens this directory, says
// how that went, and keeps its place until its input ends.
const holdEnv = "DATADIR_TEST_HOLD"

func TestMain(m *testing.M) {
	if path := os.Getenv(holdEnv); path != "" {
		d, bad := Open(path)
		if bad != nil {
			fmt.Println(bad.Kind.Name, bad.Detail)
			os.Exit(1)
		}
		id, err := d.DeviceID("")
		fmt.Println(filepath.Base(d.LogDir()), id, err)
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// holder starts another process and returns its answer, and what ends it.
func holder(t *testing.T, path string) (answer func() string, end func()) {
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
	answer = func() string {
		line, err := bufio.NewReader(out).ReadString('\n')
		if err != nil {
			t.Fatalf("the process said nothing: %v", err)
		}
		return strings.TrimSpace(line)
	}
	return answer, end
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

// Several processes use one directory: one device id, each its own log files. A
// place that is given back, or whose process has died, is taken again.
func TestProcessesShareADirectory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	d := open(t, path)
	if !d.Locked() {
		t.Fatal("Locked() = false on a local file system")
	}
	id, err := d.DeviceID("")
	if err != nil {
		t.Fatal(err)
	}
	second, end := holder(t, path)
	if got, want := second(), "2 "+id+" <nil>"; got != want {
		t.Errorf("the second process said %q, want %q", got, want)
	}
	third, _ := holder(t, path)
	if got, want := third(), "3 "+id+" <nil>"; got != want {
		t.Errorf("the third process said %q, want %q", got, want)
	}
	end()
	d.Close()
	for _, want := range []string{"logs", "2"} {
		if got := filepath.Base(open(t, path).LogDir()); got != want {
			t.Errorf("log files in %q, want %q", got, want)
		}
	}
}

// Processes that make the device id at the same time agree on one.
func TestOneDeviceID(t *testing.T) {
	for range 5 {
		path := t.TempDir()
		ids := map[string]bool{}
		var answers []func() string
		for range 6 {
			answer, _ := holder(t, path)
			answers = append(answers, answer)
		}
		for _, answer := range answers {
			place, id, _ := strings.Cut(answer(), " ")
			ids[id] = true
			if place == "" || !strings.HasSuffix(id, " <nil>") {
				t.Errorf("said %q %q", place, id)
			}
		}
		if len(ids) != 1 {
			t.Errorf("%d device ids: %v", len(ids), ids)
		}
	}
}

func TestSameProcess(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	if other := open(t, path); other.LogDir() == d.LogDir() {
		t.Error("a place twice")
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

// There is an end to the places.
func TestAllPlacesTaken(t *testing.T) {
	path := t.TempDir()
	for range places {
		open(t, path)
	}
	_, err := Open(path)
	if err == nil || err.Kind != nimerr.DataDirLocked || !strings.Contains(err.Detail, "64 processes") {
		t.Errorf("got %v", err)
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
