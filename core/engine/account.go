package engine

import (
	"cmp"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/journal"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/core/store"
	"github.com/libnim/libnim/internal/nimerr"
)

// Names of values in the store.
const (
	valueCursor = "heads.cursor"
	valueEpoch  = "heads.epoch"
	valueLimits = "limits"
)

// An account is what the engine has of the login that stands.
type account struct {
	*Engine
	module.Account
	store    store.Store // nil: not open
	release  func()
	unopened *nimerr.Error // why the store could not be opened
	damaged  bool          // a new one is to be begun
	anew     bool          // it was, in this login

	convs  map[string]*conv
	cursor string // of the heads; "": everything is asked for
	met    bool   // this device has had all heads once
	epoch  uint64 // of the server's store; 0: not known
	limits backend.Limits
	total  int64 // unread messages of all conversations that are listed

	online  *module.Online // nil: there is no link
	ended   bool           // kicked or given up: there will be none before the next login
	since   time.Time      // local time of the last Online
	syncing catchup
	nodes   []node // posted, and not known to have run, in the order of their numbers
	full    bool   // the host has too many callbacks: nothing is told or pulled

	fullSince time.Time
	heldUp    time.Duration // in all, before that

	sends   sends  // accepted and not acknowledged
	order   uint64 // of the last that was accepted
	filters filters

	calls    map[uint64]func(*nimerr.Error) // that wait for more than the store, in their order; refuses them
	lastCall uint64
	searches searches
	errands  []*errand          // requests of calls, in their order
	recalls  map[store.Key]bool // of messages that calls recall: asked for, or answered with success

	duplicates bool      // the server stores an id twice
	saves      saves     // conversations whose told_seq is to be stored
	closing    *farewell // not nil: Close was called
	stopping   bool      // by cleanup: no callback runs any more
}

func newAccount(e *Engine, m module.Account) *account {
	return &account{Engine: e, Account: m, convs: map[string]*conv{}, limits: builtin, sends: sends{}, filters: newFilters(),
		calls: map[uint64]func(*nimerr.Error){}, recalls: map[store.Key]bool{}}
}

// builtin are the limits until a server has told its own.
var builtin = backend.Limits{TextChars: 5000, MsgBytes: 64 << 10, SendBatch: 64, PullLimit: 100, ExtBytes: 4096, Recall: 2 * time.Minute}

// open opens the store, reads what the engine keeps in memory, and goes on where
// an online session had to wait for it.
func (a *account) open() {
	if a.store != nil || a.unopened != nil {
		return
	}
	s, release, problem, err := a.env.Open(a.Account)
	if problem != nil {
		a.env.Journal.Add(journal.Warn, "store_problem", journal.Err(problem))
		a.storeProblem(problem)
	}
	if err != nil {
		a.unopened = storeError(err)
		a.env.Journal.Add(journal.Error, "store_not_opened", journal.Err(err))
		return
	}
	a.store, a.release = watched{s, func() { a.do(func() { a.damaged = true }) }}, release
	if err := a.load(); err != nil {
		a.env.Journal.Add(journal.Error, "store_not_read", journal.Err(err))
		a.unopened = storeError(err)
		a.shut()
		return
	}
	if a.online != nil {
		a.askAgain()
		a.startSync()
	}
}

// load reads the conversations, and ends what an earlier run left as sending.
func (a *account) load() error {
	err := a.store.Update(func(tx store.Tx) error {
		left, err := tx.MessagesByStatus("", store.StatusSending, 0)
		for i := range left {
			left[i].Status = store.StatusFailed
			if _, err = tx.PutMessage(&left[i]); err != nil {
				break
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	a.receipts.reset(a.ID)
	list, err := a.store.Conversations()
	if err != nil {
		return err
	}
	for i := range list {
		c := newConv(a, &list[i])
		if c == nil {
			continue
		}
		c.stored = true
		a.convs[c.row.Name] = c
		c.recount()
		c.receipts.set(&c.row)
		c.counted = c.listedUnread()
		a.total += c.counted
	}
	cursor, err := a.store.Value(valueCursor)
	if err != nil {
		return err
	}
	epoch, err := a.store.Value(valueEpoch)
	if err != nil {
		return err
	}
	a.cursor = string(cursor)
	if len(epoch) == 8 {
		a.met = true
		a.epoch = binary.BigEndian.Uint64(epoch)
	}
	return a.loadLimits()
}

// update runs a transaction and says as an error of the library why it failed.
func (a *account) update(change func(store.Tx) error) *nimerr.Error {
	err := a.store.Update(change)
	if err == nil {
		return nil
	}
	bad := storeError(err)
	a.env.Journal.Add(journal.Error, "store_not_written", journal.Err(err))
	return bad
}

// storeError is the library's error for one of the store.
func storeError(err error) *nimerr.Error {
	switch {
	case errors.Is(err, store.ErrFull):
		return nimerr.DiskFull.Wrap(err)
	case errors.Is(err, store.ErrInUse):
		return nimerr.StoreInUse.Wrap(err)
	}
	return nimerr.StoreUnusable.Wrap(err)
}

// now is the server's clock as well as it is known, in ms.
func (a *account) now() int64 {
	if o := a.online; o != nil && !o.Clock.IsZero() {
		return o.Clock.Add(time.Since(a.since)).UnixMilli()
	}
	return a.env.Wall().UnixMilli()
}

// conv returns a conversation, or makes one that is not stored yet. One that
// appears once the heads were had is told from its beginning.
func (a *account) conv(of backend.Conv) *conv {
	name := of.Name()
	c := a.convs[name]
	if c == nil {
		c = newConv(a, &store.Conversation{Name: name})
		a.convs[name] = c
	}
	return c
}

// reload takes back what a failed transaction had changed in memory.
func (a *account) reload(c *conv) {
	row, err := a.store.Conversation(c.row.Name)
	if err != nil {
		return
	}
	if c.stored = row != nil; !c.stored {
		row = &store.Conversation{Name: c.row.Name}
	}
	a.total -= c.counted
	c.read(row)
	c.recount()
	c.counted = c.listedUnread()
	a.total += c.counted
}

// wentOffline takes the end of a link.
func (a *account) wentOffline(why module.Reason) {
	a.online = nil
	a.syncing = catchup{}
	for _, c := range a.convs {
		c.pulling, c.queued = false, false
	}
	if why == module.Stopping {
		a.stopping = true
		a.endQuestions()
	}
	if why == module.Lost || a.store == nil {
		return
	}
	a.ended = true
	a.failAll(nimerr.Cancelled.New("the session has ended"))
	a.endCalls(nimerr.Cancelled.New("the session has ended"))
}

// A farewell is a Close that waits until the host has run what was posted.
type farewell struct {
	deadline time.Time
	closed   func()
}

// close answers what is open. Then it waits for the callbacks that are queued:
// what the host was told is known exactly, so it is not told again.
func (a *account) close(deadline time.Time, closed func()) {
	a.online = nil
	if a.store == nil {
		a.over(closed)
		return
	}
	a.endQuestions()
	a.failAll(nimerr.Cancelled.New("logged out"))
	a.endCalls(nimerr.Cancelled.New("logged out"))
	a.closing = &farewell{deadline, closed}
	a.drain()
}

// drainMargin is what is left of the time of Close for the store.
const drainMargin = 100 * time.Millisecond

// drain ends Close once everything that was posted has run, or time is up.
func (a *account) drain() {
	a.ran()
	left := time.Until(a.closing.deadline) - drainMargin
	if len(a.nodes) == 0 || left <= 0 || a.stopping {
		closed := a.closing.closed
		a.shut()
		a.over(closed)
		return
	}
	a.after(min(left, 5*time.Millisecond), a.drain)
}

// shut stores what was told and closes the store.
func (a *account) shut() {
	if a.store == nil {
		return
	}
	a.ran()
	a.flush()
	if err := a.store.Close(); err != nil {
		a.env.Journal.Add(journal.Warn, "store_not_closed", journal.Err(err))
	}
	a.store = nil
	if a.release != nil {
		a.release()
	}
}

func (a *account) over(closed func()) {
	a.Engine.acct = nil
	a.receipts.reset("")
	closed()
}

// sorted returns the conversations in a fixed order.
func (a *account) sorted() []*conv {
	list := make([]*conv, 0, len(a.convs))
	for _, c := range a.convs {
		list = append(list, c)
	}
	slices.SortFunc(list, func(x, y *conv) int { return cmp.Compare(x.row.Name, y.row.Name) })
	return list
}
