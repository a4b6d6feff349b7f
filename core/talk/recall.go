package talk

import (
	"github.com/tidwall/gjson"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/engine"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/internal/nimerr"
)

// Recall takes back the message that a program names with its JSON.
func (m *Module) Recall(call module.Call, text string, said backend.RecallSaid) {
	r := engine.Recall{Recall: backend.Recall{Said: said}}
	v := gjson.Parse(text)
	if !gjson.Valid(text) || !v.IsObject() {
		m.Engine.RefuseRecall(call, r, nimerr.UnreadableMessage.New("want a JSON object"))
		return
	}
	str := func(key string) string {
		if s := v.Get(key); s.Type == gjson.String {
			return s.Str
		}
		return ""
	}
	r.ClientID, r.Sender, r.Time = str("client_msg_id"), str("from_id"), v.Get("time").Int()
	r.Conv = backend.Conv{Kind: backend.ConvKind(v.Get("to_type").Int()), ID: str("to_accid")}
	if r.Conv.ID == "" {
		r.Conv.ID = str("talk_id")
	}
	switch {
	case r.ClientID == "":
		m.Engine.RefuseRecall(call, r, nimerr.RecallTooLateHere.New("client_msg_id: want the id of the message, got none"))
	case r.Conv.ID == "":
		m.Engine.RefuseRecall(call, r, nimerr.RecallTooLateHere.New("to_accid: want the receiver, got none"))
	case r.Conv.Kind != backend.P2P && r.Conv.Kind != backend.Team && r.Conv.Kind != backend.SuperTeam:
		m.Engine.RefuseRecall(call, r, nimerr.UnreadableMessage.Newf("to_type: want 0, 1 or 5, got %d", r.Conv.Kind))
	default:
		m.Engine.Recall(call, r)
	}
}
