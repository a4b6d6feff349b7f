package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestInitAfterCleanup(t *testing.T) {
	server := theServer(t)
	d := newDevice(t, "desk")
	dir, name := t.TempDir(), account(t, server)
	for range 20 {
		d.start(server, settings{dir: dir})
		d.mustLogin(name)
		d.do("cleanup", "")
		if d.value("state") != "2" || d.value("account") != "" {
			t.Fatalf("after cleanup: state %s, account %q", d.value("state"), d.value("account"))
		}
	}
}

func TestInitTwice(t *testing.T) {
	server := theServer(t)
	d := newDevice(t, "desk")
	s := settings{dir: t.TempDir()}
	d.start(server, s)
	name := account(t, server)
	d.mustLogin(name)
	if e := d.do("init", s.dir, "", s.json(server)); string(e.Value) != "1" {
		t.Errorf("the same settings: refused: %s", d.do("init_error").Value)
	}
	if d.value("state") != "1" || d.value("account") != name {
		t.Error("the second init ended the session")
	}
	s.link = "ws://127.0.0.1:1/nim"
	if e := d.do("init", s.dir, "", s.json(server)); string(e.Value) != "0" {
		t.Error("other settings: accepted")
	}
	if why := d.value("init_error"); !strings.Contains(why, "config_conflict") || !strings.Contains(why, "21008") {
		t.Errorf("init_error %s", why)
	}
}

func TestInitRefused(t *testing.T) {
	server := theServer(t)
	d := newDevice(t, "desk")
	for _, c := range []struct{ name, dir, json, want string }{
		{"not JSON", t.TempDir(), `{"app_key":`, "invalid_argument"},
		{"wrong type", t.TempDir(), `{"app_key":5}`, "app_key"},
		{"a file in place of the directory", "/dev/null/x", settings{}.json(server), "data_dir_unusable"},
	} {
		if e := d.do("init", c.dir, "", c.json); string(e.Value) != "0" {
			t.Errorf("%s: accepted", c.name)
		}
		if why := d.value("init_error"); !strings.Contains(why, c.want) {
			t.Errorf("%s: %s", c.name, why)
		}
	}
	d.start(server, settings{})
	if why := d.value("init_error"); why != "" {
		t.Errorf("after a good init: %s", why)
	}
}

// A program of the NIM SDK that names no server has it in a file beside itself.
func TestServerFileBesideTheProgram(t *testing.T) {
	server := theServer(t)
	name, dir := account(t, server), t.TempDir()
	beside := filepath.Join(dir, "driver"+suffix)
	driver, err := os.ReadFile(filepath.Join(programs, "driver"+suffix))
	must(t, err)
	must(t, os.WriteFile(beside, driver, 0o700))
	if suffix == ".exe" {
		must(t, os.Symlink(filepath.Join(programs, "nim.dll"), filepath.Join(dir, "nim.dll")))
	}
	command := append(runner[:len(runner):len(runner)], beside)
	d := newDeviceIn(t, "device", exec.Command(command[0], command[1:]...))
	initialise := func() bool {
		return string(d.do("init", t.TempDir(), "", `{"app_key":"`+server.AppKey+`"}`).Value) == "1"
	}
	if initialise() || !strings.Contains(d.value("init_error"), "nim_server.conf") {
		t.Errorf("without a server: %s", d.value("init_error"))
	}
	must(t, os.WriteFile(filepath.Join(dir, "nim_server.conf"), []byte("\ufeff{\"link\":\""+server.Link+"\"}\r\n"), 0o600))
	if !initialise() {
		t.Fatalf("init failed: %s", d.value("init_error"))
	}
	if e := d.login(name); e.JSON.ErrCode != 200 {
		t.Errorf("login: %+v", e.JSON)
	}
}

// Programs of the NIM SDK make strings of what these return, some of them on
// the way to the login.
func TestTools(t *testing.T) {
	server := theServer(t)
	d, dir := newDevice(t, "desk"), t.TempDir()
	tool := func(args ...string) (text string) {
		must(t, json.Unmarshal(d.do(append([]string{"tool"}, args...)...).Value, &text))
		return text
	}
	if got := tool("md5", "secret"); got != "5ebe2294ecd0e0f08eab7690d2a6ee69" {
		t.Errorf("md5 before init: %q", got)
	}
	if a, b := tool("uuid"), tool("uuid"); len(a) != 32 || a == b {
		t.Errorf("uuid: %q, then %q", a, b)
	}
	if got := tool("account", "alice"); got != "" {
		t.Errorf("directory before init: %q", got)
	}
	d.start(server, settings{dir: dir})
	file := tool("account", "alice") + "file"
	if suffix == "" { // under Wine the names are those of Windows
		must(t, os.WriteFile(file, []byte("abc"), 0o600))
		if got := tool("file_md5", file); got != "900150983cd24fb0d6963f7d28e17f72" {
			t.Errorf("file md5: %q", got)
		}
	}
	if got := tool("image", "alice"); !strings.HasPrefix(got, strings.TrimSuffix(file, "file")) || len(got) < len(file) {
		t.Errorf("images: %q", got)
	}
	if all := tool("account"); !strings.HasPrefix(file, all) || all == "" {
		t.Errorf("all accounts: %q", all)
	}
	if got := tool("local"); got == "" {
		t.Error("no local directory")
	}
	if got := tool("module"); got != "" {
		t.Errorf("module directory: %q", got)
	}
}

// Processes share a data directory, but not an account in it. That has one owner
// until it logs out, or its process ends.
func TestProcessesShareADataDirectory(t *testing.T) {
	server := theServer(t)
	dir := t.TempDir()
	first, second := newStarted(t, server, "first", settings{dir: dir}), newStarted(t, server, "second", settings{dir: dir})
	name := account(t, server)
	first.mustLogin(name)
	if e := second.login(name); e.JSON.ErrName != "store_in_use" || e.JSON.ErrCode != 21010 || e.JSON.Retrying {
		t.Errorf("the same account in a second process: %s", e.JSON.Raw)
	}
	second.mustLogin(account(t, server))
	second.logout(1)
	first.logout(1)
	second.mustLogin(name)
}

// The device id is made once and kept in the data directory.
func TestDeviceIDIsKept(t *testing.T) {
	server := theServer(t)
	name := account(t, server)
	d, phone := newDevice(t, "desk"), newTyped(t, server, "phone", android)
	phone.mustLogin(name)
	dir := t.TempDir()
	var ids []string
	for range 2 {
		d.start(server, settings{dir: dir})
		d.mustLogin(name)
		ids = append(ids, phone.until("multispot", func(e event) bool { return e.JSON.Notice == 2 }).JSON.Others[0].DeviceID)
		d.do("cleanup", "")
	}
	if ids[0] == "" || ids[0] != ids[1] {
		t.Errorf("device ids %q", ids)
	}
}

// Before init and after cleanup every call that has a callback is answered
// 20000 through it, and getters know of no session.
func TestOutsideOfInit(t *testing.T) {
	d := newDevice(t, "desk")
	refused := func() {
		t.Helper()
		if e := d.login("someone"); e.JSON.ErrCode != 20000 || e.JSON.ErrName != "not_initialized" {
			t.Errorf("login: %s", e.JSON.Raw)
		}
		for _, call := range [][]string{
			{"logout", "1", ""}, {"time", "0"}, {"time", "1"}, {"push_get"}, {"push_set", `{"switch_open":1}`},
			{"renew", "token", ""}, {"pause"}, {"resume"}, {"diagnostics"}, {"detect_proxy", socks5, "127.0.0.1", "1", "", ""},
			{"cache_info", "someone", "image", "0"}, {"cache_delete", "someone", "image", "0"},
			{"upload_log", "broken"}, {"feedback", "http://files.example/1"},
		} {
			tag := d.newTag(call[0])
			d.do(append(call, tag)...)
			answered := false
			for _, e := range d.history { // before the function has returned
				if e.CB != "" && strconv.FormatUint(e.Tag, 10) == tag {
					answered = e.Code == 20000 || e.JSON.ErrCode == 20000
				}
			}
			if !answered {
				t.Errorf("%v: not answered 20000\n%s", call, d.tail())
			}
		}
		if d.value("state") != "2" || d.value("status") != "0" || d.value("account") != "" || d.value("user") != "{}" {
			t.Error("a session without init")
		}
		d.do("relogin", "")
		d.do("network_changed", "")
		d.do("kick_other", `{"device_ids":["x"]}`)
	}
	refused()
	d.do("cleanup", "")
	d.do("cleanup2", "", d.newTag("cleanup2"))
	server := theServer(t)
	d.start(server, settings{})
	d.mustLogin(account(t, server))
	d.do("cleanup", "")
	refused()
}

func TestCleanup2AnswersBeforeItReturns(t *testing.T) {
	server := theServer(t)
	d := newStarted(t, server, "desk", settings{})
	d.mustLogin(account(t, server))
	back := d.do("cleanup2", "", d.newTag("cleanup2"))
	if e := d.next("cleanup2"); e.At > back.At || e.JSON.ErrCode != 200 {
		t.Errorf("cleanup2: %s, %d after %d", e.JSON.Raw, e.At, back.At)
	}
	// Old programs pass no callback, too.
	d.start(server, settings{})
	d.do("cleanup2", "")
}

// Every accepted call is answered before cleanup returns.
func TestCleanupAnswersWhatIsOpen(t *testing.T) {
	server := theServer(t)
	path := newPath(t, server)
	path.SetClosed(true)
	d := newStarted(t, server, "desk", settings{link: path.Link()})
	d.do("login", "", account(t, server), "secret", "", d.newTag("login"))
	d.connection("failed")
	back := d.do("cleanup", "")
	if e := d.until("login", func(e event) bool { return e.JSON.final() }); e.JSON.ErrCode != 21002 || e.At > back.At {
		t.Errorf("login: %s", e.JSON.Raw)
	}
}

// Also what the server has been asked and does not answer any more: a result that
// comes as an event no less than those of calls with a callback.
func TestCleanupAnswersWhatIsOnTheWire(t *testing.T) {
	server := newServer(t)
	name := account(t, server)
	d := newTyped(t, server, "desk", pc)
	d.mustLogin(name)
	freeze(t, server)
	d.do("kick_other", `{"device_ids":["phone"]}`)
	d.do("time", "0", d.newTag("time"))
	d.do("renew", "fresh", "", d.newTag("renew"))
	back := d.do("cleanup", "")
	if e := d.next("kicked_other"); e.JSON.ErrCode != 21002 || len(e.JSON.DeviceIDs) != 0 || e.At > back.At {
		t.Errorf("kick_other: %s", e.JSON.Raw)
	}
	if e := d.next("time"); e.Code != 21002 || e.At > back.At {
		t.Errorf("time: %d", e.Code)
	}
	if e := d.next("answer"); e.JSON.ErrCode != 21002 || e.At > back.At {
		t.Errorf("renew: %s", e.JSON.Raw)
	}
}

func TestCleanupEndsPresence(t *testing.T) {
	server := theServer(t)
	name := account(t, server)
	desk, phone := newTyped(t, server, "desk", pc), newTyped(t, server, "phone", android)
	desk.mustLogin(name)
	phone.mustLogin(name)
	desk.until("multispot", func(e event) bool { return e.JSON.Notice == 2 })
	phone.do("cleanup", "")
	if e := desk.next("multispot"); e.JSON.Notice != 3 {
		t.Errorf("the desk hears %s", e.JSON.Raw)
	}
}

func TestServerTime(t *testing.T) {
	server := theServer(t)
	d := newStarted(t, server, "desk", settings{})
	d.mustLogin(account(t, server))
	for _, local := range []string{"0", "1"} {
		d.do("time", local, d.newTag("time"))
		e := d.next("time")
		if off := time.Since(time.UnixMilli(e.MS)).Abs(); e.Code != 200 || off > 5*time.Second {
			t.Errorf("calc_local %s: code %d, off by %v", local, e.Code, off)
		}
	}
	d.logout(1)
	d.do("time", "0", d.newTag("time"))
	if e := d.next("time"); e.Code != 20001 {
		t.Errorf("logged out: code %d", e.Code)
	}
}

func TestRegistrationsEndWithCleanup(t *testing.T) {
	server := theServer(t)
	d := newDevice(t, "desk")
	s := settings{dir: t.TempDir()}
	d.start(server, s)
	d.do("cleanup", "")
	if d.next("destroy").CB != "destroy" {
		t.Error("no destroy")
	}
	d.do("init", s.dir, "", s.json(server))
	mark := d.do("status").At
	d.login(account(t, server))
	d.logout(1)
	for _, e := range d.history[mark:] {
		if e.CB != "" && e.CB != "login" && e.CB != "logout" {
			t.Errorf("an old registration heard %s", e.kind())
		}
	}
}
