package session

import (
	"testing"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/nimerr"
)

var byOther = backend.Kicked{Reason: 1, Description: "elsewhere", ClientType: 16, CustomClientType: 9, DeviceID: "other", Time: time.UnixMilli(77)}

// A kick ends the session; there is no relogin after it.
func TestKicked(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.online()
		st.server.link().push(byOther)
		st.sleep(time.Minute)
		st.want("0s kickout 1 other", "0s kicked", "0s not_ready")
		st.wantStatus(StatusKicked, "")
		st.login("alice") // legal without a logout
		st.want(loggedIn("1m0s", "login2")...)
		st.server.link().push(byOther) // another login, another kick
		st.want("1m0s kickout 1 other", "1m0s kicked", "1m0s not_ready")
	})
}

// What was said before the link broke is never lost to the loss.
func TestKickRacesWithLoss(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.online()
		l := st.server.link()
		l.lose(nimerr.ConnectionLost.New("")) // before Receive has looked
		st.want("0s disconnected 415 connection_lost", "0s lost", "0s not_ready", "0s retry_in 100ms")
		st.sleep(time.Second)
		st.skip()
		l = st.server.link()
		l.mu.Lock()
		l.queue = append(l.queue, byOther, byOther, nimerr.ConnectionLost.New(""))
		l.mu.Unlock()
		l.wake <- struct{}{}
		st.want("1s kickout 1 other", "1s kicked", "1s not_ready")
	})
}

// Calls on the wire are answered before the kickout is told.
func TestKickAnswersWhatIsOnTheWire(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.online()
		st.server.silent()
		st.serverTime()
		st.pushGet()
		st.server.link().push(byOther)
		st.want("0s time 417", "0s push 417 switch 0", "0s kickout 1 other", "0s kicked", "0s not_ready")
	})
}

// Kicked while offline: the kickout comes once at the next connect, then the
// end of relogin.
func TestKickedWhileOffline(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.online()
		st.server.onLogin(func(*backend.Login) *backend.Answer {
			return &backend.Answer{Err: nimerr.KickedOffline.New(""), Body: backend.LoginRefused{Kicked: &byOther}}
		})
		st.lose()
		st.sleep(time.Minute)
		st.want(join(prefixed("0s", "disconnected 415 connection_lost", "lost", "not_ready", "retry_in 100ms"),
			prefixed("100ms", "connecting", "connected", "kickout 1 other", "kicked", "relogin 417 kicked_offline"))...)
		st.wantStatus(StatusKicked, "")
		st.s.Relogin()
		st.want("1m0s relogin 417 kicked")
		st.logout()
		st.want("1m0s logout 200")
		st.wantStatus(StatusLoggedOut, "")
	})
}

// The kick comes as a push between the connect and the answer of the relogin.
func TestKickedDuringRelogin(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.online()
		st.server.on(func(l *fakeLink, _ uint64, _ backend.Request) bool { l.push(byOther); return true })
		st.lose()
		st.sleep(time.Minute)
		st.want(join(prefixed("0s", "disconnected 415 connection_lost", "lost", "not_ready", "retry_in 100ms"),
			prefixed("100ms", "connecting", "connected", "kickout 1 other", "kicked", "relogin 417 kicked_offline"))...)
	})
}

// A first login that is refused for a kick tells it in its answer, not as a
// kickout: no session of this login was ended.
func TestKickedOfflineAtFirstLogin(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.server.onLogin(func(*backend.Login) *backend.Answer {
			return &backend.Answer{Err: nimerr.KickedOffline.New(""), Body: backend.LoginRefused{Kicked: &byOther}}
		})
		st.login("alice")
		got := st.lastLogin()
		if k := got.Kicked; got.ErrCode != 417 || k == nil || k.DeviceId != "other" || k.ClientType != 16 || k.CustomClientType != 9 || k.TimeMs != 77 {
			t.Errorf("got %+v", got)
		}
		st.wantStatus(StatusLoggedOut, "")
	})
}

// A host that attaches a callback anew is told the present state on it.
func TestReplay(t *testing.T) {
	all := func(st *tester) {
		st.s.Replay(ConnectionStream)
		st.s.Replay(KickoutStream)
		st.s.Replay(DataSyncStream)
	}
	for name, want := range map[string][]string{
		"logged_out":           {"not_ready"},
		"logging_in/backoff":   {"connecting"},
		"online":               {"ready", "synced"},
		"reconnecting/backoff": {"connecting"},
		"gave_up":              {"failed 302"},
		"kicked":               {"kicked", "kickout 1 other"},
		"paused":               {"not_ready"},
	} {
		for _, where := range situations {
			if where.name != name {
				continue
			}
			t.Run(name, func(t *testing.T) {
				play(t, nil, func(st *tester) {
					where.enter(st)
					st.skip()
					all(st)
					st.want(prefixed(time.Since(st.rec.start).String(), want...)...)
				})
			})
		}
	}
}
