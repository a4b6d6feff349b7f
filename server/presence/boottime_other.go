//go:build !linux

package presence

import "time"

// bootTime stops during a suspend where the system has no better clock; the
// lease is then found lost by its next refresh.
func bootTime() time.Duration { return time.Since(processStart) }
