package server

import (
	"container/list"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"

	"github.com/libnim/libnim/server/address"
	"github.com/libnim/libnim/server/metrics"
	"github.com/libnim/libnim/server/rarely"
)

// sockets bounds the TCP connections of this server that are no clients yet:
// those that were accepted and have not been upgraded. One too many closes the
// one that has waited longest. A client needs milliseconds, and who opens
// sockets to fill the places loses them again.
type sockets struct {
	waitingMax int // 0: no limit
	fromMax    int // of one place; 0: no limit
	openMax    int // upgraded ones included: descriptors are left for all else
	trusted    []netip.Prefix
	log        *slog.Logger
	closed     *metrics.Counter
	told       rarely.Log

	mu      sync.Mutex
	open    int
	waiting *list.List     // of *socket, the oldest first
	from    map[string]int // how many of a place wait
}

// socket is a connection that sockets counts.
type socket struct {
	net.Conn
	all   *sockets
	place string
	entry *list.Element // in waiting; nil: it is upgraded or closed
	gone  bool          // both guarded by all.mu
}

func (s *sockets) init() {
	s.waiting, s.from = list.New(), map[string]int{}
}

// listen counts what l accepts.
func (s *sockets) listen(l net.Listener) net.Listener { return socketListener{l, s} }

type socketListener struct {
	net.Listener
	all *sockets
}

func (l socketListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if k := l.all.take(c); k != nil {
			return k, nil
		}
		_ = c.Close()
	}
}

// take counts a connection, at the cost of one that has waited longer. It
// returns nil where there is none and no place either.
func (s *sockets) take(c net.Conn) *socket {
	k := &socket{Conn: c, all: s}
	remote := c.RemoteAddr().String()
	if a, err := netip.ParseAddrPort(remote); err == nil && !address.Trusted(a.Addr(), s.trusted) {
		k.place = address.Place(remote)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.openMax > 0 && s.open >= s.openMax && !s.evict("") {
		s.note()
		return nil
	}
	k.entry = s.waiting.PushBack(k)
	s.open++
	if s.from[k.place]++; k.place != "" && s.fromMax > 0 && s.from[k.place] > s.fromMax {
		s.evict(k.place)
	}
	if s.waitingMax > 0 && s.waiting.Len() > s.waitingMax {
		s.evict("")
	}
	return k
}

// evict closes the connection that has waited longest, of a place or of all,
// and reports whether there was one. mu is held.
func (s *sockets) evict(place string) bool {
	for e := s.waiting.Front(); e != nil; e = e.Next() {
		if k := e.Value.(*socket); place == "" || k.place == place {
			s.remove(k)
			go k.Conn.Close() // which may take time; the rest ends with it
			s.note()
			return true
		}
	}
	return false
}

// note counts one that was closed to make room. mu is held.
func (s *sockets) note() {
	s.closed.Inc("")
	s.told.Warn(s.log, "server: too many connections that do not log in; the oldest are closed")
}

// remove forgets a connection. mu is held.
func (s *sockets) remove(k *socket) {
	if !k.gone {
		k.gone = true
		s.open--
	}
	s.settle(k)
}

// settle takes a connection out of those that wait. mu is held.
func (s *sockets) settle(k *socket) {
	if k.entry == nil {
		return
	}
	s.waiting.Remove(k.entry)
	k.entry = nil
	if s.from[k.place]--; s.from[k.place] == 0 {
		delete(s.from, k.place)
	}
}

// follow is told by the HTTP server what becomes of its connections.
func (s *sockets) follow(c net.Conn, state http.ConnState) {
	if state != http.StateHijacked {
		return
	}
	for c != nil {
		switch x := c.(type) {
		case *tls.Conn:
			c = x.NetConn()
		case *shaking:
			c = x.Conn
		case *socket:
			s.mu.Lock()
			defer s.mu.Unlock()
			s.settle(x)
			return
		default:
			return
		}
	}
}

func (k *socket) Close() error {
	k.all.mu.Lock()
	k.all.remove(k)
	k.all.mu.Unlock()
	return k.Conn.Close()
}

// CloseWrite lets the HTTP server tell the end of an answer to a client that is
// still sending.
func (k *socket) CloseWrite() error {
	if c, ok := k.Conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return nil
}
