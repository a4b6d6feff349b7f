package core

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
		{"no_proxy domain", "wss://im.Example/nim", map[string]string{"ALL_PROXY": "socks5://h", "NO_PROXY": "x, .example"}, proxy.Config{}},
		{"no_proxy star", "wss://im.example/nim", map[string]string{"ALL_PROXY": "socks5://h", "no_proxy": "*"}, proxy.Config{}},
		{"no_proxy is no suffix of a label", "wss://notexample/nim", map[string]string{"ALL_PROXY": "socks5://h", "NO_PROXY": "example"},
			proxy.Config{Type: proxy.Socks5, Host: "h", Port: 1080}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := envProxy(c.server, func(k string) string { return c.env[k] })
			if err != nil || got != c.want {
				t.Fatalf("got %+v, %v; want %+v", got, err, c.want)
			}
		})
	}
}

func TestEnvProxyErrorHidesTheValue(t *testing.T) {
	for _, v := range []string{"ftp://user:hunter2@h", "socks5://user:hunter2@h:0", "socks5://user:hunter2@", "http://user:hunter2@h:99999", "%zz:hunter2"} {
		_, err := envProxy("wss://im.example", func(string) string { return v })
		if err == nil {
			t.Errorf("%q was accepted", v)
			continue
		}
		if strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "HTTPS_PROXY") {
			t.Errorf("%q: error %q: want the variable named and no secret", v, err)
		}
	}
}
