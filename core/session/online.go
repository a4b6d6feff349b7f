package session

import (
	"context"
	"slices"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/journal"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// clockCheck is how often the session looks whether the machine was asleep.
const clockCheck = time.Second

// onlineState is what the online state owns; it dies with the link.
type onlineState struct {
	*Session
	conn *conn
	keep bool // the next state takes the link over
	next stateFn

	relogin bool // it was online before

	answered chan provided // the provider's answer for a token that has run out; nil: it is not asked
	unask    func()

	clock   time.Time // what the server last told; zero: nothing
	clockAt time.Time // when that was
}

// online: the session stands. It ends with a kick, a loss, a logout, a pause.
func (s *Session) online(c *conn, ok *backend.LoginOK) stateFn {
	return func() stateFn {
		o := &onlineState{Session: s, conn: c, relogin: !s.acct.first}
		defer func() {
			if !o.keep {
				c.close()
			}
		}()
		// Nothing is on the wire here, unless a panic ends the state.
		defer func() { s.wire.close(nimerr.Internal.New("")) }()
		s.wire.open(c)
		defer func() { // a question ends at once when its context does
			if o.answered != nil {
				o.unask()
				<-o.answered
			}
		}()
		o.welcome(ok)
		watch := newClockWatch(s.env.Wall)
		tick := time.NewTicker(clockCheck)
		defer tick.Stop()
		for o.next == nil {
			events := c.events
			if s.room != nil {
				events = nil
			}
			select {
			case e := <-events:
				o.event(e)
			case err := <-c.lost:
				o.lost(err)
			case cmd := <-s.cmds:
				o.command(cmd)
			case <-s.wire.overdue.C:
				s.wire.expire()
			case p := <-o.answered:
				o.providerAnswered(p)
			case <-tick.C:
				if watch.jumped() {
					s.log(journal.App, "wall_clock_jumped")
					c.link.Check()
				}
			case <-s.room:
				s.room = nil
			case <-s.quit:
				s.enter(StatusLoggedOut, "stopping")
				s.offline(module.Stopping, nimerr.Cancelled.New(""))
				return s.stopped
			}
		}
		return o.next
	}
}

// welcome tells that the session stands: the login result, then what follows
// from it.
func (o *onlineState) welcome(ok *backend.LoginOK) {
	a := o.acct
	a.session, a.others = ok.Session, ok.Others
	if ok.Profile != nil { // else the old one stands until a new one comes
		a.profile = ok.Profile
	}
	a.tokenEnds = ok.TokenExpiresAt
	a.online, a.onlineWall = time.Now(), o.env.Wall()
	a.failures, a.last, a.retryAfter, a.asked = 0, nil, noRetryAfter, false
	if a.first {
		a.tries = 0 // the first loss begins the first outage
		a.began = ok.ServerTime
	}
	if !ok.ServerTime.IsZero() {
		o.setClock(ok.ServerTime)
	}
	o.enter(StatusOnline, "online")
	o.finishLogin(nil, stepLogin, nil)
	a.first = false
	o.connection(connReady, nil)
	// The syncs of teams come before what the modules post from their own goroutines.
	o.synced(false)
	o.connected()
}

// setClock keeps what the server says of its clock.
func (o *onlineState) setClock(server time.Time) {
	o.clock, o.clockAt = server, time.Now()
	o.env.Sink.Clock(server.UnixMilli(), true)
}

// now is the time by the server's clock where it is known: this machine's may
// be wrong.
func (o *onlineState) now() time.Time {
	if o.clock.IsZero() {
		return o.env.Wall()
	}
	return o.clock.Add(time.Since(o.clockAt))
}

// event treats what the server sent.
func (o *onlineState) event(e backend.Event) {
	switch e := e.(type) {
	case backend.Answer:
		o.wire.answer(e)
	case backend.Presence:
		o.presence(&e)
	case backend.Kicked:
		o.kickedOut(&e)
	case backend.GoingAway:
		o.acct.noteRetryAfter(e.RetryAfter)
		o.log(journal.App, "going_away", journal.Str("reason", e.Reason), journal.Dur("retry_after", e.RetryAfter))
	case backend.TokenExpiring:
		o.acct.tokenEnds = e.ExpiresAt
		o.connectionEvent(abi.ConnectionEvent{Event: connTokenExpiring, ErrorInfo: o.info(nil), ExpiresInMs: max(e.ExpiresAt.Sub(o.now()), 0).Milliseconds()})
	case backend.TokenExpired:
		o.acct.mustAsk = true
		err := nimerr.TokenExpired.New("")
		err.ServerCode = e.ServerCode
		o.connection(connTokenExpired, err)
		o.askProvider()
	case backend.Profile:
		o.profileCame(&e)
	default:
		o.push(e)
	}
}

// askProvider asks for a token in place of one that has run out, while the
// server still bears with it. Where that fails the link ends, and the provider is
// asked before the relogin.
func (o *onlineState) askProvider() {
	tokens := o.env.Tokens
	if o.answered != nil || tokens == nil || !tokens.Registered() || !o.env.Backend.RenewToken {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	answered := make(chan provided, 1)
	go func(r abi.TokenRequest) { answered <- provide(ctx, tokens, r) }(o.tokenRequest())
	o.answered, o.unask = answered, cancel
}

// providerAnswered renews with what the provider gave, unless the application has.
func (o *onlineState) providerAnswered(p provided) {
	o.unask()
	o.answered = nil
	if p.err != nil {
		o.log(journal.Warn, "token_not_provided", journal.Err(p.err))
	}
	if p.token == "" || !o.acct.mustAsk {
		return
	}
	o.renew(p.token, abi.RenewTokenOptions{AuthType: -1}, func(_ time.Time, err *nimerr.Error) {
		if err != nil {
			o.log(journal.Warn, "token_not_renewed", journal.Err(err))
		}
	})
}

// profileCame makes a profile that comes after the login result what LoginUser
// answers, and says so where it is news.
func (o *onlineState) profileCame(p *backend.Profile) {
	if old := o.acct.profile; old != nil && *old == *p {
		return
	}
	o.acct.profile = p
	o.publish()
	o.connection(connProfileUpdated, nil)
}

// presence keeps the list of other devices and passes the notice on, without
// this device.
func (o *onlineState) presence(p *backend.Presence) {
	named := make(map[string]int, len(p.Devices)) // the last place of each
	for i, d := range p.Devices {
		named[d.ID] = i
	}
	o.acct.others = slices.DeleteFunc(o.acct.others, func(x backend.Device) bool { _, is := named[x.ID]; return is })
	if p.Type == abi.MultiSpotNotifyTypeImIn {
		for i, d := range p.Devices {
			if named[d.ID] == i {
				o.acct.others = append(o.acct.others, d)
			}
		}
		if n := len(o.acct.others); n > maxOthers {
			o.acct.others = slices.Clone(o.acct.others[n-maxOthers:])
		}
	}
	if list := o.devices(p.Devices); len(list) > 0 {
		o.post(abi.OnClientMultispotLoginNotify(&abi.MultiSpotEvent{MultiSpotNotiyType: p.Type, OtherClientsPres: list}))
	}
}

// kickedOut ends the session because the server said so; there is no relogin.
func (o *onlineState) kickedOut(k *backend.Kicked) {
	o.log(journal.App, "kicked", journal.Int("reason", int64(k.Reason)), journal.Str("device_id", k.DeviceID))
	o.enter(StatusKicked, "kicked")
	g, f := o.offline(module.Ended, nimerr.Kicked.New(k.Description)), &logoutState{}
	o.next = o.await(g, kickTimeout, f, func() stateFn {
		o.tellKicked(k)
		o.connection(connNotReady, nil)
		o.forget()
		return o.kickedThen(f)
	})
}

// lost begins automatic relogin.
func (o *onlineState) lost(err *nimerr.Error) {
	a := o.acct
	o.history.lost(err)
	if retryAfter := a.retryAfter; a.tries == 0 || time.Since(a.online) >= steadyAfter {
		a.newOutage()
		a.retryAfter = retryAfter // what the server said as it went
	}
	delay := o.plan()
	o.enter(StatusReconnecting, "lost")
	o.offline(module.Lost, err)
	info := o.info(err)
	info.RetryInMs = delay.Milliseconds()
	o.post(abi.OnClientDisconnect(&abi.DisconnectEvent{ErrorInfo: info}))
	o.connectionEvent(abi.ConnectionEvent{Event: connLost, ErrorInfo: info})
	o.connection(connNotReady, nil)
	o.next = o.backoff(err, delay)
}

// command treats a call of the application.
func (o *onlineState) command(c command) {
	switch c := c.(type) {
	case cmdLogin:
		o.loginAgain(&c)
	case cmdLogout:
		o.leave(&logoutState{calls: []cmdLogout{c}, kind: c.kind, ready: true})
	case cmdPause:
		o.next = o.pausing(c.call)
		o.enter(StatusPaused, "pausing")
		o.offline(module.Lost, nimerr.Cancelled.New("paused"))
	case cmdResume:
		o.simple(c.call, nil)
	case cmdNetworkChanged:
		o.conn.link.Check()
	case cmdRelogin:
		o.log(journal.Pro, "relogin_ignored")
	case cmdRenew:
		o.renew(c.token, c.options, func(ends time.Time, err *nimerr.Error) {
			o.env.Sink.Answer(c.call, abi.AnswerJsonTransport(&abi.RenewTokenResult{ErrorInfo: o.info(err), ExpiresAtMs: unixMilli(ends)}), true)
		})
	case cmdServerTime:
		o.Do(backend.ServerTime{}, 0, func(r backend.Result) { o.timed(c.call, r) })
	case cmdDiagnostics:
		o.env.Sink.Answer(c.call, abi.AnswerJsonTransport(o.diagnose(o.conn.link)), true)
	default:
		o.unavailable(c, nimerr.NotLoggedIn.New(""))
	}
}

// leave begins a logout, which takes the link over. What is on the wire is
// cancelled.
func (o *onlineState) leave(f *logoutState) {
	o.enter(StatusLoggingOut, "leaving")
	o.wire.close(nimerr.Cancelled.New("logged out"))
	o.keep, o.next = true, o.loggingOut(o.conn, f, o.closeModules(logoutTimeout))
}

// loginAgain treats a login call while online.
func (o *onlineState) loginAgain(c *cmdLogin) {
	if err := o.checkLogin(&c.req); err != nil {
		o.refuseLogin(c, err)
		return
	}
	a := o.acct
	switch {
	case a.isFor(&c.req):
	case c.req.Options.SwitchAccount:
		o.leave(&logoutState{kind: abi.LogoutChangeAccout, login: c, ready: true})
		return
	default:
		o.refuseLogin(c, nimerr.AlreadyLoggedIn.New(""))
		return
	}
	p := c.req.credentials().over(credentialsOf(&a.login))
	if p.same(credentialsOf(&a.login)) {
		o.repeatLogin(c)
		return
	}
	o.renew(p.token, abi.RenewTokenOptions{AuthType: p.authType, LoginEx: p.loginEx}, func(_ time.Time, err *nimerr.Error) {
		if err != nil {
			o.refuseLogin(c, err)
			return
		}
		o.repeatLogin(c)
	})
}

// timed passes the server's clock on, and keeps it.
func (o *onlineState) timed(call Call, answer backend.Result) {
	var ms uint64
	if t, ok := answer.Body.(backend.Time); ok && answer.Err == nil {
		ms = uint64(t.Server.UnixMilli())
		o.setClock(t.Server)
	}
	o.env.Sink.Answer(call, abi.AnswerClientGetServerCurrentTime(module.Code(answer.Err), false, ms), true)
}
