package talk

import (
	"sync"
	"time"
)

// rates bounds how many messages each key sends. A rate below 0: no limit.
type rates struct {
	rate, burst float64

	mu    sync.Mutex
	spent map[string]spent
	swept time.Time
}

// spent is what a key used of its burst as of a time.
type spent struct {
	n  float64
	at time.Time
}

// take spends n, or returns when there will be enough. More than the burst at a
// time is let through where nothing is spent.
func (r *rates) take(key string, n float64, now time.Time) time.Duration {
	if r.rate < 0 {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.spent == nil {
		r.spent = map[string]spent{}
	}
	if now.Sub(r.swept) > time.Minute {
		r.swept = now
		for k, s := range r.spent {
			if s.n <= r.rate*now.Sub(s.at).Seconds() {
				delete(r.spent, k)
			}
		}
	}
	s := r.spent[key]
	s.n, s.at = max(0, s.n-r.rate*now.Sub(s.at).Seconds()), now
	if s.n > 0 && s.n+n > r.burst {
		r.spent[key] = s
		return max(time.Duration((s.n+min(n, r.burst)-r.burst)/r.rate*float64(time.Second)), time.Millisecond)
	}
	s.n += n
	r.spent[key] = s
	return 0
}
