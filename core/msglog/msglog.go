// Package msglog is the ABI's module msglog on the engine: what is stored.
package msglog

import (
	"strings"

	"github.com/tidwall/gjson"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/engine"
	"github.com/libnim/libnim/core/message"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/core/recent"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// maxPage is the most that one query gives.
const maxPage = 1000

// Module is the module.
type Module struct {
	Engine *engine.Engine
	NewID  func() string // for messages without a client_msg_id
}

// Query answers with a page of a session, around a time that is not in it.
func (m *Module) Query(call module.Call, id string, kind, limit int, anchor int64, extension string) {
	of, err := recent.Conv(kind, id)
	o, bad := abi.DecodeMsglogQueryOptions(extension)
	switch {
	case err != nil:
	case bad != nil:
		err = nimerr.From(bad, nimerr.InvalidArgument)
	case limit < 1 || limit > maxPage:
		err = nimerr.InvalidArgument.Newf("limit_count: want 1 to %d, got %d", maxPage, limit)
	case anchor < 0:
		err = nimerr.InvalidArgument.Newf("anchor_msg_time: want ms since 1970, or 0, got %d", anchor)
	}
	if err != nil {
		m.Engine.RefuseMessages(call, of, err)
		return
	}
	m.Engine.Messages(call, engine.Page{
		Conv: of, Limit: limit, Anchor: anchor, End: o.Endtime, Newer: o.Direction == 1, Rising: o.Reverse,
	})
}

// Ranges of a query, NIMMsgLogQueryRange; the first three are kinds of sessions.
var ranges = map[int]string{100: "", 101: "p", 102: "t", 103: "s"}

// find is a query of stored messages from which a page is made.
func find(limit int, from, end int64, known string, rising bool) (f engine.Find, err *nimerr.Error) {
	f.Known, f.Limit, f.OldestFirst = known, limit, rising
	switch {
	case limit < 1 || limit > maxPage:
		err = nimerr.InvalidArgument.Newf("limit_count: want 1 to %d, got %d", maxPage, limit)
	case from < 0:
		err = nimerr.InvalidArgument.Newf("from_time: want ms since 1970, or 0, got %d", from)
	case end < 0 || end > 0 && end < from:
		err = nimerr.InvalidArgument.Newf("end_time: want 0, or ms since 1970 from from_time on, got %d", end)
	}
	if from > 0 {
		f.After = from - 1
	}
	if end > 0 {
		f.Before = end + 1
	}
	return f, err
}

// ByType answers with messages of some types of a session.
func (m *Module) ByType(call module.Call, kind int, id string, limit int, from, end int64, known string, rising bool, types string) {
	of, err := recent.Conv(kind, id)
	f, bad := find(limit, from, end, known, rising)
	list, wrong := recent.Types("msg_types", types)
	for _, e := range []*nimerr.Error{bad, wrong} {
		if err == nil {
			err = e
		}
	}
	if err != nil {
		m.Engine.RefuseMessages(call, of, err)
		return
	}
	f.Conv, f.Types = of, list
	m.Engine.Find(call, f)
}

// ByOptions answers with messages of a session, or of many, by type and text.
func (m *Module) ByOptions(call module.Call, o abi.MsglogSearch) {
	f, err := find(o.LimitCount, o.FromTime, o.EndTime, o.EndClientMsgId, o.Reverse)
	kinds, many := ranges[o.QueryRange]
	switch {
	case many:
		f.Kinds = kinds
	case len(o.Ids) == 1:
		of, bad := recent.Conv(o.QueryRange, o.Ids[0])
		if f.Conv = of; err == nil {
			err = bad
		}
	case err == nil:
		err = nimerr.InvalidArgument.Newf("ids: want one id with the query_range %d, got %d", o.QueryRange, len(o.Ids))
	}
	if err == nil && (o.MsgType < 0 || o.MsgType > message.TypeUnknown) {
		err = nimerr.InvalidArgument.Newf("msg_type: want a type, or %d for all, got %d", message.TypeUnknown, o.MsgType)
	}
	if err != nil {
		m.Engine.RefuseMessages(call, f.Conv, err)
		return
	}
	if o.MsgType != message.TypeUnknown {
		f.Types = []int32{int32(o.MsgType)}
	}
	if o.MsgSubType != 0 {
		sub := int32(o.MsgSubType)
		f.SubType = &sub
	}
	f.Text = o.SearchContent
	m.Engine.Find(call, f)
}

// ByOptionsText is ByOptions with all options in one JSON object.
func (m *Module) ByOptionsText(call module.Call, text string) {
	o, bad := abi.DecodeMsglogSearch(text)
	if bad != nil {
		m.Engine.RefuseMessages(call, backend.Conv{}, nimerr.From(bad, nimerr.InvalidArgument))
		return
	}
	if len(o.Ids) == 1 && strings.HasPrefix(strings.TrimSpace(o.Ids[0]), "[") { // an array in a string
		m.ByOptionsList(call, o.Ids[0], o)
		return
	}
	m.ByOptions(call, o)
}

// IDs reads session ids, a JSON array of strings. No text is none.
func IDs(text string) ([]string, *nimerr.Error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	wrong := nimerr.InvalidArgument.New("ids: want a JSON array of strings")
	v := gjson.Parse(text)
	if !gjson.Valid(text) || !v.IsArray() {
		return nil, wrong
	}
	var ids []string
	for _, id := range v.Array() {
		if id.Type != gjson.String {
			return nil, wrong
		}
		ids = append(ids, id.Str)
	}
	return ids, nil
}

// ByOptionsList is ByOptions with the ids as the JSON text they come in.
func (m *Module) ByOptionsList(call module.Call, ids string, o abi.MsglogSearch) {
	list, err := IDs(ids)
	if err != nil {
		m.Engine.RefuseMessages(call, backend.Conv{}, err)
		return
	}
	o.Ids = list
	m.ByOptions(call, o)
}

// ByID answers with one message.
func (m *Module) ByID(call module.Call, id string) { m.Engine.Message(call, id) }

// Insert stores a message that is not sent, in a session that talk names where the
// message does not.
func (m *Module) Insert(call module.Call, talk, text string, onList bool) {
	d, err := message.ParseStored(text, talk)
	if d.Wire.ClientID == "" {
		d.SetClientID(m.NewID())
	}
	if err != nil {
		m.Engine.EndInsert(call, d, err)
		return
	}
	m.Engine.Insert(call, d, onList)
}

// MarkRead gives all received messages of a session the status read.
func (m *Module) MarkRead(call module.Call, id string, kind int) {
	of, err := recent.Conv(kind, id)
	if err != nil {
		m.Engine.EndMarkRead(call, of, err)
		return
	}
	m.Engine.MarkRead(call, of)
}
