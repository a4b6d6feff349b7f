package cabi

import (
	"github.com/libnim/libnim/core/message"
	"github.com/libnim/libnim/core/session"
	"github.com/libnim/libnim/internal/abi"
)

// The functions of session.

func (calls) sessionQueryAllRecentSessionAsync(c call, _ string) {
	if k := client.Load(); k != nil {
		k.Recent.All(c.id())
	}
}

func (calls) sessionQueryLastFewSessionAsync(c call, limit int, _ string) {
	if k := client.Load(); k != nil {
		k.Recent.Few(c.id(), limit)
	}
}

func (calls) sessionQueryAllRecentSessionWithLastMsgExcludedTypeAsync(c call, _ string, excluded int) {
	if k := client.Load(); k != nil {
		if excluded == message.TypeUnknown {
			k.Recent.All(c.id())
			return
		}
		k.Recent.Without(c.id(), []int32{int32(excluded)})
	}
}

func (calls) sessionQueryAllRecentSessionWithLastMsgExcludedTypeAsyncEx(c call, _, excluded string) {
	if k := client.Load(); k != nil {
		k.Recent.WithoutList(c.id(), excluded)
	}
}

func (calls) sessionQuerySessiondataByIdAsync(c call, kind int, id, _ string) {
	if k := client.Load(); k != nil {
		k.Recent.ByID(c.id(), kind, id)
	}
}

func (calls) sessionSetUnreadCountZeroAsync(c call, kind int, id, _ string) {
	if k := client.Load(); k != nil {
		k.Recent.Zero(c.id(), kind, id)
	}
}

func (calls) sessionSetMultiUnreadCountZeroAsync(c call, _ bool, list string) {
	if k := client.Load(); k != nil {
		k.Recent.ZeroMany(c.id(), list)
	}
}

func (calls) sessionResetAllUnreadCountAsync(c call, _ string) {
	if k := client.Load(); k != nil {
		k.Recent.ZeroAll(c.id())
	}
}

func (calls) sessionSetTop(c call, kind int, id string, top bool, _ string) {
	if k := client.Load(); k != nil {
		k.Recent.SetTop(c.id(), kind, id, top)
	}
}

func (calls) sessionSetExtendData(c call, kind int, id, data, _ string) {
	if k := client.Load(); k != nil {
		k.Recent.SetData(c.id(), kind, id, data)
	}
}

func (calls) sessionDeleteRecentSessionAsync(c call, kind int, id, _ string) {
	if k := client.Load(); k != nil {
		k.Recent.Remove(c.id(), kind, id)
	}
}

func (calls) sessionDeleteAllRecentSessionAsync(c call, _ string) {
	if k := client.Load(); k != nil {
		k.Recent.RemoveAll(c.id())
	}
}

func (calls) sessionDeleteRecentSessionAsyncEx(c call, kind int, id string, history bool) {
	if k := client.Load(); k != nil {
		k.Recent.RemoveEx(c.id(), kind, id, history)
	}
}

func (calls) sessionDeleteSessionRoamingAsync(c call, kind int, id, _ string) {
	n := c.id()
	if k := client.Load(); k != nil {
		k.Recent.Wipe(n, kind, id, func(code int, kind, id string) {
			answer(n, abi.AnswerSessionDeleteSessionRoaming(code, abi.Raw(kind), abi.Raw(id)))
		})
	}
}

func (calls) sessionQueryStickTopSessionList(c call) {
	if k := client.Load(); k != nil {
		k.Recent.Pinned(c.id())
	}
}

func (calls) sessionSetToStickTop(c call, id string, kind int, ext string) {
	n := c.id()
	if k := client.Load(); k != nil {
		k.Recent.Pin(n, id, kind, ext, func(code int, stick abi.Text) { answer(n, abi.AnswerSessionSetToStickTop(code, stick)) })
	}
}

func (calls) sessionUpdateStickTop(c call, id string, kind int, ext string) {
	n := c.id()
	if k := client.Load(); k != nil {
		k.Recent.SetPinExt(n, id, kind, ext, func(code int, stick abi.Text) { answer(n, abi.AnswerSessionUpdateStickTop(code, stick)) })
	}
}

func (calls) sessionCancelStickTop(c call, id string, kind int) {
	n := c.id()
	if k := client.Load(); k != nil {
		k.Recent.Unpin(n, id, kind, func(code int, _ abi.Text) { answer(n, abi.AnswerSessionCancelStickTop(code, abi.Raw(id), kind)) })
	}
}

func (calls) sessionQuerySessionHasmoreRoammsg(c call, tag abi.SessionMainTagInfo) {
	if k := client.Load(); k != nil {
		k.Recent.More(c.id(), tag)
	}
}

func (calls) sessionQueryAllSessionHasmoreRoammsg(c call) {
	if k := client.Load(); k != nil {
		k.Recent.AllMore(c.id())
	}
}

func (calls) sessionUpdateSessionHasmoreRoammsg(c call, text string) {
	n := c.id()
	if k := client.Load(); k != nil {
		k.Recent.SetMore(n, text, func(code int) { answer(n, abi.AnswerSessionUpdateSessionHasmoreRoammsg(code)) })
	}
}

func (calls) sessionDeleteSessionHasmoreRoammsg(c call, tag abi.SessionMainTagInfo) {
	n := c.id()
	if k := client.Load(); k != nil {
		k.Recent.EndMore(n, tag, func(code int) { answer(n, abi.AnswerSessionDeleteSessionHasmoreRoammsg(code)) })
	}
}

// answer completes a call whose module does not know its callback.
func answer(n session.Call, p abi.Posting) { sink{}.Answer(n, p, true) }
