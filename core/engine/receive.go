package engine

import (
	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/journal"
	"github.com/libnim/libnim/core/message"
	"github.com/libnim/libnim/core/store"
)

// taken is what a transaction with entries leaves to be done after it.
type taken struct {
	fresh     []store.Message // new rows, as they came
	confirmed []confirmation  // sends that wait for their answer
	late      []store.Message // own rows that were told as failed
	news      news            // what another device did to the conversation
	strange   bool            // a number is another message's: the server's store is another one
}

// A confirmation is an own message that the server has, as it shows without the
// answer to its send.
type confirmation struct {
	out *outgoing
	row store.Message
}

// pushed takes entries that the server pushed.
func (a *account) pushed(p backend.Entries) {
	if p.Conv.Kind >= backend.Notices {
		return
	}
	if !a.met { // where this device begins is only known with the heads
		a.missed(p.Conv, p.MaxSeq)
		return
	}
	c := a.conv(p.Conv)
	c.line.Head(0, p.MaxSeq)
	c.take(p.Entries, 0, 0, 0)
	c.need()
}

// missed takes that there are entries up to a number that did not come in.
func (a *account) missed(of backend.Conv, maxSeq uint64) {
	if of.Kind >= backend.Notices {
		return
	}
	if !a.met {
		a.askHeads()
		return
	}
	c := a.conv(of)
	if maxSeq == 0 {
		maxSeq = c.line.Max + 1 // the least that it can be
	}
	c.line.Head(0, maxSeq)
	c.need()
}

// take stores entries and that the numbers from low to high are here, then tells
// what that has completed. It says whether it could.
func (c *conv) take(list []backend.Entry, low, high, floor uint64) bool {
	var t taken
	err := c.update(func(tx store.Tx) error {
		t = taken{}
		if err := c.takeEntries(tx, list, &t); err != nil {
			return err
		}
		if floor > 0 {
			c.line.Head(floor, 0)
		}
		if low > 0 {
			c.line.Hold(low, high)
		}
		if err := c.count(tx); err != nil {
			return err
		}
		return c.save(tx)
	})
	if err != nil {
		c.reload(c)
		return false
	}
	c.follow(&t)
	return true
}

// follow does what a transaction with entries has left.
func (c *conv) follow(t *taken) {
	for i := range t.confirmed {
		c.succeed(t.confirmed[i].out, &t.confirmed[i].row, "")
	}
	for i := range t.late {
		c.correct(&t.late[i])
	}
	if t.strange {
		c.env.Journal.Add(journal.Warn, "number_given_twice", journal.Str("conversation", c.row.Name))
		c.askHeads()
	}
	c.ask(t.fresh, nil)
	c.tellNews(&t.news)
	c.tellReceipt()
	c.posted = max(c.posted, c.line.Told)
	c.tellOrChange(t.fresh)
}

// tellOrChange tells what may be told, or that the item of the list is another one.
func (c *conv) tellOrChange(fresh []store.Message) {
	if !c.tell(fresh) && (c.posted >= c.line.Max || !c.listening()) { // else the change is told behind the message
		c.tellIfChanged()
	}
}

func (c *conv) takeEntries(tx store.Tx, list []backend.Entry, t *taken) error {
	if err := c.ensure(tx); err != nil {
		return err
	}
	for i := range list {
		e := &list[i]
		if e.Seq == 0 || e.Seq < c.line.Min {
			continue
		}
		had := c.line.Held.Has(e.Seq)
		c.line.Hold(e.Seq, e.Seq)
		var err error
		switch {
		case e.Stub:
			if e.Hidden && had {
				err = c.hide(tx, e.Seq)
			}
		case e.Kind == backend.KindRecall:
			err = c.recalled(tx, e, t)
		case e.Kind == backend.KindNotice:
		case e.Sender == "" || e.ClientID == "":
			c.env.Journal.Add(journal.Warn, "entry_without_id", journal.Str("conversation", c.row.Name), journal.Int("seq", int64(e.Seq)))
		default:
			err = c.takeMessage(tx, e, had, t)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ensure stores the conversation before its first message.
func (c *conv) ensure(tx store.Tx) error {
	if c.stored {
		return nil
	}
	c.stored = true
	return tx.PutConversation(&c.row)
}

// takeMessage makes a row of an entry, or joins it with the row that it is.
func (c *conv) takeMessage(tx store.Tx, e *backend.Entry, had bool, t *taken) error {
	m := message.FromEntry(c.ID, c.of, e, uint64(c.row.ReadSeq))
	old, err := tx.Message(m.Key)
	if err != nil {
		return err
	}
	if old == nil && had {
		if other, err := tx.MessagesBySeq(c.row.Name, m.Seq, m.Seq, 1); err != nil || len(other) > 0 {
			t.strange = true
			return err
		}
	}
	if old == nil && c.isCleared(e) {
		return nil
	}
	if old == nil {
		if m.Sender == c.ID && e.SenderDev == c.Device {
			m.Flags |= message.FlagHere // this device has lost its store since
		}
	} else if m = c.join(old, m); m == nil {
		return nil
	}
	if old == nil && c.filtered(m) {
		m.Flags |= store.FlagAsking
	}
	c.readByPeer(m)
	fresh, err := tx.PutMessage(m)
	if err != nil {
		return err
	}
	if (fresh || old.Seq == 0) && c.hidden(m) && c.wasCounted(m) {
		c.row.Unread.Hidden++
	}
	if fresh {
		t.fresh = append(t.fresh, *m)
		c.show(m)
		return nil
	}
	if err := c.changed(tx, m); err != nil {
		return err
	}
	if out := c.sends[m.Key]; out != nil {
		t.confirmed = append(t.confirmed, confirmation{out, *m})
	} else if m.Flags&message.FlagHere != 0 && old.Status != m.Status {
		t.late = append(t.late, *m)
	}
	return nil
}

// join is the row of a message that is stored already; nil leaves it as it is.
// What was written here has keys that never travel, so its content stays.
func (c *conv) join(old, m *store.Message) *store.Message {
	gone := m.Flags & store.FlagGone
	if old.Seq != 0 && old.Seq != m.Seq {
		if old.Seq < m.Seq && gone == 0 {
			return nil // the server has it twice: the lower number is the message
		}
	} else if old.Seq == m.Seq && gone == old.Flags&store.FlagGone {
		return nil
	}
	joined := *old
	joined.Flags |= m.Flags & message.FlagCounts
	if old.Seq == 0 && old.Flags&(message.FlagHere|message.FlagUntold) == 0 {
		joined.Flags |= message.FlagKnown // it was told under another epoch
	}
	joined.Flags &^= message.FlagUntold
	joined.Flags |= gone
	joined.Seq, joined.ServerID, joined.Time = m.Seq, m.ServerID, m.Time
	if old.Sender == c.ID && old.Status != store.StatusReceipt {
		joined.Status = store.StatusSent
	}
	if gone != 0 {
		joined.Text, joined.Content = "", []byte("{}")
	}
	return &joined
}

// hide takes a message away that the account deleted for itself elsewhere.
func (c *conv) hide(tx store.Tx, seq uint64) error {
	list, err := tx.MessagesBySeq(c.row.Name, int64(seq), int64(seq), 1)
	if err != nil || len(list) == 0 {
		return err
	}
	return c.blank(tx, &list[0])
}

func (c *conv) blank(tx store.Tx, m *store.Message) error {
	m.Flags |= store.FlagGone
	m.Text, m.Content = "", []byte("{}")
	if _, err := tx.PutMessage(m); err != nil {
		return err
	}
	return c.changed(tx, m)
}
