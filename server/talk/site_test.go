package talk

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server/gateway"
	"github.com/libnim/libnim/server/presence"
	"github.com/libnim/libnim/server/store"
	"github.com/libnim/libnim/server/store/storetest"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("NIM_TALK_CHILD"); dir != "" {
		appendForEver(dir)
		return
	}
	storetest.Main(m)
}

// site is a Talk on a store with some accounts.
type site struct {
	t testing.TB
	*Talk
	app string
	ids map[string]int64

	mu     sync.Mutex
	pushed []Push
}

func (s *site) Publish(_ context.Context, _ string, pushes []Push) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pushed = append(s.pushed, pushes...)
}

func (s *site) takePushed() []Push {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.pushed
	s.pushed = nil
	return out
}

var unlimited = Limits{SendRate: -1, ConversationRate: -1}

// onBoth runs a test on each database.
func onBoth(t *testing.T, limits Limits, test func(t *testing.T, s *site)) {
	t.Run("sqlite", func(t *testing.T) { test(t, newSite(t, limits, store.Config{Dir: t.TempDir()})) })
	t.Run("postgres", func(t *testing.T) { test(t, newSite(t, limits, store.Config{URL: storetest.Postgres(t)})) })
}

func newSite(t testing.TB, limits Limits, cfg store.Config) *site {
	t.Helper()
	st, err := store.Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	s := &site{t: t, app: "app", ids: map[string]int64{}}
	s.Talk = New(Config{Store: st, Publish: s, Limits: limits})
	s.exec("INSERT INTO app (id, app_key, rev, state, created_ms, doc, sum) VALUES (1, 'app', 1, 0, 0, '{}', 0)")
	for _, name := range []string{"alice", "bob", "carol", "alice_b", "c", "b_c"} {
		s.account(name)
	}
	return s
}

func (s *site) exec(query string, args ...any) {
	s.t.Helper()
	err := s.store.Update(context.Background(), store.Work{Do: func(tx *store.Tx) error {
		_, err := tx.Exec(query, args...)
		return err
	}})
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) account(name string) {
	s.t.Helper()
	id := int64(100 + len(s.ids))
	s.ids[name] = id
	s.exec("INSERT INTO account (id, app, name, rev, deleted_ms, created_ms, doc, sum) VALUES ($1, 1, $2, 1, 0, 0, '{}', 0)", id, name)
}

// as is a request of an account's device "d".
func (s *site) as(account string, body any) *gateway.Request {
	s.t.Helper()
	data, err := wire.Encode(wire.Frame{Op: "x"}, body)
	if err != nil {
		s.t.Fatal(err)
	}
	f, err := wire.Decode(data)
	if err != nil {
		s.t.Fatal(err)
	}
	return &gateway.Request{
		Frame: f, App: s.app, Account: account, Conn: account + "'s",
		Device: presence.Device{DeviceID: "d", ClientType: 4}, Nick: "Nick of " + account,
	}
}

// ask runs a request and returns its answer as a client sees it.
func ask[T any](s *site, h gateway.Handler, r *gateway.Request) (out T, err error) {
	s.t.Helper()
	answer, err := h(context.Background(), r)
	if err != nil {
		return out, err
	}
	data, err := wire.Encode(wire.Frame{Op: wire.OpReply, ID: 1, Code: 200}, answer)
	if err != nil {
		s.t.Fatal(err)
	}
	f, err := wire.Decode(data)
	if err != nil {
		s.t.Fatalf("%s: %v", data, err)
	}
	if err := f.DecodeBody(&out); err != nil {
		s.t.Fatalf("%s: %v", data, err)
	}
	return out, nil
}

func text(id, body string) wire.Message { return wire.Message{ClientMsgID: id, Body: body} }

func (s *site) sendTo(from, to string, messages ...wire.Message) []wire.SentResult {
	s.t.Helper()
	out, err := ask[wire.Sent](s, s.send, s.as(from, wire.Send{Conversation: "p:" + to, Messages: messages}))
	if err != nil {
		s.t.Fatal(err)
	}
	return out.Results
}

func (s *site) pullAll(who, peer, purpose string) []wire.Entry {
	s.t.Helper()
	var out []wire.Entry
	for from := uint64(1); ; {
		p := s.pullPage(who, wire.Pull{Conversation: "p:" + peer, From: from, For: purpose})
		out = append(out, p.Entries...)
		if !p.More {
			return out
		}
		from = p.High + 1
	}
}

func (s *site) pullPage(who string, p wire.Pull) wire.Pulled {
	s.t.Helper()
	out, err := ask[wire.Pulled](s, s.pull, s.as(who, p))
	if err != nil {
		s.t.Fatal(err)
	}
	seq := out.Low
	for _, e := range out.Entries {
		if e.Seq != seq {
			s.t.Fatalf("entry %d where %d was expected, of %d to %d", e.Seq, seq, out.Low, out.High)
		}
		seq++
	}
	if seq != out.High+1 {
		s.t.Fatalf("entries up to %d of %d to %d", seq-1, out.Low, out.High)
	}
	return out
}

func (s *site) headsOf(who string, cursor *string, limit int) map[string]wire.Head {
	s.t.Helper()
	out := map[string]wire.Head{}
	h := wire.Heads{Cursor: *cursor, Limit: limit}
	for {
		page, err := ask[wire.HeadsPage](s, s.heads, s.as(who, h))
		if err != nil {
			s.t.Fatal(err)
		}
		for _, head := range page.Heads {
			out[head.Conversation] = head
		}
		if h.Page = page.Page; !page.More {
			*cursor = page.Cursor
			return out
		}
	}
}

// checkNumbers looks at all entries: numbers without holes, times that rise.
func checkNumbers(t *testing.T, s *site) (n int) {
	t.Helper()
	err := s.store.Update(context.Background(), store.Work{Do: func(tx *store.Tx) error {
		next, last := map[int64]int64{}, map[int64]int64{}
		ids, keys := map[int64]bool{}, map[string]bool{}
		for _, e := range readEntries(t, tx) {
			n++
			next[e.Conversation]++
			key := fmt.Sprint(e.Conversation, e.Sender, string(e.ClientMsgID))
			if e.Seq != next[e.Conversation] || e.TimeMS <= last[e.Conversation] || ids[e.ID] || keys[key] || e.check() != nil {
				t.Errorf("entry %d of %d: time %d after %d, number %d", e.Seq, e.Conversation, e.TimeMS, last[e.Conversation], e.ID)
			}
			last[e.Conversation] = e.TimeMS
			ids[e.ID], keys[key] = true, true
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
