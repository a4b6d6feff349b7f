package engine

import (
	"encoding/binary"
	"encoding/json"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/journal"
	"github.com/libnim/libnim/core/message"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/core/store"
	"github.com/libnim/libnim/internal/abi"
)

const (
	maxPulls   = 4               // conversations that are pulled at a time
	secondLook = 3 * time.Second // after which the heads are asked for once more
	retryAfter = time.Second     // after a refusal that says no time of its own
)

// A catchup is what runs since the session came online. It goes with the link.
type catchup struct {
	asking bool // heads are on their way
	again  bool // and were asked for once more
	page   string
	heads  bool // all heads were had since Online
	told   bool // everything that was missed was told: data_sync 2
	behind map[*conv]bool
	queue  []*conv // conversations to pull
	pulls  int     // on their way
}

// cameOnline begins a sync.
func (a *account) cameOnline(o module.Online, at time.Time) {
	a.online, a.since, a.ended = &o, at, false
	a.duplicates = o.Server.Messages.Duplicates
	a.takeLimits(o.Server.Limits)
	a.open0()
	if a.store != nil {
		a.askAgain()
	}
	if a.store == nil || !o.Server.Messages.Supported {
		a.synced(abi.DataSyncTypeUnreadMsg)
		if a.store != nil {
			a.syncing.told = true
		}
		return
	}
	a.startSync()
}

// open0 opens the store where a function of messages was called before.
func (a *account) open0() {
	if a.wanted && a.store == nil {
		online := a.online
		a.online = nil // open would start the sync, which comes next
		a.open()
		a.online = online
	}
}

func (a *account) startSync() {
	o := a.online
	if !o.Server.Messages.Supported {
		return
	}
	a.syncing = catchup{behind: map[*conv]bool{}}
	if e := o.Server.Epoch; e != 0 && a.epoch != 0 && e != a.epoch {
		a.renew(e)
	}
	for _, c := range a.sorted() {
		c.sendRead()
		c.askDeleted()
		c.pumpSends()
		if c.need(); !c.line.Complete() { // what an earlier link left: no head brings it again
			a.syncing.behind[c] = true
		}
	}
	a.goErrands()
	a.askHeads()
	a.after(secondLook, func() {
		if a.online == o {
			a.askHeads()
		}
	})
}

// request asks the server something. done runs on this goroutine, unless the
// account has gone by then.
func (a *account) request(r backend.Request, limit time.Duration, done func(backend.Result)) {
	a.session.Do(r, limit, func(res backend.Result) {
		a.do(func() {
			if a.Engine.acct == a && a.store != nil {
				done(res)
			}
		})
	})
}

// askHeads asks for what has changed since the cursor.
func (a *account) askHeads() {
	s := &a.syncing
	o := a.online
	if o == nil || !o.Server.Messages.Supported {
		return
	}
	if s.asking {
		s.again = true
		return
	}
	s.asking, s.again = true, false
	a.request(backend.Heads{Cursor: a.cursor, Page: s.page}, 0, func(r backend.Result) {
		if a.online != o {
			return
		}
		s.asking = false
		page, ok := r.Body.(backend.HeadsPage)
		if r.Outcome == backend.Answered && r.Err == nil && ok {
			a.takeHeads(&page)
			return
		}
		s.page = ""
		a.env.Journal.Add(journal.Warn, "heads_not_had", journal.Err(r.Err))
		a.after(max(retryAfter, retry(r)), func() {
			if a.online == o {
				a.askHeads()
			}
		})
	})
}

// retry is the time that a refusal asks for.
func retry(r backend.Result) time.Duration {
	if r.Err == nil {
		return 0
	}
	return r.Err.RetryAfter
}

// takeHeads takes one page of heads.
func (a *account) takeHeads(p *backend.HeadsPage) {
	s := &a.syncing
	if p.Epoch != 0 && a.epoch != 0 && p.Epoch != a.epoch {
		a.renew(p.Epoch)
		if !p.Reset && s.page != "" {
			s.page = ""
			a.askHeads()
			return
		}
	}
	if a.epoch == 0 {
		a.epoch = p.Epoch
	}
	var list []*conv
	left := map[*conv]*taken{}
	err := a.update(func(tx store.Tx) error {
		list = list[:0]
		for i := range p.Heads {
			h := &p.Heads[i]
			if h.Conv.Kind >= backend.Notices {
				continue
			}
			c := a.conv(h.Conv)
			list = append(list, c)
			t := &taken{}
			left[c] = t
			if err := c.takeHead(tx, h, t, !a.met); err != nil {
				return err
			}
			if err := c.save(tx); err != nil {
				return err
			}
		}
		if p.More {
			return nil
		}
		if err := tx.PutValue(valueEpoch, binary.BigEndian.AppendUint64(nil, a.epoch)); err != nil {
			return err
		}
		return tx.PutValue(valueCursor, []byte(p.Cursor))
	})
	if err != nil {
		for _, c := range list {
			a.reload(c)
		}
		s.page = ""
		o := a.online
		a.after(10*retryAfter, func() {
			if a.online == o {
				a.askHeads()
			}
		})
		return
	}
	for _, c := range list {
		c.need()
		if !c.line.Complete() {
			s.behind[c] = true
		}
		c.follow(left[c])
	}
	if p.More {
		s.page = p.Page
		a.askHeads()
		return
	}
	s.page, a.cursor, s.heads, a.met = "", p.Cursor, true, true
	if s.again {
		a.askHeads()
	}
	a.caughtUp()
}

// takeHead takes a head; first is true while this device has no cursor, and
// decides where a conversation begins.
func (c *conv) takeHead(tx store.Tx, h *backend.Head, t *taken, first bool) error {
	begin := first && !c.stored
	c.line.Head(h.MinSeq, h.MaxSeq)
	if begin {
		c.line.Begin(h.ReadSeq)
		_, c.kept.Roam = c.line.Past()
	}
	c.posted = max(c.posted, c.line.Told)
	if err := c.takeCounters(tx, h); err != nil {
		return err
	}
	if err := c.takeReceipt(tx, int64(h.PeerRead)); err != nil {
		return err
	}
	if c.takeState(h.State, begin, &t.news); begin {
		c.kept.Deleted = c.kept.DeletedMax // what comes is without them
	}
	if h.Last == nil {
		return c.ensure(tx)
	}
	return c.takeEntries(tx, []backend.Entry{*h.Last}, t)
}

// headChanged takes a head that the server pushed.
func (a *account) headChanged(h backend.Head) {
	if h.Conv.Kind >= backend.Notices || !a.met {
		return
	}
	c := a.conv(h.Conv)
	var t taken
	err := a.update(func(tx store.Tx) error {
		t = taken{}
		if err := c.takeHead(tx, &h, &t, false); err != nil {
			return err
		}
		return c.save(tx)
	})
	if err != nil {
		a.reload(c)
		return
	}
	c.follow(&t)
	c.need()
}

// need puts the conversation among those that are pulled, if something is missing.
func (c *conv) need() {
	if c.queued || c.pulling || c.online == nil {
		return
	}
	if _, ok := c.line.Missing(); !ok && !(c.kept.Roam && c.syncing.told) {
		return
	}
	c.queued = true
	c.syncing.queue = append(c.syncing.queue, c)
}

// pump asks for the next pulls, and sees whether everything is told.
func (a *account) pump() {
	s := &a.syncing
	for a.online != nil && s.pulls < maxPulls && len(s.queue) > 0 && !a.full && a.closing == nil {
		c := s.queue[0]
		s.queue = s.queue[1:]
		c.queued = false
		c.pull()
	}
	a.caughtUp()
}

// pull asks for the lowest hole above what was told, else for the newest page of
// the past.
func (c *conv) pull() {
	o, s := c.online, &c.syncing
	r := backend.Pull{Conv: c.of, Limit: c.limits.PullLimit}
	hole, ok := c.line.Missing()
	roam := !ok && c.kept.Roam
	if roam {
		if hole, ok = c.line.Past(); !ok {
			c.roamed(nil)
			return
		}
		r.Newest, r.For = true, backend.Roam
	}
	if !ok {
		return
	}
	r.From, r.To = hole.First, hole.Last
	c.pulling = true
	s.pulls++
	c.request(r, 0, func(res backend.Result) {
		if c.online != o {
			return
		}
		c.pulling = false
		s.pulls--
		p, ok := res.Body.(backend.Pulled)
		switch {
		case res.Outcome == backend.Answered && res.Err == nil && ok:
			if p.Epoch != 0 && p.Epoch != c.epoch {
				c.askHeads() // which brings the new epoch
				return
			}
			if roam {
				c.roamed(&p)
				return
			}
			before := c.line.Held.Through(hole.First - 1)
			if c.take(p.Entries, p.Low, p.High, p.Floor) && c.progress(hole.First, before) {
				c.need()
				return
			}
			c.again(10 * retryAfter)
		case res.Outcome == backend.Answered && res.Err != nil && !res.Err.Kind.Retryable:
			c.env.Journal.Add(journal.Warn, "pull_refused", journal.Str("conversation", c.row.Name), journal.Err(res.Err))
			delete(s.behind, c) // it is asked for again after the next login
		default:
			c.again(max(retryAfter, retry(res)))
		}
	})
}

// progress says whether a pull has brought something.
func (c *conv) progress(first, before uint64) bool {
	return c.line.Min > first || c.line.Held.Through(first-1) > before
}

// again pulls later.
func (c *conv) again(d time.Duration) {
	o := c.online
	c.after(d, func() {
		if c.online == o {
			c.need()
		}
	})
}

// roamed stores the newest page of the past, which nobody is told of one by one.
func (c *conv) roamed(p *backend.Pulled) {
	var t taken
	err := c.update(func(tx store.Tx) error {
		t = taken{}
		if p != nil {
			if err := c.takeEntries(tx, p.Entries, &t); err != nil {
				return err
			}
			if p.Low > 0 {
				c.line.Hold(p.Low, p.High)
			}
			if p.Floor > 0 {
				c.line.Head(p.Floor, 0)
			}
		}
		c.kept.Roam = false
		if err := c.markMore(tx); err != nil {
			return err
		}
		return c.save(tx)
	})
	if err != nil {
		c.reload(c)
		return
	}
	if p != nil {
		c.ask(t.fresh, func() { c.synced(abi.DataSyncTypeRoamMsg) })
	}
}

// caughtUp tells, once, that everything that was missed has been posted; then the
// past is pulled.
func (a *account) caughtUp() {
	s := &a.syncing
	if s.told || !s.heads || a.store == nil {
		return
	}
	listening := a.listening()
	for c := range s.behind {
		if !c.line.Complete() || listening && c.posted < c.line.Max {
			return
		}
		delete(s.behind, c)
	}
	s.told = true
	a.synced(abi.DataSyncTypeUnreadMsg)
	for _, c := range a.sorted() {
		if c.kept.Roam {
			c.need()
		}
	}
}

// renew begins anew under another epoch of the server's store: the rows stay, the
// numbers go. What was told is matched by its ids and not told again.
func (a *account) renew(epoch uint64) {
	a.env.Journal.Add(journal.Warn, "server_epoch_changed", journal.Int("from", int64(a.epoch)), journal.Int("to", int64(epoch)))
	a.nodes = nil
	err := a.update(func(tx store.Tx) error {
		for _, c := range a.sorted() {
			list, err := tx.MessagesBySeq(c.row.Name, int64(c.posted)+1, int64(c.line.Max), 0)
			if err != nil {
				return err
			}
			for i := range list {
				list[i].Flags |= message.FlagUntold
				if _, err := tx.PutMessage(&list[i]); err != nil {
					return err
				}
			}
		}
		if err := tx.ForgetSeqs(); err != nil {
			return err
		}
		for _, c := range a.sorted() {
			c.line.Renew()
			c.posted = 0
			c.row.ReadSeq, c.row.Zeroed, c.row.PeerRead = 0, 0, 0
			c.kept = c.kept.renewed()
			if c.row.Last != nil {
				c.row.Last.Seq = 0
			}
			if err := c.save(tx); err != nil {
				return err
			}
		}
		if err := tx.PutValue(valueEpoch, binary.BigEndian.AppendUint64(nil, epoch)); err != nil {
			return err
		}
		return tx.PutValue(valueCursor, nil)
	})
	if err != nil {
		for _, c := range a.sorted() {
			a.reload(c)
		}
		return
	}
	a.epoch, a.cursor = epoch, ""
}

// takeLimits takes the limits that a server told, and keeps them.
func (a *account) takeLimits(l backend.Limits) {
	if l == (backend.Limits{}) || l == a.limits {
		return
	}
	a.limits = l
	if a.limits.SendBatch <= 0 {
		a.limits.SendBatch = 1
	}
	if a.store == nil {
		return
	}
	text, _ := json.Marshal(a.limits)
	_ = a.update(func(tx store.Tx) error { return tx.PutValue(valueLimits, text) })
}

func (a *account) loadLimits() error {
	text, err := a.store.Value(valueLimits)
	if err == nil && a.limits == builtin && text != nil {
		_ = json.Unmarshal(text, &a.limits)
	}
	return err
}
