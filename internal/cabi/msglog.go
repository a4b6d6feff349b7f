package cabi

import (
	"github.com/libnim/libnim/internal/abi"
)

// The functions of msglog.

func (calls) msglogQueryMsgAsync(c call, id string, kind, limit int, anchor int64, extension string) {
	if k := client.Load(); k != nil {
		k.Msglog.Query(c.id(), id, kind, limit, anchor, extension)
	}
}

func (calls) msglogQueryMsgByIdAsync(c call, id, _ string) {
	if k := client.Load(); k != nil {
		k.Msglog.ByID(c.id(), id)
	}
}

func (calls) msglogQueryTheMessageOfTheSpecifiedTypeAsync(c call, kind int, id string, limit int, from, end int64, known string, reverse bool, types, _ string) {
	if k := client.Load(); k != nil {
		k.Msglog.ByType(c.id(), kind, id, limit, from, end, known, reverse, types)
	}
}

func (calls) msglogQueryMsgByOptionsAsync(c call, where int, ids string, limit int, from, end int64, known string, reverse bool, kind int, text, _ string) {
	if k := client.Load(); k != nil {
		k.Msglog.ByOptionsList(c.id(), ids, abi.MsglogSearch{
			QueryRange: where, LimitCount: limit, FromTime: from, EndTime: end, EndClientMsgId: known, Reverse: reverse,
			MsgType: kind, SearchContent: text,
		})
	}
}

func (calls) msglogQueryMsgByOptionsAsyncEx(c call, text string) {
	if k := client.Load(); k != nil {
		k.Msglog.ByOptionsText(c.id(), text)
	}
}

func (calls) msglogInsertMsglogAsync(c call, talk, text string, onList bool, _ string) {
	if k := client.Load(); k != nil {
		k.Msglog.Insert(c.id(), talk, text, onList)
	}
}

func (calls) msglogBatchStatusReadAsync(c call, id string, kind int, _ string) {
	if k := client.Load(); k != nil {
		k.Msglog.MarkRead(c.id(), id, kind)
	}
}

func (calls) msglogReadAllAsync(c call, _ string) {
	if k := client.Load(); k != nil {
		k.Msglog.ReadAll(c.id())
	}
}

func (calls) msglogSetStatusAsync(c call, id string, status int, _ string) {
	if k := client.Load(); k != nil {
		k.Msglog.SetStatus(c.id(), id, status)
	}
}

func (calls) msglogSetSubStatusAsync(c call, id string, status int, _ string) {
	if k := client.Load(); k != nil {
		k.Msglog.SetSubStatus(c.id(), id, status)
	}
}

func (calls) msglogUpdateLocalextAsync(c call, id, ext, _ string) {
	if k := client.Load(); k != nil {
		k.Msglog.SetLocalExt(c.id(), id, ext)
	}
}

func (calls) msglogDeleteAsync(c call, session string, kind int, id, _ string) {
	if k := client.Load(); k != nil {
		k.Msglog.Delete(c.id(), session, kind, id)
	}
}

func (calls) msglogBatchStatusDeleteAsync(c call, id string, kind int, _ string) {
	if k := client.Load(); k != nil {
		k.Msglog.DeleteOf(c.id(), id, kind, false)
	}
}

func (calls) msglogBatchStatusDeleteAsyncEx(c call, id string, kind int, revert bool, _ string) {
	if k := client.Load(); k != nil {
		k.Msglog.DeleteOf(c.id(), id, kind, revert)
	}
}

func (calls) msglogDeleteBySessionTypeAsync(c call, items bool, kind int, _ string) {
	if k := client.Load(); k != nil {
		k.Msglog.DeleteKind(c.id(), kind, items, false)
	}
}

func (calls) msglogDeleteBySessionTypeAsyncEx(c call, items bool, kind int, revert bool, _ string) {
	if k := client.Load(); k != nil {
		k.Msglog.DeleteKind(c.id(), kind, items, revert)
	}
}

func (calls) msglogDeleteAllAsync(c call, items bool, _ string) {
	if k := client.Load(); k != nil {
		k.Msglog.DeleteAll(c.id(), items, false)
	}
}

func (calls) msglogDeleteAllAsyncEx(c call, items, revert bool, _ string) {
	if k := client.Load(); k != nil {
		k.Msglog.DeleteAll(c.id(), items, revert)
	}
}

func (calls) msglogDeleteByTimeAsync(c call, id string, kind int, first, last int64, _ string) {
	if k := client.Load(); k != nil {
		k.Msglog.DeleteSpan(c.id(), id, kind, first, last, false)
	}
}

func (calls) msglogDeleteByTimeAsyncEx(c call, id string, kind int, revert bool, first, last int64, _ string) {
	if k := client.Load(); k != nil {
		k.Msglog.DeleteSpan(c.id(), id, kind, first, last, revert)
	}
}

func (calls) msglogQueryMsgOnlineAsync(c call, id string, kind, limit int, from, end, known int64, reverse, save bool, extension string) {
	if k := client.Load(); k != nil {
		k.Msglog.OnlineExt(c.id(), id, abi.QueryMsgOnlineAsyncParam{
			ToType: kind, LimitCount: limit, FromTime: from, EndTime: end, EndMsgId: known, Reverse: reverse, NeedSaveToLocal: save,
		}, extension)
	}
}

func (calls) msglogQueryMsgOnlineAsync2(c call, id string, q abi.QueryMsgOnlineAsyncParam) {
	if k := client.Load(); k != nil {
		k.Msglog.Online(c.id(), id, q)
	}
}

func (calls) msglogQueryMsgByKeywordOnlineAsync(c call, id, text string, q abi.QueryMsgByKeywordOnlineAsyncParam) {
	if k := client.Load(); k != nil {
		k.Msglog.KeywordOnline(c.id(), id, text, q)
	}
}

func (calls) msglogQueryMessageOnline(c call, q abi.QueryMsgAsyncParam) {
	if k := client.Load(); k != nil {
		k.Msglog.OneOnline(c.id(), q)
	}
}

func (calls) msglogDeleteHistoryOnlineAsync(c call, id string, _ bool, _ string) {
	n := c.id()
	if k := client.Load(); k != nil {
		k.Msglog.WipeHistory(n, id, abi.SessionTypeP2P, false, "", func(code int, _ int64) {
			answer(n, abi.AnswerMsglogDeleteHistoryOnlineRes(code, abi.Raw(id)))
		})
	}
}

func (calls) msglogDeleteHistoryOnlineAsyncEx(c call, id string, kind int, told bool, ext string) {
	n := c.id()
	if k := client.Load(); k != nil {
		k.Msglog.WipeHistory(n, id, kind, told, ext, func(code int, at int64) {
			answer(n, abi.AnswerMsglogDeleteHistoryOnlineResEx(code, abi.Raw(id), kind, uint64(at), abi.Raw(ext)))
		})
	}
}

func (calls) msglogDeleteMessageSelfAsync(c call, text, ext, _ string) {
	if k := client.Load(); k != nil {
		k.Msglog.DeleteSelf(c.id(), text, ext)
	}
}

func (calls) msglogDeleteMessagesSelfAsync(c call, list []abi.DeleteMessagesSelfParam) {
	if k := client.Load(); k != nil {
		k.Msglog.DeleteManySelf(c.id(), list)
	}
}

func (calls) msglogSendReceiptAsync(c call, text, _ string) {
	if k := client.Load(); k != nil {
		k.Msglog.SendReceipt(c.id(), text)
	}
}

func (calls) msglogQueryBeReaded(_ call, text, _ string) int64 {
	k := client.Load()
	return oneIf(k != nil && k.Msglog.ReadByPeer(text))
}

func (calls) msglogQueryReceiptSent(_ call, text, _ string) int64 {
	k := client.Load()
	return oneIf(k != nil && k.Msglog.ReceiptSent(text))
}

func oneIf(yes bool) int64 {
	if yes {
		return 1
	}
	return 0
}
