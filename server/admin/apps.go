package admin

import (
	"cmp"
	"context"
	"net/http"
	"slices"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/server/accounts"
)

// appView is an app as the operator sees it. Its secrets are shown only where
// they were made.
type appView struct {
	AppKey       string            `json:"app_key"`
	AppSecret    string            `json:"app_secret,omitempty"`
	ExtraSecrets int               `json:"extra_secrets"` // how many
	SDKAppID     int64             `json:"sdkappid"`
	Kinds        []string          `json:"kinds"`
	AutoCreate   bool              `json:"auto_create"`
	Webhook      *accounts.Webhook `json:"webhook"`
	ExpiringS    int64             `json:"token_expiring_s"`
	GraceS       int64             `json:"token_grace_s"`
	Policy       policyView        `json:"policy"`
	CreatedMS    int64             `json:"created_ms"`
}

// deletingView is all that is left of an app that is being deleted.
type deletingView struct {
	AppKey    string `json:"app_key"`
	Deleting  bool   `json:"deleting"`
	CreatedMS int64  `json:"created_ms"`
}

// viewOfAny is the view of an app in whichever state.
func viewOfAny(app *accounts.App) any {
	if app.Deleting {
		return deletingView{app.Key, true, app.CreatedMS}
	}
	return viewOfApp(app)
}

func viewOfApp(app *accounts.App) appView {
	v := appView{
		AppKey: app.Key, ExtraSecrets: len(app.ExtraSecrets), SDKAppID: app.SDKAppID,
		Kinds: app.Kinds, AutoCreate: !app.NoAutoCreate, Webhook: app.Webhook,
		ExpiringS: int64(app.Expiring().Seconds()), GraceS: int64(app.Grace().Seconds()),
		Policy: viewOfPolicy(app), CreatedMS: app.CreatedMS,
	}
	if len(v.Kinds) == 0 {
		v.Kinds = accounts.Kinds
	}
	return v
}

// changeApp changes an app and makes every edge know before it returns.
func (a *API) changeApp(ctx context.Context, key string, edit func(app *accounts.App, exists bool) error) (*accounts.App, error) {
	saved, err := a.Apps.Change(ctx, key, edit)
	if err != nil {
		return nil, refusedNow(err)
	}
	a.Gateway.SpreadSettings(ctx, key, saved.Policy.Rev)
	return saved, nil
}

// listApps lists all apps; a query that names one asks for that.
func (a *API) listApps(ctx context.Context, r *http.Request) (any, error) {
	if r.URL.Query().Has("app_key") {
		return a.getApp(ctx, r)
	}
	all := a.Apps.All()
	slices.SortFunc(all, func(x, y *accounts.App) int { return cmp.Compare(x.Key, y.Key) })
	views := []any{}
	for _, app := range all {
		views = append(views, viewOfAny(app))
	}
	return map[string]any{"apps": views}, nil
}

func (a *API) getApp(_ context.Context, r *http.Request) (any, error) {
	app, ok := a.Apps.Find(cmp.Or(r.PathValue("app_key"), r.URL.Query().Get("app_key")))
	if !ok {
		return nil, nimerr.AppKeyUnknown.New("app_key: no such app")
	}
	return viewOfAny(app), nil
}

// deleteApp removes an app with its accounts and ends their sessions. A call
// that did not get to its end is to be repeated.
func (a *API) deleteApp(ctx context.Context, r *http.Request) (any, error) {
	key := cmp.Or(r.PathValue("app_key"), r.URL.Query().Get("app_key"))
	if err := accounts.CheckAppKey(key); err != nil {
		return nil, err
	}
	gone, err := a.Apps.Delete(ctx, key, func(revision uint64) error { return a.Gateway.Retire(ctx, key, revision) })
	if err != nil {
		return nil, refusedNow(err)
	}
	a.Gateway.SpreadSettings(ctx, key, gone)
	a.Log.Info("admin: app deleted", "app", key)
	return nil, nil
}

// appChange is the body of POST /v1/apps. A key that is left out keeps what is
// there; a webhook with an empty url takes it away.
type appChange struct {
	AppKey       string            `json:"app_key"`
	AppSecret    *string           `json:"app_secret"`
	RotateSecret bool              `json:"rotate_secret"`
	ExtraSecrets *[]string         `json:"extra_secrets"`
	SDKAppID     *int64            `json:"sdkappid"`
	Kinds        *[]string         `json:"kinds"`
	AutoCreate   *bool             `json:"auto_create"`
	Webhook      *accounts.Webhook `json:"webhook"`
	ExpiringS    *int64            `json:"token_expiring_s"`
	GraceS       *int64            `json:"token_grace_s"`
}

// putApp creates an app, or changes one. The answer holds the app secret when
// this call made one.
func (a *API) putApp(ctx context.Context, r *http.Request) (any, error) {
	var in appChange
	if err := read(r, &in); err != nil {
		return nil, err
	}
	if in.AppKey == "" {
		in.AppKey = accounts.NewKey()
	}
	if err := accounts.CheckAppKey(in.AppKey); err != nil {
		return nil, err
	}
	made := ""
	saved, err := a.changeApp(ctx, in.AppKey, func(app *accounts.App, exists bool) error {
		if in.RotateSecret && !exists {
			return nimerr.AppKeyUnknown.New("app_key: no such app to rotate the secret of")
		}
		made = in.apply(app, exists)
		return nil
	})
	if err != nil {
		return nil, err
	}
	v := viewOfApp(saved)
	v.AppSecret = made
	return v, nil
}

// apply changes app and returns the secret that it made, if any.
func (in *appChange) apply(app *accounts.App, exists bool) (made string) {
	if in.ExtraSecrets != nil {
		app.ExtraSecrets = *in.ExtraSecrets
	}
	switch {
	case in.AppSecret != nil:
		app.Secret = *in.AppSecret
	case in.RotateSecret:
		app.ExtraSecrets = append([]string{app.Secret}, app.ExtraSecrets...)
		made = accounts.NewSecret()
		app.Secret = made
	case !exists:
		made = accounts.NewSecret()
		app.Secret = made
	}
	if in.SDKAppID != nil {
		app.SDKAppID = *in.SDKAppID
	}
	if in.Kinds != nil {
		app.Kinds = *in.Kinds
	}
	if in.AutoCreate != nil {
		app.NoAutoCreate = !*in.AutoCreate
	}
	if w := in.Webhook; w != nil && w.URL == "" {
		app.Webhook = nil
	} else if w != nil {
		app.Webhook = &accounts.Webhook{URL: w.URL, OnFailure: cmp.Or(w.OnFailure, accounts.OnFailureDeny)}
	}
	if in.ExpiringS != nil {
		app.ExpiringS = *in.ExpiringS
	}
	if in.GraceS != nil {
		app.GraceS = *in.GraceS
	}
	return made
}
