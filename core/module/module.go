// Package module is the border between the login session and the modules on it:
// what a module (the push switch, messages) is to the session, and what it sees
// of the session and of the host. The session knows no module, a module not the
// session.
//
// Neither side ever waits for the other. What one calls on the other returns at
// once; a module with a goroutine of its own takes a call into its inbox.
package module

import (
	"sync"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// A Module is a part of the library that uses the session's link. The session
// calls its methods from its own goroutine, in the order of what happened.
type Module interface {
	// Start is called once, before anything else.
	Start(s Session)

	// Accepted: a login call of an account was accepted. The module calls ready,
	// once, from any goroutine, when linking may begin; an error ends the login
	// with it. It comes again for the same account after a kick; before another
	// account Close comes.
	Accepted(a Account, ready func(*nimerr.Error))

	// Online: the session stands. It comes after the host was told so, at a login
	// and at each relogin.
	Online(o Online)

	// Push is what the server said without being asked. Every module gets every
	// push that is not the session's own; it ignores what is not meant for it.
	Push(e backend.Event)

	// Offline: the link is gone. Every request has got its Result before. The
	// module calls settled, once, from any goroutine, when it has answered what
	// can wait no longer; after a kick the host is told of it then, or after half
	// a second.
	Offline(why Reason, settled func())

	// Close: the login ends. The module answers every call that it has accepted
	// (cancelled), stores what is to be stored, and calls closed, once, from any
	// goroutine. At the deadline the gate shuts, and the session goes on without
	// it.
	Close(deadline time.Time, closed func())
}

// Reason is why a link is gone.
type Reason int

// Reasons.
const (
	Lost     Reason = iota // the session connects again by itself, or when it is resumed
	Ended                  // by a kick, or automatic relogin has stopped; the account stays until Close
	Stopping               // cleanup; Close follows at once
)

// Account is whose login was accepted.
type Account struct {
	AppKey    string
	ID        string
	Backend   string // private_server_setting.backend
	Server    string // which deployment: its lbs URL, else its first link, as the settings have it
	Device    string // id of this device
	Operation string // id of the login, for results and log lines
	Gate      *Gate  // open until the login is over; the same one for the same account
}

// Online is what is known when a session stands.
type Online struct {
	Account Account
	Epoch   uint64 // counts the times that this session came online, from 1
	Relogin bool
	Server  backend.Server
	Clock   time.Time // the server's, as of now; zero: it did not say

	// Ready is open until the session is not ready any more: what passes it comes
	// between the two.
	Ready *Gate
}

// A Session is what a module sees of the login session.
type Session interface {
	// Do sends a request and calls done exactly once: Answered, NotSent (at once,
	// before Do returns), or Unknown: it was written, and the link was lost, the
	// session ended or limit passed. A limit of 0 is ten seconds. The session never
	// repeats a request. It may be called from any goroutine; but for NotSent done
	// runs on the session's goroutine, where it must not wait.
	Do(r backend.Request, limit time.Duration, done func(backend.Result))

	// Run runs f on the session's goroutine, in whatever state it is; f must not
	// wait. After the end of the session it is dropped: the front answers its call.
	Run(f func())

	// Post and Answer tell the host. They are for what runs on the session's
	// goroutine: f of Run, done of Do, the methods of Module.
	Post(p abi.Posting)
	Answer(call Call, p abi.Posting, final bool)

	// Info turns an error into the group of keys that every result carries, with
	// the operation id of the login; nil is success. On the session's goroutine.
	Info(err *nimerr.Error) abi.ErrorInfo
}

// Call names a call of the application that waits for its callback; 0 is none.
type Call uint64

// A Sink takes what a module with a goroutine of its own posts to the host. No
// method but WaitRoom waits for the host.
type Sink interface {
	// Post queues a callback for whoever is registered. node is its number, for Fate;
	// they rise; 0: nobody is, or the library closes. backlog is how much the host has
	// not consumed yet: callbacks, or their bytes in parts of 1,677, whichever is
	// more. Who posts past Backlog stops its own source until WaitRoom returns.
	Post(p abi.Posting) (node uint64, backlog int)

	// Answer posts to the callback of a call. final completes the call.
	Answer(call Call, p abi.Posting, final bool)

	// Fate says what became of a posted callback.
	Fate(node uint64) Fate

	// Ask queues a question to the host, as Post does. done is called once, with the
	// answer or why there is none, from any goroutine or from the host's thread; it
	// must not wait. node 0: nobody is registered, and done is not called.
	Ask(q abi.Question, done func(Reply)) (node uint64, backlog int)

	// TakeBack takes the questions of a slot back that do not run yet: TakenBack.
	TakeBack(s abi.Slot)

	// Registered says whether the host hears a slot now.
	Registered(s abi.Slot) bool

	// WaitRoom returns when the backlog is at most low, or when the library is
	// closing. It is called on a goroutine of its own.
	WaitRoom(low int)
}

// What the host may leave unconsumed: 10,000 callbacks or 16 MB of them.
const (
	Backlog    = 10000 // past it, what comes waits
	BacklogLow = 1000  // and here it goes on
)

// Fate is what became of a callback that was posted.
type Fate int

// Fates, as bridge.h numbers them.
const (
	Waits Fate = iota // it has not run, or not returned
	Ran               // it has returned; or it runs while the library closes: it will not come again
	Cut               // a cleanup, a detach or an unregistration came first: it never runs
)

// A Reply is what became of a question.
type Reply struct {
	Outcome Outcome
	Number  int64  // what the callback returned; a bool is 0 or 1
	Text    string // the text that it gave
}

// Outcome says why a question has ended.
type Outcome int

// Outcomes.
const (
	Given     Outcome = iota // the callback has returned
	Nobody                   // nobody was registered any more
	Expired                  // the host did nothing for as long as a question is waited for
	TakenBack                // it was not wanted any more
)

// Code is the result code of an error; nil is success.
func Code(err *nimerr.Error) int {
	if err == nil {
		return int(nimerr.OK.Code)
	}
	return int(err.Kind.Code)
}

// A Gate lets a module post for as long as its login lasts. What passes it comes
// before all that the session posts after shutting it.
type Gate struct {
	mu   sync.Mutex
	shut bool
}

// Pass runs post, which must not wait, unless the gate is shut.
func (g *Gate) Pass(post func()) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut {
		return false
	}
	post()
	return true
}

// Shut lets nothing pass any more.
func (g *Gate) Shut() {
	g.mu.Lock()
	g.shut = true
	g.mu.Unlock()
}

// Passive is a Module that lives on the session's goroutine and keeps nothing of
// a login. It is embedded.
type Passive struct{ Session Session }

// Start implements Module.
func (p *Passive) Start(s Session) { p.Session = s }

// Accepted implements Module.
func (*Passive) Accepted(_ Account, ready func(*nimerr.Error)) { ready(nil) }

// Online implements Module.
func (*Passive) Online(Online) {}

// Push implements Module.
func (*Passive) Push(backend.Event) {}

// Offline implements Module.
func (*Passive) Offline(_ Reason, settled func()) { settled() }

// Close implements Module.
func (*Passive) Close(_ time.Time, closed func()) { closed() }
