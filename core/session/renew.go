package session

import (
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

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
	p := credentials{token, options.AuthType, options.LoginEx}.over(credentialsOf(&a.login))
	if p.loginEx == "" && p.authType == a.login.AuthType {
		p.loginEx = a.login.LoginEx
	}
	token, options.AuthType, options.LoginEx = p.token, p.authType, p.loginEx
	if o.env.Backend.RenewToken {
		o.env.Journal.Secret(token) // also while it is on the wire
		r := backend.RenewToken{Token: token, AuthType: options.AuthType, LoginEx: options.LoginEx}
		o.Do(r, 0, func(r backend.Result) {
			ok, _ := r.Body.(backend.TokenRenewed)
			if r.Err == nil {
				o.adopt(token, options)
				a.tokenEnds = ok.ExpiresAt
			}
			done(ok.ExpiresAt, r.Err)
			o.env.Journal.Forget(token)
		})
		return
	}
	o.enter(StatusReconnecting, "renewing")
	o.offline(module.Lost, nimerr.Cancelled.New("the link is renewed"))
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
