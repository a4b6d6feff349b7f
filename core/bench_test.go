package core

import (
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/core/nimlink"
	"github.com/libnim/libnim/core/session"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/wire"
)

// BenchmarkLogin is a login of a whole client, from the call to the answer of
// step 3, in units of a bare dial and echo of the same frame with the same
// server in the same run. connect is the part of it that opens the link.
func BenchmarkLogin(b *testing.B) {
	server := serveLogins(b)
	done := make(chan time.Time, 1)
	c, bad := Open(Options{
		Version: "bench", DataDir: b.TempDir(), Sink: &loginSink{done: done},
		Settings: *settings(b, `{"app_key":"app","private_server_setting":{"link":"`+server+`"}}`),
	})
	if bad != nil {
		b.Fatal(bad)
	}
	defer c.Close(time.Second)
	frame, err := wire.Encode(wire.Frame{Op: wire.OpLogin, ID: 1}, wire.Login{
		AppKey: "app", Account: "alice", Token: "secret", ClientType: 4, ClientOS: "Linux",
		DeviceID: strings.Repeat("d", 32), SDK: "libnim/bench", OperationID: strings.Repeat("o", 32), Force: true,
	})
	if err != nil {
		b.Fatal(err)
	}
	link := &nimlink.Backend{Dialer: c.dialer.Load, SDK: "libnim/bench"}
	dialer := websocket.Dialer{Subprotocols: []string{wire.Subprotocol}}
	var bare, connect, login []time.Duration
	for b.Loop() {
		start := time.Now()
		ws, _, err := dialer.Dial(server, nil)
		if err != nil {
			b.Fatal(err)
		}
		if err := ws.WriteMessage(websocket.TextMessage, frame); err != nil {
			b.Fatal(err)
		}
		for range 2 { // the greeting and the reply
			if _, _, err := ws.ReadMessage(); err != nil {
				b.Fatal(err)
			}
		}
		bare = append(bare, time.Since(start))
		_ = ws.Close()

		start = time.Now()
		l, err := link.Connect(b.Context(), server, nil, new(backend.Attempt))
		if err != nil {
			b.Fatal(err)
		}
		connect = append(connect, time.Since(start))
		l.Close()

		start = time.Now()
		c.Login(1, session.LoginRequest{Account: "alice", Token: "secret", Options: abi.LoginOptions{Force: true}})
		at := <-done
		if at.IsZero() {
			b.Fatal("the login failed")
		}
		login = append(login, at.Sub(start))
		c.Logout(2, abi.LogoutChangeAccout, "")
		<-done
	}
	median := func(list []time.Duration) float64 {
		slices.Sort(list)
		return float64(list[len(list)/2].Nanoseconds()) / 1e3
	}
	b.ReportMetric(median(bare), "bare-us")
	b.ReportMetric(median(connect), "connect-us")
	b.ReportMetric(median(login), "login-us")
	b.ReportMetric(median(login)/median(bare), "x-bare")
}

// serveLogins is a gateway of the loopback interface that greets, and agrees to
// everything.
func serveLogins(b testing.TB) (url string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	hello, _ := wire.Encode(wire.Frame{Op: wire.OpHello}, wire.Hello{HeartbeatMS: 5000})
	upgrader := websocket.Upgrader{Subprotocols: []string{wire.Subprotocol}}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer ws.Close()
		if ws.WriteMessage(websocket.TextMessage, hello) != nil {
			return
		}
		for {
			_, data, err := ws.ReadMessage()
			if err != nil {
				return
			}
			f, err := wire.Decode(data)
			if err != nil {
				return
			}
			reply, _ := wire.Encode(wire.Frame{Op: wire.OpReply, ID: f.ID, Code: 200}, nil)
			if ws.WriteMessage(websocket.TextMessage, reply) != nil {
				return
			}
		}
	})}
	go s.Serve(l)
	b.Cleanup(func() { s.Close() })
	return "ws://" + l.Addr().String() + "/nim"
}

// A loginSink tells when a call has got its final answer: success, or the zero
// time.
type loginSink struct{ done chan time.Time }

func (*loginSink) Publish(session.Status, string)                     {}
func (*loginSink) Clock(int64, bool)                                  {}
func (*loginSink) Post(abi.Posting) (uint64, int)                     { return 0, 0 }
func (*loginSink) Fate(uint64) module.Fate                            { return module.Ran }
func (*loginSink) Registered(abi.Slot) bool                           { return false }
func (*loginSink) WaitRoom(int)                                       {}
func (*loginSink) TakeBack(abi.Slot)                                  {}
func (*loginSink) Ask(abi.Question, func(module.Reply)) (uint64, int) { return 0, 0 }

func (s *loginSink) Answer(_ session.Call, answer abi.Posting, final bool) {
	if !final {
		return
	}
	at := time.Now()
	if r, ok := answer.Text(0).(*abi.LoginResult); ok && r.ErrCode != 200 {
		at = time.Time{}
	}
	s.done <- at
}
