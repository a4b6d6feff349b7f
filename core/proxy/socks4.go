package proxy

import (
	"encoding/binary"
	"io"
	"net"
)

// connectSocks4 speaks SOCKS4, which takes an IPv4 address, and SOCKS4a, which
// takes a name as well. Neither has passwords; the user name goes unverified.
func connectSocks4(conn net.Conn, c Config, to target) error {
	req := []byte{4, 1}
	req = binary.BigEndian.AppendUint16(req, to.port)
	switch {
	case to.ip.Is4():
		ip := to.ip.As4()
		req = append(append(req, ip[:]...), c.User...)
		req = append(req, 0)
	case to.ip.IsValid():
		return failed(c.Type.String() + " carries only IPv4, and " + to.host + " is an IPv6 address")
	case c.Type == Socks4:
		return failed("socks4 carries only IPv4 addresses, and " + to.host + " was not resolved to one")
	default:
		req = append(append(req, 0, 0, 0, 1), c.User...)
		req = append(append(append(req, 0), to.host...), 0)
	}
	if _, err := conn.Write(req); err != nil {
		return err
	}
	return readSocks4(conn)
}

// readSocks4 reads the eight bytes of the answer.
func readSocks4(r io.Reader) error {
	var reply [8]byte
	if _, err := io.ReadFull(r, reply[:1]); err != nil {
		return err
	}
	if reply[0] != 0 && reply[0] != 4 {
		return failed("it does not speak SOCKS4")
	}
	if _, err := io.ReadFull(r, reply[1:]); err != nil {
		return err
	}
	switch reply[1] {
	case 90:
		return nil
	case 91:
		return refused("it rejected the request or could not reach the server")
	case 92:
		return authFailed("it could not ask the ident service of this machine")
	case 93:
		return authFailed("the ident service of this machine names another user")
	}
	return failed("it does not speak SOCKS4")
}
