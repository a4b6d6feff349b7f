// Package proxy speaks to proxies: SOCKS4, SOCKS4a, SOCKS5 and HTTP CONNECT.
// It works on a connection that is open already; package dial opens it.
package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/libnim/libnim/internal/nimerr"
)

// Config names one proxy. The zero value is none.
type Config struct {
	Type     Type
	Host     string
	Port     int
	User     string
	Password string // never in a log, an error or a trace; SOCKS4 has none
}

// Type is NIMProxyType.
type Type int

// The kinds of proxy, as the ABI numbers them.
const (
	None    Type = 0
	HTTP    Type = 1 // CONNECT, with basic auth where User is set
	Socks4  Type = 4
	Socks4a Type = 5
	Socks5  Type = 6
)

// String returns the URL scheme by which errors name this kind.
func (t Type) String() string {
	switch t {
	case None:
		return "direct"
	case HTTP:
		return "http"
	case Socks4:
		return "socks4"
	case Socks4a:
		return "socks4a"
	case Socks5:
		return "socks5"
	}
	return "proxy type " + strconv.Itoa(int(t))
}

// String names the proxy without its credentials; it is "" for none.
func (c Config) String() string {
	if c.Type == None {
		return ""
	}
	return c.Type.String() + "://" + c.Address()
}

// GoString keeps the credentials out of %#v.
func (c Config) GoString() string { return c.String() }

// Address is the host:port of the proxy itself.
func (c Config) Address() string { return net.JoinHostPort(c.Host, strconv.Itoa(c.Port)) }

// NeedsIP reports whether the proxy takes IPv4 addresses only, so that names
// are resolved on this side.
func (c Config) NeedsIP() bool { return c.Type == Socks4 }

// Check returns an InvalidArgument error for a configuration that can never
// work.
func (c Config) Check() error {
	switch c.Type {
	case None:
		return nil
	case HTTP, Socks4, Socks4a, Socks5:
	default:
		return nimerr.InvalidArgument.Newf("%v is not known", c.Type)
	}
	switch {
	case c.Host == "":
		return nimerr.InvalidArgument.New("the proxy has no host")
	case c.Port < 1 || c.Port > 65535:
		return nimerr.InvalidArgument.Newf("%d is not a port of a proxy", c.Port)
	case len(c.User) > 255 || len(c.Password) > 255:
		return nimerr.InvalidArgument.New("user name or password of the proxy is longer than 255 bytes")
	case c.Type != HTTP && c.Type != Socks5 && strings.Contains(c.User, "\x00"):
		return nimerr.InvalidArgument.New("user name of the proxy has a zero byte")
	case c.Type == HTTP && strings.Contains(c.User, ":"):
		return nimerr.InvalidArgument.New("user name of an HTTP proxy has a colon")
	case c.Type == Socks5 && c.User == "" && c.Password != "":
		return nimerr.InvalidArgument.New("the proxy has a password but no user name")
	}
	return nil
}

// target is where the proxy shall connect to.
type target struct {
	host string
	ip   netip.Addr // valid where host is a literal
	port uint16
}

func (t target) String() string { return net.JoinHostPort(t.host, strconv.Itoa(int(t.port))) }

func parseTarget(address string) (target, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return target{}, nimerr.InvalidArgument.New("the address behind the proxy is not host:port")
	}
	p, err := strconv.ParseUint(port, 10, 16)
	if err != nil || p == 0 || host == "" || len(host) > 255 || strings.Contains(host, "\x00") {
		return target{}, nimerr.InvalidArgument.New("the address behind the proxy is not valid")
	}
	t := target{host: host, port: uint16(p)}
	if ip, err := netip.ParseAddr(host); err == nil {
		t.ip = ip.Unmap().WithZone("")
	}
	return t, nil
}

// Connect asks the proxy at the other end of conn to connect to address, a
// host:port. After it returned nil, conn carries what the target says, and
// nothing of that was read. Ending ctx ends Connect at once. conn is left
// without a deadline; it is not closed. The error is a *nimerr.Error that names
// the proxy.
func Connect(ctx context.Context, conn net.Conn, c Config, address string) error {
	if err := c.Check(); err != nil {
		return err
	}
	to, err := parseTarget(address)
	if err != nil {
		return err
	}
	if at, ok := ctx.Deadline(); ok {
		conn.SetDeadline(at)
	}
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	switch c.Type {
	case HTTP:
		err = connectHTTP(conn, c, to)
	case Socks4, Socks4a:
		err = connectSocks4(conn, c, to)
	case Socks5:
		err = connectSocks5(conn, c, to)
	}
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return c.explain(ctx, err)
	}
	conn.SetDeadline(time.Time{})
	return nil
}

// refusal is an error of the conversation with the proxy, before it is known
// which proxy it was.
type refusal struct {
	kind *nimerr.Kind
	text string
}

func (r *refusal) Error() string { return r.text }

func failed(text string) error     { return &refusal{nimerr.ProxyFailed, text} }
func authFailed(text string) error { return &refusal{nimerr.ProxyAuthFailed, text} }
func refused(text string) error    { return &refusal{nimerr.ProxyRefused, text} }

// explain turns what went wrong into an error that names the proxy.
func (c Config) explain(ctx context.Context, err error) error {
	if r, ok := errors.AsType[*refusal](err); ok {
		return r.kind.New(c.String() + ": " + r.text)
	}
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return nimerr.Cancelled.New("waiting for the proxy " + c.String())
	case ctx.Err() != nil, errors.Is(err, os.ErrDeadlineExceeded):
		return nimerr.Timeout.New("waiting for the proxy " + c.String())
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nimerr.ProxyFailed.New(c.String() + ": it closed the connection")
	}
	return &nimerr.Error{
		Kind:   nimerr.ProxyFailed,
		Detail: c.String() + ": the connection to it was lost",
		Cause:  err,
	}
}
