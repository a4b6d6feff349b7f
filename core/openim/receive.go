package openim

import (
	"context"
	"time"

	"github.com/gorilla/websocket"
	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/journal"
	"github.com/libnim/libnim/internal/nimerr"
)

// A phase is how far the login on a link has come.
type phase int

const (
	gathering phase = iota // other devices and profile are awaited
	ready                  // everything is there, or late: the Login can be answered
	answered
)

// state is what the goroutine in Receive owns.
type state struct {
	phase   phase
	loginID uint64    // of the Login request; 0: not sent yet
	until   time.Time // gathering: when waiting ends

	presence *presence
	profile  *backend.Profile // came before the Login was answered
	told     bool             // of the profile, or that there is none
	expiry   expiry

	queue []backend.Event // to be returned by Receive
	over  *nimerr.Error   // returned after the queue; nil: the link lives
	timer *time.Timer
}

// newState begins to gather. A program that gives up soon is not kept waiting
// until it does.
func newState(now, until time.Time, p *presence) state {
	wait := gatherWait
	if !until.IsZero() {
		wait = min(wait, max(until.Sub(now)/2, 0))
	}
	return state{until: now.Add(wait), presence: p, timer: time.NewTimer(wait)}
}

// Receive implements backend.Link.
func (l *link) Receive() (backend.Event, error) {
	for len(l.queue) == 0 {
		if l.over != nil {
			l.timer.Stop()
			return nil, l.over
		}
		l.step()
	}
	e := l.queue[0]
	l.queue = l.queue[1:]
	return e, nil
}

// step waits for one thing to happen and treats it.
func (l *link) step() {
	l.rearm()
	messages := l.messages
	if l.over != nil || l.phase == ready && l.loginID == 0 {
		messages = nil // what follows the login is read when it is answered
	}
	select {
	case m := <-messages:
		l.message(m)
	case id := <-l.logins:
		l.loginID = id
		l.answerLogin()
	case f := <-l.outcomes:
		if e := f(); e != nil {
			l.queue = append(l.queue, e)
		}
		l.gathered()
	case <-l.timer.C:
		l.due(time.Now())
	case err := <-l.panicked:
		l.end(err)
	case <-l.ctx.Done():
		l.end(nimerr.ConnectionLost.New("closed by this side"))
	}
}

// end makes err the last thing that Receive returns; the first one counts.
func (l *link) end(err *nimerr.Error) {
	if l.over == nil {
		l.over = err.At(l.endpoint)
	}
}

// rearm sets the timer for whatever is due first.
func (l *link) rearm() {
	now := time.Now()
	at := now.Add(time.Hour)
	sooner := func(t time.Time) {
		if !t.IsZero() && t.Before(at) {
			at = t
		}
	}
	switch l.phase {
	case gathering:
		sooner(l.until)
	case answered:
		sooner(l.presence.next())
		sooner(l.expiry.next(now, l.b.wall()))
	}
	l.timer.Reset(at.Sub(now))
}

// due treats what the timer was set for.
func (l *link) due(now time.Time) {
	switch l.phase {
	case gathering:
		if !now.Before(l.until) {
			l.log(journal.Warn, "openim_login_incomplete", journal.Bool("profile", l.told), journal.Bool("presence", l.presence.known))
			l.phase = ready
			l.answerLogin()
		}
	case answered:
		if gone := l.presence.left(now); len(gone) > 0 {
			l.notice(noticeOut, gone)
		}
		if e := l.expiry.due(l.b.wall()); e != nil {
			l.queue = append(l.queue, e)
		}
	}
}

// message treats what the reader read.
func (l *link) message(m message) {
	switch {
	case m.err != nil:
		l.end(l.why(m.err))
	case m.kind != websocket.BinaryMessage:
		// Text is only pings and pongs in JSON, and none is expected.
	default:
		r, err := decode(m.data, l.b.Gzip)
		if err != nil {
			l.end(nimerr.ProtocolError.Wrap(err))
			return
		}
		l.envelope(r)
	}
}

// askProfile begins to ask who is logging in. A first login asks on its way to
// the gateway, which has more to say than the API: the answer is mostly there
// first. A relogin asks once it is through: the session has a profile, if an old
// one, and clients that all come back at once must not ask in vain. An answer
// that comes after the login was answered is an event of its own.
func (l *link) askProfile() {
	if l.api.base == "" {
		return
	}
	l.spawn(func() {
		ctx, cancel := context.WithTimeout(l.ctx, profileWait)
		defer cancel()
		p, err := l.api.profile(ctx, l.login.Account, l.login.Token)
		l.finish(func() backend.Event {
			l.told = true
			switch {
			case err != nil:
				l.log(journal.Warn, "openim_no_profile", journal.Err(err))
			case l.phase == answered:
				return *p
			}
			l.profile = p
			return nil
		})
	})
}

// finish hands the outcome of a REST call to the goroutine in Receive.
func (l *link) finish(f func() backend.Event) {
	select {
	case l.outcomes <- f:
	case <-l.ctx.Done():
	}
}

// gathered answers the login once nothing is missing.
func (l *link) gathered() {
	if l.phase == gathering && l.presence.known && (l.told || l.login.Relogin || l.api.base == "") {
		l.phase = ready
		l.answerLogin()
	}
}

// answerLogin answers the Login as soon as both its id and the answer are known.
func (l *link) answerLogin() {
	if l.phase != ready || l.loginID == 0 {
		return
	}
	l.phase = answered
	ok := backend.LoginOK{Others: l.presence.others(), Profile: l.profile}
	if !l.expiry.at.IsZero() {
		ok.TokenExpiresAt, ok.TokenNotice = l.expiry.at, l.expiry.notice
	}
	l.queue = append(l.queue, backend.Answer{ID: l.loginID, Body: ok})
	if l.login.Relogin {
		l.askProfile()
	}
}

// envelope treats a binary frame: a push, or the reply to a request of ours. What
// this version does not know is ignored.
func (l *link) envelope(r *response) {
	if r.MsgIncr == "" || r.ID == opKicked {
		if treat := pushes[r.ID]; treat != nil {
			treat(l, r.Data)
		}
		return
	}
	l.mu.Lock()
	a, known := l.sent[r.MsgIncr]
	delete(l.sent, r.MsgIncr)
	l.mu.Unlock()
	if !known {
		return
	}
	var bad *nimerr.Error
	if r.ErrCode != 0 {
		bad = failed(result{code: r.ErrCode, message: r.ErrMsg}, l.login.Token).At(l.endpoint)
	}
	a.reply(l, r, bad)
}

// listed treats a list of the platforms on which users are online.
func (l *link) listed(data []byte) {
	list, err := statuses(data)
	if err != nil {
		l.end(nimerr.ProtocolError.Newf("online status: %v", err))
		return
	}
	p := l.presence
	for _, s := range list {
		if s.user != l.login.Account {
			continue
		}
		if l.phase == answered {
			if came := p.change(s.platforms, time.Now(), l.b.wall()); len(came) > 0 {
				l.notice(noticeIn, came)
			}
		} else {
			clear(p.online)
			p.begin(s.platforms)
		}
	}
	p.known = true // a server without online status answers with no list
	l.remember()
	l.gathered()
}

func (l *link) notice(kind int, devices []backend.Device) {
	l.remember()
	l.queue = append(l.queue, backend.Presence{Type: kind, Devices: devices})
}
