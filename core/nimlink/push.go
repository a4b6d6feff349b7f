package nimlink

import (
	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/wire"
)

var pushRequests = requestTable{
	of[backend.PushGet](): {op: wire.OpPushGet, answer: decode(pushConfig)},
	of[backend.PushSet](): {
		op:     wire.OpPushSet,
		encode: encode(func(r backend.PushSet) any { return wire.PushConfig{SwitchOpen: r.SwitchOpen} }),
		answer: decode(pushConfig),
	},
}

var pushPushes = pushTable{
	wire.OpPushChanged: decode(func(w *wire.PushConfig) any { return backend.PushChanged{SwitchOpen: w.SwitchOpen} }),
}

func pushConfig(w *wire.PushConfig) any { return backend.PushConfig{SwitchOpen: w.SwitchOpen} }
