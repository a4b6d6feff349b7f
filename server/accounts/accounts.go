package accounts

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server/bus"
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

	Rev uint64 `json:"-"` // of the key it was read from or written to
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
	bucket *bus.Bucket
	pepper []byte
}

// NewStore returns the store. The pepper keys the hashes of all tokens and is
// not kept in the bucket.
func NewStore(b *bus.Bus, pepper []byte) *Store {
	return &Store{bucket: b.Accounts, pepper: pepper}
}

// ErrUnknown says that an account does not exist.
var ErrUnknown = errors.New("no such account")

// Get returns an account, or ErrUnknown.
func (s *Store) Get(ctx context.Context, app, account string) (*Account, error) {
	a, _, err := s.get(ctx, app, account)
	return a, err
}

// Change creates or changes an account. edit sees it as it is now, may run
// several times, and ends the change with an error.
func (s *Store) Change(ctx context.Context, app, account string, edit func(a *Account, exists bool) error) (*Account, error) {
	if err := CheckName(account); err != nil {
		return nil, err
	}
	for {
		a, rev, err := s.get(ctx, app, account)
		exists := err == nil
		if errors.Is(err, ErrUnknown) {
			a = &Account{Account: account, CreatedMS: time.Now().UnixMilli()}
		} else if err != nil {
			return nil, err
		}
		if err := edit(a, exists); err != nil {
			return nil, err
		}
		data, err := json.Marshal(a)
		if err != nil {
			return nil, nimerr.ServerError.Wrap(err)
		}
		a.Rev, err = s.bucket.Set(ctx, bus.AccountKey(app, account), data, rev, 0)
		switch {
		case errors.Is(err, bus.ErrConflict):
			continue
		case err != nil:
			return nil, busError(err)
		}
		return a, nil
	}
}

// Delete removes an account and returns the revision from which on it is gone,
// with ErrUnknown where it was gone already.
func (s *Store) Delete(ctx context.Context, app, account string) (uint64, error) {
	_, rev, err := s.get(ctx, app, account)
	if err != nil {
		return rev, err
	}
	rev, err = s.bucket.Delete(ctx, bus.AccountKey(app, account))
	if err != nil {
		return 0, busError(err)
	}
	return rev, nil
}

// Page calls yield for the accounts of an app, the oldest change first, until it
// returns false: from cursor on, which an earlier Page returned, or all. An
// account that is changed meanwhile comes (again) at the end.
func (s *Store) Page(ctx context.Context, app, cursor string, yield func(*Account) bool) (next string, err error) {
	var unread error
	next, err = s.bucket.Page(ctx, bus.AppPrefix(app), cursor, func(e bus.Entry) bool {
		var a *Account
		if a, unread = decode(e); unread != nil {
			return false
		}
		return yield(a)
	})
	if err == nil || errors.Is(err, bus.ErrCursor) {
		return next, cmp.Or(err, unread)
	}
	return "", busError(err)
}

func (s *Store) get(ctx context.Context, app, account string) (*Account, uint64, error) {
	e, err := s.bucket.Get(ctx, bus.AccountKey(app, account))
	if err != nil {
		return nil, 0, busError(err)
	}
	if e.Value == nil {
		return nil, e.Revision, ErrUnknown
	}
	a, err := decode(e)
	return a, e.Revision, err
}

func decode(e bus.Entry) (*Account, error) {
	var a Account
	if err := json.Unmarshal(e.Value, &a); err != nil {
		return nil, nimerr.ServerError.Wrap(err)
	}
	a.Rev = e.Revision
	return &a, nil
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

// busError tells a bus that is away for a moment from one that is broken.
func busError(err error) *nimerr.Error {
	if !errors.Is(err, bus.ErrUnavailable) {
		return nimerr.ServerError.Wrap(err)
	}
	busy := nimerr.ServerBusy.New("")
	busy.RetryAfter, busy.Cause = time.Second, err
	return busy
}
