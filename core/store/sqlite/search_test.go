package sqlite

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/libnim/libnim/core/store"
	"github.com/libnim/libnim/internal/fold"
)

// letters are what texts are made of: Chinese, kana, Hangul, Latin in both
// cases and widths, digits, other scripts, punctuation, an emoji.
var letters = []string{"会", "议", "会议", "明", "天", "か", "ｶ", "한", "국", "a", "B", "ab", "Ａ", "é", "É", "ß", "İ", "Ж", "ж", "9", "１",
	" ", " ", "，", ".", "_", "-", "\"", "*", "'", "🙂", "ﬁ", "\n", "\x00", "OR", "NEAR", "c1"}

func randomText(r *rand.Rand, most int) string {
	var b strings.Builder
	for range 1 + r.IntN(most) {
		b.WriteString(letters[r.IntN(len(letters))])
	}
	return b.String()
}

// cut takes a random piece out of a text, between two characters.
func cut(r *rand.Rand, text string) string {
	runes := []rune(text)
	from := r.IntN(len(runes))
	return string(runes[from : from+1+r.IntN(min(6, len(runes)-from))])
}

// TestAnySubstringIsFound: what is searched, however it is cut out of mixed text,
// finds all that hold it and nothing else, newest first.
func TestAnySubstringIsFound(t *testing.T) {
	onEach(t, func(t *testing.T, open func() store.Store) {
		r, s := seeded(t), open()
		var all []store.Message
		var batch []*store.Message
		for i := range 400 {
			m := message([]string{"p:bob", "t:1", "s:9"}[r.IntN(3)], "bob", numbered(i), 0, int64(1+r.IntN(300)), randomText(r, 12))
			batch = append(batch, m)
		}
		put(t, s, batch...)
		// Some are changed, moved in time, hidden, deleted.
		for _, m := range batch {
			switch r.IntN(8) {
			case 0:
				m.Text = randomText(r, 12)
			case 1:
				m.Time = int64(1 + r.IntN(300))
			case 2:
				m.Flags = store.FlagGone
			case 3:
				update(t, s, func(tx store.Tx) error { return second(tx.DeleteMessages(store.Selection{Row: m.Row})) })
				continue
			}
			put(t, s, m)
			if m.Visible() {
				all = append(all, *m)
			}
		}
		for i := range 400 {
			from := all[r.IntN(len(all))]
			q := store.Query{Text: cut(r, from.Text), OldestFirst: r.IntN(4) == 0}
			if !strings.Contains(fold.Text(from.Text), fold.Text(q.Text)) {
				t.Fatalf("%q was cut out of %q", q.Text, from.Text)
			}
			if i%4 == 0 {
				q.Conversation = "t:1"
			}
			if i%5 == 0 {
				q.After, q.Before = int64(r.IntN(100)), int64(150+r.IntN(200))
			}
			if i%7 == 0 {
				q.Kinds = "t"
			}
			want := []store.Message{}
			for _, m := range expected(all, q) {
				if (q.Conversation == "" || q.Conversation == m.Conversation) && strings.Contains(fold.Text(m.Text), fold.Text(q.Text)) {
					want = append(want, m)
				}
			}
			if i%3 == 0 {
				q.Limit = 1 + r.IntN(20)
				want = want[:min(q.Limit, len(want))]
			}
			found := must[store.Found](t)(s.Search(t.Context(), q))
			if found.Incomplete {
				t.Fatalf("%+v: incomplete", q)
			}
			if !sameTimes(found.Messages, want) || q.Limit == 0 && !slices.Equal(ids(found.Messages), ids(want)) {
				t.Fatalf("%+v:\n got %v\nwant %v", q, ids(found.Messages), ids(want))
			}
			for _, m := range found.Messages {
				if !strings.Contains(fold.Text(m.Text), fold.Text(q.Text)) {
					t.Fatalf("%q does not hold %q", m.Text, q.Text)
				}
			}
		}
	})
}

// sameTimes: among messages of one time, a limit may keep any.
func sameTimes(a, b []store.Message) bool {
	return slices.EqualFunc(a, b, func(a, b store.Message) bool { return a.Time == b.Time })
}

func TestWhatPeopleSearch(t *testing.T) {
	onEach(t, func(t *testing.T, open func() store.Store) {
		s := open()
		for i, text := range []string{"明天下午三点在会议室开会议", "Deploy the NEW release v1.10", "发布new版本", "会，议", "合同编号：AB-1234"} {
			put(t, s, message("p:bob", "bob", numbered(i), int64(i+1), int64(100*i+100), text))
		}
		for query, want := range map[string][]string{
			"会议": {numbered(0)}, "会": {numbered(3), numbered(0)}, "new": {numbered(2), numbered(1)}, "eplo": {numbered(1)},
			"ＮＥＷ版": {numbered(2)}, "1.1": {numbered(1)}, "号：ab-12": {numbered(4)}, "议室开": {numbered(0)}, "new re": {numbered(1)},
			"w re": {numbered(1)}, "，": {numbered(3)}, "不在": {}, `"`: {}, "*": {}, "AND": {}, "": {numbered(4), numbered(3), numbered(2), numbered(1), numbered(0)},
		} {
			wantIDs(t, query, must[store.Found](t)(s.Search(t.Context(), store.Query{Text: query})).Messages, want...)
		}
	})
}

// TestTimeIsUp: a search that must read all texts says so when it could not, and
// gives what the index knows.
func TestTimeIsUp(t *testing.T) {
	onEach(t, func(t *testing.T, open func() store.Store) {
		s := open()
		put(t, s, message("p:bob", "bob", "1", 1, 100, "hello world"), message("p:bob", "bob", "2", 2, 200, "othello"))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		found, err := s.Search(ctx, store.Query{Text: "hello"})
		if err != nil || !found.Incomplete {
			t.Fatalf("%+v, %v, want incomplete", found, err)
		}
		if s.(*database).sealer.indexed() {
			wantIDs(t, "of the index", found.Messages, "1")
		}
		if found, err := s.Search(t.Context(), store.Query{Text: "hello"}); err != nil || found.Incomplete || len(found.Messages) != 2 {
			t.Errorf("%+v, %v, want all of 2", found, err)
		}
	})
}

// TestInABubble: the engine is tested under synctest, with this store.
func TestInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := mustOpen(t, store.Options{})
		put(t, s, message("p:bob", "bob", "1", 1, 100, "hello"))
		wantIDs(t, "found", must[store.Found](t)(s.Search(t.Context(), store.Query{Text: "ell"})).Messages, "1")
	})
}

func FuzzSearch(f *testing.F) {
	f.Add("会议室 in the 3rd floor", 0, 2)
	f.Add("\"a\" OR NEAR(b) ﬁ İ", 3, 9)
	s := mustOpen(f, store.Options{})
	f.Fuzz(func(t *testing.T, text string, from, to int) {
		m := message("p:bob", "bob", "1", 1, 100, text)
		put(t, s, m)
		if from < 0 || from >= to || to > len(text) {
			return
		}
		query := text[from:to]
		want := strings.Contains(fold.Text(text), fold.Text(query)) || fold.Text(query) == ""
		if found := must[store.Found](t)(s.Search(t.Context(), store.Query{Text: query})); (len(found.Messages) == 1) != want {
			t.Errorf("%q in %q: found %d, want %v", query, text, len(found.Messages), want)
		}
	})
}

func FuzzFields(f *testing.F) {
	f.Add([]byte{1, 'a', 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		var x, y []byte
		_ = cutFields(b, &x, &y)
		if ranges, err := readRanges(b); err == nil {
			again, err := readRanges(appendRanges(nil, ranges))
			if err != nil || !slices.Equal(ranges, again) {
				t.Errorf("%v, %v, want %v", again, err, ranges)
			}
		}
	})
}
