package admin

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/server/accounts"
)

// Bounds of what is kept of an account.
const (
	maxToken   = 4 << 10
	maxName    = 256
	maxIcon    = 1 << 10
	maxEx      = 4 << 10
	maxReason  = 256
	maxDevices = 100
)

// Bounds of one answer of GET /v1/accounts.
const (
	defaultAccounts = 100
	maxAccounts     = 1000
)

// accountView is an account as the operator sees it: never its token.
type accountView struct {
	AppKey    string        `json:"app_key"`
	Account   string        `json:"account"`
	HasToken  bool          `json:"has_token"`
	Name      string        `json:"name"`
	Icon      string        `json:"icon"`
	Ex        string        `json:"ex"`
	Ban       *accounts.Ban `json:"ban"`
	RevokedMS int64         `json:"revoked_before_ms,omitempty"`
	CreatedMS int64         `json:"created_ms"`
}

func viewOf(app string, a *accounts.Account) accountView {
	return accountView{
		AppKey: app, Account: a.Account, HasToken: a.Token != nil,
		Name: a.Name, Icon: a.Icon, Ex: a.Ex, Ban: a.Banned(time.Now()), RevokedMS: a.RevokedBeforeMS, CreatedMS: a.CreatedMS,
	}
}

// putAccount creates or updates an account. A key that is left out keeps what
// is there.
func (a *API) putAccount(ctx context.Context, r *http.Request) (any, error) {
	var in struct {
		AppKey  string  `json:"app_key"`
		Account string  `json:"account"`
		Token   *string `json:"token"`
		Name    *string `json:"name"`
		Icon    *string `json:"icon"`
		Ex      *string `json:"ex"`
	}
	app, err := a.readFor(r, &in, &in.AppKey)
	if err != nil {
		return nil, err
	}
	if in.Token != nil && *in.Token == "" {
		return nil, nimerr.InvalidArgument.New("token: must not be empty")
	}
	for _, f := range []struct {
		key   string
		value *string
		max   int
	}{{"token", in.Token, maxToken}, {"name", in.Name, maxName}, {"icon", in.Icon, maxIcon}, {"ex", in.Ex, maxEx}} {
		if f.value != nil {
			if err := limit(f.key, *f.value, f.max); err != nil {
				return nil, err
			}
		}
	}
	saved, err := a.Accounts.Change(ctx, app.Key, in.Account, func(acc *accounts.Account, _ bool) error {
		if in.Token != nil {
			acc.Token = a.Accounts.HashToken(*in.Token)
		}
		for _, f := range []struct{ to, from *string }{{&acc.Name, in.Name}, {&acc.Icon, in.Icon}, {&acc.Ex, in.Ex}} {
			if f.from != nil {
				*f.to = *f.from
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return viewOf(app.Key, saved), nil
}

// listAccounts lists the accounts of an app in pages, by their names; a query that
// names one asks for that.
func (a *API) listAccounts(ctx context.Context, r *http.Request) (any, error) {
	q := r.URL.Query()
	if q.Has("account") {
		return a.getAccount(ctx, r)
	}
	app, err := a.app(q.Get("app_key"))
	if err != nil {
		return nil, err
	}
	limit, err := limitOf(q, defaultAccounts, maxAccounts)
	if err != nil {
		return nil, err
	}
	page, next, err := a.Accounts.Page(ctx, app.Key, q.Get("cursor"), limit)
	if err != nil {
		return nil, pageError(err)
	}
	list := make([]accountView, 0, len(page))
	for _, acc := range page {
		list = append(list, viewOf(app.Key, acc))
	}
	return map[string]any{"app_key": app.Key, "accounts": list, "next_cursor": next}, nil
}

func (a *API) getAccount(ctx context.Context, r *http.Request) (any, error) {
	app, account, err := a.accountOf(r)
	if err != nil {
		return nil, err
	}
	acc, err := a.Accounts.Get(ctx, app.Key, account)
	if err != nil {
		return nil, unknownIsNotFound(err)
	}
	return viewOf(app.Key, acc), nil
}

// deleteAccount removes an account and ends its sessions.
func (a *API) deleteAccount(ctx context.Context, r *http.Request) (any, error) {
	app, account, err := a.accountOf(r)
	if err != nil {
		return nil, err
	}
	rev, err := a.Accounts.Delete(ctx, app.Key, account)
	if err == nil || errors.Is(err, accounts.ErrUnknown) && rev > 0 { // an earlier call may not have got further
		if err := a.Gateway.Expel(ctx, app.Key, account, rev, "the account was deleted"); err != nil {
			return nil, err
		}
	}
	return nil, unknownIsNotFound(err)
}

// kick ends sessions of an account: all, or those with the device ids given.
func (a *API) kick(ctx context.Context, r *http.Request) (any, error) {
	var in struct {
		AppKey    string   `json:"app_key"`
		Account   string   `json:"account"`
		DeviceIDs []string `json:"device_ids"`
		Reason    string   `json:"reason"`
	}
	app, err := a.readFor(r, &in, &in.AppKey)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(accounts.CheckName(in.Account), limit("reason", in.Reason, maxReason)); err != nil {
		return nil, err
	}
	if len(in.DeviceIDs) > maxDevices {
		return nil, nimerr.InvalidArgument.Newf("device_ids: more than %d", maxDevices)
	}
	match := func(string) bool { return true }
	if len(in.DeviceIDs) > 0 {
		match = func(id string) bool { return slices.Contains(in.DeviceIDs, id) }
	}
	if in.Reason == "" {
		in.Reason = "kicked by the server"
	}
	met, err := a.Gateway.Kick(ctx, app.Key, in.Account, match, in.Reason)
	if err != nil {
		return nil, err
	}
	return map[string]any{"kicked": notNil(met.Online), "kicked_offline": notNil(met.Offline)}, nil
}

// ban keeps an account out and ends its sessions. It holds for an account that
// does not exist yet, too: a signed token must not create it anew.
func (a *API) ban(ctx context.Context, r *http.Request) (any, error) {
	var in struct {
		AppKey    string `json:"app_key"`
		Account   string `json:"account"`
		Reason    string `json:"reason"`
		DurationS int64  `json:"duration_s"` // 0: until it is lifted
	}
	app, err := a.readFor(r, &in, &in.AppKey)
	if err != nil {
		return nil, err
	}
	if in.DurationS < 0 || in.DurationS > 100*365*24*3600 {
		return nil, nimerr.InvalidArgument.New("duration_s: want 0 to 100 years")
	}
	if err := limit("reason", in.Reason, maxReason); err != nil {
		return nil, err
	}
	ban := &accounts.Ban{Reason: in.Reason}
	if in.DurationS > 0 {
		ban.UntilMS = time.Now().Add(time.Duration(in.DurationS) * time.Second).UnixMilli()
	}
	saved, err := a.Accounts.Change(ctx, app.Key, in.Account, func(acc *accounts.Account, _ bool) error {
		acc.Ban = ban
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := a.Gateway.Expel(ctx, app.Key, in.Account, saved.Rev, "the account was banned"); err != nil {
		return nil, err
	}
	return viewOf(app.Key, saved), nil
}

func (a *API) unban(ctx context.Context, r *http.Request) (any, error) {
	app, saved, err := a.changeNamed(ctx, r, func(acc *accounts.Account) { acc.Ban = nil })
	if err != nil {
		return nil, err
	}
	return viewOf(app.Key, saved), nil
}

// changeNamed changes the account that the body of a call names and nothing
// else. It must exist.
func (a *API) changeNamed(ctx context.Context, r *http.Request, edit func(*accounts.Account)) (*accounts.App, *accounts.Account, error) {
	var in struct {
		AppKey  string `json:"app_key"`
		Account string `json:"account"`
	}
	app, err := a.readFor(r, &in, &in.AppKey)
	if err != nil {
		return nil, nil, err
	}
	saved, err := a.Accounts.Change(ctx, app.Key, in.Account, func(acc *accounts.Account, exists bool) error {
		if !exists {
			return accounts.ErrUnknown
		}
		edit(acc)
		return nil
	})
	return app, saved, unknownIsNotFound(err)
}

// accountOf is the app in the query, and the account in the path, or in the
// query where a path cannot hold it: "." and ".." are legal accounts.
func (a *API) accountOf(r *http.Request) (*accounts.App, string, error) {
	q := r.URL.Query()
	app, err := a.app(q.Get("app_key"))
	if err != nil {
		return nil, "", err
	}
	account := cmp.Or(r.PathValue("account"), q.Get("account"))
	return app, account, accounts.CheckName(account)
}

func unknownIsNotFound(err error) error {
	if errors.Is(err, accounts.ErrUnknown) {
		return nimerr.NotFound.New("account: no such account")
	}
	return err
}

func notNil(ids []string) []string {
	if ids == nil {
		return []string{}
	}
	return ids
}
