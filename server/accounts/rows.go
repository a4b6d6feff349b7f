package accounts

import (
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/libnim/libnim/server/store"
)

// States of an app's row.
const (
	appLives    = 0
	appDeleting = 1
	appGone     = 2 // its rows are being removed
	appImported = 3 // its accounts are being taken over from the files of an older nimd
)

// reads is what a transaction and a read have in common.
type reads interface {
	Row(to []any, query string, args ...any) error
	Each(row func(*sql.Rows) error, query string, args ...any) error
}

const accountColumns = "id, name, rev, created_ms, doc, sum"

// readAccount returns an account that lives, or ErrUnknown.
func readAccount(r reads, app int64, name, lock string) (*Account, error) {
	var row accountRow
	err := r.Row(row.to(), "SELECT "+accountColumns+" FROM account WHERE app = $1 AND name = $2 AND deleted_ms = 0"+lock, app, name)
	if errors.Is(err, store.ErrNoRow) {
		return nil, ErrUnknown
	}
	if err != nil {
		return nil, err
	}
	if row.name != name {
		return nil, fmt.Errorf("%w: account %q of app %d", store.ErrDamaged, name, app)
	}
	return row.account(app)
}

type accountRow struct {
	id, rev, created, sum int64
	name                  string
	doc                   []byte
}

func (row *accountRow) to() []any {
	return []any{&row.id, &row.name, &row.rev, &row.created, &row.doc, &row.sum}
}

func (row *accountRow) account(app int64) (*Account, error) {
	if row.sum != store.Sum(row.id, app, row.name, row.rev, 0, row.created, row.doc) {
		return nil, fmt.Errorf("%w: account %q of app %d", store.ErrDamaged, row.name, app)
	}
	a := &Account{Number: row.id, Rev: uint64(row.rev)}
	if err := json.Unmarshal(row.doc, a); err != nil {
		return nil, fmt.Errorf("account %q of app %d: %w", row.name, app, err)
	}
	return a, nil
}

// writeAccount inserts or updates the row of an account that lives.
func writeAccount(tx *store.Tx, app int64, a *Account, exists bool) error {
	if !exists {
		return insertAccount(tx, app, a, "")
	}
	doc, sum, err := packed(app, a)
	if err != nil {
		return err
	}
	_, err = tx.Exec("UPDATE account SET rev = $2, doc = $3, sum = $4 WHERE id = $1", a.Number, int64(a.Rev), doc, sum)
	return err
}

// insertAccount inserts a row. conflict says what to do where there is one.
func insertAccount(tx *store.Tx, app int64, a *Account, conflict string) error {
	doc, sum, err := packed(app, a)
	if err != nil {
		return err
	}
	_, err = tx.Exec("INSERT INTO account (id, app, name, rev, deleted_ms, created_ms, doc, sum) VALUES ($1, $2, $3, $4, 0, $5, $6, $7)"+conflict,
		a.Number, app, a.Account, int64(a.Rev), a.CreatedMS, doc, sum)
	return err
}

func packed(app int64, a *Account) (doc []byte, sum int64, err error) {
	doc, err = json.Marshal(a)
	return doc, store.Sum(a.Number, app, a.Account, int64(a.Rev), 0, a.CreatedMS, doc), err
}

// bury leaves of an account its name and number, for what it wrote to others,
// and returns the revision from which on it is gone.
func bury(tx *store.Tx, app int64, a *Account) (uint64, error) {
	rev, err := tx.ID()
	if err != nil {
		return 0, err
	}
	now, err := tx.Now()
	if err != nil {
		return 0, err
	}
	doc := []byte("{}")
	_, err = tx.Exec("UPDATE account SET rev = $2, deleted_ms = $3, doc = $4, sum = $5 WHERE id = $1",
		a.Number, rev, now, doc, store.Sum(a.Number, app, a.Account, rev, now, a.CreatedMS, doc))
	if err != nil {
		return 0, err
	}
	return uint64(rev), tx.EraseAccount(a.Number)
}

// tombstone returns the revision in which the account of a name went, or 0.
func tombstone(r reads, app int64, name string) (uint64, error) {
	var rev int64
	err := r.Row([]any{&rev}, "SELECT rev FROM account WHERE app = $1 AND name = $2 ORDER BY id DESC LIMIT 1", app, name)
	if errors.Is(err, store.ErrNoRow) {
		return 0, nil
	}
	return uint64(rev), err
}

func readPage(r reads, app int64, after string, limit int) (page []*Account, err error) {
	var row accountRow
	to := row.to()
	err = r.Each(func(rows *sql.Rows) error {
		if err := rows.Scan(to...); err != nil {
			return err
		}
		a, err := row.account(app)
		page = append(page, a)
		return err
	}, "SELECT "+accountColumns+" FROM account WHERE app = $1 AND deleted_ms = 0 AND name > $2 ORDER BY name LIMIT $3", app, after, limit)
	return page, err
}

// ErrCursor says that a cursor was not given by Page for this app.
var ErrCursor = errors.New("this is not a cursor from here")

func writeCursor(app int64, after string) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d/%s", app, after))
}

func readCursor(app int64, cursor string) (after string, err error) {
	if cursor == "" {
		return "", nil
	}
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	number, after, found := strings.Cut(string(text), "/")
	if err != nil || !found || number != strconv.FormatInt(app, 10) {
		return "", ErrCursor
	}
	return after, nil
}

const appColumns = "id, app_key, rev, state, created_ms, doc, sum"

type appRow struct {
	id, rev, state, created, sum int64
	key                          string
	doc                          []byte
}

func (row *appRow) to() []any {
	return []any{&row.id, &row.key, &row.rev, &row.state, &row.created, &row.doc, &row.sum}
}

func (row *appRow) app() (*App, error) {
	what := fmt.Sprintf("app %q", row.key)
	if err := store.CheckSum(what, row.sum, row.id, row.key, row.rev, row.state, row.created, row.doc); err != nil {
		return nil, err
	}
	a := &App{Number: row.id}
	if err := json.Unmarshal(row.doc, a); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	a.Policy.Rev = uint64(row.rev)
	return a, nil
}

// readApp returns the app of a key, which may be in deletion, or store.ErrNoRow.
func readApp(r reads, key, lock string) (*App, error) {
	var row appRow
	if err := r.Row(row.to(), "SELECT "+appColumns+" FROM app WHERE app_key = $1 AND state < 2"+lock, key); err != nil {
		return nil, err
	}
	if row.key != key {
		return nil, fmt.Errorf("%w: app %q", store.ErrDamaged, key)
	}
	return row.app()
}

func readApps(r reads) (apps []*App, err error) {
	err = r.Each(func(rows *sql.Rows) error {
		var row appRow
		if err := rows.Scan(row.to()...); err != nil {
			return err
		}
		a, err := row.app()
		apps = append(apps, a)
		return err
	}, "SELECT "+appColumns+" FROM app WHERE state < 2")
	return apps, err
}

// writeApp gives an app, whose row is locked where it exists, a new revision and
// writes it in a state.
func writeApp(tx *store.Tx, a *App, state int) error {
	rev, err := tx.ID()
	if err != nil {
		return err
	}
	exists := a.Number != 0
	if !exists {
		a.Number = rev
	}
	a.Policy.Rev = uint64(rev)
	doc, err := json.Marshal(a)
	if err != nil {
		return err
	}
	sum := store.Sum(a.Number, a.Key, rev, state, a.CreatedMS, doc)
	if exists {
		_, err = tx.Exec("UPDATE app SET rev = $2, state = $3, doc = $4, sum = $5 WHERE id = $1", a.Number, rev, state, doc, sum)
		return err
	}
	_, err = tx.Exec("INSERT INTO app (id, app_key, rev, state, created_ms, doc, sum) VALUES ($1, $2, $3, $4, $5, $6, $7)",
		a.Number, a.Key, rev, state, a.CreatedMS, doc, sum)
	return err
}
