package store

import (
	"context"
	"fmt"
)

// Mark is how much a SQLite store holds: one that is put back from a copy holds
// less than was seen of it.
type Mark struct {
	Epoch   int64 `json:"epoch"`
	Commits int64 `json:"commits"`
}

// Less reports whether m is of before n.
func (m Mark) Less(n Mark) bool {
	return m.Epoch < n.Epoch || m.Epoch == n.Epoch && m.Commits < n.Commits
}

func (m Mark) String() string { return fmt.Sprintf("epoch %d, commit %d", m.Epoch, m.Commits) }

// Mark returns how much the store holds. PostgreSQL has none: its epoch rises by
// itself.
func (s *Store) Mark(ctx context.Context) (m Mark, ok bool, err error) {
	if _, ok = s.dialect.(*sqliteDB); !ok {
		return m, false, nil
	}
	err = s.Read(ctx, func(r *Reads) error {
		return r.Row([]any{&m.Epoch, &m.Commits}, "SELECT epoch, commits FROM meta")
	})
	return m, true, err
}

// RaiseEpoch makes the epoch a new one, higher than above, because the store may
// have lost what others have seen of it. No request may be served meanwhile.
func (s *Store) RaiseEpoch(ctx context.Context, above int64) (epoch int64, err error) {
	err = s.Update(ctx, Work{Do: func(tx *Tx) error {
		if err := tx.Row([]any{&epoch}, "SELECT epoch FROM meta"+tx.ForUpdate()); err != nil {
			return err
		}
		if epoch = max(epoch, above) + 1; epoch > maxEpoch {
			return fmt.Errorf("the epochs have run out at %d", maxEpoch)
		}
		if _, err := tx.Exec("UPDATE meta SET epoch = $1", epoch); err != nil {
			return err
		}
		_, err := tx.Exec(resetStamps)
		return err
	}})
	if err != nil {
		return 0, err
	}
	if d, ok := s.dialect.(*sqliteDB); ok {
		d.stale.Store(true)
	}
	s.sawEpoch(epoch)
	return epoch, nil
}
