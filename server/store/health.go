package store

import (
	"context"
	"errors"
	"sync"
	"time"
)

// health is what the last use of the store said of it.
type health struct {
	mu   sync.Mutex
	err  error
	bell chan struct{} // wakes the watch
}

// note keeps an error that says the store does not work, and returns err.
func (h *health) note(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, ErrFull) && !errors.Is(err, ErrUnavailable) {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.err = err
	if h.bell != nil {
		select {
		case h.bell <- struct{}{}:
		default:
		}
	}
	return err
}

func (h *health) set(err error) (was error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	was, h.err = h.err, err
	return was
}

// refuse answers a change at once while the disk is full.
func (h *health) refuse() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if errors.Is(h.err, ErrFull) {
		return h.err
	}
	return nil
}

// Healthy returns nil, or why the store does not work at present.
func (s *Store) Healthy() error {
	s.health.mu.Lock()
	defer s.health.mu.Unlock()
	return s.health.err
}

// How often the store is tried.
const (
	probePause = time.Second     // while something is wrong
	watchPause = 5 * time.Second // PostgreSQL, while nothing is
	probeLimit = 3 * time.Second
)

// watch tries the store again until it works, and PostgreSQL now and then.
func (s *Store) watch(ctx context.Context) {
	bell := make(chan struct{}, 1)
	s.health.mu.Lock()
	s.health.bell = bell
	s.health.mu.Unlock()
	for {
		wake, next := bell, (<-chan time.Time)(nil)
		if s.Healthy() != nil {
			wake, next = nil, time.After(probePause)
		} else if s.dialect.watches() {
			next = time.After(watchPause)
		}
		select {
		case <-ctx.Done():
			return
		case <-wake:
			continue
		case <-next:
		}
		probe, cancel := context.WithTimeout(ctx, probeLimit)
		err := explain(s.dialect.probe(probe))
		cancel()
		if ctx.Err() != nil {
			return
		}
		was := s.health.set(err)
		if was == nil && err != nil {
			s.cfg.Log.Error("store: it does not work", "err", err)
		} else if was != nil && err == nil {
			s.cfg.Log.Info("store: it works again")
		}
	}
}
