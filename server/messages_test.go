package server_test

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server"
	"github.com/libnim/libnim/server/store/storetest"
)

// call sends a request and returns its reply and the frames that came before.
func (c *client) call(op wire.Op, body, answer any) (reply wire.Frame, before []wire.Frame) {
	c.t.Helper()
	id := c.send(op, body)
	for {
		f := c.next()
		if f.Op != wire.OpReply {
			before = append(before, f)
			continue
		}
		if f.ID != id {
			c.t.Fatalf("reply to %d, want %d", f.ID, id)
		}
		if answer != nil && f.Code == 200 {
			if err := f.DecodeBody(answer); err != nil {
				c.t.Fatal(err)
			}
		}
		return f, before
	}
}

// say sends one message, which must be stored.
func (c *client) say(to, id string) wire.SentResult {
	c.t.Helper()
	var sent wire.Sent
	f, _ := c.call(wire.OpSend, wire.Send{Conversation: "p:" + to, Messages: []wire.Message{{ClientMsgID: id, Body: "text of " + id}}}, &sent)
	if f.Code != 200 || len(sent.Results) != 1 || sent.Results[0].Code != 200 {
		c.t.Fatalf("send: %d %s %+v", f.Code, f.ErrMsg, sent)
	}
	return sent.Results[0]
}

// until returns the first frame that wanted takes, within a time.
func (c *client) until(limit time.Duration, wanted func(wire.Frame) bool) (wire.Frame, bool) {
	c.t.Helper()
	deadline := time.After(limit)
	for {
		select {
		case f, ok := <-c.frames:
			if !ok {
				c.t.Fatalf("the connection ended: %v", c.err)
			}
			if wanted(f) {
				return f, true
			}
		case <-deadline:
			return wire.Frame{}, false
		}
	}
}

// hears returns the next entry that is pushed.
func (c *client) hears() (e wire.Entries) {
	c.t.Helper()
	f, ok := c.until(patience, func(f wire.Frame) bool { return f.Op == wire.OpEntry })
	if !ok {
		c.t.Fatal("no entry came")
	}
	if err := f.DecodeBody(&e); err != nil {
		c.t.Fatal(err)
	}
	return e
}

func TestAMessageReachesAllDevices(t *testing.T) {
	edges := startEdges(t, 2, nil)
	for _, who := range []string{"alice", "bob"} {
		edges[0].account(who)
	}
	edges[0].do("PUT", "/policy", map[string]any{"multi_login": "all"})
	alice, _ := edges[0].online("alice", "a1", pc)
	if h := alice.hello; h.Epoch != 1 || h.Limits == nil || h.Limits.TextChars != 5000 {
		t.Errorf("hello %+v", h)
	}
	for _, op := range []string{"heads", "pull", "read", "send"} {
		if !slices.Contains(alice.hello.Features, op) {
			t.Errorf("%s is not among the features %v", op, alice.hello.Features)
		}
	}
	alice2, _ := edges[1].online("alice", "a2", android)
	bob, _ := edges[1].online("bob", "b1", pc)
	sent := alice.say("bob", "m1")
	for name, c := range map[string]*client{"the second device": alice2, "the peer": bob} {
		e := c.hears()
		want := "p:bob"
		if c == bob {
			want = "p:alice"
		}
		if e.Conversation != want || e.MaxSeq != 1 || len(e.Entries) != 1 || e.Entries[0].ServerMsgID != sent.ServerMsgID ||
			e.Entries[0].Body != "text of m1" || e.Entries[0].Sender != "alice" {
			t.Errorf("%s heard %+v", name, e)
		}
	}
	var page wire.HeadsPage
	bob.call(wire.OpHeads, wire.Heads{}, &page)
	if len(page.Heads) != 1 || page.Heads[0].Counted.Always != 1 || page.Heads[0].Last == nil || page.Heads[0].Last.Body != "text of m1" {
		t.Errorf("heads %+v", page)
	}
	var head wire.Head
	bob.call(wire.OpRead, wire.Read{Conversation: "p:alice", Seq: 1}, &head)
	f, _ := alice.until(patience, func(f wire.Frame) bool { return f.Op == wire.OpHead })
	var told wire.Head
	if err := f.DecodeBody(&told); err != nil || told.PeerRead != 1 || told.Conversation != "p:bob" || head.Counted.Always != 0 {
		t.Errorf("after reading: %+v, the sender was told %+v", head, told)
	}
	var pulled wire.Pulled
	alice2.call(wire.OpPull, wire.Pull{Conversation: "p:bob"}, &pulled)
	if len(pulled.Entries) != 1 || pulled.Epoch != 1 {
		t.Errorf("pulled %+v", pulled)
	}
	if text := edges[0].metrics(); !strings.Contains(text, `nimd_messages_total{result="stored"} 1`) {
		t.Errorf("not counted:\n%s", text)
	}
}

// The edge of the sender loses what it publishes: the receiver, which is idle,
// knows within 5 s that it has to ask.
func TestLostPushesAreNoticed(t *testing.T) {
	for _, tc := range []struct {
		name  string
		beats bool // they get through
	}{{"the last push", true}, {"the edge", false}} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var losing, lost atomic.Int32
			edges := startEdges(t, 2, func(i int, c *server.Config) {
				if i == 0 {
					c.Lose = func() bool {
						if losing.Load() == 0 || tc.beats && lost.Load() > 0 {
							return false
						}
						lost.Add(1)
						return true
					}
				}
			})
			edges[0].account("alice")
			edges[0].account("bob")
			alice, _ := edges[0].online("alice", "a1", pc)
			bob, _ := edges[1].online("bob", "b1", pc)
			alice.say("bob", "m1")
			bob.hears()
			losing.Store(1)
			alice.say("bob", "m2")
			start := time.Now()
			f, ok := bob.until(5*time.Second, func(f wire.Frame) bool { return f.Op == wire.OpResync || f.Op == wire.OpEntry })
			if !ok || f.Op != wire.OpResync {
				t.Fatalf("nothing said that a push was lost: %s", f.Op)
			}
			t.Logf("noticed after %v", time.Since(start).Round(time.Millisecond))
			var page wire.HeadsPage
			bob.call(wire.OpHeads, wire.Heads{}, &page)
			if page.Heads[0].MaxSeq != 2 {
				t.Errorf("heads %+v", page.Heads)
			}
		})
	}
}

// Whoever logs in on one edge while another, on another NATS server, stores a
// message for him hears of it, or finds it when he asks after his login.
func TestAMessageAtTheMomentOfALogin(t *testing.T) {
	servers, dir, stored := startCluster(t), t.TempDir(), newStorage(t)
	var edges []*edge
	for _, s := range servers[:2] {
		edges = append(edges, startEdge(t, stored.in(server.Config{
			Listen: "127.0.0.1:0", DataDir: dir, Dev: true, NATS: []string{s.ClientURL()}, Replicas: 3, Log: testLog(t),
		})))
	}
	edges[0].account("alice")
	alice, _ := edges[0].online("alice", "a1", pc)
	pushed, asked := 0, 0
	for i := range 40 {
		name := fmt.Sprint("bob", i)
		edges[0].account(name)
		bob := edges[1].dial()
		login := bob.send(wire.OpLogin, edges[1].loginAs(name, "b1", pc))
		alice.say(name, "m")
		heard, answered := false, false
		for !answered {
			f := bob.next()
			heard = heard || f.Op == wire.OpEntry || f.Op == wire.OpResync
			answered = f.Op == wire.OpReply && f.ID == login
		}
		// As a client does: at once, and again after 3 s.
		var page wire.HeadsPage
		_, before := bob.call(wire.OpHeads, wire.Heads{}, &page)
		heard = heard || slices.ContainsFunc(before, func(f wire.Frame) bool { return f.Op == wire.OpEntry || f.Op == wire.OpResync })
		switch {
		case heard:
			pushed++
		case len(page.Heads) == 1:
			asked++
		default:
			if _, ok := bob.until(5*time.Second, func(f wire.Frame) bool { return f.Op == wire.OpEntry || f.Op == wire.OpResync }); !ok {
				t.Errorf("%s never heard of the message", name)
			}
		}
		_ = bob.ws.Close()
	}
	t.Logf("%d heard it, %d found it when they asked", pushed, asked)
}

// A client that sends ahead is not reordered by a refusal in the middle.
func TestARefusalHoldsWhatComesAfterIt(t *testing.T) {
	e := startEdges(t, 1, func(_ int, c *server.Config) {
		c.Messages.SendRate, c.Messages.SendBurst = 5, 3
	})[0]
	e.account("alice")
	e.account("bob")
	c, _ := e.online("alice", "a1", pc)
	message := func(i int) wire.Send {
		return wire.Send{Conversation: "p:bob", Messages: []wire.Message{{ClientMsgID: fmt.Sprint(i)}}}
	}
	waiting := []int{1, 2, 3, 4, 5, 6, 7, 8}
	rounds := 0
	for ; len(waiting) > 0; rounds++ {
		ids := map[uint64]int{}
		for _, i := range waiting {
			ids[c.send(wire.OpSend, message(i))] = i
		}
		waiting = nil
		var retry int64
		for range len(ids) {
			f, _ := c.until(patience, func(f wire.Frame) bool { return f.Op == wire.OpReply })
			var sent wire.Sent
			if f.Code == 200 {
				if err := f.DecodeBody(&sent); err != nil {
					t.Fatal(err)
				}
			}
			if f.Code != 200 || sent.Results[0].Code != 200 {
				waiting = append(waiting, ids[f.ID])
				retry = max(retry, f.RetryAfterMS)
				if f.Code == 200 {
					retry = max(retry, sent.Results[0].RetryAfterMS)
				}
			}
		}
		if len(waiting) > 0 && retry == 0 {
			t.Fatal("a refusal does not say when to come back")
		}
		slices.Sort(waiting)
		<-time.After(time.Duration(retry) * time.Millisecond) // as it was told
	}
	if rounds < 2 {
		t.Error("nothing was refused")
	}
	var pulled wire.Pulled
	c.call(wire.OpPull, wire.Pull{Conversation: "p:bob"}, &pulled)
	for i, e := range pulled.Entries {
		if e.ClientMsgID != fmt.Sprint(i+1) {
			t.Errorf("entry %d is message %s", i+1, e.ClientMsgID)
		}
	}
	if len(pulled.Entries) != 8 {
		t.Errorf("%d entries", len(pulled.Entries))
	}
}

// A sender sends and is gone at once. Whatever was stored is told.
func TestASenderThatLeaves(t *testing.T) {
	edges := startEdges(t, 2, func(_ int, c *server.Config) { c.Messages.SendRate = -1 })
	edges[0].account("alice")
	edges[0].account("bob")
	bob, _ := edges[1].online("bob", "b1", pc)
	for i := range 30 {
		c, _ := edges[0].online("alice", "a1", pc)
		for k := range 3 {
			c.send(wire.OpSend, wire.Send{Conversation: "p:bob", Messages: []wire.Message{{ClientMsgID: fmt.Sprint(i, "-", k)}}})
		}
		_ = c.ws.NetConn().Close()
	}
	last, _ := edges[0].online("alice", "a1", pc)
	total := last.say("bob", "the last").Seq
	heard := map[uint64]bool{}
	for uint64(len(heard)) < total {
		for _, e := range bob.hears().Entries {
			heard[e.Seq] = true
		}
	}
	t.Logf("%d of 90 were stored before their sender had left", total-1)
}

// The store is away: requests are refused for now, nobody is closed, and what was
// refused is stored when it comes again.
func TestTheStoreIsAway(t *testing.T) {
	c := storetest.New(t)
	e := startEdge(t, server.Config{
		Listen: "127.0.0.1:0", DataDir: t.TempDir(), Dev: true, Engine: newEngine(t), Store: c.Database(t, "away"), Log: testLog(t),
	})
	e.account("alice")
	e.account("bob")
	alice, _ := e.online("alice", "a1", pc)
	alice.say("bob", "m1")
	c.Kill()
	for _, ask := range []struct {
		op   wire.Op
		body any
	}{
		{wire.OpSend, wire.Send{Conversation: "p:bob", Messages: []wire.Message{{ClientMsgID: "m2"}}}},
		{wire.OpHeads, wire.Heads{}},
		{wire.OpPull, wire.Pull{Conversation: "p:bob"}},
	} {
		if f, _ := alice.call(ask.op, ask.body, nil); f.Code != 503 || f.RetryAfterMS == 0 {
			t.Errorf("%s: %d %s, retry after %d", ask.op, f.Code, f.ErrName, f.RetryAfterMS)
		}
	}
	c.Restart(t)
	waitFor(t, "the store to work again", func() bool {
		f, _ := alice.call(wire.OpHeads, wire.Heads{}, nil)
		return f.Code == 200
	})
	if r := alice.say("bob", "m2"); r.Seq != 2 {
		t.Errorf("stored as %+v", r)
	}
}
