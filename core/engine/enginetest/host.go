// Package enginetest gives the tests of the modules on the engine a real engine,
// with the store of an account that is logged in and away from its server, and a
// host that remembers what it was answered.
package enginetest

import (
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/engine"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/core/store"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// Self is the account.
const Self = "me"

// A Host is the program, which hears everything.
type Host struct {
	Engine *engine.Engine

	t       *testing.T
	mu      sync.Mutex
	changed chan struct{} // closed with the next answer or callback
	next    module.Call
	answers map[module.Call]abi.Posting
	posts   []abi.Posting
}

// New starts an engine that the test's end stops, with a store that open makes.
func New(t *testing.T, open store.Opener) *Host {
	h := &Host{t: t, changed: make(chan struct{}), answers: map[module.Call]abi.Posting{}}
	path := filepath.Join(t.TempDir(), "m.db")
	h.Engine = engine.New(engine.Env{
		Open: func(module.Account) (store.Store, func(), error, error) {
			s, problem := open(store.Options{Path: path, Self: Self})
			return s, nil, problem, nil
		},
		Sink: sink{h}, Wall: time.Now, NewID: func() string { return "made" },
	})
	h.Engine.Start(session{sink{h}})
	ready := make(chan *nimerr.Error, 1)
	h.Engine.Accepted(module.Account{ID: Self, Device: "d", Gate: &module.Gate{}}, func(err *nimerr.Error) { ready <- err })
	if err := <-ready; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		closed := make(chan struct{})
		h.Engine.Close(time.Now().Add(time.Minute), func() { close(closed) })
		<-closed
		h.Engine.Stop()
		<-h.Engine.Done()
	})
	return h
}

// Ask makes a call and returns its answer.
func (h *Host) Ask(do func(call module.Call)) abi.Posting {
	h.t.Helper()
	h.mu.Lock()
	h.next++
	call := h.next
	h.mu.Unlock()
	do(call)
	h.until(func() bool { _, ok := h.answers[call]; return ok })
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.answers[call]
}

// Ack is the acknowledgement of a message.
func (h *Host) Ack(id string) (ack gjson.Result) {
	h.t.Helper()
	h.until(func() bool {
		for i := range h.posts {
			if h.posts[i].Slot() == abi.SlotTalkAck {
				if ack = Object(&h.posts[i], 0); ack.Get("msg_id").Str == id {
					return true
				}
			}
		}
		return false
	})
	return ack
}

// Object is a text argument of an answer.
func Object(p *abi.Posting, i int) gjson.Result {
	if p.Text(i) == nil {
		return gjson.Result{}
	}
	return gjson.ParseBytes(p.Text(i).AppendJSON(nil))
}

// Why is what an answer says of its error, in the last of its texts; "": nothing.
func Why(p *abi.Posting) string {
	for i := 4; i >= 0; i-- {
		if o := Object(p, i); o.Get("err_msg").Exists() {
			return o.Get("err_msg").Str
		}
	}
	return ""
}

// Answer answers a call whose callback the module leaves to its caller.
func (h *Host) Answer(call module.Call, p abi.Posting) { sink{h}.Answer(call, p, true) }

func (h *Host) until(ok func() bool) {
	h.t.Helper()
	limit := time.After(30 * time.Second)
	for {
		h.mu.Lock()
		found, changed := ok(), h.changed
		h.mu.Unlock()
		if found {
			return
		}
		select {
		case <-changed:
		case <-limit:
			h.t.Fatal("no answer")
		}
	}
}

func (h *Host) happened() {
	close(h.changed)
	h.changed = make(chan struct{})
}

// A sink is what the engine sees of the host, and of a session that is never on
// line.
type sink struct{ *Host }

func (s sink) Answer(call module.Call, p abi.Posting, _ bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, twice := s.answers[call]; twice && call != 0 {
		s.t.Errorf("call %d is answered twice", call)
	}
	s.answers[call] = p
	s.happened()
}

func (s sink) Post(p abi.Posting) (uint64, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.posts = append(s.posts, p)
	s.happened()
	return uint64(len(s.posts)), 0
}

func (sink) Fate(uint64) module.Fate                            { return module.Ran }
func (sink) Ask(abi.Question, func(module.Reply)) (uint64, int) { return 0, 0 }
func (sink) TakeBack(abi.Slot)                                  {}
func (sink) Registered(abi.Slot) bool                           { return true }
func (sink) WaitRoom(int)                                       {}
func (sink) Run(func())                                         { panic("not used") }
func (sink) Info(*nimerr.Error) abi.ErrorInfo                   { panic("not used") }

func (sink) Do(_ backend.Request, _ time.Duration, done func(backend.Result)) {
	done(backend.Result{Outcome: backend.NotSent, Err: nimerr.ConnectionLost.New("")})
}

// A session answers through the sink.
type session struct{ sink }

func (session) Post(abi.Posting)                      { panic("not used") }
func (session) Answer(module.Call, abi.Posting, bool) { panic("not used") }
