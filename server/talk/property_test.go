package talk

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/libnim/libnim/internal/wire"
)

// seeded is a source of chance whose seed a failure prints.
func seeded(t *testing.T) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	})
	return rand.New(rand.NewPCG(seed, 1))
}

// Many send to each other at once, in batches, some twice: numbers have no holes,
// each message has one, and what was acknowledged is what is kept.
func TestSendersAtOnce(t *testing.T) {
	onBoth(t, unlimited, func(t *testing.T, s *site) {
		names := []string{"alice", "bob", "carol", "c"}
		var all sync.WaitGroup
		var mu sync.Mutex
		acked := map[string]wire.SentResult{} // by sender, receiver and id
		for w := range 8 {
			r := seeded(t)
			all.Go(func() {
				for i := range 20 {
					from, to := names[r.IntN(len(names))], names[r.IntN(len(names))]
					var batch []wire.Message
					for k := range 1 + r.IntN(4) {
						id := fmt.Sprintf("w%d-%d-%d", w, i, k)
						if r.IntN(4) == 0 { // shared by all, so often repeated
							id = fmt.Sprint("shared", r.IntN(5))
						}
						batch = append(batch, text(id, id))
					}
					for _, res := range s.sendTo(from, to, batch...) {
						key := from + ">" + to + ":" + res.ClientMsgID
						mu.Lock()
						if old, known := acked[key]; res.Code != 200 || known && (old.Seq != res.Seq || old.ServerMsgID != res.ServerMsgID || old.TimeMS != res.TimeMS) {
							t.Errorf("%s: %+v, before %+v", key, res, old)
						}
						acked[key] = res
						mu.Unlock()
					}
				}
			})
		}
		all.Wait()
		if n := checkNumbers(t, s); n != len(acked) {
			t.Errorf("%d entries are kept, %d were acknowledged", n, len(acked))
		}
		for _, a := range names {
			for _, b := range names {
				entries, others := s.pullAll(a, b, ""), s.pullAll(b, a, "")
				if len(entries) != len(others) {
					t.Errorf("%s and %s see %d and %d entries", a, b, len(entries), len(others))
				}
				for _, e := range entries {
					to := b
					if e.Sender == b {
						to = a
					}
					if got := acked[e.Sender+">"+to+":"+e.ClientMsgID]; got.Seq != e.Seq || got.ServerMsgID != e.ServerMsgID || e.Body != e.ClientMsgID {
						t.Errorf("entry %+v was acknowledged as %+v", e, got)
					}
				}
			}
		}
	})
}

// The heads' counters are those of a model that looks at every message.
func TestUnreadIsExact(t *testing.T) {
	onBoth(t, unlimited, func(t *testing.T, s *site) {
		r := seeded(t)
		type message struct {
			sender            string
			counted, recalled bool
		}
		for round := range 5 {
			a, b := fmt.Sprint("x", round), fmt.Sprint("y", round)
			s.account(a)
			s.account(b)
			var log []message
			read, told := map[string]int{}, map[string]int{}
			for range 30 {
				me, peer := a, b
				if r.IntN(2) == 0 {
					me, peer = b, a
				}
				switch n := r.IntN(10); {
				case n < 6:
					m := text(fmt.Sprint(len(log)), "x")
					flags, zero := r.IntN(8), 0
					if flags == 1 {
						m.Badge = &zero
					} else if flags == 2 {
						m.UpdateSession = &zero
					} else if flags == 3 {
						m.Offline = &zero
					}
					s.sendTo(me, peer, m)
					log = append(log, message{sender: me, counted: flags == 0 || flags > 3})
				case n < 9:
					seq, silent := r.IntN(len(log)+3), r.IntN(2) == 0
					h, err := ask[wire.Head](s, s.read, s.as(me, wire.Read{Conversation: "p:" + peer, Seq: uint64(seq), Silent: silent}))
					if err != nil {
						t.Fatal(err)
					}
					read[me] = max(read[me], min(seq, len(log)))
					if !silent {
						told[me] = max(told[me], min(seq, len(log)))
					}
					if h.ReadSeq != uint64(read[me]) {
						t.Fatalf("read up to %d of %d: the mark is %d, want %d", seq, len(log), h.ReadSeq, read[me])
					}
				case len(log) > 0:
					i := r.IntN(len(log))
					log[i].recalled = true
					damageEntry(s, fmt.Sprintf("UPDATE entry SET recalled_seq = 1 WHERE seq = %d AND conversation = (SELECT max(id) FROM conversation)", i+1), true)
				}
				for _, who := range []string{a, b} {
					peer := b
					if who == b {
						peer = a
					}
					var want, recalled uint64
					for i, m := range log {
						if i+1 > read[who] && m.sender != who && m.counted {
							want++
							if m.recalled {
								recalled++
							}
						}
					}
					cursor := ""
					h := s.headsOf(who, &cursor, 0)["p:"+peer]
					if h.Counted.Always != want || h.Recalled != recalled || h.ReadSeq != uint64(read[who]) || h.PeerRead != uint64(told[peer]) ||
						h.MaxSeq != uint64(len(log)) {
						t.Fatalf("%s has %+v, want unread %d, recalled %d, read %d, the peer's %d, max %d", who, h, want, recalled, read[who], told[peer], len(log))
					}
				}
			}
		}
	})
}

// A device asks again and again what changed, in small pages, while others write:
// in the end it has what a device has that asks once.
func TestHeadsSkipNothing(t *testing.T) {
	onBoth(t, unlimited, func(t *testing.T, s *site) {
		var peers []string
		for i := range 25 {
			peers = append(peers, fmt.Sprint("peer", i))
			s.account(peers[i])
		}
		ctx, stop := context.WithCancel(context.Background())
		var all sync.WaitGroup
		for w := range 4 {
			r := seeded(t)
			all.Go(func() {
				for i := 0; ctx.Err() == nil; i++ {
					peer := peers[r.IntN(len(peers))]
					if r.IntN(3) == 0 {
						if _, err := ask[wire.Head](s, s.read, s.as("alice", wire.Read{Conversation: "p:" + peer, Seq: 1 << 40})); err != nil {
							t.Error(err)
							return
						}
						continue
					}
					s.sendTo(peer, "alice", text(fmt.Sprint(w, "-", i), "x"))
				}
			})
		}
		known, cursor := map[string]wire.Head{}, ""
		for deadline := time.Now().Add(20 * time.Second); len(known) < len(peers) && time.Now().Before(deadline); {
			maps.Copy(known, s.headsOf("alice", &cursor, 3))
		}
		stop()
		all.Wait()
		maps.Copy(known, s.headsOf("alice", &cursor, 3))
		none := ""
		whole := s.headsOf("alice", &none, 0)
		if len(known) != len(whole) || len(known) < len(peers) {
			t.Errorf("%d conversations are known of %d", len(known), len(whole))
		}
		for name, want := range whole {
			if got := known[name]; got.MaxSeq != want.MaxSeq || got.ReadSeq != want.ReadSeq || got.Counted != want.Counted ||
				got.Last == nil || got.Last.Seq != want.Last.Seq {
				t.Errorf("%s: %+v, want %+v", name, got, want)
			}
		}
		if again := s.headsOf("alice", &cursor, 0); len(again) > len(whole)/2 {
			t.Errorf("with a cursor %d of %d come again", len(again), len(whole))
		}
	})
}

// A cursor of another epoch starts over, and so does a page.
func TestHeadsOfAnotherEpoch(t *testing.T) {
	onBoth(t, unlimited, func(t *testing.T, s *site) {
		s.sendTo("bob", "alice", text("1", "x"))
		s.sendTo("carol", "alice", text("1", "x"))
		for _, h := range []wire.Heads{{Cursor: "9.1000000"}, {Page: "9.5.1000000.3.3"}} {
			page, err := ask[wire.HeadsPage](s, s.heads, s.as("alice", h))
			if err != nil || !page.Reset || len(page.Heads) != 2 || page.Epoch != 1 {
				t.Errorf("%+v: %+v, %v", h, page, err)
			}
		}
		for _, h := range []wire.Heads{{Cursor: "x"}, {Page: "1.2"}} {
			if _, err := ask[wire.HeadsPage](s, s.heads, s.as("alice", h)); err == nil {
				t.Errorf("%+v was taken", h)
			}
		}
	})
}

func TestReading(t *testing.T) {
	onBoth(t, unlimited, func(t *testing.T, s *site) {
		h, err := ask[wire.Head](s, s.read, s.as("alice", wire.Read{Conversation: "p:bob", Seq: 5}))
		if err != nil || h.MaxSeq != 0 || h.MinSeq != 1 {
			t.Errorf("a conversation that is none: %+v, %v", h, err)
		}
		if n := len(s.takePushed()); n != 0 {
			t.Errorf("%d pushes about nothing", n)
		}
		s.sendTo("bob", "alice", text("1", "x"), text("2", "x"))
		s.takePushed()
		read := func(seq uint64, silent bool) []Push {
			if _, err := ask[wire.Head](s, s.read, s.as("alice", wire.Read{Conversation: "p:bob", Seq: seq, Silent: silent})); err != nil {
				t.Fatal(err)
			}
			return s.takePushed()
		}
		if p := read(1, true); len(p) != 1 || p[0].Account != "alice" || p[0].Except != "d" || p[0].Op != wire.OpHead {
			t.Errorf("a silent mark pushed %+v", p)
		}
		if p := read(1, false); len(p) != 2 || p[1].Account != "bob" || p[1].Body.(*head).PeerRead != 1 || p[1].Conversation != "p:alice" {
			t.Errorf("a receipt pushed %+v", p)
		}
		if p := read(1, false); len(p) != 0 {
			t.Errorf("nothing new pushed %+v", p)
		}
	})
}
