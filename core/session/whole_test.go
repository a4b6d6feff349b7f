package session

import (
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/dial"
	"github.com/libnim/libnim/core/journal"
	"github.com/libnim/libnim/core/nimlink"
	"github.com/libnim/libnim/core/route"
	"github.com/libnim/libnim/internal/memnet"
	"github.com/libnim/libnim/internal/wire"
)

// A whole is a session over the real protocol, dialer and WebSocket, on an
// in-memory network.
type whole struct {
	*tester
	net *memnet.Network

	served sync.WaitGroup
	mu     sync.Mutex
	frames []wire.Op       // what the gateway got
	conn   *websocket.Conn // the newest
	mute   wire.Op         // requests that are not answered; "*": none is

	narrow atomic.Bool // the way to the gateway carries 16 KiB a second
}

func playWhole(t *testing.T, links []string, script func(w *whole)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &whole{net: memnet.New()}
		dialer := &dial.Dialer{NetDial: w.net.Dial}
		link := &nimlink.Backend{Dialer: func() *dial.Dialer { return dialer }, SDK: "libnim/test"}
		w.tester = newTester(t, func(e *Env) {
			e.Router = &route.Routes{Backend: link, Fixed: links}
			e.Backend = link.Capabilities()
		})
		l, err := w.net.Listen("gw.test:80")
		if err != nil {
			t.Fatal(err)
		}
		s := &http.Server{Handler: w}
		w.served.Go(func() { _ = s.Serve(narrowListener{l, &w.narrow}) })
		script(w)
		w.finish()
		w.net.Reset()
		_ = s.Close()
		w.served.Wait()
		if n := w.net.Live(); n != 0 {
			t.Errorf("%d connections are left", n)
		}
	})
}

// ServeHTTP is a gateway that admits everybody.
func (w *whole) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.served.Add(1)
	defer w.served.Done()
	c, err := (&websocket.Upgrader{Subprotocols: []string{wire.Subprotocol}}).Upgrade(rw, r, nil)
	if err != nil {
		return
	}
	defer c.Close()
	w.mu.Lock()
	w.conn = c
	w.mu.Unlock()
	w.say(wire.Frame{Op: wire.OpHello}, wire.Hello{HeartbeatMS: 5000})
	for {
		_, data, err := c.ReadMessage()
		if err != nil {
			return
		}
		f, err := wire.Decode(data)
		if err != nil {
			w.Errorf("the client sent %q: %v", data, err)
			return
		}
		w.mu.Lock()
		w.frames = append(w.frames, f.Op)
		answered := w.mute != "*" && w.mute != f.Op
		w.mu.Unlock()
		if answered {
			w.say(wire.Frame{Op: wire.OpReply, ID: f.ID, Code: 200}, nil)
		}
	}
}

// say writes a frame on the newest connection.
func (w *whole) say(f wire.Frame, body any) {
	data, err := wire.Encode(f, body)
	if err != nil {
		w.Error(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	_ = w.conn.WriteMessage(websocket.TextMessage, data)
}

// hangUp closes the newest connection as the gateway does.
func (w *whole) hangUp(code int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_ = w.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, ""), time.Now().Add(time.Second))
	_ = w.conn.Close()
}

func (w *whole) muted(op wire.Op) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mute = op
}

var gw = []string{"ws://gw.test/nim"}

func TestWholeSession(t *testing.T) {
	playWhole(t, gw, func(w *whole) {
		w.login("alice")
		w.want(loggedIn("0s", "login")...)
		w.serverTime()
		w.sleep(0)
		w.say(wire.Frame{Op: wire.OpPresence}, wire.Presence{Type: 2, Devices: []wire.Device{{DeviceID: "me"}, {DeviceID: "pad"}}})
		w.want("0s time 200", "0s devices 2 pad")
		w.sleep(time.Hour) // heartbeats
		w.logout()
		w.want("1h0m0s not_ready", "1h0m0s closed", "1h0m0s logout 200")
	})
}

func TestWholeSessionRecovers(t *testing.T) {
	for name, fail := range map[string]func(w *whole){
		"cut":   func(w *whole) { w.net.Cut() },
		"reset": func(w *whole) { w.net.Reset() },
		"close": func(w *whole) { w.hangUp(wire.CloseFenced) },
	} {
		t.Run(name, func(t *testing.T) {
			playWhole(t, gw, func(w *whole) {
				w.online()
				w.sleep(time.Minute)
				fail(w)
				w.sleep(time.Second)
				w.want(join(prefixed("1m0s", "disconnected 415 connection_lost", "lost", "not_ready", "retry_in 100ms"),
					reconnected("1m0.1s"))...)
			})
		})
	}
}

// A frozen server is noticed within 15 s in every state, and the session is
// back when the server is.
func TestWholeSessionFrozenServer(t *testing.T) {
	t.Run("online", func(t *testing.T) {
		playWhole(t, gw, func(w *whole) {
			w.online()
			w.sleep(time.Minute)
			w.net.Stall()
			w.sleep(15 * time.Second)
			lines := w.lines()
			if got := last(lines, "disconnected"); got != "1m9s disconnected 408 server_silent" {
				t.Errorf("got %q in %q", got, lines)
			}
			w.net.Resume()
			w.sleep(11 * time.Second)
			w.wantStatus(StatusOnline, "alice")
		})
	})
	t.Run("woke up", func(t *testing.T) {
		playWhole(t, gw, func(w *whole) {
			w.online()
			w.sleep(time.Minute)
			w.net.Stall()
			w.s.NetworkChanged()
			w.sleep(4 * time.Second)
			if got := last(w.lines(), "disconnected"); got != "1m3s disconnected 408 server_silent" {
				t.Errorf("got %q", got)
			}
		})
	})
	t.Run("handshake", func(t *testing.T) {
		playWhole(t, gw, func(w *whole) {
			w.net.Stall()
			w.login("alice")
			w.sleep(15 * time.Second)
			if got := times(w.lines(), "failed 408 linking"); got != "8s" {
				t.Errorf("failed at %q", got)
			}
		})
	})
	t.Run("login", func(t *testing.T) {
		playWhole(t, gw, func(w *whole) {
			w.muted("*")
			w.login("alice")
			w.sleep(15 * time.Second)
			if got := times(w.lines(), "failed 408 logining"); got != "10s" {
				t.Errorf("failed at %q", got)
			}
			w.muted("")
			w.wantStatus(StatusLoggingIn, "")
		})
	})
	t.Run("logout", func(t *testing.T) {
		playWhole(t, gw, func(w *whole) {
			w.online()
			w.muted(wire.OpLogout)
			w.logout()
			w.sleep(15 * time.Second)
			w.want("5s not_ready", "5s closed", "5s logout 200")
		})
	})
}

// A kick that is followed by the end of the connection is a kick.
func TestWholeSessionKicked(t *testing.T) {
	playWhole(t, gw, func(w *whole) {
		w.online()
		w.say(wire.Frame{Op: wire.OpKicked}, wire.Kicked{Reason: 1, DeviceID: "other"})
		w.hangUp(wire.CloseKicked)
		for range 5 {
			w.serverTime()
		}
		lines := w.lines()
		if last(lines, "kickout 1 other") == "" || last(lines, "lost") != "" {
			t.Errorf("got %q", lines)
		}
		w.wantStatus(StatusKicked, "")
	})
}

// The next address serves where the first refuses.
func TestWholeSessionFailsOver(t *testing.T) {
	playWhole(t, []string{"ws://down.test/nim", "ws://gw.test/nim"}, func(w *whole) {
		w.login("alice")
		w.want(loggedIn("0s", "login")...)
	})
}

// The server's shutdown: going_away with a delay, then the end.
func TestWholeSessionGoingAway(t *testing.T) {
	playWhole(t, gw, func(w *whole) {
		w.online()
		w.say(wire.Frame{Op: wire.OpGoingAway}, wire.GoingAway{Reason: "drain", RetryAfterMS: 2500})
		w.hangUp(wire.CloseGoingAway)
		w.sleep(3 * time.Second)
		w.want(join(prefixed("0s", "disconnected 503 going_away", "lost", "not_ready", "retry_in 2.5s"),
			reconnected("2.5s"))...)
	})
}

// A host that stops consuming stops the reader; the heartbeat goes on, and
// nothing is lost.
func TestWholeSessionBacklog(t *testing.T) {
	playWhole(t, gw, func(w *whole) {
		w.online()
		w.rec.stall()
		for range 3 {
			w.say(wire.Frame{Op: wire.OpPushChanged}, wire.PushConfig{SwitchOpen: 2})
		}
		w.sleep(time.Hour)
		w.rec.consume()
		w.sleep(time.Minute)
		w.want("0s push_changed 2", "1h0m0s push_changed 2", "1h0m0s push_changed 2")
		w.wantStatus(StatusOnline, "alice")
	})
}

// A log is uploaded over a line that carries 16 KiB a second, and the session
// stands all the while.
func TestUploadOverANarrowLine(t *testing.T) {
	dir := t.TempDir()
	playWhole(t, gw, func(w *whole) {
		j := journal.New(journal.Options{Dir: dir}) // its goroutine belongs to the bubble
		defer j.Close()
		for i := range 500 {
			if j.Add(journal.App, "filler", journal.Str("text", strings.Repeat("x", 2000))); i%100 == 0 {
				j.Files() // waits for the file
			}
		}
		w.online()
		w.narrow.Store(true)
		w.tester.log.Journal = j
		w.tester.log.Log(w.rec.open("upload"), "it is slow here")
		w.sleep(5 * time.Minute)
		if lines := w.lines(); len(lines) != 1 || !strings.HasSuffix(lines[0], "upload 200") {
			t.Errorf("got %q", lines)
		}
	})
}

// A narrowListener accepts connections that are read slowly while on is set.
type narrowListener struct {
	net.Listener
	on *atomic.Bool
}

func (l narrowListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return narrowConn{c, l.on}, nil
}

type narrowConn struct {
	net.Conn
	on *atomic.Bool
}

func (c narrowConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p[:min(len(p), 4<<10)])
	if c.on.Load() {
		time.Sleep(time.Duration(n) * time.Second / (16 << 10))
	}
	return n, err
}

var _ Router = (*fakeServer)(nil)
var _ backend.Link = (*fakeLink)(nil)
