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

// listedConvs are the items of the list, the newest first.
func (a *account) listedConvs() (list []*conv) {
	for _, c := range a.convs {
		if c.listed() {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(x, y *conv) int {
		return cmp.Or(cmp.Compare(y.row.LastTime, x.row.LastTime), cmp.Compare(x.row.Name, y.row.Name))
	})
	return list
}

// A Listing says what of the list of sessions is wanted.
type Listing struct {
	Limit    int     // the newest; < 0: all
	Excluded []int32 // types that no last message has
}

// Recent answers a call with the list of sessions, the newest first.
func (e *Engine) Recent(call module.Call, l Listing) {
	refuse := func(*nimerr.Error) { e.NoRecent(call) }
	e.withAccount(func(a *account) {
		list := a.listedConvs()
		if l.Limit >= 0 && len(list) > l.Limit {
			list = list[:l.Limit]
		}
		b := appendInt([]byte{'{'}, "count", int64(len(list)))
		b = appendInt(b, "unread_counts", a.total)
		b = append(abi.AppendKey(b, "content"), '[')
		for i, c := range list {
			last := c.row.Last
			if last != nil && slices.Contains(l.Excluded, last.Type) {
				var err error
				if last, err = a.store.Newest(c.row.Name, l.Excluded...); err != nil {
					refuse(storeError(err))
					return
				}
			}
			if i > 0 {
				b = append(b, ',')
			}
			c.known = true
			b = c.appendItemWith(b, -1, last)
		}
		a.answer(call, abi.AnswerSessionQueryRecentSession(int(a.total), abi.Raw(append(b, "]}"...)), nil))
	}, refuse)
}

// NoRecent answers a query of the list that cannot be: its callback takes no code.
func (e *Engine) NoRecent(call module.Call) {
	e.env.Sink.Answer(call, abi.AnswerSessionQueryRecentSession(0, abi.Raw(`{"count":0,"unread_counts":0,"content":[]}`), nil), true)
}

// Item answers a call with one item of the list.
func (e *Engine) Item(call module.Call, of backend.Conv) {
	refuse := func(err *nimerr.Error) { e.RefuseItem(call, of, err) }
	e.withAccount(func(a *account) {
		c := a.convs[of.Name()]
		if c == nil || !c.listed() {
			refuse(nimerr.NotFound.New("the session is not on the list"))
			return
		}
		a.answer(call, abi.AnswerSessionQuerySessiondataById(int(nimerr.OK.Code), abi.Raw(c.appendItem(nil, -1))))
	}, refuse)
}

// RefuseItem answers an Item that is wrong.
func (e *Engine) RefuseItem(call module.Call, of backend.Conv, err *nimerr.Error) {
	b := appendInt(appendText([]byte{'{'}, "id", of.ID), "type", int64(of.Kind))
	e.env.Sink.Answer(call, abi.AnswerSessionQuerySessiondataById(e.Code(err), abi.Raw(append(b, '}'))), true)
}

// A Dress is what the program keeps with an item of the list, on this device.
type Dress struct {
	Top  *bool
	Data *string
}

// SetItem changes what the program keeps with an item.
func (e *Engine) SetItem(call module.Call, of backend.Conv, d Dress) {
	refuse := func(err *nimerr.Error) { e.RefuseZero(call, of, err) }
	e.withAccount(func(a *account) {
		c := a.convs[of.Name()]
		if c == nil || !c.listed() {
			refuse(nimerr.NotFound.New("the session is not on the list"))
			return
		}
		err := a.update(func(tx store.Tx) error {
			if d.Data != nil {
				c.row.Data = *d.Data
			}
			if d.Top != nil {
				c.row.Flags &^= store.FlagTop
				if *d.Top {
					c.row.Flags |= store.FlagTop
				}
			}
			return c.save(tx)
		})
		if err != nil {
			a.reload(c)
			refuse(err)
			return
		}
		a.answer(call, sessionAnswer(c.appendItem(nil, commandUpdate), a.total))
		c.tellIfChanged()
	}, refuse)
}

// unlist takes the item off the list. Only a newer message brings it back.
func (c *conv) unlist() {
	c.row.Zeroed = max(c.row.Zeroed, int64(c.line.Max))
	c.row.Flags &^= store.FlagListed | store.FlagTop
	c.row.Data, c.row.Last, c.row.LastRow = "", nil, 0
	c.zeroed()
}

// RemoveItem takes an item off the list; its messages stay.
func (e *Engine) RemoveItem(call module.Call, of backend.Conv) {
	refuse := func(err *nimerr.Error) { e.RefuseRemoveItem(call, of, err) }
	e.withAccount(func(a *account) {
		a.removeItem(call, of, refuse)
	}, refuse)
}

// RefuseRemoveItem answers a RemoveItem that is wrong.
func (e *Engine) RefuseRemoveItem(call module.Call, of backend.Conv, err *nimerr.Error) {
	e.env.Sink.Answer(call, abi.AnswerSessionChange(e.Code(err), abi.Raw(appendUnknown(nil, of, commandRemove)), 0, errorInfo(err)), true)
}

func (a *account) removeItem(call module.Call, of backend.Conv, refuse func(*nimerr.Error)) {
	c := a.convs[of.Name()]
	listed := c != nil && c.listed()
	if listed {
		if err := c.takeOff(); err != nil {
			refuse(err)
			return
		}
	}
	item := appendUnknown(nil, of, commandRemove)
	a.answer(call, sessionAnswer(item, a.total))
	if listed {
		a.post(abi.OnSessionChange(int(nimerr.OK.Code), abi.Raw(item), int(a.total), nil))
		c.sendRead()
	}
}

func (c *conv) takeOff() *nimerr.Error {
	err := c.update(func(tx store.Tx) error {
		c.unlist()
		return c.save(tx)
	})
	if err != nil {
		c.reload(c)
		return err
	}
	c.known, c.shown, c.item = false, 0, ""
	return nil
}

// RemoveAllItems empties the list.
func (e *Engine) RemoveAllItems(call module.Call) {
	refuse := func(err *nimerr.Error) {
		e.env.Sink.Answer(call, abi.AnswerSessionChange(e.Code(err), abi.Raw(appendUnknown(nil, backend.Conv{}, commandRemoveAll)), 0, errorInfo(err)), true)
	}
	e.withAccount(func(a *account) {
		list := a.listedConvs()
		err := a.update(func(tx store.Tx) error {
			for _, c := range list {
				c.unlist()
				if err := c.save(tx); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			for _, c := range list {
				a.reload(c)
			}
			refuse(err)
			return
		}
		a.answer(call, sessionAnswer(appendUnknown(nil, backend.Conv{}, commandRemoveAll), a.total))
		a.tellAllCommand(commandRemoveAll)
		for _, c := range list {
			c.known, c.shown, c.item = false, 0, ""
			c.sendRead()
		}
	}, refuse)
}

// ZeroMany makes the unread numbers of some conversations 0.
func (e *Engine) ZeroMany(call module.Call, of []backend.Conv) {
	refuse := func(err *nimerr.Error) { e.RefuseZeroMany(call, err) }
	e.withAccount(func(a *account) {
		items := []byte{'['}
		var zeroed []*conv
		for i, o := range of {
			if i > 0 {
				items = append(items, ',')
			}
			c := a.convs[o.Name()]
			if c == nil {
				items = append(items, appendUnknown(nil, o, commandUpdate)...)
				continue
			}
			if err := c.zero(); err != nil {
				refuse(err)
				return
			}
			zeroed = append(zeroed, c)
			items = c.appendItem(items, commandUpdate)
		}
		a.answer(call, abi.AnswerSessionMultiChange(int(nimerr.OK.Code), abi.Raw(append(items, ']')), int(a.total)))
		for _, c := range zeroed {
			c.tellIfChanged()
			c.sendRead()
		}
	}, refuse)
}

// RefuseZeroMany answers a ZeroMany that is wrong.
func (e *Engine) RefuseZeroMany(call module.Call, err *nimerr.Error) {
	e.env.Sink.Answer(call, abi.AnswerSessionMultiChange(e.Code(err), abi.Raw("[]"), 0), true)
}
