package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/libnim/libnim/tests/nimdtest"
)

// waitLimit is how long a test waits for one thing.
const waitLimit = 20 * time.Second

// event is one line of the driver.
type event struct {
	At         int             // its place in the history
	When       time.Time       `json:"-"` // it was read
	Ret        string          // a command has returned
	Value      json.RawMessage // what it returned
	CB         string          // a callback has begun
	Tag        uint64          // its user_data
	TID        int             // the thread it runs on
	Nested     int             // callbacks that it runs inside of
	JSON       answer          // its JSON argument
	Code       int             // its code argument (time, push)
	Local      int
	MS         int64
	Type       int // of a data sync
	Status     int
	Attachment string // the same
	Content    json.RawMessage
	Total      int    // unread messages of all sessions
	Of         string // the message or the session that it is about
	Violation  string
}

// answer is what the JSON of callbacks may hold; Raw is all of it.
type answer struct {
	ErrCode     int        `json:"err_code"`
	ErrName     string     `json:"err_name"`
	Step        int        `json:"login_step"`
	Relogin     bool       `json:"relogin"`
	Retrying    bool       `json:"retrying"`
	Repeat      bool       `json:"repeat_login"`
	Event       string     `json:"event"`
	Replay      bool       `json:"replay"`
	Status      int        `json:"status"`
	Reason      int        `json:"reason_code"`
	Description string     `json:"reason_description"`
	DeviceID    string     `json:"device_id"`
	ClientType  int        `json:"client_type"`
	Notice      int        `json:"multi_spot_notiy_type"`
	Others      []presence `json:"other_clients_pres"`
	DeviceIDs   []string   `json:"device_ids"`
	RetryInMS   int64      `json:"retry_in_ms"`
	OperationID string     `json:"operation_id"`
	ServerCode  int        `json:"server_code"`
	ErrMsg      string     `json:"err_msg"`
	Results     []struct {
		DeviceID string `json:"device_id"`
		ErrCode  int    `json:"err_code"`
	} `json:"results"`
	Raw json.RawMessage `json:"-"`
}

type presence struct {
	Account    string `json:"app_account"`
	ClientType int    `json:"client_type"`
	ClientOS   string `json:"client_os"`
	Mac        string `json:"mac"`
	DeviceID   string `json:"device_id"`
	LoginTime  int64  `json:"login_time"`
	CustomTag  string `json:"custom_tag"`
}

func (a *answer) UnmarshalJSON(data []byte) error {
	type plain answer // without this method
	if err := json.Unmarshal(data, (*plain)(a)); err != nil {
		return err
	}
	a.Raw = append(json.RawMessage(nil), data...)
	return nil
}

// final says whether this ends a login call.
func (a *answer) final() bool {
	return a.ErrCode == 200 && a.Step == 3 || a.ErrCode != 200 && !a.Retrying
}

// quitCode is what the driver ends with when it is told to quit. It is not 0,
// which is what Wine tells of a process that was killed from outside.
const quitCode = 7

// device is one driver process.
type device struct {
	t    *testing.T
	name string
	cmd  *exec.Cmd
	in   io.WriteCloser
	done chan struct{} // closed when it has exited
	err  error         // how; valid once done is closed

	mu      sync.Mutex
	changed *sync.Cond
	history []event        // guarded by mu
	taken   map[string]int // per kind of event: all before this index were consumed
	calls   map[uint64]string
	lastTag uint64
}

// newDevice starts a driver. When the test ends it cleans the library up, and
// the whole history is checked.
func newDevice(t *testing.T, name string) *device {
	t.Helper()
	return newDeviceIn(t, name, program(context.Background(), "driver"))
}

// withoutWine leaves out what Wine itself says when a thread of an ending process
// finds its connection to Wine's server closed (tests/windows/WINE.md).
func withoutWine(stderr string) string {
	if len(runner) == 0 {
		return stderr
	}
	var kept strings.Builder
	for line := range strings.Lines(stderr) {
		if !strings.HasPrefix(line, "wine client error:") {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// newDeviceIn is newDevice for a driver that is run by a command of its own.
func newDeviceIn(t *testing.T, name string, cmd *exec.Cmd) *device {
	t.Helper()
	d := &device{
		t: t, name: name, cmd: cmd,
		done: make(chan struct{}), taken: map[string]int{}, calls: map[uint64]string{},
	}
	d.changed = sync.NewCond(&d.mu)
	var err error
	d.in, err = d.cmd.StdinPipe()
	must(t, err)
	out, err := d.cmd.StdoutPipe()
	must(t, err)
	stderr := &strings.Builder{}
	d.cmd.Stderr = stderr
	must(t, d.cmd.Start())
	go d.read(out)
	t.Cleanup(func() {
		d.close()
		if said := withoutWine(stderr.String()); said != "" {
			t.Errorf("%s wrote to standard error: %s", name, said)
		}
		checkHistory(t, d)
	})
	return d
}

func (d *device) read(out io.Reader) {
	scan := bufio.NewScanner(out)
	scan.Buffer(nil, 4<<20)
	for scan.Scan() {
		var e event
		if err := json.Unmarshal(scan.Bytes(), &e); err != nil {
			e = event{Violation: fmt.Sprintf("not JSON: %v: %s", err, scan.Text())}
		}
		e.When = time.Now()
		d.mu.Lock()
		e.At = len(d.history)
		d.history = append(d.history, e)
		d.mu.Unlock()
		d.changed.Broadcast()
	}
	d.err = d.cmd.Wait()
	close(d.done)
	d.changed.Broadcast()
}

// close ends the driver in good order.
func (d *device) close() {
	select {
	case <-d.done:
		return
	default:
	}
	d.send("cleanup", "")
	d.send("quit")
	select {
	case <-d.done:
		var end *exec.ExitError
		if !errors.As(d.err, &end) || end.ExitCode() != quitCode {
			d.t.Errorf("%s: %v", d.name, d.err)
		}
	case <-time.After(waitLimit):
		_ = d.cmd.Process.Kill()
		<-d.done
		d.t.Errorf("%s did not exit\n%s", d.name, d.tail())
	}
}

// send gives a command without waiting for it. "\N" is NULL.
func (d *device) send(fields ...string) {
	_, _ = fmt.Fprintln(d.in, strings.Join(fields, "\t"))
}

// do runs a command and returns what it returned.
func (d *device) do(fields ...string) event {
	d.t.Helper()
	d.send(fields...)
	return d.await("ret "+fields[0], nil)
}

// next waits for the next callback of a name that was not consumed yet.
func (d *device) next(cb string) event {
	d.t.Helper()
	return d.await("cb "+cb, nil)
}

// until waits for the next callback of a name that satisfies a condition.
func (d *device) until(cb string, ok func(event) bool) event {
	d.t.Helper()
	return d.await("cb "+cb, ok)
}

func (e *event) kind() string {
	if e.CB != "" {
		return "cb " + e.CB
	}
	return "ret " + e.Ret
}

func (d *device) await(kind string, ok func(event) bool) event {
	d.t.Helper()
	deadline := time.Now().Add(waitLimit)
	timer := time.AfterFunc(waitLimit, d.changed.Broadcast)
	defer timer.Stop()
	d.mu.Lock()
	defer d.mu.Unlock()
	for {
		for i := d.taken[kind]; i < len(d.history); i++ {
			e := d.history[i]
			d.taken[kind] = i + 1
			if e.kind() == kind && (ok == nil || ok(e)) {
				return e
			}
		}
		select {
		case <-d.done:
			d.t.Fatalf("%s ended (%v) before %s\n%s", d.name, d.err, kind, d.tailLocked())
		default:
		}
		if time.Now().After(deadline) {
			d.t.Fatalf("%s: no %s in %v\n%s", d.name, kind, waitLimit, d.tailLocked())
		}
		d.changed.Wait()
	}
}

func (d *device) tail() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.tailLocked()
}

// tailLocked prints the end of the history; the caller holds mu.
func (d *device) tailLocked() string {
	var b strings.Builder
	for _, e := range d.history[max(0, len(d.history)-25):] {
		fmt.Fprintf(&b, "  %s %s value=%s tag=%d %s\n", d.name, e.kind(), e.Value, e.Tag, e.JSON.Raw)
	}
	return b.String()
}

// newTag returns user_data for one call; the history must answer it once.
func (d *device) newTag(call string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lastTag++
	d.calls[d.lastTag] = call
	return strconv.FormatUint(d.lastTag, 10)
}

// all are the registrations of a device that hears everything.
var all = []string{"relogin", "kickout", "disconnect", "multispot", "kicked_other", "push_sync", "data_sync", "connection"}

// settings of init; the zero value is a device of a random id.
type settings struct {
	link   string         // default: the server's
	nimx   map[string]any // device_id, client_type, …
	global map[string]any // global_config
	dir    string         // default: a new one
}

func (s settings) json(server *nimdtest.Server) string {
	if s.link == "" {
		s.link = server.Link
	}
	data, err := json.Marshal(map[string]any{
		"app_key":                server.AppKey,
		"global_config":          s.global,
		"private_server_setting": map[string]any{"link": []string{s.link}},
		"nimx":                   s.nimx,
	})
	if err != nil {
		panic(err) // maps of plain values
	}
	return string(data)
}

// start initialises the library for a server and registers for everything.
func (d *device) start(server *nimdtest.Server, s settings) {
	d.t.Helper()
	if s.dir == "" {
		s.dir = d.t.TempDir()
	}
	if e := d.do("init", s.dir, "", s.json(server)); string(e.Value) != "1" {
		d.t.Fatalf("%s: init failed: %s", d.name, d.do("init_error").Value)
	}
	for i, name := range all {
		d.do("on", name, strconv.Itoa(1000+i))
	}
}

// newStarted is newDevice and start.
func newStarted(t *testing.T, server *nimdtest.Server, name string, s settings) *device {
	t.Helper()
	d := newDevice(t, name)
	d.start(server, s)
	return d
}

// login calls login with the right token and returns its final answer.
func (d *device) login(account string) event {
	d.t.Helper()
	return d.loginWith("", account, "secret", "")
}

// mustLogin is login that has to succeed, up to ready.
func (d *device) mustLogin(account string) event {
	d.t.Helper()
	e := d.login(account)
	if e.JSON.ErrCode != 200 {
		d.t.Fatalf("%s: login: %s", d.name, e.JSON.Raw)
	}
	d.ready()
	return e
}

func (d *device) loginWith(appKey, account, token, extension string) event {
	d.t.Helper()
	tag := d.newTag("login")
	d.do("login", appKey, account, token, extension, tag)
	return d.until("login", func(e event) bool { return strconv.FormatUint(e.Tag, 10) == tag && e.JSON.final() })
}

// logout calls logout and returns its answer.
func (d *device) logout(kind int) event {
	d.t.Helper()
	tag := d.newTag("logout")
	d.do("logout", strconv.Itoa(kind), "", tag)
	return d.until("logout", func(e event) bool { return strconv.FormatUint(e.Tag, 10) == tag })
}

// connection waits for a connection event.
func (d *device) connection(name string) event {
	d.t.Helper()
	return d.until("connection", func(e event) bool { return e.JSON.Event == name })
}

func (d *device) ready() event { d.t.Helper(); return d.connection("ready") }

// value asks a getter.
func (d *device) value(getter string) string {
	d.t.Helper()
	v := d.do(getter, "").Value
	var s string
	if json.Unmarshal(v, &s) == nil {
		return s
	}
	return string(v)
}
