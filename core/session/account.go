package session

import (
	"cmp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// account is one login and what came of it, from the call until logout. All
// memory that belongs to an account hangs here, so that one assignment wipes
// it. Owned by run.
type account struct {
	login   backend.Login // with the newest token
	call    Call          // the login call, until its final answer
	first   bool          // this login has not been online yet
	options retryOptions

	started    time.Time     // of the login call
	outage     time.Time     // when the present outage began
	online     time.Time     // when it last came online
	last       *nimerr.Error // why the attempt before failed; nil: there was none, or it did not
	failures   int           // failed attempts since it was last online, or taken up by the application
	tries      int           // attempts in the present outage
	late       int           // delays in it since it is not young any more
	retryAfter time.Duration // the server's own delay for the next attempt; <0: none

	step loginStep // how far the present attempt came

	asked   bool     // the provider gave the present token, or had its chance
	mustAsk bool     // the next attempt needs a fresh token
	renewal *renewal // a renewal that needs a new link; nil: none

	began      time.Time // by the server's clock: its answer to the first login; zero: it did not say
	session    string
	onlineWall time.Time
	profile    *backend.Profile
	others     []backend.Device
	tokenEnds  time.Time // zero: never, or unknown
}

type retryOptions struct {
	max     int           // failed attempts of a first login that are retried; 0: by its time alone
	timeout time.Duration // of a first login; 0: none, its retries are counted
	limited bool          // timeout or max was given by the application
}

// A renewal is a change of token that a new link has to bring.
type renewal struct {
	old  backend.Login // to go on with if the server refuses the new token
	done func(ends time.Time, err *nimerr.Error)
}

const noRetryAfter = time.Duration(-1)

// noteRetryAfter notes the delay that the server asks for; 0 is no retryAfter.
func (a *account) noteRetryAfter(delay time.Duration) {
	if delay > 0 {
		a.retryAfter = delay
	}
}

// newOutage begins the schedule of attempts from its start, and their count.
func (a *account) newOutage() {
	a.outage, a.tries, a.late, a.retryAfter, a.failures, a.last = time.Now(), 0, 0, noRetryAfter, 0, nil
}

// begun reports whether an attempt to connect was made: before it there is nothing
// to tell of a connection.
func (a *account) begun() bool { return !a.first || a.tries > 0 }

// isFor reports whether a request is for this account.
func (a *account) isFor(r *LoginRequest) bool {
	return a.login.Account == r.Account && a.login.AppKey == r.AppKey
}

// LoginRequest is a login as the application asks for it.
type LoginRequest struct {
	AppKey  string
	Account string
	Token   string
	Options abi.LoginOptions
}

// Credentials are what a login shows for its account.
type credentials struct {
	token    string
	authType int
	loginEx  string
}

func (r *LoginRequest) credentials() credentials {
	return credentials{r.Token, r.Options.AuthType, r.Options.LoginEx}
}

func credentialsOf(l *backend.Login) credentials { return credentials{l.Token, l.AuthType, l.LoginEx} }

// over completes p with the credentials there are: a login without a token keeps the
// old one, and all of the old credentials unless it brings a new text for the app's
// own server, which may be all that this wants.
func (p credentials) over(old credentials) credentials {
	text := p.authType == abi.AuthTypeByAppToken && p.loginEx != ""
	switch {
	case p.token != "", text && old.authType != p.authType:
		return p
	case text:
		p.token = old.token
		return p
	}
	return old
}

// same reports whether p has nothing that old has not.
func (p credentials) same(old credentials) bool {
	return p.token == old.token && p.authType == old.authType &&
		(p.authType != abi.AuthTypeByAppToken || p.loginEx == "" || p.loginEx == old.loginEx)
}

// checkLogin says what is wrong with a request, or nil.
func (s *Session) checkLogin(r *LoginRequest) *nimerr.Error {
	anyText := s.env.Backend.AnyAccount
	switch {
	case r.AppKey == "":
		return nimerr.InvalidArgument.New("app_key: want the key of your app, got an empty string and none from init")
	case len(r.AppKey) > 128:
		return nimerr.InvalidArgument.Newf("app_key: want at most 128 bytes, got %d", len(r.AppKey))
	case anyText && !plainText(r.Account, 256):
		return nimerr.InvalidArgument.Newf("account: want 1 to 256 bytes of text without control characters, got %q", nimerr.Clip(r.Account, 80))
	case !anyText && !validAccount(r.Account):
		return nimerr.InvalidArgument.Newf("account: want 1 to 64 bytes of A-Z a-z 0-9 _ . @ -, got %q", nimerr.Clip(r.Account, 80))
	case len(r.Token) > 16<<10:
		return nimerr.InvalidArgument.Newf("token: want at most 16384 bytes, got %d", len(r.Token))
	case r.Options.AuthType < 0 || r.Options.AuthType > 2:
		return nimerr.InvalidArgument.Newf("auth_type: want 0, 1 or 2, got %d", r.Options.AuthType)
	case r.Options.TimeoutMs < 0:
		return nimerr.InvalidArgument.Newf("timeout_ms: want a positive number, got %d", r.Options.TimeoutMs)
	case len(r.Options.CustomTag) > 1024:
		return nimerr.InvalidArgument.Newf("custom_tag: want at most 1024 bytes, got %d", len(r.Options.CustomTag))
	case len(r.Options.LoginEx) > 4096:
		return nimerr.InvalidArgument.Newf("login_ex: want at most 4096 bytes, got %d", len(r.Options.LoginEx))
	case len(r.Options.OperationId) > maxOperation:
		return nimerr.InvalidArgument.Newf("operation_id: want at most %d bytes, got %d", maxOperation, len(r.Options.OperationId))
	}
	return nil
}

// maxOperation bounds an operation id, in bytes.
const maxOperation = 128

// tencentAccountMax is the limit of Tencent's own servers: an app that wants to
// keep that way open is warned past it.
const tencentAccountMax = 32

func validAccount(id string) bool {
	if len(id) < 1 || len(id) > 64 {
		return false
	}
	for _, c := range []byte(id) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9',
			c == '_', c == '.', c == '@', c == '-':
		default:
			return false
		}
	}
	return true
}

// plainText reports whether s is 1 to n bytes of UTF-8 without control characters.
func plainText(s string, n int) bool {
	return len(s) >= 1 && len(s) <= n && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// newAccount makes the account of an accepted login call.
func (s *Session) newAccount(call Call, r *LoginRequest) *account {
	a := &account{call: call, first: true, started: time.Now(), options: newRetryOptions(&s.env.Config, &r.Options)}
	a.newOutage()
	s.history.kick = nil
	a.login = backend.Login{
		AppKey: r.AppKey, Account: r.Account, Token: r.Token,
		AuthType: r.Options.AuthType, LoginEx: r.Options.LoginEx, CustomTag: r.Options.CustomTag,
		OperationID: r.Options.OperationId, Force: r.Options.Force, Device: s.env.Config.Device,
	}
	s.env.Journal.Secret(r.Token)
	if s.env.Tokens != nil {
		s.env.Tokens.Forget() // a late token belongs to the login before
	}
	return a
}

// newRetryOptions reads the limits of a login. One whose retries are counted
// has no limit in time as well, unless it asks for both.
func newRetryOptions(c *Config, o *abi.LoginOptions) retryOptions {
	r := retryOptions{max: c.LoginRetryMax, timeout: c.LoginTimeout}
	if o.TimeoutMs > 0 {
		r.timeout = time.Duration(o.TimeoutMs) * time.Millisecond
	}
	r.limited = r.max > 0 || r.timeout > 0
	if !r.limited {
		r.timeout = cmp.Or(c.FirstLogin, firstLoginTimeout)
	}
	return r
}

// restore goes on with the credentials from before a renewal.
func (s *Session) restore(old backend.Login) {
	s.env.Journal.Forget(s.acct.login.Token)
	s.env.Journal.Secret(old.Token)
	s.acct.login = old
}

// forget wipes the account: credentials, provider answers and everything the
// server told about it.
func (s *Session) forget() {
	if s.acct != nil {
		s.env.Journal.Forget(s.acct.login.Token)
	}
	s.acct = nil
	s.env.Sink.Clock(0, false)
	if s.env.Tokens != nil {
		s.env.Tokens.Forget()
	}
}
