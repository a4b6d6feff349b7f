package engine

import (
	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/core/store"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// A mark says that the server has more of a conversation's past than was fetched
// when this device met it. The program moves it as it fetches.

// markMore sets the mark if there is more below the oldest stored message.
func (c *conv) markMore(tx store.Tx) error {
	if _, more := c.line.Past(); !more {
		return nil
	}
	list, err := tx.Messages(store.Query{Conversation: c.row.Name, OldestFirst: true, Limit: 1})
	if err == nil && len(list) > 0 {
		c.kept.More = &mark{Time: list[0].Time, ServerID: uint64(list[0].ServerID)}
	}
	return err
}

func (c *conv) tag() abi.SessionRoamMsgHasMoreTagInfo {
	t := abi.SessionRoamMsgHasMoreTagInfo{SessionTagInfo: abi.SessionMainTagInfo{SessionId: c.of.ID, ToType: int(c.of.Kind)}}
	if m := c.kept.More; m != nil {
		t.MessageTimeTag, t.MessageServerId = uint64(m.Time), m.ServerID
	}
	return t
}

// More answers a call with the mark of a conversation.
func (e *Engine) More(call module.Call, of backend.Conv) {
	refuse := func(err *nimerr.Error) { e.RefuseMore(call, of, err) }
	e.withAccount(func(a *account) {
		c := a.convs[of.Name()]
		if c == nil || c.kept.More == nil {
			refuse(nimerr.NotFound.New("the session has no mark"))
			return
		}
		t := c.tag()
		a.answer(call, abi.AnswerSessionQuerySessionHasmoreRoammsg(int(nimerr.OK.Code), &t))
	}, refuse)
}

// RefuseMore answers a More that has no result.
func (e *Engine) RefuseMore(call module.Call, of backend.Conv, err *nimerr.Error) {
	t := (&conv{of: of}).tag()
	e.env.Sink.Answer(call, abi.AnswerSessionQuerySessionHasmoreRoammsg(e.Code(err), &t), true)
}

// AllMore answers a call with all marks.
func (e *Engine) AllMore(call module.Call) {
	refuse := func(err *nimerr.Error) {
		e.env.Sink.Answer(call, abi.AnswerSessionQueryAllSessionHasmoreRoammsg(e.Code(err), nil), true)
	}
	e.withAccount(func(a *account) {
		var list []abi.SessionRoamMsgHasMoreTagInfo
		for _, c := range a.sorted() {
			if c.kept.More != nil {
				list = append(list, c.tag())
			}
		}
		a.answer(call, abi.AnswerSessionQueryAllSessionHasmoreRoammsg(int(nimerr.OK.Code), list))
	}, refuse)
}

// SetMore moves the mark of a conversation to a message, or takes it away where the
// time is 0.
func (e *Engine) SetMore(call module.Call, of backend.Conv, at int64, id uint64, answer func(*nimerr.Error)) {
	e.withAccount(func(a *account) {
		c := a.conv(of)
		if at == 0 && c.kept.More == nil {
			answer(nil)
			return
		}
		err := a.update(func(tx store.Tx) error {
			if c.kept.More = nil; at != 0 {
				c.kept.More = &mark{Time: at, ServerID: id}
			}
			return c.save(tx)
		})
		if err != nil {
			a.reload(c)
		}
		answer(err)
	}, answer)
}
