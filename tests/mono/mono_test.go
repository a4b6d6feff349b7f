// Package mono runs a C# program on the built library: a Mono process that has
// had callbacks must still be able to exit.
package mono

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/libnim/libnim/tests/nimdtest"
)

const (
	runs      = 20
	exitLimit = 2 * time.Second // from the program's last line to the end of its process
	runLimit  = 30 * time.Second
)

func TestExit(t *testing.T) {
	products := os.Getenv("NIM_DIST")
	if products == "" {
		t.Skip("NIM_DIST is not set: run ./build.sh test mono")
	}
	dir := t.TempDir()
	program := filepath.Join(dir, "Exit.exe")
	if out, err := exec.Command("mcs", "-warnaserror", "-out:"+program, "Exit.cs").CombinedOutput(); err != nil {
		t.Fatalf("mcs: %v\n%s", err, out)
	}
	server, err := nimdtest.Start(filepath.Join(products, "bin", "nimd"), filepath.Join(dir, "nimd"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Kill() })
	for _, name := range []string{"push/return", "push/exit", "push/cleanup", "pull/return", "pull/exit", "pull/cleanup"} {
		t.Run(name, func(t *testing.T) {
			mode, how, _ := strings.Cut(name, "/")
			account := "mono-" + mode + "-" + how
			if err := server.AddAccount(account, "secret"); err != nil {
				t.Fatal(err)
			}
			var took []time.Duration
			for i := range runs {
				d, err := leave(t.Context(), filepath.Join(products, "lib"),
					program, server.Link, server.AppKey, account, "secret", filepath.Join(dir, account), how, mode)
				if err != nil {
					t.Fatalf("run %d: %v", i, err)
				}
				took = append(took, d)
			}
			slices.Sort(took)
			t.Logf("%d runs: median %v, longest %v", runs, took[runs/2], took[runs-1])
			if took[runs-1] > exitLimit {
				t.Errorf("a process took %v to exit, at most %v", took[runs-1], exitLimit)
			}
		})
	}
}

// leave runs the program once and returns how long it took to exit.
func leave(ctx context.Context, lib string, args ...string) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, runLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "mono", args...)
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+lib)
	out := &stamped{}
	cmd.Stdout, cmd.Stderr = out, out
	err := cmd.Run()
	ended := time.Now()
	if err != nil || out.last.IsZero() || !strings.HasPrefix(out.text.String(), "leaving") {
		return 0, fmt.Errorf("%w, %v: %s", err, ctx.Err(), out.text.String())
	}
	return ended.Sub(out.last), nil
}

// stamped notes when something was last written to it.
type stamped struct {
	text bytes.Buffer
	last time.Time
}

func (s *stamped) Write(p []byte) (int, error) {
	s.last = time.Now()
	return s.text.Write(p)
}
