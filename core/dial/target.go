package dial

import (
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/libnim/libnim/internal/nimerr"
)

// target is a URL taken apart.
type target struct {
	url      *url.URL
	host     string // name or literal address, without brackets
	port     uint16
	secure   bool
	endpoint string // scheme://host:port/path, for errors: never a query
}

// address is the host:port of the target.
func (t target) address() string { return net.JoinHostPort(t.host, strconv.Itoa(int(t.port))) }

// parseTarget takes a URL apart whose scheme is plain or secure. The text of the
// URL stays out of the error, since its query may hold a token.
func parseTarget(raw, plain, secure string) (target, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return target{}, nimerr.InvalidArgument.New("the address of the server is not a URL")
	case u.Scheme != plain && u.Scheme != secure:
		return target{}, nimerr.InvalidArgument.Newf("the address of the server does not start with %s:// or %s://", plain, secure)
	case u.Hostname() == "":
		return target{}, nimerr.InvalidArgument.New("the address of the server has no host")
	case u.User != nil:
		return target{}, nimerr.InvalidArgument.New("the address of the server must not hold a user name")
	}
	host, err := asciiHost(u.Hostname())
	if err != nil {
		return target{}, err
	}
	if host != u.Hostname() { // a name, so without brackets
		u.Host = strings.TrimSuffix(host+":"+u.Port(), ":")
	}
	t := target{url: u, host: host, secure: u.Scheme == secure}
	switch {
	case u.Port() != "":
		p, err := strconv.ParseUint(u.Port(), 10, 16)
		if err != nil || p == 0 {
			return target{}, nimerr.InvalidArgument.New("the address of the server has no valid port")
		}
		t.port = uint16(p)
	case t.secure:
		t.port = 443
	default:
		t.port = 80
	}
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	t.endpoint = u.Scheme + "://" + t.address() + path
	return t, nil
}
