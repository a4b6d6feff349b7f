// Package openim is the backend "openim": it logs in to an existing OpenIM 3.8+
// deployment, over the WebSocket of its msggateway and, where an address is
// given, its REST API.
//
// The token travels in the URL of the handshake: that is OpenIM's protocol. It
// stays out of everything this package hands out: errors, attempts, log lines.
package openim

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/dial"
	"github.com/libnim/libnim/core/journal"
	"github.com/libnim/libnim/internal/nimerr"
)

// Timing of a link. A server that says nothing is given up after at most
// heartbeat + pongWait, which is also half of the 30 s after which the server
// gives up a client that says nothing.
const (
	heartbeat   = 10 * time.Second
	pongWait    = 4 * time.Second
	checkWait   = 3 * time.Second // for the sign of life that Check asks for
	writeWait   = 5 * time.Second
	upgradeWait = 8 * time.Second
	resultWait  = 6 * time.Second  // for the result of the token check, after the upgrade
	hangUpWait  = time.Second      // for the reader to take what came before a failed write
	gatherWait  = time.Second      // how long the login waits for other devices and, the first one, profile
	profileWait = 10 * time.Second // for the profile, which may come after the login
	reasonWait  = 500 * time.Millisecond
	kickWait    = 5 * time.Second // for the REST calls of one KickOther
)

// Bounds of what a server may send.
const (
	maxFrame    = 4 << 20 // on the wire
	maxInflated = 8 << 20 // one inflated frame
	maxREST     = 1 << 20
)

// A Backend opens links to one OpenIM deployment. Its fields are set once.
type Backend struct {
	Dialer     func() *dial.Dialer // the way out, asked for each connection
	APIAddr    string              // base URL of the REST API as APIURL returns it; "": there is none
	PlatformID int                 // 1 to 12; 0: by the operating system
	Gzip       bool                // compress frames both ways
	AdminToken string              // lets KickOther work, through /auth/force_logout; "": it cannot
	SDK        string              // name and version of this library, told to the server; may be empty
	Wall       func() time.Time    // the wall clock that token expiry is held against; nil: time.Now
	Journal    *journal.Journal    // nil: nothing is written
}

var _ backend.Backend = (*Backend)(nil)

// Name implements backend.Backend.
func (*Backend) Name() string { return "openim" }

// Capabilities implements backend.Backend. docs/OPENIM.md says why the rest is
// missing.
func (b *Backend) Capabilities() backend.Capabilities {
	return backend.Capabilities{
		KickOther:        b.AdminToken != "" && b.APIAddr != "",
		Presence:         true,
		Profile:          b.APIAddr != "",
		TokenExpiry:      true,
		AuthTypes:        []int{authStatic, authProvided},
		AnyAccount:       true,
		TokenInHandshake: true,
	}
}

// NIMAuthType as far as OpenIM has something like it: both are OpenIM's own
// token, with the second the token provider is asked for it.
const (
	authStatic   = 0
	authProvided = 1
)

// Connect implements backend.Backend. It returns when the gateway has checked
// the token. A refusal, instead of the upgrade or behind it, makes a link too:
// one that answers the Login with it and ends.
func (b *Backend) Connect(ctx context.Context, address string, login *backend.Login, a *backend.Attempt) (made backend.Link, err error) {
	gateway, bad := GatewayURL(address)
	if bad != nil {
		return nil, bad
	}
	if bad := b.admissible(login); bad != nil {
		return nil, bad
	}
	var own backend.Attempt
	if a == nil {
		a = &own
	}
	l := newLink(b, login)
	defer func() { // a panic, too, leaves nothing behind that asks for the profile
		if made != backend.Link(l) {
			l.abandon()
		}
	}()
	if !login.Relogin {
		l.askProfile()
	}
	c, err := l.api.dialer.WebSocket(ctx, b.handshakeURL(gateway, login), dial.Upgrade{
		Timeout:   upgradeWait,
		ReadLimit: maxFrame,
	}, a)
	if err == nil {
		l.connected(c, a.Endpoint)
		return b.admitted(ctx, l)
	}
	if r, ok := errors.AsType[*dial.Rejected](err); ok {
		if refusal, said := parseResult(r.Body); said {
			return newRefused(b.refused(refusal, login).At(a.Endpoint)), nil
		}
	}
	return nil, stranger(err, "an OpenIM msggateway")
}

// admitted waits for what the gateway says of the token.
func (b *Backend) admitted(ctx context.Context, l *link) (backend.Link, error) {
	r, bad := l.result(ctx)
	if bad == nil && r.code == 0 {
		if bad = l.start(); bad == nil {
			return l, nil
		}
	}
	if bad != nil {
		return nil, bad.At(l.endpoint)
	}
	return newRefused(b.refused(r, l.login).At(l.endpoint)), nil
}

// admissible says what of a login OpenIM has no way to honour.
func (b *Backend) admissible(login *backend.Login) *nimerr.Error {
	switch {
	case login.AuthType != authStatic && login.AuthType != authProvided:
		return nimerr.AuthTypeRefused.Newf("OpenIM takes its own token only (auth_type 0, or 1 with a token provider), got auth_type %d", login.AuthType)
	case login.Token == "":
		return nimerr.InvalidArgument.New("token: want an OpenIM user token, got an empty string")
	case !login.Force:
		return nimerr.ServerCannot.New("force false: OpenIM's own policy decides which device is displaced")
	case b.PlatformID < 0 || b.PlatformID > MaxPlatform:
		return nimerr.InvalidArgument.Newf("platform_id: want 1 to %d, or 0 for this operating system, got %d", MaxPlatform, b.PlatformID)
	}
	return nil
}

// stranger completes the error of a request that something else answered.
func stranger(err error, want string) *nimerr.Error {
	e := nimerr.From(err, nimerr.ConnectionFailed)
	if e.Kind == nimerr.NotAGateway {
		e.Detail = "want " + want + ", found: " + e.Detail
	}
	return e
}

func (b *Backend) platform() int {
	if b.PlatformID != 0 {
		return b.PlatformID
	}
	return hostPlatform(runtime.GOOS)
}

func (b *Backend) wall() time.Time {
	if b.Wall != nil {
		return b.Wall()
	}
	return time.Now()
}
