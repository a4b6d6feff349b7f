package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server/store/storetest"
)

// ask sends a request and returns its reply; pushes before it are dropped. The
// op is "" when the connection has ended.
func ask(t *testing.T, ws *websocket.Conn, op wire.Op, body, answer any) wire.Frame {
	t.Helper()
	data, err := wire.Encode(wire.Frame{Op: op, ID: 77}, body)
	if err != nil {
		t.Fatal(err)
	}
	if ws.WriteMessage(websocket.TextMessage, data) != nil {
		return wire.Frame{}
	}
	for {
		_ = ws.SetReadDeadline(time.Now().Add(patience))
		_, data, err := ws.ReadMessage()
		if err != nil {
			return wire.Frame{}
		}
		f, err := wire.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		if f.Op != wire.OpReply {
			continue
		}
		if answer != nil && f.Code == 200 {
			if err := json.Unmarshal(f.Body, answer); err != nil {
				t.Fatal(err)
			}
		}
		return f
	}
}

// send stores a message and returns its result; false when the edge was killed.
func send(t *testing.T, ws *websocket.Conn, to, id string) (wire.SentResult, bool) {
	t.Helper()
	var sent wire.Sent
	f := ask(t, ws, wire.OpSend, wire.Send{Conversation: "p:" + to, Messages: []wire.Message{{ClientMsgID: id, Body: id}}}, &sent)
	if f.Op == "" {
		return wire.SentResult{}, false
	}
	if f.Code != 200 || sent.Results[0].Code != 200 {
		t.Fatalf("send: %d %s %+v", f.Code, f.ErrMsg, sent)
	}
	return sent.Results[0], true
}

// The edge of a sender is killed at any moment, between a commit and its push
// too. What it had acknowledged is there, once and in order; what it had not is
// stored once when it is sent again; and the receiver, on another edge, is made
// to ask within 5 s.
func TestAnEdgeKilledAmongMessages(t *testing.T) {
	nats, stored, dir1, dir2 := startNATS(t), storetest.Postgres(t), t.TempDir(), t.TempDir()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	args := func(dir string) []string {
		return []string{"--listen", "127.0.0.1:0", "--data", dir, "--dev", "--nats", nats, "--nats-replicas", "1", "--store", stored,
			"--heartbeat", "1m", "--send-rate", "0", "--conversation-rate", "0", "--frame-rate", "0"}
	}
	one := startProcess(t, args(dir1)...)
	copySecrets(t, dir1, dir2)
	two := startProcess(t, args(dir2)...)
	for _, who := range []string{"alice", "bob"} {
		one.mustAdmin("POST", "/accounts", fmt.Sprintf(`{"account":%q,"token":%q}`, who, who+"-token"))
	}
	bob, f := two.login("bob", "b")
	if f.Code != 200 {
		t.Fatalf("login: %d %s", f.Code, f.ErrName)
	}
	total := 0
	for round := range 3 {
		alice, f := one.login("alice", "a")
		if f.Code != 200 {
			t.Fatalf("login: %d %s", f.Code, f.ErrName)
		}
		send(t, alice, "bob", fmt.Sprint("m", total)) // the conversation is there
		total++
		time.AfterFunc(time.Duration(20+r.IntN(200))*time.Millisecond, func() { _ = one.cmd.Process.Kill() })
		acked := true
		for ; acked; total++ {
			_, acked = send(t, alice, "bob", fmt.Sprint("m", total))
		}
		total-- // this one is open
		killed := time.Now()
		<-one.exited
		_ = bob.SetReadDeadline(killed.Add(5 * time.Second))
		for resync := false; !resync; {
			_, data, err := bob.ReadMessage()
			if err != nil {
				t.Fatalf("round %d: after 5 s the receiver knows nothing: %v", round, err)
			}
			f, err := wire.Decode(data)
			if err != nil {
				t.Fatal(err)
			}
			resync = f.Op == wire.OpResync
		}
		t.Logf("round %d: %d messages, the receiver was told to ask %v after the kill", round, total, time.Since(killed).Round(time.Millisecond))
		// The sender comes back on the other edge with what is open.
		again, f := two.login("alice", "a")
		if f.Code != 200 {
			t.Fatalf("login: %d %s", f.Code, f.ErrName)
		}
		if res, ok := send(t, again, "bob", fmt.Sprint("m", total)); !ok || res.Seq != uint64(total+1) {
			t.Errorf("round %d: the open message has the number %d (repeated %v), want %d", round, res.Seq, res.Repeated, total+1)
		}
		total++
		_ = again.Close()
		checkHistory(t, bob, total)
		one = startProcess(t, args(dir1)...)
	}
	_ = one.stop(syscall.SIGTERM)
}

// checkHistory pulls all that bob has of alice: m0, m1, … once each.
func checkHistory(t *testing.T, bob *websocket.Conn, total int) {
	t.Helper()
	next := uint64(1)
	for more := true; more; {
		var p wire.Pulled
		if f := ask(t, bob, wire.OpPull, wire.Pull{Conversation: "p:alice", From: next}, &p); f.Code != 200 {
			t.Fatalf("pull: %d %s", f.Code, f.ErrMsg)
		}
		for _, e := range p.Entries {
			if e.Seq != next || e.Message == nil || e.ClientMsgID != fmt.Sprint("m", next-1) {
				t.Fatalf("entry %d is %+v", next, e)
			}
			next++
		}
		more = p.More
	}
	if next != uint64(total+1) {
		t.Errorf("%d messages are kept, want %d", next-1, total)
	}
}
