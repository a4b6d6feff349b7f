// Package backend is what the library needs of a server: how to open a link,
// what can be asked over it, and what comes back. core/nimlink and core/openim
// implement it; session and modules know neither. Each module has a file here
// with its requests, their answers and its pushes.
package backend

import (
	"context"
	"time"

	"github.com/libnim/libnim/internal/nimerr"
)

// A Backend opens links to one kind of server.
type Backend interface {
	// Name is the value of private_server_setting.backend.
	Name() string

	// Capabilities says which requests the server can answer.
	Capabilities() Capabilities

	// Connect opens a link to one address. It returns when the link can carry
	// a Login request, and at once when ctx is cancelled. The login is passed
	// because one protocol puts it into the handshake; another ignores it here.
	// Attempt is filled in as far as the attempt came, also on failure.
	// The error is a *nimerr.Error.
	Connect(ctx context.Context, address string, login *Login, attempt *Attempt) (Link, error)
}

// A Link is one live connection.
type Link interface {
	// Server returns what the server said of itself when the link came up.
	Server() Server

	// Send queues a request. It never blocks, and may be called from any
	// goroutine. Its Answer comes out of Receive unless the link ends first. One
	// that the server has no use for is refused with nimerr.ServerCannot.
	Send(id uint64, r Request) error

	// Forget drops what is kept of a request that is not waited for any more: an
	// answer that comes later is ignored.
	Forget(id uint64)

	// Receive returns the next answer or push, in the order the server sent
	// them. After an error, always a *nimerr.Error, the link is dead; nothing
	// the server said before it is lost. One goroutine calls Receive.
	Receive() (Event, error)

	// Check asks the server for a sign of life: without one within a few
	// seconds the link ends. It never blocks.
	Check()

	// Close ends the link at once and makes Receive return. It may be called
	// from any goroutine, any number of times.
	Close()

	// Stats returns what is known of the link so far.
	Stats() Stats
}

// A Request is a value of one of the request types of this package. A link
// refuses one that its protocol has no codec for.
type Request any

// An Event is an Answer or a push.
type Event any

// Answer completes the request with that id. Body is nil or what the type of the
// request says.
type Answer struct {
	ID   uint64
	Err  *nimerr.Error // nil: success
	Body any
}

// Outcome is how a request ended.
type Outcome int

// Outcomes of a request.
const (
	Answered Outcome = iota // the server answered: with a body or an error
	NotSent                 // it never left; it may be issued again
	Unknown                 // it was written, and no answer came
)

// A Result is the end of a request.
type Result struct {
	Outcome Outcome
	Body    any
	Err     *nimerr.Error // Answered: the server's refusal; else why
}

// Server is what a server says of itself.
type Server struct {
	Epoch    uint64   // of its store: numbers of entries hold for one epoch; 0: it has none
	Features []string // operations that it knows besides those of the session
	Limits   Limits
	Messages Messages
}

// Capabilities says what a backend can do beyond login and logout.
type Capabilities struct {
	KickOther    bool // Request KickOther
	Presence     bool // other devices at login and as they come and go
	RenewToken   bool // in place, without a new link
	PushConfig   bool
	ServerTime   bool
	UploadLog    bool
	Profile      bool // Profile comes with LoginOK or after it
	KickDetails  bool // a kick says who and why
	TokenExpiry  bool // LoginOK.TokenExpiresAt is known
	AuthTypes    []int
	RefuseDevice bool // Login.Force false is honoured
	AnyAccount   bool // accounts are the server's own, not bound to this library's rule

	TokenInHandshake bool // Connect needs the token, not only Login
}

// Attempt is the record of one connection attempt, for diagnostics.
type Attempt struct {
	Endpoint string // URL without query
	Remote   string // IP address and port that answered
	Via      string // proxy that was used, without credentials
	Start    time.Time
	DNS      time.Duration
	TCP      time.Duration
	Proxy    time.Duration
	TLS      time.Duration
	Upgrade  time.Duration
	Err      *nimerr.Error // why it failed; set by the router
}

// Stats of a link.
type Stats struct {
	RTT      time.Duration // of the last heartbeat; 0: none yet
	BytesIn  uint64
	BytesOut uint64
}
