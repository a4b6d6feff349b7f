package recent

import (
	"strconv"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/engine"
	"github.com/libnim/libnim/core/message"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// Pinned answers with the sessions that are pinned on all devices.
func (m *Module) Pinned(call module.Call) { m.Engine.Pinned(call) }

// Pin pins a session on all devices. answer has the shape of the call.
func (m *Module) Pin(call module.Call, id string, kind int, ext string, answer func(code int, stick abi.Text)) {
	m.pin(call, id, kind, engine.Pinning{SetPin: backend.SetPin{Ext: ext}}, answer)
}

// SetPinExt changes the text of a pinned session.
func (m *Module) SetPinExt(call module.Call, id string, kind int, ext string, answer func(code int, stick abi.Text)) {
	m.pin(call, id, kind, engine.Pinning{SetPin: backend.SetPin{Ext: ext}, Pinned: true}, answer)
}

// Unpin ends the pinning of a session on all devices.
func (m *Module) Unpin(call module.Call, id string, kind int, answer func(code int, stick abi.Text)) {
	m.pin(call, id, kind, engine.Pinning{SetPin: backend.SetPin{Off: true}, Pinned: true}, answer)
}

func (m *Module) pin(call module.Call, id string, kind int, p engine.Pinning, answer func(code int, stick abi.Text)) {
	of, err := Conv(kind, id)
	p.Conv = of
	p.Answer = func(err *nimerr.Error, stick []byte) { answer(m.Engine.Code(err), abi.Raw(stick)) }
	if err != nil {
		m.Engine.RefusePin(p, err)
		return
	}
	m.Engine.Pin(call, p)
}

// RemoveEx takes an item off the list; history: also what the server has of it.
func (m *Module) RemoveEx(call module.Call, kind int, id string, history bool) {
	of, err := Conv(kind, id)
	switch {
	case err != nil:
		m.Engine.RefuseRemoveItem(call, of, err)
	case history:
		m.Engine.WipeItem(call, of)
	default:
		m.Engine.RemoveItem(call, of)
	}
}

// Wipe deletes what the server has of a session.
func (m *Module) Wipe(call module.Call, kind int, id string, answer func(code int, kind, id string)) {
	of, err := Conv(kind, id)
	say := func(err *nimerr.Error, _ int64) { answer(m.Engine.Code(err), strconv.Itoa(kind), id) }
	if err != nil {
		say(err, 0)
		return
	}
	m.Engine.Wipe(call, engine.Wipe{Clear: backend.Clear{Conv: of, Silent: true}, Answer: say})
}

// More answers with the mark that the server has more of a session's past.
func (m *Module) More(call module.Call, tag abi.SessionMainTagInfo) {
	of, err := Conv(tag.ToType, tag.SessionId)
	if err != nil {
		m.Engine.RefuseMore(call, of, err)
		return
	}
	m.Engine.More(call, of)
}

// AllMore answers with all marks.
func (m *Module) AllMore(call module.Call) { m.Engine.AllMore(call) }

// SetMore moves the mark of a session to a message.
func (m *Module) SetMore(call module.Call, text string, answer func(code int)) {
	say := func(err *nimerr.Error) { answer(m.Engine.Code(err)) }
	d, err := message.ParseStored(text, "")
	switch {
	case err == nil && d.Row.Time <= 0:
		err = nimerr.InvalidArgument.New("time: want the time of the message, in ms since 1970")
	case err == nil && d.Row.ServerID <= 0:
		err = nimerr.InvalidArgument.New("server_msg_id: want the id of the message")
	}
	if err != nil {
		say(err)
		return
	}
	m.Engine.SetMore(call, d.Conv, d.Row.Time, uint64(d.Row.ServerID), say)
}

// EndMore takes the mark of a session away.
func (m *Module) EndMore(call module.Call, tag abi.SessionMainTagInfo, answer func(code int)) {
	say := func(err *nimerr.Error) { answer(m.Engine.Code(err)) }
	of, err := Conv(tag.ToType, tag.SessionId)
	if err != nil {
		say(err)
		return
	}
	m.Engine.SetMore(call, of, 0, 0, say)
}
