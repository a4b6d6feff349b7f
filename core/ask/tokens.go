package ask

import (
	"context"
	"sync"
	"time"

	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

const tokenSlot = abi.SlotClientReloginRequestToken

// Tokens is the host's token provider, as the session asks it. It is asked one
// question at a time.
type Tokens struct {
	Sink module.Sink

	mu     sync.Mutex
	forgot int    // how often everything that was asked before was forgotten
	late   string // of a provider that answered after its deadline
}

// Registered says whether the host has a provider.
func (t *Tokens) Registered() bool { return t.Sink.Registered(tokenSlot) }

// Ask blocks until the provider has answered, its deadline has passed or ctx is
// done. A provider that runs then may still answer: that token is for Late.
func (t *Tokens) Ask(ctx context.Context, r abi.TokenRequest) (string, error) {
	t.mu.Lock()
	forgot, expired := t.forgot, false
	t.mu.Unlock()
	answer := make(chan module.Reply, 1)
	done := func(r module.Reply) {
		t.mu.Lock()
		defer t.mu.Unlock()
		switch {
		case !expired:
			answer <- r
		case forgot == t.forgot && r.Text != "":
			t.late = r.Text
		}
	}
	if node, _ := t.Sink.Ask(abi.AskClientReloginRequestToken(abi.Raw(r.AppendJSON(nil))), done); node == 0 {
		return "", nil // unregistered meanwhile: the old token stays
	}
	limit := time.NewTimer(time.Duration(r.DeadlineMs) * time.Millisecond)
	defer limit.Stop()
	select {
	case a := <-answer:
		if a.Outcome == module.TakenBack {
			return "", nimerr.Cancelled.New("")
		}
		return a.Text, nil
	case <-ctx.Done():
		t.Forget()
		return "", nimerr.Cancelled.New("")
	case <-limit.C:
		t.mu.Lock()
		expired = true
		t.mu.Unlock()
		t.Sink.TakeBack(tokenSlot)
		return "", nimerr.TokenProviderTimeout.New("")
	}
}

// Late takes the token of a provider that answered after its deadline.
func (t *Tokens) Late() (string, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	late := t.late
	t.late = ""
	return late, late != ""
}

// Forget drops a late token and whatever is being asked.
func (t *Tokens) Forget() {
	t.mu.Lock()
	t.late = ""
	t.forgot++
	t.mu.Unlock()
	t.Sink.TakeBack(tokenSlot)
}
