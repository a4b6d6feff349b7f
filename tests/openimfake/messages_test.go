package openimfake

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// peer is a device that sends and receives messages.
type peer struct {
	*Device
	t    *testing.T
	user string
}

func newPeer(t *testing.T, s *Server, user string) *peer {
	t.Helper()
	s.AddUser(User{UserID: user})
	d, err := s.Connect(t.Context(), user, 7, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return &peer{d, t, user}
}

func (p *peer) send(op int32, incr string, data []byte) {
	p.t.Helper()
	frame := mustJSON(Request{ReqIdentifier: op, SendID: p.user, OperationID: "op", MsgIncr: incr, Data: data})
	if err := p.WS.WriteMessage(websocket.BinaryMessage, frame); err != nil {
		p.t.Fatal(err)
	}
}

func (p *peer) text(to, id string) []byte {
	b := protoBytes(protoBytes(protoBytes(nil, 1, []byte(p.user)), 2, []byte(to)), 4, []byte(id))
	return protoBytes(protoNumber(protoNumber(b, 9, 1), 11, 101), 12, []byte(`{"content":"x"}`))
}

// next returns the next frame for which want is true.
func (p *peer) next(want func(*Response) bool) *Response {
	p.t.Helper()
	_ = p.WS.SetReadDeadline(time.Now().Add(10 * time.Second))
	for {
		_, data, err := p.WS.ReadMessage()
		if err != nil {
			p.t.Fatal(err)
		}
		r := &Response{}
		if err := json.Unmarshal(data, r); err != nil {
			p.t.Fatal(err)
		}
		if want(r) {
			return r
		}
	}
}

func (p *peer) push() *Response {
	p.t.Helper()
	return p.next(func(r *Response) bool { return r.ReqIdentifier == OpPushMessage })
}

// Messages are acknowledged, numbered and pushed to both sides.
func TestMessages(t *testing.T) {
	s, err := Start(Options{Batch: time.Millisecond, Quiet: time.Nanosecond})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	a, b := newPeer(t, s, "a"), newPeer(t, s, "b")
	for i := range 3 {
		id := fmt.Sprint("c", i)
		a.send(OpSendMessage, id, a.text("b", id))
		if r := a.next(func(r *Response) bool { return r.MsgIncr == id }); r.ErrCode != 0 {
			t.Fatalf("%+v", r)
		}
		a.push()
		b.push()
	}
	if got := s.Stored("b", "a"); len(got) != 3 || got[2] != (Stored{3, "a", "c2"}) {
		t.Errorf("stored %+v", got)
	}
	s.Block("b", "a")
	a.send(OpSendMessage, "x", a.text("b", "x"))
	if r := a.next(func(r *Response) bool { return r.MsgIncr == "x" }); r.ErrCode != 1302 {
		t.Errorf("blocked: %+v", r)
	}
}

// More than a hundred of one conversation in a batch are acknowledged and lost.
func TestLostBatch(t *testing.T) {
	s, err := Start(Options{Batch: 2 * time.Second, Quiet: time.Nanosecond})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	a := newPeer(t, s, "a")
	newPeer(t, s, "b")
	for i := range 101 {
		a.send(OpSendMessage, fmt.Sprint(i), a.text("b", fmt.Sprint(i)))
	}
	for i := range 101 {
		if r := a.next(func(r *Response) bool { return r.MsgIncr == fmt.Sprint(i) }); r.ErrCode != 0 {
			t.Fatalf("%+v", r)
		}
	}
	a.send(OpSendMessage, "after", a.text("a", "after")) // another conversation of the same batch
	a.push()
	if s.Lost() != 101 || len(s.Stored("a", "b")) != 0 || len(s.Stored("a", "a")) != 1 {
		t.Errorf("lost %d, stored %v", s.Lost(), s.Stored("a", "b"))
	}
}

// A connection hears nothing in its first second; what was stored is there.
func TestQuietAtFirst(t *testing.T) {
	s, err := Start(Options{Batch: time.Millisecond, Quiet: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	a := newPeer(t, s, "a")
	a.send(OpSendMessage, "1", a.text("a", "1"))
	a.next(func(r *Response) bool { return r.MsgIncr == "1" })
	for len(s.Stored("a", "a")) == 0 {
		a.send(OpReadAndMax, "heads", protoBytes(nil, 1, []byte("a")))
		if r := a.next(func(*Response) bool { return true }); r.MsgIncr != "heads" {
			t.Fatalf("pushed: %+v", r)
		}
	}
}
