package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"
)

// A Lock makes its holder the only one that opens a store, among all processes
// and all clients of this one. It is a file of its own beside the store, locked
// with fcntl, on Windows with LockFileEx; the end of the process gives it back.
type Lock struct {
	path string
	file *os.File
	once sync.Once
}

// held are the locks of this process: fcntl does not keep a process from itself,
// and closing any other descriptor of the file would lose the lock.
var held = struct {
	sync.Mutex
	until map[string]chan struct{} // closed by Release
}{until: map[string]chan struct{}{}}

// lockRetry is how often a lock that another process holds is asked for.
const lockRetry = 20 * time.Millisecond

var errHeld = errors.New("held by another")

// Acquire takes the lock of the store at path. It waits for whoever has it
// until ctx ends, then gives ErrInUse. A file system that has no locks is
// ErrUnusable.
func Acquire(ctx context.Context, path string) (*Lock, error) {
	path += ".lock"
	if err := claim(ctx, path); err != nil {
		return nil, err
	}
	l := &Lock{path: path}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		l.Release()
		return nil, fmt.Errorf("%w: %w", ErrUnusable, withoutPath(err))
	}
	l.file = file
	for {
		err := lockFile(file)
		if err == nil {
			return l, nil
		}
		if !errors.Is(err, errHeld) {
			l.Release()
			return nil, fmt.Errorf("%w: %w", ErrUnusable, err)
		}
		select {
		case <-ctx.Done():
			l.Release()
			return nil, ErrInUse
		case <-time.After(lockRetry):
		}
	}
}

// claim makes the caller the one of this process that may have the lock.
func claim(ctx context.Context, path string) error {
	for {
		held.Lock()
		until, taken := held.until[path]
		if !taken {
			held.until[path] = make(chan struct{})
			held.Unlock()
			return nil
		}
		held.Unlock()
		select {
		case <-until:
		case <-ctx.Done():
			return ErrInUse
		}
	}
}

// Release gives the lock back. The file stays: removing it would let two
// processes lock two files of one name.
func (l *Lock) Release() {
	l.once.Do(func() {
		if l.file != nil {
			unlockFile(l.file)
			_ = l.file.Close()
		}
		held.Lock()
		close(held.until[l.path])
		delete(held.until, l.path)
		held.Unlock()
	})
}

// withoutPath leaves the path out of an error, which may name the account.
func withoutPath(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}
