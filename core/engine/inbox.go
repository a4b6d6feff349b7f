package engine

import "sync"

// inboxBytes bounds what waits in the inbox.
const inboxBytes = 8 << 20

// An inbox takes work for one goroutine. Putting never waits.
type inbox struct {
	wake chan struct{} // has room for one; written after each put

	mu    sync.Mutex
	list  []item
	bytes int
	ended bool
}

type item struct {
	size int
	run  func()
}

func newInbox() *inbox { return &inbox{wake: make(chan struct{}, 1)} }

// put takes work of a size. It refuses when the inbox is full and the size is
// not 0, and when it has ended.
func (i *inbox) put(size int, run func()) bool {
	i.mu.Lock()
	if i.ended || size > 0 && i.bytes+size > inboxBytes {
		i.mu.Unlock()
		return false
	}
	i.bytes += size
	i.list = append(i.list, item{size, run})
	i.mu.Unlock()
	select {
	case i.wake <- struct{}{}:
	default:
	}
	return true
}

// take takes all that waits.
func (i *inbox) take() []item {
	i.mu.Lock()
	defer i.mu.Unlock()
	list := i.list
	i.list = nil
	return list
}

// done gives back the room of work that has run.
func (i *inbox) done(size int) {
	i.mu.Lock()
	i.bytes -= size
	i.mu.Unlock()
}

// end refuses everything from now on.
func (i *inbox) end() {
	i.mu.Lock()
	i.ended = true
	i.mu.Unlock()
}
