package accounts

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/server/bus"
)

// ErrDeleting says that an app is being deleted: nobody can log in, and it
// cannot be changed.
var ErrDeleting = errors.New("the app is being deleted")

// ErrLastApp says that there would be no app left.
var ErrLastApp = errors.New("the last app cannot be deleted")

// Delete removes an app with all that is kept under its key. From its first
// step on no edge that knows of it lets anybody in; spread returns when all do,
// and have ended the sessions. When Delete fails the app stays in deletion, and
// another call, on any edge, goes on.
func (a *Apps) Delete(ctx context.Context, key string, spread func(revision uint64) error) error {
	rev, err := a.condemn(ctx, key)
	if err != nil {
		return err
	}
	if err := spread(rev); err != nil {
		return err
	}
	err = a.clear(ctx, key, rev)
	if err == nil {
		_, err = a.bucket.DeleteAt(ctx, bus.AppKey(key), rev)
	}
	if err != nil && !errors.Is(err, bus.ErrConflict) { // a conflict: another call has done it
		return busError(err)
	}
	return a.learn(ctx, key)
}

// condemn replaces the settings of an app, secrets included, by the mark that it
// is being deleted, and returns the revision of that.
func (a *Apps) condemn(ctx context.Context, key string) (uint64, error) {
	for {
		e, err := a.bucket.Get(ctx, bus.AppKey(key))
		if err != nil {
			return 0, busError(err)
		}
		if e.Value == nil {
			return 0, nimerr.AppKeyUnknown.New("app_key: no such app")
		}
		var app App
		if err := json.Unmarshal(e.Value, &app); err != nil {
			return 0, nimerr.ServerError.Wrap(err)
		}
		if !app.Deleting {
			if a.onlyOneIs(key) {
				return 0, ErrLastApp
			}
			e.Value, err = json.Marshal(App{Key: key, SDKAppID: app.SDKAppID, CreatedMS: app.CreatedMS, Deleting: true})
			if err != nil {
				return 0, nimerr.ServerError.Wrap(err)
			}
			e.Revision, err = a.bucket.Set(ctx, e.Key, e.Value, e.Revision, 0)
			if errors.Is(err, bus.ErrConflict) {
				continue
			}
			if err != nil {
				return 0, busError(err)
			}
		}
		a.see(e)
		return e.Revision, nil
	}
}

func (a *Apps) onlyOneIs(key string) bool {
	for _, app := range a.live() {
		if app.Key != key {
			return false
		}
	}
	return true
}

// clear removes the accounts and the presence of an app whose settings had no
// life in them as of the revision rev. Where they have another by now it
// returns bus.ErrConflict: the key may be in use again. What is written after
// that was seen stays, so a login that is late may leave an account behind; a
// new app of the same key clears once more.
func (a *Apps) clear(ctx context.Context, key string, rev uint64) error {
	for _, b := range a.owned {
		last, err := b.Last(ctx)
		if err != nil {
			return err
		}
		e, err := a.bucket.Get(ctx, bus.AppKey(key))
		if err != nil {
			return err
		}
		if e.Revision != rev {
			return bus.ErrConflict
		}
		if err := b.Purge(ctx, bus.AppPrefix(key), last); err != nil {
			return err
		}
	}
	return nil
}
