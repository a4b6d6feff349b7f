package store

import (
	"bytes"
	"cmp"
	"context"
	"errors"
)

// ErrPepper says that the store was made with another pepper.
var ErrPepper = errors.New("the store was made with another pepper")

// CheckPepper returns ErrPepper unless proof is that of the pepper which the store
// was made with. A new store keeps it.
func (s *Store) CheckPepper(ctx context.Context, proof []byte) error {
	var wrong error
	err := s.Update(ctx, Work{Do: func(tx *Tx) error {
		if wrong = tx.CheckPepper(proof); errors.Is(wrong, ErrPepper) {
			return nil // nothing was written
		}
		return wrong
	}})
	return cmp.Or(err, wrong)
}

// CheckPepper is that of Store, within a transaction.
func (tx *Tx) CheckPepper(proof []byte) error {
	var kept []byte
	if err := tx.Row([]any{&kept}, "SELECT pepper FROM meta"+tx.ForUpdate()); err != nil {
		return err
	}
	if len(kept) == 0 {
		_, err := tx.Exec("UPDATE meta SET pepper = $1", proof)
		return err
	}
	if !bytes.Equal(kept, proof) {
		return ErrPepper
	}
	return nil
}

// LockMeta holds, until the commit, a lock that only one transaction has. It is
// for what must happen once for all edges.
func (tx *Tx) LockMeta() error {
	var one int
	return tx.Row([]any{&one}, "SELECT one FROM meta"+tx.ForUpdate())
}
