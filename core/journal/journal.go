// Package journal is the one place where the client library writes what
// happens: a bounded ring in memory, which diagnostics read, log files with
// rotation in the data directory, and the program's log callback.
//
// A line is one JSON object, {"t":"…","lvl":"app","ev":"login_step",…}. It is
// scrubbed of every registered secret before it exists anywhere.
//
// The session never waits for a log: Add formats the line, puts it into the
// ring and into a bounded queue. A goroutine that lives only while the queue
// holds something writes the file and calls the callback. A full disk, a file
// that cannot be written or a file system that hangs costs lines of the file,
// which are counted, and nothing else.
package journal

import (
	"sync"
	"sync/atomic"
	"time"
)

// Level is NIMSDKLogLevel: the smaller, the graver.
type Level int

// The levels as the ABI numbers them.
const (
	Fatal Level = 1
	Error Level = 2
	Warn  Level = 3
	App   Level = 5 // what an application developer wants to see
	Pro   Level = 6 // everything; the default, as in the SDK whose ABI this is
)

// String returns the name that stands in a line.
func (l Level) String() string {
	switch {
	case l <= Fatal:
		return "fatal"
	case l == Error:
		return "error"
	case l == Warn:
		return "warn"
	case l <= App:
		return "app"
	}
	return "pro"
}

// Options of a Journal. Zero values mean the defaults.
type Options struct {
	Level        Level            // of file and callback; 0: Pro. The ring keeps every line
	Dir          string           // directory of the log files; "": no file
	MaxFileBytes int64            // of one file; 0: 4 MiB
	Files        int              // kept, the current one included; 0: 4
	RingLines    int              // 0: 512
	Now          func() time.Time // wall clock; nil: time.Now

	// Callback gets each line of Level and graver, in the order of the ring,
	// one at a time and with no lock held. It must not wait, nor call Flush,
	// Files or Close. What it has to say itself it adds with Quiet.
	Callback func(level Level, line string)
}

// A Journal takes lines from any goroutine. All methods of a nil *Journal are
// legal and do nothing.
type Journal struct {
	now     func() time.Time // set once
	hasFile bool             // set once
	secrets secretSet

	level    atomic.Int32
	callback atomic.Pointer[func(Level, string)]
	lost     atomic.Uint64 // lines that reached the ring only

	file logFile // owned by the drain goroutine; draining hands it over

	mu       sync.Mutex // leaf: nothing is called while it is held
	ring     []string   // grows to its limit, then turns
	limit    int        // of the ring; set once
	oldest   int        // index of the oldest line of a full ring
	queue    []entry    // not yet drained
	spare    []entry    // the drained queue, for reuse
	bytes    int        // of the lines in queue
	draining bool       // the drain goroutine exists
	closed   bool
}

// New returns a Journal. It touches no file before the first line.
func New(o Options) *Journal {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.RingLines <= 0 {
		o.RingLines = 512
	}
	j := &Journal{now: o.Now, hasFile: o.Dir != "", limit: o.RingLines}
	j.file = newLogFile(o, j)
	j.SetLevel(o.Level)
	j.SetCallback(o.Callback)
	return j
}

// SetLevel changes the level of file and callback; 0 means Pro.
func (j *Journal) SetLevel(level Level) {
	if j == nil {
		return
	}
	if level <= 0 {
		level = Pro
	}
	j.level.Store(int32(level))
}

// SetCallback replaces the callback; nil removes it. A call of the previous
// one that is under way may still finish.
func (j *Journal) SetCallback(callback func(level Level, line string)) {
	switch {
	case j == nil:
	case callback == nil:
		j.callback.Store(nil)
	default:
		j.callback.Store(&callback)
	}
}

// Secret registers a text that no later line shows, neither as it is nor
// percent-encoded, escaped, in hex or in base64, also as a part of something
// longer: *** stands there instead. It holds until Forget was called as often
// as Secret was. A secret shorter than four bytes is not registered: masking
// it would blank innocent text and by that give it away.
//
// Only values are scrubbed. Events and keys are words of the source, and a
// masked word of the source would tell the secret.
func (j *Journal) Secret(text string) {
	if j != nil {
		j.secrets.add(text)
	}
}

// Forget takes back one Secret of the same text. Lines that were written stay
// scrubbed.
func (j *Journal) Forget(text string) {
	if j != nil {
		j.secrets.remove(text)
	}
}

// Scrub returns text as a line would show it: every secret is ***.
func (j *Journal) Scrub(text string) string {
	if j == nil {
		return text
	}
	return j.secrets.needles().scrub(text)
}

// Add writes one line. event and the keys are snake_case words. Add takes
// about a microsecond and never waits for a file or a callback.
func (j *Journal) Add(level Level, event string, fields ...Field) {
	if j == nil {
		return
	}
	j.add(level, toFile|toCallback, event, fields)
}

// Trace returns the lines of the ring, oldest first.
func (j *Journal) Trace() []string {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	lines := make([]string, 0, len(j.ring))
	lines = append(lines, j.ring[j.oldest:]...)
	return append(lines, j.ring[:j.oldest]...)
}

// Lost returns how many lines should have gone to the file or the callback
// and did not.
func (j *Journal) Lost() uint64 {
	if j == nil {
		return 0
	}
	return j.lost.Load()
}

// add formats a line, puts it into the ring and queues it for the places to
// go to that take it.
func (j *Journal) add(level Level, to destination, event string, fields []Field) {
	line, to := j.format(level, to, event, fields)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.keepLocked(line)
	if to != 0 && !j.closed {
		j.queueLocked(entry{level: level, line: line, to: to})
	}
}

// format returns the scrubbed line, and which of the places to go to take it.
func (j *Journal) format(level Level, to destination, event string, fields []Field) (string, destination) {
	var space [512]byte
	needles := j.secrets.needles()
	line := appendHead(space[:0], j.now(), level, event)
	for i := range fields {
		if len(line) > maxLine {
			line = append(line, `,"cut_fields":`...)
			line = appendInt(line, int64(len(fields)-i))
			break
		}
		line = fields[i].append(line, needles)
		if fields[i].kind == quiet {
			to &^= toCallback
		}
	}
	if level > Level(j.level.Load()) {
		to = 0
	}
	if !j.hasFile {
		to &^= toFile
	}
	if j.callback.Load() == nil {
		to &^= toCallback
	}
	return string(append(line, '}')), to
}

// keepLocked puts a line into the ring.
func (j *Journal) keepLocked(line string) {
	if len(j.ring) < j.limit {
		j.ring = append(j.ring, line)
		return
	}
	j.ring[j.oldest] = line
	j.oldest = (j.oldest + 1) % j.limit
}

func (j *Journal) keep(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.keepLocked(line)
}
