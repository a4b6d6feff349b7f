package nimlink

import (
	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/wire"
)

var sessionRequests = requestTable{
	of[*backend.Login](): {op: wire.OpLogin, encode: login, answer: decode(loginOK), refused: decode(loginRefused)},
	of[backend.Logout](): {op: wire.OpLogout, encode: encode(func(r backend.Logout) any { return wire.Logout{Type: r.Type} })},
	of[backend.RenewToken](): {
		op: wire.OpRenewToken,
		encode: encode(func(r backend.RenewToken) any {
			return wire.RenewToken{Token: r.Token, AuthType: r.AuthType, LoginEx: r.LoginEx}
		}),
		answer: decode(func(w *wire.TokenExpiry) any { return backend.TokenRenewed{ExpiresAt: at(w.ExpiresAtMS)} }),
	},
	of[backend.ServerTime](): {
		op:     wire.OpTime,
		answer: decode(func(w *wire.Time) any { return backend.Time{Server: at(w.ServerTimeMS)} }),
	},
}

var sessionPushes = pushTable{
	wire.OpKicked: decode(func(w *wire.Kicked) any { return kicked(w) }),
	wire.OpPresence: decode(func(w *wire.Presence) any {
		return backend.Presence{Type: w.Type, Devices: devices(w.Devices)}
	}),
	wire.OpGoingAway: decode(func(w *wire.GoingAway) any {
		return backend.GoingAway{Reason: w.Reason, RetryAfter: delay(w.RetryAfterMS)}
	}),
	wire.OpTokenExpiring: decode(func(w *wire.TokenExpiry) any { return backend.TokenExpiring{ExpiresAt: at(w.ExpiresAtMS)} }),
	wire.OpTokenExpired:  decode(func(w *wire.TokenExpiry) any { return backend.TokenExpired{ServerCode: w.ServerCode} }),
}

func login(l *link, request backend.Request) any {
	r := request.(*backend.Login)
	d := &r.Device
	return &wire.Login{
		AppKey: r.AppKey, Account: r.Account, Token: r.Token, AuthType: r.AuthType, LoginEx: r.LoginEx,
		CustomTag: r.CustomTag, ClientType: d.ClientType, CustomClientType: d.CustomClientType,
		ClientOS: d.OS, DeviceID: d.ID, Mac: d.Mac, SDK: l.sdk, OperationID: r.OperationID,
		Force: r.Force, Relogin: r.Relogin, Instance: r.Instance, Attempt: r.Attempt, SessionBeganMS: ms(r.Began),
	}
}

func loginOK(w *wire.LoginOK) any {
	ok := backend.LoginOK{
		Session: w.Session, Others: devices(w.Others), ServerTime: at(w.ServerTimeMS),
		TokenExpiresAt: at(w.TokenExpiresAtMS), TokenNotice: delay(w.TokenExpiringMS), SwitchOpen: w.SwitchOpen,
	}
	if p := w.Profile; p != nil {
		ok.Profile = &backend.Profile{Account: p.Account, Name: p.Name, Icon: p.Icon, Ex: p.Ex}
	}
	return ok
}

func loginRefused(w *wire.LoginRefused) any {
	out := backend.LoginRefused{Others: devices(w.Others)}
	if w.Kicked != nil {
		k := kicked(w.Kicked)
		out.Kicked = &k
	}
	return out
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
