package accounts

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server/store"
)

// Account is what is kept of one account. Presence is kept elsewhere.
type Account struct {
	Account    string     `json:"account"`
	Token      *TokenHash `json:"token,omitempty"` // static token; nil: only signed tokens
	Name       string     `json:"name,omitempty"`
	Icon       string     `json:"icon,omitempty"`
	Ex         string     `json:"ex,omitempty"`
	Ban        *Ban       `json:"ban,omitempty"`
	SwitchOpen int        `json:"switch_open,omitempty"`
	// RevokedBeforeMS ends every signed token that was issued before it.
	RevokedBeforeMS int64 `json:"revoked_before_ms,omitempty"`
	CreatedMS       int64 `json:"created_ms"`

	Number int64  `json:"-"` // what rows refer to it by; never used again
	Rev    uint64 `json:"-"` // of its last change
}

// Ban keeps an account out.
type Ban struct {
	Reason  string `json:"reason,omitempty"`
	UntilMS int64  `json:"until_ms,omitempty"` // 0: until it is lifted
}

// defaultSwitch is the push switch of an account that never set it: mobile
// devices are pushed to although a PC is on line.
const defaultSwitch = 2

// Push returns the account's push-while-PC-online switch.
func (a *Account) Push() int {
	if a.SwitchOpen == 0 {
		return defaultSwitch
	}
	return a.SwitchOpen
}

// Banned returns the ban that holds at the given time, or nil.
func (a *Account) Banned(now time.Time) *Ban {
	if a.Ban == nil || a.Ban.UntilMS != 0 && a.Ban.UntilMS <= now.UnixMilli() {
		return nil
	}
	return a.Ban
}

// Profile is the public part of the account.
func (a *Account) Profile() *wire.Profile {
	return &wire.Profile{Account: a.Account, Name: a.Name, Icon: a.Icon, Ex: a.Ex}
}

// Store reads and changes accounts.
type Store struct {
	db     *store.Store
	apps   *Apps
	pepper []byte
}

// NewStore returns the store of the accounts of these apps. The pepper keys the
// hashes of all tokens and is not kept beside them.
func NewStore(apps *Apps, pepper []byte) *Store {
	return &Store{db: apps.db, apps: apps, pepper: pepper}
}

// ErrUnknown says that an account does not exist.
var ErrUnknown = errors.New("no such account")

// Get returns an account, or ErrUnknown.
func (s *Store) Get(ctx context.Context, app, account string) (a *Account, err error) {
	number, err := s.apps.number(app)
	if err != nil {
		return nil, err
	}
	err = s.db.Read(ctx, func(r *store.Reads) error {
		a, err = readAccount(r, number, account, "")
		return err
	})
	return a, known(err)
}

// Change creates or changes an account. edit sees it as it is now, may run
// several times, and ends the change with an error.
func (s *Store) Change(ctx context.Context, app, account string, edit func(a *Account, exists bool) error) (a *Account, err error) {
	if err := CheckName(account); err != nil {
		return nil, err
	}
	number, err := s.apps.number(app)
	if err != nil {
		return nil, err
	}
	var refused error
	err = again(ctx, func() error {
		return s.db.Update(ctx, store.Work{App: number, Source: account, Do: func(tx *store.Tx) error {
			a, refused, err = changeAccount(tx, number, account, edit)
			return err
		}})
	})
	if err = cmp.Or(err, refused); err != nil {
		return nil, known(err)
	}
	return a, nil
}

func changeAccount(tx *store.Tx, app int64, name string, edit func(a *Account, exists bool) error) (a *Account, refused, err error) {
	if err := appTakesAccounts(tx, app); err != nil {
		return nil, nil, err
	}
	a, err = readAccount(tx, app, name, tx.ForUpdate())
	exists := err == nil
	if errors.Is(err, ErrUnknown) {
		a = &Account{Account: name}
		a.CreatedMS, err = tx.Now()
	}
	if err != nil {
		return nil, nil, err
	}
	if err := edit(a, exists); err != nil {
		return nil, err, nil
	}
	// Drawn under the lock of the row: revisions only rise.
	rev, err := tx.ID()
	if err != nil {
		return nil, nil, err
	}
	a.Rev = uint64(rev)
	if !exists {
		a.Number = rev
	}
	return a, nil, writeAccount(tx, app, a, exists)
}

// appTakesAccounts returns an error when an app has been deleted since it was
// looked up: a login that is late leaves no account behind.
func appTakesAccounts(tx *store.Tx, app int64) error {
	var state int
	err := tx.Row([]any{&state}, "SELECT state FROM app WHERE id = $1"+tx.ForShare(), app)
	if errors.Is(err, store.ErrNoRow) || err == nil && state != appLives {
		return nimerr.AppKeyUnknown.New("")
	}
	return err
}

// Delete removes an account and returns the revision from which on it is gone,
// with ErrUnknown where it was gone already.
func (s *Store) Delete(ctx context.Context, app, account string) (rev uint64, err error) {
	number, err := s.apps.number(app)
	if err != nil {
		return 0, err
	}
	var unknown error
	err = s.db.Update(ctx, store.Work{App: number, Source: account, Do: func(tx *store.Tx) error {
		rev, unknown = 0, nil
		a, err := readAccount(tx, number, account, tx.ForUpdate())
		if errors.Is(err, ErrUnknown) {
			unknown = err
			rev, err = tombstone(&tx.Reads, number, account)
			return err
		}
		if err != nil {
			return err
		}
		rev, err = bury(tx, number, a)
		return err
	}})
	return rev, known(cmp.Or(err, unknown))
}

// Page returns up to limit accounts of an app in the order of their names: from
// cursor on, which an earlier Page returned as next, or from the first. next is
// "" after the last.
func (s *Store) Page(ctx context.Context, app, cursor string, limit int) (page []*Account, next string, err error) {
	number, err := s.apps.number(app)
	if err != nil {
		return nil, "", err
	}
	after, err := readCursor(number, cursor)
	if err != nil {
		return nil, "", err
	}
	err = s.db.Read(ctx, func(r *store.Reads) error {
		page, err = readPage(r, number, after, limit+1)
		return err
	})
	if err != nil {
		return nil, "", known(err)
	}
	if len(page) > limit {
		page = page[:limit]
		next = writeCursor(number, page[limit-1].Account)
	}
	return page, next, nil
}

// CheckName returns an error that names the rule when account breaks it.
func CheckName(account string) error {
	if !validName(account) {
		return nimerr.InvalidArgument.New("account: want 1 to 64 bytes of [A-Za-z0-9_.@-]")
	}
	return nil
}

// CheckAppKey returns an error that names the rule when key breaks it.
func CheckAppKey(key string) error {
	if !validName(key) {
		return nimerr.InvalidArgument.New("app_key: want 1 to 64 bytes of [A-Za-z0-9_.@-]")
	}
	return nil
}

func validName(s string) bool {
	if len(s) == 0 || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '_', c == '.', c == '@', c == '-':
		default:
			return false
		}
	}
	return true
}

// known makes an error of the store the one that a caller is told. Errors of this
// package stay as they are.
func known(err error) error {
	for _, own := range []error{nil, ErrUnknown, ErrCursor, ErrDeleting, ErrLastApp} {
		if errors.Is(err, own) {
			return err
		}
	}
	return store.Answer(err)
}

// Two edges that make the same row at once meet in a conflict, after which the
// row is there.
const maxTries = 5

func again(ctx context.Context, change func() error) error {
	for try := 1; ; try++ {
		err := change()
		if !errors.Is(err, store.ErrConflict) || try == maxTries {
			return err
		}
		select {
		case <-time.After(rand.N(time.Millisecond << try)):
		case <-ctx.Done():
			return err
		}
	}
}
