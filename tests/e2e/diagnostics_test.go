package e2e

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/libnim/libnim/tests/nimdtest"
)

// diagnostics is the answer of nimx_client_diagnostics.
type diagnostics struct {
	Status     int               `json:"status"`
	Account    string            `json:"account"`
	Session    string            `json:"session"`
	Endpoint   string            `json:"connected_endpoint"`
	RTT        int64             `json:"rtt_us"`
	In         int64             `json:"bytes_in"`
	Out        int64             `json:"bytes_out"`
	Reconnects int               `json:"reconnects"`
	LastClose  string            `json:"last_close"`
	Trace      []json.RawMessage `json:"trace"`
	Attempts   []struct {
		Time    int64  `json:"time_ms"`
		Address string `json:"address"`
		TCP     int64  `json:"tcp_us"`
		Upgrade int64  `json:"upgrade_us"`
		Auth    int64  `json:"auth_us"`
		Total   int64  `json:"total_us"`
		ErrName string `json:"err_name"`
	} `json:"attempts"`
}

func (d *device) diagnose() diagnostics {
	d.t.Helper()
	d.do("diagnostics", d.newTag("diagnostics"))
	var got diagnostics
	must(d.t, json.Unmarshal(d.next("answer").JSON.Raw, &got))
	return got
}

// What the library tells of its connection: each attempt with the time of each
// step, round trip, bytes, why the last connection ended, and a trace.
func TestDiagnostics(t *testing.T) {
	s := newServer(t, "--heartbeat", "1s")
	path := newPath(t, s)
	d := newStarted(t, s, "desk", settings{link: path.Link()})
	if got := d.diagnose(); got.Status != 0 || got.Account != "" || len(got.Attempts) != 0 {
		t.Errorf("logged out: %+v", got)
	}
	name := account(t, s)
	d.mustLogin(name)
	path.SetClosed(true)
	d.until("relogin", func(e event) bool { return e.JSON.Retrying })
	path.SetClosed(false)
	recovered(t, d)
	var got diagnostics
	waitFor(t, "a round trip of the heartbeat", func() bool { got = d.diagnose(); return got.RTT > 0 })
	if got.Status != 2 || got.Account != name || got.Session == "" || !strings.Contains(got.Endpoint, path.Host()) {
		t.Errorf("who and where: %+v", got)
	}
	if got.In == 0 || got.Out == 0 || got.Reconnects != 1 || !strings.HasPrefix(got.LastClose, "connection_") {
		t.Errorf("what came of the connection: %+v", got)
	}
	if n := len(got.Attempts); n < 3 {
		t.Fatalf("%d attempts", n)
	}
	for i, a := range got.Attempts {
		good := i == 0 || i == len(got.Attempts)-1
		if good != (a.ErrName == "") || a.Time == 0 || a.Total == 0 || good && (a.TCP == 0 || a.Upgrade == 0 || a.Auth == 0 || a.Address == "") {
			t.Errorf("attempt %d: %+v", i, a)
		}
	}
	var events []string
	for _, line := range got.Trace {
		var l logLine
		must(t, json.Unmarshal(line, &l))
		events = append(events, l.Event)
	}
	if all := strings.Join(events, " "); !strings.Contains(all, "login_step") || !strings.Contains(all, "connection") {
		t.Errorf("trace of %v", events)
	}
}

// Online, a change of the network has the server asked for a sign of life at
// once, not at the next heartbeat.
func TestNetworkChangedOnline(t *testing.T) {
	s := newServer(t, "--heartbeat", "5m")
	d := newStarted(t, s, "desk", settings{})
	d.mustLogin(account(t, s))
	if got := d.diagnose(); got.RTT != 0 {
		t.Fatalf("a heartbeat before its time: %+v", got)
	}
	d.do("network_changed", "")
	waitFor(t, "the sign of life", func() bool { return d.diagnose().RTT > 0 })
	if d.value("status") != "2" {
		t.Errorf("status %s", d.value("status"))
	}
}

// A waiting attempt is made at once when the network has changed, or when the
// program says relogin.
func TestNetworkChangedWhileWaiting(t *testing.T) {
	s := newServer(t)
	d := newStarted(t, s, "desk", settings{})
	d.mustLogin(account(t, s))
	for _, verb := range []string{"network_changed", "relogin"} {
		sendAway(t, s, time.Hour)
		e := d.connection("retry_in")
		if e.JSON.RetryInMS < time.Minute.Milliseconds() {
			t.Errorf("retry_in: %s", e.JSON.Raw)
		}
		d.do(verb, "")
		recovered(t, d)
	}
}

// sendAway has the server send its clients away for a time.
func sendAway(t *testing.T, s *nimdtest.Server, d time.Duration) {
	t.Helper()
	must(t, s.Admin("POST", "/maintenance", map[string]any{"retry_after_ms": d.Milliseconds(), "spread_ms": 0}, nil))
}

// With calc_local the clock is computed from what the server has told at login
// and no server is needed; a logout forgets it.
func TestServerTimeWithoutTheServer(t *testing.T) {
	s := newServer(t)
	path := newPath(t, s)
	d := newStarted(t, s, "desk", settings{link: path.Link()})
	ask := func(local string) event {
		d.do("time", local, d.newTag("time"))
		return d.next("time")
	}
	if e := ask("1"); e.Code != 20001 {
		t.Errorf("never logged in: %d", e.Code)
	}
	d.mustLogin(account(t, s))
	if e := ask("0"); e.Code != 200 || e.Local != 0 {
		t.Errorf("from the server: %+v", e)
	}
	path.SetClosed(true)
	d.next("disconnect")
	before := time.Now().Add(-time.Second).UnixMilli()
	if e := ask("1"); e.Code != 200 || e.Local != 1 || e.MS < before {
		t.Errorf("computed while the server is away: %+v", e)
	}
	if e := ask("0"); e.Code != 20001 {
		t.Errorf("from a server that is away: %d", e.Code)
	}
	d.logout(1)
	if e := ask("1"); e.Code != 20001 {
		t.Errorf("after the logout: %d", e.Code)
	}
}
