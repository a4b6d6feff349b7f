package gateway

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server/accounts"
	"github.com/libnim/libnim/server/address"
	"github.com/libnim/libnim/server/auth"
	"github.com/libnim/libnim/server/presence"
)

// loginBudget bounds one login on the server, so that the client is answered
// while it still waits.
const loginBudget = 8 * time.Second

// refusalStep is what the time of a refused proof is rounded up to. A proof
// takes less, whatever the engine, unless a webhook is asked.
const refusalStep = 20 * time.Millisecond

// login is one login attempt, its steps in the order in which they run.
type login struct {
	c    *conn
	id   uint64
	req  wire.Login
	app  *accounts.App
	who  auth.Identity
	s    *session
	out  presence.Admitted
	left presence.Left // whom it takes the place of
	time time.Time

	endTurn func() // nil: it took none
}

// login runs the first request of a connection. A refusal ends the connection.
func (c *conn) login(_ context.Context, f wire.Frame) error {
	if c.session.Load() != nil {
		return nimerr.InvalidArgument.New("this connection is logged in already")
	}
	// It does not end with the connection: what it has written by then would stay.
	ctx, cancel := context.WithTimeout(c.g.ctx, loginBudget)
	defer cancel()
	l := &login{c: c, id: f.ID, time: time.Now()}
	err := l.parse(f)
	if err == nil {
		err = l.takeTurn(ctx)
	}
	if err != nil {
		l.refuse(err)
		return nil
	}
	l.accept()
	return nil
}

// takeTurn is enter in its turn. A webhook is waited for, not computed: the
// logins that ask one take none.
func (l *login) takeTurn(ctx context.Context) error {
	if l.req.AuthType == auth.TypeWebhook {
		return l.enter(ctx)
	}
	end, ok := l.c.g.logins.Take(ctx, l.c.g.cfg.ArrivalWait)
	if !ok {
		return l.c.g.tooMany("too many clients log in")
	}
	defer end()
	l.endTurn = end
	return l.enter(ctx)
}

// enter lets the account in, if its token proves it. Who is put out in between
// has to prove it again.
func (l *login) enter(ctx context.Context) error {
	for try := range enterTries {
		if try > 0 && !sleep(ctx, rand.N(enterPause<<try)) {
			break
		}
		if err := l.verify(ctx); err != nil {
			return err
		}
		if err := l.join(ctx); !errors.Is(err, presence.ErrAccountChanged) {
			return err
		}
	}
	busy := nimerr.ServerBusy.New("the account changes all the time")
	busy.RetryAfter = time.Second
	return busy
}

// A login is verified again when its account changed meanwhile.
const (
	enterTries = 5
	enterPause = 5 * time.Millisecond
)

// sleep waits, and reports whether ctx let it.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (l *login) parse(f wire.Frame) error {
	l.req = wire.Login{Force: true} // a client that does not say means the usual
	if err := f.DecodeBody(&l.req); err != nil {
		return nimerr.InvalidArgument.Wrap(err)
	}
	if err := checkLogin(&l.req); err != nil {
		return err
	}
	app, ok := l.c.g.apps.Named(l.req.AppKey)
	if !ok {
		return nimerr.AppKeyUnknown.New("")
	}
	l.app, l.req.AppKey = app, app.Key
	if l.c.g.presence.Lease.Epoch() == 0 { // nothing could be written: do not let the client wait for it
		return presence.Fenced()
	}
	return nil
}

func (l *login) verify(ctx context.Context) error {
	who, err := l.c.verify(ctx, address.Place(l.c.remote), auth.Request{
		App: l.app, Account: l.req.Account, Token: l.req.Token, AuthType: l.req.AuthType,
		Client: auth.Client{
			DeviceID: l.req.DeviceID, ClientType: l.req.ClientType, Address: l.c.remote,
			CustomTag: l.req.CustomTag, LoginEx: l.req.LoginEx,
		},
	})
	l.who = who
	if provedNothing(err) {
		l.roundUp(ctx)
	}
	return err
}

// roundUp waits until the login has taken a whole number of steps. An account
// that is there is read in more time than one that is not, and nobody without
// its token shall know which it is.
func (l *login) roundUp(ctx context.Context) {
	if l.endTurn != nil {
		l.endTurn() // nobody else shall wait for that
	}
	at := time.Now()
	at = at.Add(refusalStep - at.Sub(l.time)%refusalStep)
	if sleep(ctx, time.Until(at)-exactPart) {
		untilExactly(at)
	}
}

// exactPart is the end of a wait for which the runtime's timers are not exact
// enough: they may be late by 1 ms, and by more on a busy machine.
const exactPart = 3 * time.Millisecond

func provedNothing(err error) bool {
	e, ok := errors.AsType[*nimerr.Error](err)
	return ok && e.Kind.Domain == nimerr.Auth
}

// verify asks for the proof, unless the account had too many wrong ones from
// there lately: from an address, or from a session of its own, which others at
// its address must not keep from renewing. Those under way count until they are
// right; one that was wrong before tries nothing new and does not count again.
func (c *conn) verify(ctx context.Context, from string, r auth.Request) (auth.Identity, error) {
	key := r.App.Key + "/" + r.Account + "/" + from
	if wait := c.g.failures.Allow(key, time.Now()); wait > 0 {
		limited := nimerr.RateLimited.New("")
		limited.RetryAfter = max(wait, time.Second)
		return auth.Identity{}, limited
	}
	who, err := c.g.auth.Verify(ctx, r)
	if errors.Is(err, auth.ErrWebhookBusy) {
		c.g.stats.limited.Inc("webhook")
	}
	if !provedNothing(err) || r.AuthType != auth.TypeWebhook && c.g.failures.repeats(key, r.Token) {
		c.g.failures.GiveBack(key)
	}
	return who, err
}

func (l *login) join(ctx context.Context) error {
	g, r := l.c.g, &l.req
	l.s = newSession(l.c, accountID{r.AppKey, r.Account}, presence.Device{
		DeviceID: r.DeviceID, ClientType: r.ClientType, CustomClientType: r.CustomClientType,
		ClientOS: r.ClientOS, Mac: r.Mac, CustomTag: r.CustomTag,
		LoginTimeMS: l.time.UnixMilli(), Instance: r.Instance, Attempt: r.Attempt,
	})
	if r.Relogin {
		l.s.device.BeganMS = r.SessionBeganMS
	}
	l.s.epoch = g.presence.Lease.Epoch()
	g.hub.add(l.s)
	out, epoch, err := g.presence.Join(ctx, presence.Login{
		App: r.AppKey, Account: r.Account, AccountRev: l.who.Account.Rev, Device: l.s.device, Force: r.Force, Relogin: r.Relogin,
	})
	// Whom it displaced goes, whatever became of the login.
	left := presence.Left{Revision: out.Revision, Gone: slices.Concat(out.Displaced, out.Replaced)}
	if err == nil {
		l.out, l.left = out, left
		l.s.epoch = epoch
		return nil
	}
	if _, refused := errors.AsType[*presence.Refused](err); refused || errors.Is(err, presence.ErrAccountChanged) {
		g.hub.remove(l.s)
		_ = g.carryOut(l.s.owner, left, l.kick, nil)
	} else { // it may be in the record although it looks otherwise
		g.goTask(func() { g.depart(l.s) })
		_ = g.carryOut(l.s.owner, left, l.kick, err)
	}
	return err
}

// kick is what such a session is told.
func (l *login) kick(d presence.Device) wire.Kicked {
	text := presence.TextDisplaced
	if d.DeviceID == l.s.device.DeviceID {
		text = presence.TextReplaced
	}
	return presence.KickBy(l.s.device, wire.KickSameType, text, l.time)
}

// accept answers the login and makes its consequences happen elsewhere.
func (l *login) accept() {
	g, c, s := l.c.g, l.c, l.s
	s.nick = l.who.Account.Name
	c.session.Store(s)
	c.fence.Store(&fenceCheck{valid: g.presence.Lease.Valid, epoch: s.epoch})
	ok := wire.LoginOK{
		Session:      s.id,
		Others:       presence.WireList(s.owner.account, l.out.Others, s.device.DeviceID),
		ServerTimeMS: time.Now().UnixMilli(),
		SwitchOpen:   l.who.Account.Push(),
		Profile:      l.who.Account.Profile(),

		TokenExpiresAtMS: unixMilli(l.who.ExpiresAt),
	}
	if !l.who.ExpiresAt.IsZero() {
		ok.TokenExpiringMS = l.app.Expiring().Milliseconds()
	}
	s.activate(l.out.Revision, func() { c.answer(l.id, ok) })
	c.extend()
	s.expiry.watch(l.who, l.app)
	g.stats.logins.Inc("ok")
	g.stats.loginFor.Observe(time.Since(l.time))
	if l.out.First {
		g.stats.active.add(s.owner.app, l.time)
	}

	_ = g.carryOut(s.owner, l.left, l.kick, nil)
	g.announce(s.owner, l.out.Revision, l.out.Others, noticeOut, l.out.Displaced) // of the replaced it is told that they are in
	g.announce(s.owner, l.out.Revision, l.out.Others, noticeIn, []presence.Device{s.device})
	c.log.Info("gateway: login", "app", s.owner.app, "account", s.owner.account, "device", s.device.DeviceID,
		"client_type", s.device.ClientType, "sdk", l.req.SDK, "operation_id", l.req.OperationID,
		"relogin", l.req.Relogin, "displaced", len(l.out.Displaced))
}

// refuse answers with what is known of the refusal, then ends the connection.
func (l *login) refuse(err error) {
	e := nimerr.From(err, nimerr.ServerError)
	level := l.c.log.Info
	if e.Kind == nimerr.ServerError {
		level = l.c.log.Error
	}
	said := []any{ // what the client says may be long: nothing of it is checked yet
		"app", nimerr.Clip(l.req.AppKey, 64), "account", nimerr.Clip(l.req.Account, 64), "err_name", e.Kind.Name,
		"operation_id", nimerr.Clip(l.req.OperationID, 64),
	}
	if e.Cause != nil {
		said = append(said, "cause", nimerr.Clip(e.Cause.Error(), 256))
	}
	level("gateway: login refused", said...)
	l.c.g.stats.logins.Inc(e.Kind.Name)
	var body any
	if r, ok := errors.AsType[*presence.Refused](err); ok {
		body = wire.LoginRefused{
			Others: presence.WireList(l.req.Account, r.Others, ""),
			Kicked: r.Kicked,
		}
	}
	l.c.sendFrame(reply(l.id, public(e)), body)
	l.c.finish(wire.CloseRefused, e.Kind.Name)
}

// checkLogin returns an error that names the key which breaks its rule.
func checkLogin(r *wire.Login) error {
	if err := accounts.CheckName(r.Account); err != nil {
		return err
	}
	leastToken := 1
	if r.AuthType == auth.TypeWebhook {
		leastToken = 0 // login_ex may be all that the app's own server wants
	}
	for _, f := range []struct {
		key, value string
		min, max   int
	}{
		{"app_key", r.AppKey, 1, 64},
		{"device_id", r.DeviceID, 1, 128},
		{"token", r.Token, leastToken, 16 << 10},
		{"login_ex", r.LoginEx, 0, 16 << 10},
		{"custom_tag", r.CustomTag, 0, 4 << 10},
		{"client_os", r.ClientOS, 0, 256},
		{"mac", r.Mac, 0, 64},
		{"sdk", r.SDK, 0, 256},
		{"operation_id", r.OperationID, 0, 256},
		{"instance", r.Instance, 0, 64},
	} {
		if len(f.value) < f.min || len(f.value) > f.max {
			return nimerr.InvalidArgument.Newf("%s: want %d to %d bytes", f.key, f.min, f.max)
		}
	}
	if r.SessionBeganMS < 0 {
		return nimerr.InvalidArgument.New("session_began_ms: want 0 or a time in ms")
	}
	if r.AuthType < auth.TypeSelf || r.AuthType > auth.TypeWebhook {
		return nimerr.InvalidArgument.New("auth_type: want 0, 1 or 2")
	}
	return nil
}
