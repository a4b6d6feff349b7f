package openim

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/dial"
	"github.com/libnim/libnim/core/journal"
	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/tests/openimfake"
)

// The addresses and the secret (share.yml) of a real deployment to test against.
const (
	envGateway = "LIBNIM_OPENIM_WS"
	envAPI     = "LIBNIM_OPENIM_API"
	envSecret  = "LIBNIM_OPENIM_SECRET"
)

// A site is a deployment, real or not, of which only the protocol is known.
type site struct {
	*testing.T
	gateway, secret string
	api             *api
	user            string // registered for this run
	last            string // token that was issued last
}

// TestScenarios runs against the double.
func TestScenarios(t *testing.T) {
	fake, err := openimfake.Start(openimfake.Options{Lag: 50 * time.Millisecond, DistinctTokens: true})
	if err != nil {
		t.Fatal(err)
	}
	defer fake.Close()
	scenarios(t, fake.WSAddr(), fake.APIAddr(), "openIM123")
}

// TestDeployment runs the same against a real deployment.
func TestDeployment(t *testing.T) {
	gateway, base, secret := os.Getenv(envGateway), os.Getenv(envAPI), os.Getenv(envSecret)
	if gateway == "" || base == "" || secret == "" {
		t.Skipf("%s, %s and %s name no OpenIM deployment", envGateway, envAPI, envSecret)
	}
	scenarios(t, gateway, base, secret)
	t.Run("idle", func(t *testing.T) {
		s := newSite(t, gateway, base, secret)
		x, _ := s.loggedIn(s.backend(linux), s.token(linux))
		defer x.close()
		x.quiet(40 * time.Second) // past the 30 s after which the server drops the silent
	})
}

func scenarios(t *testing.T, gateway, base, secret string) {
	for name, f := range map[string]func(*site){
		"login": (*site).testLogin, "gzip": (*site).testGzip, "refusals": (*site).testRefusals, "presence": (*site).testPresence,
		"kick": (*site).testKick, "force logout": (*site).testForceLogout, "kick other": (*site).testKickOther,
	} {
		t.Run(name, func(t *testing.T) { f(newSite(t, gateway, base, secret)) })
	}
}

func newSite(t *testing.T, gateway, base, secret string) *site {
	t.Helper()
	base, bad := APIURL(base)
	if bad != nil {
		t.Fatal(bad)
	}
	s := &site{T: t, gateway: gateway, secret: secret, user: fmt.Sprintf("libnim_%x", time.Now().UnixNano())}
	s.api = &api{dialer: &dial.Dialer{}, base: base, op: "libnim-test"}
	s.call("/user/user_register", s.admin(), map[string]any{"users": []map[string]string{{"userID": s.user, "nickname": "Nick"}}})
	return s
}

// call does a REST call that must succeed.
func (s *site) call(path, token string, in any) json.RawMessage {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), patience)
	defer cancel()
	r, err := s.api.post(ctx, path, token, in)
	if err != nil || r.code != 0 {
		s.Fatalf("%s: %v %d %s %s", path, err, r.code, r.message, r.detail)
	}
	return r.data
}

func (s *site) tokenFrom(path, token string, in any) string {
	s.Helper()
	var out struct{ Token string }
	if err := json.Unmarshal(s.call(path, token, in), &out); err != nil || out.Token == "" {
		s.Fatalf("%s: no token, %v", path, err)
	}
	return out.Token
}

func (s *site) admin() string {
	s.Helper()
	return s.tokenFrom("/auth/get_admin_token", "", map[string]string{"secret": s.secret, "userID": openimfake.AdminID})
}

// token issues one that differs from the last: two of one second are equal.
func (s *site) token(platform int) string {
	s.Helper()
	again := time.NewTicker(200 * time.Millisecond)
	defer again.Stop()
	for range 20 {
		t := s.tokenFrom("/auth/get_user_token", s.admin(), map[string]any{"userID": s.user, "platformID": platform})
		if t != s.last {
			s.last = t
			return t
		}
		<-again.C
	}
	s.Fatal("the server issues the same token again and again")
	return ""
}

func (s *site) backend(platform int) *Backend {
	j := journal.New(journal.Options{})
	s.Cleanup(j.Close)
	d := s.api.dialer
	return &Backend{Dialer: func() *dial.Dialer { return d }, APIAddr: s.api.base, PlatformID: platform, Journal: j}
}

// attempt connects and sends the login.
func (s *site) attempt(b *Backend, token string) *tap {
	s.Helper()
	bed := &bed{TB: s.T, gateway: s.gateway, backend: b}
	login := bed.login(s.user, token)
	x := bed.open(login)
	if err := x.link.Send(1, login); err != nil {
		s.Fatal(err)
	}
	return x
}

func (s *site) loggedIn(b *Backend, token string) (*tap, backend.LoginOK) {
	s.Helper()
	x := s.attempt(b, token)
	a := want[backend.Answer](x)
	if a.Err != nil {
		s.Fatalf("refused: %v", a.Err)
	}
	return x, a.Body.(backend.LoginOK)
}

func (s *site) wantRefused(b *Backend, token string, kind *nimerr.Kind) {
	s.Helper()
	x := s.attempt(b, token)
	defer x.close()
	if a := want[backend.Answer](x); a.Err == nil || a.Err.Kind != kind {
		s.Errorf("got %v, want %s", a.Err, kind.Name)
	}
}

func (s *site) testLogin() {
	x, ok := s.loggedIn(s.backend(linux), s.token(linux))
	defer x.close()
	if p := x.profile(ok); p.Account != s.user || p.Name != "Nick" {
		s.Errorf("profile %+v", p)
	}
	if !ok.TokenExpiresAt.After(time.Now()) {
		s.Errorf("token expires at %v", ok.TokenExpiresAt)
	}
	if err := x.link.Send(2, backend.Logout{}); err != nil {
		s.Fatal(err)
	}
	if a := want[backend.Answer](x); a.ID != 2 || a.Err != nil {
		s.Errorf("logout: %+v", a)
	}
}

func (s *site) testGzip() {
	b := s.backend(linux)
	b.Gzip = true
	x, _ := s.loggedIn(b, s.token(linux))
	x.close()
}

func (s *site) testRefusals() {
	token := s.token(linux)
	s.wantRefused(s.backend(linux), "garbage", nimerr.TokenInvalid)
	s.wantRefused(s.backend(linux), token[:strings.LastIndex(token, ".")]+".AAAA", nimerr.TokenKeyMismatch)
	s.wantRefused(s.backend(platformMacOS), token, nimerr.TokenInvalid)
}

func (s *site) testPresence() {
	x, _ := s.loggedIn(s.backend(linux), s.token(linux))
	defer x.close()
	phone, _ := s.loggedIn(s.backend(2), s.token(2))
	if in := want[backend.Presence](x); in.Type != noticeIn || in.Devices[0].ID != "platform:2" {
		s.Errorf("got %+v, want platform:2 coming", in)
	}
	phone.close()
	if out := want[backend.Presence](x); out.Type != noticeOut || out.Devices[0].ID != "platform:2" {
		s.Errorf("got %+v, want platform:2 leaving", out)
	}
}

func (s *site) testKick() {
	first := s.token(linux)
	x, _ := s.loggedIn(s.backend(linux), first)
	defer x.close()
	y, _ := s.loggedIn(s.backend(linux), s.token(linux))
	defer y.close()
	if k := want[backend.Kicked](x); k.Reason != kickSame {
		s.Errorf("reason %d, want %d", k.Reason, kickSame)
	}
	x.wantLost(nimerr.Kicked)
	s.wantRefused(s.backend(linux), first, nimerr.KickedOffline)
}

func (s *site) testForceLogout() {
	x, _ := s.loggedIn(s.backend(linux), s.token(linux))
	defer x.close()
	s.call("/auth/force_logout", s.admin(), map[string]any{"userID": s.user, "platformID": linux})
	want[backend.Kicked](x) // with either reason: it depends on who is faster
	x.wantLost(nimerr.Kicked)
}

func (s *site) testKickOther() {
	own, other := s.token(linux), s.token(2)
	b := s.backend(linux)
	b.AdminToken = s.admin() // last, for the next one may revoke it
	x, _ := s.loggedIn(b, own)
	defer x.close()
	phone, _ := s.loggedIn(s.backend(2), other)
	defer phone.close()
	want[backend.Presence](x)
	if err := x.link.Send(2, backend.KickOther{DeviceIDs: []string{"platform:2"}}); err != nil {
		s.Fatal(err)
	}
	a := wantAfterPresence[backend.Answer](x)
	if r := a.Body.(backend.KickOtherOK).Results; len(r) != 1 || r[0].Code != nimerr.OK.Code {
		s.Errorf("got %+v, want 200", a)
	}
	wantAfterPresence[backend.Kicked](phone)
}
