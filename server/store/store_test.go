package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/libnim/libnim/server/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// onBoth runs a test on each database.
func onBoth(t *testing.T, test func(t *testing.T, s *Store)) {
	t.Run("sqlite", func(t *testing.T) { test(t, open(t, Config{Dir: t.TempDir()})) })
	t.Run("postgres", func(t *testing.T) { test(t, open(t, Config{URL: storetest.Postgres(t)})) })
}

func open(t *testing.T, cfg Config) *Store {
	t.Helper()
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func update(t *testing.T, s *Store, do func(*Tx) error, locks ...string) {
	t.Helper()
	if err := s.Update(t.Context(), Work{Do: do, Locks: locks}); err != nil {
		t.Fatal(err)
	}
}

func TestNumbersAreNeverGivenTwice(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		var mu sync.Mutex
		seen := map[int64]bool{}
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				for range 20 {
					var ids []int64
					err := s.Update(t.Context(), Work{Source: fmt.Sprint(i), Do: func(tx *Tx) (err error) {
						ids, err = tx.IDs(3)
						return err
					}})
					if err != nil || len(ids) != 3 || !slices.IsSorted(ids) {
						t.Error(ids, err)
						return
					}
					mu.Lock()
					for _, id := range ids {
						if seen[id] || id>>counterBits != 1 || id >= 1<<53 {
							t.Errorf("%d was given, twice: %v", id, seen[id])
						}
						seen[id] = true
					}
					mu.Unlock()
				}
			})
		}
		all.Wait()
	})
}

// A work that fails is undone alone, whatever shares its transaction.
func TestBadWorkFailsAlone(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		refused := errors.New("refused")
		insert := func(tx *Tx, id int) error {
			_, err := tx.Exec("INSERT INTO hidden (account, conversation, seq) VALUES ($1, 1, 1)", id)
			return err
		}
		update(t, s, func(tx *Tx) error { return insert(tx, 1000) })
		var all sync.WaitGroup
		results := make([]error, 60)
		for i := range results {
			all.Go(func() {
				results[i] = s.Update(t.Context(), Work{App: int64(i % 3), Do: func(tx *Tx) error {
					if err := insert(tx, i); err != nil {
						return err
					}
					switch i % 10 {
					case 3:
						return refused
					case 5:
						return insert(tx, 1000)
					case 7:
						_, err := tx.Exec("INSERT INTO nowhere VALUES (1)")
						return err
					case 8:
						panic("as a defect does")
					}
					return nil
				}})
			})
		}
		all.Wait()
		kept := map[int64]bool{}
		err := s.Read(t.Context(), func(r *Reads) error {
			rows, err := r.Query("SELECT account FROM hidden")
			if err != nil {
				return err
			}
			defer func() { _ = rows.Close() }()
			for rows.Next() {
				var id int64
				if err := rows.Scan(&id); err != nil {
					return err
				}
				kept[id] = true
			}
			return rows.Err()
		})
		if err != nil {
			t.Fatal(err)
		}
		for i, err := range results {
			bad := slices.Contains([]int{3, 5, 7, 8}, i%10)
			if bad != (err != nil) || bad == kept[int64(i)] {
				t.Errorf("work %d: err %v, kept %v", i, err, kept[int64(i)])
			}
			if i%10 == 3 && !errors.Is(err, refused) || i%10 == 5 && !errors.Is(err, ErrConflict) {
				t.Errorf("work %d: %v", i, err)
			}
		}
	})
}

// Rows that are committed late must not fall between two cursors.
func TestCursorSkipsNobody(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		change := func(account int64, meanwhile func()) error {
			return s.Update(t.Context(), Work{Do: func(tx *Tx) error {
				stamp, err := tx.Stamp()
				if err != nil {
					return err
				}
				values := []any{account, int64(1), int64(0), int64(0), int64(0), int64(0), int64(0), int64(0), int64(0), int64(0), int64(0), int64(0), int64(0), int64(0), int64(0), int64(0)}
				args := append([]any{account, int64(1), stamp}, append(values[2:], Sum(values...))...)
				_, err = tx.Exec("INSERT INTO member (account, conversation, stamp, min_seq, cleared_seq, read_seq, read_ms, "+
					"r_all, r_notified, r_missed, s_all, s_notified, s_missed, o_all, o_notified, o_missed, pinned_ms, sum) "+
					"VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18)", args...)
				meanwhile()
				return err
			}})
		}
		seen := map[int64]bool{}
		var cursor Cursor
		sync1 := func() {
			err := s.View(t.Context(), func(v *View) error {
				from := cursor.Stamp
				var err error
				if cursor, err = v.Cursor(); err != nil {
					return err
				}
				rows, err := v.Query("SELECT account FROM member WHERE stamp >= $1", from)
				if err != nil {
					return err
				}
				defer func() { _ = rows.Close() }()
				for rows.Next() {
					var account int64
					if err := rows.Scan(&account); err != nil {
						return err
					}
					seen[account] = true
				}
				return rows.Err()
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		open, end, done := make(chan bool), make(chan bool), make(chan error)
		go func() { done <- change(1, func() { open <- true; <-end }) }()
		<-open
		if s.dialect.concurrency() > 1 { // somebody passes the transaction that is open
			if err := change(2, func() {}); err != nil {
				t.Fatal(err)
			}
		}
		sync1()
		sync1()
		end <- true
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if err := change(3, func() {}); err != nil {
			t.Fatal(err)
		}
		sync1()
		for account := range int64(4) {
			if account > 0 && (account != 2 || s.dialect.concurrency() > 1) && !seen[account] {
				t.Errorf("the change of account %d was skipped", account)
			}
		}
		if cursor.Epoch != s.Epoch() {
			t.Errorf("epoch %d, want %d", cursor.Epoch, s.Epoch())
		}
	})
}

// Works that lock the same conversations in any order make no holes and do not
// fail.
func TestLockedConversations(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		var all sync.WaitGroup
		const writers, each = 6, 20
		for w := range writers {
			all.Go(func() {
				for i := range each {
					a, b := P2P(1, int64(1+(w+i)%3), 10), P2P(1, int64(1+(w*2+i)%3), 10)
					err := s.Update(t.Context(), Work{Source: fmt.Sprint(w), Locks: []string{b.Name(), a.Name()}, Do: func(tx *Tx) error {
						for _, c := range []Conversation{a, b} {
							row, err := tx.Conversation(c.Name())
							if errors.Is(err, ErrNoRow) {
								row, err = tx.MakeConversation(c)
							}
							if err != nil {
								return err
							}
							row.MaxSeq++
							if err := tx.SaveConversation(row); err != nil {
								return err
							}
						}
						return nil
					}})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		sum := int64(0)
		err := s.Read(t.Context(), func(r *Reads) error {
			for i := range int64(3) {
				row, err := r.Conversation(P2P(1, 10, i+1).Name())
				if err != nil {
					return err
				}
				sum += row.MaxSeq
			}
			return nil
		})
		if err != nil || sum != 2*writers*each {
			t.Errorf("%d numbers were given, want %d: %v", sum, 2*writers*each, err)
		}
	})
}

func TestLists(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		update(t, s, func(tx *Tx) error {
			for i := range 5 {
				if _, err := tx.Exec("INSERT INTO hidden (account, conversation, seq) VALUES ($1, 1, 1)", i); err != nil {
					return err
				}
			}
			return nil
		})
		var n int
		err := s.Read(t.Context(), func(r *Reads) error {
			return r.Row([]any{&n}, "SELECT count(*) FROM hidden WHERE "+r.In("account", "$1"), r.List([]int64{1, 3, 9}))
		})
		if err != nil || n != 2 {
			t.Error(n, err)
		}
	})
}

// Opening again finds what was there, and the numbers go on.
func TestReopen(t *testing.T) {
	for _, cfg := range []Config{{Dir: t.TempDir()}, {URL: storetest.Postgres(t)}} {
		var last int64
		for range 3 {
			s, err := Open(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			err = s.Update(t.Context(), Work{Do: func(tx *Tx) error {
				id, err := tx.ID()
				if id <= last {
					t.Errorf("%d was given after %d", id, last)
				}
				last = id
				if err == nil {
					_, err = tx.Exec("INSERT INTO hidden (account, conversation, seq) VALUES ($1, 1, 1)", id)
				}
				return err
			}})
			if err := errors.Join(err, s.Close()); err != nil {
				t.Fatal(err)
			}
			if err := s.Update(t.Context(), Work{Do: func(*Tx) error { return nil }}); !errors.Is(err, ErrUnavailable) {
				t.Errorf("a closed store answered %v", err)
			}
		}
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	for _, cfg := range []Config{{Dir: t.TempDir()}, {URL: storetest.Postgres(t)}} {
		s, err := Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		update(t, s, func(tx *Tx) error {
			_, err := tx.Exec("UPDATE meta SET version = 1000")
			return err
		})
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "1000") {
			t.Errorf("opened: %v", err)
		}
	}
}

func TestTurns(t *testing.T) {
	var q queue
	q.init()
	of := func(app int64, source string) *job {
		return &job{ctx: context.Background(), work: Work{App: app, Source: source}}
	}
	for range 100 {
		if err := q.push(of(1, "flood")); err != nil {
			t.Fatal(err)
		}
	}
	for _, j := range []*job{of(1, "calm"), of(2, "a"), of(2, "b")} {
		if err := q.push(j); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, j := range q.take(6) {
		got = append(got, fmt.Sprint(j.work.App, j.work.Source))
	}
	if want := []string{"1flood", "2a", "1calm", "2b", "1flood", "1flood"}; !slices.Equal(got, want) {
		t.Errorf("turns %v, want %v", got, want)
	}
	for range maxWaiting - 97 {
		if err := q.push(of(3, "")); err != nil {
			t.Fatal(err)
		}
	}
	if err := q.push(of(4, "")); !errors.Is(err, ErrBusy) {
		t.Errorf("one too many: %v", err)
	}
}

func TestClockOfTheStore(t *testing.T) {
	at := time.UnixMilli(1_700_000_000_000)
	s := open(t, Config{Dir: t.TempDir(), Clock: func() time.Time { return at }})
	update(t, s, func(tx *Tx) error {
		if now, err := tx.Now(); err != nil || now != at.UnixMilli() {
			t.Errorf("now %d, %v", now, err)
		}
		return nil
	})
}
