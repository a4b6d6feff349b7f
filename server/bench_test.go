package server_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/libnim/libnim/internal/wire"
)

// BenchmarkLogin takes turns at a bare WebSocket dial with one echo, a dial up
// to the greeting, and the login after it, all on loopback. It reports their
// medians, and how many bare dials the whole login takes: on a machine with
// other work only that says something.
func BenchmarkLogin(b *testing.B) {
	e := startEdges(b, 1, nil)[0]
	e.account("alice")
	l := e.loginAs("alice", "d1", pc)
	echo := startEcho(b)
	var bare, hello, login []time.Duration
	for b.Loop() {
		start := time.Now()
		ws := benchDial(b, echo)
		benchAsk(b, ws, []byte(strings.Repeat("x", 400)))
		bare = append(bare, time.Since(start))
		_ = ws.Close()

		start = time.Now()
		ws = benchDial(b, e.Link)
		benchRead(b, ws)
		hello = append(hello, time.Since(start))
		start = time.Now()
		benchRequest(b, ws, wire.OpLogin, l)
		login = append(login, time.Since(start))
		benchRequest(b, ws, wire.OpLogout, wire.Logout{}) // nothing of it is left for the next turn
		_ = ws.Close()
	}
	unit := median(bare)
	b.ReportMetric(unit, "bare-µs")
	b.ReportMetric(median(hello), "hello-µs")
	b.ReportMetric(median(login), "login-µs")
	b.ReportMetric((median(hello)+median(login))/unit, "bare-dials")
}

// median is in microseconds.
func median(d []time.Duration) float64 {
	slices.Sort(d)
	return float64(d[len(d)/2].Nanoseconds()) / 1000
}

// startEcho serves what gorilla alone costs.
func startEcho(b *testing.B) string {
	up := websocket.Upgrader{Subprotocols: []string{wire.Subprotocol}}
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
	b.Cleanup(s.Close)
	return "ws" + strings.TrimPrefix(s.URL, "http")
}

func benchDial(b *testing.B, url string) *websocket.Conn {
	d := websocket.Dialer{Subprotocols: []string{wire.Subprotocol}}
	ws, _, err := d.Dial(url, nil)
	if err != nil {
		b.Fatal(err)
	}
	return ws
}

func benchRequest(b *testing.B, ws *websocket.Conn, op wire.Op, body any) {
	data, err := wire.Encode(wire.Frame{Op: op, ID: 1}, body)
	if err != nil {
		b.Fatal(err)
	}
	data = benchAsk(b, ws, data)
	if f, err := wire.Decode(data); err != nil || f.Code != 200 {
		b.Fatalf("%s: %v", data, err)
	}
}

func benchAsk(b *testing.B, ws *websocket.Conn, data []byte) []byte {
	if err := ws.WriteMessage(websocket.TextMessage, data); err != nil {
		b.Fatal(err)
	}
	return benchRead(b, ws)
}

func benchRead(b *testing.B, ws *websocket.Conn) []byte {
	_, data, err := ws.ReadMessage()
	if err != nil {
		b.Fatal(err)
	}
	return data
}
