// Package datadir is the data directory of one client: who may use it, the
// device id, small caches, the files of accounts, and the room on its disk.
//
//	<dir>/lock                     held by the process that uses the directory
//	<dir>/device_id                32 hex digits
//	<dir>/logs/                    written by package journal
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

// A Dir is an open data directory. Its methods may be called from any
// goroutine.
type Dir struct {
	path   string // absolute
	root   *os.Root
	lock   *os.File
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

// Open makes the directory if it is missing, for this user only, and takes it
// for this process until Close. path is read by Resolve. A directory that is in
// use gives data_dir_locked with the pid of its user; one that cannot be made
// or written gives data_dir_unusable.
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
	lock, err := root.OpenFile(lockName, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		_ = root.Close()
		return nil, nimerr.DataDirUnusable.Newf("%s: %v", abs, err)
	}
	d := &Dir{path: abs, root: root, lock: lock}
	switch err := acquire(lock); {
	case err == nil:
		d.locked = true
		writeHolder(lock)
	case errors.Is(err, errHeld):
		holder := readHolder(lock)
		d.Close()
		return nil, nimerr.DataDirLocked.Newf("%s is in use by %s", abs, holder)
	case errors.Is(err, errNoLocks):
	default:
		d.Close()
		return nil, nimerr.DataDirUnusable.Newf("%s: %v", abs, err)
	}
	return d, nil
}

// Close gives the directory back; the same or another process may open it
// then. The other methods fail afterwards. Close may be called again.
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

// LogDir returns the directory for log files. It may not exist yet.
func (d *Dir) LogDir() string { return filepath.Join(d.path, "logs") }

// Locked says whether the directory is really kept from other processes. A
// file system without locks, as some network file systems are, is used all the
// same, and worth a line in the log.
func (d *Dir) Locked() bool { return d.locked }

// Results of acquire that are not failures of the disk.
var (
	errHeld    = errors.New("held by another process")
	errNoLocks = errors.New("the file system has no locks")
)

// writeHolder leaves the pid for the error message of another process. The
// lock is what counts: on a full disk the message knows no pid.
func writeHolder(lock *os.File) {
	if err := lock.Truncate(0); err == nil {
		_, _ = lock.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
}

// readHolder says who has the lock.
func readHolder(lock *os.File) string {
	var b [16]byte
	n, _ := lock.ReadAt(b[:], 0)
	pid, err := strconv.Atoi(strings.TrimSpace(string(b[:n])))
	switch {
	case err != nil:
		return "another process"
	case pid == os.Getpid():
		return "this process (pid " + strconv.Itoa(pid) + ")"
	}
	return "pid " + strconv.Itoa(pid)
}
