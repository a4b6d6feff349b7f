package openim

import (
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/nimerr"
)

// GatewayURL returns the URL of a msggateway for what a program gives as
// ws_addr: ws://host:port, wss://host:port, either with a path, or host:port.
// An address without a scheme means TLS, except on the loopback interface: the
// token is in the URL.
func GatewayURL(address string) (string, *nimerr.Error) {
	u, detail := parseAddress(address, "ws", "wss")
	if detail != "" {
		return "", nimerr.InvalidArgument.New("ws_addr: want ws://host:port, wss://host or host:port, " + detail)
	}
	if u.Path == "" {
		u.Path = "/"
	}
	return u.String(), nil
}

// APIURL returns the base URL of the REST API for what a program gives as
// api_addr: http://host:port, https://host, either with a path prefix, or
// host:port, as for GatewayURL. "" stays "": there is no API.
func APIURL(address string) (string, *nimerr.Error) {
	if strings.TrimSpace(address) == "" {
		return "", nil
	}
	u, detail := parseAddress(address, "http", "https")
	if detail != "" {
		return "", nimerr.InvalidArgument.New("api_addr: want http://host:port, https://host/prefix or host:port, " + detail)
	}
	u.Path = strings.TrimRight(u.Path, "/")
	return u.String(), nil
}

// parseAddress takes an address apart whose scheme is plain or safe. The detail
// of what is wrong with it repeats no part that may hold a secret.
func parseAddress(address, plain, safe string) (*url.URL, string) {
	address = strings.TrimSpace(address)
	if address == "" {
		return nil, "got nothing"
	}
	if !strings.Contains(address, "://") {
		hostPort, _, _ := strings.Cut(address, "/")
		host, _, err := net.SplitHostPort(hostPort)
		if err != nil {
			return nil, "got an address without scheme and port"
		}
		scheme := safe
		if isLoopback(host) {
			scheme = plain
		}
		address = scheme + "://" + address
	}
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return nil, "got something that is no URL"
	case u.Scheme != plain && u.Scheme != safe:
		return nil, "got one that begins with " + u.Scheme + "://"
	case u.Hostname() == "":
		return nil, "got one without a host"
	case u.User != nil:
		return nil, "got one with a user name"
	case u.RawQuery != "" || u.Fragment != "":
		return nil, "got one with a query"
	}
	return u, ""
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// handshakeURL is the URL of a login: everything the gateway wants to know is
// in its query, the token too.
func (b *Backend) handshakeURL(gateway string, login *backend.Login) string {
	q := url.Values{
		"sendID":       {login.Account},
		"token":        {login.Token},
		"platformID":   {strconv.Itoa(b.platform())},
		"operationID":  {operationID(login)},
		"isBackground": {"false"}, // required, though the gateway ignores the value
		"sdkType":      {"js"},    // JSON envelopes instead of gob
		"isMsgResp":    {"true"},  // the result of the token check comes as the first text frame
	}
	if b.Gzip {
		q.Set("compression", "gzip")
	}
	if b.SDK != "" {
		q.Set("sdkVersion", b.SDK)
	}
	return gateway + "?" + q.Encode()
}

// operationID is what OpenIM puts into its own log lines; it must not be empty.
func operationID(login *backend.Login) string {
	if login.OperationID == "" {
		return "libnim"
	}
	return login.OperationID
}
