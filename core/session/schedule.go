package session

import "time"

// The schedule of reconnects: the first attempt almost at once, then about one
// a second while the outage is young, then exponentially rarer up to half a
// minute, all jittered so that clients of a restarted server do not march in
// step.
const (
	youngOutage  = 30 * time.Second
	firstSpread  = 200 * time.Millisecond
	youngMin     = 500 * time.Millisecond
	youngSpread  = time.Second
	oldBase      = 2 * time.Second
	longestDelay = 30 * time.Second
)

// retryDelay returns how long to wait before the next attempt. tries is the
// number of attempts made in this outage, late how many delays there were since
// it is not young any more, this one included, retryAfter the server's own delay
// (negative: none), and random uniform in [0, 1).
func retryDelay(tries, late int, retryAfter time.Duration, random float64) time.Duration {
	switch {
	case retryAfter >= 0:
		return retryAfter
	case tries == 0:
		return scale(firstSpread, random)
	case late == 0:
		return youngMin + scale(youngSpread, random)
	}
	bound := oldBase
	for n := 1; n < late && bound < longestDelay; n++ {
		bound *= 2
	}
	return scale(min(bound, longestDelay), random)
}

func scale(d time.Duration, f float64) time.Duration { return time.Duration(float64(d) * f) }
