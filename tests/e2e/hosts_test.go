package e2e

import (
	"bytes"
	"context"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// hostPrograms compiles the small hosts, once.
var hostPrograms = sync.OnceValue(func() error {
	for _, name := range []string{"leave", "churn", "sweep", "fork"} {
		if err := compile(name, name+".c", "host.c"); err != nil {
			return err
		}
	}
	return nil
})

// host prepares a run of a small host with an account of its own.
func host(t *testing.T, ctx context.Context, name, dir string, more ...string) *exec.Cmd {
	t.Helper()
	must(t, hostPrograms())
	server := theServer(t)
	args := append([]string{server.Link, server.AppKey, account(t, server), "secret", dir}, more...)
	return program(ctx, name, args...)
}

// runHost runs one to its end and reports the checks that failed.
func runHost(t *testing.T, limit time.Duration, name string, more ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	out, err := host(t, ctx, name, t.TempDir(), more...).CombinedOutput()
	t.Logf("%s", out)
	if err != nil || ctx.Err() != nil {
		t.Errorf("%s: %v, %v", name, err, ctx.Err())
	}
	for line := range strings.Lines(string(out)) {
		if !strings.HasPrefix(line, "ok ") && !strings.HasPrefix(line, "after ") {
			t.Errorf("%s", line)
		}
	}
}

func TestEveryFunctionTakesAnything(t *testing.T) { runHost(t, 2*time.Minute, "sweep") }

func TestFork(t *testing.T) { runHost(t, time.Minute, "fork") }

func TestChurn(t *testing.T) { runHost(t, 5*time.Minute, "churn", "1000") }

// leavings is how often a process that is online ends, in each way.
const leavings = 200

// A process that is online, with callbacks flowing, ends at once, cleaned up
// or not.
func TestLeaving(t *testing.T) {
	for _, c := range []struct {
		how   string
		limit time.Duration // from "leaving" to the end of the process; 0: not bounded here
		runs  int
	}{
		{"exit", 300 * time.Millisecond, leavings},
		{"return", 300 * time.Millisecond, leavings / 4},
		{"quick", 300 * time.Millisecond, leavings / 4},
		{"cleanup", 0, leavings},
		{"cleanup2", 0, leavings / 4},
		{"logout", 0, leavings / 4},
	} {
		t.Run(c.how, func(t *testing.T) {
			dir := t.TempDir()
			var took []time.Duration
			for range c.runs {
				took = append(took, leave(t, dir, c.how))
			}
			slices.Sort(took)
			t.Logf("%d runs: median %v, longest %v", c.runs, took[c.runs/2], took[c.runs-1])
			if longest := took[c.runs-1]; c.limit > 0 && longest > c.limit {
				t.Errorf("a process took %v to exit, at most %v", longest, c.limit)
			}
		})
	}
}

// leave runs one process and returns how long its last step took.
func leave(t *testing.T, dir, how string) time.Duration {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
	defer cancel()
	cmd := host(t, ctx, "leave", dir, how)
	out := &marker{text: "leaving\n"}
	cmd.Stdout, cmd.Stderr = out, out
	err := cmd.Run()
	if err != nil || out.at.IsZero() || strings.Contains(out.all.String(), "not ok") {
		t.Fatalf("%s: %v, %v\n%s", how, err, ctx.Err(), out.all.String())
	}
	return time.Since(out.at)
}

// marker notes when a text was written to it.
type marker struct {
	text string
	at   time.Time
	all  bytes.Buffer
}

func (m *marker) Write(p []byte) (int, error) {
	m.all.Write(p)
	if m.at.IsZero() && strings.Contains(m.all.String(), m.text) {
		m.at = time.Now()
	}
	return len(p), nil
}
