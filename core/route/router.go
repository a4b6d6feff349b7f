// Package route is the way to a server: its addresses, given, discovered or in a
// file, the proxy of the environment, and which address to try next.
package route

import (
	"context"
	"errors"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/nimerr"
)

// Routes is the session's Router of a configuration: a list of addresses, discovered or
// given, that are tried in turn, beginning with the one that worked last.
type Routes struct {
	Backend  backend.Backend
	Discover *Discovery // nil: only Fixed
	Fixed    []string   // URLs from the configuration

	// One attempt runs at a time.
	next    int       // where the next attempt begins
	failing time.Time // since when no address works; zero: one did
	doubted time.Time // when the LBS was last asked because of that
}

// Addresses of which none has worked for doubtAfter are doubted: the gateways may
// have moved before the LBS's answer ran out. Asking takes a while where the
// network swallows everything, so a short outage does not, and a long one seldom.
const (
	doubtAfter = 10 * time.Second
	doubtAgain = time.Minute
)

// Connect implements session.Router.
func (r *Routes) Connect(ctx context.Context, login *backend.Login, refresh bool) (backend.Link, []backend.Attempt, error) {
	list, err := r.addresses(ctx, refresh || r.doubt())
	if err != nil {
		return nil, nil, err
	}
	var tried []backend.Attempt
	begin := r.next
	for i := range list {
		at := (begin + i) % len(list)
		var a backend.Attempt
		var link backend.Link
		link, err = r.Backend.Connect(ctx, list[at], login, &a)
		a.Err = nimerr.From(err, nimerr.ConnectionFailed)
		tried = append(tried, a)
		if err == nil {
			r.next, r.failing = at, time.Time{}
			return link, tried, nil
		}
		r.next = at + 1
		if ctx.Err() != nil {
			break
		}
		if e := a.Err; e.Kind.Domain != nimerr.Network || e.RetryAfter > 0 {
			r.failing = time.Time{}
			return nil, tried, err // a server has spoken: another address would say the same
		}
	}
	if r.failing.IsZero() && ctx.Err() != context.Canceled {
		r.failing = time.Now()
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) && !errors.Is(err, nimerr.Timeout) {
		err = nimerr.Timeout.New("connecting").At(tried[len(tried)-1].Endpoint)
	}
	return nil, tried, err
}

// doubt reports whether the LBS is to be asked before its answer has run out.
func (r *Routes) doubt() bool {
	if r.failing.IsZero() || time.Since(r.failing) < doubtAfter || time.Since(r.doubted) < doubtAgain {
		return false
	}
	r.doubted = time.Now()
	return true
}

func (r *Routes) addresses(ctx context.Context, refresh bool) ([]string, error) {
	if r.Discover == nil {
		return r.Fixed, nil
	}
	found, err := r.Discover.Addresses(ctx, refresh)
	if len(found) == 0 && len(r.Fixed) == 0 {
		return nil, err
	}
	return append(found[:len(found):len(found)], r.Fixed...), nil
}
