package accounts

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/server/store"
	"github.com/libnim/libnim/server/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// onBoth runs a test on each database, with the apps as two edges have them.
func onBoth(t *testing.T, test func(t *testing.T, db *store.Store, one, two *Apps)) {
	for name, cfg := range map[string]func(t *testing.T) store.Config{
		"sqlite":   func(t *testing.T) store.Config { return store.Config{Dir: t.TempDir()} },
		"postgres": func(t *testing.T) store.Config { return store.Config{URL: storetest.Postgres(t)} },
	} {
		t.Run(name, func(t *testing.T) {
			db, err := store.Open(t.Context(), cfg(t))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			ctx, cancel := context.WithCancel(t.Context())
			t.Cleanup(cancel)
			var edges [2]*Apps
			for i := range edges {
				if edges[i], err = OpenApps(ctx, db, slog.New(slog.DiscardHandler)); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := edges[0].CreateFirst(t.Context()); err != nil {
				t.Fatal(err)
			}
			makeApp(t, edges[0], "im")
			test(t, db, edges[0], edges[1])
		})
	}
}

func makeApp(t *testing.T, a *Apps, key string) *App {
	t.Helper()
	app, err := a.Change(t.Context(), key, func(app *App, _ bool) error {
		app.Secret = "a-secret-of-the-app"
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return app
}

func keep(*Account, bool) error { return nil }

// Revisions rise across changes, deletion and another account of the name, and
// numbers are never used again.
func TestRevisionsRise(t *testing.T) {
	onBoth(t, func(t *testing.T, _ *store.Store, apps, _ *Apps) {
		s := NewStore(apps, nil)
		last, numbers := uint64(0), map[int64]bool{}
		rose := func(rev uint64, err error) {
			t.Helper()
			if err != nil || rev <= last {
				t.Fatalf("revision %d after %d: %v", rev, last, err)
			}
			last = rev
		}
		for range 3 {
			for i := range 3 {
				a, err := s.Change(t.Context(), "im", "alice", func(a *Account, exists bool) error {
					if exists != (i > 0) {
						t.Errorf("change %d: exists %v", i, exists)
					}
					a.Name = fmt.Sprint(i)
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				rose(a.Rev, nil)
				if (i == 0) == numbers[a.Number] {
					t.Errorf("change %d: number %d", i, a.Number)
				}
				numbers[a.Number] = true
				if got, err := s.Get(t.Context(), "im", "alice"); err != nil || got.Rev != a.Rev || got.Name != a.Name || got.Number != a.Number {
					t.Errorf("read %+v, %v", got, err)
				}
			}
			rose(s.Delete(t.Context(), "im", "alice"))
			if rev, err := s.Delete(t.Context(), "im", "alice"); !errors.Is(err, ErrUnknown) || rev != last {
				t.Errorf("deleted again: %d, %v", rev, err)
			}
			if _, err := s.Get(t.Context(), "im", "alice"); !errors.Is(err, ErrUnknown) {
				t.Errorf("a deleted account: %v", err)
			}
		}
		if rev, err := s.Delete(t.Context(), "im", "nobody"); !errors.Is(err, ErrUnknown) || rev != 0 {
			t.Errorf("deleted nobody: %d, %v", rev, err)
		}
	})
}

// Changes of one account from both edges are all in it.
func TestChangesDoNotOverwriteEachOther(t *testing.T) {
	onBoth(t, func(t *testing.T, _ *store.Store, one, two *Apps) {
		if err := two.Know(t.Context(), "im", 1<<62); err != nil {
			t.Fatal(err)
		}
		edges := []*Store{NewStore(one, nil), NewStore(two, nil)}
		var all sync.WaitGroup
		for i := range 40 {
			all.Go(func() {
				_, err := edges[i%2].Change(t.Context(), "im", "alice", func(a *Account, _ bool) error {
					a.Ex += "x"
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if a, err := edges[0].Get(t.Context(), "im", "alice"); err != nil || len(a.Ex) != 40 {
			t.Errorf("%d changes are there, %v", len(a.Ex), err)
		}
	})
}

func TestARefusedChangeMakesNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, _ *store.Store, apps, _ *Apps) {
		s := NewStore(apps, nil)
		refused := nimerr.Forbidden.New("no")
		if _, err := s.Change(t.Context(), "im", "alice", func(*Account, bool) error { return refused }); !errors.Is(err, refused) {
			t.Error(err)
		}
		if _, err := s.Get(t.Context(), "im", "alice"); !errors.Is(err, ErrUnknown) {
			t.Error(err)
		}
		if _, err := s.Change(t.Context(), "none", "alice", keep); !errors.Is(err, nimerr.AppKeyUnknown) {
			t.Error(err)
		}
	})
}

// An edge that was told nothing learns of changes and deletions, and a key that
// is used again is another app with no accounts.
func TestAppsAreFollowed(t *testing.T) {
	onBoth(t, func(t *testing.T, db *store.Store, one, two *Apps) {
		eventually(t, "the other edge to see the app", func() bool { _, ok := two.Get("im"); return ok })
		ended := make(chan string, 10)
		two.Follow(func(key string) { ended <- key })
		s := NewStore(one, nil)
		for i := range 2500 { // more than a piece
			if i > 20 && i%100 != 0 {
				continue
			}
			if _, err := s.Change(t.Context(), "im", fmt.Sprint("a", i), keep); err != nil {
				t.Fatal(err)
			}
		}
		old, _ := one.Get("im")
		late := NewStore(two, nil)
		if _, err := one.Delete(t.Context(), "im", func(uint64) error { return nil }); err != nil {
			t.Fatal(err)
		}
		if _, err := late.Change(t.Context(), "im", "late", keep); err == nil {
			t.Error("a deleted app got an account")
		}
		if key := <-ended; key != "im" {
			t.Errorf("%q ended", key)
		}
		made := makeApp(t, one, "im")
		if made.Number == old.Number || made.Policy.Rev <= old.Policy.Rev {
			t.Errorf("the new app has number %d and revision %d after %d and %d", made.Number, made.Policy.Rev, old.Number, old.Policy.Rev)
		}
		if _, err := s.Get(t.Context(), "im", "a1"); !errors.Is(err, ErrUnknown) {
			t.Errorf("an account of the old app: %v", err)
		}
		eventually(t, "the rows of the old app to go", func() bool {
			var n int
			err := db.Read(t.Context(), func(r *store.Reads) error {
				return r.Row([]any{&n}, "SELECT (SELECT count(*) FROM account) + (SELECT count(*) FROM app WHERE state = 2)")
			})
			return err == nil && n == 0
		})
		eventually(t, "the other edge to see the new app", func() bool { a, ok := two.Get("im"); return ok && a.Number == made.Number })
	})
}

func TestTheLastAppStays(t *testing.T) {
	onBoth(t, func(t *testing.T, _ *store.Store, one, two *Apps) {
		first := one.First()
		var all sync.WaitGroup
		errs := make([]error, 2)
		for i, a := range []*Apps{one, two} {
			all.Go(func() {
				_, errs[i] = a.Delete(t.Context(), []string{first.Key, "im"}[i], func(uint64) error { return nil })
			})
		}
		all.Wait()
		if (errs[0] == nil) == (errs[1] == nil) || !errors.Is(errors.Join(errs...), ErrLastApp) {
			t.Errorf("both were deleted together: %v", errs)
		}
	})
}

// A row that the disk has changed is named, not believed.
func TestADamagedRowIsNamed(t *testing.T) {
	onBoth(t, func(t *testing.T, db *store.Store, apps, _ *Apps) {
		s := NewStore(apps, nil)
		if _, err := s.Change(t.Context(), "im", "alice", keep); err != nil {
			t.Fatal(err)
		}
		err := db.Update(t.Context(), store.Work{Do: func(tx *store.Tx) error {
			_, err := tx.Exec("UPDATE account SET doc = $1", []byte(`{"account":"alice","switch_open":1}`))
			return err
		}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Get(t.Context(), "im", "alice"); !errors.Is(err, nimerr.ServerError) || !errors.Is(err, store.ErrDamaged) {
			t.Errorf("read: %v", err)
		}
	})
}

func TestCursorsAreOfOneApp(t *testing.T) {
	onBoth(t, func(t *testing.T, _ *store.Store, apps, _ *Apps) {
		s := NewStore(apps, nil)
		makeApp(t, apps, "other")
		for _, name := range []string{"a", "b", "c"} {
			if _, err := s.Change(t.Context(), "im", name, keep); err != nil {
				t.Fatal(err)
			}
		}
		page, cursor, err := s.Page(t.Context(), "im", "", 2)
		if err != nil || cursor == "" || len(page) != 2 {
			t.Fatalf("%d accounts, cursor %q, %v", len(page), cursor, err)
		}
		rest, end, err := s.Page(t.Context(), "im", cursor, 2)
		if err != nil || len(rest) != 1 || rest[0].Account != "c" || end != "" {
			t.Errorf("the rest is %v, then %q, %v", rest, end, err)
		}
		for app, cursor := range map[string]string{"other": cursor, "im": "7"} {
			if _, _, err := s.Page(t.Context(), app, cursor, 2); !errors.Is(err, ErrCursor) {
				t.Errorf("%q for %s: %v", cursor, app, err)
			}
		}
	})
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
