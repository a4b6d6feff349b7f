package gateway

import (
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// Limits bound what one client, address or account may do to this edge. A rate
// of 0 means no limit.
type Limits struct {
	Connections  int     // of the edge
	AddressRate  float64 // connections per second from one address; loopback is free
	AddressBurst float64
	FrameRate    float64 // frames per second of one connection
	FrameBurst   float64
	FailureRate  float64 // failed logins per second of one account from one address
	FailureBurst float64
}

// DefaultLimits are what nimd uses.
var DefaultLimits = Limits{
	AddressRate: 100, AddressBurst: 500,
	FrameRate: 50, FrameBurst: 200,
	FailureRate: 0.5, FailureBurst: 20,
}

// bucket is a token bucket. It is full when it is new.
type bucket struct {
	spent float64 // what is missing to the burst
	at    time.Time
	last  time.Time // the latest turn that was given out
}

// settle refills the bucket up to now.
func (b *bucket) settle(rate float64, now time.Time) {
	b.spent = max(0, b.spent-rate*now.Sub(b.at).Seconds())
	b.at = now
}

// wait returns how long until n can be spent; 0: now.
func (b *bucket) wait(n, rate, burst float64) time.Duration {
	if missing := b.spent + n - burst; missing > 0 {
		return time.Duration(missing / rate * float64(time.Second))
	}
	return 0
}

// limiter keeps a bucket for each key. Keys come from outside, so full buckets
// are dropped from time to time.
type limiter struct {
	rate, burst float64

	mu      sync.Mutex
	buckets map[string]*bucket
	swept   time.Time
}

func newLimiter(rate, burst float64) *limiter {
	return &limiter{rate: rate, burst: burst, buckets: map[string]*bucket{}}
}

// allow spends one, or returns how long to wait until there is one.
func (l *limiter) allow(key string, now time.Time) time.Duration {
	if l.rate == 0 {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sweep(now)
	b := l.buckets[key]
	if b == nil {
		b = &bucket{at: now}
		l.buckets[key] = b
	}
	b.settle(l.rate, now)
	if d := b.wait(1, l.rate, l.burst); d > 0 {
		return d
	}
	b.spent++
	return 0
}

// maxTurn bounds what turn answers.
const maxTurn = 30 * time.Second

// turn returns when one whom allow refused shall come back: each after the one
// before, or all of them would come together, every time, for the few places
// that there are. Where too many wait they are spread.
func (l *limiter) turn(key string, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.buckets[key]
	if b == nil {
		return 0
	}
	next := now.Add(b.wait(1, l.rate, l.burst))
	if b.last.After(next) {
		next = b.last
	}
	next = next.Add(time.Duration(float64(time.Second) / l.rate))
	if next.Sub(now) > maxTurn {
		return maxTurn/2 + rand.N(maxTurn/2)
	}
	b.last = next
	return next.Sub(now)
}

// giveBack undoes an allow.
func (l *limiter) giveBack(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if b := l.buckets[key]; b != nil {
		b.spent = max(0, b.spent-1)
	}
}

func (l *limiter) sweep(now time.Time) {
	if now.Sub(l.swept) < time.Minute {
		return
	}
	l.swept = now
	for key, b := range l.buckets {
		if b.settle(l.rate, now); b.spent == 0 {
			delete(l.buckets, key)
		}
	}
}

// arrivalSpread is over how long those come back who got no turn.
const arrivalSpread = 10 * time.Second

// loginsPerProcessor use the bus at a time: it is asked three times for each.
const loginsPerProcessor = 16

// clientAddress returns where a request comes from: the peer, or what trusted
// proxies say about the one before them.
func clientAddress(r *http.Request, trusted []netip.Prefix) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil || !isTrusted(host, trusted) {
		return r.RemoteAddr
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		if host = hop.String(); !isTrusted(host, trusted) {
			break
		}
	}
	return net.JoinHostPort(host, "0")
}

func isTrusted(host string, trusted []netip.Prefix) bool {
	a, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	for _, p := range trusted {
		if p.Contains(a.Unmap()) {
			return true
		}
	}
	return false
}

// network returns what counts as one address: an IPv4 address, or the /64 that
// one IPv6 customer has. It is "" for loopback, which has no limits.
func network(remote string) string {
	a, err := netip.ParseAddrPort(remote)
	if err != nil || a.Addr().Unmap().IsLoopback() {
		return ""
	}
	ip := a.Addr().Unmap()
	if ip.Is4() {
		return ip.String()
	}
	p, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return ip.String()
	}
	return p.String()
}
