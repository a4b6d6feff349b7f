package openim

import (
	"net/url"
	"strings"
	"testing"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/nimerr"
)

func TestGatewayURL(t *testing.T) {
	for in, want := range map[string]string{
		"ws://host:10001":         "ws://host:10001/",
		"wss://host":              "wss://host/",
		" host:10001 ":            "wss://host:10001/",
		"localhost:10001":         "ws://localhost:10001/",
		"127.0.0.1:10001":         "ws://127.0.0.1:10001/",
		"host:10001/msg_gateway":  "wss://host:10001/msg_gateway",
		"[::1]:10001":             "ws://[::1]:10001/",
		"wss://im.example/gw/":    "wss://im.example/gw/",
		"":                        "got nothing",
		"host":                    "without scheme and port",
		"http://host:10002":       "begins with http://",
		"wss://":                  "without a host",
		"ws://u:p4ss@host":        "user name",
		"ws://host/?token=s3cr3t": "query",
		"ws://ho st:1":            "no URL",
		"//host:10001":            "without scheme and port",
	} {
		got, err := GatewayURL(in)
		switch {
		case strings.Contains(want, "://") && !strings.Contains(want, "begins"):
			if err != nil || got != want {
				t.Errorf("%q: %q %v, want %q", in, got, err, want)
			}
		case err == nil || err.Kind != nimerr.InvalidArgument || !strings.Contains(err.Detail, want):
			t.Errorf("%q: %q %v, want an error with %q", in, got, err, want)
		case strings.Contains(err.Error(), "p4ss") || strings.Contains(err.Error(), "s3cr3t"):
			t.Errorf("%q: a secret is in %v", in, err)
		}
	}
}

func TestAPIURL(t *testing.T) {
	for in, want := range map[string]string{
		"":                  "",
		"http://host:10002": "http://host:10002",
		"https://host/api/": "https://host/api",
		"host:10002":        "https://host:10002",
		"host:10002/api/v1": "https://host:10002/api/v1",
	} {
		if got, err := APIURL(in); err != nil || got != want {
			t.Errorf("%q: %q %v, want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"ws://host:1", "https://", "host"} {
		if got, err := APIURL(in); err == nil {
			t.Errorf("%q: %q, want an error", in, got)
		}
	}
}

// Whatever is in a login, it stays one parameter.
func TestHandshakeURLIsEscaped(t *testing.T) {
	login := &backend.Login{Account: "a&b=c", Token: "t+/=#?&sendID=x", OperationID: "op 1\n"}
	b := &Backend{PlatformID: 3, Gzip: true, SDK: "libnim/1.0"}
	u, err := url.Parse(b.handshakeURL("ws://host:10001/gw", login))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"sendID": login.Account, "token": login.Token, "platformID": "3", "operationID": login.OperationID,
		"isBackground": "false", "sdkType": "js", "isMsgResp": "true", "compression": "gzip", "sdkVersion": "libnim/1.0",
	}
	q := u.Query()
	if len(q) != len(want) || u.Path != "/gw" || u.Fragment != "" {
		t.Errorf("got %v at %q", q, u.Path)
	}
	for k, v := range want {
		if len(q[k]) != 1 || q.Get(k) != v {
			t.Errorf("%s is %q, want %q", k, q[k], v)
		}
	}
	if plain, _ := url.Parse((&Backend{}).handshakeURL("ws://h/", &backend.Login{})); plain.Query().Has("compression") || plain.Query().Get("operationID") == "" {
		t.Errorf("got %v", plain)
	}
}
