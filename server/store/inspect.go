package store

import (
	"context"
	"fmt"
)

// Inspect opens a store to be read, and changes nothing: a SQLite file of another
// version is refused rather than migrated.
func Inspect(ctx context.Context, cfg Config) (*Store, error) {
	cfg.readOnly = true
	return Open(ctx, cfg)
}

// errVersion refuses tables of another version where they may not be changed.
func errVersion(version int) error {
	return fmt.Errorf("its tables have version %d, and this nimd has %d: it brings them there when it starts", version, schemaVersion)
}

// Advice says what of the database's settings puts data at risk.
func (s *Store) Advice(ctx context.Context) (advice []string) {
	d, ok := s.dialect.(*postgresDB)
	if !ok {
		return nil
	}
	setting := func(name string) (value string) {
		_ = d.read.QueryRowContext(ctx, "SELECT current_setting($1)", name).Scan(&value)
		return value
	}
	if setting("fsync") == "off" {
		advice = append(advice, "fsync is off: a loss of power takes back what was acknowledged; set fsync = on")
	}
	switch commit := setting("synchronous_commit"); {
	case commit == "off":
		advice = append(advice, "synchronous_commit is off: a crash takes back what was acknowledged; set it to on")
	case setting("synchronous_standby_names") == "":
		advice = append(advice, "there is no synchronous standby: a failover takes back what the standby has not got yet; set synchronous_standby_names")
	}
	return advice
}
