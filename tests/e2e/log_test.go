package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// page asks a query of the log and returns the ids that it gives, in order.
func (d *device) page(fields ...string) (ids string) {
	d.t.Helper()
	e := d.ask(fields...)
	if e.Code != 200 {
		return strconv.Itoa(e.Code)
	}
	checkJSON(d.t, strings.Join(fields, " "), e.Content, "msglogs_1")
	var list []string
	for _, m := range read[struct{ Content []message }](d.t, e.Content).Content {
		list = append(list, m.ID)
	}
	return strings.Join(list, " ")
}

// checkJSON holds a callback's JSON to a fixture by type. Messages have more keys
// than the fixtures, so unknown keys pass.
func checkJSON(t *testing.T, what string, raw json.RawMessage, file string) {
	t.Helper()
	var got any
	must(t, json.Unmarshal(raw, &got))
	sameTypes(t, what, got, fixture(t, file))
}

func sameTypes(t *testing.T, where string, got, want any) {
	t.Helper()
	switch want := want.(type) {
	case map[string]any:
		object, ok := got.(map[string]any)
		if !ok {
			t.Errorf("%s is %T, want an object", where, got)
			return
		}
		for key, value := range object {
			if _, known := want[key]; known {
				sameTypes(t, where+"."+key, value, want[key])
			}
		}
	case []any:
		array, ok := got.([]any)
		if !ok {
			t.Errorf("%s is %T, want an array", where, got)
			return
		}
		for i, value := range array {
			sameTypes(t, fmt.Sprintf("%s[%d]", where, i), value, want[0])
		}
	default:
		if fmt.Sprintf("%T", got) != fmt.Sprintf("%T", want) {
			t.Errorf("%s is %T, want %T", where, got, want)
		}
	}
}

// said sends texts from alice to bob, with ids from 0 on, and waits until bob has
// been told of the last.
func said(alice, bob *device, to, prefix string, texts ...string) {
	alice.t.Helper()
	for i, body := range texts {
		text, err := json.Marshal(body)
		must(alice.t, err)
		alice.do("send", fmt.Sprintf(`{"to_accid":%q,"to_type":0,"msg_type":0,"client_msg_id":"%s%d","msg_body":%s}`, to, prefix, i, text))
	}
	bob.hears(prefix + strconv.Itoa(len(texts)-1))
}

// The stored messages of one conversation and of all, by text of any script and
// length, by type and by time, in both directions and in pages.
func TestSearchStored(t *testing.T) {
	server := theServer(t)
	alice, a, b := pair(t, server)
	bob := newSpeaker(t, server, "bob", b, settings{})
	carol := account(t, server)
	said(alice, bob, b, "s", "今天天气很好", "Hello World", "it's 天气Weather", "x")
	alice.do("send", fmt.Sprintf(`{"to_accid":%q,"to_type":0,"msg_type":0,"client_msg_id":"c0","msg_body":"天 to carol"}`, carol))
	alice.do("send", fmt.Sprintf(`{"to_accid":%q,"to_type":0,"msg_type":100,"client_msg_id":"c1","msg_attach":"{}"}`, carol))
	alice.isAcked("c1")

	one, all := fmt.Sprintf("[%q]", b), ""
	for _, c := range []struct {
		where, ids, limit, known, reverse, kind, text string
		want                                          string
	}{
		{"0", one, "10", "", "0", "0", "天", "s2 s0"},
		{"0", one, "10", "", "1", "0", "天气", "s0 s2"},
		{"0", one, "1", "s2", "0", "0", "天", "s0"},
		{"0", one, "10", "", "0", "1000", "", "s3 s2 s1 s0"},
		{"0", one, "10", "", "0", "1000", "LO w", "s1"},
		{"0", one, "10", "", "0", "1000", "天天气很", "s0"},
		{"0", one, "10", "", "0", "1000", "气很坏", ""},
		{"100", all, "10", "", "0", "1000", "天", "c0 s2 s0"},
		{"101", all, "10", "", "1", "0", "x", "s3"},
		{"102", all, "10", "", "0", "1000", "天", ""},
		{"100", all, "10", "", "0", "100", "", "c1"},
		{"200", all, "10", "", "0", "1000", "天", "414"},
		{"0", all, "10", "", "0", "1000", "天", "414"},
		{"0", `["x"`, "10", "", "0", "1000", "天", "414"},
		{"0", one, "0", "", "0", "1000", "天", "414"},
	} {
		if got := alice.page("edit", "find", c.where, c.ids, c.limit, "0", "0", c.known, c.reverse, c.kind, c.text); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
	for text, want := range map[string]string{
		fmt.Sprintf(`{"query_range":0,"ids":["%s"],"limit_count":2,"search_content":"天"}`, b):         "s2 s0",
		fmt.Sprintf(`{"query_range":0,"ids":"[\"%s\"]","limit_count":2,"msg_type":0,"reverse":1}`, b): "s0 s1",
		`{"query_range":100,"limit_count":"2"}`:                                                       "414",
		`{"query_range":100}`:                                                                         "414",
		`nonsense`:                                                                                    "414",
	} {
		if got := alice.page("edit", "find_json", text); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	log := alice.log(b)
	at := func(i int) string { return strconv.FormatInt(log[i].Time, 10) }
	if got := alice.page("edit", "by_type", b, "10", at(1), at(2), "", "0", "[0]"); got != "s2 s1" {
		t.Errorf("from the second to the third: %s", got)
	}
	if got := alice.page("edit", "by_type", b, "10", "0", at(2), "s2", "0", "[0,1]"); got != "s1 s0" {
		t.Errorf("behind the third: %s", got)
	}
	if got := alice.page("edit", "by_type", carol, "10", "0", "0", "", "1", "[100]"); got != "c1" {
		t.Errorf("of type 100: %s", got)
	}
	if got := alice.page("edit", "by_type", carol, "10", "0", "0", "", "1", "100"); got != "414" {
		t.Errorf("a type that is no array: %s", got)
	}
	if e := alice.ask("edit", "find", "0", one, "1", "0", "0", "", "0", "0", "天"); e.Of != b || e.Type != 0 {
		t.Errorf("the answer is about %q", e.Of)
	}
	_ = a
}

// What the program changes in its log is so in every query, in the list, and
// after another start.
func TestLogChanges(t *testing.T) {
	server := theServer(t)
	alice, a, b := pair(t, server)
	bob := newSpeaker(t, server, "bob", b, settings{})
	said(alice, bob, b, "m", "0", "1", "2", "3", "4", "5")
	change := func(wantCommand int, wantMsg string, wantUnread int) {
		t.Helper()
		e := bob.until("session", func(e event) bool { return read[item](t, e.Content).Command == wantCommand })
		checkJSON(t, "a session change", e.Content, "session_1")
		if i := read[item](t, e.Content); i.MsgID != wantMsg || e.Total != wantUnread || e.Code != 200 {
			t.Errorf("command %d: last %q, %d unread, code %d; want %q, %d", wantCommand, i.MsgID, e.Total, e.Code, wantMsg, wantUnread)
		}
	}
	code := func(want int, fields ...string) {
		t.Helper()
		if e := bob.ask(fields...); e.Code != want {
			t.Errorf("%v: %d, want %d", fields, e.Code, want)
		}
	}
	bob.until("session", func(e event) bool { return read[item](t, e.Content).Unread == 6 })
	code(200, "edit", "status", "m5", "2")
	change(9, "m5", 6)
	code(404, "edit", "status", "nobody's", "2")
	code(414, "edit", "status", "m5", "4")
	code(414, "edit", "status", "m5", "11")
	code(200, "edit", "sub_status", "m4", "21")
	code(414, "edit", "sub_status", "m4", "3")
	code(200, "edit", "local_ext", "m4", `{"mine":true}`)
	code(200, "edit", "delete", a, "0", "m5")
	change(5, "m4", 5)
	code(404, "edit", "delete", a, "0", "m5")
	code(200, "edit", "delete_span", a, "0", "1", strconv.FormatInt(bob.log(a)[1].Time, 10), "")
	change(9, "m4", 3)
	code(414, "edit", "delete_span", a, "0", "5", "1", "1")
	code(200, "edit", "read_all")
	bob.wantLog(a, []string{"m2", "m3", "m4"}, statusRead)
	m4 := read[struct {
		Ext string `json:"local_ext"`
		Sub int    `json:"log_sub_status"`
	}](t, bob.ask("by_id", "m4").Content)
	if m4.Ext != `{"mine":true}` || m4.Sub != 21 {
		t.Errorf("%+v", m4)
	}

	code(200, "list", "top", "0", a, "1")
	code(200, "list", "extend", "0", a, "my text")
	code(414, "list", "extend", "0", a, strings.Repeat("x", 4097))
	code(404, "list", "top", "0", "nobody", "1")
	bob.logout(1)
	bob.mustLogin(b)
	bob.wantLog(a, []string{"m2", "m3", "m4"}, statusRead)
	e := bob.ask("list", "item", "0", a)
	checkJSON(t, "an item", e.Content, "session_1")
	kept := read[struct {
		Top    bool   `json:"top"`
		Data   string `json:"extend_data"`
		Unread int    `json:"unread_count"`
	}](t, e.Content)
	if !kept.Top || kept.Data != "my text" || kept.Unread != 3 {
		t.Errorf("after another login: %s", e.Content)
	}
	code(404, "list", "item", "0", "nobody")

	code(200, "edit", "delete_of", a, "0", "")
	change(5, "", 0)
	bob.wantLog(a, nil)
	said(alice, bob, b, "n", "new")
	change(9, "n0", 1)
	code(200, "edit", "delete_kind", "0", "0", "1")
	change(7, "", 0)
	code(200, "edit", "delete_kind", "0", "1", "")
	change(8, "", 0)
	code(200, "edit", "delete_kind", "0", "5", "")
	change(11, "", 0)
	code(414, "edit", "delete_kind", "0", "3", "")
	code(200, "edit", "delete_all", "0", "0")
	change(6, "", 0)
	if list, _ := bob.sessions(); len(list) != 1 {
		t.Errorf("%d items, want one", len(list))
	}
	code(200, "edit", "delete_all", "1", "")
	change(2, "", 0)
	if list, _ := bob.sessions(); len(list) != 0 {
		t.Errorf("%d items, want none", len(list))
	}
}

// The list of sessions in part and with other last messages, zeroing many, taking
// items off.
func TestSessionList(t *testing.T) {
	server := theServer(t)
	alice, a, b := pair(t, server)
	bob := newSpeaker(t, server, "bob", b, settings{})
	c := account(t, server)
	carol := newSpeaker(t, server, "carol", c, settings{})
	said(alice, bob, b, "a", "one", "two")
	alice.do("send", fmt.Sprintf(`{"to_accid":%q,"to_type":0,"msg_type":10,"client_msg_id":"tip","msg_body":"a tip"}`, b))
	bob.hears("tip")
	said(carol, bob, b, "c", "three")
	list := func(fields ...string) (ids []string) {
		t.Helper()
		e := bob.ask(append([]string{"list"}, fields...)...)
		checkJSON(t, fields[0], e.Content, "sessions_1")
		for _, i := range read[struct{ Content []item }](t, e.Content).Content {
			ids = append(ids, i.ID+":"+i.MsgID)
		}
		if e.Total != 4 {
			t.Errorf("%v: %d unread, want 4", fields, e.Total)
		}
		return ids
	}
	bob.until("session", func(e event) bool { return e.Total == 4 })
	for _, k := range []struct{ got, want []string }{
		{list("few", "1"), []string{c + ":c0"}},
		{list("few", "9"), []string{c + ":c0", a + ":tip"}},
		{list("without", "10"), []string{c + ":c0", a + ":a1"}},
		{list("without", "1000"), []string{c + ":c0", a + ":tip"}},
		{list("without_all", "[0,10]"), []string{c + ":", a + ":"}},
		{list("without_all", "[]"), []string{c + ":c0", a + ":tip"}},
	} {
		if !slices.Equal(k.got, k.want) {
			t.Errorf("got %v, want %v", k.got, k.want)
		}
	}
	// D11: zeroing what there is not is no error and makes nothing.
	e := bob.ask("list", "zero_many", fmt.Sprintf(`[{"type":0,"id":%q},{"type":0,"id":"nobody"}]`, a))
	if zeroed := read[[]item](t, e.Content); e.Code != 200 || e.Total != 1 || len(zeroed) != 2 || zeroed[0].ID != a || zeroed[0].Unread != 0 {
		t.Errorf("zeroing two: %d, %d left, %s", e.Code, e.Total, e.Content)
	}
	if e := bob.ask("list", "zero_many", `{"type":0}`); e.Code != 414 {
		t.Errorf("zeroing what is no array: %d", e.Code)
	}
	if e := bob.ask("list", "remove", "0", c); e.Code != 200 || e.Total != 0 || read[item](t, e.Content).Command != 1 {
		t.Errorf("taking one off: %d, %d left, %s", e.Code, e.Total, e.Content)
	}
	bob.until("session", func(e event) bool { i := read[item](t, e.Content); return i.Command == 1 && i.ID == c })
	bob.logout(1)
	bob.mustLogin(b)
	if items, unread := bob.sessions(); len(items) != 1 || unread != 0 || items[0].ID != a {
		t.Errorf("after another login: %+v, %d unread", items, unread)
	}
	bob.wantLog(c, []string{"c0"}, statusUnread)
	said(carol, bob, b, "d", "again")
	bob.until("session", func(e event) bool { i := read[item](t, e.Content); return i.Command == 0 && i.ID == c && e.Total == 1 })
	if e := bob.ask("list", "remove_all"); e.Code != 200 || e.Total != 0 {
		t.Errorf("emptying the list: %d, %d left", e.Code, e.Total)
	}
	if items, _ := bob.sessions(); len(items) != 0 {
		t.Errorf("%d items, want none", len(items))
	}
}
