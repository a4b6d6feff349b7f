// Package hold keeps an account to one process: what is kept of it on this
// device has one owner. It takes the account's lock before a login connects, and
// gives it back when the login is over and the last user has closed what it had
// open.
package hold

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"time"

	"github.com/libnim/libnim/core/journal"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/core/store"
	"github.com/libnim/libnim/internal/nimerr"
)

// Timing of a login.
const (
	waitForOwner = 2 * time.Second         // for a process that is about to end
	waitForDisk  = 2500 * time.Millisecond // then the login goes on without a lock
)

// Module is the module.
type Module struct {
	module.Passive
	Dir     func(account string) string // makes the directory of an account; "": it cannot
	Journal *journal.Journal

	mu   sync.Mutex
	held *holding // of the present account; nil: none
}

// A holding is the lock of one account, from Accepted to its last user.
type holding struct {
	id     store.Identity
	cancel context.CancelFunc
	done   chan struct{} // closed when it is known whether there is a lock

	path string // of the store
	err  error
	lock *store.Lock

	users  int    // the login, and whoever Wait let in; of m.mu
	closed func() // tells the session that the lock is given back
}

// Accepted implements module.Module.
func (m *Module) Accepted(a module.Account, ready func(*nimerr.Error)) {
	id := store.Identity{AppKey: a.AppKey, Backend: a.Backend, Server: a.Server, Account: a.ID}
	m.mu.Lock()
	h := m.held
	if h == nil || h.id != id {
		ctx, cancel := context.WithTimeout(context.Background(), waitForOwner)
		h = &holding{id: id, cancel: cancel, done: make(chan struct{}), users: 1}
		m.held = h
		go m.acquire(ctx, h)
	}
	m.mu.Unlock()
	go func() {
		patience := time.NewTimer(waitForDisk)
		defer patience.Stop()
		select {
		case <-h.done:
		case <-patience.C:
			m.Journal.Add(journal.Warn, "account_not_locked", journal.Str("why", "the disk does not answer"))
			ready(nil)
			return
		}
		switch {
		case errors.Is(h.err, store.ErrInUse):
			ready(nimerr.StoreInUse.New("this account is logged in there; use another data directory to have it twice on one machine"))
			return
		case h.err != nil:
			m.Journal.Add(journal.Warn, "account_not_locked", journal.Str("why", h.err.Error()))
		}
		ready(nil)
	}()
}

// acquire runs on a goroutine of its own: the disk may take its time.
func (m *Module) acquire(ctx context.Context, h *holding) {
	defer h.cancel()
	defer close(h.done)
	dir := m.Dir(h.id.Account)
	if dir == "" {
		h.err = store.ErrUnusable
		return
	}
	h.path = filepath.Join(dir, h.id.FileName())
	h.lock, h.err = store.Acquire(ctx, h.path)
}

// Close implements module.Module.
func (m *Module) Close(_ time.Time, closed func()) {
	m.mu.Lock()
	h := m.held
	m.held = nil
	m.mu.Unlock()
	if h == nil {
		closed()
		return
	}
	h.closed = closed
	h.cancel()
	go func() {
		<-h.done
		m.leave(h)
	}()
}

// Wait waits until it is known whether this process has the account that was
// accepted last, and lets its caller use the store at path until it calls
// release. store.ErrInUse and store.ErrUnusable say that it must not.
func (m *Module) Wait(ctx context.Context) (path string, release func(), err error) {
	m.mu.Lock()
	h := m.held
	if h == nil {
		m.mu.Unlock()
		return "", nil, store.ErrClosed
	}
	h.users++
	m.mu.Unlock()
	var once sync.Once
	leave := func() { once.Do(func() { m.leave(h) }) }
	select {
	case <-h.done:
		err = h.err
	case <-ctx.Done():
		err = store.ErrUnusable
	}
	if err != nil {
		go func() {
			<-h.done
			leave()
		}()
		return "", nil, err
	}
	return h.path, leave, nil
}

// leave is the end of one user; the last one gives the lock back.
func (m *Module) leave(h *holding) {
	m.mu.Lock()
	h.users--
	last := h.users == 0
	m.mu.Unlock()
	if !last {
		return
	}
	if h.lock != nil {
		h.lock.Release()
	}
	if h.closed != nil {
		h.closed()
	}
}
