package store

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
)

// Bounds of works.
const (
	maxWaiting = 4096 // works that wait; one more is ErrBusy
	maxGroup   = 64   // works of one transaction
)

// Work is one change of what is kept.
type Work struct {
	App    int64    // whose turn it takes; 0: the server's own
	Source string   // and within the app: the connection
	Locks  []string // names of the conversations that Do reads or changes
	Do     func(*Tx) error
}

// job is a work that waits for its commit.
type job struct {
	ctx  context.Context
	work Work
	done chan error
}

// Update runs a work and returns when it is durable, or the error of its Do.
// ErrBusy, ErrFull and ErrUnavailable are the store's own. When ctx ends first
// it is open whether the work is done.
func (s *Store) Update(ctx context.Context, w Work) error {
	if err := s.health.refuse(); err != nil {
		return err
	}
	j := &job{ctx: ctx, work: w, done: make(chan error, 1)}
	if err := s.works.push(j); err != nil {
		return err
	}
	select {
	case err := <-j.done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
	}
}

// work runs groups until the store is closed.
func (s *Store) work() {
	for {
		jobs := s.works.take(maxGroup)
		if jobs == nil {
			return
		}
		jobs = slices.DeleteFunc(jobs, func(j *job) bool {
			if err := j.ctx.Err(); err != nil { // nobody waits for it any more
				j.done <- err
				return true
			}
			return false
		})
		if len(jobs) > 0 {
			s.dialect.commit(jobs)
		}
	}
}

// run calls Do. A panic in it is an error of that work alone.
func (s *Store) run(j *job, tx *Tx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			s.cfg.Log.Error("store: a change panicked", "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("a change panicked: %v", p)
		}
	}()
	return j.work.Do(tx)
}

func answer(jobs []*job, err error) {
	for _, j := range jobs {
		j.done <- err
	}
}

// queue holds the works that wait. Apps come in turn, and within an app its
// sources.
type queue struct {
	mu     sync.Mutex
	some   sync.Cond
	apps   ring[int64, *ring[string, *line]]
	size   int
	closed bool
}

// line is what waits of one source.
type line struct{ jobs []*job }

// ring hands out its members in turn.
type ring[K comparable, V any] struct {
	order  []K
	member map[K]V
}

func (r *ring[K, V]) get(k K, make func() V) V {
	v, ok := r.member[k]
	if !ok {
		if r.member == nil {
			r.member = map[K]V{}
		}
		v = make()
		r.member[k] = v
		r.order = append(r.order, k)
	}
	return v
}

// next returns whose turn it is. again puts it behind the others; otherwise it
// leaves.
func (r *ring[K, V]) next(use func(V) (again bool)) {
	k := r.order[0]
	r.order = r.order[1:]
	if use(r.member[k]) {
		r.order = append(r.order, k)
	} else {
		delete(r.member, k)
	}
}

func (q *queue) init() { q.some.L = &q.mu }

func (q *queue) push(j *job) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return fmt.Errorf("%w: it was closed", ErrUnavailable)
	}
	if q.size >= maxWaiting {
		return ErrBusy
	}
	app := q.apps.get(j.work.App, func() *ring[string, *line] { return &ring[string, *line]{} })
	source := app.get(j.work.Source, func() *line { return &line{} })
	source.jobs = append(source.jobs, j)
	q.size++
	q.some.Signal()
	return nil
}

// take waits for works and returns up to n, or nil when the queue was closed and
// is empty.
func (q *queue) take(n int) (out []*job) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.size == 0 {
		if q.closed {
			return nil
		}
		q.some.Wait()
	}
	for q.size > 0 && len(out) < n {
		q.size--
		q.apps.next(func(app *ring[string, *line]) bool {
			app.next(func(source *line) bool {
				out = append(out, source.jobs[0])
				source.jobs = source.jobs[1:]
				return len(source.jobs) > 0
			})
			return len(app.order) > 0
		})
	}
	return out
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.some.Broadcast()
}
