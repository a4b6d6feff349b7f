package core

import (
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// ask sends a request and calls done exactly once: with the answer, or with
// why there is none. can is the backend's capability.
func (o *onlineState) ask(can bool, r backend.Request, done func(body any, err *nimerr.Error)) {
	if !can {
		done(nil, nimerr.ServerCannot.New(""))
		return
	}
	if len(o.pending) >= maxRequests {
		done(nil, nimerr.Busy.New(""))
		return
	}
	id, err := o.conn.send(r)
	if err != nil {
		done(nil, err)
		return
	}
	o.pending = append(o.pending, request{id, time.Now().Add(requestTimeout), done})
	if len(o.pending) == 1 {
		o.overdue.Reset(requestTimeout)
	}
}

// answer completes the request that an answer belongs to. One that comes after
// its deadline belongs to none.
func (o *onlineState) answer(a backend.Answer) {
	for i, r := range o.pending {
		if r.id == a.ID {
			o.pending = append(o.pending[:i:i], o.pending[i+1:]...)
			o.rearm()
			r.done(a.Body, a.Err)
			return
		}
	}
}

// expire completes the requests whose deadline has passed.
func (o *onlineState) expire() {
	now := time.Now()
	for len(o.pending) > 0 && !o.pending[0].deadline.After(now) {
		r := o.pending[0]
		o.pending = o.pending[1:]
		r.done(nil, nimerr.Timeout.New("waiting for the server's answer"))
	}
	o.rearm()
}

// answerAll completes everything on the wire, in order: the link is gone or the
// session ends.
func (o *onlineState) answerAll(err *nimerr.Error) {
	o.overdue.Stop()
	for len(o.pending) > 0 {
		r := o.pending[0]
		o.pending = o.pending[1:]
		r.done(nil, err)
	}
}

func (o *onlineState) rearm() {
	if len(o.pending) == 0 {
		o.overdue.Stop()
		return
	}
	o.overdue.Reset(time.Until(o.pending[0].deadline))
}

// A kick is the outcome of a KickOther, once done.
type kick struct {
	done    bool
	results []backend.KickResult
	err     *nimerr.Error
}

// kickOther drops other devices. The outcomes have no name, so they are told in
// the order of the calls.
func (o *onlineState) kickOther(c cmdKickOther) {
	k := &kick{}
	o.kicks = append(o.kicks, k)
	done := func(body any, err *nimerr.Error) {
		ok, _ := body.(backend.KickOtherOK)
		*k = kick{true, ok.Results, err}
		for len(o.kicks) > 0 && o.kicks[0].done {
			first := o.kicks[0]
			o.kicks = o.kicks[1:]
			o.kickedOther(first.results, first.err)
		}
	}
	if c.bad != nil {
		done(nil, c.bad)
		return
	}
	o.ask(o.env.Backend.KickOther, backend.KickOther{DeviceIDs: c.devices}, done)
}

// renew replaces the token: in place where the server can, else by a new link
// that the application does not see as a logout.
func (o *onlineState) renew(token string, options abi.RenewTokenOptions, done func(ends time.Time, err *nimerr.Error)) {
	a := o.acct
	if options.AuthType < 0 {
		options.AuthType = a.login.AuthType
	}
	if token == "" && (options.AuthType != abi.AuthTypeByAppToken || options.LoginEx == "") {
		done(time.Time{}, nimerr.InvalidArgument.New("token: want the new token, got an empty string"))
		return
	}
	p := proof{token, options.AuthType, options.LoginEx}.over(proofOf(&a.login))
	if p.loginEx == "" && p.authType == a.login.AuthType {
		p.loginEx = a.login.LoginEx
	}
	token, options.AuthType, options.LoginEx = p.token, p.authType, p.loginEx
	if o.env.Backend.RenewToken {
		o.env.Journal.Secret(token) // also while it is on the wire
		r := backend.RenewToken{Token: token, AuthType: options.AuthType, LoginEx: options.LoginEx}
		o.ask(true, r, func(body any, err *nimerr.Error) {
			ok, _ := body.(backend.TokenRenewed)
			if err == nil {
				o.adopt(token, options)
				a.tokenEnds = ok.ExpiresAt
			}
			done(ok.ExpiresAt, err)
			o.env.Journal.Forget(token)
		})
		return
	}
	o.enter(StatusReconnecting, "renewing")
	o.answerAll(nimerr.Cancelled.New("the link is renewed"))
	o.connection(connNotReady, nil)
	a.renewal = &renewal{old: a.login, done: done}
	a.newOutage()
	o.adopt(token, options)
	o.next = o.linking
}

// adopt takes over what a renewal brings.
func (s *Session) adopt(token string, o abi.RenewTokenOptions) {
	a := s.acct
	s.env.Journal.Secret(token)
	s.env.Journal.Forget(a.login.Token)
	a.login.Token, a.login.AuthType, a.mustAsk = token, o.AuthType, false
	if o.LoginEx != "" {
		a.login.LoginEx = o.LoginEx
	}
}

// renewed answers a renewal that needed a new link, if there is one.
func (s *Session) renewed(err *nimerr.Error) {
	a := s.acct
	if a == nil || a.renewal == nil {
		return
	}
	r := a.renewal
	a.renewal = nil
	r.done(a.tokenEnds, err)
}

// push asks for or sets the push-while-PC-online switch.
func (o *onlineState) push(call Call, r backend.Request) {
	o.ask(o.env.Backend.PushConfig, r, func(body any, err *nimerr.Error) {
		p, _ := body.(backend.PushConfig)
		o.env.Sink.Answer(call, &PushConfigResult{Error: o.info(err), SwitchOpen: p.SwitchOpen}, true)
	})
}

// timed passes the server's clock on, and keeps it.
func (o *onlineState) timed(call Call, body any, err *nimerr.Error) {
	r := ServerTimeResult{Code: nimerr.OK.Code}
	if err != nil {
		r.Code = err.Kind.Code
	} else if t, ok := body.(backend.Time); ok {
		r.TimeMS = t.Server.UnixMilli()
		o.setClock(t.Server)
	}
	o.env.Sink.Answer(call, &r, true)
}

func unixMilli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
