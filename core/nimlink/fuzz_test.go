package nimlink

import (
	"testing"

	"github.com/gorilla/websocket"
	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/nimerr"
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
		`{"op":"reply","id":7,"code":200,"body":{"results":[{"client_msg_id":"c","code":416,"retry_after_ms":-1}]}}`,
		`{"op":"reply","id":8,"code":200,"body":{"heads":[{"conversation":"p:","last":{"seq":0}}]}}`,
		`{"op":"reply","id":9,"code":200,"body":{"entries":[{"seq":1,"kind":"message","recalled":{}}]}}`,
		`{"op":"entry","body":{"conversation":"t:1","entries":[{"seq":18446744073709551615,"kind":"dance"}]}}`,
		`{"op":"resync","body":{"conversation":"n"}}`,
		`{"op":"push_changed","body":null}`, `{"op":"dance"}`, `[`, "\xff",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		l := &link{sent: map[uint64]*request{
			1: requests[of[*backend.Login]()], 2: requests[of[backend.KickOther]()], 3: requests[of[backend.RenewToken]()],
			4: requests[of[backend.PushGet]()], 5: requests[of[backend.ServerTime]()], 6: requests[of[backend.Logout]()],
			7: requests[of[backend.Send]()], 8: requests[of[backend.Heads]()], 9: requests[of[backend.Pull]()], 10: requests[of[backend.Read]()],
		}}
		frame, err := frame(websocket.TextMessage, data)
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
