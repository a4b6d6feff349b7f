package route

import (
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// LinkURL turns a link address, host:port or a whole URL, into the URL of the
// gateway.
//
// An address without a scheme means TLS where secure says so; without a word
// of the settings (nil) it does, except on the loopback interface.
func LinkURL(address string, secure *bool) (string, *nimerr.Error) {
	address = strings.TrimSpace(address)
	if !strings.Contains(address, "://") {
		if strings.Contains(address, "/") { // ws//host, or a path without a scheme
			return "", nimerr.InvalidArgument.New("want host:port or a ws:// or wss:// URL")
		}
		scheme := "wss://"
		if secure != nil && !*secure || secure == nil && onLoopback(address) {
			scheme = "ws://"
		}
		address = scheme + address + "/nim"
	}
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "ws" && u.Scheme != "wss") || u.Hostname() == "" {
		return "", nimerr.InvalidArgument.New("want host:port or a ws:// or wss:// URL")
	}
	if bad := badHost(u); bad != "" {
		return "", nimerr.InvalidArgument.New(bad)
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", nimerr.InvalidArgument.New("want a URL without user name, query and fragment")
	}
	return u.String(), nil
}

// badHost says what is wrong with the host and port of a URL that url.Parse
// took, or "". One bad address must not get among those that are tried: the
// attempt that meets it would be the last.
func badHost(u *url.URL) string {
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return "want a port from 1 to 65535"
		}
	}
	switch host := u.Hostname(); {
	case strings.ContainsAny(host, ",;"):
		return "want one address, and an array for several"
	case strings.Contains(host, ":") && !strings.HasPrefix(u.Host, "["):
		return "want an IPv6 address in brackets"
	}
	return ""
}

// Links collects the fixed addresses of the settings.
func Links(o *abi.InitOptions) ([]string, *nimerr.Error) {
	p := &o.PrivateServerSetting
	var out []string
	add := func(key string, list []string) *nimerr.Error {
		for _, l := range list {
			if strings.TrimSpace(l) == "" {
				continue
			}
			u, err := LinkURL(l, Secure(o))
			if err != nil {
				return nimerr.InvalidArgument.Newf("private_server_setting.%s: %s, got %q", key, err.Detail, nimerr.Clip(hideUser(l), 80))
			}
			out = append(out, u)
		}
		return nil
	}
	if err := add("link", p.Link); err != nil {
		return nil, err
	}
	if err := add("link_ipv6", p.LinkIpv6); err != nil {
		return nil, err
	}
	return out, nil
}

// Secure is what the settings say about TLS; nil: nothing.
func Secure(o *abi.InitOptions) *bool {
	if v := o.PrivateServerSetting.HttpsEnabled; v != nil {
		return v
	}
	return o.GlobalConfig.UseHttps
}

// hideUser leaves out what stands before an @: it may be a password.
func hideUser(address string) string {
	if at := strings.LastIndexByte(address, '@'); at >= 0 {
		return "…" + address[at:]
	}
	return address
}

func onLoopback(hostPort string) bool {
	host, _, err := net.SplitHostPort(hostPort)
	if err != nil {
		host = hostPort // no port
	}
	ip := net.ParseIP(host)
	return strings.EqualFold(strings.TrimSuffix(host, "."), "localhost") || ip != nil && ip.IsLoopback()
}

// HostPort returns host:port of the first usable URL.
func HostPort(urls []string) string {
	for _, s := range urls {
		u, err := url.Parse(s)
		if err != nil || u.Hostname() == "" {
			continue
		}
		if u.Port() != "" {
			return u.Host
		}
		if u.Scheme == "wss" || u.Scheme == "https" {
			return u.Host + ":443"
		}
		return u.Host + ":80"
	}
	return ""
}
