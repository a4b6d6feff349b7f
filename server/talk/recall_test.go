package talk

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server/store"
)

func (s *site) recallOf(who, peer, id string) (wire.RecallDone, int32) {
	s.t.Helper()
	done, err := ask[wire.RecallDone](s, s.recall, s.as(who, wire.Recall{
		Conversation: "p:" + peer, ClientMsgID: id, RecallSaid: wire.RecallSaid{Notify: "gone", Attach: "{}"},
	}))
	if err != nil {
		return done, store.Answer(err).Kind.Code
	}
	return done, 200
}

// A recall is an entry of its own, told to both; the message loses its content and
// keeps its number, its place among the counted, and its key.
func TestRecall(t *testing.T) {
	onBoth(t, unlimited, func(t *testing.T, s *site) {
		s.sendTo("alice", "bob", text("m1", "secret"), text("m2", "open"))
		cursor := ""
		s.headsOf("bob", &cursor, 0)
		s.takePushed()
		done, code := s.recallOf("alice", "bob", "m1")
		if code != 200 || done.Seq != 3 || done.Repeated || done.MsgTimeMS >= done.TimeMS {
			t.Fatalf("%d %+v", code, done)
		}
		pushed := s.takePushed()
		if len(pushed) != 2 || pushed[1].Account != "bob" || pushed[1].Device != "" {
			t.Fatalf("pushed %+v", pushed)
		}
		var told wire.Entries
		if err := json.Unmarshal(pushed[1].Body.(json.RawMessage), &told); err != nil {
			t.Fatal(err)
		}
		entries := s.pullAll("bob", "alice", wire.ForCatchup)
		if len(entries) != 3 || len(told.Entries) != 1 || told.MaxSeq != 3 {
			t.Fatalf("%+v, told %+v", entries, told)
		}
		for _, e := range []wire.Entry{entries[2], told.Entries[0]} {
			want := wire.Target{Seq: 1, Sender: "alice", ClientMsgID: "m1", ServerMsgID: entries[0].ServerMsgID, TimeMS: done.MsgTimeMS,
				RecallSaid: wire.RecallSaid{Notify: "gone", Attach: "{}"}}
			if e.Kind != wire.KindRecall || e.Sender != "alice" || e.SenderDev != "d" || e.Target == nil || *e.Target != want {
				t.Errorf("%+v of %+v", e, e.Target)
			}
		}
		if e := entries[0]; e.Seq != 1 || e.Recalled == nil || e.Recalled.Seq != 3 || e.Recalled.By != "alice" || e.ClientMsgID != "m1" || e.Body != "" {
			t.Errorf("the message: %+v %+v", e, e.Recalled)
		}
		h := s.headsOf("bob", &cursor, 0)["p:alice"]
		if h.Counted.Always != 2 || h.Recalled != 1 || h.MaxSeq != 3 || h.Last == nil || h.Last.ClientMsgID != "m2" {
			t.Errorf("the head: %+v", h)
		}
		if again, code := s.recallOf("alice", "bob", "m1"); code != 200 || !again.Repeated || again.Seq != 3 || again.TimeMS != done.TimeMS {
			t.Errorf("again: %d %+v", code, again)
		}
		if r := s.sendTo("alice", "bob", text("m1", "secret")); !r[0].Repeated || r[0].Seq != 1 {
			t.Errorf("sent again: %+v", r)
		}
		if n := len(s.pullAll("alice", "bob", wire.ForCatchup)); n != 3 {
			t.Errorf("%d entries", n)
		}
	})
}

// Who may not recall is told why, and nothing changes. After its time only a
// repetition is taken.
func TestRecallsThatAreRefused(t *testing.T) {
	onBoth(t, unlimited, func(t *testing.T, s *site) {
		s.sendTo("alice", "bob", text("old", "1"), text("again", "2"), text("young", "3"))
		s.recallOf("alice", "bob", "again")
		s.takePushed()
		late := func(id string, ms int64) {
			var e *entryRow
			must(t, s.store.Read(t.Context(), func(r *store.Reads) (err error) {
				e, err = entryWhere(r, "client_msg_id = $1", []byte(id))
				return err
			}))
			e.StoredMS -= ms
			s.exec("UPDATE entry SET stored_ms = $1, sum = $2 WHERE seq = $3", e.StoredMS, store.Sum(e.values()...), e.Seq)
		}
		late("old", 121_000)
		late("again", 121_000)
		late("young", 100_000)
		for _, tc := range []struct {
			who, peer, id string
			want          int32
		}{
			{"bob", "alice", "young", 404}, {"alice", "carol", "young", 404}, {"alice", "nobody", "young", 404}, {"alice", "bob", "none", 404},
			{"alice", "bob", "old", 508}, {"alice", "bob", "again", 200}, {"alice", "bob", "", 414},
			{"alice", "bob", strings.Repeat("x", 65), 414},
		} {
			if _, code := s.recallOf(tc.who, tc.peer, tc.id); code != tc.want {
				t.Errorf("%+v: %d", tc, code)
			}
		}
		if p := s.takePushed(); len(p) != 0 {
			t.Errorf("told %+v", p)
		}
		if _, code := s.recallOf("alice", "bob", "young"); code != 200 {
			t.Errorf("in time: %d", code)
		}
		got := ""
		for _, e := range s.pullAll("bob", "alice", wire.ForCatchup) {
			got += fmt.Sprint(e.Kind[:1], e.Recalled != nil, " ")
		}
		if got != "mfalse mtrue mtrue rfalse rfalse " {
			t.Error(got)
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
