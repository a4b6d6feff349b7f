package e2e

import (
	"encoding/json"
	"fmt"
	"testing"
)

// A recall as the callbacks give it.
type recalled struct {
	ToType   int    `json:"to_type"`
	From     string `json:"from_id"`
	To       string `json:"to_id"`
	ID       string `json:"msg_id"`
	Notify   string `json:"notify"`
	Time     int64  `json:"time"`
	Feature  int    `json:"feature"`
	Exist    bool   `json:"msg_exist"`
	MsgTime  int64  `json:"msg_time"`
	Operator string `json:"operator_id"`
	Attach   string `json:"attach"`
}

// isTold waits for the recall of a message.
func (d *device) isTold(id string) recalled {
	d.t.Helper()
	e := d.until("recall", func(e event) bool {
		list := read[[]recalled](d.t, e.Content)
		return len(list) == 1 && list[0].ID == id
	})
	holdsTo(d.t, e.Content, "recall_1")
	return read[[]recalled](d.t, e.Content)[0]
}

// A message is taken back: on the own device, its sibling, the peer's device that is
// on line and the one that is away. Each is told once and shows it no more.
func TestRecall(t *testing.T) {
	server := theServer(t)
	alice, a, b := pair(t, server)
	pad := newSpeaker(t, server, "alice's pad", a, settings{nimx: map[string]any{"client_type": 2}})
	bob := newSpeaker(t, server, "bob", b, settings{})
	phone := newSpeaker(t, server, "bob's phone", b, settings{nimx: map[string]any{"client_type": 1}})
	for _, d := range []*device{alice, pad, bob, phone} {
		d.do("on", "recall", "2100")
	}
	say := func(id string) string {
		m := fmt.Sprintf(`{"to_accid":%q,"to_type":0,"msg_type":0,"client_msg_id":%q,"msg_body":"text"}`, b, id)
		alice.do("send", m)
		k := alice.isAcked(id)
		return fmt.Sprintf(`{"to_accid":%q,"to_type":0,"from_id":%q,"client_msg_id":%q,"time":%d}`, b, a, id, k.Time)
	}
	say("r1")
	second := say("r2")
	say("r3")
	for _, d := range []*device{pad, bob, phone} {
		d.hears("r3")
	}
	phone.logout(1)
	fourth := say("r4")
	bob.hears("r4")

	e := alice.ask("recall", second, "gone")
	own := read[[]recalled](t, e.Content)
	if e.Code != 200 || len(own) != 1 || own[0].ID != "r2" || own[0].From != a || own[0].To != b || !own[0].Exist || own[0].Operator != a || own[0].Notify != "gone" {
		t.Fatalf("%d %s", e.Code, e.Content)
	}
	holdsTo(t, e.Content, "recall_1")
	if r := bob.isTold("r2"); r.Feature != 0 || r.From != a || r.To != b || !r.Exist || r.Time != own[0].Time || r.MsgTime != own[0].MsgTime || r.Notify != "gone" {
		t.Errorf("the peer: %+v", r)
	}
	if r := pad.isTold("r2"); r.Feature != 3 || !r.Exist {
		t.Errorf("the other device: %+v", r)
	}
	if e := alice.ask("recall_ex", fourth, "gone", `{"why":1}`); e.Code != 200 {
		t.Errorf("%d %s", e.Code, e.Content)
	}
	if r := bob.isTold("r4"); r.Attach != `{"why":1}` {
		t.Errorf("%+v", r)
	}
	phone.mustLogin(b)
	if r := phone.isTold("r2"); r.Feature != 1 || !r.Exist {
		t.Errorf("after being away: %+v", r)
	}
	if r := phone.isTold("r4"); r.Feature != 1 || r.Exist {
		t.Errorf("a message that it never had: %+v", r)
	}
	if e := alice.ask("recall2", second, "again", "", ""); e.Code != 200 {
		t.Errorf("a second time: %d", e.Code)
	}
	for of, code := range map[string]int{
		`{"to_accid":"` + b + `","to_type":0,"client_msg_id":"none"}`:                    404,
		`{"to_accid":"` + a + `","from_id":"` + b + `","to_type":0,"client_msg_id":"x"}`: 403,
		`{"to_accid":"` + b + `","to_type":0}`:                                           10508,
		`no JSON`:                                                                        10414,
	} {
		if e := alice.ask("recall", of, ""); e.Code != code || len(read[[]recalled](t, e.Content)) != 1 {
			t.Errorf("%s: %d %s", of, e.Code, e.Content)
		}
	}
	alice.wantLog(b, []string{"r1", "r3"}, statusSent)
	pad.wantLog(b, []string{"r1", "r3"}, statusSent)
	bob.wantLog(a, []string{"r1", "r3"}, statusUnread)
	phone.wantLog(a, []string{"r1", "r3"}, statusUnread)
	for _, d := range []*device{bob, phone} {
		d.eventually("showing r3", func() bool {
			list, _ := d.sessions()
			return len(list) == 1 && list[0].MsgID == "r3"
		})
	}
	if _, unread := bob.sessions(); unread != 4 {
		t.Errorf("%d unread, want 4: a recall does not lower it without reset_unread_count_when_recall", unread)
	}
}

// With reset_unread_count_when_recall a recall lowers the number, live and after
// being away.
func TestRecallLowersUnread(t *testing.T) {
	server := theServer(t)
	alice, _, b := pair(t, server)
	bob := newSpeaker(t, server, "bob", b, settings{global: map[string]any{"reset_unread_count_when_recall": true}})
	take := func(id string) {
		t.Helper()
		if e := alice.ask("recall", fmt.Sprintf(`{"to_accid":%q,"to_type":0,"client_msg_id":%q}`, b, id), ""); e.Code != 200 {
			t.Errorf("%s: %d", id, e.Code)
		}
	}
	unread := func(want int) {
		t.Helper()
		bob.eventually(fmt.Sprint(want, " unread"), func() bool {
			_, n := bob.sessions()
			return n == want
		})
	}
	alice.texts(b, "u", 0, 4)
	bob.hears("u3")
	unread(4)
	take("u1")
	unread(3)
	bob.logout(1)
	take("u2")
	bob.mustLogin(b)
	unread(2)
}

// holdsTo checks the types of a callback's JSON against what existing programs parse.
func holdsTo(t *testing.T, raw json.RawMessage, file string) {
	t.Helper()
	var got any
	must(t, json.Unmarshal(raw, &got))
	o := outcome{Function: file}
	o.checkType(t, "content", got, fixture(t, file))
}
