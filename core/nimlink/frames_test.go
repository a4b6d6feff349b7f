package nimlink

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/internal/wire"
)

var bob = backend.Conv{Kind: backend.P2P, ID: "bob"}

// Every request becomes its frame, and the reply its answer.
func TestRequestsAndReplies(t *testing.T) {
	login := &backend.Login{
		AppKey: "app", Account: "alice", Token: "t", AuthType: 2, LoginEx: "x", CustomTag: "tag", OperationID: "op",
		Force: true, Relogin: true, Instance: "run", Attempt: 2, Began: time.UnixMilli(12),
		Device: backend.Device{ID: "me", ClientType: 4, CustomClientType: 9, OS: "Linux", Mac: "m"},
	}
	slow := nimerr.RateLimited.New("")
	if slow.Kind.Code != 416 {
		slow.Kind = nimerr.SendTooFast
	}
	slow.RetryAfter = 30 * time.Millisecond
	for _, tt := range []struct {
		request backend.Request
		frame   string // what the server gets
		body    any    // what it answers
		want    any    // the body of the answer
	}{
		{login, `login {"app_key":"app","account":"alice","token":"t","auth_type":2,"login_ex":"x","custom_tag":"tag",` +
			`"client_type":4,"custom_client_type":9,"client_os":"Linux","device_id":"me","mac":"m","sdk":"libnim/test",` +
			`"operation_id":"op","force":true,"relogin":true,"instance":"run","attempt":2,"session_began_ms":12}`,
			wire.LoginOK{
				Session: "s", ServerTimeMS: 5, TokenExpiresAtMS: 7, TokenExpiringMS: 9, SwitchOpen: 2,
				Others:  []wire.Device{{Account: "alice", DeviceID: "pad", ClientType: 2, ClientOS: "iOS", Mac: "n", LoginTimeMS: 3, CustomTag: "y", CustomClientType: 1}},
				Profile: &wire.Profile{Account: "alice", Name: "A", Icon: "i", Ex: "e"},
			},
			backend.LoginOK{
				Session: "s", ServerTime: time.UnixMilli(5), TokenExpiresAt: time.UnixMilli(7), TokenNotice: 9 * time.Millisecond, SwitchOpen: 2,
				Others:  []backend.Device{{Account: "alice", ID: "pad", ClientType: 2, OS: "iOS", Mac: "n", LoginTime: time.UnixMilli(3), CustomTag: "y", CustomClientType: 1}},
				Profile: &backend.Profile{Account: "alice", Name: "A", Icon: "i", Ex: "e"},
			}},
		{login, "", wire.LoginOK{}, backend.LoginOK{Others: []backend.Device{}}},
		{backend.Logout{Type: 3}, `logout {"type":3}`, nil, nil},
		{backend.KickOther{DeviceIDs: []string{"a"}}, `kick_other {"device_ids":["a"]}`,
			wire.KickOtherOK{Results: []wire.KickResult{{DeviceID: "a", Code: 404}}},
			backend.KickOtherOK{Results: []backend.KickResult{{DeviceID: "a", Code: 404}}}},
		{backend.RenewToken{Token: "u", AuthType: 1, LoginEx: "z"}, `renew_token {"token":"u","auth_type":1,"login_ex":"z"}`,
			wire.TokenExpiry{ExpiresAtMS: 8}, backend.TokenRenewed{ExpiresAt: time.UnixMilli(8)}},
		{backend.PushGet{}, `push_get `, wire.PushConfig{SwitchOpen: 2}, backend.PushConfig{SwitchOpen: 2}},
		{backend.PushSet{SwitchOpen: 1}, `push_set {"switch_open":1}`, wire.PushConfig{SwitchOpen: 1}, backend.PushConfig{SwitchOpen: 1}},
		{backend.ServerTime{}, `time `, wire.Time{ServerTimeMS: 11}, backend.Time{Server: time.UnixMilli(11)}},
		{backend.UploadLog{Feedback: "f", Name: "n", Part: 1, Last: true, Data: []byte("d")},
			`upload_log {"feedback":"f","name":"n","part":1,"last":true,"data":"ZA=="}`, nil, nil},
		{backend.Send{Conv: bob, Messages: []backend.Message{{ClientID: "c", Type: 0, Body: "hi", Settings: backend.NoBadge | backend.Routable, Content: []byte(`{"x":1}`)}, {ClientID: "d", Type: 1}}},
			`send {"conversation":"p:bob","messages":[{"client_msg_id":"c","type":0,"body":"hi","content":{"x":1},"push_need_badge":0,"routable_msg":1},{"client_msg_id":"d","type":1}]}`,
			wire.Sent{Results: []wire.SentResult{
				{ClientMsgID: "c", Code: 200, Seq: 5, ServerMsgID: 6, TimeMS: 7, Repeated: true, Ext: "e"},
				{ClientMsgID: "d", Code: 416, ErrName: "rate_limited", RetryAfterMS: 30},
			}},
			backend.Sent{Results: []backend.SentResult{
				{ClientID: "c", Seq: 5, ServerID: 6, Time: time.UnixMilli(7), Repeated: true, Ext: "e"},
				{ClientID: "d", Err: slow, Retry: 30 * time.Millisecond},
			}}},
		{backend.Heads{Cursor: "a", Page: "b"}, `heads {"cursor":"a","page":"b"}`,
			wire.HeadsPage{Epoch: 3, Cursor: "n", More: true, Page: "q", Reset: true, Heads: []wire.Head{{
				Conversation: "t:1", MaxSeq: 9, MinSeq: 2, ReadSeq: 4, PeerRead: 5, Counted: wire.Counters{Always: 1, Notifications: 2, MissedCalls: 3},
				Recalled: 1, TimeMS: 8, Last: &wire.Entry{Seq: 9, TimeMS: 8, Stub: true},
			}}},
			backend.HeadsPage{Epoch: 3, Cursor: "n", More: true, Page: "q", Reset: true, Heads: []backend.Head{{
				Conv: backend.Conv{Kind: backend.Team, ID: "1"}, MaxSeq: 9, MinSeq: 2, ReadSeq: 4, PeerRead: 5, Always: 1, Notified: 2, Missed: 3,
				Recalled: 1, Time: time.UnixMilli(8), Last: &backend.Entry{Seq: 9, Time: time.UnixMilli(8), Stub: true}, State: &backend.State{},
			}}}},
		{backend.Pull{Conv: bob, From: 2, To: 5, Newest: true, Limit: 20, For: backend.Roam},
			`pull {"conversation":"p:bob","from":2,"to":5,"newest":true,"limit":20,"for":"roam"}`,
			wire.Pulled{Epoch: 3, Low: 2, High: 3, Floor: 1, More: true, Entries: []wire.Entry{
				{Seq: 2, TimeMS: 1, Kind: "message", ServerMsgID: 4, Sender: "bob", SenderType: 1, SenderDev: "pad", SenderNick: "B",
					Message: &wire.Message{ClientMsgID: "c", Type: 100, Body: "x", Content: []byte(`{"y":2}`), Settings: wire.Settings{Push: new(int)}}},
				{Seq: 3, TimeMS: 2, Kind: "of tomorrow", Hidden: true},
				{Seq: 4, TimeMS: 2, Kind: "message", Message: &wire.Message{ClientMsgID: "d"}, Recalled: &wire.Recalled{Seq: 5, By: "bob", TimeMS: 9}},
			}},
			backend.Pulled{Epoch: 3, Low: 2, High: 3, Floor: 1, More: true, Entries: []backend.Entry{
				{Seq: 2, Time: time.UnixMilli(1), Kind: backend.KindMessage, ServerID: 4, Sender: "bob", SenderType: 1, SenderDev: "pad", SenderNick: "B",
					Message: backend.Message{ClientID: "c", Type: 100, Body: "x", Content: []byte(`{"y":2}`), Settings: backend.NoPush}},
				{Seq: 3, Time: time.UnixMilli(2), Stub: true, Hidden: true},
				{Seq: 4, Time: time.UnixMilli(2), Message: backend.Message{ClientID: "d"}, Recalled: &backend.Recalled{Seq: 5, By: "bob", Time: time.UnixMilli(9)}},
			}}},
		{backend.Read{Conv: bob, Seq: 4, Silent: true}, `read {"conversation":"p:bob","seq":4,"silent":true}`,
			wire.Head{Conversation: "p:bob", MaxSeq: 4, MinSeq: 1}, backend.HeadChanged{Head: backend.Head{Conv: bob, MaxSeq: 4, MinSeq: 1, State: &backend.State{}}}},
	} {
		t.Run(strings.SplitN(tt.frame+" ", " ", 2)[0], func(t *testing.T) {
			var got string
			play(t, func(p *peer) {
				p.send(wire.Frame{Op: wire.OpHello}, wire.Hello{Features: []string{"send", "heads", "pull", "read"}})
				f, _ := p.read()
				got = string(f.Op) + " " + string(f.Body)
				p.send(wire.Frame{Op: wire.OpReply, ID: f.ID, Code: 200}, tt.body)
				p.drain()
			}, func(t *testing.T, g *gateway) {
				l := g.mustConnect()
				defer l.Close()
				if err := l.Send(42, tt.request); err != nil {
					t.Fatal(err)
				}
				e, err := l.Receive()
				if err != nil {
					t.Fatal(err)
				}
				if tt.frame != "" && got != tt.frame {
					t.Errorf("sent %s\nwant %s", got, tt.frame)
				}
				if want := (backend.Answer{ID: 42, Body: tt.want}); !reflect.DeepEqual(e, want) {
					t.Errorf("got  %+v\nwant %+v", e, want)
				}
			})
		})
	}
}

// said returns the first event that a link gives when the server says text.
func said(t *testing.T, text string) (e backend.Event, err error) {
	t.Helper()
	play(t, func(p *peer) {
		p.hello()
		p.text(text)
		p.send(wire.Frame{Op: wire.OpPushChanged}, wire.PushConfig{SwitchOpen: 7})
		p.drain()
	}, func(t *testing.T, g *gateway) {
		l := g.mustConnect()
		defer l.Close()
		e, err = l.Receive()
	})
	return e, err
}

func TestPushes(t *testing.T) {
	for text, want := range map[string]backend.Event{
		`{"op":"kicked","body":{"reason_code":3,"reason_description":"d","client_type":1,"custom_client_type":2,"device_id":"x","time_ms":4}}`: backend.Kicked{
			Reason: 3, Description: "d", ClientType: 1, CustomClientType: 2, DeviceID: "x", Time: time.UnixMilli(4)},
		`{"op":"kicked"}`: backend.Kicked{},
		`{"op":"presence","body":{"type":3,"devices":[{"device_id":"x","login_time":6}]}}`: backend.Presence{
			Type: 3, Devices: []backend.Device{{ID: "x", LoginTime: time.UnixMilli(6)}}},
		`{"op":"going_away","body":{"reason":"r","retry_after_ms":1500}}`:   backend.GoingAway{Reason: "r", RetryAfter: 1500 * time.Millisecond},
		`{"op":"going_away","body":{"retry_after_ms":9223372036854775807}}`: backend.GoingAway{RetryAfter: 5 * time.Minute},
		`{"op":"token_expiring","body":{"expires_at_ms":5}}`:                backend.TokenExpiring{ExpiresAt: time.UnixMilli(5)},
		`{"op":"token_expired","body":{"expires_at_ms":5}}`:                 backend.TokenExpired{},
		`{"op":"token_expired","body":{"server_code":70001}}`:               backend.TokenExpired{ServerCode: 70001},
		`{"op":"push_changed","body":{"switch_open":2,"new":[1]}}`:          backend.PushChanged{SwitchOpen: 2},
		`{"op":"entry","body":{"conversation":"p:bob","max_seq":5,"entries":[{"seq":5,"time_ms":1,"stub":true}]}}`: backend.Entries{
			Conv: bob, MaxSeq: 5, Entries: []backend.Entry{{Seq: 5, Time: time.UnixMilli(1), Stub: true}}},
		`{"op":"head","body":{"conversation":"n","max_seq":1}}`: backend.HeadChanged{Head: backend.Head{Conv: backend.Conv{Kind: backend.Notices}, MaxSeq: 1}},
		`{"op":"resync"}`: backend.Resync{All: true},
		`{"op":"resync","body":{"conversation":"s:7"}}`: backend.Resync{Conv: backend.Conv{Kind: backend.SuperTeam, ID: "7"}},
	} {
		e, err := said(t, text)
		if err != nil || !reflect.DeepEqual(e, want) {
			t.Errorf("%s: got %+v, %v, want %+v", text, e, err, want)
		}
	}
}

// What this version does not know is ignored: the next frame counts.
func TestIgnored(t *testing.T) {
	for _, text := range []string{
		`{"op":"dance","body":{"steps":[[[1]]]}}`,
		`{"op":"dance","id":3,"code":500}`,
		`{"op":"hello","body":{"heartbeat_ms":1}}`,
		`{"op":"login"}`,
		`{"op":"reply","id":99,"code":200}`, // to nothing
		`{"op":"reply","code":200}`,
	} {
		e, err := said(t, text)
		if want := (backend.PushChanged{SwitchOpen: 7}); err != nil || e != want {
			t.Errorf("%s: got %+v, %v", text, e, err)
		}
	}
}

// A frame that breaks the protocol ends the link.
func TestMalformed(t *testing.T) {
	for _, text := range []string{
		"", "{", "[]", `{"op":5}`, `{}`, `{"op":"kicked","op":"kicked"}`, "\xff", `{"op":"kicked","body":5}`,
		`{"op":"presence","body":{"type":"in"}}`, `{"op":"presence","body":{"devices":{}}}`,
		`{"op":"going_away","body":{"retry_after_ms":"soon"}}`, `{"op":"token_expiring","body":{"expires_at_ms":1e99}}`,
		`{"op":"push_changed","body":[]}`, `{"op":"reply","id":-1}`, `{"op":"reply","id":1,"code":"ok"}`,
		`{"op":"kicked","body":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`,
		strings.Repeat("[", 500_000),
		`{"op":"dance","body":"` + strings.Repeat("a", wire.MaxFrame) + `"}`,
	} {
		_, err := said(t, text)
		if err == nil {
			t.Errorf("%.60q is accepted", text)
			continue
		}
		e := wantKind(t, err, nimerr.ProtocolError)
		if len(e.Error()) > 500 {
			t.Errorf("%.60q: the error repeats it: %d bytes", text, len(e.Error()))
		}
	}
}

func TestBinaryMessage(t *testing.T) {
	play(t, func(p *peer) {
		p.hello()
		_ = p.WriteMessage(websocket.BinaryMessage, []byte(`{"op":"token_expired"}`))
		p.drain()
	}, func(t *testing.T, g *gateway) {
		l := g.mustConnect()
		defer l.Close()
		wantEnd(t, l, nimerr.ProtocolError)
	})
}

// refusedWith returns the error of a login that is refused with a frame.
func refusedWith(t *testing.T, f wire.Frame, body any) (a backend.Answer) {
	t.Helper()
	play(t, func(p *peer) {
		p.hello()
		r, _ := p.read()
		f.Op, f.ID = wire.OpReply, r.ID
		p.send(f, body)
		p.send(f, body) // a second reply belongs to nothing
		p.send(wire.Frame{Op: wire.OpTokenExpired}, nil)
		p.drain()
	}, func(t *testing.T, g *gateway) {
		l := g.mustConnect()
		defer l.Close()
		if err := l.Send(1, &backend.Login{}); err != nil {
			t.Fatal(err)
		}
		e, err := l.Receive()
		if err != nil {
			t.Fatal(err)
		}
		a = e.(backend.Answer)
		if e, err := l.Receive(); err != nil || e != (backend.TokenExpired{}) {
			t.Errorf("after the reply: %+v, %v", e, err)
		}
	})
	return a
}

// A refusal is a row of the table; one that this version does not know keeps
// its code.
func TestRefusals(t *testing.T) {
	for _, tt := range []struct {
		frame wire.Frame
		name  string
		code  int32
	}{
		{wire.Frame{Code: 302, ErrName: "token_expired"}, "token_expired", 302},
		{wire.Frame{Code: 302, ErrName: "token_of_tomorrow"}, "token_invalid", 302},
		{wire.Frame{Code: 302}, "token_invalid", 302},
		{wire.Frame{Code: 422, ErrName: "token_expired"}, "account_banned", 422},
		{wire.Frame{Code: 302, ErrName: "ok"}, "token_invalid", 302},
		{wire.Frame{Code: 431, ErrName: "out_of_credit"}, "out_of_credit", 431},
		{wire.Frame{Code: 431}, "server_refused", 431},
		{wire.Frame{Code: 431, ErrName: "Out of credit\n"}, "server_refused", 431},
		{wire.Frame{Code: 431, ErrName: strings.Repeat("x", 65)}, "server_refused", 431},
		{wire.Frame{}, "server_error", 500},
	} {
		a := refusedWith(t, tt.frame, nil)
		if a.Err == nil || a.Err.Kind.Name != tt.name || a.Err.Kind.Code != tt.code {
			t.Errorf("%+v: got %+v, want %s %d", tt.frame, a.Err, tt.name, tt.code)
		}
	}
}

func TestRefusalDetails(t *testing.T) {
	a := refusedWith(t,
		wire.Frame{Code: 417, ErrName: "other_device_online", ErrMsg: "busy", ServerCode: 5, RetryAfterMS: 1 << 62},
		wire.LoginRefused{Others: []wire.Device{{DeviceID: "pad"}}, Kicked: &wire.Kicked{Reason: 1}})
	if a.Err.Detail != "busy" || a.Err.ServerCode != 5 || a.Err.RetryAfter != 5*time.Minute {
		t.Errorf("got %+v", a.Err)
	}
	r, ok := a.Body.(backend.LoginRefused)
	if !ok || len(r.Others) != 1 || r.Others[0].ID != "pad" || r.Kicked == nil || r.Kicked.Reason != 1 {
		t.Errorf("got %+v", a.Body)
	}
	// The text of the table is not repeated as a detail, nor in front of one.
	for said, want := range map[string]string{
		nimerr.AccountBanned.Text:               "",
		nimerr.AccountBanned.Text + ": by hand": "by hand",
		nimerr.AccountBanned.Text + " by hand":  nimerr.AccountBanned.Text + " by hand",
	} {
		a = refusedWith(t, wire.Frame{Code: 422, ErrName: "account_banned", ErrMsg: said}, nil)
		if a.Err.Detail != want {
			t.Errorf("detail of %q: %q, want %q", said, a.Err.Detail, want)
		}
	}
}

// What cannot be sent is refused before it is sent.
func TestUnsendable(t *testing.T) {
	play(t, greet, func(t *testing.T, g *gateway) {
		l := g.mustConnect()
		defer l.Close()
		wantKind(t, l.Send(1, backend.UploadLog{Data: make([]byte, wire.MaxFrame)}), nimerr.InvalidArgument)
		wantKind(t, l.Send(1, nil), nimerr.ServerCannot)
		wantKind(t, l.Send(1, backend.Heads{}), nimerr.ServerCannot) // this server did not name it
	})
}

func TestCapabilities(t *testing.T) {
	b := &Backend{}
	if c := b.Capabilities(); b.Name() != "nim" || !c.RenewToken || !c.RefuseDevice || c.TokenInHandshake {
		t.Errorf("%s: %+v", b.Name(), c)
	}
}

// What the server says of itself, and ids that are not waited for any more.
func TestHelloSaysWhatTheServerIs(t *testing.T) {
	play(t, func(p *peer) {
		p.send(wire.Frame{Op: wire.OpHello}, wire.Hello{Epoch: 9, Features: []string{"send"}, Limits: &wire.Limits{
			TextChars: 1, MsgBytes: 2, SendBatch: 3, PullLimit: 4, ExtBytes: 5, RecallMS: 6,
		}})
		for range 2 {
			f, _ := p.read()
			p.send(wire.Frame{Op: wire.OpReply, ID: f.ID, Code: 200}, nil)
		}
		p.drain()
	}, func(t *testing.T, g *gateway) {
		l := g.mustConnect()
		defer l.Close()
		want := backend.Server{Epoch: 9, Features: []string{"send"}, Messages: backend.Messages{Supported: true}, Limits: backend.Limits{
			TextChars: 1, MsgBytes: 2, SendBatch: 3, PullLimit: 4, ExtBytes: 5, Recall: 6 * time.Millisecond,
		}}
		if got := l.Server(); !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v", got)
		}
		for id := range uint64(2) {
			if err := l.Send(id+1, backend.PushGet{}); err != nil {
				t.Fatal(err)
			}
			if id == 0 {
				l.Forget(1)
			}
		}
		e, err := l.Receive()
		if a, _ := e.(backend.Answer); err != nil || a.ID != 2 {
			t.Errorf("got %+v, %v", e, err)
		}
	})
}
