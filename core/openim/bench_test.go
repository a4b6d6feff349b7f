package openim

import (
	"slices"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/tests/openimfake"
)

// BenchmarkLogin is a whole login, with the other devices, in units of
// a bare dial with the same URL to the same server in the same run, its first
// frame read. The parts say where the time goes.
func BenchmarkLogin(b *testing.B) {
	fake, err := openimfake.Start(openimfake.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer fake.Close()
	bed := newBed(b, fake)
	login := bed.login("alice", fake.Token("alice", linux))
	url := bed.backend.handshakeURL(fake.WSAddr()+"/", login)
	var bare, connect, answer, whole []time.Duration
	for b.Loop() {
		start := time.Now()
		ws, _, err := websocket.DefaultDialer.Dial(url, nil)
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err := ws.ReadMessage(); err != nil {
			b.Fatal(err)
		}
		bare = append(bare, time.Since(start))
		ws.Close()

		start = time.Now()
		link, err := bed.backend.Connect(b.Context(), fake.WSAddr(), login, nil)
		if err != nil {
			b.Fatal(err)
		}
		connected := time.Since(start)
		if err := link.Send(1, login); err != nil {
			b.Fatal(err)
		}
		e, err := link.Receive()
		if a, ok := e.(backend.Answer); err != nil || !ok || a.Err != nil {
			b.Fatalf("%+v %v", e, err)
		}
		whole = append(whole, time.Since(start))
		connect = append(connect, connected)
		answer = append(answer, time.Since(start)-connected)
		link.Close()
	}
	median := func(list []time.Duration) float64 {
		slices.Sort(list)
		return float64(list[len(list)/2].Microseconds())
	}
	b.ReportMetric(median(bare), "bare-us")
	b.ReportMetric(median(connect), "connect-us")
	b.ReportMetric(median(answer), "answer-us")
	b.ReportMetric(median(whole), "login-us")
	b.ReportMetric(median(whole)/median(bare), "x-bare")
}
