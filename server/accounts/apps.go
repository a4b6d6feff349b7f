// Package accounts keeps apps and accounts: who may exist, not who is on line.
// Apps are few and cached on every edge; accounts are read when they log in.
package accounts

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/server/presence"
	"github.com/libnim/libnim/server/store"
)

// Apps is the set of all apps, as this edge knows them. Who changes one tells the
// edges; besides, each reads all of them every two seconds.
type Apps struct {
	db   *store.Store
	log  *slog.Logger
	gone chan struct{} // rings when an app went whose rows are still there

	mu    sync.RWMutex
	apps  map[string]*App // by app key; an App is never changed once in here
	known map[string]news // by app key, also of apps that went
	asked uint64          // counts questions to the database
	ended func(key string)
}

// news is how much is known of an app key.
type news struct {
	rev   uint64 // the newest seen
	asked uint64 // the question that the last answer was for
}

// How often an edge looks for changes that it was not told of, and for rows of
// apps that are gone.
const (
	followPause = 2 * time.Second
	erasePause  = time.Minute
)

// OpenApps reads all apps and follows changes until ctx ends.
func OpenApps(ctx context.Context, db *store.Store, log *slog.Logger) (*Apps, error) {
	a := &Apps{db: db, log: log, gone: make(chan struct{}, 1), apps: map[string]*App{}, known: map[string]news{}}
	if err := a.readAll(ctx); err != nil {
		return nil, fmt.Errorf("apps: %w", err)
	}
	go a.follow(ctx)
	return a, nil
}

func (a *Apps) follow(ctx context.Context) {
	read, erase := time.NewTicker(followPause), time.NewTicker(erasePause)
	defer read.Stop()
	defer erase.Stop()
	a.erase()
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-read.C:
			err = a.readAll(ctx)
		case <-erase.C:
			err = a.eraseGone(ctx)
		case <-a.gone:
			err = a.eraseGone(ctx)
		}
		if err != nil && ctx.Err() == nil && a.db.Healthy() == nil {
			a.log.Warn("accounts: apps not read", "err", err)
		}
	}
}

// readAll takes what the database has: an app that it does not have is gone.
func (a *Apps) readAll(ctx context.Context) error {
	asked := a.ask()
	var apps []*App
	err := a.db.Read(ctx, func(r *store.Reads) (err error) {
		apps, err = readApps(r)
		return err
	})
	if err != nil {
		return err
	}
	there := map[string]bool{}
	for _, app := range apps {
		there[app.Key] = true
		a.take(app.Key, app, asked)
	}
	for _, app := range a.All() {
		if !there[app.Key] {
			a.take(app.Key, nil, asked)
		}
	}
	return nil
}

// Follow lets ended be called for each app that this edge learns the deletion of.
// Get no longer returns it then.
func (a *Apps) Follow(ended func(key string)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ended = ended
}

// number returns what rows refer to an app by.
func (a *Apps) number(key string) (int64, error) {
	app, ok := a.Find(key)
	if !ok {
		return 0, nimerr.AppKeyUnknown.New("app_key: no such app")
	}
	return app.Number, nil
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
	known := a.known[key].rev >= atLeast
	a.mu.RUnlock()
	if known {
		return nil
	}
	return a.learn(ctx, key)
}

// learn reads the settings of an app as they are now.
func (a *Apps) learn(ctx context.Context, key string) error {
	asked := a.ask()
	var app *App
	err := a.db.Read(ctx, func(r *store.Reads) (err error) {
		if app, err = readApp(r, key, ""); errors.Is(err, store.ErrNoRow) {
			app, err = nil, nil
		}
		return err
	})
	if err != nil {
		return known(err)
	}
	a.take(key, app, asked)
	return nil
}

// Change creates or changes an app. edit sees the newest settings and may run
// several times; its error ends the change.
func (a *Apps) Change(ctx context.Context, key string, edit func(app *App, exists bool) error) (app *App, err error) {
	var refused error
	err = again(ctx, func() error {
		return a.db.Update(ctx, store.Work{Do: func(tx *store.Tx) error {
			app, refused, err = changeApp(tx, key, edit)
			return err
		}})
	})
	if err = cmp.Or(err, refused); err != nil {
		return nil, known(err)
	}
	a.see(key, app)
	saved, ok := a.Get(key)
	if !ok {
		return nil, ErrDeleting
	}
	return saved, nil
}

func changeApp(tx *store.Tx, key string, edit func(app *App, exists bool) error) (app *App, refused, err error) {
	app, err = readApp(tx, key, tx.ForUpdate())
	exists := err == nil
	if errors.Is(err, store.ErrNoRow) {
		app = &App{Key: key}
		app.giveNumber()
		app.CreatedMS, err = tx.Now()
	}
	if err != nil {
		return nil, nil, err
	}
	if app.Deleting {
		return nil, ErrDeleting, nil
	}
	if err := edit(app, exists); err != nil {
		return nil, err, nil
	}
	if err := app.Validate(); err != nil {
		return nil, err, nil
	}
	return app, nil, writeApp(tx, app, appLives)
}

// CreateFirst makes a first app with random key and secret where there is none
// yet, and reports whether it did. Edges that start together make one.
func (a *Apps) CreateFirst(ctx context.Context) (created bool, err error) {
	if a.First() != nil {
		return false, nil
	}
	var app *App
	err = a.db.Update(ctx, store.Work{Do: func(tx *store.Tx) error {
		app = nil
		if err := tx.LockMeta(); err != nil {
			return err
		}
		var live int
		if err := tx.Row([]any{&live}, "SELECT count(*) FROM app WHERE state = 0"); err != nil || live > 0 {
			return err
		}
		now, err := tx.Now()
		if err != nil {
			return err
		}
		app = &App{Key: NewKey(), Secret: NewSecret(), CreatedMS: now}
		app.giveNumber()
		return writeApp(tx, app, appLives)
	}})
	if err != nil {
		return false, known(err)
	}
	return app != nil, a.readAll(ctx)
}

// NewKey returns a random app key.
func NewKey() string { return rand.Text() }

// NewSecret returns a random secret of at least 128 bits.
func NewSecret() string { return rand.Text() }

// ask numbers a question to the database.
func (a *Apps) ask() uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked++
	return a.asked
}

// see takes an app as a change of this edge has left it.
func (a *Apps) see(key string, app *App) { a.take(key, app, a.ask()) }

// take takes the answer to a question, nil being that there is no such app,
// unless something newer is known.
func (a *Apps) take(key string, app *App, asked uint64) {
	a.mu.Lock()
	ended, tell := a.note(key, app, asked), a.ended
	a.mu.Unlock()
	if ended && tell != nil {
		tell(key)
	}
}

// note reports whether an app ended with it.
func (a *Apps) note(key string, app *App, asked uint64) (ended bool) {
	known, old := a.known[key], a.apps[key]
	switch {
	case app == nil && asked < known.asked, app != nil && app.Policy.Rev < known.rev:
		return false
	case app == nil:
		delete(a.apps, key)
		ended = old != nil && !old.Deleting
	case old == nil && app.Policy.Rev == known.rev && asked < known.asked: // gone since
		return false
	default:
		a.apps[key] = app
		known.rev = app.Policy.Rev
		// In the second case another app has its key by now.
		ended = old != nil && !old.Deleting && (app.Deleting || app.Number != old.Number)
	}
	known.asked = max(known.asked, asked)
	a.known[key] = known
	return ended
}
