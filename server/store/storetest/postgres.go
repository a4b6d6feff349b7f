// Package storetest gives tests a PostgreSQL of their own: Debian's, on a unix
// socket in a temporary directory, as a user without privileges.
package storetest

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// Cluster is a PostgreSQL server that runs.
type Cluster struct {
	dir   string // the socket is here, the data below it
	cmd   *exec.Cmd
	alive *os.File // ends when no process of the server holds its other end
}

var errMissing = errors.New("PostgreSQL's server is not installed (Debian: postgresql)")

var shared struct {
	once    sync.Once
	cluster *Cluster
	err     error
	number  atomic.Int64
}

// Main runs the tests of a package and ends the server that they shared.
func Main(m *testing.M) {
	code := m.Run()
	if shared.cluster != nil {
		shared.cluster.end()
	}
	os.Exit(code)
}

// Postgres returns the URL of an empty database on a server that the tests of
// the package share; its TestMain calls Main. Without PostgreSQL the test is
// skipped, but fails under CI.
func Postgres(t testing.TB) string {
	t.Helper()
	shared.once.Do(func() { shared.cluster, shared.err = start("") })
	need(t, shared.err)
	return shared.cluster.Database(t, fmt.Sprintf("test%d", shared.number.Add(1)))
}

// Chosen is what tests run on that run on one database: "" for SQLite, or with
// NIMD_TEST_STORE=postgres the URL of an empty database.
func Chosen(t testing.TB) string {
	t.Helper()
	if os.Getenv("NIMD_TEST_STORE") != "postgres" {
		return ""
	}
	return Postgres(t)
}

// New starts a server for one test.
func New(t testing.TB) *Cluster {
	t.Helper()
	c, err := start("")
	need(t, err)
	t.Cleanup(c.end)
	return c
}

func need(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, errMissing) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Database makes a database and returns its URL.
func (c *Cluster) Database(t testing.TB, name string) string {
	t.Helper()
	db, err := sql.Open("pgx", c.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	// Its owner is nobody special: nimd must not need more.
	for _, q := range []string{
		"DO $$ BEGIN CREATE ROLE nimd LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
		"CREATE DATABASE " + name + " OWNER nimd",
	} {
		if _, err := db.ExecContext(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	return c.urlAs("nimd", name)
}

// URL is that of a database for the superuser.
func (c *Cluster) URL(database string) string { return c.urlAs("postgres", database) }

func (c *Cluster) urlAs(user, database string) string {
	return "postgres:///" + database + "?" + url.Values{"host": {c.dir}, "user": {user}}.Encode()
}

// Standby starts a server that follows c.
func (c *Cluster) Standby(t testing.TB) *Cluster {
	t.Helper()
	s, err := start(c.dir)
	need(t, err)
	t.Cleanup(s.end)
	return s
}

// Promote makes a standby the primary.
func (c *Cluster) Promote(t testing.TB) {
	t.Helper()
	if out, err := c.command("pg_ctl", "promote", "-w", "-D", c.data()).CombinedOutput(); err != nil {
		t.Fatalf("promote: %v\n%s", err, out)
	}
}

// Kill ends the server as a crash does.
func (c *Cluster) Kill() {
	if c.cmd != nil {
		_, _ = c.cmd.Process.Kill(), c.cmd.Wait()
		c.cmd = nil
		// Its children end when they see that it is gone, and may commit until then.
		_ = c.alive.SetReadDeadline(time.Now().Add(30 * time.Second))
		_, _ = c.alive.Read(make([]byte, 1))
		_ = c.alive.Close()
	}
}

// Restart brings up a server that was killed.
func (c *Cluster) Restart(t testing.TB) {
	t.Helper()
	if err := c.run(); err != nil {
		t.Fatal(err)
	}
}

func (c *Cluster) end() {
	c.Kill()
	_ = os.RemoveAll(c.dir)
}

func (c *Cluster) data() string { return filepath.Join(c.dir, "data") }

// start makes a server: a new one, or a standby of the one with its socket in
// primary.
func start(primary string) (*Cluster, error) {
	dir, err := os.MkdirTemp("", "nimpg")
	if err != nil {
		return nil, err
	}
	c := &Cluster{dir: dir}
	if err := c.make(primary); err != nil {
		c.end()
		return nil, err
	}
	return c, nil
}

func (c *Cluster) make(primary string) error {
	if err := owned(c.dir); err != nil {
		return err
	}
	var cmd *exec.Cmd
	if primary == "" {
		cmd = c.command("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "-D", c.data())
	} else {
		cmd = c.command("pg_basebackup", "-h", primary, "-U", "postgres", "-R", "-X", "stream", "-c", "fast", "-D", c.data())
	}
	if cmd.Err != nil {
		return fmt.Errorf("%w: %w", errMissing, cmd.Err)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", filepath.Base(cmd.Path), err, out)
	}
	return c.run()
}

func (c *Cluster) run() error {
	log, err := os.OpenFile(filepath.Join(c.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	// fsync=off does not lose anything to a kill, only to a loss of power.
	c.cmd = c.command("postgres", "-D", c.data(), "-k", c.dir, "-c", "listen_addresses=", "-c", "fsync=off",
		"-c", "max_connections=200", "-c", "shared_buffers=32MB")
	c.cmd.Stdout, c.cmd.Stderr = log, log
	alive, held, err := os.Pipe()
	if err != nil {
		return err
	}
	c.alive, c.cmd.ExtraFiles = alive, []*os.File{held}
	err = c.cmd.Start()
	_ = held.Close()
	if err != nil {
		_ = alive.Close()
		c.cmd = nil
		return err
	}
	db, err := sql.Open("pgx", c.URL("postgres"))
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if err = db.Ping(); err == nil {
			return nil
		}
		if time.Now().After(end) {
			said, _ := os.ReadFile(log.Name())
			return fmt.Errorf("postgres did not start: %w\n%s", err, said)
		}
	}
}

// command is a program of PostgreSQL's server, which Debian keeps off the path.
func (c *Cluster) command(name string, args ...string) *exec.Cmd {
	path := name
	if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name); len(found) > 0 {
		path = slices.Max(found)
	}
	cmd := exec.Command(path, args...)
	cmd.Dir = c.dir
	unprivileged(cmd)
	return cmd
}

// URLWith is that of a database on whichever of two servers is the primary.
func (c *Cluster) URLWith(other *Cluster, database string) string {
	return "postgres:///" + database + "?" + url.Values{"host": {c.dir + "," + other.dir}, "user": {"nimd"}}.Encode()
}

// CaughtUp waits until a standby has all that its primary has written.
func (c *Cluster) CaughtUp(t testing.TB, primary *Cluster) {
	t.Helper()
	ask := func(of *Cluster, query string, args ...any) (answer string) {
		db, err := sql.Open("pgx", of.URL("postgres"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		if err := db.QueryRowContext(t.Context(), query, args...).Scan(&answer); err != nil {
			t.Fatal(err)
		}
		return answer
	}
	at := ask(primary, "SELECT pg_current_wal_lsn()::text")
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if ask(c, "SELECT (pg_last_wal_replay_lsn() >= $1::pg_lsn)::text", at) == "true" {
			return
		}
		if time.Now().After(end) {
			t.Fatal("the standby does not catch up")
		}
	}
}
