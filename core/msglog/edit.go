package msglog

import (
	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/engine"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/core/recent"
	"github.com/libnim/libnim/core/store"
	"github.com/libnim/libnim/internal/nimerr"
)

// Sub-statuses, NIMMsgLogSubStatus.
const (
	notPlayed = 20
	played    = 21
)

// SetStatus sets the status of one message.
func (m *Module) SetStatus(call module.Call, id string, status int) {
	if status < store.StatusNone || status > store.StatusRefused || status == store.StatusSending {
		m.Engine.EndEdit(call, id, nimerr.InvalidArgument.Newf(
			"msglog_status: want 0 to %d but %d, which only sending gives, got %d", store.StatusRefused, store.StatusSending, status))
		return
	}
	s := int32(status)
	m.Engine.Edit(call, id, engine.Edit{Status: &s})
}

// SetSubStatus sets the sub-status of one message.
func (m *Module) SetSubStatus(call module.Call, id string, status int) {
	if status != 0 && status != notPlayed && status != played {
		m.Engine.EndEdit(call, id, nimerr.InvalidArgument.Newf("msglog_sub_status: want 0, %d or %d, got %d", notPlayed, played, status))
		return
	}
	s := int32(status)
	m.Engine.Edit(call, id, engine.Edit{SubStatus: &s})
}

// SetLocalExt sets the local_ext of one message.
func (m *Module) SetLocalExt(call module.Call, id, ext string) {
	m.Engine.Edit(call, id, engine.Edit{LocalExt: &ext})
}

// Delete deletes one message here.
func (m *Module) Delete(call module.Call, session string, kind int, id string) {
	of, err := recent.Conv(kind, session)
	if err != nil {
		m.Engine.EndEdit(call, id, err)
		return
	}
	m.Engine.Edit(call, id, engine.Edit{Conv: of, Delete: true})
}

// DeleteOf deletes all messages of a session here. revert: a query of the server
// may bring them back.
func (m *Module) DeleteOf(call module.Call, id string, kind int, revert bool) {
	of, err := recent.Conv(kind, id)
	answer := func(err *nimerr.Error) { m.Engine.EndMarkRead(call, of, err) }
	if err != nil {
		answer(err)
		return
	}
	m.Engine.Clear(call, engine.Clearing{Conv: of, Revert: revert}, answer)
}

// DeleteKind deletes all messages of a kind of sessions here.
func (m *Module) DeleteKind(call module.Call, kind int, items, revert bool) {
	of := backend.Conv{Kind: backend.ConvKind(kind)}
	answer := func(err *nimerr.Error) { m.Engine.EndMarkRead(call, of, err) }
	letter := map[backend.ConvKind]string{backend.P2P: "p", backend.Team: "t", backend.SuperTeam: "s"}[of.Kind]
	if letter == "" {
		answer(nimerr.InvalidArgument.Newf("to_type: want 0, 1 or 5, got %d", kind))
		return
	}
	m.Engine.Clear(call, engine.Clearing{Kinds: letter, Items: items, Revert: revert}, answer)
}

// DeleteAll deletes all messages here.
func (m *Module) DeleteAll(call module.Call, items, revert bool) {
	m.Engine.Clear(call, engine.Clearing{Items: items, Revert: revert}, func(err *nimerr.Error) { m.Engine.EndChange(call, err) })
}

// DeleteSpan deletes the messages of a session between two times, both included.
func (m *Module) DeleteSpan(call module.Call, id string, kind int, first, last int64, revert bool) {
	of, err := recent.Conv(kind, id)
	if err == nil && (first < 0 || last <= 0 || last < first) {
		err = nimerr.InvalidArgument.Newf("timestamp2: want ms since 1970 from timestamp1 on, got %d and %d", first, last)
	}
	answer := func(err *nimerr.Error) { m.Engine.EndChange(call, err) }
	if err != nil {
		answer(err)
		return
	}
	m.Engine.Clear(call, engine.Clearing{Conv: of, First: first, Last: last, Revert: revert}, answer)
}

// ReadAll gives all received messages the status read.
func (m *Module) ReadAll(call module.Call) { m.Engine.ReadAll(call) }
