package gateway

import "sync"

// Bounds of the requests of one connection that wait or run.
const (
	freeRequests    = 8 // that run side by side, of each op
	waitingRequests = 256
	waitingBytes    = 4 << 20
)

// lanes run the requests of one connection, so that its reader never waits for
// one. A lane runs its jobs in order, as many at a time as it is wide.
type lanes struct {
	mu     sync.Mutex
	open   map[string]*lane // those with work
	jobs   int              // that wait or run
	bytes  int
	closed bool
	busy   sync.WaitGroup
}

type lane struct {
	waiting []job
	running int
}

// job is one request and its size.
type job struct {
	size int
	run  func()
	must bool // is taken whatever waits: it only refuses, in its turn
}

// submit puts a job in a lane, and returns false when too many wait already.
func (l *lanes) submit(name string, width int, j job) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || !j.must && (l.jobs >= waitingRequests || l.jobs > 0 && l.bytes+j.size > waitingBytes) {
		return false
	}
	l.jobs++
	l.bytes += j.size
	ln := l.open[name]
	if ln == nil {
		if l.open == nil {
			l.open = map[string]*lane{}
		}
		ln = &lane{}
		l.open[name] = ln
	}
	ln.waiting = append(ln.waiting, j)
	if ln.running < width {
		ln.running++
		l.busy.Add(1)
		go l.work(name, ln)
	}
	return true
}

// work runs what waits in a lane.
func (l *lanes) work(name string, ln *lane) {
	defer l.busy.Done()
	roomy()
	l.mu.Lock()
	defer l.mu.Unlock()
	for !l.closed && len(ln.waiting) > 0 {
		j := ln.waiting[0]
		ln.waiting = ln.waiting[1:]
		l.mu.Unlock()
		j.run()
		l.mu.Lock()
		l.jobs--
		l.bytes -= j.size
	}
	if ln.running--; ln.running == 0 {
		delete(l.open, name)
	}
}

// roomy gives a new goroutine the stack that a request takes, SQLite's interpreter
// and the JSON decoder among it. Grown step by step, with many frames to move each
// time, it took a third of the time of a login.
//
//go:noinline
func roomy() byte {
	var room [24 << 10]byte
	return room[len(roomyTouch)]
}

// roomyTouch keeps the compiler from leaving the room out.
var roomyTouch []byte

// close drops what waits and returns when nothing runs any more.
func (l *lanes) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.busy.Wait()
}
