package nimlink

import (
	"fmt"
	"strings"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/internal/wire"
)

// request returns the frame's op and body; op is "" where the protocol has none.
func (l *link) request(r backend.Request) (wire.Op, any) {
	switch r := r.(type) {
	case *backend.Login:
		d := &r.Device
		return wire.OpLogin, &wire.Login{
			AppKey: r.AppKey, Account: r.Account, Token: r.Token, AuthType: r.AuthType, LoginEx: r.LoginEx,
			CustomTag: r.CustomTag, ClientType: d.ClientType, CustomClientType: d.CustomClientType,
			ClientOS: d.OS, DeviceID: d.ID, Mac: d.Mac, SDK: l.sdk, OperationID: r.OperationID,
			Force: r.Force, Relogin: r.Relogin, Instance: r.Instance, Attempt: r.Attempt,
		}
	case backend.Logout:
		return wire.OpLogout, wire.Logout{Type: r.Type}
	case backend.KickOther:
		return wire.OpKickOther, wire.KickOther{DeviceIDs: r.DeviceIDs}
	case backend.RenewToken:
		return wire.OpRenewToken, wire.RenewToken{Token: r.Token, AuthType: r.AuthType, LoginEx: r.LoginEx}
	case backend.PushGet:
		return wire.OpPushGet, nil
	case backend.PushSet:
		return wire.OpPushSet, wire.PushConfig{SwitchOpen: r.SwitchOpen}
	case backend.ServerTime:
		return wire.OpTime, nil
	case backend.UploadLog:
		return wire.OpUploadLog, wire.UploadLog{Feedback: r.Feedback, Name: r.Name, Part: r.Part, Last: r.Last, Data: r.Data}
	}
	return "", nil
}

// event reads a frame; nil for an op this version does not know.
func (l *link) event(f *wire.Frame) (backend.Event, error) {
	switch f.Op {
	case wire.OpReply:
		return l.reply(f)
	case wire.OpKicked:
		k, err := body[wire.Kicked](f)
		return kicked(&k), err
	case wire.OpPresence:
		p, err := body[wire.Presence](f)
		return backend.Presence{Type: p.Type, Devices: devices(p.Devices)}, err
	case wire.OpGoingAway:
		g, err := body[wire.GoingAway](f)
		return backend.GoingAway{Reason: g.Reason, RetryAfter: delay(g.RetryAfterMS)}, err
	case wire.OpTokenExpiring:
		t, err := body[wire.TokenExpiry](f)
		return backend.TokenExpiring{ExpiresAt: at(t.ExpiresAtMS)}, err
	case wire.OpTokenExpired:
		t, err := body[wire.TokenExpiry](f)
		return backend.TokenExpired{ServerCode: t.ServerCode}, err
	case wire.OpPushChanged:
		p, err := body[wire.PushConfig](f)
		return backend.PushChanged{SwitchOpen: p.SwitchOpen}, err
	}
	return nil, nil
}

func (l *link) reply(f *wire.Frame) (backend.Event, error) {
	l.mu.Lock()
	op, known := l.sent[f.ID]
	delete(l.sent, f.ID)
	l.mu.Unlock()
	if !known {
		return nil, nil // a second reply, or one to nothing: ignored
	}
	a := backend.Answer{ID: f.ID}
	if f.Code != nimerr.OK.Code {
		a.Err = refusal(f)
	}
	var err error
	switch op {
	case wire.OpLogin:
		a.Body, err = loginBody(f)
	case wire.OpKickOther:
		var k wire.KickOtherOK
		k, err = body[wire.KickOtherOK](f)
		ok := backend.KickOtherOK{}
		for _, r := range k.Results {
			ok.Results = append(ok.Results, backend.KickResult{DeviceID: r.DeviceID, Code: r.Code})
		}
		a.Body = ok
	case wire.OpRenewToken:
		var t wire.TokenExpiry
		t, err = body[wire.TokenExpiry](f)
		a.Body = backend.TokenRenewed{ExpiresAt: at(t.ExpiresAtMS)}
	case wire.OpPushGet, wire.OpPushSet:
		var p wire.PushConfig
		p, err = body[wire.PushConfig](f)
		a.Body = backend.PushConfig{SwitchOpen: p.SwitchOpen}
	case wire.OpTime:
		var t wire.Time
		t, err = body[wire.Time](f)
		a.Body = backend.Time{Server: at(t.ServerTimeMS)}
	}
	return a, err
}

func loginBody(f *wire.Frame) (any, error) {
	if f.Code != nimerr.OK.Code {
		r, err := body[wire.LoginRefused](f)
		out := backend.LoginRefused{Others: devices(r.Others)}
		if r.Kicked != nil {
			k := kicked(r.Kicked)
			out.Kicked = &k
		}
		return out, err
	}
	l, err := body[wire.LoginOK](f)
	ok := backend.LoginOK{
		Session: l.Session, Others: devices(l.Others), ServerTime: at(l.ServerTimeMS),
		TokenExpiresAt: at(l.TokenExpiresAtMS), TokenNotice: delay(l.TokenExpiringMS), SwitchOpen: l.SwitchOpen,
	}
	if p := l.Profile; p != nil {
		ok.Profile = &backend.Profile{Account: p.Account, Name: p.Name, Icon: p.Icon, Ex: p.Ex}
	}
	return ok, err
}

// refusal turns an error reply into a row of the table. A name this version
// does not know keeps its code, by way of a row of the same code if there is
// one.
func refusal(f *wire.Frame) *nimerr.Error {
	k := nimerr.ByName(f.ErrName)
	if k == nil || k.Code != f.Code {
		k = byCode(f)
	}
	e := k.New(detail(f, k))
	e.ServerCode, e.RetryAfter = f.ServerCode, delay(f.RetryAfterMS)
	return e
}

// detail is what the server says beyond the kind's text, which an error writes
// in front of it anyway.
func detail(f *wire.Frame, k *nimerr.Kind) string {
	if f.ErrMsg == k.Text {
		return ""
	}
	return strings.TrimPrefix(f.ErrMsg, k.Text+": ")
}

func byCode(f *wire.Frame) *nimerr.Kind {
	if f.Code == 0 {
		return nimerr.ServerError // an error reply without a code
	}
	for _, k := range nimerr.All {
		if k.Code == f.Code {
			return k
		}
	}
	name := f.ErrName
	if !isName(name) {
		name = "server_refused"
	}
	return &nimerr.Kind{Name: name, Code: f.Code, Domain: nimerr.Server, Text: "the server refused the request"}
}

// isName reports whether a text of the server can be an err_name.
func isName(s string) bool {
	strange := func(r rune) bool { return r != '_' && (r < 'a' || r > 'z') && (r < '0' || r > '9') }
	return s != "" && len(s) <= 64 && !strings.ContainsFunc(s, strange)
}

func body[T any](f *wire.Frame) (T, error) {
	var v T
	if err := f.DecodeBody(&v); err != nil {
		return v, fmt.Errorf("%s: %w", f.Op, err)
	}
	return v, nil
}

func kicked(k *wire.Kicked) backend.Kicked {
	return backend.Kicked{
		Reason: k.Reason, Description: k.Description, ClientType: k.ClientType,
		CustomClientType: k.CustomClientType, DeviceID: k.DeviceID, Time: at(k.TimeMS),
	}
}

func devices(list []wire.Device) []backend.Device {
	out := make([]backend.Device, 0, len(list))
	for _, d := range list {
		out = append(out, backend.Device{
			Account: d.Account, ID: d.DeviceID, ClientType: d.ClientType, CustomClientType: d.CustomClientType,
			OS: d.ClientOS, Mac: d.Mac, CustomTag: d.CustomTag, LoginTime: at(d.LoginTimeMS),
		})
	}
	return out
}

// at is the zero time for 0: never, or unknown.
func at(unixMS int64) time.Time {
	if unixMS == 0 {
		return time.Time{}
	}
	return time.UnixMilli(unixMS)
}

// delay is what the server asks for, at most a day.
func delay(ms int64) time.Duration {
	return time.Duration(min(max(ms, 0), longestDelayMS)) * time.Millisecond
}
