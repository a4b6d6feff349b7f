package engine

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/nimerr"
)

// me is the account under test, device its device.
const (
	me     = "me"
	device = "this device"
)

// A server is a nimd as one account sees it: conversations that outlive links.
type server struct {
	mu     sync.Mutex
	rand   *rand.Rand
	epoch  uint64
	convs  map[string]*room
	stamp  int
	nextID uint64
	refuse func(backend.Request) *nimerr.Error // nil: nothing is refused
	quiet  bool                                // pushes nothing
	raw    bool                                // has no counters, and stores an id twice
	asked  []backend.Request
}

// A room is a conversation of it.
type room struct {
	of       backend.Conv
	entries  []backend.Entry // seq 1 …
	min      uint64
	read     uint64
	peerRead uint64
	stamp    int
	last     time.Time
}

func newServer(r *rand.Rand) *server {
	return &server{rand: r, epoch: 7, convs: map[string]*room{}, nextID: 1000}
}

// set changes what it does.
func (s *server) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// stored is what it has of a conversation.
func (s *server) stored(of backend.Conv) (entries []backend.Entry, read uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.room(of)
	return slices.Clone(r.entries), r.read
}

func p2p(id string) backend.Conv { return backend.Conv{Kind: backend.P2P, ID: id} }

func (s *server) room(of backend.Conv) *room {
	r := s.convs[of.Name()]
	if r == nil {
		r = &room{of: of, min: 1}
		s.convs[of.Name()] = r
	}
	return r
}

// add stores a message and returns its entry; an id that is known is not stored
// again.
func (s *server) add(of backend.Conv, sender, dev string, m backend.Message) (backend.Entry, bool) {
	r := s.room(of)
	for _, e := range r.entries {
		if e.Sender == sender && e.ClientID == m.ClientID && !s.raw {
			return e, true
		}
	}
	s.nextID++
	s.stamp++
	r.stamp = s.stamp
	now := time.Now()
	if !now.After(r.last) {
		now = r.last.Add(time.Millisecond)
	}
	r.last = now
	e := backend.Entry{
		Seq: uint64(len(r.entries)) + 1, ServerID: s.nextID, Time: now.Truncate(time.Millisecond),
		Sender: sender, SenderDev: dev, Message: m,
	}
	r.entries = append(r.entries, e)
	return e, false
}

// headOf is what the account has of a conversation.
func (s *server) headOf(r *room) backend.Head {
	h := r.head()
	if s.raw {
		h.Always, h.UnreadRaw, h.Last = 0, true, nil
	}
	return h
}

// head is counted from the entries.
func (r *room) head() backend.Head {
	h := backend.Head{Conv: r.of, MaxSeq: uint64(len(r.entries)), MinSeq: r.min, ReadSeq: r.read, PeerRead: r.peerRead, Time: r.last}
	for i := range r.entries {
		e := &r.entries[i]
		if e.Kind == backend.KindRecall {
			continue
		}
		if e.Recalled != nil && e.Seq > r.read && e.Sender != me && e.Settings&(backend.NoBadge|backend.NoOffline|backend.NoUpdateSession) == 0 {
			h.Recalled++
		}
		if e.Seq > r.read && e.Sender != me && e.Settings&(backend.NoBadge|backend.NoOffline|backend.NoUpdateSession) == 0 && !e.Stub {
			h.Always++
		}
		if !e.Stub && e.Recalled == nil && e.Seq >= r.min {
			last := *e // the engine reads it after the server has gone on
			h.Last = &last
		}
	}
	return h
}

// handle does a request and returns its answer.
func (s *server) handle(l *link, r backend.Request) backend.Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, r)
	if s.refuse != nil {
		if err := s.refuse(r); err != nil {
			return backend.Result{Err: err}
		}
	}
	switch r := r.(type) {
	case backend.Send:
		sent := backend.Sent{}
		for _, m := range r.Messages {
			e, again := s.add(r.Conv, me, device, m)
			l.push(backend.Entries{Conv: r.Conv, Entries: []backend.Entry{e}, MaxSeq: e.Seq})
			sent.Results = append(sent.Results, backend.SentResult{
				ClientID: m.ClientID, Seq: e.Seq, ServerID: e.ServerID, Time: e.Time, Repeated: again,
			})
		}
		return backend.Result{Body: sent}
	case backend.Heads:
		return backend.Result{Body: s.heads(r)}
	case backend.Pull:
		return backend.Result{Body: s.pull(r)}
	case backend.Read:
		c := s.room(r.Conv)
		if !r.ReceiptOnly {
			c.read = max(c.read, min(r.Seq, uint64(len(c.entries))))
		}
		s.stamp++
		c.stamp = s.stamp
		return backend.Result{Body: backend.HeadChanged{Head: s.headOf(c)}}
	case backend.Recall:
		for _, e := range s.room(r.Conv).entries {
			if e.Sender == me && e.ClientID == r.ClientID {
				by := s.recall(r.Conv, e.Seq, me, device, r.Said)
				l.push(backend.Entries{Conv: r.Conv, Entries: []backend.Entry{by}, MaxSeq: by.Seq})
				return backend.Result{Body: backend.RecallDone{Seq: by.Seq, Time: by.Time, MessageTime: e.Time}}
			}
		}
		return backend.Result{Err: nimerr.NotFound.New("")}
	}
	return backend.Result{Err: nimerr.NotSupported.New("")}
}

// recall blanks an entry and returns the one that says so, which may be there.
func (s *server) recall(of backend.Conv, seq uint64, by, dev string, said backend.RecallSaid) backend.Entry {
	r := s.room(of)
	e := &r.entries[seq-1]
	if e.Recalled != nil {
		return r.entries[e.Recalled.Seq-1]
	}
	it, _ := s.add(of, by, dev, backend.Message{ClientID: fmt.Sprint("recall of ", seq)})
	e, last := &r.entries[seq-1], &r.entries[it.Seq-1]
	last.Kind, last.Message = backend.KindRecall, backend.Message{}
	last.Target = &backend.Target{Seq: seq, Sender: e.Sender, ClientID: e.ClientID, ServerID: e.ServerID, Time: e.Time, RecallSaid: said}
	e.Recalled = &backend.Recalled{Seq: it.Seq, By: by, Time: it.Time}
	e.Body, e.Content = "", nil
	return *last
}

// takesBack is a recall by somebody else, or by another device of the account.
func (w *world) takesBack(of backend.Conv, seq uint64) {
	w.server.mu.Lock()
	by := w.server.recall(of, seq, w.server.room(of).entries[seq-1].Sender, "another device", backend.RecallSaid{Notify: "gone"})
	l, quiet := w.link, w.server.quiet
	w.server.mu.Unlock()
	if l != nil && !quiet {
		l.push(backend.Entries{Conv: of, Entries: []backend.Entry{by}, MaxSeq: by.Seq})
	}
}

func (s *server) heads(r backend.Heads) backend.HeadsPage {
	p := backend.HeadsPage{Epoch: s.epoch}
	since, epoch := 0, s.epoch
	if r.Cursor != "" {
		fmt.Sscanf(r.Cursor, "%d/%d", &epoch, &since)
	}
	if epoch != s.epoch {
		since, p.Reset = 0, true
	}
	var list []*room
	for _, c := range s.convs {
		if c.stamp >= since && len(c.entries) > 0 {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b *room) int {
		return cmp.Or(cmp.Compare(b.stamp, a.stamp), cmp.Compare(a.of.ID, b.of.ID))
	})
	begin, mark := 0, s.stamp
	if r.Page != "" {
		fmt.Sscanf(r.Page, "%d/%d", &begin, &mark)
	}
	const size = 5
	for i := begin; i < min(len(list), begin+size); i++ {
		p.Heads = append(p.Heads, s.headOf(list[i]))
	}
	if p.More = begin+size < len(list); p.More {
		p.Page = fmt.Sprintf("%d/%d", begin+size, mark)
	}
	p.Cursor = fmt.Sprintf("%d/%d", s.epoch, mark)
	return p
}

func (s *server) pull(r backend.Pull) backend.Pulled {
	c := s.room(r.Conv)
	top := uint64(len(c.entries))
	from, to := max(r.From, 1, c.min), r.To
	if to == 0 || to > top {
		to = top
	}
	p := backend.Pulled{Epoch: s.epoch, Floor: c.min}
	limit := uint64(r.Limit)
	if s.rand != nil {
		limit = 1 + s.rand.Uint64N(limit)
	}
	if from > to {
		return p
	}
	if p.More = to-from+1 > limit; p.More {
		if r.Newest {
			from = to - limit + 1
		} else {
			to = from + limit - 1
		}
	}
	p.Low, p.High = from, to
	p.Entries = slices.Clone(c.entries[from-1 : to])
	return p
}

// arrive is a message of somebody else, or of another device of the account.
func (w *world) arrive(of backend.Conv, sender string, m backend.Message) backend.Entry {
	w.server.mu.Lock()
	e, _ := w.server.add(of, sender, "another device", m)
	l, quiet := w.link, w.server.quiet
	w.server.mu.Unlock()
	if l != nil && !quiet {
		l.push(backend.Entries{Conv: of, Entries: []backend.Entry{e}, MaxSeq: e.Seq})
	}
	return e
}

// A link is one connection of a session. What the server says comes out in
// order, after a while; when it is cut, the rest is lost.
type link struct {
	w       *world
	mu      sync.Mutex
	cut     bool
	wire    map[int]func(backend.Result)
	next    int
	queue   []func()
	running bool
	sending map[backend.Conv]bool
}

func (l *link) enqueue(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queue = append(l.queue, f)
	if !l.running {
		l.running = true
		time.AfterFunc(l.w.delay(), l.run)
	}
}

func (l *link) run() {
	l.mu.Lock()
	if l.cut || len(l.queue) == 0 {
		l.running = false
		l.mu.Unlock()
		return
	}
	f := l.queue[0]
	l.queue = l.queue[1:]
	l.mu.Unlock()
	f()
	time.AfterFunc(l.w.delay(), l.run)
}

// push says something unasked; some of it is lost, held up, or said twice.
func (l *link) push(e backend.Event) {
	switch l.w.chance(12) {
	case 1:
		return
	case 2:
		time.AfterFunc(l.w.delay()*20, func() { l.enqueue(func() { l.deliver(e) }) })
		return
	case 3:
		l.enqueue(func() { l.deliver(e) })
	}
	l.enqueue(func() { l.deliver(e) })
}

func (l *link) deliver(e backend.Event) {
	l.mu.Lock()
	cut := l.cut
	l.mu.Unlock()
	if !cut {
		l.w.engine.Push(e)
	}
}

// lose cuts the link: what is on the wire ends as unknown.
func (l *link) lose() {
	l.mu.Lock()
	l.cut = true
	wire := l.wire
	l.wire = nil
	l.mu.Unlock()
	for _, done := range wire {
		done(backend.Result{Outcome: backend.Unknown, Err: nimerr.ConnectionLost.New("cut")})
	}
}
