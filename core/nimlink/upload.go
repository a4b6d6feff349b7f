package nimlink

import (
	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/wire"
)

var uploadRequests = requestTable{
	of[backend.UploadLog](): {
		op: wire.OpUploadLog,
		encode: encode(func(r backend.UploadLog) any {
			return wire.UploadLog{Feedback: r.Feedback, Name: r.Name, Part: r.Part, Last: r.Last, Data: r.Data}
		}),
	},
}
