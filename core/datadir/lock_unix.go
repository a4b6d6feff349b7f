//go:build unix

package datadir

import (
	"errors"
	"os"
	"syscall"
)

// acquire takes the lock without waiting. The lock belongs to the open file,
// so a second Open in the same process does not get it either.
func acquire(lock *os.File) error {
	for {
		err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EWOULDBLOCK):
			return errHeld
		case errors.Is(err, syscall.ENOSYS), errors.Is(err, syscall.ENOTSUP),
			errors.Is(err, syscall.EOPNOTSUPP), errors.Is(err, syscall.ENOLCK):
			return errNoLocks
		default:
			return err
		}
	}
}

func release(lock *os.File) { _ = syscall.Flock(int(lock.Fd()), syscall.LOCK_UN) }
