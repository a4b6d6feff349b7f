package gateway

import (
	"sync"
)

// An outbox holds what waits to be written to one connection. Frames go out in
// the order in which they came; after finish nothing is taken any more.
type outbox struct {
	limit int
	ready chan struct{} // holds one token while items wait

	mu       sync.Mutex
	items    []item
	bytes    int
	finished bool
}

// item is a text frame, a pong, or the close that ends the connection.
type item struct {
	kind int // websocket.TextMessage, PongMessage or CloseMessage
	data []byte
}

func newOutbox(limit int) *outbox {
	return &outbox{limit: limit, ready: make(chan struct{}, 1)}
}

// push takes an item, and returns false when the bound is passed. Items after
// the last one are dropped in silence.
func (o *outbox) push(it item) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.finished {
		return true
	}
	if o.bytes+len(it.data) > o.limit {
		return false
	}
	o.add(it)
	return true
}

// finish takes the last items, bound or not. It reports whether they were
// taken, which happens once.
func (o *outbox) finish(last ...item) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.finished {
		return false
	}
	for _, it := range last {
		o.add(it)
	}
	o.finished = true
	return true
}

// abandon drops what waits and puts only the given item out.
func (o *outbox) abandon(last item) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.finished {
		return false
	}
	o.items, o.bytes = nil, 0
	o.add(last)
	o.finished = true
	return true
}

// take returns all that waits.
func (o *outbox) take() []item {
	o.mu.Lock()
	defer o.mu.Unlock()
	items := o.items
	o.items, o.bytes = nil, 0
	return items
}

func (o *outbox) add(it item) {
	o.items = append(o.items, it)
	o.bytes += len(it.data)
	select {
	case o.ready <- struct{}{}:
	default:
	}
}
