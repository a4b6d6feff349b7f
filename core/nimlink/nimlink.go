// Package nimlink is the backend "nim": the protocol nim.v1.json to nimd, over
// a WebSocket.
package nimlink

import (
	"context"
	"time"

	"github.com/gorilla/websocket"
	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/dial"
	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/internal/wire"
)

// Timing of a link where the server does not say otherwise.
const (
	defaultHeartbeat = 5 * time.Second
	shortestBeat     = time.Second
	longestBeat      = 10 * time.Second // so that a frozen server is noticed within 15 s
	pongWait         = 4 * time.Second  // after a heartbeat
	checkWait        = 3 * time.Second  // for the sign of life that Check asks for
	writeWait        = 5 * time.Second
	helloWait        = 8 * time.Second
	hangUpWait       = time.Second // for the reader to take what came before a failed write
	longestDelayMS   = 5 * 60 * 1000
)

// Backend opens links with a dialer.
type Backend struct {
	Dialer func() *dial.Dialer // as of now: a proxy may change between two links
	SDK    string              // name and version of this library, told to the server
}

var _ backend.Backend = (*Backend)(nil)

// Name implements backend.Backend.
func (*Backend) Name() string { return "nim" }

// Capabilities implements backend.Backend: nimd does everything.
func (*Backend) Capabilities() backend.Capabilities {
	return backend.Capabilities{
		KickOther: true, Presence: true, RenewToken: true, PushConfig: true, ServerTime: true, UploadLog: true,
		Profile: true, KickDetails: true, TokenExpiry: true, RefuseDevice: true, AuthTypes: []int{0, 1, 2},
	}
}

// Connect implements backend.Backend. The link is up when the server has said
// hello. The login is not used: the token travels in a frame, never in the URL.
func (b *Backend) Connect(ctx context.Context, address string, _ *backend.Login, a *backend.Attempt) (backend.Link, error) {
	c, err := b.Dialer().WebSocket(ctx, address, dial.Upgrade{
		Subprotocols: []string{wire.Subprotocol},
		Timeout:      helloWait,
		ReadLimit:    wire.MaxFrame,
	}, a)
	if err != nil {
		return nil, err
	}
	if c.WS.Subprotocol() != wire.Subprotocol {
		c.Abort()
		return nil, nimerr.VersionRefused.Newf("want subprotocol %s, the server chose %q", wire.Subprotocol, c.WS.Subprotocol()).At(a.Endpoint)
	}
	l := newLink(c, b.SDK)
	stop := context.AfterFunc(ctx, c.Abort)
	hello, err := l.hello()
	if !stop() {
		err = nimerr.Timeout.New("waiting for the server's greeting")
	}
	if err != nil {
		c.Abort()
		return nil, nimerr.From(err, nimerr.ProtocolError).At(a.Endpoint)
	}
	l.start(hello)
	return l, nil
}

// hello reads the server's greeting.
func (l *link) hello() (*wire.Hello, error) {
	l.conn.WS.SetReadDeadline(time.Now().Add(helloWait))
	kind, data, err := l.conn.WS.ReadMessage()
	if err != nil {
		return nil, l.why(err)
	}
	f, err := frame(kind, data)
	if err != nil {
		return nil, err
	}
	switch f.Op {
	case wire.OpHello:
		h := &wire.Hello{}
		if err := f.DecodeBody(h); err != nil {
			return nil, nimerr.ProtocolError.Wrap(err)
		}
		return h, nil
	case wire.OpGoingAway:
		var g wire.GoingAway
		if err := f.DecodeBody(&g); err != nil {
			return nil, nimerr.ProtocolError.Wrap(err)
		}
		e := nimerr.GoingAway.New(g.Reason)
		e.RetryAfter = delay(g.RetryAfterMS)
		return nil, e
	}
	return nil, nimerr.ProtocolError.Newf("want %q first, got %q", wire.OpHello, f.Op)
}

// frame reads what one WebSocket message holds.
func frame(kind int, data []byte) (wire.Frame, error) {
	if kind != websocket.TextMessage {
		return wire.Frame{}, nimerr.ProtocolError.New("a binary message, want text")
	}
	f, err := wire.Decode(data)
	if err != nil {
		return f, nimerr.ProtocolError.Wrap(err)
	}
	return f, nil
}
