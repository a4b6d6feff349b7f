package nimlink

import (
	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/wire"
)

var kickRequests = requestTable{
	of[backend.KickOther](): {
		op:     wire.OpKickOther,
		encode: encode(func(r backend.KickOther) any { return wire.KickOther{DeviceIDs: r.DeviceIDs} }),
		answer: decode(func(w *wire.KickOtherOK) any {
			ok := backend.KickOtherOK{}
			for _, r := range w.Results {
				ok.Results = append(ok.Results, backend.KickResult{DeviceID: r.DeviceID, Code: r.Code})
			}
			return ok
		}),
	},
}
