package dial

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/libnim/libnim/internal/nimerr"
)

// interleave alternates between the families, beginning with that of the first
// address, and keeps the order within each (RFC 8305 §4).
func interleave(addrs []netip.Addr) []netip.Addr {
	var first, second []netip.Addr
	for _, a := range addrs {
		if a.Is4() == addrs[0].Is4() {
			first = append(first, a)
		} else {
			second = append(second, a)
		}
	}
	mixed := make([]netip.Addr, 0, len(addrs))
	for len(first)+len(second) > 0 {
		if len(first) > 0 {
			mixed, first = append(mixed, first[0]), first[1:]
		}
		if len(second) > 0 {
			mixed, second = append(mixed, second[0]), second[1:]
		}
	}
	return mixed
}

// tried is the outcome of one address.
type tried struct {
	address netip.AddrPort
	conn    net.Conn
	err     error
}

// race connects to the first address that answers. The next address starts when
// one before it failed, or after the stagger. It returns when every attempt it
// started is over; the losers are closed. A single address has nobody to race.
func (d *Dialer) race(ctx context.Context, addrs []netip.AddrPort) (net.Conn, error) {
	if len(addrs) == 1 {
		a := d.tryAddress(ctx, addrs[0])
		if a.err != nil {
			return nil, raceError([]tried{a})
		}
		return a.conn, nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan tried, len(addrs))
	timer := time.NewTimer(stagger)
	defer timer.Stop()

	var winner net.Conn
	var failures []tried
	next, running, due := 0, 0, true
	for {
		if due && next < len(addrs) && ctx.Err() == nil {
			go func(a netip.AddrPort) { results <- d.tryAddress(ctx, a) }(addrs[next])
			next, running, due = next+1, running+1, false
			timer.Reset(stagger)
		}
		if running == 0 {
			break
		}
		select {
		case <-timer.C:
			due = true
		case r := <-results:
			running--
			switch {
			case r.err != nil:
				failures, due = append(failures, r), true
			case winner == nil:
				winner = r.conn
				cancel() // no address starts after this
			default:
				r.conn.Close()
			}
		}
	}
	if winner != nil {
		return winner, nil
	}
	return nil, raceError(failures)
}

func (d *Dialer) tryAddress(ctx context.Context, a netip.AddrPort) (r tried) {
	r.address = a
	defer func() {
		if p := recover(); p != nil { // a NetDial of someone else must not end the process
			r.err = nimerr.Internal.Newf("the dial function panicked: %v", p)
		}
	}()
	network := "tcp4"
	if a.Addr().Is6() {
		network = "tcp6"
	}
	r.conn, r.err = d.netDial(ctx, network, a.String())
	return r
}

// raceError says why no address answered, led by the failure that tells most.
func raceError(failures []tried) error {
	if len(failures) == 0 {
		return nimerr.ConnectionFailed.New("")
	}
	order := []*nimerr.Kind{nimerr.ConnectionRefused, nimerr.ConnectionLost, nimerr.Timeout, nimerr.ConnectionFailed}
	best, rank := failures[0], len(order)
	var texts []string
	for _, f := range failures {
		kind := networkKind(f.err)
		for i, k := range order {
			if k == kind && i < rank {
				best, rank = f, i
			}
		}
		if len(texts) < 4 {
			texts = append(texts, fmt.Sprintf("%s: %s", f.address, plainText(f.err)))
		}
	}
	return &nimerr.Error{Kind: networkKind(best.err), Detail: strings.Join(texts, "; "), Cause: best.err}
}
