package openim

import (
	"sync"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/nimerr"
)

// A refused link stands for a connection that the gateway refused, with plain
// HTTP or behind the upgrade. It answers the Login and ends.
type refused struct {
	err      *nimerr.Error
	logins   chan uint64
	left     chan struct{}
	closed   sync.Once
	answered bool // owned by the goroutine in Receive
}

var _ backend.Link = (*refused)(nil)

func newRefused(err *nimerr.Error) *refused {
	return &refused{err: err, logins: make(chan uint64, 1), left: make(chan struct{})}
}

// Send implements backend.Link.
func (l *refused) Send(id uint64, r backend.Request) error {
	if _, ok := r.(*backend.Login); !ok {
		return nimerr.ConnectionLost.New("the login was refused").At(l.err.Endpoint)
	}
	select {
	case l.logins <- id:
		return nil
	default:
		return nimerr.ServerCannot.New("a second login on one connection")
	}
}

// Receive implements backend.Link.
func (l *refused) Receive() (backend.Event, error) {
	if l.answered {
		return nil, nimerr.ConnectionLost.New("the login was refused").At(l.err.Endpoint)
	}
	select {
	case id := <-l.logins:
		l.answered = true
		return backend.Answer{ID: id, Err: l.err, Body: refusedBody(l.err)}, nil
	case <-l.left:
		return nil, nimerr.ConnectionLost.New("closed by this side").At(l.err.Endpoint)
	}
}

// Server implements backend.Link.
func (*refused) Server() backend.Server { return backend.Server{} }

// Forget implements backend.Link.
func (*refused) Forget(uint64) {}

// Check implements backend.Link.
func (*refused) Check() {}

// Close implements backend.Link.
func (l *refused) Close() { l.closed.Do(func() { close(l.left) }) }

// Stats implements backend.Link.
func (*refused) Stats() backend.Stats { return backend.Stats{} }
