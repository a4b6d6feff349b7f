package accounts

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/server/store"
)

// ErrDeleting says that an app is being deleted: nobody can log in, and it
// cannot be changed.
var ErrDeleting = errors.New("the app is being deleted")

// ErrLastApp says that there would be no app left.
var ErrLastApp = errors.New("the last app cannot be deleted")

// Delete removes an app with all that is kept of it. From its first step on no
// edge that knows of it lets anybody in; spread returns when all do, and have
// ended the sessions. Then the key is free, and the rows go in the background.
// Delete returns the revision as of which the app is gone. When it fails the app
// stays in deletion, and another call, on any edge, goes on.
func (a *Apps) Delete(ctx context.Context, key string, spread func(revision uint64) error) (gone uint64, err error) {
	app, err := a.condemn(ctx, key)
	if err != nil {
		return 0, err
	}
	if err := spread(app.Policy.Rev); err != nil {
		return 0, err
	}
	err = a.db.Update(ctx, store.Work{Do: func(tx *store.Tx) error {
		now, err := readApp(tx, key, tx.ForUpdate())
		if errors.Is(err, store.ErrNoRow) || err == nil && now.Number != app.Number { // another call has done it
			return nil
		}
		if err != nil {
			return err
		}
		err = writeApp(tx, now, appGone)
		gone = now.Policy.Rev
		return err
	}})
	if err != nil {
		return 0, known(err)
	}
	a.erase()
	return gone, a.learn(ctx, key)
}

// condemn replaces the settings of an app, secrets included, by the mark that it
// is being deleted.
func (a *Apps) condemn(ctx context.Context, key string) (app *App, err error) {
	var refused error
	err = a.db.Update(ctx, store.Work{Do: func(tx *store.Tx) error {
		refused = nil
		if err := tx.LockMeta(); err != nil { // two deletions must not each leave the other's app
			return err
		}
		app, err = readApp(tx, key, tx.ForUpdate())
		if errors.Is(err, store.ErrNoRow) {
			refused = nimerr.AppKeyUnknown.New("app_key: no such app")
			return nil
		}
		if err != nil || app.Deleting {
			return err
		}
		var others int
		if err := tx.Row([]any{&others}, "SELECT count(*) FROM app WHERE state = 0 AND id <> $1", app.Number); err != nil {
			return err
		}
		if others == 0 {
			refused = ErrLastApp
			return nil
		}
		app = &App{Key: key, Number: app.Number, SDKAppID: app.SDKAppID, CreatedMS: app.CreatedMS, Deleting: true}
		return writeApp(tx, app, appDeleting)
	}})
	if err == nil {
		err = refused
	}
	if err != nil {
		return nil, known(err)
	}
	a.see(key, app)
	return app, nil
}

// erase lets the eraser look for rows of apps that are gone.
func (a *Apps) erase() {
	select {
	case a.gone <- struct{}{}:
	default:
	}
}

// eraseGone removes the rows of apps that are gone.
func (a *Apps) eraseGone(ctx context.Context) error {
	var gone []int64
	err := a.db.Read(ctx, func(r *store.Reads) error {
		return r.Each(func(rows *sql.Rows) error {
			var app int64
			err := rows.Scan(&app)
			gone = append(gone, app)
			return err
		}, "SELECT id FROM app WHERE state = 2")
	})
	for _, app := range gone {
		if err := a.db.EraseApp(ctx, app); err != nil {
			return fmt.Errorf("app %d: %w", app, err)
		}
	}
	return err
}
