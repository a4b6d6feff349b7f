package e2e

import (
	"encoding/json"
	"fmt"
	"strconv"
	"testing"

	"github.com/libnim/libnim/tests/nimdtest"
)

// two are two devices of one account, both on line, and a peer.
func two(t *testing.T) (server *nimdtest.Server, peer, one, other *device, p, me string) {
	t.Helper()
	server = newServer(t, "-send-rate", "0", "-conversation-rate", "0")
	must(t, server.SetPolicy("all"))
	peer, p, me = pair(t, server)
	one = newStarted(t, server, "one", settings{})
	other = newStarted(t, server, "other", settings{})
	for _, d := range []*device{one, other} {
		d.speaks()
		for i, name := range []string{"deleted", "history_deleted", "pinned", "repinned", "unpinned"} {
			d.do("on", name, strconv.Itoa(2100+i))
		}
		d.mustLogin(me)
	}
	return server, peer, one, other, p, me
}

// The server's history in pages, in both directions, by type and by text; what is
// saved is in the log afterwards, what is not is not.
func TestOnlineQueries(t *testing.T) {
	server := newServer(t, "-send-rate", "0", "-conversation-rate", "0")
	alice, a, b := pair(t, server)
	bob := newSpeaker(t, server, "bob", b, settings{})
	said(alice, bob, b, "m", "今天天气", "Hello World", "it's 天气Weather", "x", "y")
	alice.do("send", fmt.Sprintf(`{"to_accid":%q,"to_type":0,"msg_type":100,"client_msg_id":"custom","msg_attach":"{}"}`, b))
	bob.hears("custom")
	log := bob.log(a)
	at := func(i int) string { return strconv.FormatInt(log[i].Time, 10) }
	id := func(i int) string { return strconv.FormatUint(log[i].ServerID, 10) }
	for _, c := range []struct {
		want   string
		fields []string
	}{
		{"custom m4", []string{"online", a, "2", "0", "0", "0", "0", "0", ""}},
		{"m3 m2", []string{"online", a, "2", "0", at(4), id(4), "0", "0", ""}},
		{"m0 m1", []string{"online", a, "2", "0", "0", "0", "1", "0", ""}},
		{"m2 m3", []string{"online", a, "2", at(1), "0", id(1), "1", "0", ""}},
		{"custom", []string{"online", a, "9", "0", "0", "0", "0", "0", `{"query_msg_type_list":[100]}`}},
		{"414", []string{"online", a, "101", "0", "0", "0", "0", "0", ""}},
		{"414", []string{"online", a, "0", "0", "0", "0", "0", "0", ""}},
		{"m1 m0", []string{"online2", a, "9", "0", at(1), "0", "0", "1", "0", "-1"}},
		{"custom", []string{"online2", a, "9", "0", "0", "0", "0", "1", "0", "100"}},
		{"m4 m3", []string{"online2", a, "2", "0", "0", "0", "0", "1", "1", "100"}},
		{"m2 m0", []string{"keyword", a, "9", "0", "天"}},
		{"m0 m2", []string{"keyword", a, "9", "1", "天气"}},
		{"m1", []string{"keyword", a, "9", "0", "O w"}},
		{"", []string{"keyword", a, "9", "0", "nothing"}},
		{"414", []string{"keyword", a, "9", "0", ""}},
	} {
		if got := bob.page(append([]string{"edit"}, c.fields...)...); got != c.want {
			t.Errorf("%v: %s, want %s", c.fields, got, c.want)
		}
	}
	for _, c := range []struct {
		code   int
		fields []string
	}{
		{200, []string{a, b, id(2), "m2", "0"}}, {200, []string{a, b, "0", "m2", at(2)}}, {404, []string{a, b, id(2), "other", "0"}}, {414, []string{a, b, "0", "m2", "0"}},
	} {
		e := bob.ask(append([]string{"edit", "one_online"}, c.fields...)...)
		if e.Code != c.code || e.Code == 200 && read[message](t, e.Content).Body != "it's 天气Weather" {
			t.Errorf("%v: %d %s", c.fields, e.Code, e.Content)
		}
	}

	// E2: deleted here for good, or until the server is asked.
	wantCode := func(fields ...string) {
		t.Helper()
		if e := bob.ask(fields...); e.Code != 200 {
			t.Errorf("%v: %d", fields, e.Code)
		}
	}
	wantCode("edit", "delete_of", a, "0", "1")
	bob.wantLog(a, nil)
	if got := bob.page("edit", "online", a, "9", "0", at(1), "0", "0", "0", ""); got != "m1 m0" {
		t.Errorf("not saved: %s", got)
	}
	bob.wantLog(a, nil)
	if got := bob.page("edit", "online", a, "9", "0", at(1), "0", "0", "1", ""); got != "m1 m0" {
		t.Errorf("saved: %s", got)
	}
	bob.wantLog(a, []string{"m0", "m1"}, statusUnread)
	wantCode("edit", "delete", a, "0", "m1")
	wantCode("edit", "online", a, "9", "0", "0", "0", "0", "1", "")
	bob.wantLog(a, []string{"m0", "m2", "m3", "m4", "custom"}, statusUnread)
	wantCode("edit", "delete_of", a, "0", "0")
	if got := bob.page("edit", "online", a, "9", "0", "0", "0", "0", "1", ""); got != "" {
		t.Errorf("deleted for good: %s", got)
	}
	bob.wantLog(a, nil)
	bob.logout(1)
	if e := bob.ask("edit", "online", a, "9", "0", "0", "0", "0", "1", ""); e.Code != 20001 {
		t.Errorf("not logged in: %d", e.Code)
	}
}

// E1: what one device deletes for the account, pins or clears is so on the other
// one, on line or away; the peer sees nothing of it.
func TestE1TwoDevices(t *testing.T) {
	server, peer, one, other, p, me := two(t)
	said(peer, one, me, "m", "0", "1", "2", "3", "4")
	other.hears("m4")
	done := func(d *device, fields ...string) event {
		t.Helper()
		e := d.ask(fields...)
		if e.Code != 200 {
			t.Fatalf("%v: %d %s", fields, e.Code, e.Content)
		}
		return e
	}
	deleted := func(d *device, ext string, ids ...string) {
		t.Helper()
		for len(ids) > 0 { // it may be told in parts
			for _, n := range read[[]struct {
				Session string `json:"session_id"`
				ID      string `json:"client_id"`
				Ext     string `json:"ext"`
			}](t, d.next("deleted").Content) {
				if len(ids) == 0 || n.Session != p || n.ID != ids[0] || n.Ext != ext {
					t.Errorf("told of %+v, want %v", n, ids)
					return
				}
				ids = ids[1:]
			}
		}
	}
	done(one, "edit", "delete_self", fmt.Sprintf(`{"to_accid":%q,"to_type":0,"from_id":%q,"msg_type":0,"client_msg_id":"m4"}`, me, p), "because")
	deleted(other, "because", "m4")
	for _, d := range []*device{one, other} {
		d.wantLog(p, []string{"m0", "m1", "m2", "m3"}, statusUnread)
		d.until("session", func(e event) bool {
			i := read[item](t, e.Content)
			return i.Command == 5 && i.MsgID == "m3" && e.Total == 4
		})
	}
	if e := one.ask("edit", "delete_self", fmt.Sprintf(`{"to_accid":%q,"to_type":0,"from_id":%q,"msg_type":0,"client_msg_id":"no"}`, me, p), ""); e.Code != 404 {
		t.Errorf("deleting what there is not: %d", e.Code)
	}
	if got := one.page("edit", "online", p, "9", "0", "0", "0", "0", "0", ""); got != "m3 m2 m1 m0" {
		t.Errorf("the server has %s", got)
	}
	if got := peer.page("edit", "online", me, "9", "0", "0", "0", "0", "0", ""); got != "m4 m3 m2 m1 m0" {
		t.Errorf("the peer has %s", got)
	}

	stick := func(raw json.RawMessage, ext string) {
		t.Helper()
		checkJSON(t, "a pin", raw, "sticklist_1/0")
		if s := read[struct {
			Top     bool
			ID, Ext string
		}](t, raw); !s.Top || s.ID != p || s.Ext != ext {
			t.Errorf("pinned: %s", raw)
		}
	}
	stick(done(one, "list", "pin", p, "0", "x").Content, "x")
	stick(other.next("pinned").Content, "x")
	stick(done(other, "list", "repin", p, "0", "y").Content, "y")
	stick(one.next("repinned").Content, "y")
	checkJSON(t, "the pins", done(one, "list", "pinned").Content, "sticklist_1")
	if e := one.ask("list", "repin", "nobody", "0", "y"); e.Code != 404 {
		t.Errorf("changing what is not pinned: %d", e.Code)
	}

	// One device is away.
	other.logout(1)
	done(one, "edit", "delete_selves", p, me, "two", "m2", "m3")
	done(one, "list", "unpin", p, "0")
	wiped := done(one, "edit", "wipe_ex", p, "1", "all")
	if string(wiped.Content) != `"all"` || wiped.MS == 0 || wiped.Of != p {
		t.Errorf("cleared: %+v", wiped)
	}
	one.wantLog(p, []string{"m0", "m1"}, statusUnread)
	if got := one.page("edit", "online", p, "9", "0", "0", "0", "0", "0", ""); got != "" {
		t.Errorf("the server has %s", got)
	}
	other.mustLogin(me)
	deleted(other, "two", "m2", "m3")
	if e := other.next("unpinned"); e.Of != p {
		t.Errorf("unpinned: %+v", e)
	}
	if e := other.next("history_deleted"); e.Of != p || e.Total != 1 || string(e.Content) != `"all"` || e.MS != wiped.MS {
		t.Errorf("told of the cleared history: %+v", e)
	}
	other.wantLog(p, []string{"m0", "m1"}, statusUnread)
	if _, unread := other.sessions(); unread != 0 {
		t.Errorf("%d unread", unread)
	}
	if e := done(other, "list", "pinned"); string(e.Content) != "[]" {
		t.Errorf("pinned: %s", e.Content)
	}

	done(one, "edit", "wipe", p)
	if e := done(one, "list", "roaming", "0", p); e.Of != p || e.Type != 0 {
		t.Errorf("%+v", e)
	}
	said(peer, one, me, "n", "new")
	other.hears("n0")
	if e := done(one, "list", "remove_ex", "0", p, "1"); e.Total != 0 {
		t.Errorf("%+v", e)
	}
	if got := other.page("edit", "online", p, "9", "0", "0", "0", "0", "0", ""); got != "" {
		t.Errorf("the server has %s", got)
	}
	for _, e := range one.history { // its own changes are no news
		if e.CB == "deleted" || e.CB == "history_deleted" || e.CB == "pinned" || e.CB == "unpinned" {
			t.Errorf("told of its own: %s %s", e.CB, e.Content)
		}
	}
	_ = server
}

// A new device marks where its fetched past begins; the program moves the mark.
func TestMoreOfThePast(t *testing.T) {
	server := quickServer(t)
	alice, a, b := pair(t, server)
	alice.texts(b, "w", 0, 450)
	alice.isAcked("w449")
	bob := newSpeaker(t, server, "bob", b, settings{})
	bob.until("data_sync", func(e event) bool { return e.Type == 7 })
	e := bob.ask("list", "mark", a, "0")
	first := bob.log(a)[0]
	if e.Code != 200 || e.Of != a || e.MS != first.Time || string(e.Content) != strconv.FormatUint(first.ServerID, 10) {
		t.Errorf("the mark: %+v, want %d", e, first.Time)
	}
	if e := bob.ask("list", "marks"); e.Code != 200 || e.Total != 1 || e.Of != a {
		t.Errorf("all marks: %+v", e)
	}
	moved := fmt.Sprintf(`{"to_accid":%q,"to_type":0,"msg_type":0,"from_id":%q,"talk_id":%q,"client_msg_id":"x","time":77,"server_msg_id":88}`, a, b, a)
	if e := bob.ask("list", "set_mark", moved); e.Code != 200 {
		t.Errorf("moving it: %d", e.Code)
	}
	if e := bob.ask("list", "mark", a, "0"); e.MS != 77 || string(e.Content) != "88" {
		t.Errorf("moved: %+v", e)
	}
	if e := bob.ask("list", "end_mark", a, "0"); e.Code != 200 {
		t.Errorf("taking it away: %d", e.Code)
	}
	if e := bob.ask("list", "mark", a, "0"); e.Code != 404 || e.Of != a {
		t.Errorf("without a mark: %+v", e)
	}
	if e := bob.ask("list", "marks"); e.Total != 0 {
		t.Errorf("all marks: %+v", e)
	}
}
