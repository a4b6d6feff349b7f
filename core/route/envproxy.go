package route

import (
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/libnim/libnim/core/proxy"
	"github.com/libnim/libnim/internal/nimerr"
)

// EnvProxy reads the proxy for a server from the environment, which getenv
// looks up: HTTPS_PROXY for wss and https, HTTP_PROXY for ws and http, then
// ALL_PROXY; NO_PROXY names hosts, domains and networks to go to directly. The
// names are also looked up in lower case. Only a program that asked for it gets
// this.
func EnvProxy(server string, getenv func(string) string) (proxy.Config, *nimerr.Error) {
	env := func(name string) string {
		if v := getenv(name); v != "" {
			return v
		}
		return getenv(strings.ToLower(name))
	}
	u, err := url.Parse(server)
	if err != nil {
		return proxy.Config{}, nil
	}
	if _, port, err := net.SplitHostPort(HostPort([]string{server})); err == nil && bypassed(u.Hostname(), port, env("NO_PROXY")) {
		return proxy.Config{}, nil
	}
	name := "HTTP_PROXY"
	if u.Scheme == "wss" || u.Scheme == "https" {
		name = "HTTPS_PROXY"
	}
	value := env(name)
	if value == "" {
		name = "ALL_PROXY"
		value = env(name)
	}
	if value == "" {
		return proxy.Config{}, nil
	}
	c, ok := parseProxy(value)
	if !ok {
		return proxy.Config{}, nimerr.InvalidArgument.Newf("environment %s: want http, socks4, socks4a or socks5://[user:password@]host:port", name)
	}
	return c, nil
}

// parseProxy reads a proxy URL. Its value may hold a password: a caller must
// not repeat it.
func parseProxy(value string) (proxy.Config, bool) {
	if !strings.Contains(value, "://") {
		value = "http://" + value
	}
	u, err := url.Parse(value)
	if err != nil || u.Hostname() == "" {
		return proxy.Config{}, false
	}
	c := proxy.Config{Host: u.Hostname(), Port: 1080, User: u.User.Username()}
	c.Password, _ = u.User.Password()
	switch u.Scheme {
	case "http":
		c.Type, c.Port = proxy.HTTP, 80
	case "socks4":
		c.Type = proxy.Socks4
	case "socks4a":
		c.Type = proxy.Socks4a
	case "socks5", "socks5h", "socks":
		c.Type = proxy.Socks5
	default:
		return proxy.Config{}, false
	}
	if p := u.Port(); p != "" {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 {
			return proxy.Config{}, false
		}
		c.Port = int(n)
	}
	return c, true
}

// bypassed reports whether NO_PROXY names the host: "*", the host itself, a
// domain that it is in, or a network of addresses; each may have a port.
func bypassed(host, port, list string) bool {
	for entry := range strings.SplitSeq(list, ",") {
		entry = strings.TrimSpace(entry)
		if h, p, err := net.SplitHostPort(entry); err == nil {
			if p != port {
				continue
			}
			entry = h
		}
		domain := strings.TrimPrefix(strings.TrimPrefix(entry, "*"), ".")
		switch {
		case entry == "*", inNetwork(host, entry):
			return true
		case domain == "":
		case strings.EqualFold(host, domain) && !strings.HasPrefix(entry, "*"):
			return true
		case strings.HasSuffix(strings.ToLower(host), "."+strings.ToLower(domain)):
			return true
		}
	}
	return false
}

// inNetwork reports whether host is an address in a network such as 10.0.0.0/8.
func inNetwork(host, network string) bool {
	ip, err1 := netip.ParseAddr(host)
	n, err2 := netip.ParsePrefix(network)
	return err1 == nil && err2 == nil && n.Contains(ip.Unmap())
}
