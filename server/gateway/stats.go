package gateway

import (
	"sync"
	"time"

	"github.com/libnim/libnim/server/metrics"
)

// stats are the counts of an edge.
type stats struct {
	logins   *metrics.Counter
	loginFor *metrics.Histogram
	kicks    *metrics.Counter
	closes   *metrics.Counter
	frames   *metrics.Counter
	refused  *metrics.Counter
	limited  *metrics.Counter
	fences   *metrics.Counter
	active   activeAccounts
}

func newStats(r *metrics.Registry, g *Gateway) *stats {
	s := &stats{
		logins:   r.Counter("nimd_logins_total", "Logins by result: ok or the name of the error.", "result"),
		loginFor: r.Histogram("nimd_login_seconds", "Time from the login request to its answer.", 50*time.Microsecond, 3*time.Second),
		kicks:    r.Counter("nimd_kicks_total", "Sessions of this edge that were kicked, by reason code.", "reason"),
		closes:   r.Counter("nimd_closes_total", "Connections that ended, by close code of this edge; client: the client closed; lost: no close frame.", "code"),
		frames:   r.Counter("nimd_frames_total", "Frames by direction: in or out.", "direction"),
		refused:  r.Counter("nimd_connections_refused_total", "Connections refused before the upgrade, by cause.", "cause"),
		limited: r.Counter("nimd_limited_total", "What clients met a limit with: rate and waiting (requests refused), paused (not read for a while), "+
			"control, message and memory (connections ended), webhook (logins refused).", "limit"),
		fences: r.Counter("nimd_fences_total", "Times this edge closed all its sessions because it lost its lease.", ""),
	}
	s.active.counts = map[string]float64{}
	r.Gauge("nimd_connections", "Open connections of this edge.", func() float64 {
		g.mu.Lock()
		defer g.mu.Unlock()
		return float64(len(g.conns))
	})
	r.Gauge("nimd_sessions", "Sessions of this edge.", func() float64 { return float64(g.hub.count()) })
	r.Gauge("nimd_ready", "1 when this edge takes logins.", func() float64 {
		if g.Ready() != nil {
			return 0
		}
		return 1
	})
	r.Gauges("nimd_daily_active_accounts", "Accounts whose first login of the UTC day was on this edge; sum it over the edges.",
		"app_key", func() map[string]float64 { return s.active.today(time.Now()) })
	return s
}

// activeAccounts counts first logins of a day, by app.
type activeAccounts struct {
	mu     sync.Mutex
	day    int64
	counts map[string]float64
}

// day numbers UTC days.
func day(now time.Time) int64 { return now.Unix() / 86400 }

func (a *activeAccounts) add(app string, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.turn(now)
	a.counts[app]++
}

// drop forgets an app that was deleted.
func (a *activeAccounts) drop(app string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.counts, app)
}

func (a *activeAccounts) today(now time.Time) map[string]float64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.turn(now)
	out := map[string]float64{}
	for app, n := range a.counts {
		out[app] = n
	}
	return out
}

func (a *activeAccounts) turn(now time.Time) {
	if d := day(now); d != a.day {
		a.day, a.counts = d, map[string]float64{}
	}
}
