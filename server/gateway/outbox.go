package gateway

import (
	"context"
	"slices"
	"sync"

	"github.com/gorilla/websocket"
)

// An outbox holds what waits to be written to one connection. Frames go out in
// the order in which they came; after finish nothing is taken any more.
type outbox struct {
	limit int
	ready chan struct{} // holds one token while items wait
	room  chan struct{} // holds one token when there may be room again

	mu       sync.Mutex
	items    []item
	bytes    int
	resync   bool // one waits
	finished bool
}

// item is a text frame, a pong, or the close that ends the connection.
type item struct {
	kind      int // websocket.TextMessage, PongMessage or CloseMessage
	data      []byte
	droppable bool // a push that the client can ask for
}

func newOutbox(limit int) *outbox {
	return &outbox{limit: limit, ready: make(chan struct{}, 1), room: make(chan struct{}, 1)}
}

// push takes an item, and returns false when the bound is passed. Before that
// pushes that the client can ask for are dropped, and a resync says so. Items
// after the last one are dropped in silence.
func (o *outbox) push(it item) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.finished || o.fits(it) {
		return true
	}
	if !it.droppable && !slices.ContainsFunc(o.items, func(x item) bool { return x.droppable }) {
		return false
	}
	o.drop()
	if !o.resync {
		o.resync = o.fits(item{kind: websocket.TextMessage, data: resyncFrame})
	}
	return it.droppable && o.resync || !it.droppable && o.fits(it)
}

// pushPatiently waits for room instead.
func (o *outbox) pushPatiently(ctx context.Context, it item) error {
	for {
		o.mu.Lock()
		done := o.finished || o.fits(it)
		if !done && o.bytes == 0 { // larger than the bound
			o.add(it)
			done = true
		}
		free := o.bytes < o.limit
		o.mu.Unlock()
		if done {
			if free { // for the next who waits
				o.wake()
			}
			return nil
		}
		select {
		case <-o.room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// fits adds an item, if the bound allows it.
func (o *outbox) fits(it item) bool {
	if o.finished || o.bytes+len(it.data) > o.limit {
		return false
	}
	o.add(it)
	return true
}

// drop removes what the client can ask for.
func (o *outbox) drop() {
	o.bytes = 0
	o.items = slices.DeleteFunc(o.items, func(it item) bool {
		if !it.droppable {
			o.bytes += len(it.data)
		}
		return it.droppable
	})
}

func (o *outbox) wake() {
	select {
	case o.room <- struct{}{}:
	default:
	}
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
	o.items, o.bytes, o.resync = nil, 0, false
	o.wake()
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
