package proxy

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
)

// Methods of authentication, RFC 1928 §3.
const (
	methodNone     = 0x00
	methodPassword = 0x02
	methodRefused  = 0xff
)

// connectSocks5 speaks SOCKS5 (RFC 1928, RFC 1929). Names are resolved by the
// proxy.
func connectSocks5(conn net.Conn, c Config, to target) error {
	hello := []byte{5, 1, methodNone}
	if c.User != "" {
		hello = []byte{5, 2, methodNone, methodPassword}
	}
	if _, err := conn.Write(hello); err != nil {
		return err
	}
	method, err := readSocks5Method(conn, c.User != "")
	if err != nil {
		return err
	}
	if method == methodPassword {
		if err := socks5Password(conn, c); err != nil {
			return err
		}
	}
	req := []byte{5, 1, 0}
	switch {
	case to.ip.Is4():
		ip := to.ip.As4()
		req = append(append(req, 1), ip[:]...)
	case to.ip.IsValid():
		ip := to.ip.As16()
		req = append(append(req, 4), ip[:]...)
	default:
		req = append(append(req, 3, byte(len(to.host))), to.host...)
	}
	if _, err := conn.Write(binary.BigEndian.AppendUint16(req, to.port)); err != nil {
		return err
	}
	return readSocks5Reply(conn)
}

// readSocks5Method returns the method that the proxy chose of those offered.
func readSocks5Method(r io.Reader, offered bool) (byte, error) {
	var b [2]byte
	if _, err := io.ReadFull(r, b[:1]); err != nil {
		return 0, err
	}
	if b[0] != 5 {
		return 0, failed("it does not speak SOCKS5")
	}
	if _, err := io.ReadFull(r, b[1:]); err != nil {
		return 0, err
	}
	switch {
	case b[1] == methodNone, b[1] == methodPassword && offered:
		return b[1], nil
	case b[1] == methodRefused && !offered:
		return 0, authFailed("it wants a user name and password, and none is configured")
	case b[1] == methodRefused:
		return 0, authFailed("it accepts neither a password nor access without one")
	}
	return 0, failed(fmt.Sprintf("it chose authentication method %d, which was not offered", b[1]))
}

func socks5Password(conn net.Conn, c Config) error {
	req := append([]byte{1, byte(len(c.User))}, c.User...)
	req = append(append(req, byte(len(c.Password))), c.Password...)
	if _, err := conn.Write(req); err != nil {
		return err
	}
	return readSocks5Auth(conn)
}

// readSocks5Auth reads the verdict on user name and password. Some proxies
// close the connection instead of sending one.
func readSocks5Auth(r io.Reader) error {
	var b [2]byte
	_, err := io.ReadFull(r, b[:])
	switch {
	case err == io.EOF:
		return authFailed("it refused the user name or password")
	case err != nil:
		return err
	case b[0] != 1 && b[0] != 5:
		return failed("its answer to the password is not SOCKS5")
	case b[1] != 0:
		return authFailed("it refused the user name or password")
	}
	return nil
}

// readSocks5Reply reads the answer to a request, and the address in it, which
// nobody needs but which stands before the first byte of the server.
func readSocks5Reply(r io.Reader) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	if head[0] != 5 {
		return failed("its answer to the request is not SOCKS5")
	}
	if head[1] != 0 {
		return refused(socks5Reason(head[1]))
	}
	var rest int
	switch head[3] {
	case 1:
		rest = 4 + 2
	case 4:
		rest = 16 + 2
	case 3:
		var n [1]byte
		if _, err := io.ReadFull(r, n[:]); err != nil {
			return err
		}
		rest = int(n[0]) + 2
	default:
		return failed("its answer to the request is not SOCKS5")
	}
	_, err := io.ReadFull(r, make([]byte, rest))
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// socks5Reason says what a reply code means, RFC 1928 §6.
func socks5Reason(code byte) string {
	switch code {
	case 1:
		return "general failure"
	case 2:
		return "its rules do not allow the connection"
	case 3:
		return "it cannot reach the network of the server"
	case 4:
		return "it cannot reach the server"
	case 5:
		return "the server refused the connection"
	case 6:
		return "the connection to the server timed out"
	case 7:
		return "it does not support CONNECT"
	case 8:
		return "it does not support this type of address"
	}
	return fmt.Sprintf("reply code %d", code)
}
