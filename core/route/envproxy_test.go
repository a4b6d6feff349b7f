package route

import (
	"strings"
	"testing"

	"github.com/libnim/libnim/core/proxy"
)

func TestEnvProxy(t *testing.T) {
	for _, c := range []struct {
		name, server string
		env          map[string]string
		want         proxy.Config
	}{
		{"none", "wss://im.example/nim", nil, proxy.Config{}},
		{"https for wss", "wss://im.example/nim", map[string]string{"HTTPS_PROXY": "http://p:8080", "HTTP_PROXY": "http://q:1"},
			proxy.Config{Type: proxy.HTTP, Host: "p", Port: 8080}},
		{"http for ws, lower case", "ws://im.example/nim", map[string]string{"http_proxy": "q:3128"},
			proxy.Config{Type: proxy.HTTP, Host: "q", Port: 3128}},
		{"all, with credentials", "wss://im.example/nim", map[string]string{"ALL_PROXY": "socks5h://u:p%40ss@[::1]"},
			proxy.Config{Type: proxy.Socks5, Host: "::1", Port: 1080, User: "u", Password: "p@ss"}},
		{"socks4a", "wss://im.example/nim", map[string]string{"ALL_PROXY": "socks4a://h:9"}, proxy.Config{Type: proxy.Socks4a, Host: "h", Port: 9}},
		{"socks, as GNOME writes it", "wss://im.example/nim", map[string]string{"all_proxy": "socks://127.0.0.1:7891/"},
			proxy.Config{Type: proxy.Socks5, Host: "127.0.0.1", Port: 7891}},
		{"no_proxy domain", "wss://im.Example/nim", map[string]string{"ALL_PROXY": "socks5://h", "NO_PROXY": "x, .example"}, proxy.Config{}},
		{"no_proxy star", "wss://im.example/nim", map[string]string{"ALL_PROXY": "socks5://h", "no_proxy": "*"}, proxy.Config{}},
		{"no_proxy is no suffix of a label", "wss://notexample/nim", map[string]string{"ALL_PROXY": "socks5://h", "NO_PROXY": "example"},
			proxy.Config{Type: proxy.Socks5, Host: "h", Port: 1080}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := EnvProxy(c.server, func(k string) string { return c.env[k] })
			if err != nil || got != c.want {
				t.Fatalf("got %+v, %v; want %+v", got, err, c.want)
			}
		})
	}
}

// NO_PROXY as it is written for other programs.
func TestBypassed(t *testing.T) {
	for _, c := range []struct {
		host, port, list string
		want             bool
	}{
		{"im.corp.example", "443", "localhost,*.corp.example", true},
		{"corp.example", "443", "*.corp.example", false},
		{"im.example", "443", "im.example:443", true},
		{"im.example", "8443", "im.example:443", false},
		{"10.1.2.3", "443", "192.168.0.0/16, 10.0.0.0/8", true},
		{"11.1.2.3", "443", "10.0.0.0/8", false},
		{"im.example", "443", "10.0.0.0/8", false},
		{"fd00::1", "443", "fd00::/8", true},
		{"fd00::1", "443", "[fd00::1]:443", true},
		{"fd00::1", "443", "fd00::1", true},
		{"im.example", "443", ",, example ", true},
		{"im.example", "443", ":443", false},
	} {
		if got := bypassed(c.host, c.port, c.list); got != c.want {
			t.Errorf("%s:%s with %q: got %v", c.host, c.port, c.list, got)
		}
	}
	got, err := EnvProxy("wss://10.1.2.3/nim", func(k string) string {
		return map[string]string{"HTTPS_PROXY": "http://p:1", "NO_PROXY": "10.0.0.0/8:443,10.1.2.3:443"}[k]
	})
	if err != nil || got != (proxy.Config{}) {
		t.Errorf("the port of a URL without one: got %v, %v", got, err)
	}
}

func TestEnvProxyErrorHidesTheValue(t *testing.T) {
	for _, v := range []string{"ftp://user:hunter2@h", "socks5://user:hunter2@h:0", "socks5://user:hunter2@", "http://user:hunter2@h:99999", "%zz:hunter2"} {
		_, err := EnvProxy("wss://im.example", func(string) string { return v })
		if err == nil {
			t.Errorf("%q was accepted", v)
			continue
		}
		if strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "HTTPS_PROXY") {
			t.Errorf("%q: error %q: want the variable named and no secret", v, err)
		}
	}
}
