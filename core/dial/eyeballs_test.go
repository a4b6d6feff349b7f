package dial

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/proxy"
	"github.com/libnim/libnim/internal/memnet"
	"github.com/libnim/libnim/internal/nimerr"
)

// table is a lookup with fixed answers; a name that is not in it is not found.
func table(names map[string]string) func(context.Context, string) ([]netip.Addr, error) {
	return func(_ context.Context, host string) ([]netip.Addr, error) {
		text, ok := names[host]
		if !ok {
			return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
		}
		var addrs []netip.Addr
		for _, s := range strings.Fields(text) {
			addrs = append(addrs, netip.MustParseAddr(s))
		}
		return addrs, nil
	}
}

func TestInterleave(t *testing.T) {
	tests := []struct{ in, want string }{
		{"::1 ::2 10.0.0.1 10.0.0.2", "::1 10.0.0.1 ::2 10.0.0.2"},
		{"10.0.0.1 ::1 ::2 ::3", "10.0.0.1 ::1 ::2 ::3"},
		{"10.0.0.1 10.0.0.2", "10.0.0.1 10.0.0.2"},
		{"::1", "::1"},
	}
	for _, tt := range tests {
		in, _ := table(map[string]string{"h": tt.in})(t.Context(), "h")
		want, _ := table(map[string]string{"h": tt.want})(t.Context(), "h")
		if got := interleave(in); !reflect.DeepEqual(got, want) {
			t.Errorf("interleave(%s) = %v, want %s", tt.in, got, tt.want)
		}
	}
}

func TestIPVersion(t *testing.T) {
	d := &Dialer{lookup: table(map[string]string{
		"both": "fd00::1 10.0.0.1 ::ffff:10.0.0.2", "four": "10.0.0.1", "six": "fd00::1", "none": "",
	})}
	tests := []struct {
		host    string
		version int
		want    string // addresses, or the detail of host_not_found
	}{
		{"both", 0, "[fd00::1 10.0.0.1 10.0.0.2]"},
		{"both", 1, "[10.0.0.1 10.0.0.2]"},
		{"both", 2, "[fd00::1]"},
		{"four", 2, "four has no IPv6 address"},
		{"six", 1, "six has no IPv4 address"},
		{"none", 0, "none"},
		{"missing", 0, "missing"},
		{"127.0.0.1", 0, "[127.0.0.1]"},
		{"::1", 0, "[::1]"},
		{"fe80::1%eth0", 2, "[fe80::1%eth0]"},
		{"127.0.0.1", 2, "127.0.0.1 has no IPv6 address"},
		{"::1", 1, "::1 has no IPv4 address"},
	}
	for _, tt := range tests {
		addrs, err := d.resolve(t.Context(), tt.host, tt.version)
		got := fmt.Sprint(addrs)
		if e, ok := errors.AsType[*nimerr.Error](err); ok {
			if e.Kind != nimerr.HostNotFound {
				t.Errorf("%s: kind %s", tt.host, e.Kind.Name)
			}
			got = e.Detail
		}
		if got != tt.want {
			t.Errorf("resolve(%s, %d) = %s, want %s", tt.host, tt.version, got, tt.want)
		}
	}
}

// scripted is a NetDial of which each address has its own fate.
type scripted struct {
	network *memnet.Network
	fate    map[string]func(context.Context) error // nil: it connects

	mu    sync.Mutex
	start time.Time
	tried []string // "after address"
}

func (s *scripted) dial(ctx context.Context, network, address string) (net.Conn, error) {
	s.mu.Lock()
	s.tried = append(s.tried, fmt.Sprintf("%v %s %s", time.Since(s.start), network, address))
	s.mu.Unlock()
	if f := s.fate[address]; f != nil {
		if err := f(ctx); err != nil {
			return nil, err
		}
	}
	return s.network.Dial(ctx, network, address)
}

func hangs(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

func slow(d time.Duration) func(context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// late connects although its context has ended.
func late(d time.Duration) func(context.Context) error {
	return func(context.Context) error { time.Sleep(d); return nil }
}

func fails(no syscall.Errno) func(context.Context) error {
	return func(context.Context) error { return &net.OpError{Op: "dial", Err: no} }
}

func TestHappyEyeballs(t *testing.T) {
	type fates = map[string]func(context.Context) error
	const six, four = "[fd00::1]:80", "10.0.0.1:80"
	tests := []struct {
		name   string
		fate   fates
		tried  string
		took   time.Duration
		remote string
		kind   *nimerr.Kind
	}{
		{"the first answers", nil, "0s tcp6 " + six, 0, six, nil},
		{"the first hangs", fates{six: hangs}, "0s tcp6 " + six + ", 250ms tcp4 " + four, 250 * time.Millisecond, four, nil},
		{"the first refuses", fates{six: fails(syscall.ECONNREFUSED)}, "0s tcp6 " + six + ", 0s tcp4 " + four, 0, four, nil},
		{"the first is slow and wins", fates{six: slow(300 * time.Millisecond), four: slow(time.Second)},
			"0s tcp6 " + six + ", 250ms tcp4 " + four, 300 * time.Millisecond, six, nil},
		{"the loser connects too", fates{six: late(260 * time.Millisecond)},
			"0s tcp6 " + six + ", 250ms tcp4 " + four, 260 * time.Millisecond, four, nil},
		{"no route, then refused", fates{six: fails(syscall.ENETUNREACH), four: fails(syscall.ECONNREFUSED)},
			"0s tcp6 " + six + ", 0s tcp4 " + four, 0, "", nimerr.ConnectionRefused},
		{"no route at all", fates{six: fails(syscall.ENETUNREACH), four: fails(syscall.EHOSTUNREACH)},
			"0s tcp6 " + six + ", 0s tcp4 " + four, 0, "", nimerr.NetworkUnreachable},
		{"all hang", fates{six: hangs, four: hangs},
			"0s tcp6 " + six + ", 250ms tcp4 " + four, DefaultTimeout, "", nimerr.Timeout},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := memnet.New()
				serveHTTP(t, n, echo(websocket.Upgrader{}))
				s := &scripted{network: n, fate: tt.fate, start: time.Now()}
				d := &Dialer{NetDial: s.dial, lookup: table(map[string]string{"gw": "fd00::1 10.0.0.1"})}
				var a backend.Attempt
				c, err := d.WebSocket(t.Context(), gateway, Upgrade{}, &a)
				if got := time.Since(s.start); got != tt.took {
					t.Errorf("took %v, want %v", got, tt.took)
				}
				if got := strings.Join(s.tried, ", "); got != tt.tried {
					t.Errorf("tried %s\nwant  %s", got, tt.tried)
				}
				if tt.kind != nil {
					wantError(t, err, tt.kind, "")
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if a.Remote != tt.remote {
					t.Errorf("remote %s, want %s", a.Remote, tt.remote)
				}
				synctest.Wait()
				if n.Live() != 1 {
					t.Errorf("%d connections, want 1", n.Live())
				}
				c.Abort()
			})
		})
	}
}

func TestADialThatPanics(t *testing.T) {
	d := &Dialer{
		NetDial: func(context.Context, string, string) (net.Conn, error) { panic("boom") },
		lookup:  table(map[string]string{"gw": "10.0.0.1"}),
	}
	_, err := d.WebSocket(t.Context(), gateway, Upgrade{}, nil)
	wantError(t, err, nimerr.Internal, "boom")
}

func TestNames(t *testing.T) {
	d := &Dialer{lookup: table(nil)}
	_, err := d.WebSocket(t.Context(), gateway, Upgrade{}, nil)
	wantError(t, err, nimerr.HostNotFound, "gw")

	d.lookup = func(context.Context, string) ([]netip.Addr, error) {
		return nil, &net.DNSError{Err: "x", Name: "gw", UnwrapErr: nil, IsTimeout: true}
	}
	_, err = d.WebSocket(t.Context(), gateway, Upgrade{}, nil)
	wantError(t, err, nimerr.Timeout, "")

	d.Proxy = proxy.Config{Type: proxy.HTTP, Host: "nowhere", Port: 3128}
	d.lookup = table(nil)
	_, err = d.WebSocket(t.Context(), gateway, Upgrade{}, nil)
	wantError(t, err, nimerr.ProxyFailed, "http://nowhere:3128: the host name could not be resolved")
}

// On real sockets: a port that nobody listens on, in both families.
func TestRefusedOnLoopback(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "[::1]"} {
		l, err := net.Listen("tcp", host+":0")
		if err != nil {
			t.Fatal(err)
		}
		address := l.Addr().String()
		l.Close()
		_, err = new(Dialer).WebSocket(t.Context(), "ws://"+address+"/nim", Upgrade{}, nil)
		e := wantError(t, err, nimerr.ConnectionRefused, address)
		if e.Endpoint != "ws://"+address+"/nim" {
			t.Errorf("endpoint %s", e.Endpoint)
		}
	}
}
