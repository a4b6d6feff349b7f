// Package admin is the REST API of the operator, under /v1. Every call carries
// the admin key as a bearer token; errors are JSON and name the key that is
// wrong.
package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/server/accounts"
	"github.com/libnim/libnim/server/gateway"
	"github.com/libnim/libnim/server/metrics"
	"github.com/libnim/libnim/server/presence"
	"github.com/libnim/libnim/server/talk"
)

// maxBody bounds the body of a call.
const maxBody = 1 << 20

// callBudget bounds one call.
const callBudget = 15 * time.Second

// API serves /v1.
type API struct {
	Key      string         // the admin key
	Trusted  []netip.Prefix // proxies whose X-Forwarded-For is believed
	Metrics  *metrics.Registry
	Apps     *accounts.Apps
	Accounts *accounts.Store
	Presence *presence.Store
	Gateway  *gateway.Gateway
	Messages *talk.Talk
	Log      *slog.Logger

	guard guard
}

// endpoint runs one call. What it returns becomes the JSON of the answer.
type endpoint func(ctx context.Context, r *http.Request) (any, error)

// Handler returns the handler for paths under /v1/.
func (a *API) Handler() http.Handler {
	a.guard.init(a.Metrics)
	mux := http.NewServeMux()
	methods := map[string][]string{} // by path
	for pattern, c := range map[string]struct {
		run   endpoint
		query []string // the keys that it takes there
	}{
		"POST /v1/accounts":             {a.putAccount, nil},
		"GET /v1/accounts":              {a.listAccounts, []string{"app_key", "account", "limit", "cursor"}},
		"GET /v1/accounts/{account}":    {a.getAccount, []string{"app_key"}},
		"DELETE /v1/accounts":           {a.deleteAccount, []string{"app_key", "account"}},
		"DELETE /v1/accounts/{account}": {a.deleteAccount, []string{"app_key"}},
		"POST /v1/kick":                 {a.kick, nil},
		"POST /v1/ban":                  {a.ban, nil},
		"POST /v1/unban":                {a.unban, nil},
		"GET /v1/apps":                  {a.listApps, []string{"app_key"}},
		"POST /v1/apps":                 {a.putApp, nil},
		"GET /v1/apps/{app_key}":        {a.getApp, nil},
		"DELETE /v1/apps":               {a.deleteApp, []string{"app_key"}},
		"DELETE /v1/apps/{app_key}":     {a.deleteApp, nil},
		"POST /v1/tokens":               {a.mintToken, nil},
		"POST /v1/tokens/revoke":        {a.revokeTokens, nil},
		"GET /v1/policy":                {a.getPolicy, []string{"app_key"}},
		"PUT /v1/policy":                {a.putPolicy, nil},
		"GET /v1/online":                {a.online, []string{"app_key", "account", "limit", "cursor"}},
		"POST /v1/maintenance":          {a.maintenance, nil},
		"POST /v1/messages":             {a.postMessage, nil},
		"GET /v1/messages":              {a.listMessages, []string{"app_key", "account", "peer", "from_ms", "to_ms", "oldest_first", "text", "limit", "cursor"}},
		"GET /v1/conversations":         {a.listConversations, []string{"app_key", "account", "limit", "cursor"}},
		"POST /v1/messages/recall":      {a.recallMessage, nil},
		"POST /v1/messages/read":        {a.readMessages, nil},
	} {
		mux.Handle(pattern, a.serve(withQuery(c.query, c.run)))
		method, path, _ := strings.Cut(pattern, " ")
		methods[path] = append(methods[path], method)
	}
	for path, allowed := range methods {
		slices.Sort(allowed)
		mux.Handle(path, a.otherMethods(strings.Join(allowed, ", ")))
	}
	mux.Handle("/v1/", a.serve(func(context.Context, *http.Request) (any, error) {
		return nil, nimerr.NotFound.New("no such call")
	}))
	return mux
}

// otherMethods answers the methods that a path does not have.
func (a *API) otherMethods(allowed string) http.Handler {
	refuse := a.serve(func(_ context.Context, r *http.Request) (any, error) {
		return nil, &httpError{http.StatusMethodNotAllowed, nimerr.InvalidArgument.Newf("%s: this call has %s", r.Method, allowed)}
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", allowed)
		refuse.ServeHTTP(w, r)
	})
}

func (a *API) serve(f endpoint) http.Handler {
	return a.Guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), callBudget)
		defer cancel()
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		answer, err := f(ctx, r)
		if err != nil {
			a.fail(w, r, err)
			return
		}
		if answer == nil {
			answer = map[string]any{"code": nimerr.OK.Code}
		}
		writeJSON(w, http.StatusOK, answer)
	}))
}

func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) {
	e := nimerr.From(err, nimerr.ServerError)
	if e.Kind == nimerr.ServerError {
		a.Log.Error("admin: call failed", "path", r.URL.Path, "err", err)
		e = nimerr.ServerError.New("")
	}
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds()))))
	}
	status := statusOf(e.Kind)
	if h, ok := errors.AsType[*httpError](err); ok {
		status = h.status
	}
	writeJSON(w, status, problem(e))
}

// app returns the app that a call means.
func (a *API) app(key string) (*accounts.App, error) {
	if key == "" {
		return a.Apps.Only()
	}
	app, ok := a.Apps.Find(key)
	if !ok {
		return nil, nimerr.AppKeyUnknown.New("app_key: no such app")
	}
	if app.Deleting {
		return nil, refusedNow(accounts.ErrDeleting)
	}
	return app, nil
}

// httpError is an error with an HTTP status of its own.
type httpError struct {
	status int
	err    *nimerr.Error
}

func (e *httpError) Error() string { return e.err.Error() }
func (e *httpError) Unwrap() error { return e.err }

// refusedNow makes what the state of an app does not allow an answer of its own.
func refusedNow(err error) error {
	switch {
	case errors.Is(err, accounts.ErrDeleting):
		return &httpError{http.StatusConflict, nimerr.Forbidden.New("app_key: this app is being deleted; DELETE /v1/apps/{app_key} goes on with that")}
	case errors.Is(err, accounts.ErrLastApp):
		return &httpError{http.StatusConflict, nimerr.Forbidden.New("app_key: the last app cannot be deleted; make another one first")}
	}
	return err
}

func problem(e *nimerr.Error) map[string]any {
	return map[string]any{"code": e.Kind.Code, "err_name": e.Kind.Name, "err_msg": e.Error()}
}

func statusOf(k *nimerr.Kind) int {
	switch k {
	case nimerr.InvalidArgument:
		return http.StatusBadRequest
	case nimerr.NotFound, nimerr.AppKeyUnknown:
		return http.StatusNotFound
	case nimerr.Forbidden:
		return http.StatusForbidden
	case nimerr.ServerBusy:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		status, data = http.StatusInternalServerError, fmt.Appendf(nil, `{"code":%d}`, nimerr.ServerError.Code)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(data, '\n'))
}
