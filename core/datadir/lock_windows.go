package datadir

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lockedByte is far behind the pid: a locked range cannot be read by others.
const lockedByte = 1 << 30

func overlapped() *windows.Overlapped { return &windows.Overlapped{Offset: lockedByte} }

// acquire takes the lock without waiting. The lock belongs to the handle, so a
// second Open in the same process does not get it either.
func acquire(lock *os.File) error {
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	err := windows.LockFileEx(windows.Handle(lock.Fd()), flags, 0, 1, 0, overlapped())
	switch {
	case errors.Is(err, windows.ERROR_LOCK_VIOLATION), errors.Is(err, windows.ERROR_IO_PENDING):
		return errHeld
	case errors.Is(err, windows.ERROR_NOT_SUPPORTED), errors.Is(err, windows.ERROR_INVALID_FUNCTION):
		return errNoLocks
	}
	return err
}

func release(lock *os.File) {
	_ = windows.UnlockFileEx(windows.Handle(lock.Fd()), 0, 1, 0, overlapped())
}
