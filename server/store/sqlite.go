package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// SQLiteFile is the name of the database in the data directory.
const SQLiteFile = "nim.db"

// sqliteReaders is how many queries run at once.
const sqliteReaders = 4

var sqliteWords = strings.NewReplacer("{text}", "text", "{blob}", "blob", "{clustered}", "WITHOUT ROWID", "{updated}", "")

// sqliteDB is SQLite: one connection that writes, in the hands of the one
// worker, and some that read.
type sqliteDB struct {
	s     *Store
	write *sql.DB
	owner *sql.Conn
	ready map[string]*sql.Stmt // of the owner
	read  *sql.DB
	turns chan struct{} // of readers

	mu      sync.Mutex
	queries map[string]*sql.Stmt // of the readers

	epoch, counter, commits int64       // the owner's
	unsure                  bool        // they have to be read again
	stale                   atomic.Bool // the epoch was raised
}

func openSQLite(ctx context.Context, s *Store) (dialect, error) {
	path := filepath.Join(s.cfg.Dir, SQLiteFile)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	_ = f.Close()
	d := &sqliteDB{s: s, turns: make(chan struct{}, sqliteReaders), ready: map[string]*sql.Stmt{}, queries: map[string]*sql.Stmt{}}
	// auto_vacuum holds for a new file only, and before it is written to.
	d.write, err = sql.Open("sqlite", sqliteURL(path, "auto_vacuum(2)", "journal_mode(wal)", "synchronous(full)",
		"busy_timeout(5000)", "journal_size_limit(16777216)", "cell_size_check(1)"))
	if err == nil {
		d.read, err = sql.Open("sqlite", sqliteURL(path, "query_only(1)", "busy_timeout(5000)", "cell_size_check(1)"))
	}
	if err != nil {
		return nil, err
	}
	d.write.SetMaxOpenConns(1)
	d.read.SetMaxOpenConns(sqliteReaders + 1) // a statement is made ready beside a View's own
	d.read.SetMaxIdleConns(sqliteReaders)
	if d.owner, err = d.write.Conn(ctx); err == nil {
		err = d.migrate(ctx)
	}
	if err == nil {
		err = d.load(ctx)
	}
	if err != nil {
		_ = d.close()
		return nil, fmt.Errorf("%s: %w", path, explain(err))
	}
	s.sawEpoch(d.epoch)
	return d, nil
}

func sqliteURL(path string, pragmas ...string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(path)}
	if runtime.GOOS == "windows" {
		u.Path = "/" + u.Path
	}
	q := url.Values{"_pragma": pragmas}
	return u.String() + "?" + q.Encode()
}

func (d *sqliteDB) migrate(ctx context.Context) error {
	tx, err := d.owner.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	var tables, version int
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema WHERE name = 'meta'").Scan(&tables); err != nil {
		return err
	}
	if tables > 0 {
		if err := tx.QueryRowContext(ctx, "SELECT version FROM meta").Scan(&version); err != nil {
			return err
		}
	}
	statements, err := migrations(version, sqliteWords)
	if err != nil || len(statements) == 0 {
		return err
	}
	if d.s.cfg.readOnly {
		return errVersion(version)
	}
	for _, q := range statements {
		if _, err := tx.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("%w in %s", err, q)
		}
	}
	if version == 0 {
		_, err = tx.ExecContext(ctx, insertMeta, schemaVersion, []byte{})
	} else {
		_, err = tx.ExecContext(ctx, "UPDATE meta SET version = $1", schemaVersion)
	}
	if err != nil {
		return err
	}
	return tx.Commit()
}

func (d *sqliteDB) load(ctx context.Context) error {
	d.unsure = true
	err := d.owner.QueryRowContext(ctx, "SELECT epoch, counter, commits FROM meta").Scan(&d.epoch, &d.counter, &d.commits)
	d.unsure = err != nil
	return err
}

func (d *sqliteDB) readers() *sql.DB        { return d.read }
func (d *sqliteDB) options() *sql.TxOptions { return &sql.TxOptions{ReadOnly: true} }
func (d *sqliteDB) in() string              { return " IN (SELECT value FROM json_each(%s))" }
func (d *sqliteDB) list(v any) (any, error) { return jsonList(v) }
func (d *sqliteDB) forUpdate() string       { return "" }
func (d *sqliteDB) forShare() string        { return "" }
func (d *sqliteDB) concurrency() int        { return 1 }
func (d *sqliteDB) watches() bool           { return false }

// turn returns a context that does not end: database/sql and the driver start a
// goroutine for each query that could be cut off, which costs more than most
// queries. So no reader may wait for a connection, but here; and the rows are
// counted where there can be many.
func (d *sqliteDB) turn(ctx context.Context) (context.Context, func() error, func(), error) {
	select {
	case d.turns <- struct{}{}:
		return context.WithoutCancel(ctx), ctx.Err, func() { <-d.turns }, nil
	case <-ctx.Done():
		return nil, nil, nil, ctx.Err()
	}
}

func (d *sqliteDB) statements() func(context.Context, string) (*sql.Stmt, error) { return d.query }

// query returns a query that the readers keep ready.
func (d *sqliteDB) query(ctx context.Context, query string) (*sql.Stmt, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	st := d.queries[query]
	if st == nil {
		var err error
		if st, err = d.read.PrepareContext(ctx, query); err != nil {
			return nil, err
		}
		d.queries[query] = st
	}
	return st, nil
}

// statement returns a statement that the owner keeps ready.
func (d *sqliteDB) statement(query string) (*sql.Stmt, error) {
	st := d.ready[query]
	if st == nil {
		var err error
		if st, err = d.owner.PrepareContext(context.Background(), query); err != nil {
			return nil, err
		}
		d.ready[query] = st
	}
	return st, nil
}

// exec runs a statement of the owner.
func (d *sqliteDB) exec(query string, args ...any) error {
	st, err := d.statement(query)
	if err == nil {
		_, err = st.ExecContext(context.Background(), args...)
	}
	return explain(err)
}

// commit runs the works in one transaction, each in a savepoint, and answers
// each when that is durable.
func (d *sqliteDB) commit(jobs []*job) {
	for len(jobs) > 0 {
		jobs = d.group(jobs)
	}
}

// group returns the works that have to go again.
func (d *sqliteDB) group(jobs []*job) (again []*job) {
	fail := func(jobs []*job, err error) {
		_ = d.exec("ROLLBACK") // fails where SQLite has done it
		d.unsure = true
		answer(jobs, d.s.health.note(err))
	}
	if d.stale.Swap(false) || d.unsure {
		if err := d.load(context.Background()); err != nil {
			answer(jobs, d.s.health.note(explain(err)))
			return nil
		}
	}
	if err := d.exec("BEGIN IMMEDIATE"); err != nil {
		fail(jobs, err)
		return nil
	}
	tx := &Tx{Reads: Reads{ctx: context.Background(), dialect: d, on: d.owner, prepared: d.statement}, numbers: d, locked: map[string]bool{}}
	var done []*job
	for i, j := range jobs {
		err := d.exec("SAVEPOINT work")
		if err == nil {
			err = d.s.run(j, tx)
		}
		if err == nil {
			if err = d.exec("RELEASE work"); err == nil {
				done = append(done, j)
				continue
			}
		}
		if errors.Is(err, ErrFull) || errors.Is(err, ErrUnavailable) {
			fail(slices.Concat(done, jobs[i:]), err)
			return nil
		}
		if undone := errors.Join(d.exec("ROLLBACK TO work"), d.exec("RELEASE work")); undone != nil {
			fail(jobs[i:i+1], err)
			return slices.Concat(done, jobs[i+1:])
		}
		j.done <- err
	}
	if tx.changed == 0 || len(done) == 0 {
		if err := d.exec("ROLLBACK"); err != nil {
			d.unsure = true
		}
		answer(done, nil)
		return nil
	}
	err := d.exec("UPDATE meta SET counter = $1, commits = $2", d.counter, d.commits+1)
	if err == nil {
		err = d.exec("COMMIT")
	}
	if err != nil {
		fail(done, err)
		return nil
	}
	d.commits++
	answer(done, nil)
	return nil
}

func (d *sqliteDB) ids(_ *Reads, n int) ([]int64, error) {
	out := make([]int64, n)
	for i := range out {
		var err error
		d.counter++
		if out[i], err = number(d.epoch, d.counter); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (d *sqliteDB) stamp(*Reads) (int64, error)   { return d.commits + 1, nil }
func (d *sqliteDB) now(*Reads) (time.Time, error) { return d.s.cfg.Clock(), nil }

func (d *sqliteDB) cursor(r *Reads) (c Cursor, err error) {
	err = r.Row([]any{&c.Epoch, &c.Stamp}, "SELECT epoch, commits + 1 FROM meta")
	return c, err
}

// reclaim shortens the file by up to 4 MB.
func (d *sqliteDB) reclaim(tx *Tx) error {
	_, err := tx.Exec("PRAGMA incremental_vacuum(1024)")
	return err
}

// probe writes something, by the owner.
func (d *sqliteDB) probe(ctx context.Context) error {
	j := &job{ctx: ctx, done: make(chan error, 1), work: Work{Do: func(tx *Tx) error {
		_, err := tx.Exec("UPDATE meta SET version = version")
		return err
	}}}
	if err := d.s.works.push(j); err != nil {
		return err
	}
	select {
	case err := <-j.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (d *sqliteDB) close() error {
	var errs []error
	for _, st := range d.ready {
		errs = append(errs, st.Close())
	}
	for _, st := range d.queries {
		errs = append(errs, st.Close())
	}
	if d.read != nil {
		errs = append(errs, d.read.Close())
	}
	if d.owner != nil {
		errs = append(errs, d.owner.Close())
	}
	return errors.Join(append(errs, d.write.Close())...)
}
