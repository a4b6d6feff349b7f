package accounts

import (
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/server/presence"
)

// Kinds of tokens.
const (
	KindStatic  = "static"
	KindDynamic = "dynamic"
	KindWebhook = "webhook"
	KindHMAC    = "hmac"
	KindUserSig = "usersig"
	KindJWT     = "jwt"
)

// Kinds lists all kinds.
var Kinds = []string{KindStatic, KindDynamic, KindWebhook, KindHMAC, KindUserSig, KindJWT}

// Signed reports whether tokens of a kind are signed with the app's secret, so
// that they have a time of issue and can be revoked by it.
func Signed(kind string) bool { return kind != KindStatic && kind != KindWebhook }

// What a webhook that gives no answer means.
const (
	OnFailureDeny  = "deny"
	OnFailureAllow = "allow"
)

// Defaults of an app's times.
const (
	DefaultExpiring = 60 * time.Second
	DefaultGrace    = 10 * time.Second
)

// App is one app key with its settings.
type App struct {
	Key          string          `json:"app_key"`
	Secret       string          `json:"app_secret"`
	ExtraSecrets []string        `json:"extra_secrets,omitempty"` // verify, never sign: for a change of secrets
	SDKAppID     int64           `json:"sdkappid"`                // number in UserSigs; given at the creation where none is
	Policy       presence.Policy `json:"policy"`
	Kinds        []string        `json:"kinds,omitempty"` // of tokens let in; empty: all
	NoAutoCreate bool            `json:"no_auto_create,omitempty"`
	Webhook      *Webhook        `json:"webhook,omitempty"`
	ExpiringS    int64           `json:"token_expiring_s,omitempty"` // how long before its end a token is announced; 0: default
	GraceS       int64           `json:"token_grace_s,omitempty"`    // from the end of a token to the end of its session; 0: default
	CreatedMS    int64           `json:"created_ms"`
	Deleting     bool            `json:"deleting,omitempty"` // only its key is left, until no edge takes logins to it

	Number int64 `json:"-"` // what rows refer to it by; never used again
}

// Webhook is the app's own server that verifies tokens of auth_type 2.
type Webhook struct {
	URL       string `json:"url"`
	OnFailure string `json:"on_failure"`
}

// Allows reports whether tokens of a kind may log in.
func (a *App) Allows(kind string) bool {
	if kind == KindWebhook && a.Webhook == nil {
		return false
	}
	return len(a.Kinds) == 0 || slices.Contains(a.Kinds, kind)
}

// Secrets are all that a token may be signed with.
func (a *App) Secrets() []string { return append([]string{a.Secret}, a.ExtraSecrets...) }

// firstSDKAppID is where the numbers begin that are given to apps.
const firstSDKAppID = 1_400_000_000

// giveNumber gives a new app the number that stands for it in UserSigs: its key
// where that is a number, as with apps that come from Tencent.
func (a *App) giveNumber() {
	n, err := strconv.ParseInt(a.Key, 10, 64)
	if err != nil || n <= 0 {
		n = firstSDKAppID + rand.Int64N(100_000_000)
	}
	a.SDKAppID = n
}

// Expiring is how long before the end of a token its client is told.
func (a *App) Expiring() time.Duration {
	if a.ExpiringS == 0 {
		return DefaultExpiring
	}
	return time.Duration(a.ExpiringS) * time.Second
}

// Grace is how long a session outlives its token.
func (a *App) Grace() time.Duration {
	if a.GraceS == 0 {
		return DefaultGrace
	}
	return time.Duration(a.GraceS) * time.Second
}

// Validate returns an error that names the key which is wrong.
func (a *App) Validate() error {
	if err := CheckAppKey(a.Key); err != nil {
		return err
	}
	for i, s := range a.Secrets() {
		if len(s) < 8 || len(s) > 256 {
			key := "app_secret"
			if i > 0 {
				key = "extra_secrets"
			}
			return nimerr.InvalidArgument.New(key + ": want 8 to 256 bytes")
		}
	}
	if len(a.ExtraSecrets) > 8 {
		return nimerr.InvalidArgument.New("extra_secrets: more than 8")
	}
	for _, k := range a.Kinds {
		if !slices.Contains(Kinds, k) {
			return nimerr.InvalidArgument.Newf("kinds: %q is not one of %v", k, Kinds)
		}
	}
	if a.SDKAppID <= 0 {
		return nimerr.InvalidArgument.New("sdkappid: want a positive number")
	}
	const day = 24 * 3600
	if a.ExpiringS < 0 || a.ExpiringS > day {
		return nimerr.InvalidArgument.New("token_expiring_s: want 0 to one day")
	}
	if a.GraceS < 0 || a.GraceS > day {
		return nimerr.InvalidArgument.New("token_grace_s: want 0 to one day")
	}
	if err := a.Webhook.validate(); err != nil {
		return err
	}
	return a.Policy.Validate()
}

func (w *Webhook) validate() error {
	if w == nil {
		return nil
	}
	u, err := url.Parse(w.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || len(w.URL) > 2048 {
		return nimerr.InvalidArgument.New("webhook.url: want an http or https URL")
	}
	if w.OnFailure != OnFailureAllow && w.OnFailure != OnFailureDeny {
		return nimerr.InvalidArgument.New(`webhook.on_failure: want "allow" or "deny"`)
	}
	return nil
}
