package talk

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server/gateway"
	"github.com/libnim/libnim/server/store"
)

// past asks for messages, page after page, and returns their ids.
func (s *site) past(who string, ask wire.History) string {
	s.t.Helper()
	var ids []string
	for range 20 {
		p, err := ask1[wire.HistoryPage](s, s.history, who, ask)
		if err != nil {
			return err.Error()
		}
		for _, e := range p.Entries {
			ids = append(ids, e.ClientMsgID)
		}
		if p.Next == 0 || ask.At == p.Next {
			break
		}
		ids, ask.At = append(ids, "|"), p.Next
	}
	return strings.Join(ids, " ")
}

func ask1[T any](s *site, h gateway.Handler, who string, body any) (T, error) {
	s.t.Helper()
	return ask[T](s, h, s.as(who, body))
}

func TestHistory(t *testing.T) {
	onBoth(t, unlimited, func(t *testing.T, s *site) {
		zero := 0
		bodies := []string{"今天天气", "Hello", "it's 天气", "secret", "last"}
		for i, b := range bodies {
			m := text(fmt.Sprint("m", i), b)
			if i == 3 {
				m.History = &zero
			}
			if i == 4 {
				m.Type = 10
			}
			s.sendTo("alice", "bob", m)
		}
		p := s.pullPage("bob", wire.Pull{Conversation: "p:alice"})
		at, id := func(i int) int64 { return p.Entries[i].TimeMS }, func(i int) uint64 { return p.Entries[i].ServerMsgID }
		for want, ask := range map[string]wire.History{
			"m4 m2 m1 m0":     {},
			"m0 m1 m2 m4":     {OldestFirst: true},
			"m2 m1":           {FromMS: at(1), ToMS: at(2)},
			"m1 m0":           {ToMS: at(2), Known: id(2)},
			"m2 | m1 | m0":    {ToMS: at(3), Limit: 1},
			"m4":              {Known: id(2), OldestFirst: true},
			"m2 m0":           {Text: "天气"},
			"m1":              {Text: "EL"},
			"m4 ":             {Types: []int{10}},
			"m2 m1 m0":        {Types: []int{10}, Exclude: true},
			"":                {FromMS: at(4) + 1},
			" ":               {Text: "secret"},
			"m0 | m1 | m2 m4": {OldestFirst: true, Limit: 1},
		} {
			ask.Conversation = "p:alice"
			got := s.past("bob", ask)
			if strings.HasPrefix(want, "m0 | m1 | m2 ") {
				want = "m0 | m1 | m2 | m4"
			}
			if strings.TrimSpace(got) != strings.TrimSpace(want) {
				t.Errorf("%+v: %s, want %s", ask, got, want)
			}
		}
		if got := s.past("bob", wire.History{Conversation: "p:alice", Limit: 101}); !strings.Contains(got, "limit") {
			t.Error(got)
		}
		if got := s.past("carol", wire.History{Conversation: "p:alice"}); got != "" {
			t.Errorf("of another conversation: %s", got)
		}
	})
}

// E1, E2: what an account deletes for itself, clears and pins is so on all of its
// devices, and nobody else's.
func TestStateOfAConversation(t *testing.T) {
	onBoth(t, unlimited, func(t *testing.T, s *site) {
		for i := range 4 {
			s.sendTo("alice", "bob", text(fmt.Sprint("m", i), "x"))
		}
		s.takePushed()
		of := "p:alice"
		h, err := ask1[wire.Head](s, s.delete, "bob", wire.Delete{Conversation: of, Messages: []wire.DeleteItem{
			{Sender: "alice", ClientMsgID: "m1", Ext: "why"}, {Sender: "alice", ClientMsgID: "nothing"},
		}})
		if err != nil || h.Deleted == 0 {
			t.Fatalf("%+v, %v", h, err)
		}
		if p := s.takePushed(); len(p) != 1 || p[0].Account != "bob" || p[0].Except != "d" || p[0].Op != wire.OpHead {
			t.Errorf("told: %+v", p)
		}
		again, err := ask1[wire.Head](s, s.delete, "bob", wire.Delete{Conversation: of, Messages: []wire.DeleteItem{{Sender: "alice", ClientMsgID: "m1"}}})
		if err != nil || again.Deleted != h.Deleted || len(s.takePushed()) != 0 {
			t.Errorf("the same again: %+v, %v", again, err)
		}
		_, err = ask1[wire.Head](s, s.delete, "bob", wire.Delete{Conversation: of, Messages: []wire.DeleteItem{{Sender: "alice", ClientMsgID: "no"}}})
		if !errors.Is(err, nimerr.NotFound) {
			t.Errorf("unknown: %v", err)
		}
		d, err := ask1[wire.DeletedPage](s, s.deleted, "bob", wire.Deleted{Conversation: of})
		if err != nil || len(d.Deletions) != 1 || d.Deletions[0].ClientMsgID != "m1" || d.Deletions[0].Ext != "why" || d.Deletions[0].Seq != 2 || d.Deletions[0].ID != h.Deleted {
			t.Errorf("%+v, %v", d, err)
		}
		if d, _ := ask1[wire.DeletedPage](s, s.deleted, "bob", wire.Deleted{Conversation: of, After: h.Deleted}); len(d.Deletions) != 0 {
			t.Errorf("%+v", d)
		}
		if got := s.past("bob", wire.History{Conversation: of}); got != "m3 m2 m0" {
			t.Errorf("bob has %s", got)
		}
		if got := s.past("alice", wire.History{Conversation: "p:bob"}); got != "m3 m2 m1 m0" {
			t.Errorf("alice has %s", got)
		}

		h, err = ask1[wire.Head](s, s.pin, "bob", wire.Pin{Conversation: of, Ext: "e"})
		if err != nil || h.Pin == nil || h.Pin.Ext != "e" || h.Pin.TimeMS == 0 {
			t.Fatalf("%+v, %v", h, err)
		}
		began := h.Pin.TimeMS
		if h, err = ask1[wire.Head](s, s.pin, "bob", wire.Pin{Conversation: of, Ext: "f"}); err != nil || h.Pin.Ext != "f" || h.Pin.TimeMS != began {
			t.Errorf("%+v, %v", h.Pin, err)
		}
		if h, err = ask1[wire.Head](s, s.pin, "bob", wire.Pin{Conversation: of, Off: true}); err != nil || h.Pin != nil {
			t.Errorf("%+v, %v", h.Pin, err)
		}
		h, err = ask1[wire.Head](s, s.pin, "bob", wire.Pin{Conversation: "p:carol"}) // nothing was said
		if err != nil || h.Pin == nil || h.MaxSeq != 0 {
			t.Errorf("%+v, %v", h, err)
		}

		h, err = ask1[wire.Head](s, s.clear, "bob", wire.Clear{Conversation: of, Ext: "gone"})
		if err != nil || h.MinSeq != 5 || h.Counted.Always != 0 || h.ReadSeq != 4 || h.Clear == nil || h.Clear.Seq != 4 || h.Clear.Ext != "gone" || h.Last != nil {
			t.Errorf("%+v, %v", h, err)
		}
		if got := s.past("bob", wire.History{Conversation: of}); got != "" {
			t.Errorf("after clearing: %s", got)
		}
		s.sendTo("alice", "bob", text("m9", "x"))
		if got := s.past("bob", wire.History{Conversation: of}); got != "m9" {
			t.Errorf("after clearing: %s", got)
		}
		heads, err := ask1[wire.HeadsPage](s, s.heads, "bob", wire.Heads{})
		if err != nil || len(heads.Heads) != 2 || heads.Heads[0].Counted.Always != 1 || heads.Heads[0].Clear == nil || heads.Heads[0].Deleted != again.Deleted {
			t.Errorf("%+v, %v", heads, err)
		}
	})
}

func TestTooManyPins(t *testing.T) {
	s := newSite(t, unlimited, store.Config{Dir: t.TempDir()})
	for i := range maxPins + 1 {
		name := fmt.Sprint("peer", i)
		s.account(name)
		_, err := ask1[wire.Head](s, s.pin, "bob", wire.Pin{Conversation: "p:" + name})
		if (err != nil) != (i == maxPins) {
			t.Fatalf("pin %d: %v", i, err)
		}
	}
}
