package journal

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	filePrefix = "nim-"
	fileSuffix = ".log"
	writeSize  = 32 << 10 // one write takes about so much
	retryAfter = time.Second
)

// A logFile is the current one of the numbered log files nim-000001.log, …
// A full file is followed by the next number and the oldest is removed; none is
// ever renamed, which Windows refuses while somebody reads it.
//
// When the file cannot be written, lines are counted and thrown away, and the
// next attempt is made a second later.
type logFile struct {
	journal *Journal // for what the file has to say about itself
	dir     string
	max     int64
	keep    int
	open    func(path string) (io.WriteCloser, int64, error) // a seam for tests

	out   io.WriteCloser // nil: not open
	size  int64
	torn  bool   // the file does not end with a whole line
	buf   []byte // whole lines, not yet written
	lines uint64 // in buf

	failing bool
	retryAt time.Time
	lost    uint64 // since failing was set
}

func newLogFile(o Options, j *Journal) logFile {
	f := logFile{journal: j, dir: o.Dir, max: o.MaxFileBytes, keep: o.Files, open: openLog}
	if f.max <= 0 {
		f.max = 4 << 20
	}
	if f.keep <= 0 {
		f.keep = 4
	}
	return f
}

// add takes one line.
func (f *logFile) add(line string) {
	if f.size+int64(len(f.buf)+len(line)) >= f.max && (f.size > 0 || len(f.buf) > 0) {
		f.flush()
		if f.out != nil {
			f.next()
		}
	}
	f.buf = append(f.buf, line...)
	f.buf = append(f.buf, '\n')
	f.lines++
	if len(f.buf) >= writeSize {
		f.flush()
	}
}

// flush writes what add has taken. Afterwards nothing is left, written or not.
func (f *logFile) flush() {
	if f.lines == 0 {
		return
	}
	if err := f.write(); err != nil {
		f.fail(err)
	} else if f.failing {
		f.failing = false
		f.say(App, "log_file_recovered", Int("lost_lines", int64(f.lost)))
		f.lost = 0
	}
	f.buf, f.lines = f.buf[:0], 0
}

var errNotYet = errors.New("not tried again yet")

func (f *logFile) write() error {
	if f.out == nil {
		if f.failing && f.journal.now().Before(f.retryAt) {
			return errNotYet
		}
		if err := f.openNewest(); err != nil {
			return err
		}
	}
	if f.torn {
		f.buf = slices.Insert(f.buf, 0, '\n')
	}
	n, err := f.out.Write(f.buf)
	f.size += int64(n)
	if n > 0 {
		f.torn = f.buf[n-1] != '\n'
	}
	return err
}

// fail counts the lines in buf as lost, says so once, and lets go of the file:
// a later attempt opens it anew, which also mends a removed directory.
func (f *logFile) fail(err error) {
	f.lost += f.lines
	f.journal.lost.Add(f.lines)
	if !f.failing {
		f.failing = true
		f.say(Warn, "log_file_failed", Err(err))
	}
	if err != errNotYet {
		f.retryAt = f.journal.now().Add(retryAfter)
	}
	f.close()
}

// say reports to the ring and the callback, never to the file itself.
func (f *logFile) say(level Level, event string, field Field) {
	f.journal.add(level, toCallback, event, []Field{field})
}

func (f *logFile) close() {
	if f.out != nil {
		_ = f.out.Close() // every write was checked
		f.out = nil
	}
	f.size = 0
}

// openNewest goes on with the newest file if buf has room in it, else with the
// next.
func (f *logFile) openNewest() error {
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return err
	}
	number := 1
	if all := f.numbers(); len(all) > 0 {
		number = all[len(all)-1]
	}
	// The newest may belong to somebody else, after one run under sudo.
	if err := f.openNumber(number); err != nil || f.size+int64(len(f.buf)) > f.max {
		return f.openNumber(number + 1)
	}
	return nil
}

// next starts the next file. A failure is met again by the next write.
func (f *logFile) next() {
	f.close()
	all := f.numbers()
	if len(all) == 0 {
		return
	}
	if err := f.openNumber(all[len(all)-1] + 1); err != nil {
		f.close()
	}
}

func (f *logFile) openNumber(number int) error {
	f.close()
	out, size, err := f.open(f.path(number))
	if err != nil {
		return err
	}
	f.out, f.size = out, size
	f.torn = size > 0 && !endsWithNewline(out, size)
	for _, n := range f.numbers() {
		if n <= number-f.keep {
			_ = os.Remove(f.path(n)) // tried again at the next rotation
		}
	}
	return nil
}

func (f *logFile) path(number int) string {
	digits := strconv.Itoa(number)
	if len(digits) < 6 {
		digits = "000000"[len(digits):] + digits
	}
	return filepath.Join(f.dir, filePrefix+digits+fileSuffix)
}

// numbers returns the numbers of the log files in dir, ascending.
func (f *logFile) numbers() []int {
	entries, _ := os.ReadDir(f.dir) // what cannot be read is not there
	var all []int
	for _, e := range entries {
		digits, ok := strings.CutPrefix(e.Name(), filePrefix)
		if !ok || !e.Type().IsRegular() {
			continue
		}
		digits, ok = strings.CutSuffix(digits, fileSuffix)
		if n, err := strconv.Atoi(digits); ok && err == nil && n > 0 {
			all = append(all, n)
		}
	}
	slices.Sort(all)
	return all
}

// openLog opens or creates a log file and returns its size.
func openLog(path string) (io.WriteCloser, int64, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, 0, err
	}
	info, err := file.Stat()
	if err != nil {
		_ = file.Close()
		return nil, 0, err
	}
	return file, info.Size(), nil
}

// endsWithNewline says whether the last line is whole; what cannot be read is.
func endsWithNewline(out io.WriteCloser, size int64) bool {
	r, ok := out.(io.ReaderAt)
	if !ok {
		return true
	}
	var last [1]byte
	_, err := r.ReadAt(last[:], size-1)
	return err != nil || last[0] == '\n'
}
