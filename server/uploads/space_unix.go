//go:build unix

package uploads

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// diskSpace returns what this process may still write to the disk of a
// directory, and how large that disk is.
func diskSpace(dir string) (free, size int64, err error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, 0, err
	}
	return int64(s.Bavail) * int64(s.Bsize), int64(s.Blocks) * int64(s.Bsize), nil
}

func diskFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
