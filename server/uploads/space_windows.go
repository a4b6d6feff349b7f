package uploads

import (
	"errors"

	"golang.org/x/sys/windows"
)

// diskSpace returns what this process may still write to the disk of a
// directory, and how large that disk is.
func diskSpace(dir string) (free, size int64, err error) {
	path, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, 0, err
	}
	var available, total uint64
	if err := windows.GetDiskFreeSpaceEx(path, &available, &total, nil); err != nil {
		return 0, 0, err
	}
	return int64(available), int64(total), nil
}

func diskFull(err error) bool { return errors.Is(err, windows.ERROR_DISK_FULL) }
