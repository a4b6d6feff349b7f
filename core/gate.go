package core

import (
	"context"
	"sync/atomic"

	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// The host has one set of callbacks and getters for all sessions, and one token
// provider. So a session that ends later than Close waits for it has no say any
// more: the next one may be running. Its answers pass, since a call that was
// answered, or is another session's, cannot be meant by them.

// gatedSink is a Sink until shut is set.
type gatedSink struct {
	Sink
	shut *atomic.Bool
}

func (g gatedSink) Publish(status Status, account string) {
	if !g.shut.Load() {
		g.Sink.Publish(status, account)
	}
}

func (g gatedSink) Clock(serverMS int64, known bool) {
	if !g.shut.Load() {
		g.Sink.Clock(serverMS, known)
	}
}

func (g gatedSink) Event(e Event) int {
	if g.shut.Load() {
		return 0
	}
	return g.Sink.Event(e)
}

// gatedTokens is a TokenProvider until shut is set.
type gatedTokens struct {
	TokenProvider
	shut *atomic.Bool
}

func (g gatedTokens) Ask(ctx context.Context, r abi.TokenRequest) (string, error) {
	if g.shut.Load() {
		return "", nimerr.Cancelled.New(stopping)
	}
	return g.TokenProvider.Ask(ctx, r)
}

func (g gatedTokens) Late() (string, bool) {
	if g.shut.Load() {
		return "", false
	}
	return g.TokenProvider.Late()
}

func (g gatedTokens) Forget() {
	if !g.shut.Load() {
		g.TokenProvider.Forget()
	}
}
