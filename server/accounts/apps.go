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
	bucket   *bus.Bucket
	accounts *bus.Bucket
	owned    []*bus.Bucket // where an app has keys of its own
	log      *slog.Logger

	mu   sync.RWMutex
	apps map[string]*App // by app key; an App is never changed once in here
	revs map[string]uint64
	gone func(key string)
}

// OpenApps reads all apps and follows changes until ctx ends.
func OpenApps(ctx context.Context, b *bus.Bus, log *slog.Logger) (*Apps, error) {
	a := &Apps{
		bucket: b.Apps, accounts: b.Accounts, owned: []*bus.Bucket{b.Accounts, b.Presence},
		log: log, apps: map[string]*App{}, revs: map[string]uint64{},
	}
	if err := b.Apps.Watch(ctx, a.see); err != nil {
		return nil, fmt.Errorf("apps: %w", err)
	}
	return a, nil
}

// Follow lets gone be called for each app that this edge learns the deletion of.
// Get no longer returns it then.
func (a *Apps) Follow(gone func(key string)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.gone = gone
}

// Get returns the app with that key, unless it is being deleted. The caller must
// not change it.
func (a *Apps) Get(key string) (*App, bool) {
	app, ok := a.Find(key)
	if ok && app.Deleting {
		return nil, false
	}
	return app, ok
}

// Find returns the app with that key, even while it is being deleted.
func (a *Apps) Find(key string) (*App, bool) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	app, ok := a.apps[key]
	return app, ok
}

// Only returns the app that admin calls mean which name none.
func (a *Apps) Only() (*App, error) {
	live := a.live()
	if len(live) != 1 {
		return nil, nimerr.InvalidArgument.Newf("app_key: there are %d apps, name one", len(live))
	}
	return live[0], nil
}

// First returns the app that was created first, or nil when there is none.
func (a *Apps) First() *App {
	live := a.live()
	if len(live) == 0 {
		return nil
	}
	return slices.MinFunc(live, func(x, y *App) int {
		return cmp.Or(cmp.Compare(x.CreatedMS, y.CreatedMS), cmp.Compare(x.Key, y.Key))
	})
}

// live returns the apps that are not being deleted.
func (a *Apps) live() []*App {
	return slices.DeleteFunc(a.All(), func(app *App) bool { return app.Deleting })
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
	if err := a.learn(ctx, key); err != nil {
		return presence.Policy{}, err
	}
	if app, ok = a.Get(key); !ok {
		return presence.Policy{}, nimerr.AppKeyUnknown.New("")
	}
	return app.Policy, nil
}

// Know returns when the settings of an app are known as of the given revision or
// later.
func (a *Apps) Know(ctx context.Context, key string, atLeast uint64) error {
	a.mu.RLock()
	known := a.revs[bus.AppKey(key)] >= atLeast
	a.mu.RUnlock()
	if known {
		return nil
	}
	return a.learn(ctx, key)
}

// learn reads the settings of an app as they are now.
func (a *Apps) learn(ctx context.Context, key string) error {
	e, err := a.bucket.Get(ctx, bus.AppKey(key))
	if err != nil {
		return busError(err)
	}
	a.see(e)
	return nil
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
		if app.Deleting {
			return nil, ErrDeleting
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
		if e.Value == nil && e.Revision > 0 { // there was one with this key
			if err := a.clear(ctx, key, e.Revision); errors.Is(err, bus.ErrConflict) {
				continue
			} else if err != nil {
				return nil, busError(err)
			}
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

// firstKey holds, among the accounts, the key of the first app: edges that start
// together are to make the same one. No account has such a name.
const firstKey = "first-app"

// CreateFirst makes a first app with random key and secret where there is none
// yet, and reports whether it did.
func (a *Apps) CreateFirst(ctx context.Context) (created bool, err error) {
	if a.First() != nil {
		return false, nil
	}
	key, err := a.chooseFirst(ctx)
	if err != nil {
		return false, err
	}
	_, err = a.Change(ctx, key, func(app *App, exists bool) error {
		if exists {
			return errExists
		}
		app.Secret = NewSecret()
		return nil
	})
	if errors.Is(err, errExists) {
		return false, a.learn(ctx, key)
	}
	return err == nil, err
}

var errExists = errors.New("the app exists")

// chooseFirst returns the key that was chosen first.
func (a *Apps) chooseFirst(ctx context.Context) (string, error) {
	for {
		e, err := a.accounts.Get(ctx, firstKey)
		if err == nil && e.Value == nil {
			e.Value = []byte(NewKey())
			_, err = a.accounts.Set(ctx, firstKey, e.Value, e.Revision, 0)
		}
		if errors.Is(err, bus.ErrConflict) {
			continue
		}
		if err != nil {
			return "", busError(err)
		}
		app, known := a.Find(string(e.Value))
		if known && app.Deleting { // it is not to come back
			return NewKey(), nil
		}
		return string(e.Value), nil
	}
}

// NewKey returns a random app key.
func NewKey() string { return rand.Text() }

// NewSecret returns a random secret of at least 128 bits.
func NewSecret() string { return rand.Text() }

// see takes an app as it is now, unless a newer revision is known.
func (a *Apps) see(e bus.Entry) {
	if key, gone := a.note(e), a.follower(); key != "" && gone != nil {
		gone(key)
	}
}

func (a *Apps) follower() func(string) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.gone
}

// note takes an app as it is now, and returns the key of one that ended with it.
func (a *Apps) note(e bus.Entry) (ended string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if e.Revision < a.revs[e.Key] {
		return ""
	}
	a.revs[e.Key] = e.Revision
	if e.Value == nil {
		for key, app := range a.apps {
			if bus.AppKey(key) == e.Key {
				delete(a.apps, key)
				if !app.Deleting {
					ended = key
				}
			}
		}
		return ended
	}
	var app App
	if err := json.Unmarshal(e.Value, &app); err != nil || bus.AppKey(app.Key) != e.Key {
		a.log.Error("accounts: settings of an app cannot be read", "key", e.Key)
		return ""
	}
	app.Policy.Rev = e.Revision
	if old, ok := a.apps[app.Key]; ok && !old.Deleting && (app.Deleting || app.CreatedMS != old.CreatedMS) {
		ended = app.Key // in the second case another app has its key by now
	}
	a.apps[app.Key] = &app
	return ended
}
