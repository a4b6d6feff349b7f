package sqlite

import (
	"fmt"
	"slices"
	"testing"

	"github.com/libnim/libnim/core/store"
)

// TestPagesMissNothing pages through random messages, many of equal times, in
// both directions and by both kinds of anchor, and compares with all of them.
func TestPagesMissNothing(t *testing.T) {
	onEach(t, func(t *testing.T, open func() store.Store) {
		r, s := seeded(t), open()
		all := map[string][]store.Message{}
		for i := range 300 {
			c := []string{"p:bob", "t:1"}[r.IntN(2)]
			m := message(c, []string{"me", "bob"}[r.IntN(2)], numbered(i), int64(r.IntN(2)*(i+1)), int64(1000*(1+r.IntN(40))), "x")
			m.Type = int32(r.IntN(3))
			put(t, s, m)
			all[c], all[""] = append(all[c], *m), append(all[""], *m)
		}
		for range 60 {
			q := store.Query{Conversation: []string{"p:bob", "t:1", ""}[r.IntN(3)], OldestFirst: r.IntN(2) == 0, Limit: 1 + r.IntN(30)}
			if r.IntN(2) == 0 {
				q.After = int64(1000 * r.IntN(20))
				q.Before = q.After + int64(1000*(1+r.IntN(30)))
			}
			if r.IntN(3) == 0 {
				q.Types, q.Exclude = []int32{0, 2}, r.IntN(2) == 0
			}
			if r.IntN(4) == 0 {
				q.Sender = "bob"
			}
			if q.Conversation == "" && r.IntN(2) == 0 {
				q.Kinds = "t"
			}
			want := expected(all[q.Conversation], q)
			if got := walk(t, s, q, r.IntN(2) == 0); !slices.Equal(got, ids(want)) {
				t.Fatalf("%+v:\n got %v\nwant %v", q, got, ids(want))
			}
		}
	})
}

// expected is what a query without a limit must give.
func expected(all []store.Message, q store.Query) []store.Message {
	var want []store.Message
	for _, m := range all {
		if (q.Kinds == "" || q.Kinds == m.Conversation[:1]) && (q.After == 0 || m.Time > q.After) && (q.Before == 0 || m.Time < q.Before) &&
			(len(q.Types) == 0 || slices.Contains(q.Types, m.Type) != q.Exclude) && (q.Sender == "" || m.Sender == q.Sender) {
			want = append(want, m)
		}
	}
	slices.SortFunc(want, func(a, b store.Message) int {
		if q.OldestFirst {
			return a.Position().Compare(b.Position())
		}
		return b.Position().Compare(a.Position())
	})
	return want
}

// walk pages to the end, by the time of the last message or by its position.
func walk(t *testing.T, s store.Store, q store.Query, byTime bool) []string {
	got := []string{}
	for {
		page := must[[]store.Message](t)(s.Messages(q))
		got = append(got, ids(page)...)
		if len(page) < q.Limit {
			return got
		}
		last := page[len(page)-1]
		switch {
		case !byTime:
			q.From = last.Position()
		case q.OldestFirst:
			q.After = last.Time
		default:
			q.Before = last.Time
		}
	}
}

func TestConversationsComeNewestFirst(t *testing.T) {
	s := mustOpen(t, store.Options{})
	update(t, s, func(tx store.Tx) error {
		for i, at := range []int64{300, 100, 200} {
			if err := tx.PutConversation(&store.Conversation{Name: fmt.Sprint("p:", i), LastTime: at}); err != nil {
				return err
			}
		}
		return nil
	})
	var names []string
	for _, c := range must[[]store.Conversation](t)(s.Conversations()) {
		names = append(names, c.Name)
	}
	if want := []string{"p:0", "p:2", "p:1"}; !slices.Equal(names, want) {
		t.Errorf("%v, want %v", names, want)
	}
}

// TestTheLastMessageIsOneThatCanBeShown: what was deleted or hidden is none.
func TestTheLastMessageIsOneThatCanBeShown(t *testing.T) {
	s := mustOpen(t, store.Options{})
	m := message("p:bob", "bob", "1", 1, 100, "x")
	put(t, s, m)
	update(t, s, func(tx store.Tx) error { return tx.PutConversation(&store.Conversation{Name: "p:bob", LastRow: m.Row}) })
	last := func() *store.Message { return must[*store.Conversation](t)(s.Conversation("p:bob")).Last }
	if last() == nil {
		t.Fatal("no last message")
	}
	m.Flags = store.FlagGone
	put(t, s, m)
	update(t, s, func(tx store.Tx) error { return tx.PutConversation(&store.Conversation{Name: "p:bob", LastRow: m.Row}) })
	if m := last(); m != nil {
		t.Errorf("a hidden one: %+v", m)
	}
}
