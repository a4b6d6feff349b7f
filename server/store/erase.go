package store

import (
	"context"
	"database/sql"
)

// erasePiece is how many rows one transaction of an erasure removes.
const erasePiece = 1000

// EraseApp removes all that is kept of an app whose state is 2, in pieces, and
// its row last.
func (s *Store) EraseApp(ctx context.Context, app int64) error {
	for more := true; more; {
		err := s.Update(ctx, Work{Do: func(tx *Tx) (err error) {
			more, err = tx.eraseSome(app)
			return err
		}})
		if err != nil {
			return err
		}
	}
	return nil
}

// eraseSome removes up to a piece of rows, and reports whether there are more.
func (tx *Tx) eraseSome(app int64) (more bool, err error) {
	left := int64(erasePiece)
	conversations, err := tx.numbersOf("SELECT id FROM conversation WHERE app = $1 LIMIT 100", app)
	if err != nil {
		return false, err
	}
	for _, c := range conversations {
		n, err := tx.Exec("DELETE FROM entry WHERE conversation = $1 AND seq IN (SELECT seq FROM entry WHERE conversation = $1 LIMIT $2)", c, left)
		if err != nil {
			return false, err
		}
		if left -= n; left <= 0 {
			return true, tx.Reclaim()
		}
		for _, table := range []string{"member", "membership"} {
			n, err := tx.Exec("DELETE FROM "+table+" WHERE conversation = $1", c)
			if err != nil {
				return false, err
			}
			left -= n
		}
		if _, err := tx.Exec("DELETE FROM conversation WHERE id = $1", c); err != nil {
			return false, err
		}
		if left--; left <= 0 {
			return true, tx.Reclaim()
		}
	}
	if len(conversations) > 0 {
		return true, tx.Reclaim()
	}
	accounts, err := tx.numbersOf("SELECT id FROM account WHERE app = $1 LIMIT $2", app, left)
	if err != nil {
		return false, err
	}
	for _, table := range []string{"hidden WHERE account", "kept WHERE account", "account WHERE id"} {
		if _, err := tx.Exec("DELETE FROM "+tx.In(table, "$1"), tx.List(accounts)); err != nil {
			return false, err
		}
	}
	if len(accounts) == 0 {
		_, err = tx.Exec("DELETE FROM app WHERE id = $1 AND state = 2", app)
	}
	if err == nil {
		err = tx.Reclaim()
	}
	return len(accounts) > 0, err
}

// EraseAccount removes what only the account itself sees. What it wrote to
// others stays theirs.
func (tx *Tx) EraseAccount(account int64) error {
	for _, table := range []string{"member", "hidden", "kept"} {
		if _, err := tx.Exec("DELETE FROM "+table+" WHERE account = $1", account); err != nil {
			return err
		}
	}
	_, err := tx.Exec("DELETE FROM entry WHERE conversation IN (SELECT id FROM conversation WHERE name = $1)", Notices(0, account).Name())
	return err
}

// Reclaim gives some of the room of deleted rows back to the disk.
func (tx *Tx) Reclaim() error { return tx.dialect.reclaim(tx) }

func (r *Reads) numbersOf(query string, args ...any) (out []int64, err error) {
	out = []int64{}
	err = r.Each(func(rows *sql.Rows) error {
		var n int64
		err := rows.Scan(&n)
		out = append(out, n)
		return err
	}, query, args...)
	return out, err
}
