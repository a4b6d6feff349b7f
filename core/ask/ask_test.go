package ask

import (
	"context"
	"errors"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// A fakeHost runs a question when the test says so.
type fakeHost struct {
	*Desk
	absent bool

	mu    sync.Mutex // timers of the desk look into the queue too
	queue []entry
	seen  time.Time // it last did something
}

type entry struct {
	id    uint64
	slot  abi.Slot
	asked time.Time
}

func newHost() *fakeHost {
	h := &fakeHost{}
	h.Desk = NewDesk(hostQueue{h})
	return h
}

type hostQueue struct{ *fakeHost }

func (h hostQueue) Ask(id uint64, q *abi.Question) (uint64, int) {
	if h.absent {
		return 0, 0
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fakeHost.queue = append(h.fakeHost.queue, entry{id, q.Slot(), time.Now()})
	return id, len(h.fakeHost.queue)
}

func (h hostQueue) TakeBack(slot abi.Slot, idle time.Duration) (ids []uint64, next time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	next = -1
	var left []entry
	for _, e := range h.fakeHost.queue {
		since := e.asked
		if h.seen.After(since) {
			since = h.seen
		}
		if wait := idle - time.Since(since); e.slot != slot {
			left = append(left, e)
		} else if idle == 0 || wait <= 0 {
			ids = append(ids, e.id)
		} else {
			left = append(left, e)
			next = wait
		}
	}
	h.fakeHost.queue = left
	return ids, next
}

// begin takes the oldest question out of the queue, as when its callback begins.
func (h *fakeHost) begin() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	id := h.queue[0].id
	h.queue = h.queue[1:]
	h.seen = time.Now()
	return id
}

// The rest of module.Sink.
func (h *fakeHost) Post(abi.Posting) (uint64, int)        { return 0, 0 }
func (h *fakeHost) Answer(module.Call, abi.Posting, bool) {}
func (h *fakeHost) Fate(uint64) module.Fate               { return module.Ran }
func (h *fakeHost) Registered(abi.Slot) bool              { return !h.absent }
func (h *fakeHost) WaitRoom(int)                          {}

// pass lets a time pass, and what its timers began end.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func filter() abi.Question { return abi.AskTalkMessageFilter(abi.Raw("{}"), nil) }

func TestAnswerComesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost()
		var got []module.Reply
		h.Ask(filter(), func(r module.Reply) { got = append(got, r) })
		id := h.begin()
		h.Answered(id, module.Reply{Number: 1})
		h.Answered(id, module.Reply{})
		pass(time.Minute) // its watch ends
		if len(got) != 1 || got[0].Outcome != module.Given || got[0].Number != 1 {
			t.Errorf("got %v", got)
		}
	})
}

func TestNobodyRegistered(t *testing.T) {
	h := newHost()
	h.absent = true
	if node, _ := h.Ask(filter(), func(module.Reply) { t.Error("answered") }); node != 0 {
		t.Errorf("node %d", node)
	}
	if len(h.open) != 0 {
		t.Errorf("%d questions are left", len(h.open))
	}
}

// A host that does nothing is not waited for; one that works through its queue is,
// however long that takes.
func TestExpiresOnlyWhereTheHostDoesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost()
		var mu sync.Mutex // a timer's goroutine answers
		got := map[int]module.Outcome{}
		ask := func(i int) {
			h.Ask(filter(), func(r module.Reply) {
				mu.Lock()
				defer mu.Unlock()
				got[i] = r.Outcome
			})
		}
		answered := func() map[int]module.Outcome {
			mu.Lock()
			defer mu.Unlock()
			return maps.Clone(got)
		}
		for i := range 3 {
			ask(i)
		}
		pass(1900 * time.Millisecond)
		first := h.begin()
		pass(1900 * time.Millisecond)
		if outcomes := answered(); len(outcomes) != 0 {
			t.Fatalf("expired after 1.9 s: %v", outcomes)
		}
		pass(time.Second)
		if outcomes := answered(); len(outcomes) != 2 || outcomes[1] != module.Expired || outcomes[2] != module.Expired {
			t.Fatalf("after 2.9 s: %v", outcomes)
		}
		h.Answered(first, module.Reply{Number: 1}) // it ran meanwhile
		if outcomes := answered(); outcomes[0] != module.Given {
			t.Errorf("the one that ran: %v", outcomes[0])
		}
		pass(time.Minute)
		ask(3) // the watch begins again
		pass(3 * time.Second)
		if outcomes := answered(); outcomes[3] != module.Expired {
			t.Error("a question after a pause does not expire")
		}
	})
}

func TestTakeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost()
		var outcomes []module.Outcome
		for range 3 {
			h.Ask(filter(), func(r module.Reply) { outcomes = append(outcomes, r.Outcome) })
		}
		running := h.begin()
		h.TakeBack(abi.SlotTalkMessageFilter)
		if len(outcomes) != 2 || outcomes[0] != module.TakenBack {
			t.Errorf("got %v", outcomes)
		}
		h.Answered(running, module.Reply{})
		if len(outcomes) != 3 || outcomes[2] != module.Given {
			t.Errorf("the one that ran: %v", outcomes)
		}
		pass(time.Minute)
	})
}

func TestTokens(t *testing.T) {
	request := abi.TokenRequest{DeadlineMs: 1000}
	type result struct {
		token string
		err   error
	}
	ask := func(p *Tokens, ctx context.Context) chan result {
		c := make(chan result, 1)
		go func() {
			token, err := p.Ask(ctx, request)
			c <- result{token, err}
		}()
		synctest.Wait()
		return c
	}
	for name, run := range map[string]func(t *testing.T, h *fakeHost, p *Tokens){
		"given": func(t *testing.T, h *fakeHost, p *Tokens) {
			c := ask(p, context.Background())
			h.Answered(h.begin(), module.Reply{Text: "fresh"})
			if r := <-c; r.token != "fresh" || r.err != nil {
				t.Errorf("got %v", r)
			}
		},
		"nobody": func(t *testing.T, h *fakeHost, p *Tokens) {
			c := ask(p, context.Background())
			h.Answered(h.begin(), module.Reply{Outcome: module.Nobody})
			if r := <-c; r.token != "" || r.err != nil {
				t.Errorf("got %v", r)
			}
		},
		"late": func(t *testing.T, h *fakeHost, p *Tokens) {
			c := ask(p, context.Background())
			id := h.begin()
			if r := <-c; !errors.Is(r.err, nimerr.TokenProviderTimeout) {
				t.Errorf("got %v", r)
			}
			h.Answered(id, module.Reply{Text: "late"})
			if token, ok := p.Late(); !ok || token != "late" {
				t.Errorf("late: %q", token)
			}
			if _, ok := p.Late(); ok {
				t.Error("a late token is given twice")
			}
		},
		"never begun": func(t *testing.T, h *fakeHost, p *Tokens) {
			c := ask(p, context.Background())
			if r := <-c; !errors.Is(r.err, nimerr.TokenProviderTimeout) || len(h.queue) != 0 {
				t.Errorf("got %v, %d are queued", r, len(h.queue))
			}
		},
		"forgotten": func(t *testing.T, h *fakeHost, p *Tokens) {
			c := ask(p, context.Background())
			id := h.begin()
			<-c
			p.Forget()
			h.Answered(id, module.Reply{Text: "late"})
			if _, ok := p.Late(); ok {
				t.Error("what was forgotten is given late")
			}
		},
		"cancelled": func(t *testing.T, h *fakeHost, p *Tokens) {
			ctx, cancel := context.WithCancel(context.Background())
			c := ask(p, ctx)
			cancel()
			if r := <-c; !errors.Is(r.err, nimerr.Cancelled) || len(h.queue) != 0 {
				t.Errorf("got %v, %d are queued", r, len(h.queue))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHost()
				run(t, h, &Tokens{Sink: h})
			})
		})
	}
}
