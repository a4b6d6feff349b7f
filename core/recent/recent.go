// Package recent is the ABI's module session on the engine: the list of recent
// sessions.
package recent

import (
	"strings"

	"github.com/tidwall/gjson"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/engine"
	"github.com/libnim/libnim/core/message"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/internal/nimerr"
)

// Module is the module.
type Module struct{ Engine *engine.Engine }

// maxData is how long the text of the program in an item may be, in bytes.
const maxData = 4096

// maxZeroed is how many sessions one call may make 0.
const maxZeroed = 1000

// All answers with the whole list.
func (m *Module) All(call module.Call) { m.Engine.Recent(call, engine.Listing{Limit: -1}) }

// Few answers with the first items of the list.
func (m *Module) Few(call module.Call, limit int) {
	m.Engine.Recent(call, engine.Listing{Limit: max(limit, 0)})
}

// Without answers with the whole list; no last message has one of the types.
func (m *Module) Without(call module.Call, types []int32) {
	m.Engine.Recent(call, engine.Listing{Limit: -1, Excluded: types})
}

// WithoutList is Without for types as a JSON array of integers. What is no such
// array is no answer: the callback takes no code.
func (m *Module) WithoutList(call module.Call, text string) {
	types, err := Types("last_msg_excluded_type_list", text)
	if err != nil {
		m.Engine.NoRecent(call)
		return
	}
	m.Without(call, types)
}

// Types reads message types, a JSON array of integers. 1000, the type of no message,
// is left out.
func Types(argument, text string) (types []int32, err *nimerr.Error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	wrong := nimerr.InvalidArgument.Newf("%s: want a JSON array of integers", argument)
	v := gjson.Parse(text)
	if !gjson.Valid(text) || !v.IsArray() {
		return nil, wrong
	}
	for _, n := range v.Array() {
		if n.Type != gjson.Number || n.Num != float64(int32(n.Num)) {
			return nil, wrong
		}
		if n.Num != message.TypeUnknown {
			types = append(types, int32(n.Num))
		}
	}
	return types, nil
}

// ByID answers with one item.
func (m *Module) ByID(call module.Call, kind int, id string) {
	of, err := Conv(kind, id)
	if err != nil {
		m.Engine.RefuseItem(call, of, err)
		return
	}
	m.Engine.Item(call, of)
}

// SetTop marks an item as on top, on this device.
func (m *Module) SetTop(call module.Call, kind int, id string, top bool) {
	m.set(call, kind, id, engine.Dress{Top: &top})
}

// SetData keeps a text of the program with an item, on this device.
func (m *Module) SetData(call module.Call, kind int, id, data string) {
	m.set(call, kind, id, engine.Dress{Data: &data})
}

func (m *Module) set(call module.Call, kind int, id string, d engine.Dress) {
	of, err := Conv(kind, id)
	if err == nil && d.Data != nil && len(*d.Data) > maxData {
		err = nimerr.InvalidArgument.Newf("data: want at most %d bytes, got %d", maxData, len(*d.Data))
	}
	if err != nil {
		m.Engine.RefuseZero(call, of, err)
		return
	}
	m.Engine.SetItem(call, of, d)
}

// Remove takes an item off the list.
func (m *Module) Remove(call module.Call, kind int, id string) {
	of, err := Conv(kind, id)
	if err != nil {
		m.Engine.RefuseRemoveItem(call, of, err)
		return
	}
	m.Engine.RemoveItem(call, of)
}

// RemoveAll empties the list.
func (m *Module) RemoveAll(call module.Call) { m.Engine.RemoveAllItems(call) }

// ZeroMany makes the unread numbers of sessions 0: a JSON array of {"id","type"}.
func (m *Module) ZeroMany(call module.Call, text string) {
	list, err := sessions(text)
	if err != nil {
		m.Engine.RefuseZeroMany(call, err)
		return
	}
	m.Engine.ZeroMany(call, list)
}

func sessions(text string) (list []backend.Conv, err *nimerr.Error) {
	v := gjson.Parse(text)
	if !gjson.Valid(text) || !v.IsArray() {
		return nil, nimerr.InvalidArgument.New("unread_count_zero_info_list: want a JSON array of objects")
	}
	all := v.Array()
	if len(all) > maxZeroed {
		return nil, nimerr.InvalidArgument.Newf("unread_count_zero_info_list: want at most %d sessions, got %d", maxZeroed, len(all))
	}
	for i, s := range all {
		id, kind := s.Get("id"), s.Get("type")
		if id.Type != gjson.String || kind.Type != gjson.Number {
			return nil, nimerr.InvalidArgument.Newf("unread_count_zero_info_list[%d]: want {\"id\": a string, \"type\": an integer}", i)
		}
		of, err := Conv(int(kind.Int()), id.Str)
		if err != nil {
			return nil, err
		}
		list = append(list, of)
	}
	return list, nil
}

// Zero makes the unread number of a session 0.
func (m *Module) Zero(call module.Call, kind int, id string) {
	of, err := Conv(kind, id)
	if err != nil {
		m.Engine.RefuseZero(call, of, err)
		return
	}
	m.Engine.Zero(call, of)
}

// ZeroAll makes the unread numbers of all sessions 0.
func (m *Module) ZeroAll(call module.Call) { m.Engine.ZeroAll(call) }

// Conv is the conversation that a program names.
func Conv(kind int, id string) (backend.Conv, *nimerr.Error) {
	of := backend.Conv{Kind: backend.ConvKind(kind), ID: id}
	switch of.Kind {
	case backend.P2P, backend.Team, backend.SuperTeam:
	default:
		return of, nimerr.InvalidArgument.Newf("the type of the session: want 0, 1 or 5, got %d", kind)
	}
	if id == "" {
		return of, nimerr.InvalidArgument.New("the id of the session: want an account or a team, got an empty string")
	}
	return of, nil
}
