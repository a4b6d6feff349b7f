package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// Bounds of the use of PostgreSQL.
const (
	postgresWriters  = 4 // groups at once
	postgresReaders  = 12
	statementTimeout = "5000" // ms
	groupTimeout     = 8 * time.Second
	connectTimeout   = 3 * time.Second
	openPause        = 200 * time.Millisecond
	maxTries         = 6 // of a group that met others
	maxClockError    = 30 * time.Second
	warnClockError   = 2 * time.Second
)

var postgresWords = strings.NewReplacer("{text}", `text COLLATE "C"`, "{blob}", "bytea", "{clustered}", "", "{updated}", "WITH (fillfactor = 70)")

// postgresDB is PostgreSQL's primary.
type postgresDB struct {
	s      *Store
	config *pgx.ConnConfig
	write  *sql.DB
	read   *sql.DB
	late   atomic.Bool // the clocks differ, which was said
}

func openPostgres(ctx context.Context, s *Store) (dialect, error) {
	config, err := postgresConfig(s.cfg)
	if err != nil {
		return nil, err
	}
	d := &postgresDB{s: s, config: config}
	for {
		err = d.prepare(ctx)
		if err == nil || !errors.Is(explain(err), ErrUnavailable) || s.cfg.readOnly {
			break
		}
		s.cfg.Log.Warn("store: PostgreSQL is not available yet", "err", err)
		select {
		case <-ctx.Done():
			return nil, explain(err)
		case <-time.After(openPause):
		}
	}
	if err != nil {
		return nil, explain(err)
	}
	open := func(n int) *sql.DB {
		db := stdlib.OpenDB(*config, stdlib.OptionAfterConnect(d.identify))
		db.SetMaxOpenConns(n)
		db.SetMaxIdleConns(n)
		db.SetConnMaxIdleTime(5 * time.Minute)
		return db
	}
	d.write, d.read = open(postgresWriters), open(postgresReaders)
	if err := d.probe(ctx); err != nil {
		_ = d.close()
		return nil, explain(err)
	}
	return d, nil
}

func postgresConfig(cfg Config) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(cfg.URL)
	if err != nil {
		return nil, err // which leaves the password out
	}
	if cfg.PasswordFile != "" {
		data, err := os.ReadFile(cfg.PasswordFile)
		if err != nil {
			return nil, fmt.Errorf("password: %w", err)
		}
		config.Password = strings.TrimRight(string(data), "\r\n")
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	for name, value := range map[string]string{
		"application_name": "nimd", "statement_timeout": statementTimeout, "idle_in_transaction_session_timeout": "15000",
	} {
		if config.RuntimeParams[name] == "" {
			config.RuntimeParams[name] = value
		}
	}
	config.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	return config, nil
}

// prepare makes or migrates the tables.
func (d *postgresDB) prepare(ctx context.Context) error {
	conn, err := pgx.ConnectConfig(ctx, d.config)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	tx, err := conn.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtext('nimd schema'))"); err != nil { // edges start together
		return err
	}
	var exists bool
	var version int
	if err := tx.QueryRow(ctx, "SELECT to_regclass('meta') IS NOT NULL").Scan(&exists); err != nil {
		return err
	}
	if exists {
		if err := tx.QueryRow(ctx, "SELECT version FROM meta").Scan(&version); err != nil {
			return err
		}
	}
	statements, err := migrations(version, postgresWords)
	if err != nil || len(statements) == 0 {
		return err
	}
	if d.s.cfg.readOnly {
		return errVersion(version)
	}
	if version == 0 {
		statements = append(statements, "CREATE SEQUENCE ids")
	}
	for _, q := range statements {
		if _, err := tx.Exec(ctx, q); err != nil {
			return fmt.Errorf("%w in %s", err, q)
		}
	}
	if version == 0 {
		if _, err = tx.Exec(ctx, insertMeta, schemaVersion, []byte{}); err == nil {
			_, err = tx.Exec(ctx, "UPDATE meta SET (system, timeline) = ("+identity+")")
		}
	} else {
		_, err = tx.Exec(ctx, "UPDATE meta SET version = $1", schemaVersion)
	}
	if err != nil {
		return err
	}
	return tx.Commit(ctx)
}

// identity is what tells a restored or promoted cluster from the one before.
const identity = "SELECT system_identifier::text, substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) FROM pg_control_system()"

// identify looks at each new connection, and raises the epoch once when the
// cluster behind it is another or has gone another way.
func (d *postgresDB) identify(ctx context.Context, conn *pgx.Conn) error {
	var system, timeline, knownSystem, knownTimeline string
	var epoch int64
	read := "SELECT now.*, meta.epoch, meta.system, meta.timeline FROM meta, (" + identity + ") AS now"
	scan := func(row pgx.Row) error { return row.Scan(&system, &timeline, &epoch, &knownSystem, &knownTimeline) }
	if err := scan(conn.QueryRow(ctx, read)); err != nil {
		return err
	}
	if (system != knownSystem || timeline != knownTimeline) && !d.s.cfg.readOnly {
		tx, err := conn.Begin(ctx)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
		if err := scan(tx.QueryRow(ctx, read+" FOR UPDATE OF meta")); err != nil {
			return err
		}
		if system != knownSystem || timeline != knownTimeline {
			epoch++
			if _, err := tx.Exec(ctx, "SET LOCAL statement_timeout = 0"); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, "UPDATE meta SET epoch = $1, system = $2, timeline = $3", epoch, system, timeline); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, resetStamps); err != nil {
				return err
			}
		}
		if err := tx.Commit(ctx); err != nil {
			return err
		}
	}
	d.s.sawEpoch(epoch)
	return nil
}

const resetStamps = "UPDATE member SET stamp = 0 WHERE stamp <> 0"

func (d *postgresDB) readers() *sql.DB { return d.read }
func (d *postgresDB) options() *sql.TxOptions {
	return &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead}
}
func (d *postgresDB) in() string              { return " = ANY(%s)" }
func (d *postgresDB) list(v any) (any, error) { return v, nil }
func (d *postgresDB) turn(ctx context.Context) (context.Context, func() error, func(), error) {
	return ctx, nil, func() {}, nil
}

func (d *postgresDB) forUpdate() string { return " FOR UPDATE" }
func (d *postgresDB) forShare() string  { return " FOR SHARE" }
func (d *postgresDB) reclaim(*Tx) error { return nil } // autovacuum does
func (d *postgresDB) concurrency() int  { return postgresWriters }
func (d *postgresDB) watches() bool     { return true }

func (d *postgresDB) statements() func(context.Context, string) (*sql.Stmt, error) { return nil }

// commit runs the works in one transaction. When one of them fails, it goes
// alone and the others again without it.
func (d *postgresDB) commit(jobs []*job) {
	for try := 1; len(jobs) > 0; try++ {
		bad, err := d.group(jobs)
		switch {
		case err == nil:
			answer(jobs, nil)
			return
		case errors.Is(err, errAgain) && try < maxTries, lostConnection(err) && try < 3:
			time.Sleep(rand.N(time.Millisecond << try))
		case len(jobs) == 1 || bad < 0 || errors.Is(err, ErrUnavailable) || errors.Is(err, ErrFull):
			answer(jobs, d.s.health.note(err))
			return
		default:
			d.commit(jobs[bad : bad+1])
			jobs, try = slices.Delete(slices.Clone(jobs), bad, bad+1), 0
		}
	}
}

// lostConnection reports whether a transaction ended with its connection, rather
// than that there was none to be had.
func lostConnection(err error) bool {
	_, none := errors.AsType[*pgconn.ConnectError](err)
	_, told := errors.AsType[*pgconn.PgError](err)
	return errors.Is(err, ErrUnavailable) && !none && !told && !errors.Is(err, context.DeadlineExceeded)
}

// group returns which work failed, or -1 for what they have in common.
func (d *postgresDB) group(jobs []*job) (bad int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), groupTimeout)
	defer cancel()
	on, err := d.write.BeginTx(ctx, nil)
	if err != nil {
		return -1, explain(err)
	}
	defer func() { _ = on.Rollback() }()
	tx := &Tx{Reads: Reads{ctx: ctx, dialect: d, on: on}, numbers: &postgresNumbers{}, locked: map[string]bool{}}
	var locks []string
	for _, j := range jobs {
		locks = append(locks, j.work.Locks...)
	}
	if len(locks) > 0 {
		slices.Sort(locks)
		err := tx.Each(func(rows *sql.Rows) error {
			var name string
			err := rows.Scan(&name)
			tx.locked[name] = true
			return err
		}, "SELECT name FROM conversation WHERE name = ANY($1) ORDER BY name FOR UPDATE", slices.Compact(locks))
		if err != nil {
			return -1, err
		}
	}
	for i, j := range jobs {
		if err := d.s.run(j, tx); err != nil {
			return i, explain(err)
		}
	}
	return -1, explain(on.Commit())
}

// postgresNumbers are those of one transaction.
type postgresNumbers struct{ xid int64 }

func (*postgresNumbers) ids(r *Reads, n int) ([]int64, error) {
	out := make([]int64, 0, n)
	err := r.Each(func(rows *sql.Rows) error {
		var epoch, counter int64
		if err := rows.Scan(&epoch, &counter); err != nil {
			return err
		}
		id, err := number(epoch, counter)
		out = append(out, id)
		return err
	}, "SELECT meta.epoch, nextval('ids') FROM meta, generate_series(1, $1::int)", n)
	return out, err
}

func (p *postgresNumbers) stamp(r *Reads) (int64, error) {
	var err error
	if p.xid == 0 {
		err = r.Row([]any{&p.xid}, "SELECT pg_current_xact_id()::text::bigint")
	}
	return p.xid, err
}

func (*postgresNumbers) now(r *Reads) (time.Time, error) { return postgresClock(r) }

func postgresClock(r *Reads) (t time.Time, err error) {
	err = r.Row([]any{&t}, "SELECT clock_timestamp()")
	return t, err
}

func (d *postgresDB) cursor(r *Reads) (c Cursor, err error) {
	err = r.Row([]any{&c.Epoch, &c.Stamp}, "SELECT epoch, pg_snapshot_xmin(pg_current_snapshot())::text::bigint FROM meta")
	return c, err
}

// probe looks whether the database answers and what its clock says, and writes
// something where writing has failed.
func (d *postgresDB) probe(ctx context.Context) error {
	r := &Reads{ctx: ctx, dialect: d, on: d.read}
	asked := time.Now()
	t, err := postgresClock(r)
	if err != nil {
		return err
	}
	took := time.Since(asked)
	off := t.Sub(asked.Add(took/2)).Abs() - took/2
	if off > maxClockError {
		return fmt.Errorf("%w: the clocks of this machine and of the database differ by %v", ErrUnavailable, off.Round(time.Second))
	}
	if late := off > warnClockError; d.late.Swap(late) != late && late {
		d.s.cfg.Log.Warn("store: the clocks of this machine and of the database differ", "by", off)
	}
	if d.s.Healthy() != nil {
		_, err = d.write.ExecContext(ctx, "UPDATE meta SET version = version")
	}
	return err
}

func (d *postgresDB) close() error { return errors.Join(d.read.Close(), d.write.Close()) }
