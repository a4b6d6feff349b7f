package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/libnim/libnim/server/store"
)

// Backup copies the SQLite store of a data directory to a file, while a nimd uses
// it or not.
func Backup(ctx context.Context, cfg Config, file string) (store.Mark, error) {
	if cfg.Store != "" {
		return store.Mark{}, errors.New("PostgreSQL has its own: use pg_dump or pg_basebackup; after a pg_restore run nimd restore without a file")
	}
	return store.Backup(ctx, cfg.DataDir, file)
}

// Restore puts a copy in the place of the SQLite store of a data directory, which
// no nimd may use meanwhile. With PostgreSQL, which was restored by its own tools,
// file is empty and only the epoch is raised. It returns the new epoch and where
// the store of before is kept.
func Restore(ctx context.Context, cfg Config, file string) (epoch int64, kept string, err error) {
	if (cfg.Store == "") == (file == "") {
		return 0, "", errors.New("want the file of a backup; or, for a PostgreSQL that was restored by its own tools, --store and no file")
	}
	if cfg.Store != "" {
		db, err := store.Open(ctx, store.Config{URL: cfg.Store, PasswordFile: cfg.StorePass, Log: cfg.Log})
		if err != nil {
			return 0, "", err
		}
		epoch, err = db.RaiseEpoch(ctx, 0)
		return epoch, "", errors.Join(err, db.Close())
	}
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return 0, "", err
	}
	lock, err := lockDir(cfg.DataDir)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = lock.Close() }()
	seen, err := readMark(cfg.DataDir)
	if err != nil {
		return 0, "", err
	}
	m, kept, err := store.Restore(ctx, file, cfg.DataDir, seen.Epoch)
	if err != nil {
		return 0, "", err
	}
	if _, err := os.Stat(filepath.Join(cfg.DataDir, pepperFile)); err != nil {
		err = fmt.Errorf("restored, but there is no %q: bring the one back that the accounts were made with", pepperFile)
		return m.Epoch, kept, err
	}
	return m.Epoch, kept, writeMark(cfg.DataDir, m)
}
