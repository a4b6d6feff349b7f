package openim

import (
	"time"

	"github.com/libnim/libnim/core/backend"
)

const (
	longestNotice = 10 * time.Minute // before the token expires
	clockStep     = 30 * time.Second // how often the wall clock is looked at: a machine may sleep
)

// expiry foresees the end of a token from its claims: the gateway neither
// warns of it nor cuts a connection because of it. Owned by the goroutine in
// Receive.
type expiry struct {
	at      time.Time // zero: nothing is to be said any more
	notice  time.Duration
	noticed bool
}

// newExpiry plans for a token that the server has just accepted. One that has
// expired by this machine's clock shows that the clock is wrong: then nothing
// can be foreseen.
func newExpiry(c claims, wall time.Time) expiry {
	if c.expires.IsZero() || !c.expires.After(wall) {
		return expiry{}
	}
	life := c.expires.Sub(wall)
	if !c.issued.IsZero() && c.issued.Before(wall) {
		life = c.expires.Sub(c.issued)
	}
	return expiry{at: c.expires, notice: min(longestNotice, life/3)}
}

// next returns when to look again, in monotonic time; zero: never.
func (e *expiry) next(now, wall time.Time) time.Time {
	if e.at.IsZero() {
		return time.Time{}
	}
	due := e.at
	if !e.noticed {
		due = due.Add(-e.notice)
	}
	return now.Add(min(max(due.Sub(wall), 0), clockStep))
}

// due returns the event that the wall clock has reached, or nil.
func (e *expiry) due(wall time.Time) backend.Event {
	switch {
	case e.at.IsZero():
		return nil
	case !wall.Before(e.at):
		e.at = time.Time{}
		return backend.TokenExpired{ServerCode: codeExpired}
	case !e.noticed && !wall.Before(e.at.Add(-e.notice)):
		e.noticed = true
		return backend.TokenExpiring{ExpiresAt: e.at}
	}
	return nil
}
