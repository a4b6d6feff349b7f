package openim

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/dial"
	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/tests/openimfake"
)

func TestLogin(t *testing.T) {
	everywhere(t, openimfake.Options{}, func(b *bed) {
		x, ok := b.loggedIn(b.login("alice", b.fake.Token("alice", linux)))
		defer x.close()
		wantProfile := backend.Profile{Account: "alice", Name: "Nick of alice", Icon: "https://face/alice", Ex: "{}"}
		if p := x.profile(ok); p != wantProfile {
			b.Errorf("profile %+v, want %+v", p, wantProfile)
		}
		if got, want := ok.TokenExpiresAt.Unix(), time.Now().Add(openimfake.TokenLife).Unix(); got < want-60 || got > want {
			b.Errorf("token ends at %d, want %d", got, want)
		}
		if ok.TokenNotice != longestNotice {
			b.Errorf("notice %v, want %v", ok.TokenNotice, longestNotice)
		}
		if len(ok.Others) != 0 {
			b.Errorf("others %+v, want none", ok.Others)
		}
		if got := b.fake.Online("alice"); len(got) != 1 || got[0] != linux {
			b.Errorf("online %v, want [%d]", got, linux)
		}
		if s := x.link.Stats(); s.BytesIn == 0 || s.BytesOut == 0 {
			b.Errorf("stats %+v, want bytes", s)
		}
		if err := x.link.Send(9, &backend.Login{}); nimerr.From(err, nimerr.Internal).Kind != nimerr.ServerCannot {
			b.Errorf("a second login: %v, want not_supported", err)
		}
	})
}

func TestLoginWithGzip(t *testing.T) {
	everywhere(t, openimfake.Options{}, func(b *bed) {
		b.backend.Gzip = true
		x, _ := b.loggedIn(b.login("alice", b.fake.Token("alice", linux)))
		defer x.close()
		if err := x.link.Send(8, backend.Logout{}); err != nil {
			b.Fatal(err)
		}
		if a := want[backend.Answer](x); a.ID != 8 || a.Err != nil {
			b.Fatalf("logout: %+v", a)
		}
	})
}

func TestLogoutIsAnsweredThenClosed(t *testing.T) {
	everywhere(t, openimfake.Options{}, func(b *bed) {
		x, _ := b.loggedIn(b.login("alice", b.fake.Token("alice", linux)))
		defer x.close()
		if err := x.link.Send(8, backend.Logout{Type: 1}); err != nil {
			b.Fatal(err)
		}
		if a := want[backend.Answer](x); a.ID != 8 || a.Err != nil {
			b.Fatalf("got %+v, want success of 8", a)
		}
		x.wantLost(nimerr.ConnectionLost)
	})
}

// Both forms of a refusal, and what becomes of every code.
func TestRefusals(t *testing.T) {
	everywhere(t, openimfake.Options{}, func(b *bed) {
		good := b.fake.Token("alice", linux)
		now := time.Now().Unix()
		expired := b.fake.TokenFor("alice", linux, -time.Minute)
		forgotten := b.fake.TokenFor("alice", linux, time.Hour)
		b.fake.ForgetToken(forgotten)
		tests := []struct {
			name, user, token string
			kind              *nimerr.Kind
			code              int32
			detail            string
		}{
			{"malformed", "alice", "garbage", nimerr.TokenInvalid, 1503, "TokenMalformedError"},
			{"wrong key", "alice", good[:strings.LastIndex(good, ".")] + ".AAAA", nimerr.TokenKeyMismatch, 1505, "signature"},
			{"expired", "alice", expired, nimerr.TokenExpired, 1501, ""},
			{"not yet", "alice", b.fake.Sign(openimfake.Claims{UserID: "alice", PlatformID: linux, Exp: now + 99, Nbf: now + 50}), nimerr.TokenNotYetValid, 1504, ""},
			{"unknown", "alice", forgotten, nimerr.TokenRevoked, 1507, ""},
			{"other user", "bob", b.fake.Token("alice", linux), nimerr.TokenAccountMismatch, 1502, "token uid alice != userID bob"},
			{"other platform", "alice", b.fake.Token("alice", 4), nimerr.TokenInvalid, 1502, "platform 4 (macOS), this client logs in as platform 7 (Linux)"},
		}
		for _, plain := range []bool{false, true} {
			b.fake.SetFaults(openimfake.Faults{PlainRefusals: plain})
			for _, tt := range tests {
				err, body := b.refused(b.login(tt.user, tt.token))
				if err.Kind != tt.kind || err.ServerCode != tt.code || !strings.Contains(err.Detail, tt.detail) {
					b.Errorf("%s, plain %v: %s %d %q, want %s %d %q", tt.name, plain, err.Kind.Name, err.ServerCode, err.Detail, tt.kind.Name, tt.code, tt.detail)
				}
				if want := b.fake.WSAddr() + "/"; err.Endpoint != want || b.attempt.Endpoint != want {
					b.Errorf("%s: endpoint %q and %q, want %q", tt.name, err.Endpoint, b.attempt.Endpoint, want)
				}
				if body.Kicked != nil {
					b.Errorf("%s: kicked %+v", tt.name, body.Kicked)
				}
			}
		}
	})
}

// The codes that the double has no way to provoke.
func TestCodes(t *testing.T) {
	login := &backend.Login{Account: "alice", Token: "a.b.c"}
	for code, kind := range map[int32]*nimerr.Kind{
		500: nimerr.ServerError, 1001: nimerr.InvalidArgument, 1002: nimerr.Forbidden, 1004: nimerr.NotFound,
		1101: nimerr.NotFound, 1506: nimerr.KickedOffline, 1601: nimerr.ServerBusy, 1602: nimerr.InvalidArgument,
		1603: nimerr.ServerError, 99999: nimerr.ServerError,
	} {
		e := (&Backend{}).refused(result{code: code, message: "M", detail: "D"}, login)
		if e.Kind != kind || e.ServerCode != code || e.Detail != "M: D" {
			t.Errorf("%d: %s %d %q, want %s", code, e.Kind.Name, e.ServerCode, e.Detail, kind.Name)
		}
	}
}

func TestKickedWhileOffline(t *testing.T) {
	everywhere(t, openimfake.Options{}, func(b *bed) {
		token := b.fake.Token("alice", linux)
		b.fake.ForceLogout("alice", linux)
		for _, plain := range []bool{false, true} {
			b.fake.SetFaults(openimfake.Faults{PlainRefusals: plain})
			err, body := b.refused(b.login("alice", token))
			if err.Kind != nimerr.KickedOffline || err.ServerCode != 1506 {
				b.Errorf("%s %d, want kicked_offline 1506", err.Kind.Name, err.ServerCode)
			}
			if body.Kicked == nil || body.Kicked.Reason != kickSame || !strings.Contains(body.Kicked.Description, "a newer one") {
				b.Errorf("kicked %+v, want reason 1 and a description", body.Kicked)
			}
		}
	})
}

// What OpenIM has no way to honour never reaches the network.
func TestLoginIsRefusedHere(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Backend, *backend.Login)
		kind   *nimerr.Kind
	}{
		{"no token", func(_ *Backend, l *backend.Login) { l.Token = "" }, nimerr.InvalidArgument},
		{"webhook token", func(_ *Backend, l *backend.Login) { l.AuthType = 2 }, nimerr.AuthTypeRefused},
		{"not forced", func(_ *Backend, l *backend.Login) { l.Force = false }, nimerr.ServerCannot},
		{"platform", func(b *Backend, _ *backend.Login) { b.PlatformID = 13 }, nimerr.InvalidArgument},
	} {
		b := &Backend{} // without a dialer
		l := &backend.Login{Account: "alice", Token: "t", Force: true}
		tt.change(b, l)
		_, err := b.Connect(t.Context(), "gw:10001", l, nil)
		if e := nimerr.From(err, nimerr.Internal); e == nil || e.Kind != tt.kind {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.kind.Name)
		}
	}
}

// answersWith is an address where something else than a msggateway answers.
func answersWith(b *bed, h http.HandlerFunc) string {
	var l net.Listener
	var err error
	if b.net != nil {
		l, err = b.net.Listen("stranger:80")
	} else {
		l, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		b.Fatal(err)
	}
	s := &http.Server{Handler: h}
	go s.Serve(l)
	b.Cleanup(func() { s.Close() })
	return "ws://" + l.Addr().String()
}

func upgradeThen(f func(*websocket.Conn)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer c.Close()
		f(c)
		for {
			if _, _, err := c.ReadMessage(); err != nil {
				return
			}
		}
	}
}

func TestNotAGateway(t *testing.T) {
	body := func(status int, kind, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(status)
			io.WriteString(w, text)
		}
	}
	first := func(kind int, text string) http.HandlerFunc {
		return upgradeThen(func(c *websocket.Conn) { c.WriteMessage(kind, []byte(text)) })
	}
	tests := []struct {
		name    string
		handler http.HandlerFunc
		found   string
	}{
		{"web page", body(200, "text/html", "<html>"), "HTTP 200 OK, text/html"},
		{"no such page", body(404, "text/plain", "404 page not found"), "HTTP 404 Not Found"},
		{"other JSON", body(200, "application/json", `{"status":"ok"}`), "HTTP 200 OK, application/json"},
		{"JavaScript server", first(websocket.TextMessage, `{"event":"onConnecting","data":""}`), "OpenIM's JavaScript SDK server"},
		{"JSON", first(websocket.TextMessage, `{"op":"hello"}`), "JSON of another protocol"},
		{"text", first(websocket.TextMessage, "hello"), "text that is no JSON"},
		{"binary", first(websocket.BinaryMessage, "\x00"), "begins with a binary frame"},
		{"mute but alive", upgradeThen(func(*websocket.Conn) {}), "sends no result of the token check"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, openimfake.Options{}, func(b *bed) {
				address := answersWith(b, tt.handler)
				login := b.login("alice", b.fake.Token("alice", linux))
				start := time.Now()
				_, err := b.backend.Connect(b.Context(), address, login, nil)
				e := nimerr.From(err, nimerr.Internal)
				if e == nil || e.Kind != nimerr.NotAGateway || !strings.Contains(e.Detail, tt.found) || !strings.Contains(e.Detail, "want an OpenIM") {
					b.Fatalf("%v, want not_a_gateway that says %q", err, tt.found)
				}
				if e.Endpoint != address+"/" {
					b.Errorf("endpoint %q, want %q", e.Endpoint, address+"/")
				}
				if took := time.Since(start); took > 15*time.Second {
					b.Errorf("found out after %v", took)
				}
			})
		})
	}
}

// An api_addr that is none costs the profile and is named in the log.
func TestNotAnAPI(t *testing.T) {
	for text, h := range map[string]http.HandlerFunc{
		"want OpenIM's REST API, found: HTTP 404": http.NotFound,
		"want OpenIM's REST API, found JSON":      func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "{}") },
	} {
		inBubble(t, openimfake.Options{}, func(b *bed) {
			b.backend.APIAddr = "http" + strings.TrimPrefix(answersWith(b, h), "ws")
			x, ok := b.loggedIn(b.login("alice", b.fake.Token("alice", linux)))
			defer x.close()
			if log := strings.Join(b.journal.Trace(), "\n"); ok.Profile != nil || !strings.Contains(log, text) {
				b.Errorf("profile %+v, want none and %q in\n%s", ok.Profile, text, log)
			}
		})
	}
}

// A dial that panics leaves no call for the profile behind: a bubble whose
// goroutines do not end fails.
func TestPanicOnTheWay(t *testing.T) {
	inBubble(t, openimfake.Options{}, func(b *bed) {
		d := &dial.Dialer{NetDial: func(ctx context.Context, network, address string) (net.Conn, error) {
			if strings.HasPrefix(address, "gw") {
				panic("no way")
			}
			return b.net.Dial(ctx, network, address)
		}}
		b.backend.Dialer = func() *dial.Dialer { return d }
		defer func() {
			if recover() == nil {
				b.Error("no panic: this test shows nothing")
			}
		}()
		_, _ = b.backend.Connect(b.Context(), b.gateway, b.login("alice", b.fake.Token("alice", linux)), nil)
	})
}

// The REST API must not stop a login. The first one waits a little for it; a
// relogin does not, since the session has a profile.
func TestSlowAPI(t *testing.T) {
	for relogin, wait := range map[bool]time.Duration{false: gatherWait, true: 0} {
		inBubble(t, openimfake.Options{}, func(b *bed) {
			b.fake.SetFaults(openimfake.Faults{SlowAPI: true})
			login := b.login("alice", b.fake.Token("alice", linux))
			login.Relogin = relogin
			start := time.Now()
			x, ok := b.loggedIn(login)
			defer x.close()
			if took := time.Since(start); took != wait || ok.Profile != nil {
				b.Errorf("relogin %v: profile %+v after %v, want none after %v", relogin, ok.Profile, took, wait)
			}
			x.quiet(time.Minute)
			if len(x.profiles) != 0 {
				b.Errorf("relogin %v: profile %+v, want none", relogin, <-x.profiles)
			}
		})
	}
}

// A login with little time left waits less for the API, so that it succeeds.
func TestSlowAPIAndAProgramInAHurry(t *testing.T) {
	inBubble(t, openimfake.Options{}, func(b *bed) {
		b.fake.SetFaults(openimfake.Faults{SlowAPI: true})
		login := b.login("alice", b.fake.Token("alice", linux))
		start := time.Now()
		login.Until = start.Add(gatherWait)
		x, _ := b.loggedIn(login)
		defer x.close()
		if took := time.Since(start); took != gatherWait/2 {
			b.Errorf("answered after %v, want %v", took, gatherWait/2)
		}
	})
}

// A relogin asks for the profile only once it is through: an API is not asked
// by clients that a gateway turns away.
func TestReloginAsksForTheProfileLast(t *testing.T) {
	inBubble(t, openimfake.Options{}, func(b *bed) {
		again := b.login("alice", b.fake.Token("alice", linux))
		again.Relogin = true
		busy := answersWith(b, func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(time.Second)
			w.WriteHeader(http.StatusServiceUnavailable)
		})
		if _, err := b.backend.Connect(b.Context(), busy, again, nil); err == nil {
			b.Fatal("the gateway turned nobody away")
		}
		if calls := b.fake.Calls(); len(calls) != 0 {
			b.Errorf("a relogin that was turned away asked %v", calls)
		}
		x, ok := b.loggedIn(again)
		defer x.close()
		if ok.Profile != nil {
			b.Errorf("profile %+v with the answer, want it after it", ok.Profile)
		}
		if p := x.profile(ok); p.Account != "alice" {
			b.Errorf("profile %+v", p)
		}
	})
}

// A profile that is slow to come is told when it does.
func TestLateProfile(t *testing.T) {
	inBubble(t, openimfake.Options{}, func(b *bed) {
		const late = 3 * time.Second
		b.backend.APIAddr = answersLate(b, late)
		start := time.Now()
		x, ok := b.loggedIn(b.login("alice", b.fake.Token("alice", linux)))
		defer x.close()
		if ok.Profile != nil || time.Since(start) != gatherWait {
			b.Errorf("profile %+v after %v, want none after %v", ok.Profile, time.Since(start), gatherWait)
		}
		if p := x.profile(ok); p.Name != "Late" || time.Since(start) != late {
			b.Errorf("profile %+v after %v, want it after %v", p, time.Since(start), late)
		}
	})
}

// answersLate is a REST API that takes its time.
func answersLate(b *bed, after time.Duration) string {
	ws := answersWith(b, func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(after)
		_, _ = io.WriteString(w, `{"errCode":0,"data":{"usersInfo":[{"userID":"alice","nickname":"Late"}]}}`)
	})
	return "http" + strings.TrimPrefix(ws, "ws")
}

// A gateway that refuses closes at once, and bytes that it has not read would
// turn its close into a reset: a client says nothing before the gateway has.
func TestNothingIsSentBeforeTheGatewayHasSpoken(t *testing.T) {
	inBubble(t, openimfake.Options{}, func(b *bed) {
		early := make(chan int, 1)
		b.gateway = answersWith(b, func(w http.ResponseWriter, r *http.Request) {
			c, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
			if err != nil {
				return
			}
			_ = c.NetConn().SetReadDeadline(time.Now().Add(time.Second))
			n, _ := c.NetConn().Read(make([]byte, 1))
			early <- n
			_ = c.WriteMessage(websocket.TextMessage, []byte(`{"errCode":1501,"errMsg":"TokenExpiredError","errDlt":""}`))
			_ = c.NetConn().Close()
		})
		if err, _ := b.refused(b.login("alice", b.fake.Token("alice", linux))); err.Kind != nimerr.TokenExpired {
			b.Errorf("got %v, want token_expired", err)
		}
		if n := <-early; n != 0 {
			b.Error("the client spoke before the gateway")
		}
	})
}

func TestLoginWithoutAPI(t *testing.T) {
	inBubble(t, openimfake.Options{}, func(b *bed) {
		b.backend.APIAddr = ""
		x, ok := b.loggedIn(b.login("alice", b.fake.Token("alice", linux)))
		defer x.close()
		if ok.Profile != nil || len(b.fake.Calls()) != 0 {
			b.Errorf("profile %+v, calls %v, want neither", ok.Profile, b.fake.Calls())
		}
	})
}

func TestCapabilities(t *testing.T) {
	plain := (&Backend{APIAddr: "http://api"}).Capabilities()
	if plain.KickOther || !plain.Presence || !plain.Profile || plain.RenewToken || plain.ServerTime || !plain.TokenInHandshake {
		t.Errorf("got %+v", plain)
	}
	if c := (&Backend{APIAddr: "http://api", AdminToken: "t"}).Capabilities(); !c.KickOther {
		t.Error("an admin token gives no kick_other")
	}
	if c := (&Backend{AdminToken: "t"}).Capabilities(); c.KickOther || c.Profile {
		t.Error("without an API there is no kick_other and no profile")
	}
}

func TestUnsupportedRequests(t *testing.T) {
	inBubble(t, openimfake.Options{}, func(b *bed) {
		x, _ := b.loggedIn(b.login("alice", b.fake.Token("alice", linux)))
		defer x.close()
		for _, r := range []backend.Request{
			backend.KickOther{DeviceIDs: []string{"platform:2"}}, backend.RenewToken{Token: "t"}, backend.PushGet{},
			backend.PushSet{}, backend.ServerTime{}, backend.UploadLog{},
		} {
			if err := x.link.Send(9, r); nimerr.From(err, nimerr.Internal) == nil || nimerr.From(err, nimerr.Internal).Kind != nimerr.ServerCannot {
				b.Errorf("%T: %v, want server_cannot", r, err)
			}
		}
		x.quiet(time.Minute)
	})
}
