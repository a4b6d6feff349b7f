package msglog

import (
	"github.com/tidwall/gjson"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/engine"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/internal/nimerr"
)

// SendReceipt tells the sender of a message that it was read.
func (m *Module) SendReceipt(call module.Call, text string) {
	r, err := received(text)
	switch {
	case err != nil:
	case r.Conv.Kind != backend.P2P:
		err = nimerr.InvalidArgument.Newf("to_type: want 0, receipts are for P2P sessions, got %d", r.Conv.Kind)
	case r.ClientID == "":
		err = nimerr.UnreadableMessage.New("client_msg_id: want the id of the message, got none")
	case r.Conv.ID == "":
		err = nimerr.UnreadableMessage.New("from_id: want the sender, got none")
	}
	if err != nil {
		m.Engine.EndReceipt(call, r, err)
		return
	}
	m.Engine.SendReceipt(call, r)
}

// ReceiptSent says whether a receipt for a message, or a later one, was sent.
func (m *Module) ReceiptSent(text string) bool {
	r, err := received(text)
	return err == nil && r.Conv.Kind == backend.P2P && m.Engine.ReceiptSent(r)
}

// ReadByPeer says whether the receiver has read a message of the account.
func (m *Module) ReadByPeer(text string) bool {
	r, err := named(text, "to_accid")
	return err == nil && r.Conv.Kind == backend.P2P && m.Engine.ReadByPeer(r)
}

// received names a message that came in: its session is its sender.
func received(text string) (engine.Receipt, *nimerr.Error) { return named(text, "from_id") }

// named reads what names a message; peer is the key of the session where there is
// no talk_id.
func named(text, peer string) (r engine.Receipt, err *nimerr.Error) {
	v := gjson.Parse(text)
	if !gjson.Valid(text) || !v.IsObject() {
		return r, nimerr.UnreadableMessage.New("want a JSON object")
	}
	str := func(key string) string {
		if s := v.Get(key); s.Type == gjson.String {
			return s.Str
		}
		return ""
	}
	r = engine.Receipt{
		Conv:   backend.Conv{Kind: backend.ConvKind(v.Get("to_type").Int()), ID: str("talk_id")},
		Sender: str("from_id"), ClientID: str("client_msg_id"), Time: v.Get("time").Int(),
	}
	if r.Conv.ID == "" {
		r.Conv.ID = str(peer)
	}
	return r, nil
}
