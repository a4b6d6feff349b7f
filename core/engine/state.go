package engine

import (
	"cmp"
	"slices"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/core/store"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// What the account keeps of a conversation on the server comes with its head: how
// it is pinned, up to where its history was cleared, and the id of the newest
// message that the account deleted for itself. Other devices change it; what this
// one does it learns from the answer.

// news are changes of state by another device, told once they are stored.
type news struct {
	pinned, unpinned, repinned bool
	cleared                    *backend.Cleared
}

// takeState takes the state of a head. own: this device has made the change, or
// meets the conversation.
func (c *conv) takeState(s *backend.State, own bool, n *news) {
	if s == nil {
		return
	}
	k := &c.kept
	was := k.Pin
	k.Pin = nil
	if p := s.Pin; p != nil {
		k.Pin = &pin{Ext: p.Ext, Time: p.Time.UnixMilli(), Updated: p.Updated.UnixMilli()}
	}
	if !own {
		n.pinned = n.pinned || was == nil && k.Pin != nil
		n.unpinned = n.unpinned || was != nil && k.Pin == nil
		n.repinned = n.repinned || was != nil && k.Pin != nil && *was != *k.Pin
	}
	if cl := s.Clear; cl != nil && cl.Time.UnixMilli() > k.ClearSeen {
		k.ClearSeen = cl.Time.UnixMilli()
		if !own && !cl.Silent {
			n.cleared = cl
		}
	}
	k.DeletedMax = max(k.DeletedMax, s.Deleted)
}

// tellNews tells what another device has changed, and asks for the messages that
// it deleted.
func (c *conv) tellNews(n *news) {
	switch {
	case n.unpinned && !n.pinned:
		c.post(abi.OnSessionCancellStickTopNotify(abi.Raw(c.of.ID), int(c.of.Kind)))
	case c.kept.Pin == nil:
	case n.pinned && !n.unpinned:
		c.post(abi.OnSessionSetToStickTopNotify(abi.Raw(c.appendStick(nil))))
	case n.repinned || n.pinned:
		c.post(abi.OnSessionUpdateStickTopNotify(abi.Raw(c.appendStick(nil))))
	}
	if cl := n.cleared; cl != nil {
		c.post(abi.OnMsglogDeleteHistoryMessages([]abi.DeleteSessionHistoryMessagesNotifyInfo{
			{ToType: int(c.of.Kind), Id: c.of.ID, Time: cl.Time.UnixMilli(), Ext: cl.Ext},
		}))
	}
	c.askDeleted()
}

// appendStick appends a pinned conversation with its item.
func (c *conv) appendStick(b []byte) []byte {
	b = c.appendPin(b)
	b = abi.AppendKey(b[:len(b)-1], "session_data")
	return append(c.appendItem(b, -1), '}')
}

// Pinned answers a call with the pinned conversations, the last pinned first.
func (e *Engine) Pinned(call module.Call) {
	refuse := func(err *nimerr.Error) {
		e.env.Sink.Answer(call, abi.AnswerSessionQueryStickTopSessionList(e.Code(err), abi.Raw("[]")), true)
	}
	e.withAccount(func(a *account) {
		var list []*conv
		for _, c := range a.convs {
			if c.kept.Pin != nil {
				list = append(list, c)
			}
		}
		slices.SortFunc(list, func(x, y *conv) int {
			return cmp.Or(cmp.Compare(y.kept.Pin.Time, x.kept.Pin.Time), cmp.Compare(x.row.Name, y.row.Name))
		})
		b := []byte{'['}
		for i, c := range list {
			if i > 0 {
				b = append(b, ',')
			}
			b = c.appendStick(b)
		}
		a.answer(call, abi.AnswerSessionQueryStickTopSessionList(int(nimerr.OK.Code), abi.Raw(append(b, ']'))))
	}, refuse)
}

// A Pinning pins a conversation on all devices, or ends that.
type Pinning struct {
	backend.SetPin
	Pinned bool // it has to be pinned already
	Answer func(err *nimerr.Error, stick []byte)
}

// RefusePin answers a Pinning that is wrong.
func (e *Engine) RefusePin(p Pinning, err *nimerr.Error) {
	p.Answer(err, (&conv{of: p.Conv}).appendPin(nil))
}

// Pin does it.
func (e *Engine) Pin(call module.Call, p Pinning) {
	refuse := func(err *nimerr.Error) { e.RefusePin(p, err) }
	e.withAccount(func(a *account) {
		if c := a.convs[p.Conv.Name()]; p.Pinned && (c == nil || c.kept.Pin == nil) {
			refuse(nimerr.NotFound.New("the session is not pinned"))
			return
		}
		a.changeState(p.Conv, p.SetPin, refuse, func(c *conv, _ *backend.Head) {
			p.Answer(nil, c.appendStick(nil))
			c.tellIfChanged()
		})
	}, refuse)
}

// changeState asks the server for a change of state; then runs once what it says is
// stored.
func (a *account) changeState(of backend.Conv, r backend.Request, refuse func(*nimerr.Error), then func(*conv, *backend.Head)) {
	done := a.opened(refuse)
	a.request(r, 0, func(res backend.Result) {
		open := done()
		err := refused(res)
		changed, ok := res.Body.(backend.HeadChanged)
		if err == nil && !ok {
			err = nimerr.ProtocolError.New("no head")
		}
		if err != nil {
			if open {
				refuse(err)
			}
			return
		}
		c := a.conv(of)
		var t taken
		err = a.update(func(tx store.Tx) error {
			t = taken{}
			if err := c.takeHead(tx, &changed.Head, &t, false); err != nil {
				return err
			}
			t.news = news{} // it is this device's own
			return c.save(tx)
		})
		switch {
		case err != nil:
			a.reload(c)
			if open {
				refuse(err)
			}
			return
		case open:
			then(c, &changed.Head)
		}
		c.follow(&t)
	})
}

// refused is why a request has not been done; nil: it has.
func refused(r backend.Result) *nimerr.Error {
	switch {
	case r.Err != nil:
		return r.Err
	case r.Outcome == backend.NotSent:
		return nimerr.ConnectionLost.New("")
	case r.Outcome == backend.Unknown:
		return nimerr.Timeout.New("")
	}
	return nil
}

// A Wipe deletes what the server has of a conversation for the account.
type Wipe struct {
	backend.Clear
	Answer func(err *nimerr.Error, at int64)
}

// Wipe does it. What is stored here stays.
func (e *Engine) Wipe(call module.Call, w Wipe) {
	refuse := func(err *nimerr.Error) { w.Answer(err, 0) }
	e.withAccount(func(a *account) {
		a.changeState(w.Conv, w.Clear, refuse, func(c *conv, h *backend.Head) {
			at := int64(0)
			if h.State != nil && h.State.Clear != nil {
				at = h.State.Clear.Time.UnixMilli()
			}
			w.Answer(nil, at)
		})
	}, refuse)
}

// WipeItem is RemoveItem that also deletes what the server has.
func (e *Engine) WipeItem(call module.Call, of backend.Conv) {
	refuse := func(err *nimerr.Error) { e.RefuseRemoveItem(call, of, err) }
	e.withAccount(func(a *account) {
		a.changeState(of, backend.Clear{Conv: of, Silent: true}, refuse, func(*conv, *backend.Head) { a.removeItem(call, of, refuse) })
	}, refuse)
}
