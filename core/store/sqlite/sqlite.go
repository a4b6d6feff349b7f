// Package sqlite keeps an account's messages in SQLite: package store says what,
// and how it may be called. It is C, so only internal/cabi and tests import it.
//
// The driver's own connections are used, without a pool: one that writes, one
// that reads pages, and one that searches, opened by the first search. In WAL
// mode none of them waits for another. Where a file system or a full disk does
// not permit that, and in memory, one connection does all.
package sqlite

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/libnim/libnim/core/store"
)

// Open is a store.Opener.
func Open(o store.Options) (store.Store, error) {
	if missingTag != "" {
		return nil, fmt.Errorf("%w: %s", store.ErrUnusable, missingTag)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Path == "" {
		return inMemory(o, nil)
	}
	d, err := openFile(o)
	if errors.Is(err, store.ErrDamaged) {
		name, failed := setAside(o.Path, o.Now())
		if failed != nil {
			return inMemory(o, fmt.Errorf("%w; %w", err, failed))
		}
		problem := fmt.Errorf("%w; it is now %s", err, name)
		if d, err = openFile(o); err != nil {
			return inMemory(o, fmt.Errorf("%w; then %w", problem, err))
		}
		return d, problem
	}
	if err != nil {
		return inMemory(o, err)
	}
	return d, nil
}

// inMemory opens what goes with Close, since the file has a problem.
func inMemory(o store.Options, problem error) (store.Store, error) {
	c, err := connect("file::memory:?_mutex=no")
	if err != nil {
		return nil, errors.Join(problem, err)
	}
	d := &database{self: o.Self, now: o.Now, writer: c, reader: c, searcher: c}
	if d.sealer, err = unlock(c, ""); err != nil {
		_ = c.close()
		return nil, errors.Join(problem, err)
	}
	return d, problem
}

// openFile opens the file, or makes it.
func openFile(o store.Options) (*database, error) {
	if err := touch(o.Path); err != nil {
		return nil, err
	}
	d, err := openShared(o)
	if errors.Is(err, store.ErrFull) || errors.Is(err, store.ErrUnusable) {
		// The index of the WAL that connections share could not be made: the disk
		// is full, or its file system has no shared memory.
		if alone, failed := openAlone(o); failed == nil {
			return alone, nil
		}
	}
	return d, err
}

// touch makes the file, for this user only.
func touch(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return unusable(err)
	}
	return f.Close()
}

// unusable leaves the path, which may name the account, out of an error.
func unusable(err error) error {
	if e, ok := errors.AsType[*os.PathError](err); ok {
		err = e.Err
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		err = e.Err
	}
	return fmt.Errorf("%w: %w", store.ErrUnusable, err)
}

const (
	// busyTimeout is for what is no client: a program that looks into the file.
	busyTimeout = "PRAGMA busy_timeout=2000;"

	pragmas = busyTimeout + `
PRAGMA synchronous=NORMAL; PRAGMA secure_delete=FAST; PRAGMA cell_size_check=ON; PRAGMA trusted_schema=OFF;
PRAGMA temp_store=MEMORY; PRAGMA wal_autocheckpoint=1000; PRAGMA journal_size_limit=8388608; `
)

// openShared opens the connection that writes and the one that reads.
func openShared(o store.Options) (*database, error) {
	w, err := connect(dsn(o.Path))
	if err != nil {
		return nil, err
	}
	d := &database{path: o.Path, self: o.Self, now: o.Now, writer: w}
	if err := d.prepare(o.Key); err != nil {
		_ = d.disconnect()
		return nil, err
	}
	if d.reader, err = d.another("PRAGMA cache_size=-2000"); err != nil {
		_ = d.disconnect()
		return nil, err
	}
	return d, nil
}

// openAlone opens one connection that keeps the index of the WAL to itself.
func openAlone(o store.Options) (*database, error) {
	c, err := connect(dsn(o.Path))
	if err != nil {
		return nil, err
	}
	d := &database{path: o.Path, self: o.Self, now: o.Now, writer: c, reader: c, searcher: c}
	if err = c.script("PRAGMA locking_mode=EXCLUSIVE"); err == nil {
		err = d.prepare(o.Key)
	}
	if err != nil {
		_ = d.disconnect()
		return nil, err
	}
	return d, nil
}

// prepare makes the connection that writes ready. The key comes before anything
// that could change the file.
func (d *database) prepare(key string) (err error) {
	if err = d.writer.script(pragmas + "PRAGMA cache_size=-2000"); err != nil {
		return err
	}
	if empty, err := d.writer.number("SELECT count(*) FROM sqlite_schema"); err != nil {
		return err
	} else if empty == 0 {
		err = d.writer.script("PRAGMA journal_mode=WAL")
		if err != nil {
			return err
		}
	}
	d.sealer, err = unlock(d.writer, key)
	return err
}

// another opens one more connection, which only reads.
func (d *database) another(size string) (*conn, error) {
	c, err := connect(dsn(d.path))
	if err != nil {
		return nil, err
	}
	err = c.script(pragmas + "PRAGMA query_only=ON;" + size)
	if err == nil {
		_, err = c.number("SELECT count(*) FROM sqlite_schema")
	}
	if err != nil {
		_ = c.close()
		return nil, err
	}
	return c, nil
}

// dsn names the file as a URI, in which no character of a path means anything.
func dsn(path string) string {
	path = filepath.ToSlash(path)
	if runtime.GOOS == "windows" && !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: "_mutex=no"}).String()
}

// setAside renames a file that cannot be read, with what SQLite keeps beside it,
// and returns the new name. Nothing is deleted but the index of the WAL, which
// SQLite makes anew.
func setAside(path string, now time.Time) (string, error) {
	to := path + ".damaged-" + now.UTC().Format("20060102T150405.000Z")
	for i := 2; exists(to); i++ {
		to = fmt.Sprintf("%s.damaged-%s-%d", path, now.UTC().Format("20060102T150405.000Z"), i)
	}
	if err := os.Rename(path, to); err != nil {
		return "", unusable(err)
	}
	if err := os.Rename(path+"-wal", to+"-wal"); err != nil && exists(path+"-wal") {
		// Left here it would be taken for the new file's.
		return "", unusable(err)
	}
	_ = os.Remove(path + "-shm")
	return filepath.Base(to), nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
