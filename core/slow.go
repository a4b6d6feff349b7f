package core

import (
	"sync"
	"time"

	"github.com/libnim/libnim/core/journal"
	"github.com/libnim/libnim/core/module"
)

// slowAfter is how long a callback may wait before the log says so.
const slowAfter = 2 * time.Second

// A slowWatch notices that the host does not take its callbacks: one of them does
// not return, or nobody dispatches. It looks when something is posted.
type slowWatch struct {
	journal *journal.Journal
	fate    func(node uint64) module.Fate

	mu    sync.Mutex
	node  uint64 // a callback that is waited for; 0: none
	since time.Time
	told  bool // of node
}

// posted notes a callback that was queued.
func (w *slowWatch) posted(node uint64, backlog int) {
	if node == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	if w.node != 0 {
		waits := now.Sub(w.since)
		if waits < slowAfter {
			return
		}
		if w.fate(w.node) == module.Waits {
			if !w.told {
				w.told = true
				w.journal.Add(journal.Warn, "callback_slow", journal.Dur("waits", waits), journal.Int("backlog", int64(backlog)))
			}
			return
		}
	}
	w.node, w.since, w.told = node, now, false
}
