package gateway

import (
	"sync"
	"time"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server/accounts"
	"github.com/libnim/libnim/server/auth"
)

// expiry follows the end of a session's token: an early notice, the notice that
// it has ended, and after a grace the end of the session. A renewal starts over.
type expiry struct {
	s *session

	mu    sync.Mutex
	timer *time.Timer
	round int // counts renewals; a timer of an earlier one does nothing
}

// watch starts over with the token that proved who.
func (e *expiry) watch(who auth.Identity, app *accounts.App) {
	ends := who.ExpiresAt
	e.mu.Lock()
	defer e.mu.Unlock()
	e.round++
	if e.timer != nil {
		e.timer.Stop()
	}
	if ends.IsZero() {
		return
	}
	round := e.round
	body := wire.TokenExpiry{ExpiresAtMS: ends.UnixMilli()}
	ended := body
	if who.UserSig {
		ended.ServerCode = nimerr.TokenExpired.Tencent
	}
	grace := app.Grace()
	e.after(round, time.Until(ends.Add(-app.Expiring())), func() {
		e.tell(wire.OpTokenExpiring, body)
		e.after(round, time.Until(ends), func() {
			e.tell(wire.OpTokenExpired, ended)
			e.after(round, grace, func() {
				e.s.conn.finish(wire.CloseRefused, "token_expired")
			})
		})
	})
}

// stop ends the watch.
func (e *expiry) stop() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.round++
	if e.timer != nil {
		e.timer.Stop()
	}
}

// after runs f, with mu held, unless the watch starts over before. mu is held.
func (e *expiry) after(round int, d time.Duration, f func()) {
	e.timer = time.AfterFunc(max(d, 0), func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.round == round {
			f()
		}
	})
}

func (e *expiry) tell(op wire.Op, body wire.TokenExpiry) {
	e.s.tell(func() { e.s.conn.push(op, body) })
}

// unixMilli is the time in milliseconds, 0 for the zero time.
func unixMilli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
