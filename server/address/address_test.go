package address

import (
	"net/http"
	"net/netip"
	"testing"
)

func TestOf(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	for _, tc := range []struct {
		remote, forwarded, want, unreadable string
	}{
		{"192.0.2.1:5", "", "192.0.2.1:5", ""},
		{"192.0.2.1:5", "198.51.100.7", "192.0.2.1:5", ""}, // not from a proxy: not believed
		{"[::ffff:192.0.2.1]:5", "", "192.0.2.1:5", ""},
		{"10.1.1.1:5", "", "10.1.1.1:0", ""},
		{"10.1.1.1:5", "198.51.100.7", "198.51.100.7:0", ""},
		{"[::ffff:10.1.1.1]:5", "198.51.100.7", "198.51.100.7:0", ""},
		{"10.1.1.1:5", "203.0.113.9, 198.51.100.7, 10.2.2.2", "198.51.100.7:0", ""},
		{"10.1.1.1:5", "203.0.113.9, 198.51.100.7:4711, 10.2.2.2:80", "198.51.100.7:4711", ""},
		{"10.1.1.1:5", "10.3.3.3", "10.3.3.3:0", ""},
		{"10.1.1.1:5", "::ffff:198.51.100.7", "198.51.100.7:0", ""},
		{"10.1.1.1:5", "[::ffff:198.51.100.7]:4711", "198.51.100.7:4711", ""},
		{"10.1.1.1:5", "[2001:db8::1]:4711", "[2001:db8::1]:4711", ""},
		{"10.1.1.1:5", "[2001:db8::1]", "[2001:db8::1]:0", ""},
		{"[::1]:5", "2001:db8::1", "[2001:db8::1]:0", ""},
		{"10.1.1.1:5", "nonsense", "10.1.1.1:0", "nonsense"},
		{"10.1.1.1:5", "198.51.100.7, unknown, 10.2.2.2", "10.2.2.2:0", "unknown"},
		{"10.1.1.1:5", "198.51.100.7:99999", "10.1.1.1:0", "198.51.100.7:99999"},
	} {
		r := &http.Request{RemoteAddr: tc.remote, Header: http.Header{}}
		if tc.forwarded != "" {
			r.Header.Set("X-Forwarded-For", tc.forwarded)
		}
		if got, unreadable := Of(r, trusted); got != tc.want || unreadable != tc.unreadable {
			t.Errorf("%s via %q: got %s, unreadable %q; want %s, %q", tc.remote, tc.forwarded, got, unreadable, tc.want, tc.unreadable)
		}
	}
}

func TestPlace(t *testing.T) {
	for remote, want := range map[string]string{
		"127.0.0.1:1": "", "[::1]:1": "", "[::ffff:127.0.0.1]:1": "", "nonsense": "",
		"192.0.2.1:1": "192.0.2.1", "[::ffff:192.0.2.1]:1": "192.0.2.1",
		"[2001:db8:1:2:3:4:5:6]:1": "2001:db8:1:2::/64", "[fe80::1%eth0]:1": "fe80::/64",
	} {
		if got := Place(remote); got != want {
			t.Errorf("%s: got %q, want %q", remote, got, want)
		}
	}
}
