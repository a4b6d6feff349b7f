package dial

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/gorilla/websocket"
	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/nimerr"
)

// Conn is an upgraded connection. One goroutine reads WS and one writes it; the
// methods of Conn itself may be called from any.
type Conn struct {
	WS *websocket.Conn

	raw *transport
}

// Abort closes the raw transport at once: no close frame, no TLS farewell. It
// ends reads and writes, and may be called any number of times.
func (c *Conn) Abort() { c.raw.Close() }

// BytesIn is how many bytes came in, framing and TLS included.
func (c *Conn) BytesIn() uint64 { return c.raw.in.Load() }

// BytesOut is how many bytes went out, framing and TLS included.
func (c *Conn) BytesOut() uint64 { return c.raw.out.Load() }

// WebSocket goes all the way to an upgraded connection, within u.Timeout, and
// returns at once when ctx ends. It fills a in as far as it came; a may be nil.
// Compression is neither offered nor accepted. The error is a *nimerr.Error; its
// cause is a *Rejected where the server answered with something else than an
// upgrade.
func (d *Dialer) WebSocket(ctx context.Context, url string, u Upgrade, a *backend.Attempt) (*Conn, error) {
	to, err := parseTarget(url, "ws", "wss")
	if err != nil {
		return nil, err
	}
	if u.Timeout <= 0 {
		u.Timeout = DefaultTimeout
	}
	if u.ReadLimit <= 0 {
		u.ReadLimit = DefaultReadLimit
	}
	ctx, cancel := context.WithTimeout(ctx, u.Timeout)
	defer cancel()
	t := d.newAttempt(to, a)
	l, err := t.open(ctx)
	if err != nil {
		return nil, nimerr.From(err, nimerr.ConnectionFailed).At(to.endpoint)
	}
	c, err := t.upgrade(ctx, l, u)
	if err != nil {
		l.close()
		return nil, nimerr.From(err, nimerr.ConnectionFailed).At(to.endpoint)
	}
	return c, nil
}

// upgrade does the WebSocket handshake on an open connection.
func (t *attempt) upgrade(ctx context.Context, l *conn, u Upgrade) (*Conn, error) {
	t.step = "upgrade"
	start := time.Now()
	defer func() { t.a.Upgrade = time.Since(start) }()

	rec := &recorder{Conn: l.conn}
	given := func(context.Context, string, string) (net.Conn, error) { return rec, nil }
	g := websocket.Dialer{
		NetDialContext:    given,
		NetDialTLSContext: given, // TLS is done
		Proxy:             nil,   // passed already; gorilla's own panics on a short 407
		HandshakeTimeout:  u.Timeout,
		Subprotocols:      u.Subprotocols,
		EnableCompression: false, // SetReadLimit counts compressed bytes
	}
	ws, resp, err := g.DialContext(ctx, t.to.url.String(), header(u.Header))
	switch {
	case resp != nil && resp.StatusCode != http.StatusSwitchingProtocols:
		return nil, t.rejectedUpgrade(ctx, rec, resp)
	case errors.Is(err, websocket.ErrBadHandshake):
		return nil, nimerr.ProtocolError.New("the upgrade does not answer the request")
	case resp != nil && resp.Header.Get("Sec-WebSocket-Extensions") != "":
		return nil, nimerr.ProtocolError.New("the server chose an extension that was not offered")
	case err != nil:
		return nil, t.notAnswered(ctx, rec, err)
	case ws.Subprotocol() != "" && !slices.Contains(u.Subprotocols, ws.Subprotocol()):
		return nil, nimerr.ProtocolError.New("the server chose a subprotocol that was not offered")
	}
	ws.SetReadLimit(u.ReadLimit)
	rec.finish()
	if !l.keep() {
		return nil, t.ended(ctx)
	}
	return &Conn{WS: ws, raw: l.raw}, nil
}

// header returns the header of a request: a copy of what the caller asks for,
// and the name of this library unless the caller has one.
func header(h http.Header) http.Header {
	h = h.Clone()
	if h == nil {
		h = make(http.Header)
	}
	if h.Get("User-Agent") == "" {
		h.Set("User-Agent", "libnim")
	}
	return h
}

// notAnswered explains an answer that is no HTTP, or none. What the server said
// is not repeated: it may echo the request, and with it a token.
func (t *attempt) notAnswered(ctx context.Context, rec *recorder, err error) error {
	switch {
	case ctx.Err() == context.Canceled:
		return t.ended(ctx)
	case len(rec.seen) > 0 && !bytes.HasPrefix(rec.seen, []byte("HTTP/1.")):
		return nimerr.NotAGateway.New(speaks(rec.seen))
	case ctx.Err() != nil || isTransport(err):
		return t.broken(ctx, err)
	}
	return nimerr.ProtocolError.Newf("%s: the answer is malformed HTTP", t.step)
}
