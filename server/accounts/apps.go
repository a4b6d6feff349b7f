// Package accounts keeps apps and accounts: who may exist, not who is on line.
// Apps are few and cached on every edge; accounts are read when they log in.
package accounts

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/server/bus"
	"github.com/libnim/libnim/server/presence"
)

// Apps is the set of all apps, kept current by a watch.
type Apps struct {
	bucket *bus.Bucket
	log    *slog.Logger

	mu   sync.RWMutex
	apps map[string]*App // by app key; an App is never changed once in here
	revs map[string]uint64
}

// OpenApps reads all apps and follows changes until ctx ends.
func OpenApps(ctx context.Context, b *bus.Bus, log *slog.Logger) (*Apps, error) {
	a := &Apps{bucket: b.Apps, log: log, apps: map[string]*App{}, revs: map[string]uint64{}}
	if err := b.Apps.Watch(ctx, a.see); err != nil {
		return nil, fmt.Errorf("apps: %w", err)
	}
	return a, nil
}

// Get returns the app with that key. The caller must not change it.
func (a *Apps) Get(key string) (*App, bool) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	app, ok := a.apps[key]
	return app, ok
}

// Only returns the app that admin calls mean which name none.
func (a *Apps) Only() (*App, error) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	if len(a.apps) != 1 {
		return nil, nimerr.InvalidArgument.Newf("app_key: there are %d apps, name one", len(a.apps))
	}
	for _, app := range a.apps {
		return app, nil
	}
	return nil, nil
}

// First returns the app that was created first, or nil when there is none.
func (a *Apps) First() *App {
	all := a.All()
	if len(all) == 0 {
		return nil
	}
	return slices.MinFunc(all, func(x, y *App) int {
		return cmp.Or(cmp.Compare(x.CreatedMS, y.CreatedMS), cmp.Compare(x.Key, y.Key))
	})
}

// All returns every app, in no order.
func (a *Apps) All() []*App {
	a.mu.RLock()
	defer a.mu.RUnlock()
	out := make([]*App, 0, len(a.apps))
	for _, app := range a.apps {
		out = append(out, app)
	}
	return out
}

// Policy returns the policy of an app as of the given revision or later.
func (a *Apps) Policy(ctx context.Context, key string, atLeast uint64) (presence.Policy, error) {
	app, ok := a.Get(key)
	if ok && app.Policy.Rev >= atLeast {
		return app.Policy, nil
	}
	e, err := a.bucket.Get(ctx, bus.AppKey(key))
	if err != nil {
		return presence.Policy{}, busError(err)
	}
	a.see(e)
	if app, ok = a.Get(key); !ok {
		return presence.Policy{}, nimerr.AppKeyUnknown.New("")
	}
	return app.Policy, nil
}

// Change creates or changes an app. edit sees the newest settings and may run
// several times; its error ends the change.
func (a *Apps) Change(ctx context.Context, key string, edit func(app *App, exists bool) error) (*App, error) {
	for {
		e, err := a.bucket.Get(ctx, bus.AppKey(key))
		if err != nil {
			return nil, busError(err)
		}
		app := App{Key: key}
		if e.Value != nil {
			if err := json.Unmarshal(e.Value, &app); err != nil {
				return nil, nimerr.ServerError.Wrap(err)
			}
		}
		if e.Value == nil {
			app.CreatedMS = time.Now().UnixMilli()
			app.giveNumber()
		}
		if err := edit(&app, e.Value != nil); err != nil {
			return nil, err
		}
		if err := app.Validate(); err != nil {
			return nil, err
		}
		data, err := json.Marshal(app)
		if err != nil {
			return nil, nimerr.ServerError.Wrap(err)
		}
		rev, err := a.bucket.Set(ctx, bus.AppKey(key), data, e.Revision, 0)
		if errors.Is(err, bus.ErrConflict) {
			continue
		}
		if err != nil {
			return nil, busError(err)
		}
		a.see(bus.Entry{Key: bus.AppKey(key), Value: data, Revision: rev})
		saved, _ := a.Get(key)
		return saved, nil
	}
}

// CreateFirst makes a first app with random key and secret where there is none
// yet, and reports whether it did.
func (a *Apps) CreateFirst(ctx context.Context) (*App, bool, error) {
	if app := a.First(); app != nil {
		return app, false, nil
	}
	app, err := a.Change(ctx, NewKey(), func(app *App, _ bool) error {
		app.Secret = NewSecret()
		return nil
	})
	return app, err == nil, err
}

// NewKey returns a random app key.
func NewKey() string { return rand.Text() }

// NewSecret returns a random secret of at least 128 bits.
func NewSecret() string { return rand.Text() }

// see takes an app as it is now, unless a newer revision is known.
func (a *Apps) see(e bus.Entry) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if e.Revision < a.revs[e.Key] {
		return
	}
	a.revs[e.Key] = e.Revision
	if e.Value == nil {
		for key := range a.apps {
			if bus.AppKey(key) == e.Key {
				delete(a.apps, key)
			}
		}
		return
	}
	var app App
	if err := json.Unmarshal(e.Value, &app); err != nil || bus.AppKey(app.Key) != e.Key {
		a.log.Error("accounts: settings of an app cannot be read", "key", e.Key)
		return
	}
	app.Policy.Rev = e.Revision
	a.apps[app.Key] = &app
}
