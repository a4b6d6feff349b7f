package admin

import (
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/server/address"
	"github.com/libnim/libnim/server/gateway"
	"github.com/libnim/libnim/server/metrics"
	"github.com/libnim/libnim/server/rarely"
)

// Bounds of wrong keys. Past them a place is answered without its key being
// looked at, unless the right one came from there lately: whoever shares the
// operator's address must not keep him out.
const (
	wrongKeyRate  = 1 // a second
	wrongKeyBurst = 20
	rememberRight = time.Hour
	maxRemembered = 1000
)

// guard decides which calls carry the admin key. Its zero value needs init.
type guard struct {
	wrong   *gateway.Limiter
	refused *metrics.Counter
	told    rarely.Log

	mu    sync.Mutex
	right map[string]time.Time // when the right key came last, by place
}

func (g *guard) init(r *metrics.Registry) {
	g.wrong, g.right = gateway.NewLimiter(wrongKeyRate, wrongKeyBurst), map[string]time.Time{}
	g.refused = r.Counter("nimd_admin_refused_total", "Calls without the admin key, by cause: key (missing or wrong) or rate (too many of these).", "cause")
}

// Guard lets only calls with the admin key through to h.
func (a *API) Guard(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.admit(w, r) {
			h.ServeHTTP(w, r)
		}
	})
}

// admit reports whether a call carries the admin key, and answers it otherwise.
func (a *API) admit(w http.ResponseWriter, r *http.Request) bool {
	g, now := &a.guard, time.Now()
	remote, _ := address.Of(r, a.Trusted)
	place := cmp.Or(address.Place(remote), "loopback")
	wait := g.wrong.Allow(place, now)
	known := g.knows(place, now)
	if wait > 0 && !known {
		g.refused.Inc("rate")
		g.told.Warn(a.Log, "admin: calls without the admin key", "address", remote)
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
		writeJSON(w, http.StatusTooManyRequests, problem(nimerr.RateLimited.New("too many calls from this address without the admin key")))
		return false
	}
	if a.hasKey(r) {
		if wait == 0 {
			g.wrong.GiveBack(place)
		}
		g.remember(place, now)
		return true
	}
	g.refused.Inc("key")
	g.told.Warn(a.Log, "admin: calls without the admin key", "address", remote)
	w.Header().Set("WWW-Authenticate", "Bearer")
	writeJSON(w, http.StatusUnauthorized, problem(nimerr.Forbidden.New("the admin key is missing or wrong")))
	return false
}

// knows reports whether the right key came from a place lately.
func (g *guard) knows(place string, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	at, known := g.right[place]
	return known && now.Sub(at) < rememberRight
}

func (g *guard) remember(place string, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, known := g.right[place]; !known && len(g.right) >= maxRemembered {
		clear(g.right)
	}
	g.right[place] = now
}

// hasKey compares hashes, so that neither content nor length of the key shows
// in the time it takes. The scheme may be in any case (RFC 9110).
func (a *API) hasKey(r *http.Request) bool {
	scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	x, y := sha256.Sum256([]byte(strings.TrimLeft(given, " "))), sha256.Sum256([]byte(a.Key))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1 && strings.EqualFold(scheme, "Bearer") && a.Key != ""
}
