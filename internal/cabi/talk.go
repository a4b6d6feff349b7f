package cabi

import (
	"github.com/libnim/libnim/core"
	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/abi"
)

// The functions of talk. What is wrong with a call is told by the module, in the
// shape of the call's own answer.

func (calls) talkSendMsg(_ call, text, _ string) { with(func(k *core.Client) { k.Talk.Send(text) }) }

func (calls) talkReplyMsg(_ call, to, text, _ string) {
	with(func(k *core.Client) { k.Talk.Reply(to, text) })
}

func (calls) talkStopSendMsg(_ call, text, _ string) {
	with(func(k *core.Client) { k.Talk.StopSend(text) })
}

func (calls) talkCreateRetweetMsg(_ call, source, id string, kind int, to, setting string, at int64) (text string) {
	text = "{}"
	with(func(k *core.Client) {
		text = k.Talk.Forward(source, id, backend.Conv{Kind: backend.ConvKind(kind), ID: to}, setting, at)
	})
	return text
}

func (calls) talkRecallMsg(c call, text, notify, _ string) {
	with(func(k *core.Client) { k.Talk.Recall(c.id(), text, backend.RecallSaid{Notify: notify}) })
}

func (calls) talkRecallMsg2(c call, text, notify, push, payload, _ string) {
	with(func(k *core.Client) {
		k.Talk.Recall(c.id(), text, backend.RecallSaid{Notify: notify, Push: push, Payload: payload})
	})
}

func (calls) talkRecallMsgEx(c call, text, notify string, more abi.TalkRecallExtraParams) {
	with(func(k *core.Client) {
		k.Talk.Recall(c.id(), text, backend.RecallSaid{
			Notify: notify, Attach: more.Attach, Push: more.Apnstext, Payload: more.Pushpayload, Env: more.EnvConfig,
		})
	})
}
