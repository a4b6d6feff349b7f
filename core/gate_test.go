package core

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/libnim/libnim/internal/abi"
)

// lateSink holds the session up until Close has given up waiting, and counts
// what the session has to say afterwards.
type lateSink struct {
	*recorder
	armed atomic.Bool
	held  chan struct{} // closed when the session is held up
	hold  chan struct{}
	said  atomic.Int32
}

func (s *lateSink) Publish(status Status, _ string) {
	if status == StatusLoggingIn && s.armed.Swap(false) {
		close(s.held)
		<-s.hold
		s.said.Store(0) // this one was let in before the end
		return
	}
	s.said.Add(1)
}

func (s *lateSink) Clock(int64, bool) { s.said.Add(1) }
func (s *lateSink) Event(Event) int   { s.said.Add(1); return 0 }

func (s *lateSink) Registered() bool                                      { return false }
func (s *lateSink) Ask(context.Context, abi.TokenRequest) (string, error) { return "", nil }
func (s *lateSink) Late() (string, bool)                                  { return "", false }
func (s *lateSink) Forget()                                               { s.said.Add(1) }

// A session that ends only after Close has returned does not speak for the one
// that may run by then. It still answers its calls.
func TestALateSessionHasNoSay(t *testing.T) {
	o := options(t, nobody)
	late := &lateSink{recorder: newRecorder(t), held: make(chan struct{}), hold: make(chan struct{})}
	o.Sink, o.Tokens = late, late
	c, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	c.NetworkChanged() // the session has begun: what it publishes then is not meant
	late.armed.Store(true)
	call := late.open("login")
	c.Login(call, loginAs("alice", func(r *LoginRequest) { r.AppKey = "app" }))
	<-late.held
	c.Close(time.Millisecond)
	close(late.hold)
	<-c.Done()
	if n := late.said.Load(); n != 0 {
		t.Errorf("said %d things after its end", n)
	}
	late.mu.Lock()
	defer late.mu.Unlock()
	if name, open := late.calls[call]; open {
		t.Errorf("%s was not answered", name)
	}
}
