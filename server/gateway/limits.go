package gateway

import (
	"hash/maphash"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// Limits bound what one client, address or account may do to this edge. A rate
// of 0 means no limit.
type Limits struct {
	Connections  int     // of the edge
	AddressRate  float64 // connections per second from one address; loopback is free
	AddressBurst float64
	Address      int     // connections at a time from one address; loopback is free
	Waiting      int     // TCP connections of the server that are not upgraded yet
	FrameRate    float64 // requests per second of one connection; more are refused, then read slowly
	FrameBurst   float64
	ByteRate     float64 // bytes of requests per second of one connection; more are read slowly
	ByteBurst    float64
	ControlRate  float64 // control frames and fragments per second of one connection; more end it
	ControlBurst float64
	FailureRate  float64 // failed logins per second of one account from one address
	FailureBurst float64

	IncomingBytes int // of all messages over 64 KiB that are being received
}

// DefaultLimits are what nimd uses.
var DefaultLimits = Limits{
	AddressRate: 100, AddressBurst: 500, Address: 5000, Waiting: 2000,
	FrameRate: 50, FrameBurst: 200,
	ByteRate: 2 << 20, ByteBurst: 8 << 20,
	ControlRate: 100, ControlBurst: 1000,
	FailureRate: 0.5, FailureBurst: 20,
	IncomingBytes: 64 << 20,
}

// bucket is a token bucket. It is full when it is new.
type bucket struct {
	spent float64 // what is missing to the burst
	at    time.Time
	last  time.Time // the latest turn that was given out
	wrong []uint64  // proofs that were wrong lately, as hashes
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

// Limiter keeps a bucket for each key. Keys come from outside, so full buckets
// are dropped from time to time.
type Limiter struct {
	rate, burst float64
	seed        maphash.Seed

	mu      sync.Mutex
	buckets map[string]*bucket
	swept   time.Time
}

// NewLimiter returns a limiter for so many a second, and so many at once. A rate
// of 0 means no limit.
func NewLimiter(rate, burst float64) *Limiter {
	return &Limiter{rate: rate, burst: burst, seed: maphash.MakeSeed(), buckets: map[string]*bucket{}}
}

// Allow spends one, or returns how long to wait until there is one.
func (l *Limiter) Allow(key string, now time.Time) time.Duration {
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

// turn returns when one whom Allow refused shall come back: each after the one
// before, or all of them would come together, every time, for the few places
// that there are. Where too many wait they are spread.
func (l *Limiter) turn(key string, now time.Time) time.Duration {
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

// maxWrong is how many wrong proofs are remembered of a key.
const maxWrong = 16

// repeats reports whether a wrong proof was wrong before, and remembers it.
func (l *Limiter) repeats(key, proof string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.buckets[key]
	if b == nil {
		return false
	}
	h := maphash.String(l.seed, proof)
	if slices.Contains(b.wrong, h) {
		return true
	}
	if len(b.wrong) == maxWrong {
		b.wrong = slices.Delete(b.wrong, 0, 1)
	}
	b.wrong = append(b.wrong, h)
	return false
}

// GiveBack undoes an Allow.
func (l *Limiter) GiveBack(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if b := l.buckets[key]; b != nil {
		b.spent = max(0, b.spent-1)
	}
}

func (l *Limiter) sweep(now time.Time) {
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
