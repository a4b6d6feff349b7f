package bus

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
)

// walkPages walks in pages and calls between after each but the last.
func walkPages(t *testing.T, b *Bucket, filter string, size int, between func()) (seen map[string]int) {
	t.Helper()
	seen = map[string]int{}
	for cursor := ""; ; between() {
		n := 0
		var err error
		cursor, err = b.Page(t.Context(), filter, cursor, func(e Entry) bool {
			if n == size {
				return false
			}
			n++
			seen[e.Key]++
			return true
		})
		if err != nil {
			t.Fatal(err)
		}
		if cursor == "" {
			return seen
		}
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
	if err := b.Walk(t.Context(), AppPrefix("none"), 0, func(Entry) bool { t.Error("saw something"); return true }); err != nil {
		t.Error(err)
	}
}

// replica is a stream whose consumers are on a replica that has no key yet, or
// that has just gone.
type replica struct {
	jetstream.Stream
	gone bool
}

func (r replica) CreateConsumer(ctx context.Context, cfg jetstream.ConsumerConfig) (jetstream.Consumer, error) {
	if !r.gone {
		cfg.FilterSubject += ".none"
	}
	c, err := r.Stream.CreateConsumer(ctx, cfg)
	if err == nil && r.gone {
		err = r.Stream.DeleteConsumer(ctx, c.CachedInfo().Name)
	}
	return c, err
}

func TestWalkAsksTheLeaderForWhatAReplicaLacks(t *testing.T) {
	b := open(t, Config{}).Presence
	for i := range 10 {
		if _, err := b.Put(t.Context(), AccountKey("app", fmt.Sprint(i)), []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Delete(t.Context(), AccountKey("app", "3")); err != nil {
		t.Fatal(err)
	}
	for _, gone := range []bool{false, true} {
		behind := *b
		behind.stream = replica{b.stream, gone}
		n := 0
		if err := behind.Walk(t.Context(), AppPrefix("app"), 0, func(Entry) bool { n++; return true }); err != nil || n != 9 {
			t.Errorf("gone %v: saw %d keys of 9, %v", gone, n, err)
		}
	}
}

func TestACursorIsOfOneFilterAndBucket(t *testing.T) {
	dir := t.TempDir()
	bus := open(t, Config{Dir: dir})
	fill := func() (cursors []string) {
		for _, b := range []*Bucket{bus.Leases, bus.Presence} {
			for i := range 10 {
				for _, app := range []string{"app", "other"} {
					if _, err := b.Put(t.Context(), AccountKey(app, fmt.Sprint(i)), []byte("x")); err != nil {
						t.Fatal(err)
					}
				}
			}
			n := 0
			cursor, err := b.Page(t.Context(), AppPrefix("app"), "", func(Entry) bool { n++; return n <= 5 })
			if err != nil || cursor == "" {
				t.Fatalf("cursor %q, %v", cursor, err)
			}
			cursors = append(cursors, cursor)
		}
		return cursors
	}
	old := fill()
	bus.Close()
	bus = open(t, Config{Dir: dir})
	now := fill()
	rest := func(b *Bucket, app, cursor string) (n int, err error) {
		_, err = b.Page(t.Context(), AppPrefix(app), cursor, func(Entry) bool { n++; return true })
		return n, err
	}
	if n, err := rest(bus.Presence, "app", now[1]); err != nil || n != 5 {
		t.Errorf("presence: %d, %v", n, err)
	}
	for what, err := range map[string]error{
		"of before the bucket": second(rest(bus.Presence, "app", old[1])),
		"of another bucket":    second(rest(bus.Leases, "app", now[1])),
		"of another app":       second(rest(bus.Presence, "other", now[1])),
		"of nobody":            second(rest(bus.Presence, "app", "7")),
	} {
		if !errors.Is(err, ErrCursor) {
			t.Errorf("a cursor %s: %v", what, err)
		}
	}
}

func second(_ int, err error) error { return err }
