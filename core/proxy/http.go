package proxy

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"strings"
)

// maxConnectReply bounds the status line and headers of an answer to CONNECT.
const maxConnectReply = 16 << 10

// maxInterim bounds the interim answers before the one that counts, with it.
const maxInterim = 8

// connectHTTP speaks CONNECT (RFC 9110 §9.3.6), with basic authentication where
// a user is configured.
func connectHTTP(conn net.Conn, c Config, to target) error {
	if strings.ContainsAny(to.host, " \r\n\t/@") {
		return failed("the server's name cannot be sent to an HTTP proxy")
	}
	var b strings.Builder
	fmt.Fprintf(&b, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n", to, to)
	if c.User != "" {
		secret := base64.StdEncoding.EncodeToString([]byte(c.User + ":" + c.Password))
		b.WriteString("Proxy-Authorization: Basic " + secret + "\r\n")
	}
	b.WriteString("\r\n")
	if _, err := io.WriteString(conn, b.String()); err != nil {
		return err
	}
	for range maxInterim {
		head, err := readHead(conn)
		if err != nil {
			return err
		}
		if !isInterim(head) {
			return parseConnectReply(head, c.User != "")
		}
	}
	return failed("it sends nothing but interim answers")
}

// isInterim reports whether an answer is one such as 100 Continue, which another
// follows.
func isInterim(head []byte) bool {
	fields := bytes.Fields(head)
	return len(fields) > 1 && len(fields[1]) == 3 && fields[1][0] == '1'
}

// readHead reads up to and including the empty line. It reads byte by byte,
// since what follows belongs to the server behind the proxy.
func readHead(r io.Reader) ([]byte, error) {
	head := make([]byte, 0, 256)
	for len(head) < maxConnectReply {
		var b [1]byte
		if _, err := io.ReadFull(r, b[:]); err != nil {
			if len(head) > 0 && err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return head, err
		}
		head = append(head, b[0])
		if len(head) == len("HTTP/") && !bytes.EqualFold(head, []byte("HTTP/")) {
			return head, failed("it does not speak HTTP")
		}
		if bytes.HasSuffix(head, []byte("\n\r\n")) || bytes.HasSuffix(head, []byte("\n\n")) {
			return head, nil
		}
	}
	return head, failed(fmt.Sprintf("its answer has more than %d bytes of headers", maxConnectReply))
}

// parseConnectReply says what an answer to CONNECT means. The reason phrase may
// be missing, and no text of the proxy is passed on: it may repeat the request.
func parseConnectReply(head []byte, sentPassword bool) error {
	lines := strings.Split(string(head), "\n")
	fields := strings.Fields(lines[0])
	if len(fields) < 2 || !strings.HasPrefix(strings.ToUpper(fields[0]), "HTTP/1.") || !isStatus(fields[1]) {
		return failed("its answer is not HTTP/1")
	}
	status := fields[1]
	switch {
	case status[0] == '2':
		return nil
	case status == "407", status == "401": // tinyproxy says 401 to a wrong password
		return authFailed("HTTP " + status + "; " + authReason(lines[1:], sentPassword))
	case status == "403":
		return refused("HTTP 403; its rules do not allow the connection")
	case status[0] == '5':
		return refused("HTTP " + status + "; it cannot reach the server")
	}
	return refused("HTTP " + status)
}

// authReason says what is wrong with the authentication.
func authReason(headers []string, sentPassword bool) string {
	switch {
	case !sentPassword:
		return "it wants a user name and password, and none is configured"
	case !offersBasic(headers):
		return "it does not take basic authentication"
	}
	return "it refused the user name or password"
}

func isStatus(s string) bool {
	if len(s) != 3 || s[0] < '1' || s[0] > '9' {
		return false
	}
	return s[1] >= '0' && s[1] <= '9' && s[2] >= '0' && s[2] <= '9'
}

// offersBasic reports whether the headers name basic authentication, or none.
func offersBasic(lines []string) bool {
	named := false
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ":")
		if !strings.EqualFold(strings.TrimSpace(name), "Proxy-Authenticate") {
			continue
		}
		if strings.Contains(strings.ToLower(value), "basic") {
			return true
		}
		named = true
	}
	return !named
}
