package e2e

import (
	"fmt"
	"strconv"
	"testing"
)

// A receipt as the callbacks give it.
type receipt struct {
	Talk   string `json:"talk_id"`
	Time   int64  `json:"msg_timetag"`
	Status int    `json:"status"`
}

const statusReceipt = 7

// A receipt reaches the sender's device that is on line, and after its login the one
// that was away; a second one for the same message is not sent.
func TestReceipts(t *testing.T) {
	server := theServer(t)
	alice, a, b := pair(t, server)
	bob := newSpeaker(t, server, "bob", b, settings{})
	alice.do("on", "status", "2200")
	alice.texts(b, "q", 0, 3)
	got := bob.hears("q1").Content
	bob.hears("q2")
	alice.isAcked("q2")
	named := fmt.Sprintf(`{"to_type":0,"from_id":%q,"to_accid":%q,"talk_id":%q,"client_msg_id":"q1","time":%d}`, a, b, a, got.Time)
	own := fmt.Sprintf(`{"to_type":0,"from_id":%q,"to_accid":%q,"talk_id":%q,"client_msg_id":"q1","time":%d}`, a, b, b, got.Time)
	if e := bob.do("receipt_sent", named); string(e.Value) != "0" {
		t.Errorf("sent before: %s", e.Value)
	}
	e := bob.ask("receipt", named)
	holdsTo(t, e.Content, "any-array_1")
	if r := read[[]receipt](t, e.Content); e.Code != 200 || len(r) != 1 || r[0] != (receipt{a, got.Time, statusReceipt}) {
		t.Errorf("%d %s", e.Code, e.Content)
	}
	told := alice.until("status", func(event) bool { return true })
	holdsTo(t, told.Content, "any-array_1")
	if r := read[[]receipt](t, told.Content); len(r) != 1 || r[0] != (receipt{b, got.Time, statusReceipt}) {
		t.Errorf("told %s", told.Content)
	}
	if e := alice.do("read_by_peer", own); string(e.Value) != "1" {
		t.Errorf("read by the peer: %s", e.Value)
	}
	if e := bob.do("receipt_sent", named); string(e.Value) != "1" {
		t.Errorf("sent: %s", e.Value)
	}
	var statuses []string
	for _, m := range alice.log(b) {
		statuses = append(statuses, m.ID+" "+strconv.Itoa(m.Status))
	}
	if s := fmt.Sprint(statuses); s != "[q0 7 q1 7 q2 6]" {
		t.Error(s)
	}
	if _, unread := bob.sessions(); unread != 3 {
		t.Errorf("%d unread after a receipt, want 3", unread)
	}
	alice.logout(1)
	last := fmt.Sprintf(`{"to_type":0,"from_id":%q,"client_msg_id":"q2"}`, a)
	if e := bob.ask("receipt", last); e.Code != 200 {
		t.Errorf("%d", e.Code)
	}
	alice.mustLogin(a)
	alice.until("status", func(e event) bool { return read[[]receipt](t, e.Content)[0].Time > got.Time })
	for of, code := range map[string]int{
		`{"to_type":1,"from_id":"` + a + `","talk_id":"1","client_msg_id":"q1"}`: 414,
		`{"to_type":0,"from_id":"` + a + `","client_msg_id":"none"}`:             404,
		`{"to_type":0,"from_id":"` + a + `"}`:                                    10414,
		`no JSON`:                                                                10414,
	} {
		if e := bob.ask("receipt", of); e.Code != code || len(read[[]receipt](t, e.Content)) != 1 {
			t.Errorf("%s: %d %s", of, e.Code, e.Content)
		}
	}
}
