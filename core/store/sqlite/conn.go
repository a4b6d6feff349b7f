package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"sync"
	"syscall"

	sqlite3 "github.com/mattn/go-sqlite3"

	"github.com/libnim/libnim/core/store"
)

// A conn is one connection of the driver with its prepared statements. The
// mutex is held by whoever uses it.
type conn struct {
	sync.Mutex
	c          *sqlite3.SQLiteConn
	statements map[string]driver.Stmt
}

// maxStatements bounds the statements kept: those that name types differ.
const maxStatements = 64

func connect(dsn string) (*conn, error) {
	c, err := new(sqlite3.SQLiteDriver).Open(dsn)
	if err != nil {
		return nil, explain(err)
	}
	return &conn{c: c.(*sqlite3.SQLiteConn), statements: map[string]driver.Stmt{}}, nil
}

func (c *conn) close() error {
	for _, s := range c.statements {
		_ = s.Close()
	}
	clear(c.statements)
	return explain(c.c.Close())
}

// script runs statements that take nothing and give nothing.
func (c *conn) script(sql string) error {
	_, err := c.c.Exec(sql, nil)
	return explain(err)
}

// statement returns a prepared statement and what to do with it afterwards.
func (c *conn) statement(sql string) (driver.Stmt, func(), error) {
	if s, ok := c.statements[sql]; ok {
		return s, func() {}, nil
	}
	s, err := c.c.Prepare(sql)
	if err != nil {
		return nil, nil, explain(err)
	}
	if len(c.statements) >= maxStatements {
		return s, func() { _ = s.Close() }, nil
	}
	c.statements[sql] = s
	return s, func() {}, nil
}

// exec runs one statement and says which row it made and how many it changed.
func (c *conn) exec(sql string, args ...driver.Value) (row int64, changed int, err error) {
	s, done, err := c.statement(sql)
	if err != nil {
		return 0, 0, err
	}
	defer done()
	named := make([]driver.NamedValue, len(args))
	for i, a := range args {
		named[i] = driver.NamedValue{Ordinal: i + 1, Value: a}
	}
	r, err := s.(driver.StmtExecContext).ExecContext(context.Background(), named)
	if err != nil {
		return 0, 0, explain(err)
	}
	row, _ = r.LastInsertId()
	n, _ := r.RowsAffected()
	return row, int(n), nil
}

// each runs a query and calls f with each row; the values hold until f returns,
// except that strings and bytes are copies. An error of f ends it.
func (c *conn) each(ctx context.Context, sql string, args []driver.Value, f func(row) error) error {
	s, done, err := c.statement(sql)
	if err != nil {
		return err
	}
	defer done()
	named := make([]driver.NamedValue, len(args))
	for i, a := range args {
		named[i] = driver.NamedValue{Ordinal: i + 1, Value: a}
	}
	rows, err := s.(driver.StmtQueryContext).QueryContext(ctx, named)
	if err != nil {
		return explain(err)
	}
	values := make(row, len(rows.Columns()))
	for {
		switch err = rows.Next(values); {
		case err == nil:
			err = f(values)
		case errors.Is(err, io.EOF):
			return explain(rows.Close())
		default:
			err = explain(err)
		}
		if err != nil {
			_ = rows.Close()
			return err
		}
	}
}

// first runs a query that gives at most one row and says whether it gave one.
func (c *conn) first(sql string, args []driver.Value, f func(row) error) (bool, error) {
	found := false
	err := c.each(context.Background(), sql, args, func(r row) error {
		found = true
		return f(r)
	})
	return found, err
}

// number runs a query that gives one number; 0 when it gives no row.
func (c *conn) number(sql string, args ...driver.Value) (n int64, err error) {
	_, err = c.first(sql, args, func(r row) error {
		n, err = r.int(0)
		return err
	})
	return n, err
}

// A row is the values of one row. A value of another type than was written
// is damage.
type row []driver.Value

func (r row) int(i int) (int64, error) {
	if v, ok := r[i].(int64); ok {
		return v, nil
	}
	return 0, r.wrong(i, "a number")
}

func (r row) text(i int) (string, error) {
	if v, ok := r[i].(string); ok {
		return v, nil
	}
	return "", r.wrong(i, "text")
}

func (r row) bytes(i int) ([]byte, error) {
	if v, ok := r[i].([]byte); ok {
		return v, nil
	}
	return nil, r.wrong(i, "bytes")
}

func (r row) wrong(i int, want string) error {
	return fmt.Errorf("%w: column %d is no %s", store.ErrDamaged, i, want)
}

// ints sets numbers from the columns beginning with column i.
func (r row) ints(i int, to ...*int64) error {
	for k, p := range to {
		v, err := r.int(i + k)
		if err != nil {
			return err
		}
		*p = v
	}
	return nil
}

// explain puts the driver's errors among those of package store.
func explain(err error) error {
	e, ok := errors.AsType[sqlite3.Error](err)
	if !ok {
		return err
	}
	kind := store.ErrUnusable
	switch {
	case e.Code == sqlite3.ErrFull, e.SystemErrno == syscall.ENOSPC, isQuota(e.SystemErrno):
		kind = store.ErrFull
	case e.Code == sqlite3.ErrCorrupt, e.Code == sqlite3.ErrNotADB, e.ExtendedCode == sqlite3.ErrIoErrShortRead:
		kind = store.ErrDamaged
	case e.Code == sqlite3.ErrConstraint:
		return e // met by the one statement that can
	}
	return fmt.Errorf("%w: SQLite %d: %w", kind, e.ExtendedCode, e)
}

// isUnique says whether a row was refused since another has its key.
func isUnique(err error) bool {
	e, ok := errors.AsType[sqlite3.Error](err)
	return ok && e.ExtendedCode == sqlite3.ErrConstraintUnique
}
