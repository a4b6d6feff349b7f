// Package address tells where clients come from: their own address, or what a
// trusted proxy says about it, and what of it counts as one place.
package address

import (
	"net/http"
	"net/netip"
	"strings"
)

// Of returns the ip:port that a request comes from: the peer, or what trusted
// proxies say about the one before them. unreadable is a hop that such a proxy
// named and that is no address: the client is then taken for that proxy.
//
// Proxies write an address, or one with its port ("192.0.2.1:5", "[2001:db8::1]:5");
// where they leave the port out it is 0.
func Of(r *http.Request, trusted []netip.Prefix) (remote, unreadable string) {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr, ""
	}
	from := netip.AddrPortFrom(peer.Addr().Unmap(), peer.Port())
	if !Trusted(from.Addr(), trusted) {
		return from.String(), ""
	}
	from = netip.AddrPortFrom(from.Addr(), 0)
	named := r.Header.Values("X-Forwarded-For")
	if len(named) == 0 {
		return from.String(), ""
	}
	hops := strings.Split(strings.Join(named, ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop, ok := parse(strings.TrimSpace(hops[i]))
		if !ok {
			return from.String(), strings.TrimSpace(hops[i])
		}
		if from = hop; !Trusted(from.Addr(), trusted) {
			break
		}
	}
	return from.String(), ""
}

// parse reads what a proxy calls a client.
func parse(hop string) (netip.AddrPort, bool) {
	if a, err := netip.ParseAddrPort(hop); err == nil {
		return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()), true
	}
	a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(hop, "["), "]"))
	return netip.AddrPortFrom(a.Unmap(), 0), err == nil
}

// Trusted reports whether a is in one of the networks.
func Trusted(a netip.Addr, networks []netip.Prefix) bool {
	for _, p := range networks {
		if p.Contains(a.Unmap()) {
			return true
		}
	}
	return false
}

// Place returns what counts as one place of an ip:port: an IPv4 address, or the
// /64 that one IPv6 customer has. It is "" for loopback, which has no limits,
// and for what is no ip:port.
func Place(remote string) string {
	a, err := netip.ParseAddrPort(remote)
	if err != nil || a.Addr().Unmap().IsLoopback() {
		return ""
	}
	ip := a.Addr().Unmap()
	if ip.Is4() {
		return ip.String()
	}
	p, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return ip.String()
	}
	return p.String()
}
