package core

import (
	"net"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// Config is what the session needs of the init settings.
type Config struct {
	Version       string // of this library, for diagnostics
	Backend       string // for diagnostics
	Instance      string // random: tells this session from every other one
	AppKey        string // for logins that name none
	Device        backend.Device
	LoginRetryMax int           // 0: by the rules of the first login
	LoginTimeout  time.Duration // 0: none asked for
	FirstLogin    time.Duration // of a first login without limits of its own; 0: the default
	RefreshLBS    bool          // ask the LBS before each relogin
}

func newConfig(o *abi.InitOptions, deviceID string) Config {
	d := backend.Device{
		ID: deviceID, ClientType: hostClientType(), OS: hostOS(),
		CustomClientType: o.GlobalConfig.CustomClientType,
	}
	if o.Nimx.ClientType != 0 {
		d.ClientType = o.Nimx.ClientType
	}
	if o.Nimx.ClientOs != "" {
		d.OS = o.Nimx.ClientOs
	}
	if o.Nimx.ReportMac {
		d.Mac = hostMac()
	}
	appKey := o.AppKey
	if appKey == "" && o.PrivateServerSetting.Backend == "openim" {
		appKey = "openim" // OpenIM has no app keys
	}
	return Config{
		AppKey: appKey, Device: d, LoginRetryMax: o.GlobalConfig.LoginRetryMaxTimes,
		LoginTimeout: time.Duration(o.Nimx.LoginTimeoutMs) * time.Millisecond,
		FirstLogin:   time.Duration(max(o.GlobalConfig.CustomTimeout, 0)) * time.Second,
		RefreshLBS:   o.GlobalConfig.NeedUpdateLbsBeforRelogin,
	}
}

// hostClientType is the PC type also on Linux: the ABI has none for it, and
// client_os says so.
func hostClientType() int {
	if runtime.GOOS == "darwin" {
		return abi.ClientTypeMacOS
	}
	return abi.ClientTypePCWindows
}

func hostOS() string {
	switch runtime.GOOS {
	case "windows":
		return "Windows"
	case "darwin":
		return "macOS"
	case "linux":
		return "Linux"
	}
	return runtime.GOOS
}

// hostMac returns the hardware address of the first interface that has one and
// is up, or "".
func hostMac() string {
	list, err := net.Interfaces()
	if err != nil {
		return ""
	}
	for _, i := range list {
		if i.Flags&net.FlagUp != 0 && i.Flags&net.FlagLoopback == 0 && len(i.HardwareAddr) == 6 {
			return i.HardwareAddr.String()
		}
	}
	return ""
}

// linkURL turns a link address, host:port or a whole URL, into the URL of the
// gateway.
//
// An address without a scheme means TLS where secure says so; without a word
// of the settings (nil) it does, except on the loopback interface.
func linkURL(address string, secure *bool) (string, *nimerr.Error) {
	address = strings.TrimSpace(address)
	if !strings.Contains(address, "://") {
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

// links collects the fixed addresses of the settings.
func links(o *abi.InitOptions) ([]string, *nimerr.Error) {
	p := &o.PrivateServerSetting
	var out []string
	add := func(key string, list []string) *nimerr.Error {
		for _, l := range list {
			if strings.TrimSpace(l) == "" {
				continue
			}
			u, err := linkURL(l, secure(o))
			if err != nil {
				return nimerr.InvalidArgument.Newf("private_server_setting.%s: %s, got %q", key, err.Detail, clip(hideUser(l), 80))
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

// secure is what the settings say about TLS; nil: nothing.
func secure(o *abi.InitOptions) *bool {
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
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
