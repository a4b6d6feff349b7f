package talk

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server/store"
)

func TestMessagesAreKeptAndTold(t *testing.T) {
	onBoth(t, Limits{}, func(t *testing.T, s *site) {
		content := `{"msg_attach":"{\"a\":\"<b>\\u0000\"}","x":{"unknown":[1,2.50,1e400]},"server_ext":"e"}`
		zero := 0
		m := wire.Message{ClientMsgID: "m1", Type: 100, Body: "你好 <🙂>\x00", Content: json.RawMessage(content)}
		m.Roam = &zero
		results := s.sendTo("alice", "bob", m, text("m2", "second"))
		if len(results) != 2 || results[0].Seq != 1 || results[1].Seq != 2 || results[0].Code != 200 ||
			results[0].ServerMsgID >= 1<<53 || results[1].TimeMS <= results[0].TimeMS {
			t.Fatalf("%+v", results)
		}
		pushed := s.takePushed()
		if len(pushed) != 2 || pushed[0].Account != "alice" || pushed[1].Account != "bob" || pushed[1].Conversation != "p:alice" {
			t.Fatalf("pushed %+v", pushed)
		}
		var told wire.Entries
		if err := json.Unmarshal(pushed[1].Body.(json.RawMessage), &told); err != nil {
			t.Fatal(err)
		}
		entries := s.pullAll("bob", "alice", wire.ForCatchup)
		if told.MaxSeq != 2 || fmt.Sprintf("%+v", told.Entries) == "" || len(entries) != 2 || told.Conversation != "p:alice" {
			t.Fatalf("told %+v, pulled %+v", told, entries)
		}
		for _, e := range []wire.Entry{told.Entries[0], entries[0]} {
			if e.Seq != 1 || e.Sender != "alice" || e.SenderType != 4 || e.SenderDev != "d" || e.SenderNick != "Nick of alice" ||
				e.Kind != "message" || e.Message == nil || e.Body != m.Body || e.Type != 100 || string(e.Content) != content ||
				e.Roam == nil || *e.Roam != 0 || e.ServerMsgID != results[0].ServerMsgID || e.TimeMS != results[0].TimeMS {
				t.Errorf("entry %+v %+v", e, e.Message)
			}
		}
		again := s.sendTo("alice", "bob", text("m2", "another text"), text("m3", "third"))
		if !again[0].Repeated || again[0].Seq != 2 || again[0].ServerMsgID != results[1].ServerMsgID || again[1].Seq != 3 || again[1].Repeated {
			t.Errorf("sent again: %+v", again)
		}
		if n := len(s.takePushed()); n != 2 {
			t.Errorf("a repeated message was told in %d pushes", n)
		}
		if r := s.sendTo("bob", "alice", text("m1", "his own id")); r[0].Seq != 4 || r[0].Repeated {
			t.Errorf("the peer's own id: %+v", r)
		}
		if r := s.sendTo("alice", "alice", text("m1", "note")); r[0].Seq != 1 {
			t.Errorf("a note to oneself: %+v", r)
		}
		// Two names are never joined to one.
		s.sendTo("alice_b", "c", text("x", "one"))
		if got := s.pullAll("b_c", "alice_b", ""); len(got) != 0 {
			t.Errorf("another's conversation: %+v", got)
		}
	})
}

func TestSendsThatAreRefused(t *testing.T) {
	onBoth(t, Limits{}, func(t *testing.T, s *site) {
		bad := 2
		long := strings.Repeat("字", 5001)
		for name, tc := range map[string]struct {
			to       string
			messages []wire.Message
			want     string // codes of the results, or of the reply
		}{
			"prefix":    {"p:bob", []wire.Message{text("a", "1"), text("", "2"), text("c", "3")}, "[200 414]"},
			"too long":  {"p:bob", []wire.Message{text("b", long)}, "[414]"},
			"the type":  {"p:bob", []wire.Message{{ClientMsgID: "b", Type: 5}}, "[414]"},
			"content":   {"p:bob", []wire.Message{{ClientMsgID: "b", Content: json.RawMessage("[]")}}, "[414]"},
			"bytes":     {"p:bob", []wire.Message{{ClientMsgID: "b", Content: json.RawMessage(`{"x":"` + strings.Repeat("x", 65<<10) + `"}`)}}, "[414]"},
			"a setting": {"p:bob", []wire.Message{{ClientMsgID: "b", Settings: wire.Settings{Roam: &bad}}}, "[414]"},
			"nobody":    {"p:nobody", []wire.Message{text("b", "1")}, "[404]"},
			"no team":   {"t:1", []wire.Message{text("b", "1")}, "803"},
			"no name":   {"bob", []wire.Message{text("b", "1")}, "414"},
			"none":      {"p:bob", nil, "414"},
			"65":        {"p:bob", make([]wire.Message, 65), "414"},
		} {
			out, err := ask[wire.Sent](s, s.send, s.as("alice", wire.Send{Conversation: tc.to, Messages: tc.messages}))
			got := ""
			if err != nil {
				got = fmt.Sprint(store.Answer(err).Kind.Code)
			} else {
				var codes []int32
				for _, r := range out.Results {
					codes = append(codes, r.Code)
				}
				got = fmt.Sprint(codes)
			}
			if got != tc.want {
				t.Errorf("%s: %s, want %s", name, got, tc.want)
			}
		}
		cursor := ""
		if h := s.headsOf("alice", &cursor, 0); len(h) != 1 || h["p:bob"].MaxSeq != 1 {
			t.Errorf("refused sends made something: %+v", h)
		}
	})
}

// A deleted account gets nothing, its name's next owner no history, and a send
// that was stored before is still answered as it was.
func TestDeletedAccounts(t *testing.T) {
	onBoth(t, Limits{}, func(t *testing.T, s *site) {
		s.sendTo("alice", "bob", text("m1", "before"))
		s.exec("UPDATE account SET deleted_ms = 5 WHERE name = 'bob'")
		if r := s.sendTo("alice", "bob", text("m1", "before"), text("m2", "after")); len(r) != 2 || !r[0].Repeated || r[1].Code != 404 {
			t.Errorf("to a deleted account: %+v", r)
		}
		if got := s.pullAll("alice", "bob", ""); len(got) != 1 || got[0].Body != "before" {
			t.Errorf("the history with it: %+v", got)
		}
		s.exec("INSERT INTO account (id, app, name, rev, deleted_ms, created_ms, doc, sum) VALUES (900, 1, 'bob', 2, 0, 0, '{}', 0)")
		if r := s.sendTo("alice", "bob", text("m2", "to the new one")); r[0].Seq != 1 || r[0].Code != 200 {
			t.Errorf("to the name's next owner: %+v", r)
		}
		cursor := ""
		if h := s.headsOf("alice", &cursor, 0); len(h) != 1 || h["p:bob"].MaxSeq != 1 || h["p:bob"].Last.Body != "to the new one" {
			t.Errorf("heads: %+v", h)
		}
	})
}

func TestSendingTooFast(t *testing.T) {
	onBoth(t, Limits{SendRate: 0.001, SendBurst: 3, ConversationRate: -1}, func(t *testing.T, s *site) {
		if r := s.sendTo("alice", "bob", text("1", ""), text("2", ""), text("3", "")); len(r) != 3 || r[2].Code != 200 {
			t.Fatalf("%+v", r)
		}
		r := s.sendTo("alice", "bob", text("4", ""), text("5", ""))
		if len(r) != 1 || r[0].Code != 416 || r[0].ErrName != nimerr.SendTooFast.Name || r[0].RetryAfterMS == 0 || r[0].ClientMsgID != "4" {
			t.Errorf("%+v", r)
		}
		if r := s.sendTo("bob", "alice", text("4", "")); r[0].Seq != 4 {
			t.Errorf("the other side: %+v", r)
		}
	})
}

func TestPulling(t *testing.T) {
	onBoth(t, unlimited, func(t *testing.T, s *site) {
		zero := 0
		for i := 1; i <= 30; i++ {
			m := text(fmt.Sprint(i), fmt.Sprint("text ", i))
			switch i {
			case 3:
				m.Roam = &zero
			case 4:
				m.History = &zero
			case 5:
				m.Sync = &zero
			case 6:
				m.Offline = &zero
			}
			s.sendTo("alice", "bob", m)
		}
		s.exec("INSERT INTO hidden (account, conversation, seq) SELECT $1, id, 7 FROM conversation", s.ids["bob"])
		stubs := func(who, device, purpose string) (out []uint64) {
			peer := map[string]string{"alice": "bob", "bob": "alice"}[who]
			r := s.as(who, wire.Pull{Conversation: "p:" + peer, For: purpose})
			r.Device.DeviceID = device
			p, err := ask[wire.Pulled](s, s.pull, r)
			if err != nil || len(p.Entries) != 30 {
				t.Fatalf("%d entries, %v", len(p.Entries), err)
			}
			for _, e := range p.Entries {
				if e.Stub {
					out = append(out, e.Seq)
				}
				if e.Stub && (e.Message != nil || e.Sender != "" || e.TimeMS == 0) || e.Hidden != (e.Seq == 7 && who == "bob") {
					t.Errorf("stub %+v", e)
				}
			}
			return out
		}
		check := func(what string, got []uint64, want ...uint64) {
			if !slices.Equal(got, want) {
				t.Errorf("%s: stubs %v, want %v", what, got, want)
			}
		}
		check("catchup", stubs("bob", "d", ""), 7)
		check("roam", stubs("bob", "d", wire.ForRoam), 3, 7)
		check("history", stubs("bob", "d", wire.ForHistory), 4, 7)
		check("own device", stubs("alice", "d", ""))
		check("another own device", stubs("alice", "d2", ""), 5)
		damageEntry(s, "UPDATE entry SET stored_ms = stored_ms - 61000", true)
		check("catchup a minute later", stubs("bob", "d", ""), 6, 7)
		check("own, a minute later", stubs("alice", "d", ""))

		p := s.pullPage("bob", wire.Pull{Conversation: "p:alice", Limit: 5})
		if p.Low != 1 || p.High != 5 || !p.More || p.Epoch != 1 {
			t.Errorf("5 from the lowest: %d to %d, more %v", p.Low, p.High, p.More)
		}
		p = s.pullPage("bob", wire.Pull{Conversation: "p:alice", Newest: true, To: 10, Limit: 5})
		if p.Low != 4 || p.High != 10 || !p.More { // 6 and 7 are stubs
			t.Errorf("5 up to 10: %d to %d, more %v", p.Low, p.High, p.More)
		}
		p = s.pullPage("bob", wire.Pull{Conversation: "p:alice", From: 29, To: 90})
		if p.Low != 29 || p.High != 30 || p.More {
			t.Errorf("from 29: %d to %d, more %v", p.Low, p.High, p.More)
		}
		if p := s.pullPage("bob", wire.Pull{Conversation: "p:alice", From: 31}); len(p.Entries) != 0 || p.More || p.High != 30 {
			t.Errorf("beyond the end: %+v", p)
		}
		if p := s.pullPage("carol", wire.Pull{Conversation: "p:alice"}); len(p.Entries) != 0 || p.More {
			t.Errorf("a conversation that is none: %+v", p)
		}

		// Damage costs the entry, not the conversation.
		damageEntry(s, "UPDATE entry SET body = '{}' WHERE seq = 12", false)
		damageEntry(s, "DELETE FROM entry WHERE seq = 13", false)
		damageEntry(s, "DELETE FROM entry WHERE seq = 30", false)
		check("after damage", stubs("bob", "d", wire.ForHistory), 4, 7, 12, 13, 30)
		s.sendTo("carol", "bob", text("1", "x"))
		damageEntry(s, "UPDATE conversation SET n_all = 1000 WHERE max_seq = 30", false)
		cursor := ""
		if h := s.headsOf("bob", &cursor, 0); len(h) != 1 || h["p:carol"].Counted.Always != 1 {
			t.Errorf("heads beside a damaged one: %+v", h)
		}
	})
}

// damageEntry changes rows behind the store's back, and may make their sums right.
func damageEntry(s *site, query string, right bool) {
	s.t.Helper()
	s.exec(query)
	if !right {
		return
	}
	err := s.store.Update(context.Background(), store.Work{Do: func(tx *store.Tx) error {
		for _, e := range readEntries(s.t, tx) {
			if _, err := tx.Exec("UPDATE entry SET sum = $1 WHERE conversation = $2 AND seq = $3", store.Sum(e.values()...), e.Conversation, e.Seq); err != nil {
				return err
			}
		}
		return nil
	}})
	if err != nil {
		s.t.Fatal(err)
	}
}

func readEntries(t testing.TB, tx *store.Tx) (out []*entryRow) {
	rows, err := tx.Query("SELECT " + entryColumns + " FROM entry ORDER BY conversation, seq")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		e := &entryRow{}
		if err := rows.Scan(e.into()...); err != nil {
			t.Fatal(err)
		}
		out = append(out, e)
	}
	return out
}
