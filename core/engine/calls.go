package engine

import (
	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/message"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/core/store"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// callSize is about what a call takes in the inbox.
const callSize = 256

// withAccount runs f on this goroutine with the account, its store open, or says
// why not.
func (e *Engine) withAccount(f func(a *account), refuse func(*nimerr.Error)) {
	if !e.inbox.put(callSize, func() { e.withStore(f, refuse) }) {
		refuse(nimerr.Busy.New(""))
	}
}

// A Page asks for stored messages of a conversation.
type Page struct {
	Conv   backend.Conv
	Limit  int
	Anchor int64 // ms; a message at it is not in the page. 0: the newest, or the oldest
	End    int64 // ms; messages beyond it are not in the page. 0: none
	Newer  bool  // towards newer messages
	Rising bool  // the oldest of the page first
}

// Messages answers a call with a page.
func (e *Engine) Messages(call module.Call, p Page) {
	refuse := func(err *nimerr.Error) { e.RefuseMessages(call, p.Conv, err) }
	e.withAccount(func(a *account) {
		q := store.Query{Conversation: p.Conv.Name(), Limit: p.Limit, OldestFirst: p.Newer}
		if p.Newer {
			q.After, q.Before = p.Anchor, p.End
		} else {
			q.Before, q.After = p.Anchor, p.End
		}
		list, err := a.store.Messages(q)
		if err != nil {
			refuse(storeError(err))
			return
		}
		if p.Newer != p.Rising {
			for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
				list[i], list[j] = list[j], list[i]
			}
		}
		a.answer(call, listAnswer(p.Conv, a.appendList(nil, list, sourceLocal)))
	}, refuse)
}

// RefuseMessages answers a query that is wrong.
func (e *Engine) RefuseMessages(call module.Call, of backend.Conv, err *nimerr.Error) {
	e.env.Sink.Answer(call, abi.AnswerMsglogQuery(e.Code(err), abi.Raw(of.ID), int(of.Kind), abi.Raw(`{"count":0,"source":0,"content":[]}`), errorInfo(err)), true)
}

// Where a query was answered, NIMMsglogQuerySource.
const (
	sourceLocal  = 0
	sourceServer = 1
)

func (a *account) appendList(b []byte, list []store.Message, source int64) []byte {
	b = appendInt(append(b, '{'), "count", int64(len(list)))
	b = appendInt(b, "source", source)
	b = append(abi.AppendKey(b, "content"), '[')
	for i := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = message.Append(b, &list[i], a.ID)
	}
	return append(b, "]}"...)
}

// Message answers a call with the message of a client id.
func (e *Engine) Message(call module.Call, id string) {
	refuse := func(err *nimerr.Error) { e.RefuseMessage(call, id, err) }
	e.withAccount(func(a *account) {
		m, err := a.store.MessageByID(id)
		switch {
		case err != nil:
			refuse(storeError(err))
		case m == nil:
			refuse(nimerr.NotFound.New(""))
		default:
			a.answer(call, messageAnswer(id, message.Append(nil, m, a.ID)))
		}
	}, refuse)
}

// RefuseMessage answers a query of one message that has no result.
func (e *Engine) RefuseMessage(call module.Call, id string, err *nimerr.Error) {
	e.env.Sink.Answer(call, abi.AnswerMsglogQuerySingle(e.Code(err), abi.Raw(id), abi.Raw("{}"), errorInfo(err)), true)
}

// Insert stores a message that is not sent. onList: it also becomes the last one
// of its item of the list.
func (e *Engine) Insert(call module.Call, d *message.Draft, onList bool) {
	answer := func(err *nimerr.Error) { e.EndInsert(call, d, err) }
	e.withAccount(func(a *account) {
		err := a.insert(d, onList)
		answer(err)
		if c := a.convs[d.Row.Conversation]; err == nil && onList && c != nil {
			c.tellChange()
		}
	}, answer)
}

// EndInsert answers an Insert: nil is success.
func (e *Engine) EndInsert(call module.Call, d *message.Draft, err *nimerr.Error) {
	e.env.Sink.Answer(call, abi.AnswerMsglogRes(e.Code(err), abi.Raw(d.Wire.ClientID), errorInfo(err)), true)
}

func (a *account) insert(d *message.Draft, onList bool) *nimerr.Error {
	c := a.conv(d.Conv)
	row := d.Row
	if row.Sender = d.Sender; row.Sender == "" {
		row.Sender = a.ID
	}
	if a.sends[row.Key] != nil {
		return nimerr.InvalidArgument.New("client_msg_id: the message is being sent")
	}
	if row.Time <= 0 {
		row.Time = max(a.now(), c.row.LastTime+1)
	}
	row.Flags |= message.FlagHere
	if row.Status == store.StatusSending { // nothing would ever end it
		row.Status = store.StatusFailed
	}
	err := a.update(func(tx store.Tx) error {
		if err := c.ensure(tx); err != nil {
			return err
		}
		old, err := tx.Message(row.Key)
		if err != nil {
			return err
		}
		if old != nil {
			row.Seq, row.ServerID, row.Flags = old.Seq, old.ServerID, old.Flags
			if old.Flags&message.FlagDeleted != 0 { // the program wants it back
				row.Flags &^= store.FlagGone | message.FlagDeleted | message.FlagRevertible
			}
		}
		fresh, err := tx.PutMessage(&row)
		if err != nil {
			return err
		}
		if fresh && row.Status == store.StatusUnread && d.Wire.Settings&backend.NoBadge == 0 {
			c.row.Unread.Extra++
		}
		if onList {
			if err := c.changed(tx, &row); err != nil {
				return err
			}
		}
		return c.save(tx)
	})
	if err != nil {
		a.reload(c)
	}
	return err
}

// MarkRead gives all received messages of a conversation the status read. The
// unread number has nothing to do with it.
func (e *Engine) MarkRead(call module.Call, of backend.Conv) {
	answer := func(err *nimerr.Error) { e.EndMarkRead(call, of, err) }
	e.withAccount(func(a *account) {
		err := a.update(func(tx store.Tx) error {
			_, err := tx.SetStatus(store.StatusChange{Conversation: of.Name(), From: store.StatusUnread, To: store.StatusRead})
			return err
		})
		if c := a.convs[of.Name()]; c != nil && err == nil && c.row.Last != nil && c.row.Last.Status == store.StatusUnread {
			c.row.Last.Status = store.StatusRead
		}
		answer(err)
	}, answer)
}

// EndMarkRead answers a MarkRead: nil is success.
func (e *Engine) EndMarkRead(call module.Call, of backend.Conv, err *nimerr.Error) {
	e.env.Sink.Answer(call, abi.AnswerMsglogResEx(e.Code(err), abi.Raw(of.ID), int(of.Kind), errorInfo(err)), true)
}
