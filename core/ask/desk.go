// Package ask keeps the questions to the host: callbacks that give something back.
// Nobody waits for an answer; it comes to a function, once.
package ask

import (
	"sync"
	"time"

	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/internal/abi"
)

// A Queue is the host's queue of callbacks.
type Queue interface {
	// Ask queues the callback of a question. node 0: nobody is registered, it is not asked.
	Ask(id uint64, q *abi.Question) (node uint64, backlog int)

	// TakeBack takes questions of a slot out of the queue: those that have waited
	// for idle in which the host did nothing, or with 0 all. next is when to look
	// again; negative: none is queued.
	TakeBack(slot abi.Slot, idle time.Duration) (ids []uint64, next time.Duration)
}

// A Desk is all that are asked and not answered. Its methods may be called from
// any goroutine, and from the thread that has run a callback; none waits.
type Desk struct {
	queue Queue

	mu      sync.Mutex
	last    uint64
	open    map[uint64]question
	watched map[abi.Slot]bool // a timer looks after its questions
}

type question struct {
	slot abi.Slot
	done func(module.Reply)
}

// NewDesk is a desk without questions.
func NewDesk(q Queue) *Desk {
	return &Desk{queue: q, open: map[uint64]question{}, watched: map[abi.Slot]bool{}}
}

// Ask implements module.Sink.
func (d *Desk) Ask(q abi.Question, done func(module.Reply)) (node uint64, backlog int) {
	slot := q.Slot()
	d.mu.Lock()
	d.last++
	id := d.last
	d.open[id] = question{slot, done} // it may be answered before the queue has returned
	d.mu.Unlock()
	node, backlog = d.queue.Ask(id, &q)
	d.mu.Lock()
	defer d.mu.Unlock()
	if node == 0 {
		delete(d.open, id)
	} else if q.Within > 0 && !d.watched[slot] {
		d.watched[slot] = true
		time.AfterFunc(q.Within, func() { d.watch(slot, q.Within) })
	}
	return node, backlog
}

// TakeBack implements module.Sink.
func (d *Desk) TakeBack(slot abi.Slot) {
	for {
		ids, next := d.queue.TakeBack(slot, 0)
		for _, id := range ids {
			d.Answered(id, module.Reply{Outcome: module.TakenBack})
		}
		if next < 0 {
			return
		}
	}
}

// Answered takes the end of a question. One that is not open is ignored.
func (d *Desk) Answered(id uint64, r module.Reply) {
	d.mu.Lock()
	q, ok := d.open[id]
	delete(d.open, id)
	d.mu.Unlock()
	if ok {
		q.done(r)
	}
}

// watch ends the questions of a slot that the host leaves lying.
func (d *Desk) watch(slot abi.Slot, within time.Duration) {
	ids, next := d.queue.TakeBack(slot, within)
	for _, id := range ids {
		d.Answered(id, module.Reply{Outcome: module.Expired})
	}
	if next < 0 { // none waits; one may run
		next = within
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, q := range d.open {
		if q.slot == slot {
			time.AfterFunc(next, func() { d.watch(slot, within) })
			return
		}
	}
	d.watched[slot] = false
}
