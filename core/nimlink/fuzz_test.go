package nimlink

import (
	"testing"

	"github.com/gorilla/websocket"
	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/internal/wire"
)

// FuzzEvent feeds frames of a server to the client: whatever they are, they
// become an event, nothing, or an error of the table.
func FuzzEvent(f *testing.F) {
	for _, text := range []string{
		`{"op":"reply","id":1,"code":200,"body":{"session":"s","other_clients_pres":[{"device_id":"x","login_time":5}],"profile":{}}}`,
		`{"op":"reply","id":1,"code":417,"err_name":"kicked_offline","retry_after_ms":9223372036854775807,"body":{"kicked":{}}}`,
		`{"op":"reply","id":2,"code":200,"body":{"results":[{"device_id":"a","code":404}]}}`,
		`{"op":"reply","id":3,"body":{"expires_at_ms":-1}}`,
		`{"op":"kicked","body":{"reason_code":1,"time_ms":9223372036854775807}}`,
		`{"op":"presence","body":{"type":2,"devices":[null]}}`,
		`{"op":"going_away","body":{"retry_after_ms":-5}}`,
		`{"op":"push_changed","body":null}`, `{"op":"dance"}`, `[`, "\xff",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		l := &link{sent: map[uint64]wire.Op{1: wire.OpLogin, 2: wire.OpKickOther, 3: wire.OpRenewToken, 4: wire.OpPushGet, 5: wire.OpTime, 6: wire.OpLogout}}
		frame, err := decode(websocket.TextMessage, data)
		if err != nil {
			wantKind(t, err, nimerr.ProtocolError)
			return
		}
		e, err := l.event(&frame)
		if err != nil {
			return
		}
		switch e := e.(type) {
		case backend.Answer:
			if e.Err != nil && (e.Err.Kind == nil || e.Err.RetryAfter < 0) {
				t.Errorf("%q: %+v", data, e.Err)
			}
			if e.Err == nil && frame.Code != nimerr.OK.Code {
				t.Errorf("%q is taken for a success", data)
			}
		case backend.GoingAway:
			if e.RetryAfter < 0 {
				t.Errorf("%q: a delay of %v", data, e.RetryAfter)
			}
		}
	})
}
