package sqlite

import (
	"bytes"
	"errors"
	"maps"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/libnim/libnim/core/store"
)

func TestWhatIsPutComesBack(t *testing.T) {
	onEach(t, func(t *testing.T, open func() store.Store) {
		s := open()
		c := store.Conversation{Name: "p:bob", MinSeq: 1, MaxSeq: 9, ReadSeq: 2, ToldSeq: 3, PeerRead: 4, Zeroed: 5, ReceiptTime: 6,
			PeerReceiptTime: 7, Unread: store.Unread{Server: 8, Hidden: 9, Extra: 10}, Flags: store.FlagListed | 1<<9, LastTime: 11,
			Held: []store.Range{{First: 1, Last: 1}, {First: 5, Last: 1 << 52}}, Cursor: "c\x00", Data: "数", Content: []byte("{}")}
		// What text can hold: 4-byte characters, NUL, bytes that are no UTF-8.
		m := &store.Message{Key: store.Key{Conversation: "p:bob", Sender: "b'\"ob", ClientID: "c\x00\xff1"}, Seq: 9, ServerID: 1<<53 - 1,
			Time: 1764500000123, Type: 100, SubType: 1, Status: store.StatusUnread, SubStatus: 20, Flags: 1 << 40,
			Text: "你好 🙂\x00\xff", Content: []byte("{\"a\":\"\\u0000\"}\x00")}
		n := store.Notice{ID: 1<<53 - 2, Seq: 3, Time: 4, Type: 5, Status: 0, Flags: 1 << 8, Sender: "a", ClientID: "b", Content: []byte("x")}
		update(t, s, func(tx store.Tx) error {
			fresh, err := false, tx.PutConversation(&c)
			if err == nil {
				fresh, err = tx.PutMessage(m)
			}
			if !fresh || m.Row == 0 {
				t.Errorf("fresh %v, row %d", fresh, m.Row)
			}
			c.LastRow = m.Row
			return errors.Join(err, tx.PutConversation(&c), tx.PutValue("heads", []byte{0, 1}), tx.PutValue("empty", []byte{}),
				second(tx.PutNotice(&n)))
		})
		if !s.InMemory() {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = open()
		}
		c.Last = m
		got := must[[]store.Conversation](t)(s.Conversations())
		if len(got) != 1 || !reflect.DeepEqual(got[0], c) {
			t.Errorf("conversations: %+v, want %+v", got, c)
		}
		for what, get := range map[string]func() (*store.Message, error){
			"by key":       func() (*store.Message, error) { return s.Message(m.Key) },
			"by id":        func() (*store.Message, error) { return s.MessageByID(m.ClientID) },
			"by server id": func() (*store.Message, error) { return s.MessageByServerID("p:bob", m.ServerID) },
			"newest":       func() (*store.Message, error) { return s.Newest("p:bob", 1, 2) },
		} {
			if got := must[*store.Message](t)(get()); !reflect.DeepEqual(got, m) {
				t.Errorf("%s: %+v, want %+v", what, got, m)
			}
		}
		if got := must[*store.Notice](t)(s.Notice(n.ID)); !reflect.DeepEqual(got, &n) {
			t.Errorf("notice: %+v, want %+v", got, n)
		}
		if got := must[[]byte](t)(s.Value("heads")); !bytes.Equal(got, []byte{0, 1}) {
			t.Errorf("value: %v", got)
		}
		if got := must[[]byte](t)(s.Value("empty")); got == nil {
			t.Error("an empty value is no value")
		}
	})
}

func second[T any](_ T, err error) error { return err }

func TestNothingThere(t *testing.T) {
	s := mustOpen(t, store.Options{})
	put(t, s, message("p:bob", "bob", "1", 1, 1, "x"))
	if c, err := s.Conversation("p:nobody"); c != nil || err != nil {
		t.Errorf("conversation: %v, %v", c, err)
	}
	for _, get := range []func() (*store.Message, error){
		func() (*store.Message, error) {
			return s.Message(store.Key{Conversation: "p:bob", Sender: "bo", ClientID: "1"})
		},
		func() (*store.Message, error) { return s.MessageByID("2") },
		func() (*store.Message, error) { return s.MessageByServerID("p:bob", 0) },
		func() (*store.Message, error) { return s.Newest("p:bob", 0) },
	} {
		if m, err := get(); m != nil || err != nil {
			t.Errorf("message: %v, %v", m, err)
		}
	}
	if v, err := s.Value("none"); v != nil || err != nil {
		t.Errorf("value: %v, %v", v, err)
	}
	err := s.Update(func(tx store.Tx) error { return second(tx.PutMessage(message("p:carol", "carol", "1", 1, 1, "x"))) })
	if !errors.Is(err, store.ErrUnusable) {
		t.Errorf("a message of no conversation: %v", err)
	}
}

func TestOneRowForAKey(t *testing.T) {
	onEach(t, func(t *testing.T, open func() store.Store) {
		s := open()
		m := message("p:bob", "me", "1", 0, 100, "first")
		put(t, s, m)
		row := m.Row
		again := message("p:bob", "me", "1", 7, 200, "second")
		again.Status = store.StatusSent
		update(t, s, func(tx store.Tx) error {
			fresh, err := tx.PutMessage(again)
			if fresh || again.Row != row {
				t.Errorf("fresh %v, row %d, was %d", fresh, again.Row, row)
			}
			return err
		})
		// Another sender, and another conversation, may use the same id.
		put(t, s, message("p:bob", "bob", "1", 8, 300, "third"), message("p:carol", "carol", "1", 1, 400, "fourth"))
		if all := must[[]store.Message](t)(s.Messages(store.Query{})); len(all) != 3 {
			t.Fatalf("%d rows, want 3: %v", len(all), all)
		}
		if m := must[*store.Message](t)(s.MessageByID("1")); m == nil || m.Text != "second" {
			t.Errorf("by id: %v, want the own one", m)
		}
		update(t, s, func(tx store.Tx) error { return second(tx.DeleteMessages(store.Selection{Row: row})) })
		if m := must[*store.Message](t)(s.MessageByID("1")); m == nil || m.Text != "fourth" {
			t.Errorf("by id: %v, want the newest", m)
		}
	})
}

func TestANumberBelongsToOneMessage(t *testing.T) {
	s := mustOpen(t, store.Options{})
	put(t, s, message("p:bob", "bob", "1", 5, 100, "x"), message("p:bob", "bob", "2", 6, 200, "y"))
	put(t, s, message("p:bob", "bob", "3", 5, 300, "z"), message("p:bob", "bob", "2", 5, 200, "y"))
	got := must[[]store.Message](t)(s.MessagesBySeq("p:bob", 1, 100, 0))
	wantIDs(t, "by seq", got, "2")
	for _, id := range []string{"1", "3"} {
		if m := must[*store.Message](t)(s.MessageByID(id)); m == nil || m.Seq != 0 {
			t.Errorf("%s: %+v, want it without a number", id, m)
		}
	}
}

func TestAskingAndGoneAreNotVisible(t *testing.T) {
	onEach(t, func(t *testing.T, open func() store.Store) {
		s := open()
		asking, gone := message("p:bob", "bob", "a", 1, 100, "needle"), message("p:bob", "bob", "g", 2, 200, "needle")
		asking.Flags, gone.Flags = store.FlagAsking, store.FlagGone|1<<8
		asking.Status, gone.Status = store.StatusUnread, store.StatusUnread
		put(t, s, asking, gone)
		search := func() []store.Message {
			return must[store.Found](t)(s.Search(t.Context(), store.Query{Text: "needle"})).Messages
		}
		wantIDs(t, "page", must[[]store.Message](t)(s.Messages(store.Query{})))
		wantIDs(t, "search", search())
		wantIDs(t, "by status", must[[]store.Message](t)(s.MessagesByStatus("", store.StatusUnread, 0)))
		wantIDs(t, "asking", must[[]store.Message](t)(s.Asking()), "a")
		wantIDs(t, "by seq", must[[]store.Message](t)(s.MessagesBySeq("p:bob", 1, 2, 0)), "a", "g")
		if m, err := s.MessageByID("g"); m != nil || err != nil {
			t.Errorf("by id: %v, %v", m, err)
		}
		if m, err := s.Message(gone.Key); m == nil || err != nil {
			t.Errorf("by key: %v, %v", m, err)
		}
		asking.Flags = 0
		put(t, s, asking)
		wantIDs(t, "page", must[[]store.Message](t)(s.Messages(store.Query{})), "a")
		wantIDs(t, "search", search(), "a")
		wantIDs(t, "by status", must[[]store.Message](t)(s.MessagesByStatus("p:bob", store.StatusUnread, 0)), "a")
		asking.Flags = store.FlagGone
		put(t, s, asking)
		wantIDs(t, "search", search())
	})
}

func TestStatusChange(t *testing.T) {
	s := mustOpen(t, store.Options{Self: self})
	for i := range 6 {
		m := message("p:bob", []string{"me", "bob"}[i%2], numbered(i), int64(i+1), int64(100*i), "x")
		m.Status = []int32{store.StatusSent, store.StatusUnread}[i%2]
		put(t, s, m)
	}
	change := func(c store.StatusChange) (n int) {
		update(t, s, func(tx store.Tx) (err error) { n, err = tx.SetStatus(c); return err })
		return n
	}
	sent := store.StatusChange{Conversation: "p:bob", Sender: "me", From: store.StatusSent, To: store.StatusReceipt, After: 0, Until: 200}
	if n := change(sent); n != 2 {
		t.Errorf("receipt: %d, want 2", n)
	}
	if n := change(store.StatusChange{Conversation: "p:carol", From: store.StatusUnread, To: store.StatusRead}); n != 0 {
		t.Errorf("another conversation: %d", n)
	}
	if n := change(store.StatusChange{From: store.StatusUnread, To: store.StatusRead, After: 100}); n != 2 {
		t.Errorf("read: %d, want 2", n)
	}
	wantIDs(t, "left", must[[]store.Message](t)(s.MessagesByStatus("", store.StatusUnread, 0)), numbered(1))
	wantIDs(t, "sent", must[[]store.Message](t)(s.MessagesByStatus("p:bob", store.StatusSent, 0)), numbered(4))
}

func TestDeletions(t *testing.T) {
	onEach(t, func(t *testing.T, open func() store.Store) {
		s := open()
		for _, c := range []string{"p:bob", "t:1", "s:2"} {
			for i := range 3 {
				put(t, s, message(c, "bob", c+numbered(i), int64(i+1), int64(100*i), "needle"))
			}
		}
		left := func(want int) {
			t.Helper()
			all := must[[]store.Message](t)(s.Messages(store.Query{}))
			found := must[store.Found](t)(s.Search(t.Context(), store.Query{Text: "needle"}))
			if len(all) != want || len(found.Messages) != want {
				t.Errorf("%d rows, %d found, want %d", len(all), len(found.Messages), want)
			}
		}
		remove := func(sel store.Selection) {
			update(t, s, func(tx store.Tx) error { return second(tx.DeleteMessages(sel)) })
		}
		left(9)
		remove(store.Selection{Conversation: "p:bob", After: 0, Until: 100})
		left(7)
		remove(store.Selection{Kinds: "ts", Until: 100})
		left(3)
		update(t, s, func(tx store.Tx) error { return tx.DeleteConversation("t:1") })
		left(2)
		if c, err := s.Conversation("t:1"); c != nil || err != nil {
			t.Errorf("%v, %v", c, err)
		}
		remove(store.Selection{})
		left(0)
		// A message written and deleted in one transaction.
		update(t, s, func(tx store.Tx) error {
			m := message("p:bob", "bob", "x", 1, 1, "needle")
			return errors.Join(second(tx.PutMessage(m)), second(tx.DeleteMessages(store.Selection{Row: m.Row})))
		})
		left(0)
	})
}

func TestForgetSeqs(t *testing.T) {
	s := mustOpen(t, store.Options{})
	put(t, s, message("p:bob", "bob", "1", 1, 100, "x"), message("p:bob", "bob", "2", 2, 200, "y"))
	update(t, s, func(tx store.Tx) error { return tx.ForgetSeqs() })
	wantIDs(t, "by seq", must[[]store.Message](t)(s.MessagesBySeq("p:bob", 0, 9, 0)))
	wantIDs(t, "page", must[[]store.Message](t)(s.Messages(store.Query{})), "2", "1")
}

func TestNotices(t *testing.T) {
	onEach(t, func(t *testing.T, open func() store.Store) {
		s := open()
		update(t, s, func(tx store.Tx) error {
			for i, kind := range []int32{0, 2, 5, 100, 2} {
				n := &store.Notice{ID: int64(i + 1), Time: int64(100 * (i / 2)), Type: kind, Content: []byte{byte(i)}}
				if fresh, err := tx.PutNotice(n); err != nil || !fresh {
					t.Errorf("%v, %v", fresh, err)
				}
			}
			return second(tx.PutNotice(&store.Notice{ID: 9, Flags: store.FlagAsking}))
		})
		unread, system := int32(0), store.NoticeQuery{Below: 100}
		system.Status = &unread
		want := func(what string, q store.NoticeQuery, want ...int64) {
			t.Helper()
			var got []int64
			for _, n := range must[[]store.Notice](t)(s.Notices(q)) {
				got = append(got, n.ID)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %v, want %v", what, got, want)
			}
		}
		want("all", store.NoticeQuery{}, 5, 4, 3, 2, 1)
		want("equal times are not cut apart", store.NoticeQuery{Limit: 2}, 5, 4, 3)
		want("before", store.NoticeQuery{Before: 100, Limit: 1}, 2, 1)
		want("types", store.NoticeQuery{Types: []int32{2, 5}}, 5, 3, 2)
		count := func(want int) {
			t.Helper()
			if n := must[int](t)(s.CountNotices(system)); n != want {
				t.Errorf("unread: %d, want %d", n, want)
			}
		}
		count(4)
		update(t, s, func(tx store.Tx) error { return second(tx.SetNoticeStatus(store.NoticeQuery{ID: 3}, 1)) })
		count(3)
		update(t, s, func(tx store.Tx) error { return second(tx.DeleteNotices(store.NoticeQuery{Types: []int32{2}})) })
		count(1)
		want("left", store.NoticeQuery{}, 4, 3, 1)
	})
}

func TestValues(t *testing.T) {
	onEach(t, func(t *testing.T, open func() store.Store) {
		s := open()
		update(t, s, func(tx store.Tx) error {
			for _, name := range []string{"a%", "a%1", "A%1", "b", "好1", "好2"} {
				if err := tx.PutValue(name, []byte(name)); err != nil {
					return err
				}
			}
			return errors.Join(tx.PutValue("b", []byte("new")), tx.PutValue("a%", nil))
		})
		for prefix, want := range map[string]map[string][]byte{
			"a%": {"a%1": []byte("a%1")},
			"好":  {"好1": []byte("好1"), "好2": []byte("好2")},
			"b":  {"b": []byte("new")},
			"c":  {},
		} {
			if got := must[map[string][]byte](t)(s.Values(prefix)); !maps.EqualFunc(got, want, bytes.Equal) {
				t.Errorf("%q: %v, want %v", prefix, got, want)
			}
		}
		update(t, s, func(tx store.Tx) error { return tx.DeleteValues("好") })
		if got := must[map[string][]byte](t)(s.Values("")); len(got) != 3 {
			t.Errorf("left: %v", got)
		}
	})
}

func TestAnUpdateIsAllOrNothing(t *testing.T) {
	path := filepath.Join(tempDir(t), "s.db")
	s := mustOpen(t, store.Options{Path: path})
	put(t, s, message("p:bob", "bob", "1", 1, 100, "needle"))
	stop := errors.New("stop")
	half := func(tx store.Tx) error {
		if err := tx.PutValue("a", []byte("1")); err != nil {
			return err
		}
		return second(tx.PutMessage(message("p:bob", "bob", "1", 1, 100, "other")))
	}
	if err := s.Update(func(tx store.Tx) error { return errors.Join(half(tx), stop) }); !errors.Is(err, stop) {
		t.Errorf("%v", err)
	}
	func() {
		defer func() { _ = recover() }()
		_ = s.Update(func(tx store.Tx) error { _ = half(tx); panic("in the middle") })
	}()
	// A failure that the change hides still undoes it all.
	if err := s.Update(func(tx store.Tx) error {
		_, _ = tx.PutMessage(message("p:none", "x", "1", 1, 1, ""))
		return half(tx)
	}); err == nil {
		t.Error("committed in spite of a failure")
	}
	if v := must[[]byte](t)(s.Value("a")); v != nil {
		t.Errorf("value: %s", v)
	}
	if m := must[*store.Message](t)(s.MessageByID("1")); m.Text != "needle" {
		t.Errorf("text: %q", m.Text)
	}
	if f := must[store.Found](t)(s.Search(t.Context(), store.Query{Text: "other"})); len(f.Messages) != 0 {
		t.Errorf("found: %v", f)
	}
	put(t, s, message("p:bob", "bob", "2", 2, 200, "goes on"))
}

func TestClosed(t *testing.T) {
	onEach(t, func(t *testing.T, open func() store.Store) {
		s := open()
		for range 2 {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
		_, err := s.Conversations()
		_, searching := s.Search(t.Context(), store.Query{Text: "x"})
		for _, err := range []error{err, searching, s.Update(func(store.Tx) error { return nil })} {
			if !errors.Is(err, store.ErrClosed) {
				t.Errorf("%v, want ErrClosed", err)
			}
		}
	})
}
