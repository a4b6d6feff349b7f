//go:build linux

package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/libnim/libnim/tests/nimdtest"
)

// Where the system gives a process few file descriptors or threads, init refuses
// and the process goes on: with more of them it logs in. Where init begins, there
// are enough for a session.
func TestInitWithFewResources(t *testing.T) {
	server := theServer(t)
	dir := openDir(t) // what is there can be run by another user
	lib := filepath.Join(products, "lib")
	must(t, nimdtest.Compile(products, "c/limits.c", "c/host.c", "-o", filepath.Join(dir, "limits"), "-L"+lib, "-lnim", "-Wl,-rpath,$ORIGIN"))
	library, err := os.ReadFile(filepath.Join(lib, "libnim.so"))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "libnim.so"), library, 0o755))
	for _, c := range []struct {
		limit   string // of bash's ulimit
		of      []int
		outcome string
	}{
		{"-n", []int{4, 5, 7, 8, 12, 18}, "refused"},
		{"-n", []int{19, 20, 21, 22, 24, 28, 32}, "begun or refused"},
		{"-u", []int{2, 3, 4, 6, 8}, "refused"},
		{"-u", []int{9, 10, 11, 12, 14, 16}, "begun or refused"},
	} {
		for _, n := range c.of {
			t.Run(fmt.Sprintf("ulimit %s %d", c.limit, n), func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				cmd := exec.CommandContext(ctx, "bash", "-c", fmt.Sprintf(`ulimit -S %s %d && exec "$@"`, c.limit, n), "bash",
					filepath.Join(dir, "limits"), server.Link, server.AppKey, account(t, server), "secret", openDir(t), c.outcome)
				if c.limit == "-u" { // counts what the user runs, and does not hold for root
					if os.Getuid() != 0 {
						t.Skip("only root can run a program as a user who runs nothing else")
					}
					id := uint32(20000 + os.Getpid()%20000)
					cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: id, Gid: id}}
				}
				out, err := cmd.CombinedOutput()
				if err != nil {
					t.Errorf("%v\n%.3000s", err, out)
				}
				t.Logf("%s", out)
			})
		}
	}
}

// openDir makes a directory that every user of the machine may write to.
func openDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.Chmod(filepath.Dir(dir), 0o755))
	must(t, os.Chmod(dir, 0o777))
	return dir
}
