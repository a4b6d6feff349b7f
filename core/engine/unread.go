package engine

import (
	"maps"
	"slices"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/message"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/core/store"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// The unread number has three parts: what the server counts above the read mark,
// less what of that is not shown here, plus what the program itself inserted. The
// server's part holds up to kept.Counted; what comes behind is counted here, in
// the order of numbers, until the next head.

// count counts what has become complete behind kept.Counted.
func (c *conv) count(tx store.Tx) error {
	to := c.line.Held.Through(max(c.kept.Counted, c.line.Told))
	if to <= c.kept.Counted {
		return nil
	}
	from := max(int64(c.kept.Counted), c.row.ReadSeq)
	c.kept.Counted = to
	if from >= int64(to) {
		return nil
	}
	list, err := tx.MessagesBySeq(c.row.Name, from+1, int64(to), 0)
	for i := range list {
		c.countOne(&list[i])
	}
	return err
}

func (c *conv) countOne(m *store.Message) {
	if m.Flags&message.FlagRecall != 0 {
		c.countRecall(m)
		return
	}
	if m.Flags&message.FlagCounts == 0 {
		return
	}
	switch m.Type {
	case message.TypeNotification:
		c.kept.Notified++
	default:
		c.kept.Always++
	}
	if c.hidden(m) {
		c.row.Unread.Hidden++
	}
}

// takeCounters takes the server's part as a head has it.
func (c *conv) takeCounters(tx store.Tx, h *backend.Head) error {
	read := int64(h.ReadSeq)
	if c.env.Options.KeepReadMarks && c.row.ReadSeq > 0 {
		read = min(read, c.row.ReadSeq)
	}
	k := &c.kept
	if read < c.row.ReadSeq { // the server does not know our mark yet: its counters are for an older one
		return nil
	}
	if h.UnreadRaw {
		return c.countAnew(tx, read)
	}
	counted := k.Counted
	k.Always, k.Notified, k.Missed, k.Recalled = h.Always, h.Notified, h.Missed, h.Recalled
	k.Counted = h.MaxSeq
	moved := read > c.row.ReadSeq
	c.row.ReadSeq = read
	if k.ReadOwed <= uint64(read) {
		k.ReadOwed = 0
	}
	// With a filter, what a head counts may have been dropped before.
	anew := moved || c.filtering() && k.Cleared <= uint64(read)
	if anew {
		if err := c.recountHidden(tx); err != nil {
			return err
		}
	}
	if counted > h.MaxSeq { // a head from before what we have counted
		k.Counted = h.MaxSeq
		list, err := tx.MessagesBySeq(c.row.Name, max(int64(h.MaxSeq), read)+1, int64(counted), 0)
		hidden := c.row.Unread.Hidden
		for i := range list {
			c.countOne(&list[i])
		}
		if !anew { // they were hidden before
			c.row.Unread.Hidden = hidden
		}
		k.Counted = counted
		return err
	}
	return nil
}

// countAnew counts what is here above a read mark, where the server has no
// counters: the number is exact once everything was pulled.
func (c *conv) countAnew(tx store.Tx, read int64) error {
	if read == c.row.ReadSeq {
		return nil
	}
	k := &c.kept
	k.Always, k.Notified, k.Missed, k.Recalled = 0, 0, 0, 0
	if k.ReadOwed <= uint64(read) {
		k.ReadOwed = 0
	}
	c.row.ReadSeq, c.row.Unread.Hidden = read, 0
	if read >= int64(c.line.Max) {
		c.row.Unread.Extra = 0
	}
	if read >= int64(k.Counted) {
		return nil
	}
	list, err := tx.MessagesBySeq(c.row.Name, read+1, int64(k.Counted), 0)
	for i := range list {
		c.countOne(&list[i])
	}
	return err
}

// recountHidden counts what is not shown above a read mark that has moved.
func (c *conv) recountHidden(tx store.Tx) error {
	c.row.Unread.Hidden = 0
	if c.row.ReadSeq >= int64(c.line.Max) {
		c.row.Unread.Extra = 0
		return nil
	}
	list, err := tx.MessagesBySeq(c.row.Name, c.row.ReadSeq+1, int64(c.kept.Counted), 0)
	for i := range list {
		if c.hidden(&list[i]) {
			c.row.Unread.Hidden++
		}
	}
	if cleared := int64(c.kept.Cleared); cleared > c.row.ReadSeq { // what is not stored any more is counted still
		shown := int64(0)
		for i := range list {
			if m := &list[i]; m.Seq > cleared && m.Flags&message.FlagCounts != 0 {
				shown++
			}
		}
		c.recount()
		c.row.Unread.Hidden += max(0, c.row.Unread.Server-shown)
	}
	return err
}

// Zero makes the unread number of a conversation 0, whatever it is, and tells
// the server when it can.
func (e *Engine) Zero(call module.Call, of backend.Conv) {
	refuse := func(err *nimerr.Error) { e.RefuseZero(call, of, err) }
	e.withAccount(func(a *account) {
		c := a.convs[of.Name()]
		if c == nil {
			a.answer(call, sessionAnswer(appendUnknown(nil, of, commandUpdate), a.total))
			return
		}
		if err := c.zero(); err != nil {
			refuse(err)
			return
		}
		a.answer(call, sessionAnswer(c.appendItem(nil, commandUpdate), a.total))
		c.tellChange()
		c.sendRead()
	}, refuse)
}

// ZeroAll makes the unread numbers of all conversations 0.
func (e *Engine) ZeroAll(call module.Call) {
	refuse := func(err *nimerr.Error) { e.RefuseZero(call, backend.Conv{}, err) }
	e.withAccount(func(a *account) {
		var zeroed []*conv
		for _, name := range slices.Sorted(maps.Keys(a.convs)) {
			c := a.convs[name]
			if c.listedUnread() == 0 {
				continue
			}
			if err := c.zero(); err != nil {
				refuse(err)
				return
			}
			zeroed = append(zeroed, c)
		}
		a.answer(call, sessionAnswer(appendUnknown(nil, backend.Conv{}, commandUpdate), a.total))
		for _, c := range zeroed {
			c.tellChange()
			c.sendRead()
		}
	}, refuse)
}

// RefuseZero answers a Zero that is wrong.
func (e *Engine) RefuseZero(call module.Call, of backend.Conv, err *nimerr.Error) {
	e.env.Sink.Answer(call, abi.AnswerSessionChange(e.Code(err), abi.Raw(appendUnknown(nil, of, commandUpdate)), 0, errorInfo(err)), true)
}

func (c *conv) zero() *nimerr.Error {
	err := c.update(func(tx store.Tx) error {
		c.zeroed()
		return c.save(tx)
	})
	if err != nil {
		c.reload(c)
	}
	return err
}

// zeroed moves the read mark to the newest number that is known.
func (c *conv) zeroed() {
	seq := max(c.line.Max, uint64(max(c.row.ReadSeq, 0)))
	c.row.ReadSeq = int64(seq)
	c.kept.Always, c.kept.Notified, c.kept.Missed, c.kept.Recalled = 0, 0, 0, 0
	c.kept.Counted = max(c.kept.Counted, seq)
	c.row.Unread = store.Unread{}
	if seq > 0 && !c.env.Options.KeepReadMarks {
		c.kept.ReadOwed = seq
	}
}

// sendRead tells the server the read mark that it does not know yet.
func (c *conv) sendRead() {
	owed := c.kept.ReadOwed
	o := c.online
	if owed == 0 || o == nil {
		return
	}
	c.request(backend.Read{Conv: c.of, Seq: owed, Silent: true}, 0, func(r backend.Result) {
		if r.Outcome != backend.Answered || r.Err != nil && r.Err.Kind.Retryable {
			c.after(max(3*retryAfter, retry(r)), func() {
				if c.online == o { // else the next Online does
					c.sendRead()
				}
			})
			return
		}
		var t taken
		err := c.update(func(tx store.Tx) error {
			t = taken{}
			if c.kept.ReadOwed == owed {
				c.kept.ReadOwed = 0
			}
			if h, ok := r.Body.(backend.HeadChanged); ok && r.Err == nil {
				if err := c.takeHead(tx, &h.Head, &t, false); err != nil {
					return err
				}
			}
			return c.save(tx)
		})
		if err != nil {
			c.reload(c)
			return
		}
		c.follow(&t)
	})
}
