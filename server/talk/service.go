package talk

import (
	"context"
	"encoding/json"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server/gateway"
	"github.com/libnim/libnim/server/presence"
	"github.com/libnim/libnim/server/store"
)

// As is the account in whose name the app's own server asks. What it asks for is
// done as for a device of the account, but without rates, and a recall is never
// too late.
type As struct {
	App, Account string
	Nick         string // name of the account
}

// clientREST is the client type of what the app's server does, NIMClientType.
const clientREST = 32

func (w As) request(ctx context.Context, t *Talk, op wire.Op, ask any, run gateway.Handler) (any, error) {
	r := &gateway.Request{
		Frame: wire.Frame{Op: op}, App: w.App, Account: w.Account, Nick: w.Nick, Conn: "service", Service: true,
		Device: presence.Device{DeviceID: "rest", ClientType: clientREST},
	}
	var err error
	if r.Body, err = json.Marshal(ask); err != nil {
		return nil, err
	}
	return t.timed(run)(ctx, r)
}

// SendAs stores a message and tells both sides.
func (t *Talk) SendAs(ctx context.Context, w As, peer string, m wire.Message) (*wire.SentResult, error) {
	if err := t.check(m); err != nil {
		return nil, err
	}
	out, err := w.request(ctx, t, wire.OpSend, wire.Send{Conversation: wire.ConvP2P + peer, Messages: []wire.Message{m}}, t.send)
	if err != nil {
		return nil, err
	}
	res := &out.(*wire.Sent).Results[0]
	if kind := nimerr.ByName(res.ErrName); res.Code != nimerr.OK.Code && kind != nil {
		return nil, kind.New("")
	}
	return res, nil
}

// RecallAs takes a message of the account back.
func (t *Talk) RecallAs(ctx context.Context, w As, peer, id string, said wire.RecallSaid) (*wire.RecallDone, error) {
	out, err := w.request(ctx, t, wire.OpRecall, wire.Recall{Conversation: wire.ConvP2P + peer, ClientMsgID: id, RecallSaid: said}, t.recall)
	if err != nil {
		return nil, err
	}
	done := out.(wire.RecallDone)
	return &done, nil
}

// ReadAs moves the account's read mark forward.
func (t *Talk) ReadAs(ctx context.Context, w As, peer string, seq uint64) error {
	_, err := w.request(ctx, t, wire.OpRead, wire.Read{Conversation: wire.ConvP2P + peer, Seq: seq}, t.read)
	return err
}

// ConversationsAs hands out the account's conversations, the one that changed last
// first, from a page on; "" is the first. next is the page behind it; "": that is all.
func (t *Talk) ConversationsAs(ctx context.Context, w As, limit int, page string) (list any, next string, err error) {
	out, err := w.request(ctx, t, wire.OpHeads, wire.Heads{Limit: limit, Page: page}, t.heads)
	if err != nil {
		return nil, "", err
	}
	heads := out.(*headsPage)
	if heads.More {
		next = heads.Page
	}
	return heads.Heads, next, nil
}

// HistoryAs hands out messages as the account has them. next is where it goes on;
// 0: that is all.
func (t *Talk) HistoryAs(ctx context.Context, w As, peer string, ask wire.History) (entries json.RawMessage, next uint64, err error) {
	ask.Conversation = wire.ConvP2P + peer
	out, err := w.request(ctx, t, wire.OpHistory, ask, t.history)
	if err != nil {
		return nil, 0, store.Answer(err)
	}
	page := out.(*historyPage)
	return page.Entries, page.Next, nil
}
