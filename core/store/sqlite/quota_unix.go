//go:build unix

package sqlite

import "syscall"

func isQuota(e syscall.Errno) bool { return e == syscall.EDQUOT }
