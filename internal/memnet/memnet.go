// Package memnet is an in-memory network for tests, made for synctest bubbles:
// listeners, dials and buffered connections with deadlines, and the faults a
// real network has. Everything blocks on channels of its own, so a bubble goes
// idle and its clock moves. Create a Network inside the bubble that uses it.
package memnet

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
)

// backlog is how many connections wait for Accept before a dial is refused.
const backlog = 128

// A Network carries connections from Dial to its listeners.
type Network struct {
	mu        sync.Mutex
	listeners map[string]*Listener
	deny      error         // when set, every Dial fails with it
	stalled   chan struct{} // not nil while stalled; closed by Resume
	live      map[*link]struct{}
	nextPort  uint16
}

// New returns a network without listeners.
func New() *Network {
	return &Network{
		listeners: make(map[string]*Listener),
		live:      make(map[*link]struct{}),
		nextPort:  40000,
	}
}

// A Listener accepts what is dialled to its address.
type Listener struct {
	network *Network
	address string
	queue   chan *conn
	done    chan struct{} // closed by Close, under network.mu

	deny error // guarded by network.mu
}

// Listen returns a listener for a host:port; "" takes every address that has
// none of its own. Like a kernel it completes connections before Accept.
func (n *Network) Listen(address string) (*Listener, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listeners[address] != nil {
		return nil, opError("listen", address, os.NewSyscallError("bind", syscall.EADDRINUSE))
	}
	l := &Listener{
		network: n,
		address: address,
		queue:   make(chan *conn, backlog),
		done:    make(chan struct{}),
	}
	n.listeners[address] = l
	return l, nil
}

// Dial connects to a listener. It fits net.Dialer.DialContext and
// websocket.Dialer.NetDialContext. Without a listener the dial is refused;
// while the network is stalled it hangs until ctx ends or Resume.
func (n *Network) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, opError("dial", address, err)
		}
		n.mu.Lock()
		stalled := n.stalled
		if stalled == nil {
			c, err := n.connectLocked(address)
			n.mu.Unlock()
			return c, err
		}
		n.mu.Unlock()
		select {
		case <-stalled:
		case <-ctx.Done():
		}
	}
}

func (n *Network) connectLocked(address string) (net.Conn, error) {
	l := n.listeners[address]
	if l == nil {
		l = n.listeners[""]
	}
	switch {
	case n.deny != nil:
		return nil, opError("dial", address, n.deny)
	case l == nil || len(l.queue) == backlog:
		return nil, opError("dial", address, os.NewSyscallError("connect", syscall.ECONNREFUSED))
	case l.deny != nil:
		return nil, opError("dial", address, l.deny)
	}
	n.nextPort++
	client := &net.TCPAddr{IP: net.IPv4(10, 0, 0, 2), Port: int(n.nextPort)}
	k := newLink(n, client, addrOf(address))
	n.live[k] = struct{}{}
	l.queue <- k.server // cannot block: only this, under mu, fills it
	return k.client, nil
}

// SetDeny makes every Dial fail with err; nil ends that. Connections live on.
func (n *Network) SetDeny(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.deny = err
}

// Cut closes every connection from both sides: what is under way is still read,
// then comes io.EOF.
func (n *Network) Cut() {
	for _, k := range n.links() {
		k.cut()
	}
}

// Reset ends every connection with ECONNRESET; what is under way is lost.
func (n *Network) Reset() {
	for _, k := range n.links() {
		k.reset()
	}
}

// Stall makes the network swallow everything: on live connections writes
// succeed and vanish, reads hang, a Close is not noticed by the peer; new dials
// hang.
func (n *Network) Stall() {
	n.mu.Lock()
	if n.stalled == nil {
		n.stalled = make(chan struct{})
	}
	n.mu.Unlock()
	for _, k := range n.links() {
		k.stall()
	}
}

// Resume lets dials through again. Connections that were stalled stay dead, for
// bytes of them are lost.
func (n *Network) Resume() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stalled != nil {
		close(n.stalled)
		n.stalled = nil
	}
}

// Live returns how many connections have an end that is not closed.
func (n *Network) Live() int { return len(n.links()) }

func (n *Network) links() []*link {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := make([]*link, 0, len(n.live))
	for k := range n.live {
		all = append(all, k)
	}
	return all
}

func (n *Network) forget(k *link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.live, k)
}

// Accept implements net.Listener.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case <-l.done:
		return nil, opError("accept", l.address, net.ErrClosed)
	default:
	}
	select {
	case c := <-l.queue:
		return c, nil
	case <-l.done:
		return nil, opError("accept", l.address, net.ErrClosed)
	}
}

// SetDeny makes dials to this listener fail with err; nil ends that.
func (l *Listener) SetDeny(err error) {
	l.network.mu.Lock()
	defer l.network.mu.Unlock()
	l.deny = err
}

// Close implements net.Listener. Connections nobody accepted are reset.
func (l *Listener) Close() error {
	n := l.network
	n.mu.Lock()
	if n.listeners[l.address] != l {
		n.mu.Unlock()
		return opError("close", l.address, net.ErrClosed)
	}
	delete(n.listeners, l.address)
	close(l.done)
	n.mu.Unlock()
	for {
		select {
		case c := <-l.queue:
			c.link.reset()
			c.Close()
		default:
			return nil
		}
	}
}

// Addr implements net.Listener.
func (l *Listener) Addr() net.Addr { return addrOf(l.address) }

// addr is the address of a listener that is known by a name.
type addr string

func (addr) Network() string  { return "tcp" }
func (a addr) String() string { return string(a) }

func addrOf(address string) net.Addr {
	if ap, err := netip.ParseAddrPort(address); err == nil {
		return net.TCPAddrFromAddrPort(ap)
	}
	return addr(address)
}

func opError(op, address string, err error) error {
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return err
	}
	return &net.OpError{Op: op, Net: "tcp", Addr: addrOf(address), Err: err}
}
