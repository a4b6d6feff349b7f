// Package datadir is the data directory of a client: the device id, small caches,
// the files of accounts, log files, and the room on its disk. Several processes
// may use one directory at the same time; each has a place in it of its own.
//
//	<dir>/lock, lock.2, …          held by the process that has this place
//	<dir>/device_id                32 hex digits, of all of them
//	<dir>/logs/, logs/2/, …        written by package journal
//	<dir>/cache/<name>             answers worth keeping, such as the LBS's
//	<dir>/accounts/<account>/res   and image, audio, video: received files
//
// Every access below the directory goes through an os.Root, so no link planted
// in it leads out of it.
package datadir

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"

	"github.com/libnim/libnim/internal/nimerr"
)

// product names the directory of programs that give none.
const product = "libnim"

const lockName = "lock"

// places bounds how many processes may use one directory at the same time.
const places = 64

// A Dir is an open data directory. Its methods may be called from any
// goroutine.
type Dir struct {
	path   string // absolute
	root   *os.Root
	lock   *os.File
	place  int  // from 1
	locked bool // false: the file system knows no locks

	writing sync.Mutex // held while a file is replaced; Close does not wait for it

	mu       sync.Mutex
	deviceID string // "": not read yet
	low      bool   // the last SpaceNotice was that the disk is nearly full
}

// Resolve returns the absolute path that Open uses for path. The program's
// data directory may be given in three ways, as the NIM SDK takes it:
//   - a path: used as it is, relative to the working directory;
//   - a bare name, such as MyApp: a directory of this name for the user;
//   - nothing: the same with the name libnim.
//
// The user's directory is os.UserConfigDir, except on Windows, where it is
// %LocalAppData%: a roaming profile would carry the device id to other machines.
func Resolve(path string) (string, *nimerr.Error) {
	if path == "" {
		path = product
	}
	if path != "." && path != ".." && !filepath.IsAbs(path) && !strings.ContainsAny(path, `/\:`) {
		user, err := userDir()
		if err != nil {
			return "", nimerr.DataDirUnusable.Wrap(err)
		}
		path = filepath.Join(user, path)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", nimerr.DataDirUnusable.Wrap(err)
	}
	return abs, nil
}

// UserDir returns the directory of the user in which Resolve puts bare names, ""
// if there is none.
func UserDir() string {
	dir, err := userDir()
	if err != nil {
		return ""
	}
	return dir
}

func userDir() (string, error) {
	if runtime.GOOS == "windows" {
		return os.UserCacheDir() // %LocalAppData%
	}
	return os.UserConfigDir()
}

// Open makes the directory if it is missing, for this user only, and takes a
// place in it until Close. path is read by Resolve. A directory whose places are
// all taken gives data_dir_locked; one that cannot be made or written gives
// data_dir_unusable.
func Open(path string) (*Dir, *nimerr.Error) {
	abs, unusable := Resolve(path)
	if unusable != nil {
		return nil, unusable
	}
	if err := os.MkdirAll(abs, 0o700); err != nil {
		return nil, nimerr.DataDirUnusable.Wrap(err)
	}
	root, err := os.OpenRoot(abs)
	if err != nil {
		return nil, nimerr.DataDirUnusable.Wrap(err)
	}
	d := &Dir{path: abs, root: root}
	if err := d.takePlace(); err != nil {
		_ = root.Close()
		return nil, err
	}
	return d, nil
}

// takePlace takes the first place that no process has.
func (d *Dir) takePlace() *nimerr.Error {
	for d.place = 1; d.place <= places; d.place++ {
		lock, err := d.root.OpenFile(numbered(lockName, ".", d.place), os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nimerr.DataDirUnusable.Newf("%s: %v", d.path, err)
		}
		err = acquire(lock)
		if err == nil || errors.Is(err, errNoLocks) {
			d.lock, d.locked = lock, err == nil
			return nil
		}
		_ = lock.Close()
		if !errors.Is(err, errHeld) {
			return nimerr.DataDirUnusable.Newf("%s: %v", d.path, err)
		}
	}
	return nimerr.DataDirLocked.Newf("%d processes use %s", places, d.path)
}

// numbered is the name of what a place has for itself; the first has the bare one.
func numbered(name, separator string, place int) string {
	if place == 1 {
		return name
	}
	return name + separator + strconv.Itoa(place)
}

// Close gives the place back. The other methods fail afterwards. Close may be called again.
func (d *Dir) Close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.lock == nil {
		return
	}
	if d.locked {
		// Not left to closing the file: a child of fork has it open too.
		release(d.lock)
	}
	_ = d.lock.Close()
	_ = d.root.Close()
	d.lock = nil
}

// Path returns the absolute path of the directory.
func (d *Dir) Path() string { return d.path }

// LogDir returns the directory for the log files of this process. It may not exist
// yet.
func (d *Dir) LogDir() string {
	return filepath.Join(d.path, filepath.FromSlash(numbered("logs", "/", d.place)))
}

// Locked says whether the place is really kept from other processes. A
// file system without locks, as some network file systems are, is used all the
// same, and worth a line in the log.
func (d *Dir) Locked() bool { return d.locked }

// Results of acquire that are not failures of the disk.
var (
	errHeld    = errors.New("held by another process")
	errNoLocks = errors.New("the file system has no locks")
)
