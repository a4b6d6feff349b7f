//go:build !linux

package gateway

import (
	"math/rand/v2"
	"time"
)

// untilExactly waits for an instant. Where the system has no exact wait the time
// that a refusal takes is blurred instead.
func untilExactly(t time.Time) { time.Sleep(time.Until(t) + rand.N(2*time.Millisecond)) }
