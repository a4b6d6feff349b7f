package engine

import (
	"slices"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/nimerr"
)

// errandLimit is how long a call waits for the server's answer, with no link too.
const errandLimit = 30 * time.Second

// An errand is a request that a call waits for. It is one whose repetition changes
// nothing, so it is issued again until it is answered or its time is up.
type errand struct {
	request backend.Request
	done    func(backend.Result)
	flying  bool
	ended   bool
}

// errand asks the server for a call. Either done runs, with an answer or why there
// is none, or, at the end of the login, refuse.
func (a *account) errand(r backend.Request, refuse func(*nimerr.Error), done func(backend.Result)) {
	e := &errand{request: r}
	open := a.opened(func(err *nimerr.Error) {
		a.drop(e)
		refuse(err)
	})
	limit := a.after(errandLimit, func() {
		if a.drop(e) && open() {
			done(backend.Result{Outcome: backend.Unknown, Err: nimerr.Timeout.New("")})
		}
	})
	e.done = func(res backend.Result) {
		limit.Stop()
		if a.drop(e) && open() {
			done(res)
		}
	}
	a.errands = append(a.errands, e)
	a.goErrand(e)
}

// drop reports whether the errand was still open.
func (a *account) drop(e *errand) bool {
	if e.ended {
		return false
	}
	e.ended = true
	a.errands = slices.DeleteFunc(a.errands, func(o *errand) bool { return o == e })
	return true
}

// goErrands issues what waits for a link.
func (a *account) goErrands() {
	for _, e := range slices.Clone(a.errands) {
		a.goErrand(e)
	}
}

func (a *account) goErrand(e *errand) {
	if e.ended || e.flying || a.online == nil {
		return
	}
	e.flying = true
	a.request(e.request, 0, func(r backend.Result) {
		e.flying = false
		switch {
		case e.ended:
		case r.Outcome == backend.Answered && (r.Err == nil || !r.Err.Kind.Retryable), unfit(r):
			e.done(r)
		default:
			a.after(max(retryAfter, retry(r)), func() { a.goErrand(e) })
		}
	})
}
