package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/libnim/libnim/tests/nimdtest"
)

// Levels of NIMSDKLogLevel.
const (
	levelWarn = 3
	levelApp  = 5
	levelPro  = 6
)

// logging is a device whose log has the level given.
func logging(t *testing.T, s *nimdtest.Server, level int, dir string) *device {
	t.Helper()
	d := newDevice(t, "desk")
	d.do("on", "log", "7")
	d.start(s, settings{dir: dir, global: map[string]any{"sdk_log_level": level}})
	return d
}

// logLine is what every line of the log has.
type logLine struct {
	Time  string `json:"t"`
	Level string `json:"lvl"`
	Event string `json:"ev"`
}

// lines returns the lines of the log that the callback has had so far.
func (d *device) lines() []event {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []event
	for _, e := range d.history {
		if e.CB == "log" {
			all = append(all, e)
		}
	}
	return all
}

// The log callback gets one JSON object a line, of its level and graver ones.
func TestLogCallback(t *testing.T) {
	s := theServer(t)
	names := map[int]string{1: "fatal", 2: "error", levelWarn: "warn", levelApp: "app", levelPro: "pro"}
	for _, level := range []int{levelWarn, levelApp, levelPro} {
		t.Run(names[level], func(t *testing.T) {
			d := logging(t, s, level, t.TempDir())
			d.loginWith("", "nobody-here", "wrong-token", "") // one line of a warning at least
			d.mustLogin(account(t, s))
			d.logout(1)
			d.do("cleanup", "")
			seen := map[string]int{}
			for _, e := range d.lines() {
				var l logLine
				must(t, json.Unmarshal(e.Content, &l))
				if e.Code > level || l.Level != names[e.Code] || l.Event == "" || l.Time == "" || e.Tag != 7 {
					t.Errorf("level %d: %s", e.Code, e.Content)
				}
				seen[l.Level]++
			}
			t.Logf("lines %v", seen)
			for of, name := range names {
				if of >= levelApp && (seen[name] > 0) != (of <= level) {
					t.Errorf("%d lines of level %s", seen[name], name)
				}
			}
		})
	}
}

// A call that is refused and has nobody to tell leaves a line in the log. One
// that is heard leaves none.
func TestRefusalsThatNobodyHears(t *testing.T) {
	s := theServer(t)
	dir := t.TempDir()
	d := logging(t, s, levelWarn, dir)
	none, broken := `\N`, `{"timeout_ms":"soon"}`
	heard := d.newTag("login")
	d.send("login", "", "me", "a-secret-token", broken, heard)
	d.until("login", func(e event) bool { return e.JSON.ErrCode == 414 })
	d.do("login", "", "me", "a-secret-token", broken, none)
	d.do("renew", "a-secret-token", "{broken", none)
	d.do("push_set", "{broken", none)
	d.do("push_set", `{"switch_open":9}`, none)
	deep := strings.Repeat("[", 65) // refused before Go sees it
	for _, text := range []string{"{broken", deep} {
		d.do("kick_other", text)
		d.until("kicked_other", func(e event) bool { return e.JSON.ErrCode == 414 })
	}
	d.do("off", "kicked_other")
	d.do("kick_other", "{broken")
	d.do("kick_other", `{"device_ids":[]}`)
	d.do("kick_other", deep)
	d.do("cleanup", "")
	data, err := os.ReadFile(filepath.Join(dir, "logs", logFiles(t, dir)[0]))
	must(t, err)
	if strings.Contains(string(data), "a-secret-token") {
		t.Errorf("a token:\n%s", data)
	}
	var got []string
	for line := range strings.Lines(string(data)) {
		var l struct {
			logLine
			Call string `json:"call"`
			Name string `json:"err_name"`
			Err  string `json:"err"`
		}
		must(t, json.Unmarshal([]byte(line), &l))
		if l.Event == "call_refused" {
			got = append(got, strings.Join([]string{l.Level, l.Call, l.Name, l.Err}, " "))
		}
	}
	const text = " invalid_argument an argument is not valid: "
	const place = ": not valid JSON at line 1, column 2: invalid character 'b' looking for beginning of object key string"
	want := []string{
		"warn nim_client_login" + text + `timeout_ms: want an integer, got a string "soon"`,
		"warn nimx_client_renew_token" + text + "json_extension" + place,
		"warn nim_client_set_multiport_push_config" + text + "switch_content" + place,
		"warn nim_client_set_multiport_push_config" + text + "switch_open: want 1 or 2, got 9",
		"warn nim_client_kick_other_client" + text + "json_extension" + place,
		"warn nim_client_kick_other_client" + text + "device_ids: want the ids of the devices to drop, got none",
		"warn nim_client_kick_other_client" + text + "json_extension: nested deeper than 64 at byte 64",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}

// logFiles returns the names of the log files below a data directory.
func logFiles(t *testing.T, dir string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "logs", "nim-*.log"))
	must(t, err)
	for i := range found {
		found[i] = filepath.Base(found[i])
	}
	slices.Sort(found)
	return found
}

// The same lines stand in a file; a full file is followed by the next, and four
// are kept.
func TestLogFiles(t *testing.T) {
	s := theServer(t)
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "logs"), 0o700))
	full := strings.Repeat(strings.Repeat("x", 1023)+"\n", 4<<10) // 4 MiB
	for i := range 4 {
		must(t, os.WriteFile(filepath.Join(dir, "logs", fmt.Sprintf("nim-%06d.log", i+1)), []byte(full), 0o600))
	}
	d := logging(t, s, levelPro, dir)
	d.mustLogin(account(t, s))
	d.do("cleanup", "")
	want := []string{"nim-000002.log", "nim-000003.log", "nim-000004.log", "nim-000005.log"}
	if got := logFiles(t, dir); !slices.Equal(got, want) {
		t.Fatalf("files %v, want %v", got, want)
	}
	data, err := os.ReadFile(filepath.Join(dir, "logs", "nim-000005.log"))
	must(t, err)
	written := strings.Split(strings.TrimSpace(string(data)), "\n")
	var told []string
	for _, e := range d.lines() {
		told = append(told, string(e.Content))
	}
	if len(told) < 10 {
		t.Fatalf("%d lines were told", len(told))
	}
	for _, line := range told {
		if !slices.Contains(written, line) {
			t.Errorf("not in the file: %s", line)
		}
	}
	for _, line := range written {
		if !json.Valid([]byte(line)) {
			t.Errorf("not JSON: %s", line)
		}
	}
}

// code makes a call that is answered with a code only.
func (d *device) code(fields ...string) int {
	d.t.Helper()
	tag := d.newTag(fields[0])
	d.do(append(fields, tag)...)
	return d.until("answer", func(e event) bool { return strconv.FormatUint(e.Tag, 10) == tag }).Code
}

// Log files and remarks go to the server on request, and only from a session.
func TestUploadLog(t *testing.T) {
	s := newServer(t)
	dir := t.TempDir()
	d := logging(t, s, levelPro, dir)
	if code := d.code("upload_log", "it is broken"); code != 20001 {
		t.Errorf("upload while logged out: %d", code)
	}
	if code := d.code("feedback", "http://files.example/1"); code != 20001 {
		t.Errorf("feedback while logged out: %d", code)
	}
	d.mustLogin(account(t, s))
	if code := d.code("upload_log", "it is broken"); code != 200 {
		t.Fatalf("upload: %d", code)
	}
	stored := func() (log, remarks string) {
		files, err := filepath.Glob(filepath.Join(s.Dir(), "client-logs", "*", "*", "*"))
		must(t, err)
		for _, name := range files {
			text, err := os.ReadFile(name)
			must(t, err)
			if strings.HasSuffix(name, ".txt") {
				remarks += string(text)
			} else {
				log += string(text)
			}
		}
		return log, remarks
	}
	log, remarks := stored()
	if !strings.Contains(log, `"ev":"login_step"`) || remarks != "it is broken" {
		t.Errorf("the server has %d bytes of log and the remark %q", len(log), remarks)
	}
	if code := d.code("feedback", "http://files.example/1"); code != 200 {
		t.Errorf("feedback: %d", code)
	}
	if _, remarks := stored(); !strings.Contains(remarks, "http://files.example/1") {
		t.Errorf("the server has the remarks %q", remarks)
	}
}

// The files of an account are counted and deleted by kind and by age, of no
// other account.
func TestCacheFiles(t *testing.T) {
	dir := t.TempDir()
	d := newStarted(t, theServer(t), "desk", settings{dir: dir})
	old := time.Now().Add(-time.Hour)
	write := func(owner, kind, name string, size int, changed time.Time) string {
		folder := filepath.Join(dir, "accounts", "_"+owner, kind)
		must(t, os.MkdirAll(folder, 0o700))
		path := filepath.Join(folder, name)
		must(t, os.WriteFile(path, make([]byte, size), 0o600))
		must(t, os.Chtimes(path, changed, changed))
		return path
	}
	ancient := write("alice", "image", "a.png", 100, old)
	fresh := write("alice", "image", "b.png", 50, time.Now())
	others := []string{write("alice", "audio", "a.wav", 10, old), write("bob", "image", "a.png", 7, old)}
	count := func(kind, until string) (int, int64) {
		tag := d.newTag("cache_info")
		d.do("cache_info", "alice", kind, until, tag)
		var info struct {
			Type  string `json:"file_type"`
			Path  string `json:"file_path"`
			Count int    `json:"file_count"`
			Size  int64  `json:"total_size"`
		}
		e := d.next("answer")
		must(t, json.Unmarshal(e.JSON.Raw, &info))
		if e.JSON.ErrCode == 0 && (info.Type != kind || !strings.HasSuffix(info.Path, kind)) {
			t.Errorf("answer: %s", e.JSON.Raw)
		}
		return info.Count, info.Size
	}
	middle := strconv.FormatInt(time.Now().Add(-time.Minute).UnixMilli(), 10)
	if n, size := count("image", "0"); n != 2 || size != 150 {
		t.Errorf("%d images of %d bytes", n, size)
	}
	if n, size := count("image", middle); n != 1 || size != 100 {
		t.Errorf("%d old images of %d bytes", n, size)
	}
	if n, _ := count("video", "0"); n != 0 {
		t.Errorf("%d videos", n)
	}
	if code := d.code("cache_delete", "alice", "image", middle); code != 200 {
		t.Errorf("delete: %d", code)
	}
	if _, err := os.Stat(ancient); !os.IsNotExist(err) {
		t.Errorf("the old image: %v", err)
	}
	if n, size := count("image", "0"); n != 1 || size != 50 {
		t.Errorf("%d images of %d bytes are left", n, size)
	}
	for _, path := range append(others, fresh) {
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
	if code := d.code("cache_delete", "../alice", "../image", "0"); code != 414 {
		t.Errorf("a kind that does not exist: %d", code)
	}
}

// A disk that is nearly full is told once, with what is left of it.
func TestDiskNearlyFull(t *testing.T) {
	if os.Getenv("NIM_RUN") != "" {
		t.Skip("skip: the programs do not run on this machine's own disks")
	}
	dir := t.TempDir()
	small := []string{"unshare", "-rm", "sh", "-c", `mount -t tmpfs -o size=16m tmpfs "$0" && exec "$@"`, dir}
	if out, err := exec.Command(small[0], append(small[1:], "true")...).CombinedOutput(); err != nil {
		t.Skipf("skip: a small disk cannot be made here: %v: %s", err, out)
	}
	driver := program(t.Context(), "driver")
	d := newDeviceIn(t, "desk", exec.Command(small[0], append(small[1:], driver.Args...)...))
	d.do("on", "exception", "9")
	d.do("on", "db_error", "10")
	d.start(theServer(t), settings{dir: dir})
	e := d.next("exception")
	var disk struct {
		Free int64 `json:"free_bytes"`
	}
	must(t, json.Unmarshal(e.Content, &disk))
	if e.Code != 1 || e.Tag != 9 || disk.Free < 1<<20 || disk.Free > 16<<20 {
		t.Errorf("told %d %s", e.Code, e.Content)
	}
	d.mustLogin(account(t, theServer(t)))
	d.do("cleanup", "")
	for _, later := range d.history[e.At+1:] {
		if later.CB == "exception" || later.CB == "db_error" {
			t.Errorf("told again: %s", later.Content)
		}
	}
}
