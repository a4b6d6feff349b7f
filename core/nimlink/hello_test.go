package nimlink

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/internal/wire"
)

func TestConnect(t *testing.T) {
	play(t, greet, func(t *testing.T, g *gateway) {
		a := &backend.Attempt{}
		l, err := g.b.Connect(t.Context(), address, &backend.Login{Token: "secret-token"}, a)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if a.Endpoint != "ws://gateway.test:80/nim" || a.Remote == "" {
			t.Errorf("attempt = %+v", a)
		}
		if s := l.Stats(); s.BytesIn == 0 || s.BytesOut == 0 || s.RTT != 0 {
			t.Errorf("stats = %+v", s)
		}
	})
}

// What a server says instead of a greeting is the end of the attempt.
func TestNoGreeting(t *testing.T) {
	for _, tt := range []struct {
		name  string
		serve func(p *peer)
		want  *nimerr.Kind
		after time.Duration
	}{
		{"silence", (*peer).drain, nimerr.ServerSilent, helloWait},
		{"garbage", func(p *peer) { p.text("hello") }, nimerr.ProtocolError, 0},
		{"nothing", func(p *peer) { p.text("") }, nimerr.ProtocolError, 0},
		{"nesting bomb", func(p *peer) { p.text(strings.Repeat("[", 100000)) }, nimerr.ProtocolError, 0},
		{"binary", func(p *peer) { p.WriteMessage(websocket.BinaryMessage, []byte(`{"op":"hello"}`)) }, nimerr.ProtocolError, 0},
		{"too long", func(p *peer) { p.text(strings.Repeat(" ", wire.MaxFrame+1)) }, nimerr.ProtocolError, 0},
		{"another frame", func(p *peer) { p.text(`{"op":"presence"}`) }, nimerr.ProtocolError, 0},
		{"hello of another shape", func(p *peer) { p.text(`{"op":"hello","body":{"heartbeat_ms":"5"}}`) }, nimerr.ProtocolError, 0},
		{"going_away of another shape", func(p *peer) { p.text(`{"op":"going_away","body":[]}`) }, nimerr.ProtocolError, 0},
		{"hangs up", func(p *peer) {}, nimerr.ConnectionLost, 0},
		{"closes, going away", func(p *peer) { p.hangUp(wire.CloseGoingAway, "bye") }, nimerr.GoingAway, 0},
		{"closes, too many", func(p *peer) { p.hangUp(wire.CloseRateLimited, "") }, nimerr.RateLimited, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			play(t, tt.serve, func(t *testing.T, g *gateway) {
				start := time.Now()
				_, err := g.connect()
				e := wantKind(t, err, tt.want)
				if e.Endpoint != "ws://gateway.test:80/nim" {
					t.Errorf("endpoint %q", e.Endpoint)
				}
				if d := time.Since(start); d != tt.after {
					t.Errorf("after %v, want %v", d, tt.after)
				}
			})
		})
	}
}

// A server that is about to leave says so instead of hello, and for how long.
func TestGoingAwayInsteadOfHello(t *testing.T) {
	for ms, want := range map[int64]time.Duration{
		3000: 3 * time.Second, 0: 0, -5: 0, 1 << 60: 5 * time.Minute,
	} {
		play(t, func(p *peer) {
			p.send(wire.Frame{Op: wire.OpGoingAway}, wire.GoingAway{Reason: "maintenance", RetryAfterMS: ms})
		}, func(t *testing.T, g *gateway) {
			_, err := g.connect()
			e := wantKind(t, err, nimerr.GoingAway)
			if e.RetryAfter != want || e.Detail != "maintenance" {
				t.Errorf("got %+v, want a delay of %v", e, want)
			}
		})
	}
}

// A server that does not choose the subprotocol does not speak it.
func TestOtherSubprotocol(t *testing.T) {
	play(t, nil, func(t *testing.T, g *gateway) {
		ln, err := g.net.Listen("plain.test:80")
		if err != nil {
			t.Fatal(err)
		}
		s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
			if err != nil {
				return
			}
			defer c.Close()
			_, _, _ = c.ReadMessage()
		})}
		go s.Serve(ln)
		defer s.Close()
		_, err = g.b.Connect(t.Context(), "ws://plain.test/nim", nil, &backend.Attempt{})
		e := wantKind(t, err, nimerr.VersionRefused)
		if !strings.Contains(e.Detail, wire.Subprotocol) {
			t.Errorf("the error does not name what was wanted: %q", e.Detail)
		}
	})
}

// Connect returns at once when its context is cancelled, also while it waits
// for the greeting.
func TestConnectCancelled(t *testing.T) {
	play(t, (*peer).drain, func(t *testing.T, g *gateway) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		start := time.Now()
		_, err := g.b.Connect(ctx, address, nil, &backend.Attempt{})
		if err == nil || time.Since(start) != time.Second {
			t.Errorf("got %v after %v, want an error after 1s", err, time.Since(start))
		}
	})
}

func TestNobodyListens(t *testing.T) {
	play(t, nil, func(t *testing.T, g *gateway) {
		g.net.SetDeny(context.DeadlineExceeded)
		if _, err := g.connect(); err == nil {
			t.Error("connected to nobody")
		}
		synctest.Wait()
	})
}

// The token travels in the login frame: never in the URL, never in a header.
func TestTokenIsNotInTheURL(t *testing.T) {
	var got wire.Frame
	play(t, func(p *peer) {
		p.hello()
		got, _ = p.read()
		p.drain()
	}, func(t *testing.T, g *gateway) {
		l := g.mustConnect()
		defer l.Close()
		login := &backend.Login{AppKey: "app", Account: "alice", Token: "secret-token"}
		if err := l.Send(1, login); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if !strings.Contains(string(got.Body), "secret-token") {
			t.Errorf("the login frame has no token: %s", got.Body)
		}
		for _, r := range g.asked {
			if strings.Contains(r.URL.String(), "secret") || strings.Contains(jsonOf(t, r.Header), "secret") {
				t.Errorf("asked for %s with %v", r.URL, r.Header)
			}
			if r.URL.RawQuery != "" {
				t.Errorf("the URL has a query: %s", r.URL)
			}
		}
	})
}
