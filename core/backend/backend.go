// Package backend is what the session needs of a server: how to open a link,
// what can be asked over it, and what comes back. core/nimlink and core/openim
// implement it; the session knows neither.
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
	// Send queues a request. It never blocks. Its Answer comes out of Receive
	// unless the link ends first.
	Send(id uint64, r Request) error

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

// Login is everything a server may want to know to admit a session.
type Login struct {
	AppKey      string
	Account     string
	Token       string
	AuthType    int // NIMAuthType
	LoginEx     string
	CustomTag   string
	OperationID string
	Force       bool      // false: do not displace another device
	Relogin     bool      // a reconnect of a session that was online
	Until       time.Time // when the program gives up on the login; zero: not soon
	Instance    string    // random, one for each session of this library
	Attempt     uint64    // counts the logins that it has sent, from 1
	Device      Device
}

// Device describes this client, or another device of the account.
type Device struct {
	Account          string
	ID               string
	ClientType       int // NIMClientType
	CustomClientType int
	OS               string
	Mac              string
	CustomTag        string
	LoginTime        time.Time // zero for this client
}

// A Request is one of the request types below. *Login is one too.
type Request interface{ request() }

// Requests.
type (
	Logout     struct{ Type int }
	KickOther  struct{ DeviceIDs []string }
	RenewToken struct {
		Token    string
		AuthType int
		LoginEx  string
	}
	PushGet    struct{}
	PushSet    struct{ SwitchOpen int }
	ServerTime struct{}
	UploadLog  struct {
		Feedback, Name string
		Part           int
		Last           bool
		Data           []byte
	}
)

func (*Login) request()     {}
func (Logout) request()     {}
func (KickOther) request()  {}
func (RenewToken) request() {}
func (PushGet) request()    {}
func (PushSet) request()    {}
func (ServerTime) request() {}
func (UploadLog) request()  {}

// An Event is an Answer or a push.
type Event interface{ event() }

// Answer completes the request with that id. Body is nil or one of the bodies.
type Answer struct {
	ID   uint64
	Err  *nimerr.Error // nil: success
	Body any
}

// Bodies of answers.
type (
	// LoginOK answers a Login.
	LoginOK struct {
		Session        string
		Others         []Device
		ServerTime     time.Time
		TokenExpiresAt time.Time     // zero: never, or unknown
		TokenNotice    time.Duration // how long before that the server gives notice; 0: it does not
		SwitchOpen     int           // 0: unknown
		Profile        *Profile      // nil: unknown yet; it may follow as a push
	}
	// LoginRefused may accompany the error of a Login.
	LoginRefused struct {
		Others []Device // who is in the way
		Kicked *Kicked  // the kick that happened while this device was offline
	}
	KickOtherOK struct{ Results []KickResult }
	KickResult  struct {
		DeviceID string
		Code     int32
	}
	TokenRenewed struct {
		ExpiresAt time.Time // zero: never, or unknown
	}
	PushConfig struct{ SwitchOpen int }
	Time       struct{ Server time.Time }
)

// Pushes.
type (
	// Kicked ends the session; the link ends after it.
	Kicked struct {
		Reason           int // NIMKickReason
		Description      string
		ClientType       int
		CustomClientType int
		DeviceID         string
		Time             time.Time
	}
	// Presence: other devices of the account came or left.
	Presence struct {
		Type    int // NIMMultiSpotNotifyType
		Devices []Device
	}
	// GoingAway: the server will close the link.
	GoingAway struct {
		Reason     string
		RetryAfter time.Duration
	}
	TokenExpiring struct{ ExpiresAt time.Time }
	TokenExpired  struct{ ServerCode int32 } // the number that the token's family gives it; 0: none
	PushChanged   struct{ SwitchOpen int }
	// Profile is what the server knows of the account that is logged in.
	Profile struct{ Account, Name, Icon, Ex string }
)

func (Answer) event()        {}
func (Kicked) event()        {}
func (Presence) event()      {}
func (GoingAway) event()     {}
func (TokenExpiring) event() {}
func (TokenExpired) event()  {}
func (PushChanged) event()   {}
func (Profile) event()       {}
