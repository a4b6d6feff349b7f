package openim

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/dial"
	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/tests/openimfake"
)

// A farConn is a connection to a server one round trip away: what was asked is
// answered that much later.
type farConn struct {
	net.Conn
	asked atomic.Bool
}

const (
	roundTrip  = 100 * time.Millisecond
	openTrips  = 2 // TCP and TLS 1.3
	loginTrips = openTrips + 2
)

func (c *farConn) Write(p []byte) (int, error) {
	c.asked.Store(true)
	return c.Conn.Write(p)
}

func (c *farConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.asked.Swap(false) {
		time.Sleep(roundTrip)
	}
	return n, err
}

// A login takes the round trips of its way to the gateway, of the upgrade, and
// of the question for other devices; the API, as far away, adds none.
func TestLoginRoundTrips(t *testing.T) {
	inBubble(t, openimfake.Options{}, func(b *bed) {
		far := &dial.Dialer{NetDial: func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := b.net.Dial(ctx, network, address)
			time.Sleep(openTrips * roundTrip)
			return &farConn{Conn: c}, err
		}}
		b.backend.Dialer = func() *dial.Dialer { return far }
		start := time.Now()
		x, ok := b.loggedIn(b.login("alice", b.fake.Token("alice", linux)))
		defer x.close()
		if took := time.Since(start); took != loginTrips*roundTrip || ok.Profile == nil {
			b.Errorf("a login took %v with profile %+v, want %v and one", took, ok.Profile, loginTrips*roundTrip)
		}
	})
}

// An idle link lives on: the server drops a client that is silent for 30 s.
func TestIdleLinkLives(t *testing.T) {
	inBubble(t, openimfake.Options{}, func(b *bed) {
		x, _ := b.loggedIn(b.login("alice", b.fake.Token("alice", linux)))
		defer x.close()
		x.quiet(24 * time.Hour)
		if on := b.fake.Online("alice"); len(on) != 1 {
			b.Errorf("online %v after a day, want this client", on)
		}
	})
}

func TestFrozenServerIsNoticed(t *testing.T) {
	inBubble(t, openimfake.Options{}, func(b *bed) {
		token := b.fake.Token("alice", linux)
		x, _ := b.loggedIn(b.login("alice", token))
		x.quiet(time.Hour + 7*time.Second)
		b.fake.Freeze()
		start := time.Now()
		x.wantLost(nimerr.ServerSilent)
		if took := time.Since(start); took > heartbeat+pongWait {
			b.Errorf("noticed after %v, want at most %v", took, heartbeat+pongWait)
		}
		x.close()
		// Nor is one waited for long that freezes in the handshake.
		start = time.Now()
		_, err := b.backend.Connect(b.Context(), b.fake.WSAddr(), b.login("alice", token), nil)
		if e := nimerr.From(err, nimerr.Internal); e == nil || e.Kind != nimerr.Timeout || time.Since(start) > upgradeWait {
			b.Errorf("%v after %v, want timeout after %v", err, time.Since(start), upgradeWait)
		}
	})
}

// A server that freezes right after the upgrade answers no ping, and by that is
// told from one that is no msggateway.
func TestSilenceAfterTheUpgrade(t *testing.T) {
	inBubble(t, openimfake.Options{}, func(b *bed) {
		address := answersWith(b, func(w http.ResponseWriter, r *http.Request) {
			c, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
			if err == nil {
				defer c.Close()
				time.Sleep(time.Minute)
			}
		})
		start := time.Now()
		_, err := b.backend.Connect(b.Context(), address, b.login("alice", b.fake.Token("alice", linux)), nil)
		if e := nimerr.From(err, nimerr.Internal); e == nil || e.Kind != nimerr.ServerSilent || time.Since(start) != resultWait {
			b.Errorf("%v after %v, want server_silent after %v", err, time.Since(start), resultWait)
		}
		// A context that ends ends the wait, too.
		ctx, cancel := context.WithTimeout(b.Context(), time.Second)
		defer cancel()
		start = time.Now()
		_, err = b.backend.Connect(ctx, address, b.login("alice", b.fake.Token("alice", linux)), nil)
		if e := nimerr.From(err, nimerr.Internal); e == nil || e.Kind != nimerr.Timeout || e.Endpoint == "" || time.Since(start) != time.Second {
			b.Errorf("%v after %v, want timeout after 1s", err, time.Since(start))
		}
		time.Sleep(time.Minute) // the stranger ends
	})
}

func TestCheck(t *testing.T) {
	inBubble(t, openimfake.Options{}, func(b *bed) {
		x, _ := b.loggedIn(b.login("alice", b.fake.Token("alice", linux)))
		defer x.close()
		x.quiet(time.Minute)
		x.link.Check()
		x.quiet(time.Minute + heartbeat/2) // not at the moment of a heartbeat, whose pong may be on its way
		b.fake.Freeze()
		start := time.Now()
		x.link.Check()
		x.link.Check()
		x.wantLost(nimerr.ServerSilent)
		if took := time.Since(start); took != checkWait {
			b.Errorf("noticed after %v, want %v", took, checkWait)
		}
	})
}

func TestLinkEnds(t *testing.T) {
	for name, end := range map[string]func(*bed){
		"cut":   func(b *bed) { b.fake.Cut() },
		"reset": func(b *bed) { b.net.Reset() },
	} {
		inBubble(t, openimfake.Options{}, func(b *bed) {
			x, _ := b.loggedIn(b.login("alice", b.fake.Token("alice", linux)))
			defer x.close()
			end(b)
			if err := x.wantLost(nimerr.ConnectionLost); err.Endpoint == "" {
				b.Errorf("%s: no endpoint in %v", name, err)
			}
		})
	}
}

func TestCloseEndsReceive(t *testing.T) {
	everywhere(t, openimfake.Options{}, func(b *bed) {
		b.fake.SetFaults(openimfake.Faults{SlowAPI: true, NoReplies: true})
		login := b.login("alice", b.fake.Token("alice", linux))
		x := b.open(login)
		if err := x.link.Send(7, login); err != nil {
			b.Fatal(err)
		}
		x.close() // while it gathers
		if err := <-x.lost; err.Kind != nimerr.ConnectionLost {
			b.Errorf("got %v, want connection_lost", err)
		}
		if err := x.link.Send(8, backend.KickOther{}); err == nil {
			b.Error("kick_other was accepted")
		}
	})
}

func TestTokenExpiry(t *testing.T) {
	inBubble(t, openimfake.Options{}, func(b *bed) {
		const life = 24 * time.Hour
		start := time.Now()
		x, ok := b.loggedIn(b.login("alice", b.fake.TokenFor("alice", linux, life)))
		defer x.close()
		ends := ok.TokenExpiresAt
		if got := ends.Sub(start); got > life || got < life-2*time.Second {
			b.Fatalf("ends in %v, want %v", got, life)
		}
		x.quiet(life - longestNotice - 2*time.Second)
		e := want[backend.TokenExpiring](x)
		if !e.ExpiresAt.Equal(ends) || !time.Now().Equal(ends.Add(-longestNotice)) {
			b.Errorf("%+v at %v, want it %v before %v", e, time.Now(), longestNotice, ends)
		}
		x.quiet(longestNotice - time.Second)
		if e := want[backend.TokenExpired](x); e.ServerCode != 1501 || !time.Now().Equal(ends) {
			b.Errorf("%+v at %v, want server code 1501 at %v", e, time.Now(), ends)
		}
		x.quiet(time.Hour) // the connection stays, as the server leaves it
	})
}

// A token of a few seconds is announced too.
func TestShortToken(t *testing.T) {
	inBubble(t, openimfake.Options{}, func(b *bed) {
		x, ok := b.loggedIn(b.login("alice", b.fake.TokenFor("alice", linux, 6*time.Second)))
		defer x.close()
		if ok.TokenNotice <= 0 || ok.TokenNotice > 4*time.Second {
			b.Errorf("notice %v", ok.TokenNotice)
		}
		want[backend.TokenExpiring](x)
		want[backend.TokenExpired](x)
		x.quiet(time.Minute)
	})
}

// After a sleep the wall clock is ahead of the timers.
func TestExpiryFollowsTheWallClock(t *testing.T) {
	inBubble(t, openimfake.Options{}, func(b *bed) {
		var asleep atomic.Int64
		b.backend.Wall = func() time.Time { return time.Now().Add(time.Duration(asleep.Load())) }
		x, _ := b.loggedIn(b.login("alice", b.fake.TokenFor("alice", linux, 24*time.Hour)))
		defer x.close()
		x.quiet(time.Minute)
		asleep.Store(int64(25 * time.Hour))
		start := time.Now()
		want[backend.TokenExpired](x)
		if took := time.Since(start); took > clockStep {
			b.Errorf("noticed after %v, want at most %v", took, clockStep)
		}
	})
}

func TestExpiryIsUnknown(t *testing.T) {
	now := time.Unix(1e9, 0)
	for name, c := range map[string]claims{
		"no claims":     {},
		"a wrong clock": {expires: now.Add(-time.Hour)},
	} {
		e := newExpiry(c, now)
		if at := e.next(now, now); !at.IsZero() || e.due(now) != nil {
			t.Errorf("%s: something is foreseen at %v", name, at)
		}
	}
}

func TestClaims(t *testing.T) {
	for _, token := range []string{"", "a.b", "a.b.c", "a..c", "..", "a.e30.c", "a.bnVsbA.c", "a.W10.c", "a.eyJleHAiOjFlOTl9.c"} {
		if c := readClaims(token); c != (claims{}) {
			t.Errorf("%q has claims %+v", token, c)
		}
	}
	// {"UserID":"u","PlatformID":3,"exp":1700000000.5,"iat":1600000000}, padded
	c := readClaims("h.eyJVc2VySUQiOiJ1IiwiUGxhdGZvcm1JRCI6MywiZXhwIjoxNzAwMDAwMDAwLjUsImlhdCI6MTYwMDAwMDAwMH0=.s")
	if c.user != "u" || c.platform != 3 || c.expires.UnixMilli() != 1700000000500 || c.issued.Unix() != 1600000000 {
		t.Errorf("got %+v", c)
	}
}
