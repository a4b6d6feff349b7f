package session

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

func TestRequests(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.online()
		st.pushGet()
		st.pushSet()
		st.serverTime()
		st.kickOther("a", "b")
		st.upload()
		st.sleep(0)
		st.server.link().push(backend.PushChanged{SwitchOpen: 1})
		st.want("0s push 200 switch 1", "0s push2 200 switch 2", "0s time 200", "0s kick_other 200 a,b", "0s upload 200", "0s push_changed 1")
	})
}

// The server's clock is known from the login on, corrected by an answer, and
// forgotten with the session.
func TestServerClock(t *testing.T) {
	play(t, nil, func(st *tester) {
		clock := func() int64 {
			st.sleep(0)
			st.rec.mu.Lock()
			defer st.rec.mu.Unlock()
			return st.rec.clock
		}
		st.online()
		if got, want := clock(), time.Now().UnixMilli(); got != want {
			t.Errorf("after the login %d, want %d", got, want)
		}
		st.server.on(func(l *fakeLink, id uint64, _ backend.Request) bool {
			l.push(backend.Answer{ID: id, Body: backend.Time{Server: time.UnixMilli(5)}})
			return true
		})
		st.serverTime()
		if got := clock(); got != 5 {
			t.Errorf("after the answer %d, want 5", got)
		}
		st.logout()
		if got := clock(); got != 0 {
			t.Errorf("after the logout %d, want none", got)
		}
	})
}

// Only what was dropped is named, and each device has its code.
func TestKickOtherResults(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.online()
		st.server.on(func(l *fakeLink, id uint64, _ backend.Request) bool {
			ok := backend.KickOtherOK{Results: []backend.KickResult{{DeviceID: "a", Code: 200}, {DeviceID: "b", Code: 404}}}
			l.push(backend.Answer{ID: id, Body: ok})
			return true
		})
		st.kickOther("a", "b")
		st.want("0s kick_other 200 a")
		st.server.silent()
		st.kickOther("a")
		st.sleep(time.Minute)
		st.want("10s kick_other 408 ")
	})
}

// The outcomes have no name: they come in the order of the calls, also where a
// later one is known first.
func TestKickOtherOutcomesKeepTheirOrder(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.online()
		st.server.silent()
		st.kickOther("a") // request 2 on the wire
		st.kickOther("b")
		st.refuseKick(nimerr.InvalidArgument.New("not valid JSON"))
		l := st.server.link()
		l.push(backend.Answer{ID: 3, Body: backend.KickOtherOK{Results: []backend.KickResult{{DeviceID: "b", Code: 200}}}})
		st.sleep(time.Second)
		l.push(backend.Answer{ID: 2, Body: backend.KickOtherOK{Results: []backend.KickResult{{DeviceID: "a", Code: 200}}}})
		st.sleep(time.Second)
		st.want("1s kick_other 200 a", "1s kick_other 200 b", "1s kick_other 414 ")
	})
}

// A request without an answer times out by itself, in the order of age; an
// answer that comes later belongs to nobody.
func TestRequestTimesOut(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.online()
		st.server.silent()
		st.serverTime() // request 2 on the wire
		st.sleep(4 * time.Second)
		st.pushGet()
		st.renew("fresh")
		st.sleep(4 * time.Second)
		st.server.link().push(backend.Answer{ID: 3, Body: backend.PushConfig{SwitchOpen: 2}})
		st.sleep(10 * time.Second)
		st.want("8s push 200 switch 2", "10s time 408", "14s renew 408 timeout")
		st.server.link().push(backend.Answer{ID: 2})
		st.server.link().push(backend.Answer{ID: 99})
		st.want()
		st.server.on(nil)
		st.serverTime()
		st.want("18s time2 200")
	})
}

// On a loss every request is answered, in order, before the loss is told.
func TestRequestsAreAnsweredOnLoss(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.online()
		st.server.silent()
		st.serverTime()
		st.kickOther("a")
		st.pushGet()
		st.upload()
		st.sleep(0)
		st.lose()
		st.want("0s time 415", "0s kick_other 415 ", "0s push 415 switch 0", "0s upload 415",
			"0s disconnected 415 connection_lost", "0s lost", "0s not_ready", "0s retry_in 100ms")
	})
}

// The server's refusal of a request is its answer; the session stands.
func TestRequestRefused(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.online()
		st.server.on(func(l *fakeLink, id uint64, _ backend.Request) bool {
			l.push(backend.Answer{ID: id, Err: nimerr.Forbidden.New("")})
			return true
		})
		st.pushSet()
		st.kickOther("a")
		st.upload()
		st.want("0s push 403 switch 0", "0s kick_other 403 ", "0s upload 403")
		st.wantStatus(StatusOnline, "alice")
	})
}

// More requests than can be on the wire are refused, not kept.
func TestTooManyRequests(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.online()
		st.server.silent()
		for range maxRequests {
			st.serverTime()
		}
		st.pushGet()
		st.want("0s push 21009 switch 0")
		st.sleep(time.Minute)
		if got := len(st.lines()); got != maxRequests {
			t.Errorf("%d answers, want %d", got, maxRequests)
		}
		st.server.on(nil)
		st.pushGet()
		st.want("1m0s push2 200 switch 1")
	})
}

// After a crash the server may still list what is in truth this client.
func TestPresenceLeavesOutThisDevice(t *testing.T) {
	play(t, nil, func(st *tester) {
		me, pad, web := backend.Device{ID: "me"}, backend.Device{ID: "pad"}, backend.Device{ID: "web", CustomTag: "t", ClientType: 16, OS: "x", Mac: "m"}
		st.server.onLogin(func(*backend.Login) *backend.Answer {
			return &backend.Answer{Body: backend.LoginOK{Others: []backend.Device{me, pad}}}
		})
		st.login("alice")
		if got := deviceIDs(st.lastLogin().OtherClientsPres); got != "pad" {
			t.Errorf("the login tells of %q", got)
		}
		st.skip()
		l := st.server.link()
		l.push(backend.Presence{Type: abi.MultiSpotNotifyTypeImIn, Devices: []backend.Device{me}})
		l.push(backend.Presence{Type: abi.MultiSpotNotifyTypeImIn, Devices: []backend.Device{me, web}})
		l.push(backend.Presence{Type: abi.MultiSpotNotifyTypeImIn, Devices: []backend.Device{web}})
		l.push(backend.Presence{Type: abi.MultiSpotNotifyTypeImOut, Devices: []backend.Device{pad}})
		st.want("0s devices 2 web", "0s devices 2 web", "0s devices 3 pad")
		st.server.on(nil)
		st.login("alice")
		if got := deviceIDs(st.lastLogin().OtherClientsPres); got != "web" {
			t.Errorf("a repeated login tells of %q", got)
		}
	})
}

// A host that stops consuming stops the reader, and nothing but it.
func TestBacklogStopsReading(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.online()
		l := st.server.link()
		st.rec.stall()
		for i := range 20 {
			l.push(backend.PushChanged{SwitchOpen: 1 + i%2})
		}
		synctest.Wait()
		// One was posted, which filled the backlog, and the reader holds one.
		if n := l.queued(); n != 18 {
			t.Errorf("%d events are unread, want 18", n)
		}
		st.sleep(5 * time.Second)
		st.serverTime() // goes out, its answer waits behind
		st.diagnostics()
		st.want("0s push_changed 1", "5s diagnostics status 2")
		st.rec.consume()
		lines := st.lines()
		if got := times(lines, "push_changed"); got != strings.TrimSpace(strings.Repeat("5s ", 19)) {
			t.Errorf("notices at %q", got)
		}
		if got := last(lines, "time"); got != "5s time 200" {
			t.Errorf("got %q", got)
		}
	})
}

// A backlog that began before a loss does not stop the session after it.
func TestBacklogDuringLoss(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.online()
		st.rec.stall()
		st.server.link().push(backend.PushChanged{SwitchOpen: 1})
		st.sleep(0)
		st.pause()
		st.resume()
		st.sleep(time.Second)
		st.wantStatus(StatusOnline, "alice")
		st.rec.consume()
		st.sleep(0)
		st.skip()
		st.server.link().push(backend.PushChanged{SwitchOpen: 2})
		st.want("1s push_changed 2")
	})
}

func TestDiagnostics(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.server.refuse(refused)
		st.login("alice")
		st.sleep(500 * time.Millisecond)
		st.server.refuse(nil)
		st.sleep(time.Minute)
		st.lose()
		st.sleep(time.Second)
		d := st.s.diagnose(st.server.link()) // no command runs: run is idle
		if d.Status != int(StatusOnline) || d.RttUs != 7000 || d.BytesIn != 11 || d.BytesOut != 13 || d.Reconnects != 1 {
			t.Errorf("got %+v", d)
		}
		if d.Account != "alice" || d.Session == "" || d.ConnectedEndpoint != "ws://fake.test/nim" {
			t.Errorf("account %q, session %q, endpoint %q", d.Account, d.Session, d.ConnectedEndpoint)
		}
		if d.LastClose != "connection_lost: the connection was lost" {
			t.Errorf("LastClose = %q", d.LastClose)
		}
		if len(d.Attempts) != 3 || d.Attempts[0].ErrCode != 415 || d.Attempts[1].ErrCode != 200 || d.Attempts[2].Endpoint != "ws://fake.test/nim" {
			t.Errorf("Attempts = %+v", d.Attempts)
		}
	})
	play(t, nil, func(st *tester) {
		st.online()
		st.server.refuseLogin(nimerr.ServerError.New(""))
		st.lose()
		st.sleep(5 * time.Minute)
		d := st.s.diagnose(nil)
		if len(d.Attempts) != keptAttempts || d.Attempts[keptAttempts-1].ErrCode != 500 {
			t.Errorf("%d attempts, the last %+v", len(d.Attempts), d.Attempts[len(d.Attempts)-1])
		}
	})
}

// A server that tells of ever more devices makes neither the session nor its end
// slow: what is kept is bounded, and a notice is read once. (It was the square of
// their number: a minute of work for this.)
func TestManyDevices(t *testing.T) {
	start := time.Now()
	play(t, nil, func(st *tester) {
		st.online()
		for n := range 30 {
			p := backend.Presence{Type: abi.MultiSpotNotifyTypeImIn}
			for i := range 5000 {
				p.Devices = append(p.Devices, backend.Device{ID: fmt.Sprintf("%d-%d", n, i)})
			}
			st.server.link().push(p)
		}
		st.sleep(time.Second)
		st.skip()
		st.login("alice")
		if got := st.lastLogin().OtherClientsPres; len(got) != maxOthers || got[maxOthers-1].DeviceId != "29-4999" {
			t.Errorf("%d devices are kept, the last %+v", len(got), got[len(got)-1])
		}
		st.logout()
		st.sleep(time.Second)
	})
	if d := time.Since(start); d > 20*time.Second {
		t.Errorf("took %v", d)
	}
}
