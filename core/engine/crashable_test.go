package engine

import (
	"cmp"
	"sync"

	"github.com/libnim/libnim/core/store"
)

// A crashable store fails from a moment on.
type crashable struct {
	store.Store
	mu   sync.Mutex
	gone bool
	full error // what Update returns; nil: it works
}

func (c *crashable) fill(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.full = err
}

func (c *crashable) crash() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gone = true
}

func (c *crashable) Update(change func(store.Tx) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone {
		return errCrashed
	}
	if c.full != nil {
		return c.Store.Update(func(tx store.Tx) error { // it fails at the end
			return cmp.Or(change(tx), c.full)
		})
	}
	return c.Store.Update(change)
}

func (c *crashable) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone {
		return errCrashed
	}
	return c.Store.Close()
}
