package engine

import (
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/message"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/core/store"
	"github.com/libnim/libnim/internal/nimerr"
)

// A Past asks the server for messages.
type Past struct {
	backend.Past
	Save bool // what comes is stored here
}

// How long one query of the server may go on, and how many of its answers may be
// without what is looked for.
const (
	pastLimit  = 30 * time.Second
	pastRounds = 40
)

// Past answers a call with messages of the server.
func (e *Engine) Past(call module.Call, p Past) {
	refuse := func(err *nimerr.Error) { e.RefuseMessages(call, p.Conv, err) }
	e.withAccount(func(a *account) {
		a.past(p, refuse, func(list []store.Message) {
			a.answer(call, listAnswer(p.Conv, a.appendList(nil, list, sourceServer)))
		})
	}, refuse)
}

// PastOne answers a call with one message of the server.
func (e *Engine) PastOne(call module.Call, p Past, id string) {
	refuse := func(err *nimerr.Error) { e.RefuseMessage(call, id, err) }
	e.withAccount(func(a *account) {
		a.past(p, refuse, func(list []store.Message) {
			for i := range list {
				if list[i].ClientID == id || id == "" {
					a.answer(call, messageAnswer(list[i].ClientID, message.Append(nil, &list[i], a.ID)))
					return
				}
			}
			refuse(nimerr.NotFound.New("the server has no such message"))
		})
	}, refuse)
}

// past asks until there are enough messages, or no more.
func (a *account) past(p Past, refuse func(*nimerr.Error), then func([]store.Message)) {
	done := a.opened(refuse)
	until := time.Now().Add(pastLimit)
	want := p.Limit
	var entries []backend.Entry
	var ask func(round int)
	ask = func(round int) {
		a.request(p.Past, 0, func(res backend.Result) {
			err := refused(res)
			page, ok := res.Body.(backend.PastPage)
			if err == nil && !ok {
				err = nimerr.ProtocolError.New("no page")
			}
			if err != nil {
				if done() {
					refuse(err)
				}
				return
			}
			entries = append(entries, page.Entries...)
			p.At, p.Limit = page.Next, want-len(entries)
			if page.Next > 0 && p.Limit > 0 && round < pastRounds && time.Now().Before(until) {
				ask(round + 1)
				return
			}
			list, err := a.takePast(&p, entries)
			switch {
			case !done():
			case err != nil:
				refuse(err)
			default:
				then(list)
			}
		})
	}
	ask(1)
}

// takePast makes messages of entries; those that are stored here come as they are
// here, and what was deleted here for good does not come.
func (a *account) takePast(p *Past, entries []backend.Entry) ([]store.Message, *nimerr.Error) {
	c := a.conv(p.Conv)
	var list []store.Message
	take := func(r store.Reader, tx store.Tx) error {
		list = nil
		for i := range entries {
			e := &entries[i]
			if e.Stub || e.Sender == "" || e.ClientID == "" {
				continue
			}
			m := message.FromEntry(c.ID, c.of, e, uint64(c.row.ReadSeq))
			old, err := r.Message(m.Key)
			if err != nil {
				return err
			}
			back := false // it was deleted here, and comes back
			switch {
			case old != nil && old.Visible():
				list = append(list, *old)
				continue
			case old != nil && old.Flags&message.FlagRevertible == 0:
				continue
			case old != nil:
				back = true
				m.Flags |= old.Flags & message.FlagDropped
			case c.isCleared(e):
				if back = c.kept.Revert; !back {
					continue
				}
			}
			if tx != nil && (e.Seq >= c.line.Min || back) {
				if _, err := tx.PutMessage(m); err != nil {
					return err
				}
				c.line.Hold(e.Seq, e.Seq)
				c.show(m)
			}
			list = append(list, *m)
		}
		return nil
	}
	if !p.Save || len(entries) == 0 {
		if err := take(a.store, nil); err != nil {
			return nil, storeError(err)
		}
		return list, nil
	}
	err := a.update(func(tx store.Tx) error {
		if err := c.ensure(tx); err != nil {
			return err
		}
		if err := take(tx, tx); err != nil {
			return err
		}
		return c.save(tx)
	})
	if err != nil {
		a.reload(c)
		return nil, err
	}
	c.tell(nil)
	c.tellIfChanged()
	return list, nil
}
