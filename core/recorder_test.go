package core

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/core/session"
	"github.com/libnim/libnim/internal/abi"
)

// A recorder is the Sink of a test: one line for every answer, and for the end of
// the synchronisation.
type recorder struct {
	mu    sync.Mutex
	log   []string
	news  chan struct{} // closed with the next line
	calls map[session.Call]string
}

func newRecorder() *recorder {
	return &recorder{calls: map[session.Call]string{}, news: make(chan struct{})}
}

// open registers a call that will be made.
func (r *recorder) open(name string) session.Call {
	r.mu.Lock()
	defer r.mu.Unlock()
	id := session.Call(len(r.log) + len(r.calls) + 1)
	for r.calls[id] != "" {
		id++
	}
	r.calls[id] = name
	return id
}

// add is called with mu held.
func (r *recorder) add(line string) {
	r.log = append(r.log, line)
	close(r.news)
	r.news = make(chan struct{})
}

// owed lists the calls without a final answer.
func (r *recorder) owed() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for _, name := range r.calls {
		out = append(out, name)
	}
	return out
}

// wait waits for a line that begins with want.
func (r *recorder) wait(t *testing.T, want string) {
	t.Helper()
	limit := time.After(10 * time.Second)
	for {
		r.mu.Lock()
		news := r.news
		for _, l := range r.log {
			if strings.HasPrefix(l, want) {
				r.mu.Unlock()
				return
			}
		}
		lines := fmt.Sprintf("%q", r.log)
		r.mu.Unlock()
		select {
		case <-news:
		case <-limit:
			t.Fatalf("no %q in %s", want, lines)
		}
	}
}

// Publish implements session.Sink.
func (r *recorder) Publish(session.Status, string) {}

// Clock implements session.Sink.
func (r *recorder) Clock(int64, bool) {}

// WaitRoom implements session.Sink.
func (r *recorder) WaitRoom(int) {}

func (r *recorder) Ask(abi.Question, func(module.Reply)) (uint64, int) { return 0, 0 }

func (r *recorder) TakeBack(abi.Slot) {}

// Registered implements session.Sink.
func (*recorder) Registered(abi.Slot) bool { return true }

// Fate implements session.Sink.
func (*recorder) Fate(uint64) module.Fate { return module.Waits }

// Post implements session.Sink.
func (r *recorder) Post(p abi.Posting) (node uint64, backlog int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.Slot() == abi.SlotDataSyncComplete && p.Number(0) == abi.DataSyncTypeUnreadMsg {
		r.add("synced")
	}
	return 0, 0
}

// Answer implements session.Sink.
func (r *recorder) Answer(id session.Call, answer abi.Posting, final bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	name := r.calls[id]
	if final {
		delete(r.calls, id)
	}
	switch p := answer.Text(0).(type) {
	case *abi.LoginResult:
		if p.LoginStep == abi.LoginStepLogin || p.ErrCode != 200 {
			r.add(strings.TrimSpace(fmt.Sprintf("%s %d %s%s", name, p.ErrCode, p.ErrName, map[bool]string{true: " retrying"}[p.Retrying])))
		}
	case *abi.LogoutResult:
		r.add(fmt.Sprintf("%s %d", name, p.ErrCode))
	case nil:
		r.add(fmt.Sprintf("%s %d", name, answer.Number(0)))
	}
}
