package openim

import (
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/nimerr"
)

// OpenIM acknowledges messages that it then loses, and tells their numbers only
// with the own push. So a Send is answered when each of its messages was refused,
// or seen: pushed, or pulled. What is not seen is looked for at the end of the
// conversation, and sent again only where such a look covered every number since.
const (
	firstLook = 2 * time.Second
	laterLook = 5 * time.Second
)

// unconfirmed is a Send whose messages were not all seen. It belongs to the
// goroutine in Receive; the list of them is guarded by link.mu.
type unconfirmed struct {
	id      uint64
	conv    backend.Conv
	name    string // of the conversation
	floor   uint64 // numbers up to this one were there before
	data    [][]byte
	results []backend.SentResult
	acked   []time.Time // zero: not acknowledged since it was sent
	open    map[string]int
}

// sendMessages sends each message in an envelope of its own.
func (l *link) sendMessages(id uint64, s backend.Send) error {
	name, ok := conversationID(s.Conv, l.login.Account)
	if !ok {
		return nimerr.ServerCannot.New("OpenIM has no such conversation")
	}
	if len(s.Messages) > maxUnconfirmed {
		return nimerr.InvalidArgument.Newf("%d messages at once, the limit is %d", len(s.Messages), maxUnconfirmed)
	}
	u := &unconfirmed{id: id, conv: s.Conv, name: name, open: map[string]int{}, acked: make([]time.Time, len(s.Messages))}
	now := l.b.wall()
	for i := range s.Messages {
		m := &s.Messages[i]
		data, ok := l.sendRequest(s.Conv, m, now)
		if !ok {
			return nimerr.ServerCannot.Newf("OpenIM has no form for messages of type %d", m.Type)
		}
		u.data = append(u.data, data)
		u.results = append(u.results, backend.SentResult{ClientID: m.ClientID})
		u.open[m.ClientID] = i
	}
	l.mu.Lock()
	u.floor = l.highest[s.Conv]
	l.waiting = append(l.waiting, u)
	l.mu.Unlock()
	for i := range u.data {
		err := l.askSend(u, i)
		switch {
		case err == nil:
		case i == 0:
			l.Forget(id)
			return err
		default: // those before are on the way: these are answered as refused
			bad := nimerr.From(err, nimerr.Busy)
			l.spawn(func() { l.finish(func() backend.Event { return l.refuseFrom(u, i, bad) }) })
			l.lookAfter(u, firstLook)
			return nil
		}
	}
	l.lookAfter(u, firstLook)
	return nil
}

// refuseFrom ends what did not get on the way.
func (l *link) refuseFrom(u *unconfirmed, first int, why *nimerr.Error) backend.Event {
	for i := first; i < len(u.results); i++ {
		u.results[i].Err = why
		delete(u.open, u.results[i].ClientID)
	}
	l.settle(u)
	return nil
}

func (l *link) askSend(u *unconfirmed, i int) error {
	return l.ask(awaited{u.id, func(l *link, r *response, bad *nimerr.Error) { l.acknowledged(u, i, r, bad) }}, opSendMessage, u.data[i])
}

// acknowledged treats the reply to one message.
func (l *link) acknowledged(u *unconfirmed, i int, r *response, bad *nimerr.Error) {
	if bad == nil {
		got, err := sendReply(r.Data, u.results[i].ClientID)
		if err != nil {
			l.end(nimerr.ProtocolError.Newf("reply to a message: %v", err))
			return
		}
		u.acked[i] = time.Now()
		if _, open := u.open[got.ClientID]; open {
			u.results[i] = got
		}
		return
	}
	u.results[i].Err = bad
	delete(u.open, u.results[i].ClientID)
	l.settle(u)
}

// confirm notes which of the messages that wait are among entries.
func (l *link) confirm(c backend.Conv, entries []backend.Entry) {
	l.mu.Lock()
	waiting := append([]*unconfirmed{}, l.waiting...)
	l.mu.Unlock()
	for _, u := range waiting {
		if u.conv != c {
			continue
		}
		for _, e := range entries {
			i, open := u.open[e.ClientID]
			if e.Stub || !open || e.Sender != l.login.Account {
				continue
			}
			r := &u.results[i]
			r.Seq, r.ServerID, r.Text, r.Time = e.Seq, e.ServerID, e.ServerText, e.Time
			delete(u.open, e.ClientID)
		}
		l.settle(u)
	}
}

// settle answers a Send of which nothing is open any more.
func (l *link) settle(u *unconfirmed) {
	if len(u.open) == 0 && l.drop(u.id) {
		l.queue = append(l.queue, backend.Answer{ID: u.id, Body: backend.Sent{Results: u.results}})
	}
}

// drop takes a Send off the list; false: it was not there.
func (l *link) drop(id uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, u := range l.waiting {
		if u.id == id {
			l.waiting = append(l.waiting[:i:i], l.waiting[i+1:]...)
			return true
		}
	}
	return false
}

// waits reports whether a Send is still to be answered.
func (l *link) waits(u *unconfirmed) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range l.waiting {
		if w == u {
			return true
		}
	}
	return false
}

// lookAfter looks for what is open of a Send once a time has passed.
func (l *link) lookAfter(u *unconfirmed, d time.Duration) {
	l.spawn(func() {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
		case <-l.ctx.Done():
			return
		}
		l.finish(func() backend.Event {
			if l.waits(u) {
				l.look(u)
			}
			return nil
		})
	})
}

// look pulls the end of the conversation.
func (l *link) look(u *unconfirmed) {
	asked := time.Now()
	p := backend.Pull{Conv: u.conv, From: u.floor + 1, Limit: 10 * maxUnconfirmed}
	reply := func(l *link, r *response, bad *nimerr.Error) {
		if bad != nil || !l.waits(u) {
			l.lookAfter(u, laterLook)
			return
		}
		out, err := pullReply(r.Data, u.name, &p)
		if err != nil {
			l.end(nimerr.ProtocolError.Newf("pulled messages: %v", err))
			return
		}
		if len(out.Entries) > 0 {
			l.cameIn(backend.Entries{Conv: u.conv, Entries: out.Entries, MaxSeq: out.High})
		}
		if out.More {
			u.floor = out.High
			l.look(u)
			return
		}
		if l.waits(u) {
			l.sendAgain(u, asked)
			l.lookAfter(u, laterLook)
		}
	}
	if err := l.ask(awaited{u.id, reply}, opPullByRange, pullRequest(l.login.Account, u.name, spanOf(&p))); err != nil {
		l.lookAfter(u, laterLook)
	}
}

// sendAgain sends what was acknowledged well before the look that did not find
// it, in the order in which it was sent.
func (l *link) sendAgain(u *unconfirmed, looked time.Time) {
	again := 0
	for i := range u.data {
		_, open := u.open[u.results[i].ClientID]
		if !open || u.acked[i].IsZero() || looked.Sub(u.acked[i]) < firstLook/2 {
			continue
		}
		u.acked[i] = time.Time{}
		if l.askSend(u, i) != nil {
			break
		}
		again++
	}
	if again > 0 {
		l.lost(again)
	}
}
