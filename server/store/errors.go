package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/libnim/libnim/internal/nimerr"
)

// Errors of the store. They may be joined with their cause.
var (
	ErrNoRow       = errors.New("no such row")
	ErrConflict    = errors.New("a row with this key exists")
	ErrBusy        = errors.New("too many changes wait for the store")
	ErrFull        = errors.New("the disk of the store is full")
	ErrUnavailable = errors.New("the store is not available")
	ErrDamaged     = errors.New("the store is damaged")

	// errAgain asks for another try of the whole group.
	errAgain = errors.New("the store was contended")
)

// Answer is the error that a client is told for one of the store.
func Answer(err error) *nimerr.Error {
	if e, ok := errors.AsType[*nimerr.Error](err); ok {
		return e
	}
	for _, passing := range []error{ErrBusy, ErrFull, ErrUnavailable, errAgain} {
		if errors.Is(err, passing) {
			busy := nimerr.ServerBusy.New("")
			busy.RetryAfter, busy.Cause = time.Second, err
			return busy
		}
	}
	return nimerr.ServerError.Wrap(err)
}

// explain joins one of the errors above to what a driver says.
func explain(err error) error {
	for _, known := range []error{nil, ErrNoRow, ErrConflict, ErrBusy, ErrFull, ErrUnavailable, ErrDamaged, errAgain} {
		if errors.Is(err, known) {
			return err
		}
	}
	kind := kindOf(err)
	if kind == nil {
		return err
	}
	return fmt.Errorf("%w: %w", kind, err)
}

func kindOf(err error) error {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return kindOfSQLite(e.Code())
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return kindOfPostgres(e.Code)
	}
	_, noConnection := errors.AsType[*pgconn.ConnectError](err)
	_, network := errors.AsType[net.Error](err)
	switch {
	case noConnection, network, errors.Is(err, driver.ErrBadConn), pgconn.Timeout(err), pgconn.SafeToRetry(err),
		errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled),
		errors.Is(err, net.ErrClosed), errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNRESET),
		err != nil && strings.Contains(err.Error(), "unexpected EOF"), err != nil && strings.Contains(err.Error(), "conn closed"):
		return ErrUnavailable
	case errors.Is(err, syscall.ENOSPC):
		return ErrFull
	}
	return nil
}

func kindOfSQLite(code int) error {
	switch code {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_ROWID:
		return ErrConflict
	}
	switch code & 0xff {
	case sqlite3.SQLITE_FULL:
		return ErrFull
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return ErrDamaged
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_INTERRUPT,
		sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PROTOCOL:
		return ErrUnavailable
	}
	return nil
}

func kindOfPostgres(code string) error {
	switch code {
	case "23505", "23P01": // unique, exclusion
		return ErrConflict
	case "40P01", "40001", "55P03": // deadlock, serialization, lock not available
		return errAgain
	case "53100": // disk full
		return ErrFull
	case "XX001", "XX002": // data, index corrupted
		return ErrDamaged
	case "25006", "57014": // read only: it is a standby by now; cancelled by a timeout
		return ErrUnavailable
	}
	switch code[:min(2, len(code))] {
	case "08", "53", "57", "58": // connection, resources, operator, system
		return ErrUnavailable
	}
	return nil
}
