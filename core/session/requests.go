package session

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/nimerr"
)

// requests are those on the wire of the link that is online. A request is on the
// wire until its answer, its deadline, or the loss. Any goroutine sends; only run
// ends what is on the wire.
type requests struct {
	overdue *time.Timer // of the oldest deadline, or sooner

	mu   sync.Mutex
	conn *conn // nil: no link is online
	why  *nimerr.Error
	wire map[uint64]request
	due  time.Time // when overdue fires; zero: it does not
}

type request struct {
	deadline time.Time
	done     func(backend.Result)
}

func newRequests() *requests {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return &requests{overdue: t, why: nimerr.NotLoggedIn.New(""), wire: map[uint64]request{}}
}

// open lets requests go out over a link.
func (q *requests) open(c *conn) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.conn = c
}

// refuse says why requests are not sent while no link is online.
func (q *requests) refuse(why *nimerr.Error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.why = why
}

// Do implements module.Session.
func (s *Session) Do(r backend.Request, limit time.Duration, done func(backend.Result)) {
	if err := s.wire.send(r, cmp.Or(limit, requestTimeout), done); err != nil {
		done(backend.Result{Outcome: backend.NotSent, Err: err})
	}
}

// send puts a request on the wire, or says why it cannot.
func (q *requests) send(r backend.Request, limit time.Duration, done func(backend.Result)) *nimerr.Error {
	q.mu.Lock()
	c, why := q.conn, q.why
	if c != nil && len(q.wire) >= maxRequests {
		c, why = nil, nimerr.Busy.New("")
	}
	if c == nil {
		q.mu.Unlock()
		return why
	}
	id := c.nextID()
	at := time.Now().Add(limit)
	q.wire[id] = request{at, done} // first: the answer may be faster than this goroutine
	if q.due.IsZero() || at.Before(q.due) {
		q.due = at
		q.overdue.Reset(limit)
	}
	q.mu.Unlock()
	err := c.send(id, r)
	if err == nil {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, there := q.wire[id]; !there {
		return nil // the link was lost meanwhile, and done was told so
	}
	delete(q.wire, id)
	return err
}

// answer completes the request that an answer belongs to. One that comes after
// its deadline belongs to none.
func (q *requests) answer(a backend.Answer) {
	q.mu.Lock()
	r, known := q.wire[a.ID]
	delete(q.wire, a.ID)
	q.mu.Unlock()
	if known {
		r.done(backend.Result{Outcome: backend.Answered, Body: a.Body, Err: a.Err})
	}
}

// expire completes the requests whose deadline has passed, and sets the timer
// for the next.
func (q *requests) expire() {
	q.mu.Lock()
	c, now := q.conn, time.Now()
	q.due = time.Time{}
	var late []uint64
	for id, r := range q.wire {
		if !r.deadline.After(now) {
			late = append(late, id)
		} else if q.due.IsZero() || r.deadline.Before(q.due) {
			q.due = r.deadline
		}
	}
	if !q.due.IsZero() {
		q.overdue.Reset(q.due.Sub(now))
	}
	ended := q.take(late)
	q.mu.Unlock()
	for _, id := range late {
		c.link.Forget(id)
	}
	end(ended, nimerr.Timeout.New("waiting for the server's answer"))
}

// close completes everything on the wire, by age: the link is gone, or is used no
// more. Later requests are not sent.
func (q *requests) close(err *nimerr.Error) {
	q.mu.Lock()
	q.conn, q.due = nil, time.Time{}
	q.overdue.Stop()
	var all []uint64
	for id := range q.wire {
		all = append(all, id)
	}
	ended := q.take(all)
	q.mu.Unlock()
	end(ended, err)
}

// take removes requests from the wire, by age.
func (q *requests) take(ids []uint64) []request {
	slices.Sort(ids)
	out := make([]request, len(ids))
	for i, id := range ids {
		out[i] = q.wire[id]
		delete(q.wire, id)
	}
	return out
}

// end tells that nobody knows what became of requests.
func end(list []request, err *nimerr.Error) {
	for _, r := range list {
		r.done(backend.Result{Outcome: backend.Unknown, Err: err})
	}
}
