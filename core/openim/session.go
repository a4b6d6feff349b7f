package openim

import (
	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/journal"
	"github.com/libnim/libnim/internal/nimerr"
)

var sessionRequests = requestTable{
	of[*backend.Login](): {send: func(l *link, id uint64, _ backend.Request) error { return l.sendLogin(id) }},
	of[backend.Logout](): {op: opLogout, encode: func(l *link, _ backend.Request) []byte {
		return userPlatform(l.login.Account, l.b.platform())
	}},
}

var sessionPushes = pushTable{
	opKicked:       func(l *link, _ []byte) { l.kicked() },
	opOnlineStatus: func(l *link, data []byte) { l.listed(data) },
}

// presenceCame treats the reply to the subscription to this account's devices.
func presenceCame(l *link, r *response, bad *nimerr.Error) {
	if bad == nil {
		l.listed(r.Data)
		return
	}
	l.log(journal.Warn, "openim_no_presence", journal.Err(bad))
	l.presence.known = true // as far as it can be
	l.gathered()
}
