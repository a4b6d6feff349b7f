package openim

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/dial"
	"github.com/libnim/libnim/core/journal"
	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/tests/openimfake"
	"github.com/libnim/libnim/tests/openimsite"
)

// A site is a deployment, real or not, of which only the protocol is known.
type site struct{ *openimsite.Site }

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
	gateway, base, secret := openimsite.Deployment(t)
	scenarios(t, gateway, base, secret)
	t.Run("idle", func(t *testing.T) {
		s := newSite(t, gateway, base, secret)
		x, _ := s.loggedIn(s.backend(linux), s.Token(linux))
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
	return &site{openimsite.Registered(t, gateway, base, secret, fmt.Sprintf("libnim_%x", time.Now().UnixNano()))}
}

func (s *site) backend(platform int) *Backend {
	j := journal.New(journal.Options{})
	s.Cleanup(j.Close)
	d := &dial.Dialer{}
	return &Backend{Dialer: func() *dial.Dialer { return d }, APIAddr: s.API, PlatformID: platform, Journal: j}
}

// attempt connects and sends the login.
func (s *site) attempt(b *Backend, token string) *tap {
	s.Helper()
	bed := &bed{TB: s.T, gateway: s.Gateway, backend: b}
	login := bed.login(s.User, token)
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
	x, ok := s.loggedIn(s.backend(linux), s.Token(linux))
	defer x.close()
	if p := x.profile(ok); p.Account != s.User || p.Name != "Nick" {
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
	x, _ := s.loggedIn(b, s.Token(linux))
	x.close()
}

func (s *site) testRefusals() {
	token := s.Token(linux)
	s.wantRefused(s.backend(linux), "garbage", nimerr.TokenInvalid)
	s.wantRefused(s.backend(linux), token[:strings.LastIndex(token, ".")]+".AAAA", nimerr.TokenKeyMismatch)
	s.wantRefused(s.backend(platformMacOS), token, nimerr.TokenInvalid)
}

func (s *site) testPresence() {
	x, _ := s.loggedIn(s.backend(linux), s.Token(linux))
	defer x.close()
	phone, _ := s.loggedIn(s.backend(2), s.Token(2))
	if in := want[backend.Presence](x); in.Type != noticeIn || in.Devices[0].ID != "platform:2" {
		s.Errorf("got %+v, want platform:2 coming", in)
	}
	phone.close()
	if out := want[backend.Presence](x); out.Type != noticeOut || out.Devices[0].ID != "platform:2" {
		s.Errorf("got %+v, want platform:2 leaving", out)
	}
}

func (s *site) testKick() {
	first := s.Token(linux)
	x, _ := s.loggedIn(s.backend(linux), first)
	defer x.close()
	y, _ := s.loggedIn(s.backend(linux), s.Token(linux))
	defer y.close()
	if k := want[backend.Kicked](x); k.Reason != kickSame {
		s.Errorf("reason %d, want %d", k.Reason, kickSame)
	}
	x.wantLost(nimerr.Kicked)
	s.wantRefused(s.backend(linux), first, nimerr.KickedOffline)
}

func (s *site) testForceLogout() {
	x, _ := s.loggedIn(s.backend(linux), s.Token(linux))
	defer x.close()
	s.Call("/auth/force_logout", s.Admin(), map[string]any{"userID": s.User, "platformID": linux})
	want[backend.Kicked](x) // with either reason: it depends on who is faster
	x.wantLost(nimerr.Kicked)
}

func (s *site) testKickOther() {
	own, other := s.Token(linux), s.Token(2)
	b := s.backend(linux)
	b.AdminToken = s.Admin() // last, for the next one may revoke it
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
