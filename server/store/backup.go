package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// Backup copies the SQLite store in dir, as it is at one moment, to a file that
// must not exist. A nimd may use the store meanwhile.
func Backup(ctx context.Context, dir, file string) (Mark, error) {
	var m Mark
	from := filepath.Join(dir, SQLiteFile)
	if _, err := os.Stat(from); err != nil {
		return m, err
	}
	if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
		return m, fmt.Errorf("%s: it exists already", file)
	}
	db, err := sql.Open("sqlite", sqliteURL(from, "busy_timeout(5000)"))
	if err != nil {
		return m, err
	}
	defer func() { _ = db.Close() }()
	part := file + ".part"
	if err := createPrivate(part); err != nil {
		return m, err
	}
	defer func() { _ = os.Remove(part) }()
	if _, err := db.ExecContext(ctx, "VACUUM INTO $1", part); err != nil {
		return m, explain(err)
	}
	if m, err = inspect(ctx, part); err != nil {
		return m, err
	}
	return m, publish(part, file)
}

// Restore puts a copy that Backup made in the place of the store in dir, which no
// nimd may use meanwhile, and raises its epoch above that of any before. What was
// there is kept under another name, which it returns.
func Restore(ctx context.Context, file, dir string, above int64) (m Mark, kept string, err error) {
	if _, err := inspect(ctx, file); err != nil {
		return m, "", fmt.Errorf("%s: %w", file, err)
	}
	now := filepath.Join(dir, SQLiteFile)
	if old, err := inspect(ctx, now); err == nil {
		above = max(above, old.Epoch)
	}
	work, err := os.MkdirTemp(dir, ".restore-*")
	if err != nil {
		return m, "", err
	}
	defer func() { _ = os.RemoveAll(work) }()
	if err := copyFile(file, filepath.Join(work, SQLiteFile)); err != nil {
		return m, "", err
	}
	if m, err = raised(ctx, work, above); err != nil {
		return m, "", err
	}
	if kept, err = setAside(now); err != nil {
		return m, "", err
	}
	return m, kept, publish(filepath.Join(work, SQLiteFile), now)
}

// raised opens the copy, which migrates it too, checks all of it and raises its
// epoch.
func raised(ctx context.Context, dir string, above int64) (m Mark, err error) {
	s, err := Open(ctx, Config{Dir: dir})
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	var damage []error
	if _, err := s.Verify(ctx, func(row string) { damage = append(damage, fmt.Errorf("%w: %s", ErrDamaged, row)) }); err != nil {
		return m, err
	}
	if len(damage) > 0 {
		return m, errors.Join(damage[:min(len(damage), 20)]...)
	}
	if _, err := s.RaiseEpoch(ctx, above); err != nil {
		return m, err
	}
	m, _, err = s.Mark(ctx)
	return m, err
}

// setAside renames a store with its journal, and returns the new name of one
// that was there.
func setAside(path string) (kept string, err error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	kept = fmt.Sprintf("%s.before-%d", path, time.Now().UnixMilli())
	for _, suffix := range []string{"-wal", "-shm", ""} { // the journal first: it must not meet another file
		if err := os.Rename(path+suffix, kept+suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	return kept, nil
}

// inspect returns the mark of a SQLite store.
func inspect(ctx context.Context, path string) (m Mark, err error) {
	if _, err := os.Stat(path); err != nil {
		return m, err
	}
	db, err := sql.Open("sqlite", sqliteURL(path, "query_only(1)", "busy_timeout(5000)"))
	if err != nil {
		return m, err
	}
	defer func() { _ = db.Close() }()
	if err := db.QueryRowContext(ctx, "SELECT epoch, commits FROM meta").Scan(&m.Epoch, &m.Commits); err != nil {
		return m, fmt.Errorf("it is no store of nimd: %w", explain(err))
	}
	return m, nil
}

func createPrivate(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// publish gives a finished file its name, durably.
func publish(from, to string) error {
	f, err := os.OpenFile(from, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(from, to); err != nil {
		return err
	}
	if runtime.GOOS == "windows" { // which has no sync of a directory
		return nil
	}
	dir, err := os.Open(filepath.Dir(to))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
