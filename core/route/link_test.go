package route

import (
	"strings"
	"testing"

	"github.com/libnim/libnim/internal/abi"
)

// settings decodes init settings as a program gives them.
func settings(t testing.TB, text string) *abi.InitOptions {
	t.Helper()
	o, err := abi.DecodeInitOptions(text)
	if err != nil {
		t.Fatal(err)
	}
	return &o
}

func TestLinkURL(t *testing.T) {
	yes, no := true, false
	for _, tt := range []struct {
		address string
		secure  *bool
		want    string // "": refused
	}{
		{"gw.example:8443", nil, "wss://gw.example:8443/nim"},
		{"gw.example:8443", &yes, "wss://gw.example:8443/nim"},
		{"gw.example:8080", &no, "ws://gw.example:8080/nim"},
		{" gw.example:80 ", &no, "ws://gw.example:80/nim"},
		{"gw.example", nil, "wss://gw.example/nim"},
		{"127.0.0.1:9000", nil, "ws://127.0.0.1:9000/nim"},
		{"127.9.9.9:9000", nil, "ws://127.9.9.9:9000/nim"},
		{"localhost:9000", nil, "ws://localhost:9000/nim"},
		{"localhost", nil, "ws://localhost/nim"},
		{"LOCALHOST:9000", nil, "ws://LOCALHOST:9000/nim"},
		{"Localhost.", nil, "ws://Localhost./nim"},
		{"ws//gw.example", nil, ""},
		{"wss//gw.example:443", nil, ""},
		{"gw.example/nim", nil, ""},
		{"[::1]:9000", nil, "ws://[::1]:9000/nim"},
		{"127.0.0.1:9000", &yes, "wss://127.0.0.1:9000/nim"},
		{"127.0.0.1.example:9000", nil, "wss://127.0.0.1.example:9000/nim"},
		{"[2001:db8::1]:443", nil, "wss://[2001:db8::1]:443/nim"},
		{"ws://gw.example/other", &yes, "ws://gw.example/other"},
		{"wss://gw.example:1/nim", &no, "wss://gw.example:1/nim"},
		{"", nil, ""},
		{":80", nil, ""},
		{"http://gw.example", nil, ""},
		{"ws://", nil, ""},
		{"ws://user:pass@gw.example", nil, ""},
		{"user:pass@gw.example:80", nil, ""},
		{"ws://gw.example/nim?token=1", nil, ""},
		{"ws://gw.example/nim#x", nil, ""},
		{"gw.example:port", nil, ""},
		{"gw.example:99999", nil, ""},
		{"ws://gw.example:0/nim", nil, ""},
		{"::1", nil, ""},
		{"2001:db8::1:443", nil, ""},
		{"a.example:1,b.example:2", nil, ""},
		{"a.example:1;b.example:2", nil, ""},
		{"gw example", nil, ""},
	} {
		got, err := LinkURL(tt.address, tt.secure)
		if got != tt.want || (err != nil) != (tt.want == "") {
			t.Errorf("LinkURL(%q) = %q, %v, want %q", tt.address, got, err, tt.want)
		}
	}
}

func TestLinks(t *testing.T) {
	for text, want := range map[string]string{
		`{"private_server_setting":{"link":"a.example:1"}}`:                                                          "wss://a.example:1/nim",
		`{"private_server_setting":{"link":["a.example:1","","ws://b.example"],"link_ipv6":["[2001:db8::1]:2"]}}`:    "wss://a.example:1/nim ws://b.example wss://[2001:db8::1]:2/nim",
		`{"global_config":{"use_https":false},"private_server_setting":{"link":"a.example:1"}}`:                      "ws://a.example:1/nim",
		`{"global_config":{"use_https":true},"private_server_setting":{"link":"127.0.0.1:1"}}`:                       "wss://127.0.0.1:1/nim",
		`{"global_config":{"use_https":true},"private_server_setting":{"link":"a.example:1","https_enabled":false}}`: "ws://a.example:1/nim",
	} {
		got, err := Links(settings(t, text))
		if strings.Join(got, " ") != want || err != nil {
			t.Errorf("%s: got %q, %v, want %q", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		`{"private_server_setting":{"link":["a.example:1","ftp://b"]}}`:           `private_server_setting.link: want host:port or a ws:// or wss:// URL, got "ftp://b"`,
		`{"private_server_setting":{"link_ipv6":"ws://x?y"}}`:                     `private_server_setting.link_ipv6: want a URL without user name, query and fragment, got "ws://x?y"`,
		`{"private_server_setting":{"link":["a.example:1","b.example:99999"]}}`:   `private_server_setting.link: want a port from 1 to 65535, got "b.example:99999"`,
		`{"private_server_setting":{"link":"a.example:1,b.example:2"}}`:           `private_server_setting.link: want one address, and an array for several, got "a.example:1,b.example:2"`,
		`{"private_server_setting":{"link_ipv6":"2001:db8::1"}}`:                  `private_server_setting.link_ipv6: want an IPv6 address in brackets, got "2001:db8::1"`,
		`{"private_server_setting":{"link":"ws://user:password@gw.example/nim"}}`: `private_server_setting.link: want a URL without user name, query and fragment, got "…@gw.example/nim"`,
	} {
		if _, err := Links(settings(t, text)); err == nil || err.Detail != want {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

func TestCheckLBS(t *testing.T) {
	if bad := CheckLBS([]string{"http://a", "https://b/c?d"}); bad != nil {
		t.Error(bad)
	}
	for _, tt := range []struct {
		urls []string
		want string
	}{
		{[]string{"lbs.example"}, `private_server_setting.lbs: want an http:// or https:// URL without user name, got "lbs.example"`},
		{[]string{"http://a", "ws://b?secret"}, `private_server_setting.lbs.backup: want an http:// or https:// URL without user name, got "ws://b"`},
		{[]string{"http://b:99999/lbs"}, `private_server_setting.lbs: want a port from 1 to 65535, got "http://b:99999/lbs"`},
		{[]string{"http://u:p@b"}, `private_server_setting.lbs: want an http:// or https:// URL without user name, got "…@b"`},
	} {
		if bad := CheckLBS(tt.urls); bad == nil || bad.Detail != tt.want {
			t.Errorf("%q: got %v, want %q", tt.urls, bad, tt.want)
		}
	}
}

func TestHostPort(t *testing.T) {
	for want, list := range map[string][]string{
		"a:1":      {"ws://a:1/nim"},
		"a:80":     {"", "ws://a/nim", "ws://b"},
		"a:443":    {"wss://a/nim"},
		"[::1]:80": {"http://[::1]/"},
		"":         {"", "%"},
	} {
		if got := HostPort(list); got != want {
			t.Errorf("HostPort(%q) = %q, want %q", list, got, want)
		}
	}
}
