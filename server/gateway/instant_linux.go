package gateway

import (
	"time"

	"golang.org/x/sys/unix"
)

// untilExactly waits for the little that is left to an instant, on a thread of
// its own. The runtime's timers do not: on an idle server they go off up to 1 ms
// late, by how much depends on when they were set, and that tells it.
func untilExactly(t time.Time) {
	for {
		left := time.Until(t)
		if left <= 0 {
			return
		}
		ts := unix.NsecToTimespec(left.Nanoseconds())
		_ = unix.Nanosleep(&ts, nil) // a signal ends it early: once more
	}
}
