package session

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// reconnected are the lines of a relogin that works.
func reconnected(at string) []string {
	return prefixed(at, "connecting", "connected", "relogin 200", "ready", "synced")
}

func TestLostConnectionIsRegained(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.online()
		st.sleep(20 * time.Second)
		st.lose()
		st.wantStatus(StatusReconnecting, "alice")
		st.sleep(time.Second)
		st.want(join(prefixed("20s", "disconnected 415 connection_lost", "lost", "not_ready", "retry_in 100ms"),
			reconnected("20.1s"))...)
		if !st.server.lastLogin().Relogin {
			t.Error("the second login does not say relogin")
		}
	})
}

// The first attempt comes within 200 ms, then one about every second while the
// outage is young, then ever rarer up to half a minute.
func TestReconnectSchedule(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.online()
		st.server.refuse(refused)
		st.lose()
		st.sleep(2 * time.Minute)
		want := "100ms 1.1s 2.1s 3.1s 4.1s 5.1s 6.1s 7.1s 8.1s 9.1s 10.1s 11.1s 12.1s 13.1s 14.1s 15.1s 16.1s 17.1s 18.1s 19.1s " +
			"20.1s 21.1s 22.1s 23.1s 24.1s 25.1s 26.1s 27.1s 28.1s 29.1s 30.1s 31.1s 33.1s 37.1s 45.1s 1m0.1s 1m15.1s 1m30.1s 1m45.1s"
		lines := st.lines()
		if got := times(lines, "connecting"); got != want {
			t.Errorf("attempts at %s\nwant        %s", got, want)
		}
		if got := times(lines, "relogin 415 connection_refused retrying"); got != want {
			t.Errorf("failures at %s\nwant        %s", got, want)
		}
	})
}

func TestRetryDelayBounds(t *testing.T) {
	for _, tt := range []struct {
		tries, late int
		retryAfter  time.Duration
		min, max    time.Duration
	}{
		{0, 0, noRetryAfter, 0, 200 * time.Millisecond},
		{1, 0, noRetryAfter, 500 * time.Millisecond, 1500 * time.Millisecond},
		{29, 0, noRetryAfter, 500 * time.Millisecond, 1500 * time.Millisecond},
		{30, 1, noRetryAfter, 0, 2 * time.Second},
		{31, 2, noRetryAfter, 0, 4 * time.Second},
		{34, 5, noRetryAfter, 0, 30 * time.Second},
		{1 << 40, 1 << 40, noRetryAfter, 0, 30 * time.Second},
		{3, 0, 42 * time.Second, 42 * time.Second, 42 * time.Second},
	} {
		if got := retryDelay(tt.tries, tt.late, tt.retryAfter, 0); got != tt.min {
			t.Errorf("retryDelay(%d, %d, %v, 0) = %v, want %v", tt.tries, tt.late, tt.retryAfter, got, tt.min)
		}
		if got := retryDelay(tt.tries, tt.late, tt.retryAfter, 0.999999999); tt.max-got > time.Millisecond || got > tt.max {
			t.Errorf("retryDelay(%d, %d, %v, 1) = %v, want almost %v", tt.tries, tt.late, tt.retryAfter, got, tt.max)
		}
	}
}

// Ten seconds online begin a new outage; less continue the old one, so that a
// server that accepts and drops is not asked ten times a second.
func TestFlappingServer(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.online()
		st.lose() // the first loss: at once
		st.sleep(3 * time.Second)
		st.lose() // after 2.9 s online
		st.sleep(10*time.Second + 999*time.Millisecond)
		st.lose() // after 9.999 s online
		st.sleep(11 * time.Second)
		st.lose() // after 10 s online
		st.sleep(time.Second)
		if got, want := times(st.lines(), "connecting"), "100ms 4s 14.999s 25.099s"; got != want {
			t.Errorf("attempts at %s, want %s", got, want)
		}
	})
}

// What the server asks for replaces the next delay, and only that.
func TestServerSaysWhenToComeBack(t *testing.T) {
	t.Run("retry_after", func(t *testing.T) {
		play(t, nil, func(st *tester) {
			st.online()
			busy := nimerr.ServerBusy.New("")
			busy.RetryAfter = 7 * time.Second
			st.server.refuse(busy)
			st.lose()
			st.sleep(time.Second)
			st.server.refuse(refused)
			st.sleep(8 * time.Second)
			if got, want := times(st.lines(), "connecting"), "100ms 7.1s 8.1s"; got != want {
				t.Errorf("attempts at %s, want %s", got, want)
			}
		})
	})
	t.Run("going_away", func(t *testing.T) {
		play(t, nil, func(st *tester) {
			st.online()
			st.sleep(time.Minute)
			st.server.link().push(backend.GoingAway{Reason: "maintenance", RetryAfter: 3 * time.Second})
			st.lose()
			st.sleep(4 * time.Second)
			st.want(join(prefixed("1m0s", "disconnected 415 connection_lost", "lost", "not_ready", "retry_in 3s"),
				reconnected("1m3s"))...)
		})
	})
	t.Run("going_away without a delay", func(t *testing.T) {
		play(t, nil, func(st *tester) {
			st.online()
			st.server.on(func(l *fakeLink, _ uint64, _ backend.Request) bool {
				l.push(backend.GoingAway{})
				l.lose(nimerr.GoingAway.New(""))
				return true
			})
			st.lose()
			st.sleep(3 * time.Second)
			if got, want := times(st.lines(), "connecting"), "100ms 1.1s 2.1s"; got != want {
				t.Errorf("attempts at %s, want %s", got, want)
			}
		})
	})
	t.Run("longer than a first login", func(t *testing.T) {
		play(t, nil, func(st *tester) {
			busy := nimerr.ServerBusy.New("")
			busy.RetryAfter = time.Hour
			st.server.refuse(busy)
			st.login("alice")
			st.sleep(time.Minute)
			st.want("0s connecting", "0s login step 0", "0s failed 503 linking", "0s retry_in 1h0m0s",
				"30s login 503 server_busy", "30s failed 503 linking")
		})
	})
}

// A code that is not network trouble ends automatic relogin.
func TestReloginRefused(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.online()
		st.server.refuseLogin(wrong)
		st.lose()
		st.sleep(time.Second)
		st.want(join(prefixed("0s", "disconnected 415 connection_lost", "lost", "not_ready", "retry_in 100ms"),
			prefixed("100ms", "connecting", "connected", "relogin 302 token_invalid", "token_invalid 302 logining"))...)
		st.wantStatus(StatusGaveUp, "")
		st.server.on(nil)
		st.s.Relogin()
		st.want(reconnected("1s")...)
		st.wantStatus(StatusOnline, "alice")
	})
}

// What login_retry_max_times says is about a first login: an outage lasts as long
// as it lasts.
func TestAnOutageIsNotCounted(t *testing.T) {
	play(t, func(e *Env) { e.Config.LoginRetryMax = 3 }, func(st *tester) {
		st.outage()
		st.sleep(time.Hour)
		st.wantStatus(StatusReconnecting, "alice")
		st.server.refuse(nil)
		st.sleep(time.Minute)
		st.wantStatus(StatusOnline, "alice")
	})
}

// While the library goes on, the relogin callback has a code that programs without
// "retrying" take for the network's; what came is beside it. The end has another.
func TestCodesOfRelogin(t *testing.T) {
	for kind, want := range map[*nimerr.Kind]int{
		nimerr.ServerError: 415, nimerr.ServerBusy: 415, nimerr.NetworkUnreachable: 415, nimerr.GoingAway: 415,
		nimerr.Timeout: 408, nimerr.ServerSilent: 408, nimerr.ConnectionRefused: 415,
	} {
		var got []abi.LoginResult
		keep := &toldSink{seen: func(p abi.Posting) {
			if r, ok := p.Text(0).(*abi.LoginResult); ok && p.Slot() == abi.SlotClientAutoRelogin {
				got = append(got, *r)
			}
		}}
		play(t, func(e *Env) {
			keep.Sink, e.Config.ReloginMax = e.Sink, 1
			e.Sink = keep
		}, func(st *tester) {
			st.online()
			err := kind.New("")
			err.ServerCode = 7
			st.server.refuse(err)
			st.lose()
			st.sleep(time.Minute)
			st.wantStatus(StatusGaveUp, "")
		})
		if len(got) != 2 {
			t.Fatalf("%s: %d events", kind.Name, len(got))
		}
		if r := got[0]; r.ErrCode != want || r.ErrName != kind.Name || r.ServerCode != 7 || !r.Retrying {
			t.Errorf("%s, going on: %+v", kind.Name, r)
		}
		if r := got[1]; r.ErrCode == 408 || r.ErrCode == 415 || r.ErrName != "relogin_given_up" || r.Retrying || !strings.Contains(r.LastError, kind.Name) {
			t.Errorf("%s, the end: %+v", kind.Name, r)
		}
	}
}

func TestReloginMaxAttempts(t *testing.T) {
	play(t, func(e *Env) { e.Config.ReloginMax = 2 }, func(st *tester) {
		st.online()
		st.server.refuse(refused)
		st.lose()
		st.sleep(10 * time.Second)
		st.want(join(prefixed("0s", "disconnected 415 connection_lost", "lost", "not_ready", "retry_in 100ms"),
			prefixed("100ms", "connecting", "relogin 415 connection_refused retrying", "failed 415 linking", "retry_in 1s"),
			prefixed("1.1s", "connecting", "relogin 415 connection_refused retrying", "failed 415 linking", "retry_in 1s"),
			prefixed("2.1s", "connecting", "relogin 21013 relogin_given_up", "failed 415 linking"))...)
		st.wantStatus(StatusGaveUp, "")
		st.server.refuse(nil)
		st.s.Relogin()
		st.want(reconnected("10s")...)
		st.server.refuse(refused)
		st.lose() // the count began anew; less than 10 s online go on with the outage
		st.sleep(10 * time.Second)
		if got, want := times(st.lines(), "connecting"), "11s 12s 13s"; got != want {
			t.Errorf("attempts at %s, want %s", got, want)
		}
	})
}

// A manual relogin after giving up begins a new outage, with a new count.
func TestReloginAfterGivingUpBeginsAnew(t *testing.T) {
	play(t, func(e *Env) { e.Config.ReloginMax = 2 }, func(st *tester) {
		st.outage()
		st.sleep(time.Minute)
		st.wantStatus(StatusGaveUp, "")
		st.skip()
		st.s.Relogin()
		st.sleep(time.Minute)
		if got, want := times(st.lines(), "connecting"), "1m0s 1m1s 1m2s"; got != want {
			t.Errorf("attempts at %s, want %s", got, want)
		}
		st.wantStatus(StatusGaveUp, "")
	})
}

// So do a resume and a relogin after a pause, however long it was.
func TestResumeBeginsANewOutage(t *testing.T) {
	for name, wake := range map[string]func(st *tester){
		"resume":  func(st *tester) { st.resume() },
		"relogin": func(st *tester) { st.s.Relogin() },
	} {
		t.Run(name, func(t *testing.T) {
			play(t, func(e *Env) { e.Config.ReloginMax = 2 }, func(st *tester) {
				st.outage()
				st.sleep(1500 * time.Millisecond) // two attempts: one is left
				st.pause()
				st.sleep(time.Hour)
				st.skip()
				wake(st)
				st.sleep(4 * time.Second)
				if got, want := times(st.lines(), "connecting"), "1h0m1.5s 1h0m2.5s 1h0m3.5s"; got != want {
					t.Errorf("attempts at %s, want %s", got, want)
				}
				st.wantStatus(StatusGaveUp, "")
			})
		})
	}
}

// Manual relogin and a changed network try at once while waiting, and have no
// effect while an attempt runs.
func TestTryAtOnce(t *testing.T) {
	for name, nudge := range map[string]func(*tester){
		"relogin":         func(st *tester) { st.s.Relogin() },
		"network changed": func(st *tester) { st.s.NetworkChanged() },
		"woke up":         func(st *tester) { st.asleep.Store(int64(time.Hour)) },
	} {
		t.Run(name, func(t *testing.T) {
			play(t, nil, func(st *tester) {
				st.online()
				busy := nimerr.ServerBusy.New("")
				busy.RetryAfter = time.Hour
				st.server.refuse(busy)
				st.lose()
				st.sleep(10 * time.Second)
				st.skip()
				st.server.set(func(f *fakeServer) {
					f.connect = func(context.Context, *backend.Login) error { time.Sleep(5 * time.Second); return nil }
				})
				nudge(st)
				st.sleep(2 * time.Second)
				nudge(st)
				st.sleep(10 * time.Second)
				lines := st.lines()
				if n := len(times(lines, "connecting")); n == 0 || n > len("10.1s") {
					t.Errorf("attempts at %q, want one", times(lines, "connecting"))
				}
				st.wantStatus(StatusOnline, "alice")
			})
		})
	}
}

// A machine that slept asks the server for a sign of life as soon as it wakes.
func TestWallClockJumpOnline(t *testing.T) {
	play(t, nil, func(st *tester) {
		st.online()
		st.sleep(30 * time.Second)
		if n := st.server.link().checked(); n != 0 {
			t.Errorf("%d checks without a jump", n)
		}
		st.asleep.Store(int64(9 * time.Second))
		st.sleep(2 * time.Second)
		if n := st.server.link().checked(); n != 0 {
			t.Errorf("%d checks after a step of 9 s, as NTP may make it", n)
		}
		st.asleep.Store(int64(time.Hour))
		st.sleep(2 * time.Second)
		if n := st.server.link().checked(); n != 1 {
			t.Errorf("%d checks after a jump, want 1", n)
		}
		st.asleep.Store(0) // backwards: not a sleep
		st.sleep(2 * time.Second)
		st.s.NetworkChanged()
		st.sleep(0)
		if n := st.server.link().checked(); n != 2 {
			t.Errorf("%d checks after the network changed, want 2", n)
		}
		st.want()
	})
}

// The LBS is asked anew before a relogin where the settings say so, not before
// a login.
func TestRefreshBeforeRelogin(t *testing.T) {
	for _, on := range []bool{false, true} {
		play(t, func(e *Env) { e.Config.RefreshLBS = on }, func(st *tester) {
			st.online()
			st.lose()
			st.sleep(time.Second)
			st.server.mu.Lock()
			defer st.server.mu.Unlock()
			if r := st.server.refresh; len(r) != 2 || r[0] || r[1] != on {
				t.Errorf("refresh = %v with the setting %v", r, on)
			}
		})
	}
}

// A server that is silent at any step of a relogin costs ten seconds.
func TestSilentServerRelogin(t *testing.T) {
	for name, script := range map[string]func(*fakeServer){"connecting": (*fakeServer).hang, "login": (*fakeServer).silent} {
		t.Run(name, func(t *testing.T) {
			play(t, nil, func(st *tester) {
				st.online()
				script(st.server)
				st.lose()
				st.sleep(25 * time.Second)
				if got, want := times(st.lines(), "relogin 408 timeout retrying"), "10.1s 21.1s"; got != want {
					t.Errorf("failures at %s, want %s", got, want)
				}
			})
		})
	}
}
