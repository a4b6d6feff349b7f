package nimlink

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/dial"
	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/internal/wire"
)

// The heartbeat is the server's, within bounds.
func TestHeartbeat(t *testing.T) {
	for ms, want := range map[int64]string{
		0: "5s 10s 15s 20s", 2000: "2s 4s 6s 8s 10s 12s 14s 16s 18s 20s",
		7000: "7s 14s", 60_000: "10s 20s", 1 << 62: "10s 20s", -1: "5s 10s 15s 20s",
	} {
		t.Run(fmt.Sprint(ms), func(t *testing.T) {
			var beats []string
			play(t, func(p *peer) {
				start, pong := time.Now(), p.PingHandler()
				p.SetPingHandler(func(data string) error {
					beats = append(beats, time.Since(start).String())
					return pong(data)
				})
				p.send(wire.Frame{Op: wire.OpHello}, wire.Hello{HeartbeatMS: ms})
				p.drain()
			}, func(t *testing.T, g *gateway) {
				l := g.mustConnect()
				go l.Receive()
				time.Sleep(20*time.Second + 500*time.Millisecond)
				l.Close()
				synctest.Wait()
				if got := strings.Join(beats, " "); got != want {
					t.Errorf("pings at %s, want %s", got, want)
				}
			})
		})
	}
}

func TestShortestHeartbeat(t *testing.T) {
	n := 0
	play(t, func(p *peer) {
		pong := p.PingHandler()
		p.SetPingHandler(func(data string) error { n++; return pong(data) })
		p.send(wire.Frame{Op: wire.OpHello}, wire.Hello{HeartbeatMS: 1})
		p.drain()
	}, func(t *testing.T, g *gateway) {
		l := g.mustConnect()
		go l.Receive()
		time.Sleep(10500 * time.Millisecond)
		l.Close()
		if n != 10 {
			t.Errorf("%d pings in 10 s, want 10", n)
		}
	})
}

// A day of nothing but heartbeats keeps the link.
func TestQuietLinkLives(t *testing.T) {
	play(t, greet, func(t *testing.T, g *gateway) {
		l := g.mustConnect()
		ended := make(chan error, 1)
		go func() { _, err := l.Receive(); ended <- err }()
		time.Sleep(24 * time.Hour)
		select {
		case err := <-ended:
			t.Errorf("the link ended: %v", err)
		default:
		}
		l.Close()
		wantKind(t, <-ended, nimerr.ConnectionLost)
	})
}

// The round trip is that of the last heartbeat; what a server makes up does not
// make it negative.
func TestRoundTrip(t *testing.T) {
	play(t, func(p *peer) {
		pong := p.PingHandler()
		p.SetPingHandler(func(data string) error { time.Sleep(30 * time.Millisecond); return pong(data) })
		p.hello()
		p.drain()
	}, func(t *testing.T, g *gateway) {
		l := g.mustConnect()
		defer l.Close()
		go l.Receive()
		time.Sleep(6 * time.Second)
		if got := l.Stats().RTT; got != 30*time.Millisecond {
			t.Errorf("RTT = %v, want 30ms", got)
		}
	})
	play(t, func(p *peer) {
		p.hello()
		_ = p.WriteControl(websocket.PongMessage, []byte("9000000000000000000"), time.Now().Add(time.Second))
		_ = p.WriteControl(websocket.PongMessage, []byte("soon"), time.Now().Add(time.Second))
		p.drain()
	}, func(t *testing.T, g *gateway) {
		l := g.mustConnect()
		defer l.Close()
		go l.Receive()
		synctest.Wait()
		if got := l.Stats().RTT; got != 0 {
			t.Errorf("RTT = %v, want 0", got)
		}
	})
}

// A silent server is noticed within 15 s, whatever heartbeat it asked for.
func TestSilentServerIsNoticed(t *testing.T) {
	for ms, want := range map[int64]time.Duration{0: 9 * time.Second, 1000: 5 * time.Second, 60_000: 14 * time.Second} {
		play(t, func(p *peer) {
			p.send(wire.Frame{Op: wire.OpHello}, wire.Hello{HeartbeatMS: ms})
			p.drain()
		}, func(t *testing.T, g *gateway) {
			l := g.mustConnect()
			defer l.Close()
			start := time.Now()
			g.net.Stall()
			wantEnd(t, l, nimerr.ServerSilent)
			if d := time.Since(start); d != want {
				t.Errorf("heartbeat %d ms: noticed after %v, want %v", ms, d, want)
			}
		})
	}
}

// A server that only pings is alive.
func TestServerPings(t *testing.T) {
	play(t, func(p *peer) {
		p.hello()
		p.SetPingHandler(func(string) error { return nil }) // answers none of ours
		go p.drain()
		for range 30 {
			time.Sleep(2 * time.Second)
			if p.WriteControl(websocket.PingMessage, nil, time.Now().Add(time.Second)) != nil {
				return
			}
		}
	}, func(t *testing.T, g *gateway) {
		l := g.mustConnect()
		defer l.Close()
		start := time.Now()
		_, err := l.Receive()
		if d := time.Since(start); err == nil || d < time.Minute {
			t.Errorf("ended after %v: %v", d, err)
		}
	})
}

// Check ends a dead link within a few seconds and leaves a live one alone.
func TestCheck(t *testing.T) {
	play(t, greet, func(t *testing.T, g *gateway) {
		l := g.mustConnect()
		defer l.Close()
		ended := make(chan error, 1)
		go func() { _, err := l.Receive(); ended <- err }()
		for range 10 { // it never blocks
			l.Check()
		}
		time.Sleep(time.Minute)
		select {
		case err := <-ended:
			t.Fatalf("a live link ended: %v", err)
		default:
		}
		g.net.Stall()
		start := time.Now()
		l.Check()
		wantKind(t, <-ended, nimerr.ServerSilent)
		if d := time.Since(start); d > checkWait {
			t.Errorf("noticed after %v, want %v", d, checkWait)
		}
	})
}

// What the server said before it hung up is read first, also when our writes
// notice the hang-up before.
func TestKickIsReadBeforeTheLoss(t *testing.T) {
	play(t, func(p *peer) {
		p.hello()
		p.send(wire.Frame{Op: wire.OpKicked}, wire.Kicked{Reason: 1, DeviceID: "other"})
		p.hangUp(wire.CloseKicked, "kicked")
	}, func(t *testing.T, g *gateway) {
		l := g.mustConnect()
		defer l.Close()
		synctest.Wait() // the server is gone
		for id := range uint64(20) {
			if err := l.Send(id+1, backend.ServerTime{}); err != nil {
				t.Errorf("Send: %v", err)
			}
		}
		time.Sleep(100 * time.Millisecond) // the writer has failed
		e, err := l.Receive()
		if k, ok := e.(backend.Kicked); err != nil || !ok || k.DeviceID != "other" {
			t.Fatalf("got %#v, %v, want the kick", e, err)
		}
		wantEnd(t, l, nimerr.ConnectionLost)
	})
}

// halfDead is a connection that takes no more bytes from some moment on.
type halfDead struct {
	net.Conn
	dead *atomic.Bool
}

func (h halfDead) Write(p []byte) (int, error) {
	if h.dead.Load() {
		return 0, errors.New("provoked")
	}
	return h.Conn.Write(p)
}

// A link that cannot send ends within a second, however much the server talks.
func TestWriteFailureEndsAChattyLink(t *testing.T) {
	play(t, func(p *peer) {
		p.hello()
		for range 1000 {
			p.send(wire.Frame{Op: wire.OpPushChanged}, wire.PushConfig{SwitchOpen: 1})
			time.Sleep(100 * time.Millisecond)
		}
	}, func(t *testing.T, g *gateway) {
		var dead atomic.Bool
		d := &dial.Dialer{NetDial: func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := g.net.Dial(ctx, network, address)
			return halfDead{c, &dead}, err
		}}
		g.b.Dialer = func() *dial.Dialer { return d }
		l := g.mustConnect()
		defer l.Close()
		time.Sleep(2 * time.Second)
		dead.Store(true)
		start := time.Now()
		if err := l.Send(1, backend.ServerTime{}); err != nil {
			t.Fatal(err)
		}
		wantEnd(t, l, nimerr.ConnectionLost)
		if d := time.Since(start); d != hangUpWait {
			t.Errorf("ended after %v, want %v", d, hangUpWait)
		}
	})
}

// How a server hangs up says what to do next.
func TestCloseCodes(t *testing.T) {
	for code, want := range map[int]*nimerr.Kind{
		wire.CloseKicked: nimerr.ConnectionLost, wire.CloseLoginTimeout: nimerr.ConnectionLost,
		wire.CloseSlowConsumer: nimerr.ConnectionLost, wire.CloseProtocol: nimerr.ProtocolError,
		wire.CloseRateLimited: nimerr.RateLimited, wire.CloseGoingAway: nimerr.GoingAway,
		wire.CloseLoggedOut: nimerr.ConnectionLost, wire.CloseFenced: nimerr.ConnectionLost,
		websocket.CloseGoingAway: nimerr.GoingAway, websocket.CloseServiceRestart: nimerr.GoingAway,
		websocket.CloseTryAgainLater: nimerr.RateLimited, websocket.CloseProtocolError: nimerr.ProtocolError,
		websocket.CloseNormalClosure: nimerr.ConnectionLost, 0: nimerr.ConnectionLost,
	} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			play(t, func(p *peer) {
				p.hello()
				if code != 0 {
					p.hangUp(code, "why")
				}
			}, func(t *testing.T, g *gateway) {
				l := g.mustConnect()
				defer l.Close()
				e := wantEnd(t, l, want)
				if code == 0 && e.Detail != "closed by the server without a word" {
					t.Errorf("got %q: the server gave no code", e.Detail)
				}
			})
		})
	}
}

func TestReset(t *testing.T) {
	play(t, greet, func(t *testing.T, g *gateway) {
		l := g.mustConnect()
		defer l.Close()
		g.net.Reset()
		wantEnd(t, l, nimerr.ConnectionLost)
	})
}

// Close may come from anywhere, any number of times; it tells a server that
// listens, and does not wait for one that does not.
func TestClose(t *testing.T) {
	var said error
	play(t, func(p *peer) {
		p.hello()
		_, _, said = p.ReadMessage()
	}, func(t *testing.T, g *gateway) {
		l := g.mustConnect()
		ended := make(chan error, 1)
		go func() { _, err := l.Receive(); ended <- err }()
		synctest.Wait()
		var all sync.WaitGroup
		for range 4 {
			all.Go(l.Close)
		}
		all.Wait()
		wantKind(t, <-ended, nimerr.ConnectionLost)
		l.Close()
		synctest.Wait()
		if !websocket.IsCloseError(said, websocket.CloseNormalClosure) {
			t.Errorf("the server saw %v", said)
		}
		l.Check()
		_ = l.Send(1, backend.ServerTime{})
	})
	play(t, func(p *peer) { p.hello(); time.Sleep(time.Hour) }, func(t *testing.T, g *gateway) {
		l := g.mustConnect()
		fill(l)
		start := time.Now()
		l.Close()
		if d := time.Since(start); d > 10*time.Millisecond {
			t.Errorf("Close took %v while the writer was stuck", d)
		}
		time.Sleep(time.Hour)
	})
}

// fill sends until the queue takes no more, to a server that does not read.
func fill(l backend.Link) (sent int, err error) {
	for id := range uint64(10000) {
		if err := l.Send(id+1, backend.UploadLog{Data: make([]byte, 1000)}); err != nil {
			return int(id), err
		}
	}
	return 10000, nil
}

// A queue that is full refuses at once, and the link ends when the server takes
// nothing for too long.
func TestSendQueueFull(t *testing.T) {
	play(t, func(p *peer) { p.hello(); time.Sleep(time.Minute) }, func(t *testing.T, g *gateway) {
		l := g.mustConnect()
		defer l.Close()
		sent, err := fill(l)
		wantKind(t, err, nimerr.Busy)
		if sent < queued {
			t.Errorf("%d frames were taken, want %d at least", sent, queued)
		}
		start := time.Now()
		wantEnd(t, l, nimerr.ConnectionLost)
		if d := time.Since(start); d > writeWait+hangUpWait {
			t.Errorf("ended after %v", d)
		}
		time.Sleep(time.Minute)
	})
}

// A panic of the writer ends the link, not the process, and what the server
// sent is read first.
func TestAPanicOfTheWriterEndsTheLink(t *testing.T) {
	play(t, func(p *peer) {
		p.send(wire.Frame{Op: wire.OpKicked}, wire.Kicked{Reason: 1})
		p.drain()
	}, func(t *testing.T, g *gateway) {
		c, err := g.b.Dialer().WebSocket(t.Context(), address, dial.Upgrade{Subprotocols: []string{wire.Subprotocol}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		l := newLink(c, "")
		l.writer.Go(l.write) // there is no ticker without a heartbeat
		l.writer.Wait()
		l.heartbeat = defaultHeartbeat
		if e, err := l.Receive(); err != nil || e.(backend.Kicked).Reason != 1 {
			t.Errorf("got %v, %v", e, err)
		}
		start := time.Now()
		if _, err := l.Receive(); !errors.Is(err, nimerr.ConnectionLost) || time.Since(start) > hangUpWait {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		l.Close()
	})
}
