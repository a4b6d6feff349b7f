package e2e

import (
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/libnim/libnim/tests/nimdtest"
)

// quickServer is a nimd of the test's own that lets accounts send as fast as they
// can.
func quickServer(t *testing.T) *nimdtest.Server {
	t.Helper()
	return newServer(t, "-send-rate", "0", "-conversation-rate", "0")
}

// pair is two accounts, the first one's device on line.
func pair(t *testing.T, server *nimdtest.Server) (alice *device, a, b string) {
	t.Helper()
	a, b = account(t, server), account(t, server)
	return newSpeaker(t, server, "alice", a, settings{}), a, b
}

// A text goes through: the sender's item, its acknowledgement, the receiver's
// callback with every key, both lists and both logs, the number of unread.
func TestMessage(t *testing.T) {
	server := theServer(t)
	alice, a, b := pair(t, server)
	bob := newSpeaker(t, server, "bob", b, settings{})
	before := time.Now().Add(-time.Minute).UnixMilli()
	alice.do("send", fmt.Sprintf(`{"to_accid":%q,"to_type":0,"msg_type":0,"client_msg_id":"m1","msg_body":"你好 🙂","server_ext":"{\"a\":1}","a_key_that_nobody_knows":{"x":[1]}}`, b))

	if e := read[item](t, alice.next("session").Content); e.ID != b || e.Status != statusSending || e.MsgID != "m1" || !e.Last || e.Unread != 0 {
		t.Errorf("the sender's item first: %+v", e)
	}
	k := alice.isAcked("m1")
	if k.Code != 200 || k.Talk != b || k.Time < before {
		t.Errorf("acknowledged with %+v", k)
	}
	if e := read[item](t, alice.next("session").Content); e.Status != statusSent || e.Time != k.Time {
		t.Errorf("the sender's item then: %+v", e)
	}
	r := bob.hears("m1")
	m := r.Content
	if r.Code != 200 || r.Feature != 0 || m.From != a || m.To != b || m.Talk != a || m.Body != "你好 🙂" || m.ServerExt != `{"a":1}` || m.Time != k.Time || m.ServerID == 0 || m.UnknownKey == nil {
		t.Errorf("the receiver was told %+v", r)
	}
	change := read[item](t, bob.next("session").Content)
	if change.ID != a || change.Unread != 1 || change.Status != statusUnread || !change.Last || change.Body != "你好 🙂" {
		t.Errorf("the receiver's item: %+v", change)
	}
	if list, unread := bob.sessions(); len(list) != 1 || unread != 1 || list[0].ID != a || list[0].MsgID != "m1" {
		t.Errorf("the receiver's list: %+v, %d unread", list, unread)
	}
	alice.wantLog(b, []string{"m1"}, statusSent)
	bob.wantLog(a, []string{"m1"}, statusUnread)

	if e := bob.ask("unread_zero", "0", a); e.Code != 200 || e.Total != 0 {
		t.Errorf("zeroing: %d, %d left", e.Code, e.Total)
	}
	if e := bob.ask("batch_read", a); e.Code != 200 || e.Of != a {
		t.Errorf("reading: %d %s", e.Code, e.Of)
	}
	bob.wantLog(a, []string{"m1"}, statusRead)
	if one := read[message](t, bob.ask("by_id", "m1").Content); one.Body != "你好 🙂" {
		t.Errorf("by id: %+v", one)
	}
}

// What was sent while the receiver was away is told when it comes back, once and
// in order, and counted.
func TestMessagesWhileAway(t *testing.T) {
	server := quickServer(t)
	alice, a, b := pair(t, server)
	alice.texts(b, "w", 0, 500)
	alice.isAcked("w499")
	bob := newSpeaker(t, server, "bob", b, settings{})
	bob.hears("w499")
	// The newest hundred are told to a device that is new here; those below are
	// in its log when they were pulled.
	bob.wantHeard(a, ids("w", 400, 100))
	if _, unread := bob.sessions(); unread != 500 {
		t.Errorf("%d unread, want 500", unread)
	}
	alice.wantLog(b, ids("w", 0, 500), statusSent)
}

// A device that was here before is told of everything that it missed.
func TestMessagesMissed(t *testing.T) {
	server := quickServer(t)
	alice, a, b := pair(t, server)
	bob := newSpeaker(t, server, "bob", b, settings{})
	alice.texts(b, "x", 0, 1)
	bob.hears("x0")
	bob.logout(1)
	alice.texts(b, "x", 1, 500)
	alice.isAcked("x500")
	bob.mustLogin(b)
	bob.hears("x500")
	bob.wantHeard(a, ids("x", 0, 501))
	bob.wantLog(a, ids("x", 0, 501), statusUnread)
	// Times rise by a millisecond at least, so those of a burst run ahead of the clock.
	if r := bob.heard()[1]; r.Feature != 1 {
		t.Errorf("%s has feature %d, want 1", r.Content.ID, r.Feature)
	}
}

// 500 messages while nimd is killed four times and frozen twice: each is
// acknowledged once, told once and in order.
func TestMessagesThroughCrashes(t *testing.T) {
	t.Parallel()
	server := quickServer(t)
	alice, a, b := pair(t, server)
	bob := newSpeaker(t, server, "bob", b, settings{})
	for part := range 10 {
		alice.texts(b, "c", 50*part, 50)
		switch part {
		case 1, 3, 5, 7:
			must(t, server.Kill())
			must(t, server.Restart())
		case 4, 8:
			must(t, syscall.Kill(server.PID(), syscall.SIGSTOP))
			alice.until("connection", func(event) bool { return true })
			must(t, syscall.Kill(server.PID(), syscall.SIGCONT))
		}
	}
	alice.isAcked("c499")
	bob.hears("c499")
	checkAcks(t, alice, ids("c", 0, 500))
	bob.wantHeard(a, ids("c", 0, 500))
	bob.wantLog(a, ids("c", 0, 500), statusUnread)
	alice.wantLog(b, ids("c", 0, 500), statusSent)
}

// checkAcks checks that each id was acknowledged once, with 200.
func checkAcks(t *testing.T, d *device, want []string) {
	t.Helper()
	all := d.acks()
	for _, id := range want {
		if a := all[id]; len(a) != 1 || a[0].Code != 200 {
			t.Errorf("%s was acknowledged as %+v", id, a)
		}
	}
	if len(all) != len(want) {
		t.Errorf("%d messages were acknowledged, want %d", len(all), len(want))
	}
}

// The sender is killed in the middle. What was acknowledged is told once; nothing
// is left sending in the log.
func TestSenderKilled(t *testing.T) {
	server := quickServer(t)
	a, b := account(t, server), account(t, server)
	s := settings{dir: t.TempDir(), nimx: map[string]any{"device_id": "desk"}}
	alice := newSpeaker(t, server, "alice", a, s)
	bob := newSpeaker(t, server, "bob", b, settings{})
	alice.texts(b, "k", 0, 300)
	alice.isAcked("k100")
	must(t, alice.cmd.Process.Kill())
	<-alice.done
	alice.calls = nil

	again := newSpeaker(t, server, "alice again", a, s)
	again.texts(b, "k", 300, 1)
	again.isAcked("k300")
	bob.hears("k300")
	stored := again.log(b)
	var sent []string
	for _, m := range stored {
		if m.Status == statusSending {
			t.Errorf("%s is still sending", m.ID)
		}
		if m.Status == statusSent {
			sent = append(sent, m.ID)
		}
	}
	for id := range alice.acks() {
		if !slices.Contains(sent, id) {
			t.Errorf("%s was acknowledged and is not sent in the log", id)
		}
	}
	var heard []string
	for _, r := range bob.heard() {
		heard = append(heard, r.Content.ID)
	}
	if !slices.Equal(heard, ids2(heard)) {
		t.Errorf("told twice or out of order: %v", heard)
	}
	for id := range alice.acks() {
		if !slices.Contains(heard, id) {
			t.Errorf("%s was acknowledged and not told", id)
		}
	}
}

// ids2 are the same ids in the order in which they were sent, each once.
func ids2(list []string) []string {
	out := slices.Clone(list)
	slices.SortFunc(out, func(a, b string) int {
		var x, y int
		_, _ = fmt.Sscanf(a[1:], "%d", &x)
		_, _ = fmt.Sscanf(b[1:], "%d", &y)
		return x - y
	})
	return slices.Compact(out)
}

// Cleanup inside the callback of message 100: the next run is told of the rest.
func TestCleanupInsideMessage(t *testing.T) {
	server := quickServer(t)
	a, b := account(t, server), account(t, server)
	s := settings{dir: t.TempDir(), nimx: map[string]any{"device_id": "desk"}}
	alice := newSpeaker(t, server, "alice", a, settings{})
	bob := newSpeaker(t, server, "bob", b, s)
	alice.texts(b, "n", 0, 1)
	bob.hears("n0")
	bob.do("with", "receive", `"n100"`, "cleanup", "")
	alice.texts(b, "n", 1, 500)
	alice.isAcked("n500")
	bob.await("ret cleanup", nil)
	bob.wantHeard(a, ids("n", 0, 101))

	again := newSpeaker(t, server, "bob again", b, s)
	again.hears("n500")
	again.wantHeard(a, ids("n", 101, 400))
	again.wantLog(a, ids("n", 0, 501), statusUnread)
}

// A second device of the sender's follows, live and after being away.
func TestSecondDevice(t *testing.T) {
	server := newServer(t)
	must(t, server.SetPolicy("all"))
	a, b := account(t, server), account(t, server)
	desk := newSpeaker(t, server, "desk", a, settings{nimx: map[string]any{"device_id": "desk"}})
	phone := newSpeaker(t, server, "phone", a, settings{nimx: map[string]any{"device_id": "phone"}})
	bob := newSpeaker(t, server, "bob", b, settings{})
	desk.texts(b, "d", 0, 20)
	bob.hears("d19")
	for i := range 20 {
		r := phone.hears(fmt.Sprint("d", i))
		if r.Feature != 3 || r.Content.Talk != b || r.Content.From != a {
			t.Fatalf("the phone was told %+v", r)
		}
	}
	phone.logout(1)
	desk.texts(b, "d", 20, 20)
	bob.texts(a, "e", 0, 5)
	desk.hears("e4")
	desk.ask("unread_zero", "0", b)
	phone.mustLogin(a)
	phone.eventually("caught up", func() bool { return len(phone.log(b)) == 45 })
	phone.eventually("read elsewhere", func() bool { _, n := phone.sessions(); return n == 0 })
	if one, two := logIDs(desk.log(b)), logIDs(phone.log(b)); !slices.Equal(one, two) {
		t.Errorf("two logs: %v\n%v", one, two)
	}
}

func logIDs(list []message) (out []string) {
	for _, m := range list {
		out = append(out, m.ID)
	}
	return out
}

// What cannot be sent is acknowledged with its reason, once, and is failed in
// the log; nothing else is lost.
func TestRefusedSends(t *testing.T) {
	server := theServer(t)
	alice, _, b := pair(t, server)
	for name, c := range map[string]struct {
		json string
		code int
	}{
		"nobody":       {`{"to_accid":"nobody-of-that-name","to_type":0,"msg_type":0,"client_msg_id":"nobody","msg_body":"x"}`, 404},
		"no receiver":  {`{"to_type":0,"msg_type":0,"client_msg_id":"no receiver","msg_body":"x"}`, 10414},
		"a wrong type": {fmt.Sprintf(`{"to_accid":%q,"to_type":"zero","msg_type":0,"client_msg_id":"a wrong type","msg_body":"x"}`, b), 10414},
	} {
		alice.do("send", c.json)
		if k := alice.isAcked(name); k.Code != c.code {
			t.Errorf("%s: %+v, want %d", name, k, c.code)
		}
	}
	alice.do("send", "not JSON")
	alice.do("send", "")
	alice.texts(b, "ok", 0, 1)
	if k := alice.isAcked("ok0"); k.Code != 200 {
		t.Errorf("afterwards: %+v", k)
	}
	offline := newStarted(t, server, "offline", settings{})
	offline.speaks()
	offline.texts(b, "off", 0, 1)
	if k := offline.isAcked("off0"); k.Code != 20001 {
		t.Errorf("not logged in: %+v", k)
	}
}

// All unread numbers become 0 at once, on the other device too.
func TestZeroAll(t *testing.T) {
	server := newServer(t)
	must(t, server.SetPolicy("all"))
	a, b, c := account(t, server), account(t, server), account(t, server)
	desk := newSpeaker(t, server, "desk", a, settings{nimx: map[string]any{"device_id": "desk"}})
	phone := newSpeaker(t, server, "phone", a, settings{nimx: map[string]any{"device_id": "phone"}})
	for _, peer := range []string{b, c} {
		d := newSpeaker(t, server, peer, peer, settings{})
		d.texts(a, peer+"-", 0, 2)
		desk.hears(peer + "-1")
		phone.hears(peer + "-1")
	}
	if e := desk.ask("unread_zero_all"); e.Code != 200 || e.Total != 0 {
		t.Errorf("zeroing: %d, %d left", e.Code, e.Total)
	}
	if list, unread := desk.sessions(); len(list) != 2 || unread != 0 {
		t.Errorf("%+v, %d unread", list, unread)
	}
	phone.eventually("read elsewhere", func() bool { _, n := phone.sessions(); return n == 0 })
}

// A message of a program to itself is in its log once, and is not unread.
func TestNotesToOneself(t *testing.T) {
	server := theServer(t)
	alice, a, _ := pair(t, server)
	alice.texts(a, "self", 0, 2)
	alice.isAcked("self1")
	alice.wantLog(a, ids("self", 0, 2), statusSent)
	if list, unread := alice.sessions(); len(list) != 1 || list[0].ID != a || unread != 0 {
		t.Errorf("%+v, %d unread", list, unread)
	}
}
