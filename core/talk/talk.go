// Package talk is the ABI's module talk on the engine: sending. What is received
// the engine tells by itself.
package talk

import (
	"github.com/tidwall/gjson"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/engine"
	"github.com/libnim/libnim/core/journal"
	"github.com/libnim/libnim/core/message"
	"github.com/libnim/libnim/internal/nimerr"
)

// Module is the module.
type Module struct {
	Engine  *engine.Engine
	Journal *journal.Journal
	NewID   func() string // for messages without a client_msg_id
}

// Send sends a message as a program gives it. It always ends in an
// acknowledgement, exactly one.
func (m *Module) Send(text string) { m.send(text, nil) }

// Reply sends a message as the reply to another one. It ends as Send does.
func (m *Module) Reply(to, text string) {
	text, err := message.Reply(to, text)
	m.send(text, err)
}

// send sends a message, or acknowledges that it cannot be: wrong is what was found
// before.
func (m *Module) send(text string, wrong *nimerr.Error) {
	d, err := message.Parse(text)
	if wrong != nil {
		err = wrong
	}
	if d.Wire.ClientID == "" {
		d.SetClientID(m.NewID())
	}
	if err != nil {
		m.Engine.RefuseSend(d, err)
		return
	}
	m.Engine.Send(d)
}

// Forward builds a message with the content of another one; "{}" where it cannot,
// since the call has no other answer.
func (m *Module) Forward(source, id string, to backend.Conv, setting string, at int64) string {
	text, err := message.Forward(source, id, to, setting, at)
	if err != nil {
		m.Journal.Add(journal.Warn, "retweet", journal.Str("err_name", err.Kind.Name), journal.Str("err_msg", err.Error()))
		return "{}"
	}
	return text
}

// StopSend ends the sending of a message that has not left.
func (m *Module) StopSend(text string) {
	v := gjson.Parse(text)
	str := func(key string) string {
		if s := v.Get(key); s.Type == gjson.String {
			return s.Str
		}
		return ""
	}
	id, to := str("client_msg_id"), str("to_accid")
	if to == "" {
		to = str("talk_id")
	}
	switch {
	case !gjson.Valid(text) || !v.IsObject():
		m.Engine.RefuseStop(nimerr.UnreadableMessage.New("want a JSON object"))
	case id == "":
		m.Engine.RefuseStop(nimerr.UnreadableMessage.New("client_msg_id: want the id of the message, got none"))
	default:
		m.Engine.StopSend(to, id)
	}
}
