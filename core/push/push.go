// Package push is the push-while-PC-online switch: whether phones of the account
// get pushes while a PC is online.
package push

import (
	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// Module is the module.
type Module struct{ module.Passive }

// Result answers Get and Set.
func Result(err abi.ErrorInfo, open int) abi.Posting {
	return abi.AnswerClientMultiportPushConfig(err.ErrCode, &abi.PushConfig{SwitchOpen: open}, &abi.Result{ErrorInfo: err})
}

// Get reads the switch.
func (m *Module) Get(call module.Call) { m.ask(call, backend.PushGet{}) }

// Set sets the switch: 1 or 2.
func (m *Module) Set(call module.Call, open int) { m.ask(call, backend.PushSet{SwitchOpen: open}) }

func (m *Module) ask(call module.Call, r backend.Request) {
	m.Session.Run(func() {
		m.Session.Do(r, 0, func(r backend.Result) {
			p, _ := r.Body.(backend.PushConfig)
			m.Session.Answer(call, Result(m.Session.Info(r.Err), p.SwitchOpen), true)
		})
	})
}

// Push implements module.Module.
func (m *Module) Push(e backend.Event) {
	if c, ok := e.(backend.PushChanged); ok {
		m.Session.Post(abi.OnClientSyncMultiportPushConfig(int(nimerr.OK.Code), &abi.PushConfig{SwitchOpen: c.SwitchOpen}, abi.Raw("{}")))
	}
}
