package server_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/libnim/libnim/internal/wire"
)

// BenchmarkLogin is dial, greeting and login on loopback, logged out outside
// the time that counts.
func BenchmarkLogin(b *testing.B) {
	e := startEdges(b, 1, nil)[0]
	e.account("alice")
	l := e.loginAs("alice", "d1", pc)
	b.Run("dial+login", func(b *testing.B) {
		for b.Loop() {
			c := e.benchDial(b)
			benchLogin(b, c, l)
			b.StopTimer()
			_ = c.Close()
			b.StartTimer()
		}
	})
	b.Run("dial+hello", func(b *testing.B) {
		for b.Loop() {
			_ = e.benchDial(b).Close()
		}
	})
	b.Run("bare dial+echo", func(b *testing.B) {
		up := websocket.Upgrader{}
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ws, err := up.Upgrade(w, r, nil)
			if err != nil {
				return
			}
			defer ws.Close()
			for {
				kind, data, err := ws.ReadMessage()
				if err != nil || ws.WriteMessage(kind, data) != nil {
					return
				}
			}
		}))
		defer s.Close()
		frame := []byte(strings.Repeat("x", 400))
		for b.Loop() {
			ws, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(s.URL, "http"), nil)
			if err != nil {
				b.Fatal(err)
			}
			if err := ws.WriteMessage(websocket.TextMessage, frame); err != nil {
				b.Fatal(err)
			}
			if _, _, err := ws.ReadMessage(); err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			_ = ws.Close()
			b.StartTimer()
		}
	})
}

func (e *edge) benchDial(b *testing.B) *websocket.Conn {
	d := websocket.Dialer{Subprotocols: []string{wire.Subprotocol}}
	ws, _, err := d.Dial(e.Link, nil)
	if err != nil {
		b.Fatal(err)
	}
	if _, _, err := ws.ReadMessage(); err != nil {
		b.Fatal(err)
	}
	return ws
}

func benchLogin(b *testing.B, ws *websocket.Conn, l wire.Login) {
	data, err := wire.Encode(wire.Frame{Op: wire.OpLogin, ID: 1}, l)
	if err != nil {
		b.Fatal(err)
	}
	if err := ws.WriteMessage(websocket.TextMessage, data); err != nil {
		b.Fatal(err)
	}
	_, data, err = ws.ReadMessage()
	if err != nil {
		b.Fatal(err)
	}
	if f, err := wire.Decode(data); err != nil || f.Code != 200 {
		b.Fatalf("%s: %v", data, err)
	}
}
