package dial

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"

	"github.com/libnim/libnim/internal/nimerr"
)

// resolve returns the addresses of a host that version allows, best first.
func (d *Dialer) resolve(ctx context.Context, host string, version int) ([]netip.Addr, error) {
	var addrs []netip.Addr
	if ip, err := netip.ParseAddr(host); err == nil {
		addrs = []netip.Addr{ip}
	} else if addrs, err = d.lookupHost(ctx, host, version); err != nil {
		return nil, lookupError(host, err)
	}
	allowed := addrs[:0]
	for _, a := range addrs {
		a = a.Unmap()
		if version == 1 && !a.Is4() || version == 2 && !a.Is6() {
			continue
		}
		allowed = append(allowed, a)
	}
	switch {
	case len(allowed) > 0:
		return interleave(allowed[:min(len(allowed), maxAddresses)]), nil
	case version == 1:
		return nil, nimerr.HostNotFound.Newf("%s has no IPv4 address", host)
	case version == 2:
		return nil, nimerr.HostNotFound.Newf("%s has no IPv6 address", host)
	}
	return nil, nimerr.HostNotFound.New(host)
}

func (d *Dialer) lookupHost(ctx context.Context, host string, version int) ([]netip.Addr, error) {
	if d.lookup != nil {
		return d.lookup(ctx, host)
	}
	if d.NetDial != nil {
		return nil, nimerr.HostNotFound.Newf("%s: no resolver", host)
	}
	network := "ip"
	switch version {
	case 1:
		network = "ip4"
	case 2:
		network = "ip6"
	}
	return net.DefaultResolver.LookupNetIP(ctx, network, host)
}

// lookupError tells a name that does not exist from a machine that is offline.
func lookupError(host string, err error) error {
	if _, ok := errors.AsType[*nimerr.Error](err); ok {
		return err
	}
	dns, ok := errors.AsType[*net.DNSError](err)
	switch {
	case ok && dns.IsNotFound:
		return nimerr.HostNotFound.New(host)
	case isTimeout(err), errors.Is(err, context.Canceled):
		return err
	case networkKind(err) == nimerr.NetworkUnreachable || offline():
		return nimerr.NetworkUnreachable.Newf("%s could not be resolved", host)
	case ok:
		return nimerr.HostNotFound.Newf("%s: %s", host, strings.TrimSpace(dns.Err))
	}
	return nimerr.HostNotFound.New(host)
}

// offline reports whether no interface but loopback has an address.
func offline() bool {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return false // unknown
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() {
			return false
		}
	}
	return true
}
