package core

import (
	"context"
	"sync/atomic"

	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/core/session"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// The host has one set of callbacks and getters for all sessions, and one token
// provider. So a session that ends later than Close waits for it has no say any
// more: the next one may be running. Its answers pass, since a call that was
// answered, or is another session's, cannot be meant by them.

// fencedSink is a session.Sink until shut is set.
type fencedSink struct {
	session.Sink
	shut *atomic.Bool
	slow *slowWatch
}

func (f fencedSink) Publish(status session.Status, account string) {
	if !f.shut.Load() {
		f.Sink.Publish(status, account)
	}
}

func (f fencedSink) Clock(serverMS int64, known bool) {
	if !f.shut.Load() {
		f.Sink.Clock(serverMS, known)
	}
}

func (f fencedSink) Post(p abi.Posting) (node uint64, backlog int) {
	if f.shut.Load() {
		return 0, 0
	}
	node, backlog = f.Sink.Post(p)
	f.slow.posted(node, backlog)
	return node, backlog
}

func (f fencedSink) Ask(q abi.Question, done func(module.Reply)) (node uint64, backlog int) {
	if f.shut.Load() {
		return 0, 0
	}
	return f.Sink.Ask(q, done)
}

func (f fencedSink) TakeBack(s abi.Slot) {
	if !f.shut.Load() {
		f.Sink.TakeBack(s)
	}
}

// fencedTokens is a TokenProvider until shut is set.
type fencedTokens struct {
	session.TokenProvider
	shut *atomic.Bool
}

func (f fencedTokens) Ask(ctx context.Context, r abi.TokenRequest) (string, error) {
	if f.shut.Load() {
		return "", nimerr.Cancelled.New(session.Stopping)
	}
	return f.TokenProvider.Ask(ctx, r)
}

func (f fencedTokens) Late() (string, bool) {
	if f.shut.Load() {
		return "", false
	}
	return f.TokenProvider.Late()
}

func (f fencedTokens) Forget() {
	if !f.shut.Load() {
		f.TokenProvider.Forget()
	}
}
