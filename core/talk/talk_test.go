package talk

import (
	"fmt"
	"strings"
	"testing"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/engine/enginetest"
	"github.com/libnim/libnim/core/journal"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/core/store/sqlite"
)

// A message that cannot be read is acknowledged: the key, and what was wanted.
func TestWrongMessages(t *testing.T) {
	h := enginetest.New(t, sqlite.Open)
	m := &Module{Engine: h.Engine, NewID: func() string { return "made" }}
	for i, c := range []struct{ text, id, says string }{
		{`no JSON`, "made", "want a JSON object, got what is no JSON"},
		{`[1]`, "made", "want a JSON object, got another value"},
		{`{"client_msg_id":"a","to_type":0,"msg_type":0}`, "a", "to_accid: want the receiver, got none"},
		{`{"client_msg_id":"b","to_accid":"bob","msg_type":0}`, "b", "to_type: want 0, 1 or 5, got none"},
		{`{"client_msg_id":"c","to_accid":"bob","to_type":0}`, "c", "msg_type: want the type of the message, got none"},
		{`{"client_msg_id":"d","to_accid":["bob"],"to_type":0,"msg_type":0}`, "d", "to_accid: want a string, got [\"bob\"]"},
		{`{"client_msg_id":"e","to_accid":"bob","to_type":0,"msg_type":1000}`, "e", "msg_type: want 0 to 999, got 1000"},
		{`{"client_msg_id":"f","to_accid":"bob","to_type":0,"msg_type":0,"cloud_history":"no"}`, "f", "cloud_history: want 0 or 1"},
		{`{"client_msg_id":"` + strings.Repeat("g", 65) + `","to_accid":"bob","to_type":0,"msg_type":0}`, strings.Repeat("g", 65), "client_msg_id: want at most 64 bytes, got 65"},
	} {
		m.NewID = func() string { return fmt.Sprint("made", i) }
		if c.id == "made" {
			c.id = m.NewID()
		}
		m.Send(c.text)
		if a := h.Ack(c.id); a.Get("rescode").Int() != 10414 && a.Get("rescode").Int() != 414 || !strings.Contains(a.Get("err_msg").Str, c.says) {
			t.Errorf("%s: %s, want %q", c.text, a.Raw, c.says)
		}
	}
	m.Reply(`{}`, `{"client_msg_id":"r","to_accid":"bob","to_type":0,"msg_type":0}`)
	if a := h.Ack("r"); a.Get("rescode").Int() != 10414 || a.Get("talk_id").Str != "bob" || !strings.Contains(a.Get("err_msg").Str, "json_msg: client_msg_id") {
		t.Errorf("%s", a.Raw)
	}
}

// What waits for the link is stopped; a call that cannot be obeyed is written down.
func TestStopAndForward(t *testing.T) {
	h := enginetest.New(t, sqlite.Open)
	j := journal.New(journal.Options{})
	defer j.Close()
	m := &Module{Engine: h.Engine, Journal: j, NewID: func() string { return "made" }}
	m.Reply(`{"client_msg_id":"src","from_id":"bob"}`, `{"client_msg_id":"w","to_accid":"bob","to_type":0,"msg_type":0,"msg_body":"x"}`)
	m.StopSend(`no JSON`)
	m.StopSend(`{"to_accid":"bob"}`)
	m.StopSend(`{"client_msg_id":"w","talk_id":"carol"}`)
	m.StopSend(`{"client_msg_id":"w","talk_id":"bob"}`)
	if a := h.Ack("w"); a.Get("rescode").Int() != 10200 {
		t.Errorf("%s", a.Raw)
	}
	bob := backend.Conv{ID: "bob"}
	if got := m.Forward(`{"msg_type":0,"msg_body":"x"}`, "n", bob, "", 0); !strings.Contains(got, `"client_msg_id":"n"`) {
		t.Errorf("%s", got)
	}
	if got := m.Forward(`{"msg_type":0}`, "n", bob, "[]", 0); got != "{}" {
		t.Errorf("%s", got)
	}
	if log := strings.Join(j.Trace(), "\n"); !strings.Contains(log, "msg_setting: want a JSON object") {
		t.Errorf("the log says nothing of it: %s", log)
	}
}

// A recall of what cannot be named, or is not the account's, is refused by its code.
func TestWrongRecalls(t *testing.T) {
	h := enginetest.New(t, sqlite.Open)
	m := &Module{Engine: h.Engine}
	for text, want := range map[string]int64{
		`[]`:                                10414,
		`{"to_accid":"bob","to_type":0}`:    10508,
		`{"client_msg_id":"x","to_type":0}`: 10508,
		`{"client_msg_id":"x","to_accid":"bob","to_type":2}`:  10414,
		`{"client_msg_id":"x","talk_id":"bob","from_id":"b"}`: 403,
	} {
		p := h.Ask(func(c module.Call) { m.Recall(c, text, backend.RecallSaid{Notify: "gone"}) })
		list := enginetest.Object(&p, 0).Array()
		if p.Number(0) != want || len(list) != 1 || list[0].Get("notify").Str != "gone" || enginetest.Why(&p) == "" {
			t.Errorf("%s: %d %v", text, p.Number(0), list)
		}
	}
}
