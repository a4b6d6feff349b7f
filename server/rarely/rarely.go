// Package rarely logs what strangers can make happen as often as they like: one
// line at once, then at most one a minute, which says how many there were.
package rarely

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// every is how often a line is logged at the most.
const every = time.Minute

// Log logs one kind of event. Its zero value is ready.
type Log struct {
	mu    sync.Mutex
	times int // since the last line
	last  time.Time
}

// Warn logs the event now, or counts it for the next line.
func (l *Log) Warn(log *slog.Logger, message string, args ...any) {
	if n := l.take(time.Now()); n > 0 {
		log.Log(context.Background(), slog.LevelWarn, message, append(args, "times", n)...)
	}
}

// take counts one event, and returns how many a line has to tell; 0: no line.
func (l *Log) take(now time.Time) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.times++
	if !l.last.IsZero() && now.Sub(l.last) < every {
		return 0
	}
	n := l.times
	l.times, l.last = 0, now
	return n
}
