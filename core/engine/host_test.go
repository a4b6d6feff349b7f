package engine

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/core/store"
	"github.com/libnim/libnim/core/store/sqlite"
	"github.com/libnim/libnim/internal/abi"
)

func openStore(path string) (store.Store, error) {
	return sqlite.Open(store.Options{Path: path, Self: me})
}

// A host is the program: it takes what is posted, one at a time.
type host struct {
	t     testing.TB
	delay func() time.Duration // of one callback; nil: none

	mu      sync.Mutex
	queue   []posting
	node    uint64
	ran     uint64
	cutFrom uint64 // nodes from here on that had not run were cut
	cut     uint64
	running bool
	closed  bool
	slots   map[abi.Slot]bool
	log     []posting
	answers map[module.Call]abi.Posting
	on      func(p abi.Posting)
	more    int                  // so much beside the queue it has not consumed
	stalled bool                 // it runs nothing
	filter  func(id string) bool // what the filters answer, by client id; nil: false
}

type posting struct {
	node uint64
	p    abi.Posting
	done func(module.Reply) // of a question
}

func newHost(t testing.TB) *host {
	return &host{t: t, slots: map[abi.Slot]bool{abi.SlotTalkReceive: true}, answers: map[module.Call]abi.Posting{}}
}

func (h *host) open() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = false
}

// Post implements Sink.
func (h *host) Post(p abi.Posting) (uint64, int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed && p.Slot() != abi.SlotTalkAck {
		return 0, 0
	}
	return h.add(p, nil)
}

// Ask implements Sink.
func (h *host) Ask(q abi.Question, done func(module.Reply)) (uint64, int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || !h.slots[q.Slot()] {
		return 0, 0
	}
	return h.add(q.Posting, done)
}

// TakeBack implements Sink.
func (h *host) TakeBack(s abi.Slot) { h.end(s, module.TakenBack) }

// end takes the questions of a slot out of the queue.
func (h *host) end(s abi.Slot, why module.Outcome) {
	h.mu.Lock()
	var ended []posting
	h.queue = slices.DeleteFunc(h.queue, func(p posting) bool {
		if p.done == nil || p.p.Slot() != s {
			return false
		}
		ended = append(ended, p)
		return true
	})
	h.mu.Unlock()
	for _, p := range ended {
		p.done(module.Reply{Outcome: why})
	}
}

func (h *host) add(p abi.Posting, done func(module.Reply)) (uint64, int) {
	h.node++
	h.queue = append(h.queue, posting{h.node, p, done})
	h.start()
	return h.node, len(h.queue) + h.more
}

func (h *host) start() {
	if !h.running && !h.stalled {
		h.running = true
		time.AfterFunc(h.wait(), h.step)
	}
}

// stall lets the host run nothing for a while, in which what a filter is asked
// expires. It returns the ids of those messages.
func (h *host) stall(d time.Duration) (expired []string) {
	h.mu.Lock()
	h.stalled = true
	h.mu.Unlock()
	time.Sleep(d / 2)
	h.mu.Lock()
	for _, p := range h.queue {
		if p.done != nil {
			expired = append(expired, object(p.p).Get("content.client_msg_id").Str)
		}
	}
	h.mu.Unlock()
	h.end(abi.SlotTalkMessageFilter, module.Expired)
	time.Sleep(d / 2)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stalled = false
	h.start()
	return expired
}

func (h *host) wait() time.Duration {
	if h.delay == nil {
		return 0
	}
	return h.delay()
}

// step runs one callback.
func (h *host) step() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.queue) == 0 || h.stalled {
		h.running = false
		return
	}
	p := h.queue[0]
	h.queue = h.queue[1:]
	h.log = append(h.log, p)
	h.ran = p.node
	if p.done != nil {
		r := module.Reply{}
		if !h.slots[p.p.Slot()] {
			r.Outcome = module.Nobody
		}
		f := h.filter
		h.mu.Unlock()
		if f != nil && r.Outcome == module.Given && f(object(p.p).Get("content.client_msg_id").Str) {
			r.Number = 1
		}
		p.done(r)
		h.mu.Lock()
	}
	if h.on != nil {
		on := h.on
		h.mu.Unlock()
		on(p.p)
		h.mu.Lock()
	}
	time.AfterFunc(h.wait(), h.step)
}

// cleanup cuts what waits, but the acknowledgements.
func (h *host) cleanup() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	h.cut = h.node
	h.cutFrom = h.ran + 1
	var left []posting
	for _, q := range h.queue {
		if q.p.Slot() == abi.SlotTalkAck {
			left = append(left, q)
		}
	}
	h.queue = left
}

// crash loses all that waits.
func (h *host) crash() {
	h.cleanup()
	h.mu.Lock()
	h.queue = nil
	h.mu.Unlock()
}

// Fate implements Sink.
func (h *host) Fate(node uint64) module.Fate {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case node >= h.cutFrom && node <= h.cut:
		return module.Cut
	case node <= h.ran:
		return module.Ran
	}
	return module.Waits
}

// Answer implements Sink.
func (h *host) Answer(call module.Call, p abi.Posting, final bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, twice := h.answers[call]; twice && call != 0 {
		h.t.Errorf("call %d is answered twice", call)
	}
	h.answers[call] = p
}

// Registered implements Sink.
func (h *host) Registered(s abi.Slot) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.slots[s]
}

func (h *host) register(s abi.Slot, on bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.slots[s] = on
}

// WaitRoom implements Sink.
func (h *host) WaitRoom(low int) {
	for {
		h.mu.Lock()
		n := len(h.queue) + h.more
		h.mu.Unlock()
		if n <= low {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// take returns what has run since the last time.
func (h *host) take() []abi.Posting {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []abi.Posting
	for _, p := range h.log {
		out = append(out, p.p)
	}
	h.log = nil
	return out
}

// messages are the objects that a posting brings.
func messages(p abi.Posting) []gjson.Result {
	switch p.Slot() {
	case abi.SlotTalkReceive:
		return []gjson.Result{object(p)}
	case abi.SlotTalkReceiveMsgs:
		return object(p).Array()
	}
	return nil
}

// object is the JSON text of a posting: its last text but the extension.
func object(p abi.Posting) gjson.Result {
	for i := 4; i >= 0; i-- {
		if t := p.Text(i); t != nil {
			return gjson.ParseBytes(t.AppendJSON(nil))
		}
	}
	return gjson.Result{}
}
