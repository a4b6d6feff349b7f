package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Reads runs queries.
type Reads struct {
	ctx     context.Context
	dialect dialect
	on      interface {
		QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
		ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	}
	prepared func(query string) (*sql.Stmt, error) // nil: the driver keeps statements
	ended    func() error                          // whether the caller still wants it; nil: ctx knows
}

// Query returns the rows of a query. The caller closes them, before anything
// else is asked.
func (r *Reads) Query(query string, args ...any) (*sql.Rows, error) {
	if err := r.unwanted(); err != nil {
		return nil, err
	}
	if r.prepared == nil {
		rows, err := r.on.QueryContext(r.ctx, query, args...)
		return rows, explain(err)
	}
	st, err := r.prepared(query)
	if err != nil {
		return nil, explain(err)
	}
	rows, err := st.QueryContext(r.ctx, args...)
	return rows, explain(err)
}

// Each calls row for every row of a query.
func (r *Reads) Each(row func(*sql.Rows) error, query string, args ...any) error {
	rows, err := r.Query(query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := row(rows); err != nil {
			return explain(err)
		}
		if err := r.unwanted(); err != nil {
			return err
		}
	}
	return explain(rows.Err())
}

func (r *Reads) unwanted() error {
	if r.ended == nil {
		return nil
	}
	return explain(r.ended())
}

// Row scans the first row of a query into to. ErrNoRow says that there is none.
func (r *Reads) Row(to []any, query string, args ...any) error {
	rows, err := r.Query(query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return explain(err)
		}
		return ErrNoRow
	}
	return explain(errors.Join(rows.Scan(to...), rows.Close()))
}

// In is the condition that column is in the list given for a parameter:
// r.In("id", "$1"), with r.List(ids) as its argument.
func (r *Reads) In(column, parameter string) string {
	return column + fmt.Sprintf(r.dialect.in(), parameter)
}

// List is the argument for In: []int64 or []string.
func (r *Reads) List(values any) any {
	v, err := r.dialect.list(values)
	if err != nil {
		return err // which no driver takes
	}
	return v
}

// View reads one snapshot.
type View struct{ Reads }

// Cursor is where a device stands in what changed of its conversations.
type Cursor struct {
	Epoch int64
	Stamp int64
}

// Cursor returns the cursor of this snapshot: every change that it does not show
// has a stamp that is not lower. It is read from the snapshot.
func (v *View) Cursor() (Cursor, error) { return v.dialect.cursor(&v.Reads) }

// Read calls do to run statements that need no common snapshot.
func (s *Store) Read(ctx context.Context, do func(*Reads) error) error {
	query, ended, release, err := s.dialect.turn(ctx)
	if err != nil {
		return s.health.note(explain(err))
	}
	defer release()
	r := &Reads{ctx: query, dialect: s.dialect, on: s.dialect.readers(), ended: ended}
	if statement := s.dialect.statements(); statement != nil {
		r.prepared = func(q string) (*sql.Stmt, error) { return statement(query, q) }
	}
	return s.health.note(explain(do(r)))
}

// View calls do to read one snapshot.
func (s *Store) View(ctx context.Context, do func(*View) error) error {
	query, ended, release, err := s.dialect.turn(ctx)
	if err != nil {
		return s.health.note(explain(err))
	}
	defer release()
	tx, err := s.dialect.readers().BeginTx(query, s.dialect.options())
	if err != nil {
		return s.health.note(explain(err))
	}
	defer func() { _ = tx.Rollback() }()
	v := &View{Reads{ctx: query, dialect: s.dialect, on: tx, ended: ended}}
	if statement := s.dialect.statements(); statement != nil {
		v.prepared = func(q string) (*sql.Stmt, error) {
			st, err := statement(query, q)
			if err != nil {
				return nil, err
			}
			return tx.StmtContext(query, st), nil
		}
	}
	return s.health.note(explain(do(v)))
}

// Tx is the transaction that a Work changes things in.
type Tx struct {
	Reads
	numbers numbers
	changed int64           // rows so far
	locked  map[string]bool // conversations, by name
}

// numbers gives what a transaction is numbered and stamped with.
type numbers interface {
	ids(r *Reads, n int) ([]int64, error)
	stamp(r *Reads) (int64, error)
	now(r *Reads) (time.Time, error)
}

// Exec runs a statement and returns how many rows it changed.
func (tx *Tx) Exec(query string, args ...any) (int64, error) {
	var result sql.Result
	var err error
	if tx.prepared == nil {
		result, err = tx.on.ExecContext(tx.ctx, query, args...)
	} else {
		var st *sql.Stmt
		if st, err = tx.prepared(query); err == nil {
			result, err = st.ExecContext(tx.ctx, args...)
		}
	}
	if err != nil {
		return 0, explain(err)
	}
	n, err := result.RowsAffected()
	tx.changed += n
	return n, err
}

// ForUpdate ends a SELECT whose rows are to be locked.
func (tx *Tx) ForUpdate() string { return tx.dialect.forUpdate() }

// ForShare ends a SELECT whose rows must not change before the commit.
func (tx *Tx) ForShare() string { return tx.dialect.forShare() }

// IDs returns n numbers that were never given before, rising.
func (tx *Tx) IDs(n int) ([]int64, error) { return tx.numbers.ids(&tx.Reads, n) }

// ID returns one number that was never given before.
func (tx *Tx) ID() (int64, error) {
	ids, err := tx.IDs(1)
	if err != nil {
		return 0, err
	}
	return ids[0], nil
}

// Stamp is what the member rows are stamped with that this transaction changes.
func (tx *Tx) Stamp() (int64, error) { return tx.numbers.stamp(&tx.Reads) }

// Now is the store's clock in milliseconds, read anew by each call.
func (tx *Tx) Now() (int64, error) {
	t, err := tx.numbers.now(&tx.Reads)
	return t.UnixMilli(), err
}

// Numbers are epoch<<counterBits | counter.
const (
	counterBits = 43
	maxEpoch    = 1<<(53-counterBits) - 1
)

func number(epoch, counter int64) (int64, error) {
	if epoch < 1 || epoch > maxEpoch || counter < 1 || counter >= 1<<counterBits {
		return 0, fmt.Errorf("the numbers have run out: epoch %d, counter %d", epoch, counter)
	}
	return epoch<<counterBits | counter, nil
}

// jsonList is a list as SQLite's json_each takes it.
func jsonList(v any) (any, error) {
	switch v.(type) {
	case []int64, []string:
		data, err := json.Marshal(v)
		return string(data), err
	}
	return nil, fmt.Errorf("a list of %T cannot be asked for", v)
}
