package msglog

import (
	"github.com/tidwall/gjson"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/engine"
	"github.com/libnim/libnim/core/message"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/core/recent"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// maxPast is the most that one query of the server gives.
const maxPast = 100

// Online answers with a page of what the server has of a session.
func (m *Module) Online(call module.Call, id string, q abi.QueryMsgOnlineAsyncParam) {
	p := engine.Past{Save: q.NeedSaveToLocal}
	p.Exclude = q.IsExclusionType
	for _, t := range q.MsgTypeList {
		p.Types = append(p.Types, int32(t))
	}
	p.Known = uint64(max(q.EndMsgId, 0))
	m.past(call, id, q.ToType, q.LimitCount, q.FromTime, q.EndTime, q.Reverse, p)
}

// OnlineExt is Online with the types in the extension.
func (m *Module) OnlineExt(call module.Call, id string, q abi.QueryMsgOnlineAsyncParam, extension string) {
	if types := gjson.Get(extension, "query_msg_type_list"); types.Exists() {
		list, err := recent.Types("query_msg_type_list", types.Raw)
		if err != nil {
			m.Engine.RefuseMessages(call, backend.Conv{Kind: backend.ConvKind(q.ToType), ID: id}, err)
			return
		}
		for _, t := range list {
			q.MsgTypeList = append(q.MsgTypeList, int(t))
		}
	}
	m.Online(call, id, q)
}

// KeywordOnline answers with messages that the server has of a session, by their text.
func (m *Module) KeywordOnline(call module.Call, id, text string, q abi.QueryMsgByKeywordOnlineAsyncParam) {
	p := engine.Past{}
	if p.Text = text; text == "" {
		m.Engine.RefuseMessages(call, backend.Conv{Kind: backend.ConvKind(q.ToType), ID: id},
			nimerr.InvalidArgument.New("keyword: want a text, got none"))
		return
	}
	m.past(call, id, q.ToType, q.LimitCount, q.FromTime, q.EndTime, q.Reverse, p)
}

func (m *Module) past(call module.Call, id string, kind, limit int, from, end int64, rising bool, p engine.Past) {
	of, err := recent.Conv(kind, id)
	_, bad := find(min(limit, maxPast), from, end, "", rising)
	switch {
	case err != nil:
	case limit > maxPast:
		err = nimerr.InvalidArgument.Newf("limit_count: want 1 to %d, got %d", maxPast, limit)
	default:
		err = bad
	}
	if err != nil {
		m.Engine.RefuseMessages(call, of, err)
		return
	}
	p.Conv, p.Limit, p.From, p.To, p.OldestFirst = of, limit, from, end, rising
	m.Engine.Past(call, p)
}

// OneOnline answers with one message that the server has.
func (m *Module) OneOnline(call module.Call, q abi.QueryMsgAsyncParam) {
	of, err := conv(m.Engine, q.ToType, q.FromAccount, q.ToAccount)
	if err == nil && q.ServerId <= 0 && q.MsgTimetag <= 0 {
		err = nimerr.InvalidArgument.New("server_id, msg_timetag: want one of them")
	}
	if err != nil {
		m.Engine.RefuseMessage(call, q.ClientId, err)
		return
	}
	p := engine.Past{Past: backend.Past{Conv: of, Limit: 1}}
	if q.ServerId > 0 {
		p.Known = uint64(q.ServerId) + 1 // the newest one below it
	} else {
		p.From, p.To = q.MsgTimetag, q.MsgTimetag
	}
	m.Engine.PastOne(call, p, q.ClientId)
}

// conv is the conversation of a message by its two ends.
func conv(e *engine.Engine, kind int, from, to string) (backend.Conv, *nimerr.Error) {
	if backend.ConvKind(kind) == backend.P2P && to == e.Account() {
		to = from
	}
	return recent.Conv(kind, to)
}

// WipeHistory deletes what the server has of a session.
func (m *Module) WipeHistory(call module.Call, id string, kind int, told bool, ext string, answer func(code int, at int64)) {
	of, err := recent.Conv(kind, id)
	if err == nil && len(ext) > maxExt {
		err = nimerr.InvalidArgument.Newf("ext: want at most %d bytes, got %d", maxExt, len(ext))
	}
	say := func(err *nimerr.Error, at int64) { answer(m.Engine.Code(err), at) }
	if err != nil {
		say(err, 0)
		return
	}
	m.Engine.Wipe(call, engine.Wipe{Clear: backend.Clear{Conv: of, Ext: ext, Silent: !told}, Answer: say})
}

// maxExt is what a notice of a deletion has room for: char[1024] with its end.
const maxExt = 1023

// maxDeleted is how many messages one request deletes.
const maxDeleted = 100

// DeleteSelf deletes one message for the account, on all of its devices.
func (m *Module) DeleteSelf(call module.Call, text, ext string) {
	d, err := message.ParseStored(text, "")
	if err == nil && d.Wire.ClientID == "" {
		err = nimerr.InvalidArgument.New("client_msg_id: want the id of the message, got none")
	}
	if err == nil && len(ext) > maxExt {
		err = nimerr.InvalidArgument.Newf("ext: want at most %d bytes, got %d", maxExt, len(ext))
	}
	if err != nil {
		m.Engine.EndDeleteSelf(call, err)
		return
	}
	self := m.Engine.Account()
	sender := d.Sender
	if sender == "" {
		sender = self
	}
	of := d.Conv
	if of.Kind == backend.P2P && of.ID == self {
		of.ID = sender
	}
	m.Engine.DeleteSelf(call, []backend.Delete{{Conv: of, Items: []backend.Deletion{{Sender: sender, ClientID: d.Wire.ClientID, Ext: ext}}}})
}

// DeleteManySelf deletes messages for the account, on all of its devices.
func (m *Module) DeleteManySelf(call module.Call, list []abi.DeleteMessagesSelfParam) {
	var all []backend.Delete
	for i, p := range list {
		of, err := conv(m.Engine, p.ToType, p.FromAccount, p.ToAccount)
		if err == nil && (p.ClientId == "" || p.FromAccount == "") {
			err = nimerr.InvalidArgument.Newf("param[%d]: want a from_account and a client_id", i)
		}
		if err != nil {
			m.Engine.EndDeleteSelf(call, err)
			return
		}
		item := backend.Deletion{Sender: p.FromAccount, ClientID: p.ClientId, Ext: p.Ext}
		if n := len(all); n > 0 && all[n-1].Conv == of && len(all[n-1].Items) < maxDeleted {
			all[n-1].Items = append(all[n-1].Items, item)
			continue
		}
		all = append(all, backend.Delete{Conv: of, Items: []backend.Deletion{item}})
	}
	m.Engine.DeleteSelf(call, all)
}
