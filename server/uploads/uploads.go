// Package uploads stores the logs that clients hand to the operator, as plain
// files under one directory, within bounds that no client can pass.
package uploads

import (
	"encoding/base32"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/libnim/libnim/internal/nimerr"
)

// Limits of what is kept.
type Limits struct {
	File    int64 // bytes of one file
	Account int   // files of one account; the oldest go
	Total   int64 // bytes of all files; past it uploads are refused
	Reserve int64 // bytes of the disk that uploads leave free, at the most a tenth of it
}

// DefaultLimits are what nimd uses.
var DefaultLimits = Limits{File: 32 << 20, Account: 10, Total: 1 << 30, Reserve: 1 << 30}

// Store writes below one directory:
//
//	<dir>/<app>/<account>/<time>-<name>       app and account in base32
//	<dir>/<app>/<account>/<time>-<name>.txt   what the user said about it
type Store struct {
	dir    string
	limits Limits
	space  func(dir string) (free, size int64, err error) // of the disk

	mu      sync.Mutex
	total   int64 // bytes below dir, and those that open uploads have reserved
	open    map[string]*Upload
	counted time.Time // when the files were counted because there was no room
}

// recountAfter is how often, at the most, the files are counted anew when there
// is no room: the operator may have deleted some.
const recountAfter = time.Minute

// Open returns the store in dir, which it makes where it is missing.
func Open(dir string, limits Limits) (*Store, error) {
	s := &Store{dir: dir, limits: limits, space: diskSpace, open: map[string]*Upload{}}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := s.count(); err != nil {
		return nil, err
	}
	return s, nil
}

// count adds up the files, with what open uploads have reserved for theirs.
// Once the store is in use it is called with mu held.
func (s *Store) count() error {
	s.total = 0
	for _, u := range s.open {
		s.total += u.reserved
	}
	return filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		var info fs.FileInfo
		if err == nil {
			info, err = d.Info()
		}
		if errors.Is(err, fs.ErrNotExist) { // no directory yet, or a file that just went
			return nil
		}
		if err != nil || d.IsDir() || s.open[strings.TrimSuffix(path, feedbackSuffix)] != nil {
			return err
		}
		s.total += info.Size()
		return nil
	})
}

// Upload is one file that a client sends in parts. It is used by one goroutine.
type Upload struct {
	store    *Store
	path     string
	file     *os.File
	next     int
	size     int64
	reserved int64 // of the store's total, feedback included; guarded by its mu
}

// Begin starts a file for an account. now names it.
func (s *Store) Begin(app, account, name, feedback string, now time.Time) (*Upload, error) {
	u, err := s.create(filepath.Join(s.dir, encode(app), encode(account)), now.UTC().Format("20060102T150405.000000000")+"-"+safeName(name))
	if err != nil {
		return nil, failed(err)
	}
	if feedback != "" {
		if err := s.reserve(u, int64(len(feedback))); err != nil {
			u.Abandon()
			return nil, err
		}
		if err := os.WriteFile(u.path+feedbackSuffix, []byte(feedback), 0o600); err != nil {
			u.Abandon()
			return nil, failed(err)
		}
	}
	return u, nil
}

// failed tells a disk that is full, which passes, from one that is broken.
func failed(err error) error {
	if diskFull(err) {
		return noRoom(err)
	}
	return nimerr.From(err, nimerr.ServerError)
}

func noRoom(cause error) error {
	e := nimerr.ServerBusy.New("the server has no room for logs")
	e.RetryAfter, e.Cause = recountAfter, cause
	return e
}

// create opens a file in the place of the oldest of its account.
func (s *Store) create(dir, name string) (*Upload, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := s.leavesReserve(0); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.makeRoom(dir); err != nil {
		return nil, err
	}
	u := &Upload{store: s, path: filepath.Join(dir, name)}
	var err error
	if u.file, err = os.OpenFile(u.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600); err != nil {
		return nil, err
	}
	s.open[u.path] = u
	return u, nil
}

const feedbackSuffix = ".txt"

// Write adds the part with that number, which must be the next.
func (u *Upload) Write(part int, data []byte) error {
	if part != u.next {
		return nimerr.InvalidArgument.Newf("part: want %d", u.next)
	}
	if u.size += int64(len(data)); u.size > u.store.limits.File {
		return nimerr.InvalidArgument.Newf("data: the file is longer than %d bytes", u.store.limits.File)
	}
	if err := u.store.reserve(u, int64(len(data))); err != nil {
		return err
	}
	u.next++
	if _, err := u.file.Write(data); err != nil {
		return failed(err)
	}
	return nil
}

// Finish keeps the file, or abandons it when it cannot be closed.
func (u *Upload) Finish() error {
	if err := u.file.Close(); err != nil {
		u.Abandon()
		return failed(err)
	}
	u.store.mu.Lock()
	defer u.store.mu.Unlock()
	delete(u.store.open, u.path)
	return nil
}

// Abandon removes the file and what belongs to it.
func (u *Upload) Abandon() {
	_ = u.file.Close()
	_, _ = os.Remove(u.path), os.Remove(u.path+feedbackSuffix)
	u.store.mu.Lock()
	defer u.store.mu.Unlock()
	delete(u.store.open, u.path)
	u.store.total -= u.reserved
}

// reserve counts bytes that an upload is about to write.
func (s *Store) reserve(u *Upload, n int64) error {
	if err := s.leavesReserve(n); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.total+n > s.limits.Total && time.Since(s.counted) > recountAfter {
		s.counted = time.Now()
		if err := s.count(); err != nil {
			return nimerr.ServerError.Wrap(err)
		}
	}
	if s.total+n > s.limits.Total {
		return noRoom(nil)
	}
	s.total += n
	u.reserved += n
	return nil
}

// leavesReserve returns an error where n more bytes would take from the disk
// what uploads have to leave: what the server itself keeps may be on it.
func (s *Store) leavesReserve(n int64) error {
	free, size, err := s.space(s.dir)
	if err != nil {
		return nimerr.ServerError.Wrap(err)
	}
	if reserve := min(s.limits.Reserve, size/10); free-n < reserve {
		return noRoom(fmt.Errorf("%d bytes are free on the disk of %s, of which %d stay free", free, s.dir, reserve))
	}
	return nil
}

// makeRoom removes the oldest files of an account until one more may be there.
// Those that are being written stay. mu is held.
func (s *Store) makeRoom(dir string) error {
	entries, err := os.ReadDir(dir) // sorted by name, which begins with the time
	if err != nil {
		return err
	}
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return strings.HasSuffix(e.Name(), feedbackSuffix) })
	surplus := len(entries) - s.limits.Account + 1
	for _, e := range entries {
		if path := filepath.Join(dir, e.Name()); surplus > 0 && s.open[path] == nil {
			s.remove(path)
			surplus--
		}
	}
	if surplus > 0 {
		return nimerr.ServerBusy.New("too many logs of this account are being uploaded")
	}
	return nil
}

// remove takes a file away that is complete. mu is held.
func (s *Store) remove(path string) {
	for _, p := range []string{path, path + feedbackSuffix} {
		if info, err := os.Stat(p); err == nil && os.Remove(p) == nil {
			s.total -= info.Size()
		}
	}
}

// safeName makes a client's file name harmless: it never leaves the directory
// and never looks like feedback.
func safeName(name string) string {
	keep := func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '.', r == '-', r == '_':
			return r
		}
		return '_'
	}
	name = strings.Map(keep, filepath.Base(name))
	return fmt.Sprintf("%.64s.log", strings.TrimSuffix(name, ".log"))
}

func encode(s string) string {
	return base32.HexEncoding.WithPadding(base32.NoPadding).EncodeToString([]byte(s))
}
