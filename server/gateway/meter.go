package gateway

import (
	"encoding/binary"
	"errors"
	"net"
)

// errTooManyFrames ends a connection that sends more frames than it may which
// carry no request: control frames and fragments.
var errTooManyFrames = errors.New("too many control frames or fragments")

// meteredConn follows the frames in what a client sends. Those that carry no
// request of their own never reach the reader, so they are counted here. It is
// read by one goroutine.
type meteredConn struct {
	net.Conn
	allow func() bool // spends one such frame; nil: no limit

	header [14]byte
	have   int    // bytes of the header
	left   uint64 // of the frame's payload
}

func (c *meteredConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if !c.follow(p[:n]) {
		return 0, errTooManyFrames
	}
	return n, err
}

// follow returns false when the bytes hold a frame too many.
func (c *meteredConn) follow(p []byte) bool {
	for len(p) > 0 {
		if c.left > 0 {
			n := min(c.left, uint64(len(p)))
			c.left -= n
			p = p[n:]
			continue
		}
		c.header[c.have] = p[0]
		c.have++
		p = p[1:]
		if c.have < 2 || c.have < c.headerSize() {
			continue
		}
		c.left = c.payload()
		c.have = 0
		if whole := c.header[0]&0x80 != 0 && (c.header[0]&0x0f == 1 || c.header[0]&0x0f == 2); whole {
			continue
		}
		if c.allow != nil && !c.allow() {
			return false
		}
	}
	return true
}

// headerSize and payload read a frame's header (RFC 6455, 5.2).
func (c *meteredConn) headerSize() int {
	n := 2
	switch c.header[1] & 0x7f {
	case 126:
		n += 2
	case 127:
		n += 8
	}
	if c.header[1]&0x80 != 0 {
		n += 4
	}
	return n
}

func (c *meteredConn) payload() uint64 {
	switch n := c.header[1] & 0x7f; n {
	case 126:
		return uint64(binary.BigEndian.Uint16(c.header[2:]))
	case 127:
		return binary.BigEndian.Uint64(c.header[2:])
	default:
		return uint64(n)
	}
}
