// Package auth decides whether a login's token proves its account. It knows
// the kinds of tokens and nothing of connections or presence.
package auth

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/server/accounts"
	"github.com/libnim/libnim/server/auth/token"
)

// How a client asks to be verified (auth_type). Type 0 is a static token or one
// that says itself what it is: UserSig, JWT, or our HMAC kind.
const (
	TypeSelf    = 0
	TypeDynamic = 1
	TypeWebhook = 2
)

// Request is a login or a renewal to verify.
type Request struct {
	App      *accounts.App
	Account  string
	Token    string
	AuthType int
	Client   Client
}

// Client is what a webhook is told of who asks.
type Client struct {
	DeviceID   string
	ClientType int
	Address    string // ip:port
	CustomTag  string
	LoginEx    string
}

// Identity is what a verified token proves.
type Identity struct {
	Account   *accounts.Account
	ExpiresAt time.Time // zero: never
	UserSig   bool      // the proof was a UserSig: errors carry Tencent's numbers
}

// Verifier checks tokens against the accounts of a store.
type Verifier struct {
	accounts *accounts.Store
	webhook  *webhook
	log      *slog.Logger
	now      func() time.Time
}

// NewVerifier returns a verifier. now is the wall clock; nil: time.Now.
func NewVerifier(store *accounts.Store, log *slog.Logger, now func() time.Time) *Verifier {
	if now == nil {
		now = time.Now
	}
	return &Verifier{accounts: store, webhook: newWebhook(), log: log, now: now}
}

// Verify returns who the token proves, or a *nimerr.Error. A token that is not
// right for an account looks the same whether the account exists or not.
func (v *Verifier) Verify(ctx context.Context, r Request) (Identity, error) {
	a, err := v.accounts.Get(ctx, r.App.Key, r.Account)
	if err != nil && !errors.Is(err, accounts.ErrUnknown) {
		return Identity{}, err
	}
	kind, claims, err := v.prove(ctx, r, a)
	if err != nil {
		return Identity{}, err
	}
	if a == nil {
		if r.App.NoAutoCreate {
			return Identity{}, nimerr.TokenInvalid.New("")
		}
		keep := func(*accounts.Account, bool) error { return nil }
		if a, err = v.accounts.Change(ctx, r.App.Key, r.Account, keep); err != nil {
			return Identity{}, err
		}
	}
	usersig := kind == accounts.KindUserSig
	// A token that does not say when it was issued counts as older than a revocation.
	if accounts.Signed(kind) && a.RevokedBeforeMS != 0 && claims.IssuedAt.UnixMilli() < a.RevokedBeforeMS {
		revoked := nimerr.TokenRevoked.New("")
		if usersig {
			revoked.ServerCode = revoked.Kind.Tencent
		}
		return Identity{}, revoked
	}
	if ban := a.Banned(v.now()); ban != nil {
		return Identity{}, nimerr.AccountBanned.New(ban.Reason)
	}
	return Identity{Account: a, ExpiresAt: claims.ExpiresAt, UserSig: usersig}, nil
}

// prove finds the kind of the token and checks it. a is nil for an account that
// does not exist.
func (v *Verifier) prove(ctx context.Context, r Request, a *accounts.Account) (kind string, c token.Claims, err error) {
	switch r.AuthType {
	case TypeDynamic:
		kind = accounts.KindDynamic
	case TypeWebhook:
		kind = accounts.KindWebhook
	default:
		kind = kindOf(r.Token)
		// A static token may look like anything, so it is compared first.
		if v.accounts.CheckToken(a, r.Token) && r.App.Allows(accounts.KindStatic) {
			return accounts.KindStatic, c, nil
		}
	}
	if !r.App.Allows(kind) {
		return kind, c, nimerr.AuthTypeRefused.New(kind + " tokens are not allowed for this app")
	}
	want := token.Expect{
		AppKey: r.App.Key, SDKAppID: r.App.SDKAppID, Account: r.Account,
		Secrets: r.App.Secrets(), Now: v.now(),
	}
	switch kind {
	case accounts.KindDynamic:
		c, err = token.VerifyDynamic(r.Token, want)
	case accounts.KindWebhook:
		err = v.askWebhook(ctx, r)
	case accounts.KindHMAC:
		c, err = token.VerifyHMAC(r.Token, want)
	case accounts.KindJWT:
		c, err = token.VerifyJWT(r.Token, want)
	case accounts.KindUserSig:
		c, err = token.VerifyUserSig(r.Token, want)
	default:
		err = nimerr.TokenInvalid.New("")
	}
	return kind, c, err
}

// kindOf tells the kind of a token of type 0 by its form.
func kindOf(t string) string {
	switch {
	case strings.HasPrefix(t, token.HMACPrefix):
		return accounts.KindHMAC
	case token.IsJWT(t):
		return accounts.KindJWT
	case token.IsUserSig(t):
		return accounts.KindUserSig
	}
	return accounts.KindStatic
}

func (v *Verifier) askWebhook(ctx context.Context, r Request) error {
	err := v.webhook.ask(ctx, r, v.now())
	if errors.Is(err, nimerr.WebhookUnreachable) && r.App.Webhook.OnFailure == accounts.OnFailureAllow {
		v.log.Warn("auth: webhook failed, login allowed by its default", "app", r.App.Key, "cause", nimerr.From(err, nimerr.ServerError).Cause)
		return nil
	}
	return err
}
