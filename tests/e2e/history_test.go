package e2e

import (
	"strings"
	"testing"
)

// checkHistory holds the rules that are true of every history, whatever the
// test did: it runs when a device has ended.
func checkHistory(t *testing.T, d *device) {
	t.Helper()
	var s historyState
	s.answers = map[uint64]int{}
	for _, e := range d.history {
		if fault := s.see(e, d.calls); fault != "" {
			t.Errorf("%s, event %d: %s: %s %s", d.name, e.At, fault, e.kind(), e.JSON.Raw)
		}
	}
	for tag, call := range d.calls {
		if n := s.answers[tag]; n != 1 {
			t.Errorf("%s: call %d (%s) was answered %d times", d.name, tag, call, n)
		}
	}
}

type historyState struct {
	answers map[uint64]int
	open    bool // an init has succeeded, and no cleanup has returned since
	closed  bool // a cleanup has returned, and no init has succeeded since
	ready   bool
	syncing bool // after ready: data syncs may come
	kicks   int  // since the last login answer
}

// see returns what is wrong with the next event.
func (s *historyState) see(e event, calls map[uint64]string) string {
	switch {
	case e.Violation != "":
		return e.Violation
	case e.CB == "":
		switch {
		case e.Ret == "init" && string(e.Value) == "1":
			if !s.open {
				*s = historyState{answers: s.answers, open: true}
			}
		case strings.HasPrefix(e.Ret, "cleanup"):
			s.open, s.closed, s.ready = false, true, false
		}
		return ""
	case s.closed && e.JSON.ErrCode != 20000 && e.Code != 20000 && e.CB != "destroy" && e.CB != "cleanup2":
		return "a callback after cleanup returned"
	}
	switch e.CB {
	case "login":
		if e.JSON.final() {
			s.answers[e.Tag]++
			s.kicks = 0
		} else if s.answers[e.Tag] > 0 {
			return "a step after the final answer"
		}
	case "logout", "answer", "time", "push", "proxy":
		s.answers[e.Tag]++
	case "cleanup2":
		s.answers[e.Tag]++
	case "kickout":
		if s.kicks++; s.kicks > 1 {
			return "a second kickout of one login"
		}
	case "data_sync":
		if !s.syncing {
			return "a data sync before ready"
		}
	case "multispot":
		if !s.ready {
			return "a device notice before ready"
		}
	case "connection":
		switch e.JSON.Event {
		case "ready":
			if s.ready && !e.JSON.Replay {
				return "ready twice"
			}
			s.ready, s.syncing = true, true
		case "not_ready":
			if !s.ready {
				return "not_ready without ready"
			}
			s.ready, s.syncing = false, false
		}
	}
	return ""
}
