package rarely

import (
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestOneLineAMinute(t *testing.T) {
	var out strings.Builder
	var l Log
	log := slog.New(slog.NewTextHandler(&out, nil))
	for range 100 {
		l.Warn(log, "refused", "cause", "busy")
	}
	if got := out.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "cause=busy times=1\n") {
		t.Errorf("logged %q", got)
	}
	if n := l.take(l.last.Add(time.Minute)); n != 100 {
		t.Errorf("the next line tells of %d, want 100", n)
	}
}
