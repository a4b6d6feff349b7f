package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/libnim/libnim/server/accounts"
	"github.com/libnim/libnim/server/bus"
	"github.com/libnim/libnim/server/store"
)

// takeOverTimeout bounds the reading of what an older nimd kept.
const takeOverTimeout = 10 * time.Minute

// takeOver brings what an older nimd kept in JetStream into a store that is empty.
// When that fails the start does: no first app may be made beside it.
func (s *Server) takeOver(ctx context.Context, proof []byte) error {
	files := len(s.cfg.NATS) == 0 && s.cfg.Engine == nil && bus.OldFiles(s.cfg.DataDir)
	if len(s.cfg.NATS) == 0 && !files {
		return nil
	}
	if empty, err := accounts.Empty(ctx, s.db); err != nil || !empty {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), takeOverTimeout)
	defer cancel()
	var old *bus.Old
	var err error
	if files {
		old, err = bus.OpenOldFiles(ctx, s.cfg.DataDir, s.log)
	} else {
		old, err = s.bus.Old(ctx)
	}
	if err == nil && old == nil {
		return nil
	}
	n := 0
	if err == nil {
		n, err = accounts.Import(ctx, s.db, old, proof)
		old.Close()
	}
	if errors.Is(err, store.ErrPepper) {
		return fmt.Errorf("the file %q in the data directory is not the one that the accounts in JetStream were made with", pepperFile)
	}
	if err != nil {
		return fmt.Errorf("the accounts of the nimd before this one could not be taken over from JetStream: %w", err)
	}
	s.log.Info("server: accounts taken over from JetStream", "accounts", n)
	if files {
		old := filepath.Join(s.cfg.DataDir, "jetstream")
		return os.Rename(old, old+".imported")
	}
	return nil
}
