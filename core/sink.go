package core

import (
	"context"
	"time"

	"github.com/libnim/libnim/core/backend"
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

	// Event posts to the callback registered for it. It returns how many
	// callbacks the host has not consumed yet.
	Event(e Event) int

	// Answer posts to the callback of a call. final completes the call.
	Answer(call Call, payload any, final bool)

	// WaitRoom returns when at most low callbacks are pending, or when the
	// library is closing. It is called on a goroutine of its own.
	WaitRoom(low int)
}

// An Event goes to a registered callback. It is one of the payloads of package
// abi, named for the registration it belongs to.
type Event interface{ isEvent() }

// Events.
type (
	DisconnectedEvent struct{ abi.DisconnectEvent }
	ReloginEvent      struct{ abi.LoginResult }
	KickoutEvent      struct {
		abi.KickoutEvent
		Replay bool // this is the present state, told to a new registration
	}
	MultiSpotEvent   struct{ abi.MultiSpotEvent }
	KickOtherEvent   struct{ abi.KickOtherResult }
	PushChangedEvent struct{ abi.PushConfig }
	ConnectionEvent  struct{ abi.ConnectionEvent }
	DataSyncedEvent  struct {
		Type   int
		Replay bool
	}
)

func (DisconnectedEvent) isEvent() {}
func (ReloginEvent) isEvent()      {}
func (KickoutEvent) isEvent()      {}
func (MultiSpotEvent) isEvent()    {}
func (KickOtherEvent) isEvent()    {}
func (PushChangedEvent) isEvent()  {}
func (ConnectionEvent) isEvent()   {}
func (DataSyncedEvent) isEvent()   {}

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

// Payloads of answers that have no JSON of their own.
type (
	// ServerTimeResult answers nim_client_get_server_current_time.
	ServerTimeResult struct {
		Code   int32
		TimeMS int64
	}
	// PushConfigResult answers the get and set of the push switch.
	PushConfigResult struct {
		Error      abi.ErrorInfo
		SwitchOpen int
	}
	// CodeResult answers a call whose callback takes a code only.
	CodeResult struct{ Code int32 }
)

// Limits and deadlines of the session. docs/CLIENT.md states them.
const (
	firstLoginTimeout = 30 * time.Second
	connectTimeout    = 10 * time.Second
	loginTimeout      = 10 * time.Second
	tokenTimeout      = 10 * time.Second
	requestTimeout    = 10 * time.Second
	logoutTimeout     = 5 * time.Second
	steadyAfter       = 10 * time.Second // online for so long resets the schedule

	maxRequests  = 1000  // requests on the wire
	backlogHigh  = 10000 // undelivered callbacks at which the session stops reading
	backlogLow   = 1000  // and where it goes on
	wallJumpSize = 10 * time.Second
)
