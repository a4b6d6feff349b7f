package core

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/libnim/libnim/core/proxy"
	"github.com/libnim/libnim/internal/nimerr"
)

// envProxy reads the proxy for a server from the environment, which getenv
// looks up: HTTPS_PROXY for wss and https, HTTP_PROXY for ws and http, then
// ALL_PROXY; NO_PROXY names hosts and domains to go to directly. The names are
// also looked up in lower case. Only a program that asked for it gets this.
func envProxy(server string, getenv func(string) string) (proxy.Config, *nimerr.Error) {
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
	if bypassed(u.Hostname(), env("NO_PROXY")) {
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
	case "socks5", "socks5h":
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

// bypassed reports whether NO_PROXY names the host: "*", the host itself, or a
// domain that it is in.
func bypassed(host, list string) bool {
	for entry := range strings.SplitSeq(list, ",") {
		entry = strings.TrimPrefix(strings.TrimSpace(entry), ".")
		if entry == "*" || entry != "" && (strings.EqualFold(host, entry) ||
			len(host) > len(entry) && strings.HasSuffix(strings.ToLower(host), "."+strings.ToLower(entry))) {
			return true
		}
	}
	return false
}
