// Package turns lets a few do at a time what takes a processor or the bus; the
// rest wait in order. When all clients of a restarted server arrive at once,
// those that share the processors are all served too late, and the edge's own
// lease ends with them.
//
// A turn is for work. Whoever holds one ends it before waiting for a client:
// otherwise as many clients as there are turns, which do not answer, keep out
// everybody else.
package turns

import (
	"context"
	"sync"
	"time"
)

// Turns has a place for each turn that is taken.
type Turns chan struct{}

// New returns places for n at a time.
func New(n int) Turns { return make(Turns, n) }

// Take waits for a turn, at most for as long as given, and returns what ends it.
func (t Turns) Take(ctx context.Context, wait time.Duration) (end func(), ok bool) {
	select {
	case t <- struct{}{}: // free: however little time is left
		return t.taken(), true
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	select {
	case t <- struct{}{}:
		return t.taken(), true
	case <-ctx.Done():
		return nil, false
	}
}

func (t Turns) taken() (end func()) { return sync.OnceFunc(func() { <-t }) }
