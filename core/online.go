package core

import (
	"context"
	"slices"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/journal"
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

	pending []request   // requests on the wire, by age
	overdue *time.Timer // of the oldest of them
	kicks   []*kick     // whose outcome is not told, by age

	answered chan provided // the provider's answer for a token that has run out; nil: it is not asked
	unask    func()

	clock   time.Time // what the server last told; zero: nothing
	clockAt time.Time // when that was
}

// A request is on the wire until its answer, its deadline, or the loss.
type request struct {
	id       uint64
	deadline time.Time
	done     func(body any, err *nimerr.Error)
}

// online: the session stands. It ends with a kick, a loss, a logout, a pause.
func (s *Session) online(c *conn, ok *backend.LoginOK) stateFn {
	return func() stateFn {
		o := &onlineState{Session: s, conn: c, overdue: time.NewTimer(requestTimeout)}
		o.overdue.Stop()
		defer func() {
			if !o.keep {
				c.close()
			}
		}()
		// Nothing is on the wire here, unless a panic ends the state.
		defer func() { o.answerAll(nimerr.Internal.New("")) }()
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
			case <-o.overdue.C:
				o.expire()
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
				o.answerAll(nimerr.Cancelled.New(""))
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
	a.failures, a.wish, a.asked = 0, noWish, false
	if a.first {
		a.tries = 0 // the first loss begins the first outage
	}
	if !ok.ServerTime.IsZero() {
		o.setClock(ok.ServerTime)
	}
	o.enter(StatusOnline, "online")
	o.finishLogin(nil, stepLogin, nil)
	a.first = false
	o.connection(connReady, nil)
	o.synced(false)
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
		o.answer(e)
	case backend.Presence:
		o.presence(&e)
	case backend.Kicked:
		o.kickedOut(&e)
	case backend.GoingAway:
		o.acct.wishFor(e.RetryAfter)
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
	case backend.PushChanged:
		o.post(PushChangedEvent{abi.PushConfig{SwitchOpen: e.SwitchOpen}})
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
	for _, d := range p.Devices {
		o.acct.others = slices.DeleteFunc(o.acct.others, func(x backend.Device) bool { return x.ID == d.ID })
		if p.Type == abi.MultiSpotNotifyTypeImIn {
			o.acct.others = append(o.acct.others, d)
		}
	}
	if list := o.devices(p.Devices); len(list) > 0 {
		o.post(MultiSpotEvent{abi.MultiSpotEvent{MultiSpotNotiyType: p.Type, OtherClientsPres: list}})
	}
}

// kickedOut ends the session because the server said so; there is no relogin.
func (o *onlineState) kickedOut(k *backend.Kicked) {
	o.log(journal.App, "kicked", journal.Int("reason", int64(k.Reason)), journal.Str("device_id", k.DeviceID))
	o.enter(StatusKicked, "kicked")
	o.answerAll(nimerr.Kicked.New(k.Description))
	o.tellKicked(k)
	o.connection(connNotReady, nil)
	o.forget()
	o.next = o.kicked
}

// lost begins automatic relogin.
func (o *onlineState) lost(err *nimerr.Error) {
	a := o.acct
	o.history.lost(err)
	if wish := a.wish; a.tries == 0 || time.Since(a.online) >= steadyAfter {
		a.newOutage()
		a.wish = wish // what the server said as it went
	}
	delay := o.plan()
	o.enter(StatusReconnecting, "lost")
	o.answerAll(err)
	info := o.info(err)
	info.RetryInMs = delay.Milliseconds()
	o.post(DisconnectedEvent{abi.DisconnectEvent{ErrorInfo: info}})
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
		o.leave(&farewell{calls: []cmdLogout{c}, kind: c.kind})
	case cmdPause:
		o.next = o.pausing(c.call)
		o.enter(StatusPaused, "pausing")
		o.answerAll(nimerr.Cancelled.New("paused"))
	case cmdResume:
		o.simple(c.call, nil)
	case cmdNetworkChanged:
		o.conn.link.Check()
	case cmdRelogin:
		o.log(journal.Pro, "relogin_ignored")
	case cmdKickOther:
		o.kickOther(c)
	case cmdRenew:
		o.renew(c.token, c.options, func(ends time.Time, err *nimerr.Error) {
			o.env.Sink.Answer(c.call, &abi.RenewTokenResult{ErrorInfo: o.info(err), ExpiresAtMs: unixMilli(ends)}, true)
		})
	case cmdPushGet:
		o.push(c.call, backend.PushGet{})
	case cmdPushSet:
		o.push(c.call, backend.PushSet{SwitchOpen: c.open})
	case cmdServerTime:
		o.ask(o.env.Backend.ServerTime, backend.ServerTime{}, func(body any, err *nimerr.Error) { o.timed(c.call, body, err) })
	case cmdUpload:
		o.upload(c)
	case cmdDiagnostics:
		o.env.Sink.Answer(c.call, o.diagnose(o.conn.link), true)
	default:
		o.unavailable(c, nimerr.NotLoggedIn.New(""))
	}
}

// leave begins a logout, which takes the link over. What is on the wire is
// cancelled.
func (o *onlineState) leave(f *farewell) {
	o.enter(StatusLoggingOut, "leaving")
	o.answerAll(nimerr.Cancelled.New("logged out"))
	o.keep, o.next = true, o.loggingOut(o.conn, f)
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
		o.leave(&farewell{kind: abi.LogoutChangeAccout, login: c})
		return
	default:
		o.refuseLogin(c, nimerr.AlreadyLoggedIn.New(""))
		return
	}
	p := c.req.proof().over(proofOf(&a.login))
	if p.same(proofOf(&a.login)) {
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
