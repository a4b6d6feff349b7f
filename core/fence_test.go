package core

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/libnim/libnim/core/session"
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

func (s *lateSink) Publish(status session.Status, _ string) {
	if status == session.StatusLoggingIn && s.armed.Swap(false) {
		close(s.held)
		<-s.hold
		s.said.Store(0) // this one was let in before the end
		return
	}
	s.said.Add(1)
}

func (s *lateSink) Clock(int64, bool)              { s.said.Add(1) }
func (s *lateSink) Post(abi.Posting) (uint64, int) { s.said.Add(1); return 0, 0 }

// lateTokens is its TokenProvider.
type lateTokens struct{ *lateSink }

func (lateTokens) Registered() bool { return false }

func (s lateTokens) Ask(context.Context, abi.TokenRequest) (string, error) { return "", nil }
func (s lateTokens) Late() (string, bool)                                  { return "", false }
func (s lateTokens) Forget()                                               { s.said.Add(1) }

// A session that ends only after Close has returned does not speak for the one
// that may run by then. It still answers its calls.
func TestALateSessionHasNoSay(t *testing.T) {
	o := options(t, nobody)
	late := &lateSink{recorder: newRecorder(), held: make(chan struct{}), hold: make(chan struct{})}
	o.Sink, o.Tokens = late, lateTokens{late}
	c, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	c.NetworkChanged() // the session has begun: what it publishes then is not meant
	late.armed.Store(true)
	call := late.open("login")
	c.Login(call, session.LoginRequest{AppKey: "app", Account: "alice", Token: "secret"})
	<-late.held
	c.Close(time.Millisecond)
	close(late.hold)
	<-c.Done()
	if n := late.said.Load(); n != 0 {
		t.Errorf("said %d things after its end", n)
	}
	if owed := late.owed(); len(owed) != 0 {
		t.Errorf("not answered: %q", owed)
	}
}
