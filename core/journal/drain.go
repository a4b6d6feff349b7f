package journal

import (
	"fmt"
	"time"
)

const (
	maxQueue = 1 << 20     // bytes that may wait for a slow file
	patience = time.Second // how long Flush, Files and Close wait for one that hangs
)

// destination is where a line goes besides the ring.
type destination uint8

const (
	toFile destination = 1 << iota
	toCallback
)

// An entry of the queue is a line; or, if done is not nil, a mark; or, if
// dropped is not 0, the place where so many lines are missing.
type entry struct {
	level   Level
	line    string
	to      destination
	done    chan struct{} // closed when all that was queued before is out
	last    bool          // the mark of Close: close the file too
	dropped int64
}

// queueLocked queues an entry and sees to it that somebody drains the queue. A
// line for which there is no room leaves a note of that; a mark needs none.
func (j *Journal) queueLocked(e entry) {
	if j.bytes+len(e.line) > maxQueue {
		j.lost.Add(1)
		if end := len(j.queue) - 1; j.queue[end].dropped > 0 {
			j.queue[end].dropped++
		} else {
			j.queue = append(j.queue, entry{dropped: 1})
		}
		return
	}
	j.bytes += len(e.line)
	j.queue = append(j.queue, e)
	if !j.draining {
		j.draining = true
		go j.drain()
	}
}

// drain empties the queue and ends. It exists if and only if draining is set,
// so an idle journal has no goroutine, and one that nobody closes leaks none.
func (j *Journal) drain() {
	for {
		j.mu.Lock()
		batch := j.queue
		if len(batch) == 0 {
			j.draining = false
			j.mu.Unlock()
			return
		}
		j.queue, j.spare = j.spare[:0], nil
		j.bytes = 0
		j.mu.Unlock()

		for i := range batch {
			j.deliver(&batch[i])
		}
		j.file.flush()
		clear(batch)

		j.mu.Lock()
		j.spare = batch
		j.mu.Unlock()
	}
}

// deliver brings one entry to where it goes. A callback that panics costs the
// line, not the process.
func (j *Journal) deliver(e *entry) {
	defer func() {
		if r := recover(); r != nil {
			j.lost.Add(1)
			j.add(Error, 0, "log_callback_panicked", []Field{Str("panic", fmt.Sprint(r))})
		}
	}()
	if e.done != nil {
		j.file.flush()
		if e.last {
			j.file.close()
		}
		close(e.done)
		return
	}
	if e.dropped > 0 {
		e.level = Warn
		e.line, e.to = j.format(Warn, toFile|toCallback, "log_lines_dropped", []Field{Int("lines", e.dropped)})
		j.keep(e.line)
	}
	if e.to&toFile != 0 {
		j.file.add(e.line)
	}
	if e.to&toCallback != 0 {
		if call := j.callback.Load(); call != nil {
			(*call)(e.level, e.line)
		}
	}
}

// Flush returns when the lines added before it are in the file and the
// callback has had them, or after a second.
func (j *Journal) Flush() {
	if j != nil {
		j.mark(false)
	}
}

// Close flushes and closes the file. Lines added later reach the ring only.
// It returns after a second even if a write hangs.
func (j *Journal) Close() {
	if j != nil {
		j.mark(true)
	}
}

// Files flushes and returns the paths of the log files, newest last.
func (j *Journal) Files() []string {
	if j == nil || !j.hasFile {
		return nil
	}
	j.mark(false)
	var paths []string
	for _, n := range j.file.numbers() {
		paths = append(paths, j.file.path(n))
	}
	return paths
}

// mark queues a mark and waits until the drain goroutine has come to it.
func (j *Journal) mark(last bool) {
	done := make(chan struct{})
	j.mu.Lock()
	if j.closed || (!j.draining && !last) { // nothing is waiting
		j.mu.Unlock()
		return
	}
	j.closed = last
	j.queueLocked(entry{done: done, last: last})
	j.mu.Unlock()

	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}
