package engine

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/message"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/core/store"
	"github.com/libnim/libnim/internal/abi"
)

var (
	seedFlag   = flag.Uint64("seed", 0, "seed of the soak; 0 takes the clock's")
	roundsFlag = flag.Int("rounds", 10, "rounds of the soak")
)

// A ledger is what the program was told, and what may be said of it.
type ledger struct {
	filter  bool              // the program has one
	kept    map[string]bool   // what it was asked expired
	told    map[string]int    // receive of (conversation, sender, id), by how often
	last    map[string]uint64 // server id of the newest that was told of a conversation
	acks    map[string]int    // by client id
	code    map[string]int64
	sent    map[string]int // calls by client id
	crashes int
	changed map[string]int64 // unread number that the newest session change told
	total   int64
}

// read takes what has run and checks the order.
func (g *ledger) read(t testing.TB, list []abi.Posting) {
	for _, p := range list {
		r := object(p)
		switch p.Slot() {
		case abi.SlotTalkAck:
			g.acks[r.Get("msg_id").Str]++
			g.code[r.Get("msg_id").Str] = r.Get("rescode").Int()
		case abi.SlotSessionChange:
			g.changed[r.Get("id").Str] = r.Get("unread_count").Int()
			g.total = p.Number(1)
		}
		talk := ""
		for _, m := range messages(p) {
			c := m.Get("content")
			if talk != "" && talk != c.Get("talk_id").Str {
				t.Errorf("an array of two conversations: %v", p)
			}
			talk = c.Get("talk_id").Str
			key := talk + " " + c.Get("from_id").Str + " " + c.Get("client_msg_id").Str
			g.told[key]++
			if g.told[key] > 1 && g.crashes == 0 {
				t.Errorf("%s is told %d times without a crash", key, g.told[key])
			}
			if n := uint64(c.Get("server_msg_id").Uint()); n > g.last[talk] {
				g.last[talk] = n
			} else if g.told[key] == 1 {
				t.Errorf("%s: %d is told after %d", key, n, g.last[talk])
			}
		}
	}
}

// Whatever is cut, lost, late, said twice, restarted or crashed: each message is
// told once and in order, each send is acknowledged once, none stays sending, the
// unread numbers are the server's.
func TestSoak(t *testing.T) {
	seed := *seedFlag
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	for round := range *roundsFlag {
		s := seed + uint64(round)
		t.Run(fmt.Sprint(s), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "m.db")
			synctest.Test(t, func(t *testing.T) { soak(t, s, path) })
			if t.Failed() {
				t.Logf("again with -seed=%d -rounds=1", s)
			}
		})
		if t.Failed() {
			return
		}
	}
}

func soak(t *testing.T, seed uint64, path string) {
	r := rand.New(rand.NewPCG(seed, 2))
	w := &world{t: t, rand: rand.New(rand.NewPCG(seed, 3)), server: newServer(rand.New(rand.NewPCG(seed, 4))), path: path, host: newHost(t)}
	w.host.delay = func() time.Duration { return time.Duration(w.chance(8)) * time.Millisecond }
	if r.IntN(2) == 0 {
		w.host.register(abi.SlotTalkReceiveMsgs, true)
	}
	g := &ledger{kept: map[string]bool{}, told: map[string]int{}, last: map[string]uint64{}, acks: map[string]int{}, code: map[string]int64{}, sent: map[string]int{}, changed: map[string]int64{}}
	g.filter = r.IntN(2) == 0
	w.host.register(abi.SlotTalkRecallMsg, r.IntN(2) == 0)
	peers := []backend.Conv{p2p("ann"), p2p("bob"), p2p("cid"), {Kind: backend.Team, ID: "77"}, p2p(me)}
	options := Options{UncountRecalled: r.IntN(2) == 0}
	takeBack := func() { // one of the newest, by whoever sent it
		of := peers[r.IntN(len(peers))]
		w.server.mu.Lock()
		entries := slices.Clone(w.server.room(of).entries)
		w.server.mu.Unlock()
		if len(entries) == 0 {
			return
		}
		e := entries[len(entries)-1-r.IntN(min(5, len(entries)))]
		switch {
		case e.Kind == backend.KindRecall:
		case e.SenderDev == device:
			w.engine.Recall(0, Recall{Recall: backend.Recall{Conv: of, ClientID: e.ClientID}})
		default:
			w.takesBack(of, e.Seq)
		}
	}
	n := 0
	arrive := func() {
		n++
		of := peers[r.IntN(len(peers))]
		sender := of.ID
		if of.Kind == backend.Team {
			sender = "zoe"
		}
		if r.IntN(5) == 0 {
			sender = me
		}
		m := text(n)
		m.Content = []byte(`{"k":"` + strings.Repeat("x", r.IntN(50)) + `"}`)
		if r.IntN(10) == 0 {
			m.Settings = backend.NoBadge
		}
		w.arrive(of, sender, m)
	}
	send := func() {
		n++
		of := peers[r.IntN(len(peers))]
		d, err := message.Parse(fmt.Sprintf(`{"to_type":%d,"to_accid":%q,"msg_type":0,"client_msg_id":"s%d","msg_body":"x"}`, of.Kind, of.ID, n))
		if err != nil {
			t.Error(err)
			return
		}
		g.sent[d.Wire.ClientID]++
		w.engine.Send(d)
	}
	if g.filter {
		w.host.register(abi.SlotTalkMessageFilter, true)
		asked := 0
		w.host.filter = func(id string) bool { // which calls functions itself
			switch asked++; asked % 5 {
			case 0:
				w.engine.Recent(0, Listing{Limit: -1})
			case 1:
				w.engine.Zero(0, peers[asked%len(peers)])
			case 2:
				w.engine.Want()
			}
			return unwanted(id)
		}
	}
	w.start(options)
	w.online()
	online := true
	for range 150 {
		switch r.IntN(16) {
		case 0, 1, 2, 3, 4:
			for range 1 + r.IntN(6) {
				arrive()
			}
		case 5, 6, 7:
			for range 1 + r.IntN(4) {
				send()
			}
		case 8:
			w.engine.Zero(0, peers[r.IntN(len(peers))])
		case 9: // cut
			if online {
				w.offline(module.Lost)
				online = false
			}
		case 10:
			if !online {
				w.online()
				online = true
			}
		case 11:
			w.engine.Push(backend.Resync{All: true})
		case 14, 15:
			takeBack()
		case 12: // logout, or cleanup, and a new login
			if r.IntN(3) > 0 {
				break
			}
			w.logout(r.IntN(2) == 0)
			settle(time.Second)
			g.read(t, w.host.take())
			w.end()
			w.start(options)
			w.online()
			online = true
		case 13:
			if g.filter && r.IntN(3) == 0 { // the host does not pump
				for _, id := range w.host.stall(5 * time.Second) {
					g.kept[id] = true
				}
			}
			if r.IntN(6) > 0 {
				break
			}
			g.read(t, w.host.take())
			w.crash()
			g.crashes++
			w.start(options)
			w.online()
			online = true
		}
		time.Sleep(time.Duration(r.IntN(300)) * time.Millisecond)
		if r.IntN(20) == 0 {
			time.Sleep(40 * time.Second)
		}
	}
	if !online {
		w.online()
	}
	time.Sleep(2 * time.Minute)
	w.engine.Push(backend.Resync{All: true})
	time.Sleep(2 * time.Minute)
	synctest.Wait()
	g.read(t, w.host.take())
	check(t, w, g, peers, options.UncountRecalled)
	w.logout(false)
	w.end()
	time.Sleep(2 * time.Minute)
}

// unwanted says which messages the filter drops.
func unwanted(id string) bool { return strings.HasSuffix(id, "3") }

func one(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func check(t *testing.T, w *world, g *ledger, peers []backend.Conv, uncount bool) {
	stored := map[string]bool{}
	dropped := map[string]int64{}
	total := int64(0)
	for _, of := range peers {
		room := w.server.room(of)
		for _, e := range room.entries {
			if e.Kind == backend.KindRecall {
				continue
			}
			key := of.ID + " " + e.Sender + " " + e.ClientID
			stored[e.ClientID] = true
			m, err := w.store.Message(store.Key{Conversation: of.Name(), Sender: e.Sender, ClientID: e.ClientID})
			if err != nil || m == nil {
				t.Errorf("%s is not here: %v", key, err)
				continue
			}
			if m.Seq != int64(e.Seq) || m.ServerID != int64(e.ServerID) || m.Time != e.Time.UnixMilli() {
				t.Errorf("%s: %+v, the server has %+v", key, m, e)
			}
			if e.Recalled != nil {
				if m.Visible() || m.Text != "" || len(m.Content) > 2 {
					t.Errorf("%s was recalled and is shown: %+v", key, m)
				}
				if m.Flags&message.FlagDropped != 0 && !uncount {
					dropped[of.Name()] += one(e.Seq > room.read && e.Sender != me && e.Settings == 0)
				}
				continue
			}
			if e.SenderDev == device {
				if m.Status != store.StatusSent {
					t.Errorf("%s was sent and has the status %d", key, m.Status)
				}
				if g.told[key] != 0 {
					t.Errorf("%s was sent here and is told", key)
				}
			} else if m.Flags&message.FlagDropped != 0 {
				if dropped[of.Name()] += one(e.Seq > room.read && e.Sender != me && e.Settings == 0); !g.filter || !unwanted(e.ClientID) || g.told[key] != 0 {
					t.Errorf("%s was dropped, and told %d times", key, g.told[key])
				}
			} else if g.filter && unwanted(e.ClientID) && !g.kept[e.ClientID] {
				t.Errorf("%s is not wanted and was kept: flags %x", key, m.Flags)
			} else if g.told[key] < 1 {
				t.Errorf("%s was never told", key)
			}
		}
		if len(room.entries) == 0 {
			continue
		}
		unread := int64(room.head().Always) - dropped[of.Name()]
		if uncount {
			unread -= int64(room.head().Recalled)
		}
		total += unread
		c, err := w.store.Conversation(of.Name())
		if err != nil || c == nil || c.Unread.Total() != unread {
			t.Errorf("%s: %+v, %v; the server counts %d unread", of.Name(), c, err, unread)
		}
		if told, ok := g.changed[of.ID]; ok && told != unread {
			t.Errorf("%s: %d unread were told, the server counts %d", of.Name(), told, unread)
		}
	}
	if g.total != total {
		t.Errorf("a sum of %d unread was told, the server counts %d", g.total, total)
	}
	for id, calls := range g.sent {
		if g.acks[id] != calls && !(g.crashes > 0 && g.acks[id] < calls) {
			t.Errorf("%s: %d calls, %d acknowledgements", id, calls, g.acks[id])
		}
		if g.code[id] == 200 && !stored[id] {
			t.Errorf("%s was acknowledged and the server does not have it", id)
		}
	}
	if list, err := w.store.MessagesByStatus("", store.StatusSending, 0); err != nil || len(list) > 0 {
		t.Errorf("%d messages stay in sending: %v", len(list), err)
	}
}
