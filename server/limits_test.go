package server_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server"
	"github.com/libnim/libnim/server/gateway"
)

func TestGuessingIsSlowedDown(t *testing.T) {
	e := startEdges(t, 1, func(_ int, c *server.Config) {
		c.Limits = &gateway.Limits{FailureRate: 0.001, FailureBurst: 3}
	})[0]
	e.account("alice")
	e.account("bob")
	for i := range 5 {
		l := e.loginAs("alice", "d1", pc)
		l.Token = fmt.Sprint("wrong", i)
		f := e.dial().ask(wire.OpLogin, l, nil)
		if i < 3 && f.ErrName != "token_invalid" || i >= 3 && (f.Code != 503 || f.ErrName != "rate_limited" || f.RetryAfterMS == 0) {
			t.Errorf("attempt %d: %d %s, retry after %d", i, f.Code, f.ErrName, f.RetryAfterMS)
		}
	}
	e.online("bob", "d1", pc) // another account is not affected
}

// Attempts that come at the same time are counted before any of them is known
// to fail.
func TestGuessingAtTheSameTimeIsSlowedDownToo(t *testing.T) {
	e := startEdges(t, 1, func(_ int, c *server.Config) {
		c.Limits = &gateway.Limits{FailureRate: 0.001, FailureBurst: 3}
	})[0]
	e.account("alice")
	l := e.loginAs("alice", "d1", pc)
	var clients []*client
	for range 20 {
		clients = append(clients, e.dial())
	}
	for i, c := range clients {
		l.Token = fmt.Sprint("wrong", i)
		c.send(wire.OpLogin, l)
	}
	tried := 0
	for _, c := range clients {
		if f := c.want(wire.OpReply, nil); f.ErrName == "token_invalid" {
			tried++
		} else if f.ErrName != "rate_limited" {
			t.Errorf("refused with %s", f.ErrName)
		}
	}
	if tried != 3 {
		t.Errorf("%d guesses were looked at, want 3", tried)
	}
}

// Strangers of one address make an app's own server be asked by 8 at a time. The
// others are sent away, told when to come back, and counted.
func TestLoginsThatAskAWebhookAreBounded(t *testing.T) {
	var now, most atomic.Int32
	counted := make(chan struct{})
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		_, _ = io.Copy(io.Discard, r.Body) // or an end of the call is not noticed
		select {
		case <-counted:
		case <-r.Context().Done():
		}
		now.Add(-1)
		_, _ = io.WriteString(w, `{"errCode":0}`)
	}))
	defer hook.Close()
	e := startEdges(t, 1, func(_ int, c *server.Config) { c.Trusted = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })[0]
	e.do("POST", "/apps", map[string]any{"app_key": e.AppKey, "webhook": map[string]any{"url": hook.URL}})
	var clients []*client
	for i := range 40 {
		c := e.dialFrom("192.0.2.1")
		l := e.loginAs(fmt.Sprint("stranger", i), "d1", pc)
		l.AuthType = 2
		c.send(wire.OpLogin, l)
		clients = append(clients, c)
	}
	metric := `nimd_limited_total{limit="webhook"}`
	waitFor(t, "a login that is refused", func() bool { return e.counted(metric) > 0 })
	close(counted)
	answers := map[string]int{}
	for _, c := range clients {
		f := c.want(wire.OpReply, nil)
		answers[f.ErrName]++
		if f.ErrName == "server_busy" && f.RetryAfterMS == 0 {
			t.Error("refused without saying when to come back")
		}
	}
	late := answers["webhook_unreachable"] // on a machine that stood still for 2 s
	if refused := answers["server_busy"]; refused == 0 || refused+late+answers[""] != 40 || e.counted(metric) != refused {
		t.Errorf("answered %v, counted %d", answers, e.counted(metric))
	}
	if n := most.Load(); n < 1 || late == 0 && n > 8 {
		t.Errorf("the app's server was asked by %d at a time", n)
	}
}

// An edge whose clock has passed its lease answers nothing any more, pings
// included.
func TestAFencedEdgeAnswersNoPing(t *testing.T) {
	var ahead atomic.Int64
	start := time.Now()
	e := startEdges(t, 1, func(_ int, c *server.Config) {
		c.Clock = func() time.Duration { return time.Since(start) + time.Duration(ahead.Load()) }
		c.Lease = 2 * time.Minute // looked at by itself every 3 s
	})[0]
	e.account("alice")
	c, _ := e.online("alice", "d1", pc)
	var pongs atomic.Int32
	c.ws.SetPongHandler(func(string) error { pongs.Add(1); return nil })
	ahead.Store(int64(time.Hour))
	if err := c.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if code, _ := c.wantClose(); code != wire.CloseFenced || pongs.Load() != 0 {
		t.Errorf("closed with %d after %d pongs", code, pongs.Load())
	}
}

func TestFullEdgeSaysWhenToComeBack(t *testing.T) {
	e := startEdges(t, 1, func(_ int, c *server.Config) { c.Limits = &gateway.Limits{Connections: 1} })[0]
	e.dial()
	d := websocket.Dialer{Subprotocols: []string{wire.Subprotocol}}
	_, resp, err := d.Dial(e.Link, nil)
	if err == nil || resp == nil {
		t.Fatalf("a second connection: %v", err)
	}
	var body struct {
		ErrName      string `json:"err_name"`
		RetryAfterMS int64  `json:"retry_after_ms"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 503 || body.ErrName != "server_busy" || body.RetryAfterMS == 0 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("refused with %d %+v", resp.StatusCode, body)
	}
}

// A client asks and never reads. What waits for it is bounded, and it is told
// why it is cut off, where it would still read that.
func TestSlowConsumerIsCutOff(t *testing.T) {
	e := startEdges(t, 1, func(_ int, c *server.Config) {
		c.Limits, c.OutboxBytes = &gateway.Limits{}, 64<<10
	})[0]
	e.account("alice")
	d := websocket.Dialer{Subprotocols: []string{wire.Subprotocol}}
	ws, _, err := d.Dial(e.Link, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	login, err := wire.Encode(wire.Frame{Op: wire.OpLogin, ID: 1}, e.loginAs("alice", "d1", pc))
	if err != nil {
		t.Fatal(err)
	}
	ask, err := wire.Encode(wire.Frame{Op: wire.OpTime, ID: 2}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := ws.WriteMessage(websocket.TextMessage, login); err != nil {
		t.Fatal(err)
	}
	for range 500_000 {
		_ = ws.SetWriteDeadline(time.Now().Add(patience))
		if err := ws.WriteMessage(websocket.TextMessage, ask); err != nil {
			break // cut off
		}
	}
	waitFor(t, "the slow client goes off line", func() bool { return len(e.onlineDevices("alice")) == 0 })
	if text := e.metrics(); !strings.Contains(text, `nimd_closes_total{code="4003"} 1`) {
		t.Errorf("metrics do not count the slow consumer:\n%s", text)
	}
}
