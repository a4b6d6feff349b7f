package engine

import (
	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/journal"
	"github.com/libnim/libnim/core/message"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/core/store"
	"github.com/libnim/libnim/internal/abi"
)

// What a filter of the program is asked about is stored first, as asking: it is
// neither queried nor counted nor listed, and nothing behind it in its conversation
// is told. The answers come in the order of the questions. What was dropped stays as
// a row without a body, so that it does not come back.

// A question is a message that a filter is asked about.
type question struct {
	key   store.Key
	conv  *conv
	reply *module.Reply // nil: not answered yet
	then  func()        // once it and all before it are settled; nil: nothing
}

// filters are the questions of an account.
type filters struct {
	open    []*question // in the order in which they were asked
	asked   map[store.Key]bool
	waiting bool // the store could not take the answers: it is tried again later
}

// filterSlots are the registrations that are filters.
var filterSlots = []abi.Slot{abi.SlotTalkMessageFilter, abi.SlotTalkNotificationFilter}

// filterOf is the filter that is asked about a message.
func filterOf(m *store.Message) abi.Slot {
	if m.Type == message.TypeNotification {
		return abi.SlotTalkNotificationFilter
	}
	return abi.SlotTalkMessageFilter
}

// filtered says whether the program has a filter for a message that came in.
func (c *conv) filtered(m *store.Message) bool {
	return m.Flags&(message.FlagHere|store.FlagGone) == 0 && c.env.Sink.Registered(filterOf(m))
}

// filtering says whether the program has any filter.
func (a *account) filtering() bool {
	for _, s := range filterSlots {
		if a.env.Sink.Registered(s) {
			return true
		}
	}
	return false
}

// counts says whether a message is one of those that the unread number counts.
func (c *conv) counts(m *store.Message) bool {
	return m.Flags&message.FlagCounts != 0 && (m.Type != message.TypeNotification || c.env.Options.CountNotifications)
}

// hidden says whether a message is counted by the server and not shown here.
func (c *conv) hidden(m *store.Message) bool {
	if m.Flags&message.FlagRecalled != 0 && c.env.Options.UncountRecalled { // that is subtracted already
		return false
	}
	return m.Flags&(message.FlagDropped|store.FlagAsking) != 0 && c.counts(m)
}

// wasCounted says whether the unread number has counted the message already.
func (c *conv) wasCounted(m *store.Message) bool {
	return m.Seq > c.row.ReadSeq && m.Seq <= int64(c.kept.Counted)
}

// ask asks about those of the rows that wait for it; then runs when they are
// settled, at once where there are none.
func (c *conv) ask(rows []store.Message, then func()) {
	var last *question
	for i := range rows {
		if m := &rows[i]; m.Flags&store.FlagAsking != 0 {
			last = c.askAbout(m)
		}
	}
	switch {
	case then == nil:
	case last == nil:
		then()
	default:
		last.then = then
	}
}

func (c *conv) askAbout(m *store.Message) *question {
	a := c.account
	q := &question{key: m.Key, conv: c}
	content := abi.Raw(c.appendReceived(nil, m))
	ask := abi.AskTalkMessageFilter(content, nil)
	if filterOf(m) == abi.SlotTalkNotificationFilter {
		ask = abi.AskTalkNotificationFilter(content, nil)
	}
	a.filters.open = append(a.filters.open, q)
	a.filters.asked[m.Key] = true
	node, backlog := uint64(0), 0
	a.Gate.Pass(func() {
		node, backlog = a.env.Sink.Ask(ask, func(r module.Reply) { a.do(func() { q.reply = &r }) })
	})
	if node == 0 && !a.env.Sink.Registered(filterOf(m)) {
		q.reply = &module.Reply{Outcome: module.Nobody}
	} // else the library closes: it is asked at the next login
	a.backlogged(backlog)
	return q
}

// askAgain asks about what an earlier login has left.
func (a *account) askAgain() {
	rows, err := a.store.Asking()
	if err != nil {
		a.env.Journal.Add(journal.Error, "store_not_read", journal.Err(err))
		return
	}
	for i := range rows {
		m := &rows[i]
		if of, ok := backend.ConvOf(m.Conversation); ok && !a.filters.asked[m.Key] {
			a.conv(of).askAbout(m)
		}
	}
}

// endQuestions takes back what is asked: the login ends.
func (a *account) endQuestions() {
	if len(a.filters.open) == 0 {
		return
	}
	a.filters = newFilters()
	for _, s := range filterSlots {
		a.env.Sink.TakeBack(s)
	}
}

func newFilters() filters { return filters{asked: map[store.Key]bool{}} }

// settleQuestions stores the answers that have come, then tells what was waiting
// for them.
func (a *account) settleQuestions() {
	f := &a.filters
	n := 0
	for n < len(f.open) && f.open[n].reply != nil {
		n++
	}
	if n == 0 || f.waiting {
		return
	}
	settled := f.open[:n]
	var convs []*conv
	expired := int64(0)
	err := a.update(func(tx store.Tx) error {
		convs, expired = convs[:0], 0
		seen := map[*conv]bool{}
		for _, q := range settled {
			if q.reply.Outcome == module.Expired {
				expired++
			}
			if !seen[q.conv] {
				seen[q.conv] = true
				convs = append(convs, q.conv)
			}
			if err := q.conv.settle(tx, q); err != nil {
				return err
			}
		}
		for _, c := range convs {
			if err := c.save(tx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		for _, c := range convs {
			a.reload(c)
		}
		f.waiting = true
		a.after(retryAfter, func() { a.filters.waiting = false })
		return
	}
	f.open = f.open[n:]
	for _, q := range settled {
		delete(f.asked, q.key)
	}
	if expired > 0 {
		a.env.Journal.Add(journal.Warn, "filter_not_waited_for", journal.Int("messages", expired))
	}
	for _, c := range convs {
		c.tellOrChange(nil)
	}
	for _, q := range settled {
		if q.then != nil {
			q.then()
		}
	}
}

// settle gives a message back, or drops it.
func (c *conv) settle(tx store.Tx, q *question) error {
	m, err := tx.Message(q.key)
	if err != nil || m == nil || m.Flags&store.FlagAsking == 0 {
		return err
	}
	hid := c.hidden(m) && c.wasCounted(m)
	m.Flags &^= store.FlagAsking
	if q.reply.Outcome == module.Given && q.reply.Number != 0 && m.Flags&store.FlagGone == 0 {
		m.Flags |= store.FlagGone | message.FlagDropped
		m.Text, m.Content = "", []byte("{}")
	} else if hid {
		c.row.Unread.Hidden--
	}
	if _, err := tx.PutMessage(m); err != nil {
		return err
	}
	return c.changed(tx, m)
}
