package accounts

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/libnim/libnim/server/bus"
	"github.com/libnim/libnim/server/store"
)

// importPiece is how many accounts are written at once.
const importPiece = 500

// Import takes over, once, the apps and accounts that a nimd of before kept in
// JetStream. Until it is complete there is no app in the store, and another call
// goes on; edges may start together. proof is that of the pepper. It returns how
// many accounts came.
func Import(ctx context.Context, db *store.Store, old *bus.Old, proof []byte) (int, error) {
	i := importing{db: db, numbers: map[string]int64{}}
	err := i.all(ctx, old, proof)
	if errors.Is(err, errImported) {
		err = nil
	}
	return i.came, err
}

func (i *importing) all(ctx context.Context, old *bus.Old, proof []byte) error {
	var apps []App
	err := old.Read(ctx, "nim_apps", func(_ string, value []byte) error {
		var app App
		err := json.Unmarshal(value, &app)
		apps = append(apps, app)
		return err
	})
	if err != nil {
		return err
	}
	for _, app := range apps {
		if err := i.reserve(ctx, app); err != nil {
			return fmt.Errorf("app %q: %w", app.Key, err)
		}
	}
	if err := old.Read(ctx, "nim_accounts", func(key string, value []byte) error {
		if key == "pepper-check" && !bytes.Equal(value, proof) {
			return store.ErrPepper
		}
		return i.take(ctx, key, value)
	}); err != nil {
		return err
	}
	if err := i.write(ctx); err != nil {
		return err
	}
	return i.finish(ctx, apps, proof)
}

type importing struct {
	db      *store.Store
	numbers map[string]int64 // of apps
	waiting []*oldAccount
	came    int
}

type oldAccount struct {
	app int64
	Account
}

const findImported = "SELECT " + appColumns + " FROM app WHERE app_key = $1 AND state = 3"

// errImported says that another edge has taken everything over.
var errImported = errors.New("it was imported meanwhile")

// update changes the store as long as no edge has taken everything over: what is
// changed or deleted from then on must not come back.
func (i *importing) update(ctx context.Context, do func(tx *store.Tx) error) error {
	imported := false
	err := i.db.Update(ctx, store.Work{Do: func(tx *store.Tx) error {
		if err := tx.LockMeta(); err != nil { // edges may start together
			return err
		}
		empty, err := isEmpty(&tx.Reads)
		if imported = !empty; err != nil || imported {
			return err
		}
		return do(tx)
	}})
	if err == nil && imported {
		return errImported
	}
	return err
}

// reserve gives an app its number, unless an earlier call has.
func (i *importing) reserve(ctx context.Context, app App) error {
	return i.update(ctx, func(tx *store.Tx) error {
		var row appRow
		err := tx.Row(row.to(), findImported, app.Key)
		if errors.Is(err, store.ErrNoRow) {
			made := app
			err = writeApp(tx, &made, appImported)
			row.id = made.Number
		}
		i.numbers[app.Key] = row.id
		return err
	})
}

func (i *importing) take(ctx context.Context, key string, value []byte) error {
	app, _, ok := bus.SplitAccountKey(key)
	number, known := i.numbers[app]
	if !ok || !known { // not an account, or one of an app that is gone
		return nil
	}
	a := &oldAccount{app: number}
	if err := json.Unmarshal(value, &a.Account); err != nil {
		return fmt.Errorf("account %q: %w", key, err)
	}
	i.waiting = append(i.waiting, a)
	if len(i.waiting) < importPiece {
		return nil
	}
	return i.write(ctx)
}

func (i *importing) write(ctx context.Context) error {
	if len(i.waiting) == 0 {
		return nil
	}
	err := i.update(ctx, func(tx *store.Tx) error {
		ids, err := tx.IDs(len(i.waiting))
		if err != nil {
			return err
		}
		for n, a := range i.waiting {
			a.Number, a.Rev = ids[n], uint64(ids[n])
			if err := insertAccount(tx, a.app, &a.Account, " ON CONFLICT DO NOTHING"); err != nil {
				return err
			}
		}
		return nil
	})
	i.came += len(i.waiting)
	i.waiting = nil
	return err
}

// finish lets the apps live, all at once, under the pepper of their tokens.
func (i *importing) finish(ctx context.Context, apps []App, proof []byte) error {
	return i.update(ctx, func(tx *store.Tx) error {
		if err := tx.CheckPepper(proof); err != nil {
			return err
		}
		for _, app := range apps {
			var row appRow
			if err := tx.Row(row.to(), findImported, app.Key); err != nil {
				return err
			}
			state := appLives
			if app.Deleting {
				state = appDeleting
			}
			app.Number = row.id
			if err := writeApp(tx, &app, state); err != nil {
				return err
			}
		}
		return nil
	})
}

// Empty reports whether the store has no app, nor had one that is going.
func Empty(ctx context.Context, db *store.Store) (empty bool, err error) {
	err = db.Read(ctx, func(r *store.Reads) error {
		empty, err = isEmpty(r)
		return err
	})
	return empty, err
}

func isEmpty(r reads) (bool, error) {
	var n int
	err := r.Row([]any{&n}, "SELECT count(*) FROM app WHERE state < 3")
	return n == 0, err
}
