package nimdtest

import (
	"io"
	"net"
	"sync"
)

// Path is a TCP forwarder to a server that can be cut like a cable, or closed
// like a road: while closed, a new connection ends before it carries a byte.
type Path struct {
	listener net.Listener
	target   string

	mu     sync.Mutex
	closed bool                  // guarded by mu
	conns  map[net.Conn]struct{} // guarded by mu; both ends of each connection
}

// NewPath opens a path to target on a port that the system chooses.
func NewPath(target string) (*Path, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Path{listener: l, target: target, conns: map[net.Conn]struct{}{}}
	go p.accept()
	return p, nil
}

// Host is the host:port to connect to.
func (p *Path) Host() string { return p.listener.Addr().String() }

// Link is the URL of the gateway through this path.
func (p *Path) Link() string { return "ws://" + p.Host() + "/nim" }

// Cut ends the connections that stand.
func (p *Path) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
	clear(p.conns)
}

// SetClosed closes the path and cuts it, or opens it.
func (p *Path) SetClosed(closed bool) {
	p.mu.Lock()
	p.closed = closed
	p.mu.Unlock()
	if closed {
		p.Cut()
	}
}

// Close ends the path.
func (p *Path) Close() error {
	err := p.listener.Close()
	p.SetClosed(true)
	return err
}

func (p *Path) accept() {
	for {
		near, err := p.listener.Accept()
		if err != nil {
			return
		}
		go p.forward(near)
	}
}

func (p *Path) forward(near net.Conn) {
	far, err := net.Dial("tcp", p.target)
	if err != nil {
		_ = near.Close()
		return
	}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		_, _ = near.Close(), far.Close()
		return
	}
	p.conns[near], p.conns[far] = struct{}{}, struct{}{}
	p.mu.Unlock()
	go p.copy(near, far)
	p.copy(far, near)
}

// copy moves bytes until one end closes, and then closes both.
func (p *Path) copy(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	_, _ = to.Close(), from.Close()
	p.mu.Lock()
	delete(p.conns, to)
	delete(p.conns, from)
	p.mu.Unlock()
}
