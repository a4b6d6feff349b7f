package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/libnim/libnim/server/store"
)

// openStore opens what must last.
func (s *Server) openStore(ctx context.Context) (err error) {
	if s.db = s.cfg.DB; s.db == nil {
		s.db, err = store.Open(ctx, store.Config{
			URL: s.cfg.Store, PasswordFile: s.cfg.StorePass, Dir: s.cfg.DataDir, Log: s.log,
		})
		if err != nil {
			return err
		}
		s.ownDB = true
		if err := s.checkMark(ctx); err != nil {
			return err
		}
	}
	return nil
}

// checkPepper refuses another pepper than the store was made with.
func (s *Server) checkPepper(ctx context.Context, proof []byte) error {
	err := s.db.CheckPepper(ctx, proof)
	if errors.Is(err, store.ErrPepper) {
		return fmt.Errorf("the file %q in the data directory is not the one that the stored accounts were made with; copy it from another edge", pepperFile)
	}
	return err
}

func (s *Server) closeStore() {
	if !s.ownDB {
		return
	}
	s.marking.stop()
	if err := s.db.Close(); err != nil {
		s.log.Error("server: the store was not closed", "err", err)
	}
}

// checkMark refuses a SQLite store that holds less than this server has seen of
// it, as when a copy was put in its place without nimd restore.
func (s *Server) checkMark(ctx context.Context) error {
	now, kept, err := s.db.Mark(ctx)
	if err != nil || !kept {
		return err
	}
	seen, err := readMark(s.cfg.DataDir)
	if err != nil {
		return err
	}
	if now.Less(seen) {
		if !s.cfg.OlderStore {
			return fmt.Errorf("the store holds less than it did: it is at %v, and this server has seen it at %v. "+
				"Was an older copy put in its place? Use nimd restore for that, or start once with --accept-older-store", now, seen)
		}
		epoch, err := s.db.RaiseEpoch(ctx, seen.Epoch)
		if err != nil {
			return err
		}
		s.log.Warn("server: an older store was accepted", "held", now, "seen", seen, "epoch", epoch)
	}
	s.marking.start(func() {
		if err := s.saveMark(); err != nil && s.db.Healthy() == nil {
			s.log.Warn("server: the mark of the store was not written", "err", err)
		}
	})
	return nil
}

func (s *Server) saveMark() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	m, _, err := s.db.Mark(ctx)
	if err != nil {
		return err
	}
	if seen, err := readMark(s.cfg.DataDir); err == nil && seen == m {
		return nil
	}
	return writeMark(s.cfg.DataDir, m)
}

// markFile lies beside the pepper.
const markFile = "store.mark"

// markPause is how often the mark is written.
const markPause = 10 * time.Second

func readMark(dir string) (m store.Mark, err error) {
	data, err := os.ReadFile(filepath.Join(dir, markFile))
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return m, fmt.Errorf("%s: %w", markFile, err)
	}
	return m, nil
}

// writeMark replaces the mark. A crash leaves the old one or the new one.
func writeMark(dir string, m store.Mark) error {
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(dir, ".mark-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	_, err = tmp.Write(append(data, '\n'))
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), filepath.Join(dir, markFile))
}

// marking writes the mark now and then, and at the end.
type marking struct {
	end  chan struct{}
	done sync.WaitGroup
}

func (m *marking) start(save func()) {
	m.end = make(chan struct{})
	m.done.Go(func() {
		t := time.NewTicker(markPause)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				save()
			case <-m.end:
				save()
				return
			}
		}
	})
}

func (m *marking) stop() {
	if m.end != nil {
		close(m.end)
		m.done.Wait()
		m.end = nil
	}
}
