// Package engine owns the messages of the account that is logged in: one
// goroutine, the only writer of its store. The session tells it what happens and
// carries its requests; programs' calls come in through core/talk, core/recent
// and core/msglog. Neither ever waits for it: everything goes through an inbox.
//
// What it does, in the order in which a message passes:
//
//   - sync.go: after each login it asks what the server has, and pulls what is missing
//   - receive.go: entries become rows of the store, in one transaction
//   - filter.go: where the program has a filter, it is asked about them first
//   - tell.go: what is stored is told to the host, each message once and in order
//   - recall.go: messages that are taken back, here and elsewhere
//   - receipt.go: who has read what
//   - send.go: what the program sends is a row first, then leaves, then is acknowledged
//   - unread.go, item.go: the number beside a conversation, the list of them
//
// Store first, then tell; nothing is acknowledged before it is durable.
package engine

import (
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/journal"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/core/store"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// Env is what an engine runs on. All fields but Journal are required.
type Env struct {
	// Open opens the store of an account; release gives back its lock after the
	// store was closed. It may take as long as a disk does. A problem with a
	// store is one that the store goes on with, in memory or begun anew.
	Open func(a module.Account) (s store.Store, release func(), problem, err error)

	Sink    module.Sink
	Journal *journal.Journal // nil: nothing is written
	Wall    func() time.Time
	NewID   func() string
	Options Options
}

// Options are the init options about messages.
type Options struct {
	CountNotifications bool // team_notification_unread_count
	CountMissedCalls   bool // vchat_miss_unread_count
	UncountRecalled    bool // reset_unread_count_when_recall
	KeepReadMarks      bool // sync_session_ack false: read marks stay on this device
}

// An Engine is a module of the session. Its methods may be called from any
// goroutine and never wait.
type Engine struct {
	env      Env
	inbox    *inbox
	quit     chan struct{}
	done     chan struct{}
	session  module.Session         // set by Start, before anything else
	self     atomic.Pointer[string] // the account of the newest login
	receipts receiptTimes

	// owned by run
	wanted bool     // a function that needs the store was called or registered
	acct   *account // nil: nobody is logged in
}

// New starts an engine without an account.
func New(env Env) *Engine {
	e := &Engine{env: env, inbox: newInbox(), quit: make(chan struct{}), done: make(chan struct{})}
	go e.run()
	return e
}

// Stop ends the engine; what still waits is dropped. Done is closed then. The
// session has called Close before.
func (e *Engine) Stop() {
	e.inbox.end()
	close(e.quit)
}

// Done is closed when the engine has stopped.
func (e *Engine) Done() <-chan struct{} { return e.done }

func (e *Engine) run() {
	defer close(e.done)
	for {
		select {
		case <-e.inbox.wake:
			for _, w := range e.inbox.take() {
				e.guarded(w.run)
				e.inbox.done(w.size)
			}
			e.guarded(e.between)
		case <-e.quit:
			if a := e.acct; a != nil {
				e.guarded(a.shut)
			}
			return
		}
	}
}

// guarded runs a piece of work. A panic in it ends that piece, not the process.
func (e *Engine) guarded(work func()) {
	defer func() {
		if p := recover(); p != nil {
			e.env.Journal.Add(journal.Error, "panic", journal.Str("where", "engine"),
				journal.Str("value", fmt.Sprint(p)), journal.Str("stack", string(debug.Stack())))
		}
	}()
	work()
}

// between is done after each burst of work.
func (e *Engine) between() {
	if a := e.acct; a != nil && a.damaged && !a.anew && a.closing == nil {
		a.beginAnew()
	}
	if a := e.acct; a != nil && a.store != nil {
		a.settleQuestions()
		a.ran()
		a.pump()
	}
}

// do puts work that must not get lost into the inbox.
func (e *Engine) do(run func()) { e.inbox.put(0, run) }

// after runs work for an account later, unless it has gone by then.
func (a *account) after(d time.Duration, work func()) *time.Timer {
	return time.AfterFunc(d, func() {
		a.do(func() {
			if a.Engine.acct == a {
				work()
			}
		})
	})
}

// Start implements module.Module.
func (e *Engine) Start(s module.Session) { e.session = s }

// Accepted implements module.Module.
func (e *Engine) Accepted(m module.Account, ready func(*nimerr.Error)) {
	e.self.Store(&m.ID)
	e.do(func() {
		if a := e.acct; a != nil {
			a.Account = m
		} else {
			e.acct = newAccount(e, m)
		}
		if e.wanted || e.heard() {
			e.wanted = true
			e.acct.open()
		}
		ready(nil) // without a store there is a session, and no messages
	})
}

// Online implements module.Module.
func (e *Engine) Online(o module.Online) {
	now := time.Now()
	e.do(func() {
		if a := e.acct; a != nil {
			a.cameOnline(o, now)
		}
	})
}

// Push implements module.Module. What the inbox cannot take is asked for later.
func (e *Engine) Push(v backend.Event) {
	switch p := v.(type) {
	case backend.Entries:
		if !e.inbox.put(sizeOf(p.Entries), e.forAccount(func(a *account) { a.pushed(p) })) {
			e.do(e.forAccount(func(a *account) { a.missed(p.Conv, p.MaxSeq) }))
		}
	case backend.HeadChanged:
		e.do(e.forAccount(func(a *account) { a.headChanged(p.Head) }))
	case backend.Resync:
		e.do(e.forAccount(func(a *account) { a.askHeads() }))
	}
}

// Offline implements module.Module.
func (e *Engine) Offline(why module.Reason, settled func()) {
	e.do(func() {
		if a := e.acct; a != nil {
			a.wentOffline(why)
		}
		settled()
	})
}

// Close implements module.Module.
func (e *Engine) Close(deadline time.Time, closed func()) {
	e.do(func() {
		if a := e.acct; a != nil {
			a.close(deadline, closed)
			return
		}
		closed()
	})
}

// Want tells that a function of messages was called or registered: the store is
// opened, now or when somebody logs in.
func (e *Engine) Want() {
	e.do(func() {
		e.wanted = true
		if a := e.acct; a != nil {
			a.open()
			a.tellAll() // a callback may be new
		}
	})
}

// heard says whether the program has a callback that only the store can feed.
func (e *Engine) heard() bool {
	for _, s := range []abi.Slot{abi.SlotTalkAck, abi.SlotTalkReceive, abi.SlotTalkReceiveMsgs, abi.SlotSessionChange,
		abi.SlotTalkMessageFilter, abi.SlotTalkNotificationFilter, abi.SlotTalkRecallMsg, abi.SlotMsglogStatusChanged,
		abi.SlotMsglogDeleteMsgsSelf, abi.SlotMsglogDeleteHistoryMessages, abi.SlotSessionSetToStickTopNotify,
		abi.SlotSessionCancellStickTopNotify, abi.SlotSessionUpdateStickTopNotify} {
		if e.env.Sink.Registered(s) {
			return true
		}
	}
	return false
}

// Account is the account of the newest login; "": nobody has logged in.
func (e *Engine) Account() string {
	if id := e.self.Load(); id != nil {
		return *id
	}
	return ""
}

// forAccount is work that needs an open account; without one it does nothing.
func (e *Engine) forAccount(f func(a *account)) func() {
	return func() {
		if a := e.acct; a != nil && a.store != nil {
			f(a)
		}
	}
}

// withStore runs f with the account, its store open, or says why not.
func (e *Engine) withStore(f func(a *account), refuse func(*nimerr.Error)) {
	e.wanted = true
	a := e.acct
	if a == nil {
		refuse(nimerr.NotLoggedIn.New(""))
		return
	}
	if a.open(); a.store == nil {
		refuse(a.unopened)
		return
	}
	f(a)
}

// sizeOf is about how many bytes entries take.
func sizeOf(list []backend.Entry) int {
	n := 64
	for i := range list {
		n += 256 + len(list[i].Body) + len(list[i].Content)
	}
	return n
}
