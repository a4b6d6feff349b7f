package bus

import (
	"errors"
	"fmt"
	"testing"
)

// walkPages walks in pages and calls between after each but the last.
func walkPages(t *testing.T, b *Bucket, filter string, size int, between func()) (seen map[string]int) {
	t.Helper()
	seen = map[string]int{}
	for after := uint64(0); ; {
		n, more := 0, false
		err := b.Walk(t.Context(), filter, after, func(e Entry) bool {
			if more = n == size; more {
				return false
			}
			n++
			seen[e.Key]++
			after = e.Revision
			return true
		})
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			return seen
		}
		between()
	}
}

// Keys come, go and change between the pages. None that stays is missed.
func TestWalkGoesOnWhereItStopped(t *testing.T) {
	b := open(t, Config{}).Presence
	put := func(i int) {
		if _, err := b.Put(t.Context(), AccountKey("app", fmt.Sprint(i)), []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	drop := func(i int) {
		if _, err := b.Delete(t.Context(), AccountKey("app", fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	const keys = 3*walkBatch + 10
	for i := range keys {
		put(i)
		if _, err := b.Put(t.Context(), AccountKey("ap", fmt.Sprint(i)), []byte("x")); err != nil { // of another app
			t.Fatal(err)
		}
	}
	for i := 0; i < keys; i += 7 {
		drop(i)
	}
	stays := map[int]bool{}
	for i := range keys {
		stays[i] = i%7 != 0
	}
	page := 0
	seen := walkPages(t, b, AppPrefix("app"), 100, func() {
		if page++; page > 3 {
			return
		}
		put(1)    // seen already
		put(701)  // yet to come
		put(keys) // new
		drop(1 + page)
		drop(705 + page)
		stays[keys], stays[1+page], stays[705+page] = true, false, false
	})
	for i, wanted := range stays {
		if n := seen[AccountKey("app", fmt.Sprint(i))]; wanted && n == 0 || !wanted && n > 0 && i > 100 {
			t.Errorf("%d was seen %d times", i, n)
		}
	}
	if n := seen[AccountKey("app", "1")]; n != 2 {
		t.Errorf("a key that was seen and changed came %d times, want once more", n)
	}
	for key := range seen {
		if app, _, _ := SplitAccountKey(key); app != "app" {
			t.Fatalf("saw %s of another app", key)
		}
	}
}

func TestWalkLeavesNothingBehind(t *testing.T) {
	b := open(t, Config{}).Presence
	for i := range 2 * walkBatch {
		if _, err := b.Put(t.Context(), AccountKey("app", fmt.Sprint(i)), []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		if err := b.Walk(t.Context(), AppPrefix("app"), 0, func(Entry) bool { return false }); err != nil {
			t.Fatal(err)
		}
	}
	info, err := b.stream.Info(t.Context())
	if err != nil || info.State.Consumers != 0 {
		t.Errorf("%d consumers are left, %v", info.State.Consumers, err)
	}
	if err := b.Walk(t.Context(), AppPrefix("app"), 1<<40, func(Entry) bool { return true }); !errors.Is(err, ErrBeyond) {
		t.Errorf("from a revision that is not there: %v", err)
	}
	if err := b.Walk(t.Context(), AppPrefix("none"), 0, func(Entry) bool { t.Error("saw something"); return true }); err != nil {
		t.Error(err)
	}
}

func TestPurgeTakesWhatIsOlder(t *testing.T) {
	b := open(t, Config{}).Accounts
	for _, key := range []string{AccountKey("app", "a"), AccountKey("app", "b"), AccountKey("other", "a")} {
		if _, err := b.Put(t.Context(), key, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Delete(t.Context(), AccountKey("app", "b")); err != nil {
		t.Fatal(err)
	}
	last, err := b.Last(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Put(t.Context(), AccountKey("app", "late"), []byte("x")); err != nil {
		t.Fatal(err)
	}
	for range 2 { // a repetition does nothing
		if err := b.Purge(t.Context(), AppPrefix("app"), last); err != nil {
			t.Fatal(err)
		}
	}
	for key, there := range map[string]bool{
		AccountKey("app", "a"): false, AccountKey("app", "b"): false, AccountKey("app", "late"): true, AccountKey("other", "a"): true,
	} {
		if e, err := b.Get(t.Context(), key); err != nil || (e.Value != nil) != there || !there && e.Revision != 0 {
			t.Errorf("%s: %+v, %v", key, e, err)
		}
	}
	if _, err := b.Set(t.Context(), AccountKey("app", "a"), []byte("y"), 0, 0); err != nil {
		t.Errorf("set after a purge: %v", err)
	}
}

func TestDeleteAtComparesTheRevision(t *testing.T) {
	b := open(t, Config{}).Apps
	first, err := b.Put(t.Context(), "k", []byte("1"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := b.Put(t.Context(), "k", []byte("2"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.DeleteAt(t.Context(), "k", first); !errors.Is(err, ErrConflict) {
		t.Errorf("at an old revision: %v", err)
	}
	if _, err := b.DeleteAt(t.Context(), "k", second); err != nil {
		t.Error(err)
	}
	if e, err := b.Get(t.Context(), "k"); err != nil || e.Value != nil {
		t.Errorf("left %+v, %v", e, err)
	}
}
