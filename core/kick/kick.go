// Package kick drops other devices of the account.
package kick

import (
	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// Module is the module. The outcomes of its calls are events without a name, so
// they are told in the order of the calls.
type Module struct {
	module.Passive
	open []*outcome // not told yet, by age
}

type outcome struct {
	done bool
	kick []backend.KickResult
	err  *nimerr.Error
}

// Other drops devices; the result is an OtherEvent.
func (m *Module) Other(devices []string) {
	m.Session.Run(func() {
		o := m.begin()
		m.Session.Do(backend.KickOther{DeviceIDs: devices}, 0, func(r backend.Result) {
			ok, _ := r.Body.(backend.KickOtherOK)
			m.end(o, ok.Results, r.Err)
		})
	})
}

// Refuse makes the OtherEvent of a call that is wrong, in its turn.
func (m *Module) Refuse(err *nimerr.Error) {
	m.Session.Run(func() { m.end(m.begin(), nil, err) })
}

func (m *Module) begin() *outcome {
	o := &outcome{}
	m.open = append(m.open, o)
	return o
}

// end tells every outcome whose turn it is.
func (m *Module) end(o *outcome, kick []backend.KickResult, err *nimerr.Error) {
	*o = outcome{true, kick, err}
	for len(m.open) > 0 && m.open[0].done {
		first := m.open[0]
		m.open = m.open[1:]
		m.tell(first)
	}
}

// tell says which of the devices asked for were dropped.
func (m *Module) tell(o *outcome) {
	r := abi.KickOtherResult{ErrorInfo: m.Session.Info(o.err), DeviceIds: []string{}}
	for _, k := range o.kick {
		r.Results = append(r.Results, abi.KickedDevice{DeviceId: k.DeviceID, ErrCode: int(k.Code)})
		if k.Code == nimerr.OK.Code {
			r.DeviceIds = append(r.DeviceIds, k.DeviceID)
		}
	}
	m.Session.Post(abi.OnClientKickoutOtherClient(&r))
}
