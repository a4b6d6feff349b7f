package engine

import (
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/core/store"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// DeleteSelf deletes messages of one conversation or of several for the account: here,
// on the server and on its other devices.
func (e *Engine) DeleteSelf(call module.Call, list []backend.Delete) {
	refuse := func(err *nimerr.Error) { e.EndDeleteSelf(call, err) }
	e.withAccount(func(a *account) { a.deleteSelf(call, list) }, refuse)
}

// EndDeleteSelf answers a DeleteSelf: nil is success.
func (e *Engine) EndDeleteSelf(call module.Call, err *nimerr.Error) {
	e.env.Sink.Answer(call, abi.AnswerMsglogDeleteMessageSelfRes(e.Code(err)), true)
}

// deleteSelf does the first request of a list, then the others. A message that the
// server does not know is only here.
func (a *account) deleteSelf(call module.Call, list []backend.Delete) {
	refuse := func(err *nimerr.Error) { a.EndDeleteSelf(call, err) }
	if len(list) == 0 {
		refuse(nil)
		return
	}
	d := list[0]
	done := a.opened(refuse)
	c := a.conv(d.Conv)
	c.claim(d.Items)
	a.request(d, 0, func(res backend.Result) {
		open := done()
		err := refused(res)
		if err == nil || err.Kind == nimerr.NotFound {
			var known bool
			var bad *nimerr.Error
			if known, bad = c.deleteHere(d.Items, nil); bad != nil || !known && err != nil {
				if err == nil {
					err = bad
				}
			} else {
				err = nil
			}
		}
		if !open {
			return
		}
		if err != nil {
			refuse(err)
			return
		}
		a.deleteSelf(call, list[1:])
	})
}

// claim remembers that this device deletes messages: it is not told of them.
func (c *conv) claim(items []backend.Deletion) {
	if c.own == nil {
		c.own = map[string]bool{}
	}
	for _, d := range items {
		c.own[d.Sender+"\n"+d.ClientID] = true
	}
}

// deleteHere deletes what the account has deleted for itself. It says whether any of
// it was stored here. seen is run in the transaction; nil: nothing.
func (c *conv) deleteHere(items []backend.Deletion, seen func()) (known bool, err *nimerr.Error) {
	last := c.row.Last
	err = c.update(func(tx store.Tx) error {
		known = false
		for _, d := range items {
			m, err := tx.Message(store.Key{Conversation: c.row.Name, Sender: d.Sender, ClientID: d.ClientID})
			if err != nil {
				return err
			}
			if m == nil || !m.Visible() {
				continue
			}
			known = true
			if err := c.removed(tx, m, 0); err != nil {
				return err
			}
		}
		if seen != nil {
			seen()
			return c.save(tx)
		}
		return nil
	})
	switch {
	case err != nil:
		c.reload(c)
	case known && c.row.Last != last:
		c.tellCommand(commandMsgDeleted)
	default:
		c.tellIfChanged()
	}
	return known, err
}

// askDeleted asks for the messages that another device has deleted.
func (c *conv) askDeleted() {
	o := c.online
	if c.asksDeleted || o == nil || c.kept.DeletedMax <= c.kept.Deleted {
		return
	}
	c.asksDeleted = true
	c.request(backend.Deleted{Conv: c.of, After: c.kept.Deleted}, 0, func(res backend.Result) {
		if c.asksDeleted = false; c.online != o {
			return
		}
		p, ok := res.Body.(backend.DeletedPage)
		if err := refused(res); err != nil || !ok {
			if err == nil || err.Kind.Retryable {
				c.after(max(3*retryAfter, retry(res)), func() {
					if c.online == o {
						c.askDeleted()
					}
				})
			}
			return
		}
		c.takeDeleted(&p)
	})
}

func (c *conv) takeDeleted(p *backend.DeletedPage) {
	_, err := c.deleteHere(p.Deletions, func() {
		for _, d := range p.Deletions {
			c.kept.Deleted = max(c.kept.Deleted, d.ID)
		}
		if !p.More { // what came meanwhile has another head
			c.kept.Deleted = max(c.kept.Deleted, c.kept.DeletedMax)
		}
	})
	if err != nil {
		c.after(10*time.Second, c.askDeleted)
		return
	}
	b := []byte{'['}
	for _, d := range p.Deletions {
		key := d.Sender + "\n" + d.ClientID
		if c.own[key] {
			delete(c.own, key)
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = appendText(append(b, '{'), "session_id", c.of.ID)
		b = appendText(b, "client_id", d.ClientID)
		b = append(appendText(b, "ext", d.Ext), '}')
	}
	if len(b) > 1 {
		c.post(abi.OnMsglogDeleteMsgsSelf(abi.Raw(append(b, ']'))))
	}
	c.askDeleted()
}
