//go:build linux

package e2e

import (
	"context"
	"testing"
	"time"
)

// Timers of 1 ms and storms of SIGCHLD meet handlers without SA_ONSTACK, set before
// and after the library was loaded, while it is initialised, logs in, and is cleaned
// up: the process lives.
func TestSignalHandlersWithoutAStackOfTheirOwn(t *testing.T) {
	if err := compile("signals", "signals.c"); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"alrm", "vtalrm", "prof", "chld"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			out, err := program(ctx, "signals", kind, "4", t.TempDir()).CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %.2000s", err, out)
			}
			t.Logf("%s", out)
		})
	}
}
