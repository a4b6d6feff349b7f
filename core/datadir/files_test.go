package datadir

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/libnim/libnim/internal/nimerr"
)

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, target, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, path); err != nil {
		if runtime.GOOS == "windows" {
			t.Skip("no right to make links:", err)
		}
		t.Fatal(err)
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func TestDeviceID(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	id, err := d.DeviceID("")
	if err != nil || !isDeviceID(id) {
		t.Fatalf("DeviceID = %q, %v", id, err)
	}
	d.Close()

	again, err := open(t, path).DeviceID("")
	if err != nil || again != id {
		t.Errorf("after reopening DeviceID = %q, %v, want %q", again, err, id)
	}
	other, err := open(t, t.TempDir()).DeviceID("")
	if err != nil || other == id {
		t.Errorf("another directory has DeviceID %q, %v", other, err)
	}
}

func TestDeviceIDOverride(t *testing.T) {
	d := open(t, t.TempDir())
	for _, good := range []string{"x", "my-device_01", "PC-张三", "S3Z8 NB0K", strings.Repeat("a", maxOverride)} {
		if id, err := d.DeviceID(good); err != nil || id != good {
			t.Errorf("DeviceID(%q) = %q, %v", good, id, err)
		}
	}
	for _, bad := range []string{" ", "a\n", "a\u0085", "\xff", strings.Repeat("a", maxOverride+1)} {
		id, err := d.DeviceID(bad)
		if id != "" {
			t.Errorf("DeviceID(%q) = %q, want none", bad, id)
		}
		wantKind(t, err, nimerr.InvalidArgument)
	}
	if exists(filepath.Join(d.Path(), deviceFile)) {
		t.Error("an override was stored")
	}
}

func TestDeviceIDRecovers(t *testing.T) {
	for name, content := range map[string]string{
		"empty":     "",
		"cut":       "0123456789abcdef",
		"zeros":     strings.Repeat("\x00", deviceDigits),
		"not hex":   strings.Repeat("z", deviceDigits),
		"too long":  strings.Repeat("a", deviceDigits+4),
		"very long": strings.Repeat("a", 1<<20),
	} {
		t.Run(name, func(t *testing.T) {
			path := t.TempDir()
			write(t, filepath.Join(path, deviceFile), content)
			write(t, filepath.Join(path, deviceFile+".new"), "left by a crash")
			d := open(t, path)
			id, err := d.DeviceID("")
			if err != nil || !isDeviceID(id) {
				t.Fatalf("DeviceID = %q, %v", id, err)
			}
			stored, err := os.ReadFile(filepath.Join(path, deviceFile))
			if err != nil || string(stored) != id+"\n" {
				t.Errorf("stored %q, %v, want %q", stored, err, id)
			}
			if exists(filepath.Join(path, deviceFile+".new")) {
				t.Error("the temporary file is left")
			}
		})
	}
}

func TestDeviceIDThatCannotBeStored(t *testing.T) {
	path := t.TempDir()
	// A directory with something in it is neither read nor replaced, also
	// not by root.
	write(t, filepath.Join(path, deviceFile, "in the way"), "")
	d := open(t, path)
	id, err := d.DeviceID("")
	if !isDeviceID(id) {
		t.Errorf("DeviceID = %q, want a usable one", id)
	}
	wantKind(t, err, nimerr.DataDirUnusable)
	again, err := d.DeviceID("")
	if err != nil || again != id {
		t.Errorf("second DeviceID = %q, %v, want %q", again, err, id)
	}
}

func TestDeviceIDIsOne(t *testing.T) {
	d := open(t, t.TempDir())
	ids := make([]string, 8)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() { ids[i], _ = d.DeviceID("") })
	}
	wg.Wait()
	for _, id := range ids {
		if id == "" || id != ids[0] {
			t.Fatalf("ids differ: %q", ids)
		}
	}
}

func TestCache(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	if data, ok := d.ReadCache("lbs"); ok {
		t.Errorf("ReadCache of nothing = %q", data)
	}
	for _, content := range [][]byte{[]byte("one"), {}, bytes.Repeat([]byte{0xa5}, MaxCache)} {
		for _, name := range []string{"lbs", "LBS", "lbs:https://im.example.com/lbs?a=b", "../../escape"} {
			if err := d.WriteCache(name, append([]byte(name), content...)[:min(len(name)+len(content), MaxCache)]); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range []string{"lbs", "LBS", "lbs:https://im.example.com/lbs?a=b", "../../escape"} {
			data, ok := d.ReadCache(name)
			if want := append([]byte(name), content...)[:min(len(name)+len(content), MaxCache)]; !ok || !bytes.Equal(data, want) {
				t.Errorf("ReadCache(%q) = %d bytes, %v, want %d", name, len(data), ok, len(want))
			}
		}
	}
	d.Close()
	if data, ok := open(t, path).ReadCache("lbs"); !ok || !bytes.HasPrefix(data, []byte("lbs")) {
		t.Errorf("after reopening: %d bytes, %v", len(data), ok)
	}
	entries, err := os.ReadDir(filepath.Join(path, cacheDir))
	if err != nil || len(entries) != 4 {
		t.Errorf("%d files in the cache, %v, want 4", len(entries), err)
	}
}

func TestCacheRefuses(t *testing.T) {
	d := open(t, t.TempDir())
	wantKind(t, d.WriteCache("", nil), nimerr.InvalidArgument)
	wantKind(t, d.WriteCache(strings.Repeat("n", maxName+1), nil), nimerr.InvalidArgument)
	wantKind(t, d.WriteCache("big", make([]byte, MaxCache+1)), nimerr.InvalidArgument)
	if _, ok := d.ReadCache(""); ok {
		t.Error("ReadCache of no name is there")
	}
	// What somebody else made too large is not read.
	file, _ := encodeName("grown")
	write(t, filepath.Join(d.Path(), cacheDir, file), strings.Repeat("x", MaxCache+1))
	if data, ok := d.ReadCache("grown"); ok {
		t.Errorf("ReadCache of a file too large = %d bytes", len(data))
	}
	d.Close()
	wantKind(t, d.WriteCache("lbs", nil), nimerr.DataDirUnusable)
}

func TestEncodeName(t *testing.T) {
	names := []string{
		"bob", "Bob", "BOB", "b.ob", "b@ob", "b_ob", "b-ob", ".", "..", "../x", "/etc", `\\server\x`, "c:",
		"con", "nul.txt", "a ", "a.", "=42ob", "bo=62", "\x00", "\xff", "é", "-", "_", strings.Repeat("Z", maxName),
	}
	seen := map[string]string{}
	for _, name := range names {
		file, err := encodeName(name)
		if err != nil {
			t.Fatalf("encodeName(%q): %v", name, err)
		}
		folded := strings.ToLower(file)
		if other, twice := seen[folded]; twice {
			t.Errorf("%q and %q share the file name %q", name, other, file)
		}
		seen[folded] = name
		if !filepath.IsLocal(file) || len(file) > 255 || strings.Trim(file, "_=-abcdefghijklmnopqrstuvwxyz0123456789") != "" {
			t.Errorf("encodeName(%q) = %q", name, file)
		}
	}
}

func TestFiles(t *testing.T) {
	d := open(t, t.TempDir())
	empty, bad := d.CacheInfo("bob", "image", time.Time{})
	if bad != nil || empty.Count != 0 || empty.Bytes != 0 || empty.Path == "" || exists(empty.Path) {
		t.Fatalf("CacheInfo of nothing = %+v, %v", empty, bad)
	}
	if bad := d.CacheDelete("bob", "image", time.Time{}); bad != nil {
		t.Fatalf("CacheDelete of nothing = %v", bad)
	}

	noon := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for name, hours := range map[string]int{"old": -1, "noon": 0, "sub/deep/old": -2, "new": 1} {
		file := filepath.Join(empty.Path, name)
		write(t, file, "12345")
		at := noon.Add(time.Duration(hours) * time.Hour)
		if err := os.Chtimes(file, at, at); err != nil {
			t.Fatal(err)
		}
	}
	other, _ := d.CacheInfo("BOB", "image", time.Time{})
	write(t, filepath.Join(other.Path, "x"), "of another account")
	kind, _ := d.CacheInfo("bob", "video", time.Time{})
	write(t, filepath.Join(kind.Path, "x"), "of another kind")

	for _, step := range []struct {
		name   string
		delete bool
		until  time.Time
		count  int
	}{
		{"all", false, time.Time{}, 4},
		{"until noon", false, noon, 3},
		{"before noon", false, noon.Add(-time.Second), 2},
		{"in the year 1", false, time.Time{}.Add(1), 0},
		{"delete until noon", true, noon, 0},
		{"the rest", false, time.Time{}, 1},
		{"delete all", true, time.Time{}, 0},
		{"nothing", false, time.Time{}, 0},
	} {
		if step.delete {
			if bad := d.CacheDelete("bob", "image", step.until); bad != nil {
				t.Fatalf("%s: %v", step.name, bad)
			}
		}
		got, bad := d.CacheInfo("bob", "image", step.until)
		if want := (Files{step.count, int64(5 * step.count), empty.Path}); bad != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", step.name, got, bad, want)
		}
	}
	if !exists(filepath.Join(other.Path, "x")) || !exists(filepath.Join(kind.Path, "x")) {
		t.Error("files of another account or kind were removed")
	}
}

func TestFilesRefuse(t *testing.T) {
	d := open(t, t.TempDir())
	for _, c := range []struct{ account, kind string }{
		{"bob", ""}, {"bob", "logs"}, {"bob", ".."}, {"bob", "res/.."}, {"", "res"}, {strings.Repeat("a", 200), "res"},
	} {
		_, err := d.CacheInfo(c.account, c.kind, time.Time{})
		wantKind(t, err, nimerr.InvalidArgument)
		wantKind(t, d.CacheDelete(c.account, c.kind, time.Time{}), nimerr.InvalidArgument)
	}
	res, _ := d.CacheInfo("bob", "res", time.Time{})
	write(t, res.Path, "a file where the directory should be")
	_, err := d.CacheInfo("bob", "res", time.Time{})
	wantKind(t, err, nimerr.DataDirUnusable)
}

// TestLinksAreNotFollowed plants links at every place on the way to an
// account's files and expects what they lead to to be there afterwards.
func TestLinksAreNotFollowed(t *testing.T) {
	precious := func(t *testing.T) string {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "res", "_bob", "res", "precious"), "p")
		write(t, filepath.Join(dir, "precious"), "p")
		return dir
	}
	for _, c := range []struct{ name, at, to string }{
		{"accounts", "accounts", "res"},
		{"account", "accounts/_bob", "res/_bob"},
		{"kind", "accounts/_bob/res", "res/_bob/res"},
		{"directory in it", "accounts/_bob/res/sub", "."},
		{"file in it", "accounts/_bob/res/file", "precious"},
	} {
		t.Run(c.name, func(t *testing.T) {
			outside := precious(t)
			d := open(t, t.TempDir())
			link(t, filepath.Join(outside, c.to), filepath.Join(d.Path(), c.at))
			if info, _ := d.CacheInfo("bob", "res", time.Time{}); info.Count != 0 {
				t.Errorf("CacheInfo counts %d files behind the link", info.Count)
			}
			_ = d.CacheDelete("bob", "res", time.Time{}) // an error or nothing to do
			for _, file := range []string{"precious", "res/_bob/res/precious"} {
				if !exists(filepath.Join(outside, file)) {
					t.Errorf("%s was removed", file)
				}
			}
		})
	}

	t.Run("to another account", func(t *testing.T) {
		d := open(t, t.TempDir())
		eve, _ := d.CacheInfo("eve", "res", time.Time{})
		write(t, filepath.Join(eve.Path, "precious"), "p")
		link(t, "_eve", filepath.Join(d.Path(), "accounts/_bob"))
		_, err := d.CacheInfo("bob", "res", time.Time{})
		wantKind(t, err, nimerr.DataDirUnusable)
		wantKind(t, d.CacheDelete("bob", "res", time.Time{}), nimerr.DataDirUnusable)
		if !exists(filepath.Join(eve.Path, "precious")) {
			t.Error("the other account's file was removed")
		}
	})

	t.Run("device id", func(t *testing.T) {
		outside := precious(t)
		d := open(t, t.TempDir())
		link(t, filepath.Join(outside, "precious"), filepath.Join(d.Path(), deviceFile))
		if id, err := d.DeviceID(""); err != nil || !isDeviceID(id) {
			t.Errorf("DeviceID = %q, %v", id, err)
		}
		if got, _ := os.ReadFile(filepath.Join(outside, "precious")); string(got) != "p" {
			t.Errorf("the file outside became %q", got)
		}
	})
}

func TestAccountDir(t *testing.T) {
	base := t.TempDir()
	d := open(t, base)
	all := d.AccountDir("")
	if info, err := os.Stat(all); err != nil || !info.IsDir() || !strings.HasPrefix(all, base) {
		t.Errorf("of all accounts: %q, %v", all, err)
	}
	one := d.AccountDir("a/../B")
	if info, err := os.Stat(one); err != nil || !info.IsDir() || filepath.Dir(one) != all {
		t.Errorf("of one account: %q, %v", one, err)
	}
	if got, want := d.FileDir("alice", "image"), filepath.Join(d.AccountDir("alice"), "image"); got != want {
		t.Errorf("FileDir = %q, want %q", got, want)
	}
	for _, bad := range []string{d.AccountDir(strings.Repeat("x", 200)), d.FileDir("", "image"), d.FileDir("alice", "")} {
		if bad != "" {
			t.Errorf("got %q", bad)
		}
	}
}
