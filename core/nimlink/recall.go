package nimlink

import (
	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/wire"
)

var recallRequests = requestTable{
	of[backend.Recall](): {
		op: wire.OpRecall, asked: true,
		encode: encode(func(r backend.Recall) any {
			return wire.Recall{Conversation: name(r.Conv), ClientMsgID: r.ClientID, RecallSaid: wire.RecallSaid(r.Said)}
		}),
		answer: decode(func(w *wire.RecallDone) any {
			return backend.RecallDone{Seq: w.Seq, Time: at(w.TimeMS), MessageTime: at(w.MsgTimeMS), Ext: w.Ext}
		}),
	},
}

func target(w *wire.Target) *backend.Target {
	if w == nil {
		return nil
	}
	return &backend.Target{
		Seq: w.Seq, Sender: w.Sender, ClientID: w.ClientMsgID, ServerID: w.ServerMsgID, Time: at(w.TimeMS),
		RecallSaid: backend.RecallSaid(w.RecallSaid),
	}
}
