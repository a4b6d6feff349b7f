package session

import (
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// Answer implements Sink.
func (r *recorder) Answer(call Call, answer abi.Posting, final bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.alive("Answer")
	name, ok := r.calls[call]
	if !ok {
		r.fault("call %d is answered with %v after its final answer", call, answer)
		return
	}
	if final {
		delete(r.calls, call)
	}
	switch p := answer.Text(0).(type) {
	case *abi.LoginResult:
		r.cancelled(name, p.ErrCode)
		r.loginResult(call, name, p, final)
		return
	case *abi.LogoutResult:
		r.add("%s %d", name, p.ErrCode)
		r.logoutResult()
	case *abi.Result:
		r.add("%s %d", name, p.ErrCode)
	case *abi.RenewTokenResult:
		r.tokenEnds = p.ExpiresAtMs
		r.add("%s %d %s", name, p.ErrCode, p.ErrName)
		r.cancelled(name, p.ErrCode)
	case *abi.Diagnostics:
		r.add("%s status %d", name, p.Status)
		if p.Status != int(r.status) {
			r.fault("diagnostics say status %d, published is %d", p.Status, r.status)
		}
	default:
		r.numbers(name, answer)
	}
	if !final {
		r.fault("%s is answered, but not finally", name)
	}
}

// numbers notes an answer whose result is no object of its own.
func (r *recorder) numbers(name string, p abi.Posting) {
	code := int(p.Number(0))
	r.cancelled(name, code)
	if c, ok := p.Text(0).(*abi.PushConfig); ok {
		r.add("%s %d switch %d", name, code, c.SwitchOpen)
		return
	}
	r.add("%s %d", name, code)
}

func (r *recorder) loginResult(call Call, name string, p *abi.LoginResult, final bool) {
	r.lastLogin = p
	ran := r.stepped[call]
	r.stepped[call] = true
	if final {
		delete(r.stepped, call)
	}
	switch {
	case !final && p.ErrCode == 200:
		r.add("%s step %d", name, p.LoginStep)
		if p.LoginStep >= int(stepLogin) {
			r.fault("%s: step %d is not final", name, p.LoginStep)
		}
		return
	case !final:
		r.add("%s %d %s retrying", name, p.ErrCode, p.ErrName)
		if !p.Retrying {
			r.fault("%s: %d is not final and retrying is false", name, p.ErrCode)
		}
		return
	case p.Retrying:
		r.fault("%s: the final answer says retrying", name)
	case p.LoginStep != int(stepLogin): // old programs look for the end there
		r.fault("%s: the final answer has step %d", name, p.LoginStep)
	}
	switch {
	case p.ErrCode == 200 && p.RepeatLogin:
		r.add("%s 200 repeat", name)
		r.want("a repeated login", StatusOnline)
	case p.ErrCode == 200:
		r.add("%s 200", name)
		r.success(p, name)
	default:
		r.add("%s %d %s", name, p.ErrCode, p.ErrName)
		if ran {
			r.want("the end of a login that ran", StatusLoggedOut)
		}
	}
}

// cancelled checks that a getter is not behind the end of a session.
func (r *recorder) cancelled(name string, code int) {
	if code == int(nimerr.Cancelled.Code) && r.status == StatusOnline {
		r.fault("%s is cancelled while the status is online", name)
	}
}

func (r *recorder) logoutResult() {
	r.want("a logout result", StatusLoggedOut)
	if r.ready && !r.stopping {
		r.fault("the logout result comes before not_ready")
	}
	r.ended = true
}
