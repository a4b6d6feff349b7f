package gateway

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/libnim/libnim/internal/wire"
)

// dial connects and reads the greeting.
func (e *testEdge) dial(t *testing.T) *websocket.Conn {
	t.Helper()
	d := websocket.Dialer{Subprotocols: []string{wire.Subprotocol}, HandshakeTimeout: patience}
	ws, _, err := d.Dial(e.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ws.Close() })
	if f := nextFrame(t, ws); f.Op != wire.OpHello {
		t.Fatalf("greeted with %s", f.Op)
	}
	return ws
}

// The answer to a wrong proof comes at an instant that does not tell how long
// the proof took, on an idle server too.
func TestARefusalDoesNotTellHowLongItTook(t *testing.T) {
	const difference = 400 * time.Microsecond
	late := [2][]time.Duration{} // past the step, by how long the proof took
	for i := range 60 {
		l := &login{time: time.Now()}
		for time.Since(l.time) < 100*time.Microsecond+time.Duration(i%2)*difference {
		}
		l.roundUp(t.Context())
		late[i%2] = append(late[i%2], time.Since(l.time)-refusalStep)
	}
	slices.Sort(late[0])
	slices.Sort(late[1])
	short, long := late[0][len(late[0])/4], late[1][len(late[1])/4] // the busy machine is in the rest
	t.Logf("late by %v and %v", short, long)
	if short < 0 || long < 0 || (long-short).Abs() > difference/2 {
		t.Errorf("a short proof is answered %v after the step, a long one %v", short, long)
	}
}

// Wrong tokens from an address keep new logins of the account out, not the
// session that is on line there. A device that shows one wrong token again and
// again tries nothing new.
func TestALockoutDoesNotReachTheSessionOnLine(t *testing.T) {
	e := newTestEdges(t, 1, 0)[0]
	e.failures = NewLimiter(0.001, 3)
	e.account(t, "alice")
	ws, f := e.login(t, "alice", "desk")
	if f.Code != 200 {
		t.Fatalf("%d %s", f.Code, f.ErrName)
	}
	wrong := func(token string) string {
		c := e.dial(t)
		return request(t, c, wire.OpLogin, wire.Login{
			AppKey: e.app, Account: "alice", Token: token, ClientType: 4, DeviceID: "other", Force: true,
		}).ErrName
	}
	for range 10 { // the same one
		if name := wrong("old"); name != "token_invalid" {
			t.Fatalf("a token shown again: %s", name)
		}
	}
	for i := range 5 {
		want := "token_invalid"
		if i >= 2 {
			want = "rate_limited"
		}
		if name := wrong(fmt.Sprint("guess", i)); name != want {
			t.Errorf("guess %d: %s, want %s", i, name, want)
		}
	}
	if f := request(t, ws, wire.OpRenewToken, wire.RenewToken{Token: "alice"}); f.Code != 200 {
		t.Errorf("renew_token of the session: %d %s", f.Code, f.ErrName)
	}
	for i := range 6 { // which is bounded itself
		want := "token_invalid"
		if i >= 3 {
			want = "rate_limited"
		}
		if f := request(t, ws, wire.OpRenewToken, wire.RenewToken{Token: fmt.Sprint("renewal", i)}); f.ErrName != want {
			t.Errorf("renewal %d: %s, want %s", i, f.ErrName, want)
		}
	}
}

// What a client says before it has proved anything does not fill the log.
func TestARefusedLoginLogsLittle(t *testing.T) {
	e := newTestEdges(t, 1, 0)[0]
	var out strings.Builder
	e.log = slog.New(slog.NewTextHandler(&out, nil))
	c := e.dial(t)
	long := strings.Repeat("x", 15<<10)
	f := request(t, c, wire.OpLogin, wire.Login{AppKey: long, Account: long, OperationID: long, Token: "t", DeviceID: "d"})
	if f.Code != 414 {
		t.Errorf("%d %s", f.Code, f.ErrName)
	}
	if _, _, err := c.ReadMessage(); err == nil {
		t.Error("the connection goes on")
	}
	if got := out.String(); len(got) > 1000 || !strings.Contains(got, "login refused") || strings.Contains(got, "<nil>") {
		t.Errorf("logged %d bytes: %.300s", len(got), got)
	}
}

// Ends are counted as what they were, and clients choose no labels.
func TestEndsAreCountedAsWhatTheyWere(t *testing.T) {
	for count, end := range map[string]func(*websocket.Conn){
		"client": func(c *websocket.Conn) {
			_ = c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(4711, ""), time.Now().Add(patience))
		},
		"lost": func(c *websocket.Conn) { _ = c.NetConn().Close() },
		"1002": func(c *websocket.Conn) { _, _ = c.NetConn().Write([]byte{0x83, 0x80, 0, 0, 0, 0}) }, // an opcode that does not exist
		"1009": func(c *websocket.Conn) { _ = c.WriteMessage(websocket.TextMessage, make([]byte, maxLoginFrame+1)) },
	} {
		t.Run(count, func(t *testing.T) {
			e := newTestEdges(t, 1, 0)[0]
			c := e.dial(t)
			end(c)
			within(t, "the end is counted", func() bool { return strings.Contains(e.metricsText(), "nimd_closes_total{") })
			for line := range strings.Lines(e.metricsText()) {
				if strings.HasPrefix(line, "nimd_closes_total{") && line != fmt.Sprintf("nimd_closes_total{code=%q} 1\n", count) {
					t.Errorf("counted %s", line)
				}
			}
		})
	}
}
