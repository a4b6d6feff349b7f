package session

import (
	"context"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/internal/abi"
)

// A Sink takes what the session reports. Only run calls it (WaitRoom excepted),
// and no method waits for the host.
type Sink interface {
	// Publish stores what the getters answer; it is called before the event is
	// posted. account is "" unless somebody is logged in.
	Publish(status Status, account string)

	// Clock stores the server's clock as it was at the local time now, or
	// forgets it.
	Clock(serverMS int64, known bool)

	module.Sink
}

// Call names a call of the application that waits for its callback; 0 is none.
type Call = module.Call

// A TokenProvider asks the application for a token.
type TokenProvider interface {
	// Registered says whether the application has a provider.
	Registered() bool

	// Ask blocks until the provider has answered, the deadline of the request
	// has passed (nimerr.TokenProviderTimeout) or ctx is done. A token of ""
	// means that the provider gave none: keep the old one.
	Ask(ctx context.Context, r abi.TokenRequest) (token string, err error)

	// Late takes the token of a provider that answered after its deadline.
	Late() (token string, ok bool)

	// Forget drops a late token and whatever is being asked.
	Forget()
}

// A Router opens links: it knows the addresses, and which to try next.
type Router interface {
	// Connect tries the addresses in turn until one gives a link. refresh asks
	// for addresses anew where they are discovered. The error is a
	// *nimerr.Error; attempts holds one record per address tried.
	Connect(ctx context.Context, login *backend.Login, refresh bool) (link backend.Link, attempts []backend.Attempt, err error)
}

// Limits and deadlines of the session. docs/CLIENT.md states them.
const (
	firstLoginTimeout = 30 * time.Second
	connectTimeout    = 10 * time.Second
	loginTimeout      = 10 * time.Second
	tokenTimeout      = 10 * time.Second
	requestTimeout    = 10 * time.Second
	logoutTimeout     = 5 * time.Second
	acceptTimeout     = 3 * time.Second        // for the modules to accept a login
	kickTimeout       = 500 * time.Millisecond // for the modules to settle before a kick is told
	cleanupTimeout    = 700 * time.Millisecond // for the modules to close at cleanup
	steadyAfter       = 10 * time.Second       // online for so long resets the schedule

	maxRequests  = 1000 // requests on the wire
	maxOthers    = 1000 // other devices of the account that are kept
	wallJumpSize = 10 * time.Second
)
