package admin

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/libnim/libnim/server/accounts"
	"github.com/libnim/libnim/server/auth"
	"github.com/libnim/libnim/server/auth/token"
)

// defaultTTL is the life of a token that is minted without one, in seconds.
const defaultTTL = 24 * 3600

// mintToken makes a token of any signed kind, or gives an account a new static
// one. It is for development and for apps without a server of their own.
func (a *API) mintToken(ctx context.Context, r *http.Request) (any, error) {
	in := struct {
		AppKey  string `json:"app_key"`
		Account string `json:"account"`
		Kind    string `json:"kind"`
		TTLS    int64  `json:"ttl_s"`
	}{Kind: accounts.KindHMAC, TTLS: defaultTTL}
	app, err := a.readFor(r, &in, &in.AppKey)
	if err != nil {
		return nil, err
	}
	if err := accounts.CheckName(in.Account); err != nil {
		return nil, err
	}
	if in.Kind == accounts.KindStatic {
		return a.mintStatic(ctx, app.Key, in.Account)
	}
	spec := token.Spec{
		AppKey: app.Key, SDKAppID: app.SDKAppID, Account: in.Account, Secret: app.Secret,
		IssuedAt: time.Now(), TTL: time.Duration(in.TTLS) * time.Second,
	}
	if acc, err := a.Accounts.Get(ctx, app.Key, in.Account); err == nil {
		spec.IssuedAt = afterRevocation(spec.IssuedAt, acc.RevokedBeforeMS)
	} else if !errors.Is(err, accounts.ErrUnknown) {
		return nil, err
	}
	made, authType, err := auth.Mint(in.Kind, spec)
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"app_key": app.Key, "account": in.Account, "kind": in.Kind, "auth_type": authType, "token": made,
		"expires_at_ms": spec.IssuedAt.Add(spec.TTL).UnixMilli(),
	}, nil
}

// afterRevocation moves a time of issue past a revocation in the same second:
// some kinds keep whole seconds only.
func afterRevocation(issued time.Time, revokedMS int64) time.Time {
	if issued.Truncate(time.Second).UnixMilli() >= revokedMS {
		return issued
	}
	return time.UnixMilli((revokedMS + 999) / 1000 * 1000)
}

func (a *API) mintStatic(ctx context.Context, app, account string) (any, error) {
	made := token.NewStatic()
	_, err := a.Accounts.Change(ctx, app, account, func(acc *accounts.Account, _ bool) error {
		acc.Token = a.Accounts.HashToken(made)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"app_key": app, "account": account, "kind": accounts.KindStatic, "auth_type": auth.TypeSelf, "token": made,
		"expires_at_ms": 0,
	}, nil
}

// revokeTokens ends every signed token of an account that was issued until now,
// and its sessions.
func (a *API) revokeTokens(ctx context.Context, r *http.Request) (any, error) {
	app, saved, err := a.changeNamed(ctx, r, func(acc *accounts.Account) { acc.RevokedBeforeMS = time.Now().UnixMilli() })
	if err != nil {
		return nil, err
	}
	if err := a.Gateway.Expel(ctx, app.Key, saved.Account, saved.Rev, "the tokens of the account were revoked"); err != nil {
		return nil, err
	}
	return viewOf(app.Key, saved), nil
}
