package core

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libnim/libnim/core/journal"
	"github.com/libnim/libnim/core/module"
)

// A callback that does not return is a line in the log, one for each; a host that
// takes its time between callbacks that return is none.
func TestASlowCallbackIsLoggedOnce(t *testing.T) {
	j := journal.New(journal.Options{})
	defer j.Close()
	synctest.Test(t, func(t *testing.T) {
		ran := uint64(0)
		w := &slowWatch{journal: j, fate: func(node uint64) module.Fate {
			if node <= ran {
				return module.Ran
			}
			return module.Waits
		}}
		lines := func() int { return strings.Count(strings.Join(j.Trace(), "\n"), "callback_slow") }
		for node := uint64(1); node <= 5; node++ { // each returns, long before the next
			w.posted(node, 1)
			ran = node
			time.Sleep(time.Minute)
		}
		w.posted(6, 1)
		time.Sleep(slowAfter - time.Millisecond)
		w.posted(7, 2)
		if n := lines(); n != 0 {
			t.Errorf("%d lines for callbacks that return", n)
		}
		for range 5 {
			time.Sleep(time.Second)
			w.posted(8, 3)
		}
		if n := lines(); n != 1 {
			t.Errorf("%d lines for one that does not, want 1", n)
		}
		ran = 8
		w.posted(9, 1)
		time.Sleep(slowAfter)
		w.posted(0, 0) // nobody is registered: no callback
		w.posted(10, 2)
		if n := lines(); n != 2 {
			t.Errorf("%d lines for two, want 2", n)
		}
	})
}
