// Package openimsite drives an OpenIM deployment, real or not, through its REST
// API, as the tests do that need nothing but its addresses and its secret.
package openimsite

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/libnim/libnim/tests/openimfake"
)

// The addresses and the secret (share.yml) of a real deployment to test against.
const (
	envGateway = "LIBNIM_OPENIM_WS"
	envAPI     = "LIBNIM_OPENIM_API"
	envSecret  = "LIBNIM_OPENIM_SECRET"
)

const patience = 20 * time.Second

// A Site is a deployment with one of its users, in one test. Its
// methods fail the test when a call does.
type Site struct {
	*testing.T
	Gateway, API, User string

	secret string
	last   string // token that was issued last
}

// Deployment returns what the environment names, and skips the test where it
// names none.
func Deployment(t *testing.T) (gateway, api, secret string) {
	t.Helper()
	gateway, api, secret = os.Getenv(envGateway), os.Getenv(envAPI), os.Getenv(envSecret)
	if gateway == "" || api == "" || secret == "" {
		t.Skipf("%s, %s and %s name no OpenIM deployment", envGateway, envAPI, envSecret)
	}
	return gateway, api, secret
}

// Registered returns a deployment with a new user, called Nick.
func Registered(t *testing.T, gateway, api, secret, user string) *Site {
	t.Helper()
	s := New(t, gateway, api, secret, user)
	s.Call("/user/user_register", s.Admin(), map[string]any{"users": []map[string]string{{"userID": user, "nickname": "Nick"}}})
	return s
}

// New returns a deployment with a user that it knows.
func New(t *testing.T, gateway, api, secret, user string) *Site {
	t.Helper()
	return &Site{T: t, Gateway: gateway, API: strings.TrimRight(api, "/"), User: user, secret: secret}
}

// Call does a REST call and returns its data.
func (s *Site) Call(path, token string, in any) json.RawMessage {
	s.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		s.Fatal(err)
	}
	r, err := http.NewRequestWithContext(s.Context(), http.MethodPost, s.API+path, bytes.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	r.Header.Set("operationID", "libnim-test")
	r.Header.Set("token", token)
	answer, err := (&http.Client{Timeout: patience}).Do(r)
	if err != nil {
		s.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	var out struct {
		ErrCode        *int
		ErrMsg, ErrDlt string
		Data           json.RawMessage
	}
	if err := json.NewDecoder(answer.Body).Decode(&out); err != nil || out.ErrCode == nil {
		s.Fatalf("%s: this is no answer of OpenIM: %v", path, err)
	}
	if *out.ErrCode != 0 {
		s.Fatalf("%s: %d %s %s", path, *out.ErrCode, out.ErrMsg, out.ErrDlt)
	}
	return out.Data
}

// TokenFrom does a call that answers with a token.
func (s *Site) TokenFrom(path, token string, in any) string {
	s.Helper()
	var out struct{ Token string }
	if err := json.Unmarshal(s.Call(path, token, in), &out); err != nil || out.Token == "" {
		s.Fatalf("%s: no token, %v", path, err)
	}
	return out.Token
}

// Admin returns an administrator's token.
func (s *Site) Admin() string {
	s.Helper()
	return s.TokenFrom("/auth/get_admin_token", "", map[string]string{"secret": s.secret, "userID": openimfake.AdminID})
}

// Token issues a token of the user that differs from the last: two of one second
// are equal.
func (s *Site) Token(platform int) string {
	s.Helper()
	again := time.NewTicker(200 * time.Millisecond)
	defer again.Stop()
	for range 20 {
		t := s.TokenFrom("/auth/get_user_token", s.Admin(), map[string]any{"userID": s.User, "platformID": platform})
		if t != s.last {
			s.last = t
			return t
		}
		<-again.C
	}
	s.Fatal("the server issues the same token again and again")
	return ""
}
