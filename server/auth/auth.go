// Package auth decides whether a login's token proves its account. It knows
// the kinds of tokens and nothing of connections or presence.
package auth

import (
	"context"
	"errors"
	"time"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/server/accounts"
)

// Token kinds by which a client asks to be verified (auth_type).
const (
	TypeStatic  = 0
	TypeDynamic = 1
	TypeWebhook = 2
)

// Request is a login or a renewal to verify.
type Request struct {
	App      *accounts.App
	Account  string
	Token    string
	AuthType int
}

// Identity is what a verified token proves.
type Identity struct {
	Account   *accounts.Account
	ExpiresAt time.Time // zero: never
}

// Verifier checks tokens against the accounts of a store.
type Verifier struct {
	Accounts *accounts.Store
}

// Verify returns who the token proves, or a *nimerr.Error.
func (v *Verifier) Verify(ctx context.Context, r Request) (Identity, error) {
	if r.AuthType != TypeStatic {
		return Identity{}, nimerr.AuthTypeRefused.New("")
	}
	a, err := v.Accounts.Get(ctx, r.App.Key, r.Account)
	if err != nil && !errors.Is(err, accounts.ErrUnknown) {
		return Identity{}, err
	}
	if !v.Accounts.CheckToken(a, r.Token) {
		return Identity{}, nimerr.TokenInvalid.New("")
	}
	if ban := a.Banned(time.Now()); ban != nil {
		return Identity{}, nimerr.AccountBanned.New(ban.Reason)
	}
	return Identity{Account: a}, nil
}
