package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/libnim/libnim/server/store/storetest"
)

const conversations = 400

// filled makes a SQLite store with conversations 1 to 400 and returns its file.
func filled(t *testing.T) []byte {
	t.Helper()
	dir := t.TempDir()
	s, err := Open(t.Context(), Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	update(t, s, func(tx *Tx) error {
		for i := range int64(conversations) {
			c, err := tx.MakeConversation(P2P(7, i+1, 1000+i))
			if err != nil {
				return err
			}
			c.MaxSeq = i
			if err := tx.SaveConversation(c); err != nil {
				return err
			}
		}
		return nil
	})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, SQLiteFile))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Bytes flipped all over the file are named, or do no harm: no row is ever
// another than was written, and nothing crashes.
func TestFlippedBytes(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	good := filled(t)
	rounds := 120
	if testing.Short() {
		rounds = 20
	}
	named, missing, harmless := 0, 0, 0
	for round := range rounds {
		data := append([]byte(nil), good...)
		for range 1 + r.IntN(8) {
			data[r.IntN(len(data))] ^= byte(1 + r.IntN(255))
		}
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, SQLiteFile), data, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(t.Context(), Config{Dir: dir})
		if err != nil {
			named++
			continue
		}
		damaged := 0
		if _, err := s.Verify(t.Context(), func(string) { damaged++ }); err != nil {
			damaged++
		}
		wrong, gone := 0, 0
		err = s.Read(t.Context(), func(reads *Reads) error {
			for i := range int64(conversations) {
				c, err := reads.Conversation(P2P(7, i+1, 1000+i).Name())
				switch {
				case errors.Is(err, ErrNoRow):
					gone++
				case err != nil:
					wrong++
				case c.MaxSeq != i || c.Low != i+1 || c.High != 1000+i || c.App != 7:
					t.Errorf("round %d: conversation %d is %+v", round, i, c)
				}
			}
			return nil
		})
		switch {
		case err != nil || wrong > 0:
			named++
		case gone > 0 && damaged == 0:
			t.Errorf("round %d: %d rows are gone, which Verify does not see", round, gone)
		case gone > 0:
			missing++
		default:
			harmless++
		}
		_ = s.Close()
	}
	t.Logf("%d rounds: damage was named by a read in %d, by Verify in %d, did no harm in %d", rounds, named, missing, harmless)
}

// A full disk refuses changes at once, and they work again when there is room.
func TestFullDisk(t *testing.T) {
	s := open(t, Config{Dir: t.TempDir()})
	d := s.dialect.(*sqliteDB)
	limit := func(pages int) {
		update(t, s, func(tx *Tx) error { // by the owner
			return d.exec(fmt.Sprintf("PRAGMA max_page_count = %d", pages))
		})
	}
	fill := func() error {
		return s.Update(t.Context(), Work{Do: func(tx *Tx) error {
			for i := range 5000 {
				id, err := tx.ID()
				if err != nil {
					return err
				}
				if _, err := tx.Exec("INSERT INTO hidden (account, conversation, seq) VALUES ($1, $2, 1)", id, i); err != nil {
					return err
				}
			}
			return nil
		}})
	}
	limit(1) // which is what there is
	if err := fill(); !errors.Is(err, ErrFull) {
		t.Fatalf("on a full disk: %v", err)
	}
	if err := s.Healthy(); !errors.Is(err, ErrFull) {
		t.Errorf("healthy: %v", err)
	}
	start := time.Now()
	if err := fill(); !errors.Is(err, ErrFull) || time.Since(start) > time.Second {
		t.Errorf("refused after %v: %v", time.Since(start), err)
	}
	if err := s.Read(t.Context(), func(r *Reads) error { return r.Row([]any{new(int)}, "SELECT count(*) FROM hidden") }); err != nil {
		t.Errorf("reading: %v", err)
	}
	// The probe writes into pages that there are, so it finds room.
	for end := time.Now().Add(20 * time.Second); s.Healthy() != nil; <-time.After(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not heal")
		}
	}
	limit(100000)
	if err := fill(); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

func TestBackupAndRestore(t *testing.T) {
	dir, file := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	s, err := Open(t.Context(), Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	insert := func(s *Store, id int) (number int64) {
		update(t, s, func(tx *Tx) (err error) {
			if number, err = tx.ID(); err == nil {
				_, err = tx.Exec("INSERT INTO hidden (account, conversation, seq) VALUES ($1, 1, 1)", id)
			}
			return err
		})
		return number
	}
	count := func(s *Store) (n int) {
		if err := s.Read(t.Context(), func(r *Reads) error { return r.Row([]any{&n}, "SELECT count(*) FROM hidden") }); err != nil {
			t.Fatal(err)
		}
		return n
	}
	insert(s, 1)
	if _, err := Backup(t.Context(), dir, file); err != nil { // while it is open
		t.Fatal(err)
	}
	if _, err := Backup(t.Context(), dir, file); err == nil {
		t.Error("a backup was overwritten")
	}
	last := insert(s, 2)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	m, kept, err := Restore(t.Context(), file, dir, 5)
	if err != nil || m.Epoch != 6 || kept == "" {
		t.Fatalf("restored: %v, %q, %v", m, kept, err)
	}
	s = open(t, Config{Dir: dir})
	if n := count(s); n != 1 || s.Epoch() != 6 {
		t.Errorf("%d rows, epoch %d", n, s.Epoch())
	}
	if number := insert(s, 3); number <= last || number>>counterBits != 6 {
		t.Errorf("the number %d came after %d", number, last)
	}
	if err := os.WriteFile(file+"2", []byte("not a store of ours, whatever it says of itself"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Restore(t.Context(), file+"2", t.TempDir(), 0); err == nil {
		t.Error("any file was restored")
	}
}

// A standby takes over: the epoch rises once, and edges come right by themselves.
func TestFailover(t *testing.T) {
	primary := storetest.New(t)
	primary.Database(t, "nim")
	standby := primary.Standby(t)
	url := primary.URLWith(standby, "nim")
	s := open(t, Config{URL: url})
	var before int64
	update(t, s, func(tx *Tx) (err error) {
		if before, err = tx.ID(); err == nil {
			_, err = tx.Exec("INSERT INTO hidden (account, conversation, seq) VALUES (1, 1, 1)")
		}
		return err
	})
	standby.CaughtUp(t, primary)
	primary.Kill()
	standby.Promote(t)
	deadline, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var after int64
	for {
		err := s.Update(deadline, Work{Do: func(tx *Tx) (err error) {
			if after, err = tx.ID(); err == nil {
				_, err = tx.Exec("INSERT INTO hidden (account, conversation, seq) VALUES (2, 1, 1)")
			}
			return err
		}})
		if err == nil {
			break
		}
		if !errors.Is(err, ErrUnavailable) || deadline.Err() != nil {
			t.Fatal(err)
		}
		<-time.After(20 * time.Millisecond)
	}
	if s.Epoch() != 2 || after <= before || after>>counterBits != 2 {
		t.Errorf("epoch %d, numbers %d and %d", s.Epoch(), before, after)
	}
	again := open(t, Config{URL: url})
	if again.Epoch() != 2 {
		t.Errorf("another edge has epoch %d", again.Epoch())
	}
	for end := time.Now().Add(20 * time.Second); s.Healthy() != nil; <-time.After(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("still %v", s.Healthy())
		}
	}
}
