// Package store keeps what must last: accounts, apps, conversations and their
// entries. It is one SQL database, either SQLite in the data directory, for one
// nimd, or PostgreSQL, for many edges.
//
// # Changing
//
// Every change is a [Work], given to [Store.Update], which returns when the
// change is durable. Works wait in turn: app after app, and connection after
// connection within an app.
//
// On SQLite one owner takes what has gathered and commits it at once, each work
// in a savepoint of its own. On PostgreSQL a few workers do so, each group in
// one READ COMMITTED transaction; before the group runs, the conversation rows
// that its works name in Locks are locked in the order of their names. That is
// the only lock on many rows. Whatever else a work locks it locks after that, in
// the order conversation, member, account, team, relation.
//
// Do sees the changes of the works before it in the group. An error of Do undoes
// its own changes and no other's: on PostgreSQL by running the group again in
// halves. So Do may run several times and has to set, not add to, what it
// returns through its closure. A refusal by a rule is best kept in the closure
// with nil returned, as long as nothing was written: it costs nothing then.
// Do must not wait for anything but the store.
//
// [Tx.Conversation] returns a locked row, whether or not Locks named it.
// A conversation that has no row yet cannot be locked: [Tx.MakeConversation]
// makes and locks it. Two works that make two conversations each in another
// order can meet in a deadlock, which the store resolves by another try.
//
// # Numbers
//
// [Tx.IDs] gives numbers for all that goes out (messages, revisions, accounts):
// epoch<<43 | counter, never given twice, below 2^53. A revision is drawn after
// its row was locked, or revisions could go backwards.
//
// [Tx.Stamp] is what a member row is stamped with, and [View.Cursor] what a
// device goes on from: rows with stamp >= cursor are news. They may be told
// twice, none is left out. [Tx.Now] is the store's clock in milliseconds.
//
// The epoch rises when the store may have lost or repeated something: after a
// restore and after a failover of PostgreSQL. All stamps are 0 then.
//
// # Reading
//
// [Store.Read] runs single statements, [Store.View] several on one snapshot.
// Each row that is written has a checksum over its contents ([Sum], stamps left
// out); who reads one checks it ([CheckSum]), so that damage of the files is named
// rather than believed.
//
// SQL is written once for both: $1 for parameters, integers for truths, and the
// few places that differ come from methods of [Reads] and [Tx].
package store

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Config says which database to use.
type Config struct {
	URL          string // postgres://…; empty: SQLite in Dir
	PasswordFile string // holds the password for URL; may be empty
	Dir          string // of SQLite's file
	Clock        func() time.Time
	Log          *slog.Logger

	readOnly bool // by Inspect
}

// Store is an open database. Its methods may be called from any goroutine.
type Store struct {
	cfg     Config
	dialect dialect
	epoch   atomic.Int64
	works   queue
	health  health
	workers sync.WaitGroup
	stop    context.CancelFunc
}

// dialect is what SQLite and PostgreSQL do differently.
type dialect interface {
	readers() *sql.DB
	statements() func(ctx context.Context, query string) (*sql.Stmt, error) // nil: the driver keeps them
	options() *sql.TxOptions                                                // of a View
	// turn waits until one more may read. query is for what it asks, ended (nil:
	// query knows) says whether that is still wanted.
	turn(ctx context.Context) (query context.Context, ended func() error, release func(), err error)
	in() string // what follows a column, %s being a list
	list(v any) (any, error)
	forUpdate() string
	forShare() string
	reclaim(tx *Tx) error
	cursor(r *Reads) (Cursor, error)
	commit(jobs []*job)              // runs a group of works and answers each
	concurrency() int                // how many groups at once
	probe(ctx context.Context) error // tries what failed; nil: the store works
	watches() bool                   // whether to probe while all is well
	close() error
}

// Open opens the database, makes or migrates its tables, and is ready for use.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Store{cfg: cfg}
	s.works.init()
	var err error
	switch {
	case cfg.URL == "":
		s.dialect, err = openSQLite(ctx, s)
	case IsPostgres(cfg.URL):
		s.dialect, err = openPostgres(ctx, s)
	default:
		err = fmt.Errorf("want postgres://user@host/database, or nothing for SQLite in the data directory")
	}
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	background, stop := context.WithCancel(context.Background())
	s.stop = stop
	for range s.dialect.concurrency() {
		s.workers.Go(s.work)
	}
	s.workers.Go(func() { s.watch(background) })
	return s, nil
}

// IsPostgres reports whether url names a PostgreSQL database.
func IsPostgres(url string) bool {
	return strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://")
}

// Epoch is the present epoch, at least 1.
func (s *Store) Epoch() int64 { return s.epoch.Load() }

// Close refuses new works, finishes those that wait, and closes the database.
func (s *Store) Close() error {
	s.works.close()
	s.stop()
	s.workers.Wait()
	return s.dialect.close()
}

// sawEpoch notes an epoch that the database has.
func (s *Store) sawEpoch(epoch int64) {
	for {
		old := s.epoch.Load()
		if epoch <= old {
			return
		}
		if s.epoch.CompareAndSwap(old, epoch) {
			if old != 0 {
				s.cfg.Log.Warn("store: the epoch rose", "from", old, "to", epoch)
			}
			return
		}
	}
}
