package core

import (
	"testing"

	"github.com/libnim/libnim/internal/abi"
)

// What an LBS tells in the clear does not take TLS away where it is demanded.
func TestDiscoveredLinkKeepsTLS(t *testing.T) {
	yes, no := true, false
	for _, c := range []struct {
		demanded *bool
		address  string
		want     string // "" refused
	}{
		{&yes, "ws://im.example:80/nim", ""},
		{&yes, "wss://im.example/nim", "wss://im.example/nim"},
		{&yes, "im.example:443", "wss://im.example:443/nim"},
		{nil, "ws://im.example:80/nim", "ws://im.example:80/nim"},
		{&no, "im.example:80", "ws://im.example:80/nim"},
	} {
		k := &Client{settings: abi.InitOptions{GlobalConfig: abi.GlobalConfig{UseHttps: c.demanded}}}
		got, err := k.discovered(c.address)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: got %q, %v; want %q", c.address, got, err, c.want)
		}
	}
}
