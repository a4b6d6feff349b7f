// Package dial gets through to a server: names to addresses, IPv4 and IPv6
// side by side, the proxy, TLS, and the WebSocket upgrade behind the fences that
// gorilla/websocket needs. It returns errors as rows of the error table.
package dial

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/libnim/libnim/core/proxy"
)

// Bounds of one attempt, and what holds where an Upgrade says nothing.
const (
	DefaultTimeout   = 10 * time.Second
	DefaultReadLimit = 1 << 20

	maxUntilOpen = 64 << 10 // bytes read from the transport until the upgrade, or the headers, are through
	maxRejected  = 4 << 10  // bytes kept of the body of a rejection
	maxAddresses = 16       // of one name that are tried
	stagger      = 250 * time.Millisecond
)

// Dialer says how to get out. Its fields are set once, before use; its methods
// may then be called from several goroutines.
type Dialer struct {
	// NetDial opens a transport connection; nil means net.Dialer. Tests put an
	// in-memory network here; then no name is resolved.
	NetDial func(ctx context.Context, network, address string) (net.Conn, error)

	Proxy     proxy.Config // zero: direct; the environment is never asked
	IPVersion int          // 0 both, 1 IPv4 only, 2 IPv6 only; of no effect through a proxy
	TLS       TLS

	// lookup resolves names; nil means the system's resolver. Tests of the race
	// between addresses put a table here.
	lookup func(ctx context.Context, host string) ([]netip.Addr, error)
}

// TLS says which servers to trust. The zero value trusts the system's roots.
// The name of the server is always checked, and TLS is 1.2 at least.
type TLS struct {
	CAFile string   // PEM file with further roots; "": none
	Pins   []string // base64 SHA-256 of SubjectPublicKeyInfo; empty: not pinned
}

// Upgrade is what a WebSocket handshake asks for.
type Upgrade struct {
	Subprotocols []string
	Header       http.Header
	Timeout      time.Duration // for the whole way, names to upgrade; 0: DefaultTimeout
	ReadLimit    int64         // bytes of one message; 0: DefaultReadLimit
}
