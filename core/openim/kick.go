package openim

import (
	"context"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/journal"
	"github.com/libnim/libnim/internal/nimerr"
)

// NIMKickReason.
const (
	kickSame   = 1
	kickServer = 2
)

// kicked treats the kick frame. The frame says neither who nor why; the close
// that follows it ends the link.
func (l *link) kicked() {
	if l.phase == ready || l.phase == gathering {
		l.phase = ready
		l.answerLogin() // the token was accepted: the login comes before its end
	}
	l.queue = append(l.queue, l.kick())
	l.end(nimerr.Kicked.New("the server closed the connection"))
}

// kick makes the event. A login elsewhere has revoked this token before it
// displaces this connection, so a token that is still accepted, or that is gone
// without a trace, shows an administrator at work. The reverse does not hold:
// force_logout revokes the token too, only a moment after the kick.
func (l *link) kick() backend.Kicked {
	k := backend.Kicked{
		Reason:      kickSame,
		Description: "displaced by a login elsewhere, or removed by the server: OpenIM does not say which",
		Time:        l.b.wall(),
	}
	if l.api.base == "" {
		return k
	}
	ctx, cancel := context.WithTimeout(l.ctx, reasonWait)
	defer cancel()
	code, err := l.api.check(ctx, l.login.Token)
	switch {
	case err != nil:
		l.log(journal.Warn, "openim_kick_unexplained", journal.Err(err))
	case code == 0 || code == codeNotExist:
		k.Reason, k.Description = kickServer, "removed by the server"
	}
	return k
}

// refusedBody is what accompanies a refused login: a kick that happened while
// this device was offline is told once, with it.
func refusedBody(err *nimerr.Error) backend.LoginRefused {
	if err.Kind != nimerr.KickedOffline {
		return backend.LoginRefused{}
	}
	return backend.LoginRefused{Kicked: &backend.Kicked{
		Reason:      kickSame,
		Description: "the token was revoked by a newer one, a login elsewhere, or the server: OpenIM does not say which",
	}}
}

var kickRequests = requestTable{
	of[backend.KickOther](): {send: func(l *link, id uint64, r backend.Request) error {
		if !l.b.Capabilities().KickOther {
			return nimerr.ServerCannot.New("OpenIM lets only administrators kick; no admin token and api_addr are configured")
		}
		l.spawn(func() { l.kickOther(id, r.(backend.KickOther).DeviceIDs) })
		return nil
	}},
}

// remember lets kickOther see who is online.
func (l *link) remember() {
	online := make(map[int]bool, len(l.presence.online))
	for id := range l.presence.online {
		online[id] = true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.others = online
}

// kickOther forces platforms of this account to log out, one after the other,
// and answers request id with a result for each device.
func (l *link) kickOther(id uint64, devices []string) {
	ctx, cancel := context.WithTimeout(l.ctx, kickWait)
	defer cancel()
	ok := backend.KickOtherOK{}
	for _, d := range devices {
		code := nimerr.OK.Code
		if err := l.kickDevice(ctx, d); err != nil {
			l.log(journal.Warn, "openim_kick_failed", journal.Str("device_id", d), journal.Err(err))
			code = err.Kind.Code
		}
		ok.Results = append(ok.Results, backend.KickResult{DeviceID: d, Code: code})
	}
	l.finish(func() backend.Event { return backend.Answer{ID: id, Body: ok} })
}

// kickDevice forces one platform to log out. One that is not online is left
// alone: force_logout would revoke its tokens all the same.
func (l *link) kickDevice(ctx context.Context, device string) *nimerr.Error {
	platform, ok := devicePlatform(device)
	if !ok {
		return nimerr.NotFound.Newf("want a device id such as %s", deviceID(platformWindows))
	}
	if platform == l.b.platform() {
		return nimerr.InvalidArgument.New("this is the platform of this client")
	}
	l.mu.Lock()
	known, online := l.others != nil, l.others[platform]
	l.mu.Unlock()
	if known && !online {
		return nimerr.NotFound.New("no such device is online")
	}
	return l.api.forceLogout(ctx, l.login.Account, platform, l.b.AdminToken)
}
