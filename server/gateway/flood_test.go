package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/libnim/libnim/internal/wire"
)

// online logs an account in, and returns the connection.
func (e *testEdge) online(t *testing.T, device string) *websocket.Conn {
	t.Helper()
	ws, f := e.login(t, "alice", device)
	if f.Code != 200 {
		t.Fatalf("login: %d %s", f.Code, f.ErrName)
	}
	return ws
}

// closeCode reads to the end of a connection.
func closeCode(t *testing.T, ws *websocket.Conn) int {
	t.Helper()
	_ = ws.SetReadDeadline(time.Now().Add(patience))
	for {
		if _, _, err := ws.ReadMessage(); err != nil {
			if closed, ok := err.(*websocket.CloseError); ok {
				return closed.Code
			}
			t.Fatalf("the connection ended without a close frame: %v", err)
		}
	}
}

func (e *testEdge) limits() string {
	var text bytes.Buffer
	for line := range strings.Lines(e.metricsText()) {
		if strings.HasPrefix(line, "nimd_limited_total") {
			text.WriteString(line)
		}
	}
	return text.String()
}

// limited returns how often clients met a limit.
func (e *testEdge) limited(t *testing.T, limit string) int {
	t.Helper()
	for line := range strings.Lines(e.limits()) {
		if n, found := strings.CutPrefix(line, fmt.Sprintf("nimd_limited_total{limit=%q} ", limit)); found {
			count, err := strconv.Atoi(strings.TrimSpace(n))
			if err != nil {
				t.Fatal(err)
			}
			return count
		}
	}
	return 0
}

func TestAFloodSlowsAndClosesNothing(t *testing.T) {
	e := newTestEdges(t, 1, 0)[0]
	e.account(t, "alice")
	e.cfg.Limits = Limits{FrameRate: 100, FrameBurst: 50}
	e.cfg.Heartbeat = time.Second
	ws := e.online(t, "desk")
	const n = 300
	var sending sync.WaitGroup
	sending.Go(func() {
		for i := range n {
			data, err := wire.Encode(wire.Frame{Op: wire.OpTime, ID: uint64(i + 1)}, nil)
			if err != nil || ws.WriteMessage(websocket.TextMessage, data) != nil {
				return
			}
		}
	})
	ok, refused := 0, 0
	start := time.Now()
	for range n {
		switch f := nextFrame(t, ws); {
		case f.Code == 200:
			ok++
		case f.ErrName == "rate_limited" && f.RetryAfterMS > 0:
			refused++
		default:
			t.Fatalf("answered %d %s", f.Code, f.ErrName)
		}
	}
	took := time.Since(start)
	sending.Wait()
	if ok < 50 || refused < refusals || ok > 50+int(took.Seconds()*100)+1 {
		t.Errorf("%d answered, %d refused in %v", ok, refused, took)
	}
	if took < e.cfg.Heartbeat/3 {
		t.Errorf("%d requests were read in %v: nothing slowed", n, took)
	}
	if e.limited(t, "paused") == 0 || e.limited(t, "rate") != refused {
		t.Errorf("%d requests were refused; counted:\n%s", refused, e.limits())
	}
	within(t, "a request to be let in again", func() bool { return request(t, ws, wire.OpTime, nil).Code == 200 })
}

func TestManyBytesAreReadSlowly(t *testing.T) {
	e := newTestEdges(t, 1, 0)[0]
	e.account(t, "alice")
	e.cfg.Limits = Limits{ByteRate: 1 << 20, ByteBurst: 100 << 10}
	e.cfg.Heartbeat = 3 * time.Second
	ws := e.online(t, "desk")
	start := time.Now()
	for range 4 {
		if f := request(t, ws, wire.OpTime, map[string]string{"pad": strings.Repeat("x", 200<<10)}); f.Code != 200 {
			t.Fatalf("%d %s", f.Code, f.ErrName)
		}
	}
	if took := time.Since(start); took < 450*time.Millisecond { // 700 KiB over the burst, the last not waited for
		t.Errorf("800 KiB in %v", took)
	}
}

// What carries no request ends the connection, past its bound.
func TestControlFramesAndFragmentsAreBounded(t *testing.T) {
	e := newTestEdges(t, 1, 0)[0]
	e.account(t, "alice")
	e.cfg.Limits = Limits{ControlRate: 10, ControlBurst: 100}
	masked := func(first byte) []byte { return []byte{first, 0x80, 0, 0, 0, 0} }
	for name, frames := range map[string][2][]byte{
		"pings":           {nil, masked(0x89)},
		"pongs":           {nil, masked(0x8a)},
		"empty fragments": {masked(0x01), masked(0x00)},
		"tiny fragments":  {masked(0x01), {0x00, 0x81, 0, 0, 0, 0, ' '}},
	} {
		ws := e.online(t, "desk")
		raw := ws.NetConn()
		if _, err := raw.Write(append(frames[0], bytes.Repeat(frames[1], 40)...)); err != nil {
			t.Fatal(err)
		}
		go func() {
			flood := bytes.Repeat(frames[1], 1000)
			for range 100 {
				if _, err := raw.Write(flood); err != nil {
					return
				}
			}
		}()
		if code := closeCode(t, ws); code != wire.CloseRateLimited {
			t.Errorf("%s: closed with %d", name, code)
		}
	}
	if n := e.limited(t, "control"); n != 4 {
		t.Errorf("%d of 4 counted", n)
	}
}

// Pings keep no message alive that does not come to its end.
func TestAMessageHasADeadline(t *testing.T) {
	e := newTestEdges(t, 1, 0)[0]
	e.account(t, "alice")
	e.cfg.MessageTimeout, e.cfg.Heartbeat = 300*time.Millisecond, time.Second
	ws := e.online(t, "desk")
	// The first fragment of a text, then pings.
	if _, err := ws.NetConn().Write([]byte{0x01, 0x81, 0, 0, 0, 0, '{'}); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	go func() {
		for {
			if _, err := ws.NetConn().Write([]byte{0x89, 0x80, 0, 0, 0, 0}); err != nil {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
	}()
	if code := closeCode(t, ws); code != wire.CloseProtocol {
		t.Errorf("closed with %d", code)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("closed after %v", took)
	}
	if n := e.limited(t, "message"); n != 1 {
		t.Errorf("%d of 1 counted", n)
	}
}

// Messages that never end share a bounded memory: the slowest go first, an honest
// one comes through. Each of them holds 192 KiB, so that 5 stay.
func TestMessagesInProgressAreBounded(t *testing.T) {
	e := newTestEdges(t, 1, 0)[0]
	e.account(t, "alice")
	e.incoming.limit = 1 << 20
	var slow []*websocket.Conn
	for i := range 12 {
		ws := e.onlineElsewhere(t, fmt.Sprint("slow", i))
		w, err := ws.NextWriter(websocket.TextMessage)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(bytes.Repeat([]byte(" "), 200<<10)); err != nil {
			t.Fatal(err)
		}
		slow = append(slow, ws)
		e.incoming.mu.Lock()
		held := e.incoming.bytes
		e.incoming.mu.Unlock()
		if held > 1<<20 {
			t.Fatalf("%d bytes are held", held)
		}
	}
	if code := closeCode(t, slow[0]); code != wire.CloseProtocol {
		t.Errorf("the slowest was closed with %d", code)
	}
	within(t, "7 messages to be cut off and counted", func() bool { return e.limited(t, "memory") >= len(slow)-5 })
	honest := e.onlineElsewhere(t, "honest")
	if f := request(t, honest, wire.OpTime, map[string]string{"pad": strings.Repeat("x", 500<<10)}); f.Code != 200 {
		t.Errorf("an honest message: %d %s", f.Code, f.ErrName)
	}
}

// onlineElsewhere logs in an account of its own for the device.
func (e *testEdge) onlineElsewhere(t *testing.T, name string) *websocket.Conn {
	t.Helper()
	e.account(t, name)
	ws, f := e.login(t, name, name)
	if f.Code != 200 {
		t.Fatalf("login: %d %s", f.Code, f.ErrName)
	}
	return ws
}

func TestFramesOfKeysEndTheConnection(t *testing.T) {
	e := newTestEdges(t, 1, 0)[0]
	e.account(t, "alice")
	ws := e.online(t, "desk")
	frame := `{"op":"time","id":9,"body":{"b":0` + strings.Repeat(`,"a":1`, wire.MaxRequestKeys) + `}}`
	if err := ws.WriteMessage(websocket.TextMessage, []byte(frame)); err != nil {
		t.Fatal(err)
	}
	if code := closeCode(t, ws); code != wire.CloseProtocol {
		t.Errorf("closed with %d", code)
	}
}

func TestFramesOverTheLimitAreToldApart(t *testing.T) {
	e := newTestEdges(t, 1, 0)[0]
	e.account(t, "alice")
	ws := e.online(t, "desk")
	big := make([]byte, wire.MaxFrame+1)
	for i := range big {
		big[i] = ' '
	}
	go func() { _ = ws.WriteMessage(websocket.TextMessage, big) }()
	if code := closeCode(t, ws); code != websocket.CloseMessageTooBig {
		t.Errorf("closed with %d", code)
	}
	if text := e.metricsText(); !strings.Contains(text, `nimd_closes_total{code="1009"} 1`) {
		t.Errorf("not counted:\n%s", text)
	}
}

func TestUnknownRequestsAreAnswered(t *testing.T) {
	e := newTestEdges(t, 1, 0)[0]
	e.account(t, "alice")
	ws := e.online(t, "desk")
	if f := request(t, ws, "juggle", map[string]int{"balls": 3}); f.Code != 21003 || f.ErrName != "not_supported" {
		t.Errorf("answered %d %s", f.Code, f.ErrName)
	}
	if err := ws.WriteMessage(websocket.TextMessage, []byte(`{"op":"juggle"}`)); err != nil {
		t.Fatal(err)
	}
	if f := request(t, ws, wire.OpTime, nil); f.Code != 200 {
		t.Errorf("afterwards: %d %s", f.Code, f.ErrName)
	}
}

// A module's requests have their order and their limit, and hello tells of them.
// While one of them waits, the client's ping is answered and others run.
func TestModulesRegisterRequests(t *testing.T) {
	e := newTestEdges(t, 1, 0)[0]
	e.account(t, "alice")
	type ask struct {
		Conversation string `json:"conversation"`
	}
	running := make(chan string, 10)
	var panics atomic.Bool
	e.Handle("wait", InConversation, 200*time.Millisecond, func(ctx context.Context, r *Request) (any, error) {
		var a ask
		if err := r.Decode(&a); err != nil {
			return nil, err
		}
		running <- a.Conversation
		if panics.Load() {
			panic("as the test wants")
		}
		<-ctx.Done()
		return nil, ctx.Err()
	})
	e.Handle("quick", Free, time.Second, func(_ context.Context, r *Request) (any, error) {
		return map[string]string{"who": r.Account, "device": r.Device.DeviceID}, nil
	})
	ws := e.online(t, "desk")
	if got := fmt.Sprint(e.hello("x").Features); got != "[quick wait]" {
		t.Errorf("features %s", got)
	}
	var pongs atomic.Int32
	ws.SetPongHandler(func(string) error { pongs.Add(1); return nil })
	send := func(id uint64, op wire.Op, body any) {
		data, err := wire.Encode(wire.Frame{Op: op, ID: id}, body)
		if err != nil {
			t.Fatal(err)
		}
		if err := ws.WriteMessage(websocket.TextMessage, data); err != nil {
			t.Fatal(err)
		}
	}
	send(1, "wait", ask{"a"})
	send(2, "wait", ask{"a"})
	send(3, "wait", ask{"b"})
	if err := ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	send(4, "quick", nil)
	var order []uint64
	for range 4 {
		f := nextFrame(t, ws)
		order = append(order, f.ID)
		if f.ID == 4 {
			var who struct{ Who, Device string }
			if err := json.Unmarshal(f.Body, &who); err != nil || who.Who != "alice" || who.Device != "desk" || pongs.Load() != 1 {
				t.Errorf("quick answered %s (%v), %d pongs before", f.Body, err, pongs.Load())
			}
		} else if f.Code != 503 || f.ErrName != "server_busy" || f.RetryAfterMS == 0 {
			t.Errorf("%d past its limit: %d %s", f.ID, f.Code, f.ErrName)
		}
	}
	if order[0] != 4 || order[3] != 2 {
		t.Errorf("answered in the order %v", order)
	}
	panics.Store(true)
	send(5, "wait", ask{"a"})
	if f := nextFrame(t, ws); f.ID != 5 || f.Code != 500 {
		t.Errorf("after a panic: %d", f.Code)
	}
	send(6, "wait", "not an object")
	if f := nextFrame(t, ws); f.ID != 6 || f.Code != 414 {
		t.Errorf("a body that is none: %d %s", f.Code, f.ErrMsg)
	}
}
