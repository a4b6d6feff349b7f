package gateway

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"

	"github.com/gorilla/websocket"

	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server/metrics"
	"github.com/libnim/libnim/server/presence"
)

// newTestSession returns a session whose outbox nobody writes out.
func newTestSession(t *testing.T) *session {
	t.Helper()
	g := &Gateway{cfg: Config{OutboxBytes: 1 << 20}}
	g.cfg.setDefaults()
	g.hub.init()
	g.log = g.cfg.Log
	g.stats = newStats(&metrics.Registry{}, g)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := g.upgrader.Upgrade(w, r, nil)
		if err == nil {
			_, _ = io.Copy(io.Discard, ws.NetConn())
		}
	}))
	t.Cleanup(s.Close)
	ws, _, err := (&websocket.Dialer{}).Dial("ws"+s.URL[len("http"):], nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ws.Close() })
	c := newConn(g, ws, net.IPv4zero.String())
	return newSession(c, accountID{"app", "alice"}, presence.Device{DeviceID: "own"})
}

// queued returns what waits for the client, in short.
func queued(t *testing.T, s *session) (out []string) {
	t.Helper()
	for _, it := range s.conn.out.take() {
		if it.kind == websocket.CloseMessage {
			out = append(out, "close")
			continue
		}
		f, err := wire.Decode(it.data)
		if err != nil {
			t.Fatal(err)
		}
		if f.Op != wire.OpPresence {
			out = append(out, string(f.Op))
			continue
		}
		var p wire.Presence
		if err := json.Unmarshal(f.Body, &p); err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprint(p.Type)
		for _, d := range p.Devices {
			text += " " + d.DeviceID
		}
		out = append(out, text)
	}
	return out
}

func want(t *testing.T, got []string, want ...string) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("queued %v, want %v", got, want)
	}
}

func devices(ids ...string) wire.Presence {
	p := wire.Presence{Type: noticeIn}
	for _, id := range ids {
		p.Devices = append(p.Devices, wire.Device{DeviceID: id})
	}
	return p
}

func TestWhatComesBeforeTheAnswerWaits(t *testing.T) {
	s := newTestSession(t)
	s.notice(5, devices("old")) // the answer's list knows of it
	s.notice(7, devices("new"))
	s.kick(7, wire.Kicked{Reason: wire.KickSameType})
	s.notice(8, devices("late")) // after the kick nothing is told
	want(t, queued(t, s))
	s.activate(6, func() { s.conn.answer(1, nil) })
	want(t, queued(t, s), "reply", "2 new", "kicked", "close")
}

func TestOvertakenNoticesAreDropped(t *testing.T) {
	s := newTestSession(t)
	s.activate(10, func() {})
	out := devices("a", "b")
	out.Type = noticeOut
	s.notice(12, out)
	s.notice(11, devices("a")) // was overtaken
	s.notice(11, devices("c", "own"))
	s.notice(13, devices("a"))
	s.notice(14, devices("own"))
	want(t, queued(t, s), "3 a b", "2 c", "2 a")
}

func TestFirstEndDecides(t *testing.T) {
	s := newTestSession(t)
	s.activate(1, func() {})
	s.kick(7, wire.Kicked{Reason: wire.KickByServer})
	s.kick(7, wire.Kicked{Reason: wire.KickByOther})
	s.conn.finish(wire.CloseLoggedOut, "")
	s.conn.cut(wire.CloseSlowConsumer, "")
	want(t, queued(t, s), "kicked", "close")
}

func TestOutboxIsBounded(t *testing.T) {
	o := newOutbox(10)
	if !o.push(item{data: make([]byte, 10)}) || o.push(item{data: make([]byte, 1)}) {
		t.Error("the bound is not 10")
	}
	if !o.abandon(item{kind: websocket.CloseMessage}) || !o.push(item{data: make([]byte, 100)}) {
		t.Error("after its end an outbox drops in silence")
	}
	if got := o.take(); len(got) != 1 || got[0].kind != websocket.CloseMessage {
		t.Errorf("left %v", got)
	}
}

// A change whose first answer was lost reports what went then. A device that
// has come back since is not announced as gone.
func TestOutIsNotToldOfWhoIsBack(t *testing.T) {
	s := newTestSession(t)
	g := s.conn.g
	g.presence = &presence.Store{Lease: &presence.Lease{Edge: "e"}}
	g.hub.add(s)
	s.activate(1, func() {})
	entry := func(id string) presence.Device { return presence.Device{DeviceID: id, Edge: "e"} }
	stay := []presence.Device{entry("own"), entry("back")}
	g.announce(s.owner, 5, stay, noticeOut, []presence.Device{entry("back"), entry("gone")})
	g.announce(s.owner, 6, stay, noticeOut, []presence.Device{entry("back")})
	want(t, queued(t, s), "3 gone")
}

// A client that does not keep up loses pushes that it can ask for, and is told
// so once; answers and kicks it gets.
func TestAFullOutboxDropsEntriesOnly(t *testing.T) {
	o := newOutbox(1000)
	entry := item{kind: websocket.TextMessage, data: make([]byte, 100), droppable: true}
	answer := item{kind: websocket.TextMessage, data: make([]byte, 300)}
	for range 50 {
		if !o.push(entry) {
			t.Fatal("an entry ended the connection")
		}
	}
	for range 3 {
		if !o.push(answer) {
			t.Fatal("an answer found no room beside entries")
		}
	}
	if o.push(answer) {
		t.Error("four answers fit in")
	}
	resyncs, answers := 0, 0
	for _, it := range o.take() {
		switch {
		case string(it.data) == string(resyncFrame):
			resyncs++
		case !it.droppable:
			answers++
		}
	}
	if resyncs != 1 || answers != 3 {
		t.Errorf("%d resyncs, %d answers", resyncs, answers)
	}
	for range 11 {
		o.push(entry)
	}
	if last := o.take(); len(last) == 0 || string(last[len(last)-1].data) != string(resyncFrame) {
		t.Error("the next loss is not told")
	}
}

// Large answers wait for the client to read.
func TestLargeAnswersWaitForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOutbox(1000)
		got := 0
		for range 10 {
			go func() {
				if err := o.pushPatiently(t.Context(), item{data: make([]byte, 900)}); err != nil {
					t.Error(err)
				}
			}()
		}
		for range 10 {
			synctest.Wait()
			got += len(o.take())
		}
		if got != 10 {
			t.Errorf("%d of 10 answers came", got)
		}
		go func() {
			if err := o.pushPatiently(t.Context(), item{data: make([]byte, 5000)}); err != nil {
				t.Error(err)
			}
		}()
		synctest.Wait()
		if len(o.take()) != 1 {
			t.Error("an answer over the bound never comes")
		}
	})
}
