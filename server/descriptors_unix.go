//go:build unix

package server

import "syscall"

// descriptors is how many files and sockets this process may have open.
func descriptors() int {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil || l.Cur > maxDescriptors {
		return maxDescriptors
	}
	return int(l.Cur)
}
