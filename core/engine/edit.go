package engine

import (
	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/message"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/core/store"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// An Edit changes one stored message. What is nil stays.
type Edit struct {
	Conv      backend.Conv // no ID: the message is the newest one of that client id
	Status    *int32
	SubStatus *int32
	LocalExt  *string
	Delete    bool
}

// Edit changes the message of a client id. The message that the list shows tells a
// change of its item.
func (e *Engine) Edit(call module.Call, id string, ed Edit) {
	answer := func(err *nimerr.Error) { e.EndEdit(call, id, err) }
	e.withAccount(func(a *account) { answer(a.edit(id, ed)) }, answer)
}

// EndEdit answers an Edit: nil is success.
func (e *Engine) EndEdit(call module.Call, id string, err *nimerr.Error) {
	e.env.Sink.Answer(call, abi.AnswerMsglogRes(e.Code(err), abi.Raw(id), errorInfo(err)), true)
}

func (a *account) edit(id string, ed Edit) *nimerr.Error {
	m, bad := a.messageIn(a.store, ed.Conv, id)
	if bad != nil {
		return storeError(bad)
	}
	if m == nil {
		return nimerr.NotFound.New("no stored message has that client_msg_id")
	}
	c := a.convs[m.Conversation]
	if c == nil {
		return nimerr.NotFound.New("no stored message has that client_msg_id")
	}
	if a.sends[m.Key] != nil && ed.LocalExt == nil {
		return nimerr.InvalidArgument.New("the message is being sent")
	}
	last := c.row.Last != nil && c.row.Last.Key == m.Key
	err := a.update(func(tx store.Tx) error {
		if ed.Delete || ed.Status != nil && *ed.Status == store.StatusDeleted {
			return c.removed(tx, m, 0)
		}
		if ed.Status != nil {
			m.Status = *ed.Status
		}
		if ed.SubStatus != nil {
			m.SubStatus = *ed.SubStatus
		}
		if ed.LocalExt != nil {
			m.Content = message.SetLocalExt(m.Content, *ed.LocalExt)
		}
		if _, err := tx.PutMessage(m); err != nil {
			return err
		}
		if !last {
			return nil
		}
		if err := c.changed(tx, m); err != nil {
			return err
		}
		return c.save(tx)
	})
	switch {
	case err != nil:
		a.reload(c)
	case m.Visible():
		c.tellIfChanged()
	case last:
		c.tellCommand(commandMsgDeleted)
	default: // it may have been unread
		c.tellIfChanged()
	}
	return err
}

// removed deletes a message here: its row stays as the knowledge that it is gone,
// so that nothing brings it back. revertible is 0, or FlagRevertible.
func (c *conv) removed(tx store.Tx, m *store.Message, revertible store.MessageFlags) error {
	if m.Flags&message.FlagCounts != 0 && m.Flags&message.FlagDropped == 0 && m.Seq > c.row.ReadSeq {
		c.row.Unread.Hidden++
		m.Flags |= message.FlagDropped
	}
	if m.Flags&message.FlagHere != 0 && m.Status == store.StatusUnread && c.row.Unread.Extra > 0 {
		c.row.Unread.Extra--
	}
	m.Flags |= message.FlagDeleted | revertible
	c.kept.GoneTime = max(c.kept.GoneTime, m.Time)
	if err := c.blank(tx, m); err != nil {
		return err
	}
	return c.save(tx)
}

// A Clearing deletes stored messages of many.
type Clearing struct {
	Conv   backend.Conv // no ID: of all that Kinds names
	Kinds  string       // first letters of names; "": all
	Items  bool         // also takes the items off the list
	Revert bool         // a query of the server may bring the messages back

	// Of one conversation: only messages from First to Last, ms, both included.
	// Last 0: all.
	First, Last int64
}

// Clear deletes stored messages. It tells one change of the list.
func (e *Engine) Clear(call module.Call, cl Clearing, answer func(*nimerr.Error)) {
	e.withAccount(func(a *account) {
		if cl.Conv.ID != "" {
			answer(a.clearOne(cl))
			return
		}
		err := a.clearKinds(cl)
		answer(err)
		if err == nil {
			a.tellAllCommand(cl.command())
		}
	}, answer)
}

// command is how the list is told of it.
func (cl *Clearing) command() int {
	table := map[string][2]int{
		"":  {commandAllMsgDeleted, commandRemoveAll},
		"p": {commandAllP2PMsgDeleted, commandRemoveAllP2P},
		"t": {commandAllTeamMsgDeleted, commandRemoveAllTeam},
		"s": {commandAllSuperTeamMsgDeleted, commandRemoveAllSuperTeam},
	}[cl.Kinds]
	if cl.Items {
		return table[1]
	}
	return table[0]
}

func (a *account) clearOne(cl Clearing) *nimerr.Error {
	c := a.convs[cl.Conv.Name()]
	if c == nil || !c.stored {
		return nil
	}
	last := c.row.Last
	err := a.update(func(tx store.Tx) error {
		if cl.Last == 0 {
			if _, err := tx.DeleteMessages(store.Selection{Conversation: c.row.Name}); err != nil {
				return err
			}
			return c.cleared(tx, cl.Revert)
		}
		return c.clearSpan(tx, cl)
	})
	switch {
	case err != nil:
		a.reload(c)
	case c.row.Last != last || cl.Last == 0:
		c.tellCommand(commandMsgDeleted)
	default:
		c.tellIfChanged()
	}
	return err
}

// spanPiece is how many messages of a span are deleted at a time.
const spanPiece = 500

func (c *conv) clearSpan(tx store.Tx, cl Clearing) error {
	q := store.Query{Conversation: c.row.Name, Before: cl.Last + 1, OldestFirst: true, Limit: spanPiece}
	if cl.First > 0 {
		q.After = cl.First - 1
	}
	var revertible store.MessageFlags
	if cl.Revert {
		revertible = message.FlagRevertible
	}
	for {
		list, err := tx.Messages(q)
		if err != nil || len(list) == 0 {
			return err
		}
		for i := range list {
			if c.sends[list[i].Key] != nil {
				continue
			}
			if err := c.removed(tx, &list[i], revertible); err != nil {
				return err
			}
		}
		q.From = list[len(list)-1].Position()
	}
}

func (a *account) clearKinds(cl Clearing) *nimerr.Error {
	var list []*conv
	for _, c := range a.sorted() {
		if c.stored && (cl.Kinds == "" || cl.Kinds == c.row.Name[:1]) {
			list = append(list, c)
		}
	}
	err := a.update(func(tx store.Tx) error {
		if _, err := tx.DeleteMessages(store.Selection{Kinds: cl.Kinds}); err != nil {
			return err
		}
		for _, c := range list {
			if cl.Items {
				c.unlist()
			}
			if err := c.cleared(tx, cl.Revert); err != nil {
				return err
			}
		}
		return nil
	})
	for _, c := range list {
		if err != nil {
			a.reload(c)
		}
		c.item = "" // nobody was told of it alone
		if cl.Items {
			c.known, c.shown = false, 0
		}
	}
	return err
}

// cleared takes that all messages were deleted: what the server has up to here
// does not come back, nor is it counted. Messages that are being sent stay.
func (c *conv) cleared(tx store.Tx, revert bool) error {
	k := &c.kept
	k.Cleared, k.ClearedTime, k.Revert = c.line.Max, max(k.ClearedTime, k.GoneTime, c.row.LastTime), revert
	c.recount()
	c.row.Unread.Hidden, c.row.Unread.Extra = c.row.Unread.Server, 0
	c.row.Last, c.row.LastRow = nil, 0
	for _, out := range c.sends {
		if out.c != c {
			continue
		}
		row := out.row
		if _, err := tx.PutMessage(&row); err != nil {
			return err
		}
		c.show(&row)
	}
	return c.save(tx)
}

// isCleared says whether an entry was deleted with all others of its conversation.
func (c *conv) isCleared(e *backend.Entry) bool {
	k := &c.kept
	if k.Cleared > 0 {
		return e.Seq <= k.Cleared
	}
	return k.ClearedTime > 0 && e.Time.UnixMilli() <= k.ClearedTime // before another epoch
}

// ReadAll gives all received messages the status read.
func (e *Engine) ReadAll(call module.Call) {
	answer := func(err *nimerr.Error) { e.EndChange(call, err) }
	e.withAccount(func(a *account) {
		err := a.update(func(tx store.Tx) error {
			_, err := tx.SetStatus(store.StatusChange{From: store.StatusUnread, To: store.StatusRead})
			return err
		})
		for _, c := range a.convs {
			if l := c.row.Last; err == nil && l != nil && l.Status == store.StatusUnread {
				l.Status = store.StatusRead
			}
		}
		answer(err)
	}, answer)
}

// EndChange answers a call that changes many messages: nil is success.
func (e *Engine) EndChange(call module.Call, err *nimerr.Error) {
	e.env.Sink.Answer(call, abi.AnswerMsglogModifyRes(e.Code(err), errorInfo(err)), true)
}
