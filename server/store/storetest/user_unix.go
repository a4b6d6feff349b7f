//go:build unix

package storetest

import (
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

// owner is whom PostgreSQL runs as: it refuses root. Debian's package has made
// the user.
func owner() (uid, gid int, other bool) {
	if os.Getuid() != 0 {
		return 0, 0, false
	}
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			uid, err1 := strconv.Atoi(u.Uid)
			gid, err2 := strconv.Atoi(u.Gid)
			return uid, gid, err1 == nil && err2 == nil
		}
	}
	return 0, 0, false
}

func owned(dir string) error {
	if uid, gid, other := owner(); other {
		return os.Chown(dir, uid, gid)
	}
	return nil
}

func unprivileged(cmd *exec.Cmd) {
	if uid, gid, other := owner(); other {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	}
}
