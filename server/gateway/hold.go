package gateway

import (
	"sync"
	"time"

	"github.com/tidwall/gjson"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/internal/wire"
)

// Bounds of holds.
const (
	holdTime = 10 * time.Second // for a client that gives the refused message up
	maxHolds = 256              // of one connection
)

// holdList are the conversations in which a message of this connection was refused
// for now: what its client sent after it would overtake it, so that is refused
// alike until the message comes again.
type holdList struct {
	mu sync.Mutex
	by map[string]hold // by lane
}

type hold struct {
	message string // client_msg_id
	err     *nimerr.Error
	until   time.Time
}

// begin holds a lane.
func (h *holdList) begin(lane, message string, err *nimerr.Error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.by == nil {
		h.by = map[string]hold{}
	}
	if len(h.by) < maxHolds && message != "" {
		h.by[lane] = hold{message, err, time.Now().Add(max(holdTime, 2*err.RetryAfter))}
	}
}

// check returns why a message may not be stored now, or ends the hold.
func (h *holdList) check(lane, message string) *nimerr.Error {
	h.mu.Lock()
	defer h.mu.Unlock()
	held, found := h.by[lane]
	if found && held.message != message && time.Now().Before(held.until) {
		return held.err
	}
	delete(h.by, lane)
	return nil
}

// Hold refuses what the client sends to the conversation after this request,
// until the message comes again.
func (r *Request) Hold(message string, err *nimerr.Error) {
	if r.hold != nil {
		r.hold(message, err)
	}
}

// firstMessage is the id of the first message that a request carries.
func firstMessage(f wire.Frame) string {
	return gjson.GetBytes(f.Body, "messages.0.client_msg_id").Str
}
