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
}

// DefaultLimits are what nimd uses.
var DefaultLimits = Limits{File: 32 << 20, Account: 10, Total: 1 << 30}

// Store writes below one directory:
//
//	<dir>/<app>/<account>/<time>-<name>       app and account in base32
//	<dir>/<app>/<account>/<time>-<name>.txt   what the user said about it
type Store struct {
	dir    string
	limits Limits

	mu    sync.Mutex
	total int64 // bytes below dir; guarded by mu
}

// Open returns the store in dir, which need not exist.
func Open(dir string, limits Limits) (*Store, error) {
	s := &Store{dir: dir, limits: limits}
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		s.total += info.Size()
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return s, nil
}

// Upload is one file that a client sends in parts. It is used by one goroutine.
type Upload struct {
	store *Store
	path  string
	file  *os.File
	next  int
	size  int64
}

// Begin starts a file for an account. now names it.
func (s *Store) Begin(app, account, name, feedback string, now time.Time) (*Upload, error) {
	dir := filepath.Join(s.dir, encode(app), encode(account))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nimerr.ServerError.Wrap(err)
	}
	if err := s.makeRoom(dir); err != nil {
		return nil, nimerr.ServerError.Wrap(err)
	}
	path := filepath.Join(dir, now.UTC().Format("20060102T150405.000000000")+"-"+safeName(name))
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nimerr.ServerError.Wrap(err)
	}
	u := &Upload{store: s, path: path, file: f}
	if feedback != "" {
		if err := s.reserve(int64(len(feedback))); err != nil {
			u.Abandon()
			return nil, err
		}
		if err := os.WriteFile(path+feedbackSuffix, []byte(feedback), 0o600); err != nil {
			u.Abandon()
			return nil, nimerr.ServerError.Wrap(err)
		}
	}
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
	if err := u.store.reserve(int64(len(data))); err != nil {
		return err
	}
	u.next++
	if _, err := u.file.Write(data); err != nil {
		return nimerr.ServerError.Wrap(err)
	}
	return nil
}

// Finish keeps the file.
func (u *Upload) Finish() error {
	if err := u.file.Close(); err != nil {
		return nimerr.ServerError.Wrap(err)
	}
	return nil
}

// Abandon removes the file and what belongs to it.
func (u *Upload) Abandon() {
	_ = u.file.Close()
	u.store.remove(u.path)
}

// reserve counts bytes that are about to be written.
func (s *Store) reserve(n int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.total+n > s.limits.Total {
		return nimerr.ServerBusy.New("the server has no room for logs")
	}
	s.total += n
	return nil
}

// makeRoom removes the oldest files of an account until one more may be there.
// Two uploads of an account at once can leave one too many.
func (s *Store) makeRoom(dir string) error {
	entries, err := os.ReadDir(dir) // sorted by name, which begins with the time
	if err != nil {
		return err
	}
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return strings.HasSuffix(e.Name(), feedbackSuffix) })
	for len(entries) >= s.limits.Account {
		s.remove(filepath.Join(dir, entries[0].Name()))
		entries = entries[1:]
	}
	return nil
}

func (s *Store) remove(path string) {
	for _, p := range []string{path, path + feedbackSuffix} {
		info, err := os.Stat(p)
		if err != nil || os.Remove(p) != nil {
			continue
		}
		s.mu.Lock()
		s.total -= info.Size()
		s.mu.Unlock()
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
