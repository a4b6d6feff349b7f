package admin

import (
	"context"
	"net/http"
	"time"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server/accounts"
	"github.com/libnim/libnim/server/presence"
)

// Bounds of one answer of GET /v1/online.
const (
	defaultOnline = 1000
	maxOnline     = 10000
)

type policyView struct {
	AppKey string `json:"app_key"`
	presence.Policy
}

func viewOfPolicy(app *accounts.App) policyView {
	v := policyView{AppKey: app.Key, Policy: app.Policy}
	if v.Mode == "" {
		v.Mode = presence.ModeClass
	}
	return v
}

func (a *API) getPolicy(_ context.Context, r *http.Request) (any, error) {
	app, err := a.app(r.URL.Query().Get("app_key"))
	if err != nil {
		return nil, err
	}
	return viewOfPolicy(app), nil
}

// putPolicy replaces the policy of an app. It holds for the next login; with
// apply_now it ends the sessions that it does not allow.
func (a *API) putPolicy(ctx context.Context, r *http.Request) (any, error) {
	var in struct {
		AppKey   string           `json:"app_key"`
		Mode     string           `json:"multi_login"`
		Classes  []presence.Class `json:"classes"`
		ApplyNow bool             `json:"apply_now"`
	}
	app, err := a.readFor(r, &in, &in.AppKey)
	if err != nil {
		return nil, err
	}
	if in.Mode == "" {
		return nil, nimerr.InvalidArgument.New("multi_login: missing")
	}
	policy := presence.Policy{Mode: in.Mode, Classes: in.Classes}
	if err := policy.Validate(); err != nil {
		return nil, err
	}
	saved, err := a.changeApp(ctx, app.Key, func(app *accounts.App, exists bool) error {
		if !exists {
			return nimerr.AppKeyUnknown.New("app_key: no such app")
		}
		app.Policy = policy
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := struct {
		policyView
		Kicked int `json:"kicked"`
	}{policyView: viewOfPolicy(saved)}
	if in.ApplyNow {
		if out.Kicked, err = a.Gateway.Enforce(ctx, app.Key); err != nil {
			return nil, err
		}
	}
	return out, nil
}

type onlineView struct {
	Account string        `json:"account"`
	Devices []wire.Device `json:"devices"`
}

// online lists who is on line: one account, or those of an app in pages.
func (a *API) online(ctx context.Context, r *http.Request) (any, error) {
	q := r.URL.Query()
	app, err := a.app(q.Get("app_key"))
	if err != nil {
		return nil, err
	}
	limit, err := limitOf(q, defaultOnline, maxOnline)
	if err != nil {
		return nil, err
	}
	list, next := []onlineView{}, ""
	if q.Has("account") {
		account := q.Get("account")
		if err := accounts.CheckName(account); err != nil {
			return nil, err
		}
		devices, err := a.Presence.Online(ctx, app.Key, account)
		if err != nil {
			return nil, err
		}
		if len(devices) > 0 {
			list = append(list, onlineView{account, presence.WireList(account, devices, "")})
		}
	} else {
		next, err = a.Presence.PageOnline(ctx, app.Key, q.Get("cursor"), func(account string, devices []presence.Device) bool {
			if len(list) == limit {
				return false
			}
			list = append(list, onlineView{account, presence.WireList(account, devices, "")})
			return true
		})
		if err != nil {
			return nil, pageError(err)
		}
	}
	return map[string]any{"app_key": app.Key, "accounts": list, "next_cursor": next}, nil
}

// maintenance tells the clients of every edge to come back later.
func (a *API) maintenance(_ context.Context, r *http.Request) (any, error) {
	in := struct {
		Reason       string `json:"reason"`
		RetryAfterMS int64  `json:"retry_after_ms"`
		SpreadMS     int64  `json:"spread_ms"`
		Close        bool   `json:"close"`
	}{Reason: "maintenance", RetryAfterMS: 1000, SpreadMS: 5000, Close: true}
	if err := read(r, &in); err != nil {
		return nil, err
	}
	const day = 24 * 3600 * 1000
	if in.RetryAfterMS < 0 || in.RetryAfterMS > day {
		return nil, nimerr.InvalidArgument.New("retry_after_ms: want 0 to one day")
	}
	if in.SpreadMS < 0 || in.SpreadMS > day {
		return nil, nimerr.InvalidArgument.New("spread_ms: want 0 to one day")
	}
	if err := limit("reason", in.Reason, maxReason/4); err != nil { // fits into a close frame
		return nil, err
	}
	err := a.Gateway.Broadcast(in.Reason, time.Duration(in.RetryAfterMS)*time.Millisecond,
		time.Duration(in.SpreadMS)*time.Millisecond, in.Close)
	if err != nil {
		return nil, nimerr.ServerError.Wrap(err)
	}
	return nil, nil
}
