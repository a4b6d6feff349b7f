// Package talk is the ABI's module talk on the engine: sending. What is received
// the engine tells by itself.
package talk

import (
	"github.com/libnim/libnim/core/engine"
	"github.com/libnim/libnim/core/message"
)

// Module is the module.
type Module struct {
	Engine *engine.Engine
	NewID  func() string // for messages without a client_msg_id
}

// Send sends a message as a program gives it. It always ends in an
// acknowledgement, exactly one.
func (m *Module) Send(text string) {
	d, err := message.Parse(text)
	if d.Wire.ClientID == "" {
		d.SetClientID(m.NewID())
	}
	if err != nil {
		m.Engine.RefuseSend(d, err)
		return
	}
	m.Engine.Send(d)
}
