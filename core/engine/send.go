package engine

import (
	"cmp"
	"slices"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/journal"
	"github.com/libnim/libnim/core/message"
	"github.com/libnim/libnim/core/store"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

const (
	verdictAfter = 30 * time.Second // from the call to the acknowledgement, at the latest
	maxBatch     = 64               // messages of one request
	maxBatchSize = 256 << 10        // bytes of them
)

// sends are the messages that were accepted and are not acknowledged.
type sends map[store.Key]*outgoing

// An outgoing is one of them.
type outgoing struct {
	c       *conv
	order   uint64 // in which they were accepted
	wire    backend.Message
	row     store.Message
	verdict *time.Timer
	at      time.Time     // of the call
	held    time.Duration // account.held then
	limited bool          // the server has asked to send slower
	done    bool          // acknowledged
}

// A lane is the sends of one conversation. One request is on its way at a time,
// so they are stored in the order of the calls.
type lane struct {
	waiting []*outgoing
	flight  []*outgoing // of the request; nil: none
	single  int         // so many are sent one by one: their request was refused as a whole
	paused  bool        // until the server takes more
}

// Send accepts a message. Its end is an acknowledgement, exactly one.
func (e *Engine) Send(d *message.Draft) {
	size := 1024 + len(d.Wire.Body) + len(d.Wire.Content) + len(d.Row.Content)
	refuse := func(err *nimerr.Error) { e.RefuseSend(d, err) }
	taken := e.inbox.put(size, func() {
		e.withStore(func(a *account) {
			if err := a.accept(d); err != nil {
				refuse(err)
			}
		}, refuse)
	})
	if !taken {
		refuse(nimerr.Busy.New(""))
	}
}

// RefuseSend acknowledges a message that is not sent.
func (e *Engine) RefuseSend(d *message.Draft, err *nimerr.Error) {
	e.env.Sink.Post(ack(d.Wire.ClientID, d.Conv.ID, err, 0, ""))
}

// accept stores a message as sending, then puts it into its lane.
func (a *account) accept(d *message.Draft) *nimerr.Error {
	switch {
	case a.ended || a.closing != nil:
		return nimerr.NotLoggedIn.New("")
	case a.online != nil && !a.online.Server.Messages.Supported:
		return nimerr.ServerCannot.New("")
	}
	if err := d.CheckLimits(a.limits); err != nil {
		return err
	}
	row := d.Row
	row.Sender = a.ID
	if a.sends[row.Key] != nil {
		a.env.Journal.Add(journal.Warn, "send_joined", journal.Str("client_msg_id", row.ClientID))
		return nil
	}
	c := a.conv(d.Conv)
	row.Status, row.SubStatus, row.Seq, row.ServerID = store.StatusSending, 0, 0, 0
	row.Flags |= message.FlagHere
	row.Time = max(a.now(), c.row.LastTime+1)
	err := a.update(func(tx store.Tx) error {
		if err := c.ensure(tx); err != nil {
			return err
		}
		old, err := tx.Message(row.Key)
		if err != nil {
			return err
		}
		if old != nil { // sent again: it keeps its number
			row.Seq, row.ServerID = old.Seq, old.ServerID
			row.Flags |= old.Flags &^ (store.FlagGone | store.FlagAsking)
		}
		if _, err := tx.PutMessage(&row); err != nil {
			return err
		}
		c.show(&row)
		return c.save(tx)
	})
	if err != nil {
		a.reload(c)
		return err
	}
	a.order++
	out := &outgoing{c: c, order: a.order, wire: d.Wire, row: row, at: time.Now(), held: a.held()}
	a.sends[row.Key] = out
	out.verdict = a.after(verdictAfter, func() { c.expire(out) })
	c.lane.waiting = append(c.lane.waiting, out)
	c.tellChange()
	c.pumpSends()
	return nil
}

// pumpSends puts the next request of the lane on its way.
func (c *conv) pumpSends() {
	l := &c.lane
	if c.online == nil || l.flight != nil || l.paused || len(l.waiting) == 0 || c.closing != nil {
		return
	}
	n, size := 0, 0
	most := min(maxBatch, max(1, c.limits.SendBatch))
	if l.single > 0 {
		most = 1
		l.single--
	}
	for n < len(l.waiting) && n < most {
		w := &l.waiting[n].wire
		if size += len(w.Body) + len(w.Content) + 256; n > 0 && size > maxBatchSize {
			break
		}
		n++
	}
	l.flight = l.waiting[:n:n]
	l.waiting = l.waiting[n:]
	r := backend.Send{Conv: c.of, Messages: make([]backend.Message, n)}
	for i, out := range l.flight {
		r.Messages[i] = out.wire
	}
	c.request(r, verdictAfter, c.answered)
}

// answered takes the end of the request of the lane.
func (c *conv) answered(r backend.Result) {
	l := &c.lane
	flight := l.flight
	l.flight = nil
	body, _ := r.Body.(backend.Sent)
	switch {
	case r.Outcome == backend.Unknown && c.duplicates:
		// A second request would be a second message: what has arrived shows by
		// its own push or a pull, the rest is not acknowledged in time.
	case r.Outcome != backend.Answered && !unfit(r):
		// It is issued again when the session stands: an id that the server has
		// is answered with what it has.
		c.back(flight)
		if c.online != nil {
			c.pause(retryAfter)
		}
	case r.Err != nil && r.Err.Kind.Retryable:
		c.refusedForNow(flight, r.Err)
	case r.Err != nil && len(flight) > 1:
		l.single = len(flight)
		c.back(flight)
	case r.Err != nil:
		c.fail(flight[0], r.Err)
	default:
		c.results(flight, body.Results)
	}
	c.pumpSends()
}

// unfit says that the link has no form for the request: another try would end
// alike.
func unfit(r backend.Result) bool {
	return r.Outcome == backend.NotSent && r.Err != nil && (r.Err.Kind == nimerr.ServerCannot || r.Err.Kind == nimerr.InvalidArgument)
}

// results takes what became of each message; those behind the first refused one
// were not looked at.
func (c *conv) results(flight []*outgoing, list []backend.SentResult) {
	var good []*outgoing
	for i, out := range flight {
		if i >= len(list) || list[i].ClientID != out.wire.ClientID {
			break
		}
		if list[i].Err != nil {
			break
		}
		good = append(good, out)
	}
	c.succeedAll(good, list)
	n := len(good)
	rest := flight[n:]
	if n < len(list) && n < len(flight) && list[n].ClientID == flight[n].wire.ClientID {
		err := list[n].Err
		if err.Kind.Retryable {
			if err.RetryAfter == 0 {
				err.RetryAfter = list[n].Retry
			}
			c.refusedForNow(rest, err)
			return
		}
		c.fail(flight[n], err)
		rest = flight[n+1:]
	} else if n == 0 { // an answer that says nothing
		c.back(rest)
		c.pause(retryAfter)
		return
	}
	c.back(rest)
}

// refusedForNow tries again when the server says so.
func (c *conv) refusedForNow(flight []*outgoing, err *nimerr.Error) {
	for _, out := range flight {
		out.limited = err.Kind == nimerr.RateLimited || err.Kind == nimerr.SendTooFast
	}
	c.back(flight)
	c.pause(max(err.RetryAfter, 100*time.Millisecond))
}

// back puts what is not acknowledged yet in front of the lane.
func (c *conv) back(flight []*outgoing) {
	open := make([]*outgoing, 0, len(flight)+len(c.lane.waiting))
	for _, out := range flight {
		if !out.done {
			open = append(open, out)
		}
	}
	c.lane.waiting = append(open, c.lane.waiting...)
}

func (c *conv) pause(d time.Duration) {
	c.lane.paused = true
	c.after(d, func() {
		c.lane.paused = false
		c.pumpSends()
	})
}

// succeedAll stores, in one transaction, that the server has messages, then
// acknowledges them.
func (c *conv) succeedAll(good []*outgoing, list []backend.SentResult) {
	if len(good) == 0 {
		return
	}
	rows := make([]store.Message, len(good))
	were := make([]bool, len(good)) // what was told as failed before
	err := c.update(func(tx store.Tx) error {
		for i, out := range good {
			r := &list[i]
			m := out.row
			if now, err := tx.Message(m.Key); err != nil {
				return err
			} else if now != nil { // it may have been changed, or shown by its own push
				m = *now
			}
			were[i] = out.done && m.Status != store.StatusSent && m.Status != store.StatusReceipt
			if m.Status != store.StatusReceipt {
				m.Status = store.StatusSent
			}
			if r.Seq != 0 {
				m.Seq, c.line.Max = int64(r.Seq), max(c.line.Max, r.Seq)
				c.line.Hold(r.Seq, r.Seq)
			}
			if r.ServerID != 0 {
				m.ServerID = int64(r.ServerID)
			}
			if !r.Time.IsZero() {
				m.Time = r.Time.UnixMilli()
			}
			c.readByPeer(&m)
			if _, err := tx.PutMessage(&m); err != nil {
				return err
			}
			if err := c.changed(tx, &m); err != nil {
				return err
			}
			rows[i] = m
		}
		if err := c.count(tx); err != nil {
			return err
		}
		return c.save(tx)
	})
	if err != nil {
		// The server has them; what shows them later makes the rows right.
		c.reload(c)
		for _, out := range good {
			c.acknowledge(out, err, 0, "")
		}
		return
	}
	for i, out := range good {
		switch {
		case !out.done:
			c.acknowledge(out, nil, rows[i].Time, list[i].Ext)
		case were[i]:
			c.correct(&rows[i])
		}
	}
	c.tell(nil)
	c.tellIfChanged()
	c.need()
}

// succeed acknowledges a message that the server is seen to have.
func (c *conv) succeed(out *outgoing, row *store.Message, ext string) {
	c.lane.waiting = slices.DeleteFunc(c.lane.waiting, func(o *outgoing) bool { return o == out })
	c.acknowledge(out, nil, row.Time, ext)
}

// correct tells that a message that was told as failed has been sent.
func (c *conv) correct(row *store.Message) {
	c.env.Journal.Add(journal.Pro, "send_corrected", journal.Str("client_msg_id", row.ClientID))
	c.post(abi.OnNimxTalkMsgCorrected(abi.Raw(appendAck(nil, row.ClientID, c.of.ID, nil, row.Time, ""))))
	c.tellIfChanged()
}

// fail stores that a message was not sent, then acknowledges that.
func (c *conv) fail(out *outgoing, why *nimerr.Error) {
	if out.done {
		return
	}
	status := int32(store.StatusFailed)
	switch why.Kind {
	case nimerr.Blocked:
		status = store.StatusRefused
	case nimerr.SendStopped:
		status = store.StatusCancelled
	}
	err := c.update(func(tx store.Tx) error {
		if err := c.failed(tx, out, status); err != nil {
			return err
		}
		return c.save(tx)
	})
	if err != nil {
		c.reload(c) // it becomes 5 when the store is opened again
	}
	c.acknowledge(out, why, 0, "")
	c.tellIfChanged()
}

// failed changes the row of a message that was not sent.
func (c *conv) failed(tx store.Tx, out *outgoing, status int32) error {
	m, err := tx.Message(out.row.Key)
	if err != nil || m == nil || m.Status != store.StatusSending {
		return err
	}
	m.Status = status
	if _, err := tx.PutMessage(m); err != nil {
		return err
	}
	return c.changed(tx, m)
}

// expire ends the waiting for an answer. What was written may still arrive.
func (c *conv) expire(out *outgoing) {
	if out.done {
		return
	}
	// While the host does not consume, the session may not read: an answer cannot come.
	if left := verdictAfter - time.Since(out.at) + c.held() - out.held; left > 0 {
		out.verdict = c.after(max(left, time.Second), func() { c.expire(out) })
		return
	}
	why := nimerr.Timeout.New("sending the message")
	if out.limited {
		why = nimerr.SendTooFast.New("")
	}
	c.lane.waiting = slices.DeleteFunc(c.lane.waiting, func(o *outgoing) bool { return o == out })
	c.fail(out, why)
}

// acknowledge posts the one acknowledgement of a message.
func (c *conv) acknowledge(out *outgoing, err *nimerr.Error, at int64, ext string) {
	if out.done {
		return
	}
	out.done = true
	out.verdict.Stop()
	delete(c.sends, out.row.Key)
	c.post(ack(out.wire.ClientID, c.of.ID, err, at, ext))
}

// failAll acknowledges everything that is open, in the order of the calls.
func (a *account) failAll(why *nimerr.Error) {
	list := make([]*outgoing, 0, len(a.sends))
	for _, out := range a.sends {
		list = append(list, out)
	}
	slices.SortFunc(list, func(x, y *outgoing) int { return cmp.Compare(x.order, y.order) })
	changed := map[*conv]bool{}
	_ = a.update(func(tx store.Tx) error {
		for _, out := range list {
			changed[out.c] = true
			if err := out.c.failed(tx, out, store.StatusFailed); err != nil {
				return err
			}
		}
		for c := range changed {
			if err := c.save(tx); err != nil {
				return err
			}
		}
		return nil
	})
	for _, out := range list {
		out.c.acknowledge(out, why, 0, "")
	}
	for _, c := range a.sorted() {
		if changed[c] {
			c.lane = lane{flight: c.lane.flight}
			c.tellIfChanged()
		}
	}
}

// ack is the acknowledgement of a message.
func ack(id, talk string, err *nimerr.Error, at int64, ext string) abi.Posting {
	return abi.OnTalkAck(abi.Raw(appendAck(nil, id, talk, err, at, ext)))
}

func appendAck(b []byte, id, talk string, err *nimerr.Error, at int64, ext string) []byte {
	b = append(b, '{')
	b = appendText(b, "msg_id", id)
	b = appendText(b, "talk_id", talk)
	b = appendInt(b, "rescode", int64(code(err)))
	b = appendInt(b, "msg_timetag", at)
	b = appendText(b, "third_party_callback_ext", ext)
	if err != nil {
		b = appendText(b, "err_name", err.Kind.Name)
		b = appendText(b, "err_msg", err.Error())
	}
	return append(b, '}')
}
