package dial

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/proxy"
	"github.com/libnim/libnim/internal/nimerr"
)

// attempt is one way to a server: names, TCP, proxy, TLS.
type attempt struct {
	d    *Dialer
	to   target
	a    *backend.Attempt
	step string // what is being waited for
}

func (d *Dialer) newAttempt(to target, a *backend.Attempt) *attempt {
	if a == nil {
		a = new(backend.Attempt)
	}
	a.Endpoint, a.Via, a.Start = to.endpoint, d.Proxy.String(), time.Now()
	return &attempt{d: d, to: to, a: a, step: "connecting"}
}

// conn is an open connection to a server, with the deadline of its context set.
type conn struct {
	raw  *transport
	conn net.Conn // raw, or TLS over it
	stop func() bool
}

// close ends the connection at once.
func (l *conn) close() {
	l.stop()
	l.raw.Close()
}

// keep detaches the connection from the context it was opened under. It reports false
// if that ended before; it is closed then.
func (l *conn) keep() bool {
	if !l.stop() {
		return false
	}
	l.raw.lift()
	l.conn.SetDeadline(time.Time{})
	return true
}

// open goes the whole way. When ctx ends, the raw connection is closed, which
// ends whatever waits on it.
func (t *attempt) open(ctx context.Context) (*conn, error) {
	if err := t.d.Proxy.Check(); err != nil {
		return nil, err
	}
	tcp, err := t.connect(ctx)
	if err != nil {
		return nil, err
	}
	t.a.Remote = tcp.RemoteAddr().String()
	raw := &transport{Conn: tcp}
	l := &conn{raw: raw, conn: raw, stop: context.AfterFunc(ctx, func() { tcp.Close() })}
	if err := t.through(ctx, l); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

// through passes the proxy and TLS on an open connection.
func (t *attempt) through(ctx context.Context, l *conn) error {
	if t.d.Proxy.Type != proxy.None {
		if err := t.passProxy(ctx, l); err != nil {
			return err
		}
	}
	if at, ok := ctx.Deadline(); ok {
		l.raw.SetDeadline(at)
	}
	if t.to.secure {
		return t.secure(ctx, l)
	}
	return nil
}

// connect opens the TCP connection, to the server or to the proxy before it.
func (t *attempt) connect(ctx context.Context) (net.Conn, error) {
	p := t.d.Proxy
	if p.Type == proxy.None {
		conn, err := t.dialHost(ctx, t.to.host, t.to.port, t.d.IPVersion)
		if err != nil {
			return nil, t.failed(ctx, err)
		}
		return conn, nil
	}
	t.step = "connecting to the proxy " + p.String()
	conn, err := t.dialHost(ctx, p.Host, uint16(p.Port), 0)
	if err == nil {
		return conn, nil
	}
	e := t.failed(ctx, err)
	switch e.Kind {
	case nimerr.Cancelled, nimerr.Timeout, nimerr.NetworkUnreachable, nimerr.InvalidArgument:
		return nil, e
	}
	return nil, &nimerr.Error{Kind: nimerr.ProxyFailed, Detail: p.String() + ": " + e.Error(), Cause: err}
}

// failed returns the error of dialHost as a row of the table.
func (t *attempt) failed(ctx context.Context, err error) *nimerr.Error {
	if e := t.ended(ctx); e != nil {
		return e
	}
	if e, ok := errors.AsType[*nimerr.Error](err); ok {
		own := *e // the endpoint is added to it, and a NetDial may return it again
		return &own
	}
	return t.broken(ctx, err)
}

// dialHost resolves a host and connects to it. With a NetDial and no table of
// names it leaves the name to that.
func (t *attempt) dialHost(ctx context.Context, host string, port uint16, version int) (net.Conn, error) {
	if t.d.NetDial != nil && t.d.lookup == nil {
		return t.timedTCP(func() (net.Conn, error) {
			return t.d.NetDial(ctx, "tcp", target{host: host, port: port}.address())
		})
	}
	start := time.Now()
	addrs, err := t.d.resolve(ctx, host, version)
	t.a.DNS += time.Since(start)
	if err != nil {
		return nil, err
	}
	list := make([]netip.AddrPort, len(addrs))
	for i, a := range addrs {
		list[i] = netip.AddrPortFrom(a, port)
	}
	return t.timedTCP(func() (net.Conn, error) { return t.d.race(ctx, list) })
}

func (t *attempt) timedTCP(dial func() (net.Conn, error)) (net.Conn, error) {
	start := time.Now()
	conn, err := dial()
	t.a.TCP = time.Since(start)
	return conn, err
}

func (d *Dialer) netDial(ctx context.Context, network, address string) (net.Conn, error) {
	if d.NetDial != nil {
		return d.NetDial(ctx, network, address)
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}

// passProxy asks the proxy for a connection to the server.
func (t *attempt) passProxy(ctx context.Context, l *conn) error {
	p := t.d.Proxy
	address := t.to.address()
	if p.NeedsIP() {
		start := time.Now()
		addrs, err := t.d.resolve(ctx, t.to.host, 1)
		t.a.DNS += time.Since(start)
		if err != nil {
			t.step = "resolving"
			e := t.failed(ctx, err)
			e.Detail = strings.TrimPrefix(e.Detail+"; the proxy "+p.String()+" takes only IPv4 addresses", "; ")
			return e
		}
		address = netip.AddrPortFrom(addrs[0], t.to.port).String()
	}
	t.step = "waiting for the proxy " + p.String()
	start := time.Now()
	err := proxy.Connect(ctx, l.raw, p, address)
	t.a.Proxy = time.Since(start)
	return err
}

// secure does the TLS handshake.
func (t *attempt) secure(ctx context.Context, l *conn) error {
	t.step = "TLS handshake"
	config, err := t.d.TLS.config(t.to.host)
	if err != nil {
		return nimerr.TLSFailed.Wrap(err) // retried: the file may be on its way
	}
	start := time.Now()
	conn := tls.Client(l.raw, config)
	err = conn.HandshakeContext(ctx)
	t.a.TLS = time.Since(start)
	if err == nil {
		l.conn = conn
		return nil
	}
	if e := t.ended(ctx); e != nil {
		return e
	}
	if e := tlsError(err); e != nil {
		return e
	}
	return t.broken(ctx, err)
}
