package engine

import (
	"slices"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/journal"
	"github.com/libnim/libnim/core/message"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/core/store"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// Bounds of one array.
const (
	arrayMessages = 100
	arrayBytes    = 1 << 20
)

// Values of feature, NIMMessageFeature.
const (
	featureLive    = 0
	featureOffline = 1
	featureRoaming = 2
	featureSynced  = 3
)

// A node is a posting, and up to which number of which conversation the program
// was told once it has run.
type node struct {
	number uint64
	c      *conv
	seq    uint64
}

// listening says whether the program takes messages.
func (a *account) listening() bool {
	return a.env.Sink.Registered(abi.SlotTalkReceive) || a.env.Sink.Registered(abi.SlotTalkReceiveMsgs)
}

// tellAll tells what waits in all conversations.
func (a *account) tellAll() {
	if a.store == nil {
		return
	}
	for _, c := range a.sorted() {
		c.tell(nil)
	}
}

// tell posts what is complete behind the last number that was posted: arrays of
// this conversation, oldest first, each before the session change it causes.
// fresh are rows that were just stored; it says whether it posted a message.
func (c *conv) tell(fresh []store.Message) (told bool) {
	if c.closing != nil || !c.listening() {
		return false
	}
	c.ran() // what was cut off comes first
	for !c.full {
		front := c.line.Held.Through(c.posted)
		if c.posted >= front {
			break
		}
		list, last, err := c.next(fresh, front)
		if err != nil {
			c.env.Journal.Add(journal.Error, "store_not_read", journal.Err(err))
			break
		}
		if last <= c.posted { // a filter has not answered
			break
		}
		fresh = nil
		number := c.lastNode()
		recall := len(list) == 1 && list[0].Flags&message.FlagRecall != 0
		if recall {
			var ok bool
			if number, ok = c.tellRecall(&list[0], number); !ok {
				break
			}
		} else if len(list) > 0 {
			if number = c.postArray(list); number == 0 { // nobody listens any more
				break
			}
			told = true
		}
		c.posted = last
		c.nodes = append(c.nodes, node{number, c, last})
		switch {
		case recall:
			c.tellIfChanged()
		case len(list) > 0:
			c.tellChange()
		}
	}
	return told
}

// lastNode is the number of the newest posting whose end is waited for; 0: none.
func (a *account) lastNode() uint64 {
	if n := len(a.nodes); n > 0 {
		return a.nodes[n-1].number
	}
	return 0
}

// next is the next array, and the number up to which it tells.
func (c *conv) next(fresh []store.Message, front uint64) (list []store.Message, last uint64, err error) {
	rows := fresh
	if n := len(rows); n == 0 || n > arrayMessages || uint64(rows[0].Seq) != c.posted+1 || uint64(rows[n-1].Seq) != front || int(front-c.posted) != n {
		rows, err = c.store.MessagesBySeq(c.row.Name, int64(c.posted)+1, int64(front), arrayMessages)
	}
	last = front
	if len(rows) == arrayMessages {
		last = uint64(rows[len(rows)-1].Seq)
	}
	size := 0
	for i := range rows {
		m := &rows[i]
		if m.Flags&store.FlagAsking != 0 {
			return list, uint64(m.Seq) - 1, err
		}
		if m.Flags&message.FlagRecall != 0 && m.Flags&(message.FlagHere|message.FlagKnown) == 0 { // it is told alone
			if len(list) > 0 {
				return list, uint64(m.Seq) - 1, err
			}
			return append(list, *m), uint64(m.Seq), err
		}
		if m.Flags&(store.FlagGone|message.FlagHere|message.FlagKnown) != 0 {
			continue
		}
		size += 512 + len(m.Text) + len(m.Content)
		if len(list) > 0 && size > arrayBytes {
			return list, uint64(m.Seq) - 1, err
		}
		list = append(list, *m)
	}
	return list, last, err
}

// postArray posts to the one callback that takes it and returns the number of
// the posting; of several, that of the last. 0: it was not posted, or not to its
// end; posted says how far.
func (c *conv) postArray(list []store.Message) (number uint64) {
	single, batch := c.env.Sink.Registered(abi.SlotTalkReceive), c.env.Sink.Registered(abi.SlotTalkReceiveMsgs)
	live := len(list) == 1 && c.live(&list[0])
	if batch && !(live && single) {
		b := []byte{'['}
		for i := range list {
			if i > 0 {
				b = append(b, ',')
			}
			b = c.appendReceived(b, &list[i])
		}
		return c.post(abi.OnTalkReceiveMsgs(abi.Raw(append(b, ']')), nil))
	}
	for i := range list {
		if i > 0 { // each has a fate of its own
			c.posted = uint64(list[i-1].Seq)
			c.nodes = append(c.nodes, node{number, c, c.posted})
		}
		if number = c.post(abi.OnTalkReceive(abi.Raw(c.appendReceived(nil, &list[i])), nil)); number == 0 {
			break
		}
	}
	return number
}

// live says whether a message was sent after this session came online.
func (c *conv) live(m *store.Message) bool {
	return c.online != nil && m.Time >= c.online.Clock.UnixMilli()
}

func (c *conv) appendReceived(b []byte, m *store.Message) []byte {
	feature := featureOffline
	switch {
	case m.Sender == c.ID && !(c.of.Kind == backend.P2P && c.of.ID == c.ID && m.Flags&message.FlagHere != 0):
		feature = featureSynced
	case c.live(m):
		feature = featureLive
	case m.Seq <= c.row.ReadSeq:
		feature = featureRoaming
	}
	b = append(b, '{')
	b = appendInt(b, "rescode", int64(nimerr.OK.Code))
	b = appendInt(b, "feature", int64(feature))
	return append(message.Append(abi.AppendKey(b, "content"), m, c.ID), '}')
}

// saves are the conversations whose told_seq has moved since it was stored.
type saves struct {
	dirty []*conv
	timer *time.Timer
	poll  *time.Timer
}

// How long told_seq may wait to be stored, and how often it is looked at while
// callbacks wait.
const (
	flushAfter = 200 * time.Millisecond
	pollEvery  = 100 * time.Millisecond
)

// ran moves told_seq over what has run, and back to where the program was cut off.
func (a *account) ran() {
	if len(a.nodes) == 0 {
		return
	}
	for len(a.nodes) > 0 {
		first := a.nodes[0]
		fate := module.Ran
		if first.number != 0 {
			fate = a.env.Sink.Fate(first.number)
		}
		if fate == module.Waits {
			break
		}
		c := first.c
		if fate == module.Cut { // it is told again, and what was posted behind it
			a.nodes = slices.DeleteFunc(a.nodes, func(n node) bool { return n.c == c })
			c.posted = c.line.Told
			continue
		}
		a.nodes = a.nodes[1:]
		c.line.Tell(first.seq)
		if !c.dirty {
			c.dirty = true
			a.saves.dirty = append(a.saves.dirty, c)
		}
	}
	if len(a.saves.dirty) > 0 && a.saves.timer == nil {
		a.saves.timer = a.after(flushAfter, a.flush)
	}
	if len(a.nodes) > 0 && a.saves.poll == nil {
		a.saves.poll = a.after(pollEvery, func() { a.saves.poll = nil })
	}
}

// flush stores the told_seq that have moved.
func (a *account) flush() {
	a.saves.timer = nil
	if len(a.saves.dirty) == 0 || a.store == nil {
		return
	}
	err := a.update(func(tx store.Tx) error {
		for _, c := range a.saves.dirty {
			if !c.dirty {
				continue
			}
			if err := c.save(tx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil { // what is told stays known in memory
		for _, c := range a.saves.dirty {
			c.dirty = true
		}
		a.saves.timer = a.after(10*flushAfter, a.flush)
		return
	}
	a.saves.dirty = nil
}
