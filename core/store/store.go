// Package store says how one account's messages are kept on this device: the
// rows, what can be asked, and what happens when the disk is full or the file
// damaged. core/store/sqlite is the database; it is C, so only internal/cabi
// and tests import it, and the engine is given an Opener.
//
// Who may call what, and when:
//
//   - Update is called by one goroutine, the engine. What it changes is durable
//     when it returns: it survives the end of the process at any moment, and
//     the last few changes may be undone by a loss of power.
//   - All other methods may be called from any goroutine, also while Update
//     runs. A read sees what was committed when it began. Search has a
//     connection of its own, so it delays neither writes nor pages.
//   - Every method blocks while the disk works. None may be called on a thread
//     of the host, so never under an exported call: those stacks can be small.
//   - Rows that come out belong to the caller.
package store

import (
	"context"
	"errors"
	"time"
)

// Errors of a store. Methods return them wrapped with what the database said.
var (
	// ErrWrongKey: the file was written with another key, or with none, or this
	// one was given none. The file stays as it is.
	ErrWrongKey = errors.New("the store was written with another key")

	// ErrDamaged: the file is no store, or a row of it cannot be what was
	// written. When a method other than Open returns it, the store is of no
	// more use: close it, which sets the file aside, and open it again.
	ErrDamaged = errors.New("the store is damaged")

	// ErrNewer: a later version of the library made the file. It stays as it is.
	ErrNewer = errors.New("the store was written by a later version")

	// ErrFull: the disk is full. The Update has changed nothing; reads go on,
	// and so do writes as soon as there is room.
	ErrFull = errors.New("the disk is full")

	// ErrUnusable: the file or its directory cannot be read or written.
	ErrUnusable = errors.New("the store cannot be used")

	// ErrClosed: Close was called.
	ErrClosed = errors.New("the store is closed")

	// ErrInUse: another process, or another client of this one, has the lock.
	ErrInUse = errors.New("another process uses the store")
)

// Options say which store to open.
type Options struct {
	// Path is the file; "" keeps everything in memory, until Close. The caller
	// holds the Lock of it.
	Path string

	// Key is the text the rows are sealed with, db_encrypt_key; "" leaves them
	// readable, and only then is there a search index on the disk.
	Key string

	// Self is the account whose store it is.
	Self string

	// Now gives the date that is put into the name of a damaged file; nil is
	// time.Now.
	Now func() time.Time
}

// An Opener opens a store; sqlite.Open is one. It takes at most a few
// milliseconds for a file that is well, whatever its size, and migrates one
// of an earlier version.
//
// The store is usable also when there is a problem, and begins empty then:
//
//   - ErrDamaged: the file was renamed, its new name is in the error's text,
//     and a new one begun.
//   - ErrWrongKey, ErrNewer, ErrUnusable, ErrFull: the file was left alone; what
//     this store keeps is in memory and gone with Close.
//
// Only when not even that can be had is the store nil.
type Opener func(Options) (s Store, problem error)

// A Reader answers what is stored.
type Reader interface {
	// Conversations returns all conversations, the one with the newest last
	// message first, each with its last message.
	Conversations() ([]Conversation, error)

	// Conversation returns one, with its last message; nil when there is none.
	Conversation(name string) (*Conversation, error)

	// Message returns the message of a key, nil when there is none. It also
	// returns those that are not visible.
	Message(Key) (*Message, error)

	// MessageByID returns the visible message with a client id: the account's
	// own if there is one, else the newest. nil when there is none.
	MessageByID(clientID string) (*Message, error)

	// MessageByServerID returns the message of a conversation with the id that
	// the server gave, nil when there is none; also one that is not visible.
	MessageByServerID(conversation string, id int64) (*Message, error)

	// MessagesBySeq returns the messages of a conversation from number first to
	// number last, in the order of their numbers, at most limit, also those
	// that are not visible. limit ≤ 0 is no limit.
	MessagesBySeq(conversation string, first, last int64, limit int) ([]Message, error)

	// MessagesByStatus returns the visible messages with a status, oldest row
	// first, at most limit. It is fast for StatusSending and StatusUnread.
	// conversation "" means all.
	MessagesByStatus(conversation string, status int32, limit int) ([]Message, error)

	// Asking returns the messages that are marked FlagAsking, oldest row first.
	Asking() ([]Message, error)

	// Messages returns a page. It ignores Query.Text.
	Messages(Query) ([]Message, error)

	// Newest returns the newest visible message of a conversation whose type
	// is none of those excluded; nil when there is none.
	Newest(conversation string, excluded ...int32) (*Message, error)

	// Notices returns system messages, newest first.
	Notices(NoticeQuery) ([]Notice, error)

	// Notice returns one, nil when there is none.
	Notice(id int64) (*Notice, error)

	// CountNotices counts those that NoticeQuery names; it ignores Limit.
	CountNotices(NoticeQuery) (int, error)

	// Value returns what PutValue kept, nil when there is nothing.
	Value(name string) ([]byte, error)

	// Values returns all values whose name begins with prefix, by name.
	Values(prefix string) (map[string][]byte, error)
}

// A Store is what one account has on this device.
type Store interface {
	Reader

	// Update runs change, then commits all that it did, in one transaction. When change
	// or the commit fails nothing is changed, and Update returns that error.
	// The Tx is valid until change returns.
	Update(change func(Tx) error) error

	// Search looks through Message.Text, newest first or as the query says.
	// It ends early when ctx does, and after SearchBudget: the answer then says
	// that it is incomplete.
	Search(ctx context.Context, q Query) (Found, error)

	// InMemory says that nothing is on the disk.
	InMemory() bool

	// Close waits for what runs, then closes the file. It may be called more
	// than once.
	Close() error
}

// A Tx changes a store; it reads what it has changed.
type Tx interface {
	Reader

	// PutConversation keeps c in place of what was stored under its name.
	// c.Last is not kept: c.LastRow says which message it is.
	PutConversation(c *Conversation) error

	// DeleteConversation removes a conversation and all its messages.
	DeleteConversation(name string) error

	// PutMessage keeps m in place of the message with its key, and says whether
	// there was none. It sets m.Row. The conversation must be stored. Another
	// message that has the number m.Seq loses it.
	PutMessage(m *Message) (fresh bool, err error)

	// SetStatus changes the status of messages and says how many.
	SetStatus(StatusChange) (int, error)

	// DeleteMessages removes messages and says how many. A row that must keep
	// its id known, so that it does not come back, is put with FlagGone instead.
	DeleteMessages(Selection) (int, error)

	// ForgetSeqs takes the numbers of all messages away: the server has
	// another epoch.
	ForgetSeqs() error

	// PutNotice keeps n in place of the system message with its ID, and says
	// whether there was none.
	PutNotice(n *Notice) (fresh bool, err error)

	// SetNoticeStatus sets the status of those that the query names.
	SetNoticeStatus(q NoticeQuery, status int32) (int, error)

	// DeleteNotices removes those that the query names.
	DeleteNotices(NoticeQuery) (int, error)

	// PutValue keeps a value under a name; nil removes it.
	PutValue(name string, value []byte) error

	// DeleteValues removes all values whose name begins with prefix.
	DeleteValues(prefix string) error
}

// SearchBudget is the time after which a search gives what it has.
const SearchBudget = 2 * time.Second
