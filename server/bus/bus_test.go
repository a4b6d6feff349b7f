package bus

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

func open(t *testing.T, cfg Config) *Bus {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	b, err := Open(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func TestSetComparesTheRevision(t *testing.T) {
	b := open(t, Config{}).Presence
	ctx := t.Context()
	e, err := b.Get(ctx, "k")
	if err != nil || e.Value != nil || e.Revision != 0 {
		t.Fatalf("absent key: %+v, %v", e, err)
	}
	first, err := b.Set(ctx, "k", []byte("1"), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Set(ctx, "k", []byte("2"), 0, 0); !errors.Is(err, ErrConflict) {
		t.Errorf("set of an absent key that is there: %v", err)
	}
	second, err := b.Set(ctx, "k", []byte("2"), first, 0)
	if err != nil || second <= first {
		t.Errorf("set: %d after %d, %v", second, first, err)
	}
	if _, err := b.Set(ctx, "k", []byte("3"), first, 0); !errors.Is(err, ErrConflict) {
		t.Errorf("set with an old revision: %v", err)
	}
	if _, err := b.Delete(ctx, "k"); err != nil {
		t.Fatal(err)
	}
	e, err = b.Get(ctx, "k")
	if err != nil || e.Value != nil || e.Revision <= second {
		t.Errorf("deleted key: %+v, %v", e, err)
	}
	if _, err := b.Set(ctx, "k", []byte("4"), e.Revision, 0); err != nil {
		t.Errorf("set after a deletion: %v", err)
	}
}

func TestValuesVanish(t *testing.T) {
	b := open(t, Config{LeaseTTL: 300 * time.Millisecond})
	if _, err := b.Leases.Put(t.Context(), "edge", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Presence.Set(t.Context(), "a.b", []byte("x"), 0, time.Second); err != nil {
		t.Fatal(err)
	}
	for name, bucket := range map[string]*Bucket{"edge": b.Leases, "a.b": b.Presence} {
		deadline := time.After(10 * time.Second)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			e, err := bucket.Get(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			if e.Value == nil {
				break
			}
			select {
			case <-tick.C:
			case <-deadline:
				t.Fatalf("%s is still there", name)
			}
		}
		if _, err := bucket.Set(t.Context(), name, []byte("y"), 0, 0); err != nil {
			t.Errorf("%s cannot be created again: %v", name, err)
		}
	}
}

func TestWatchSeesNowAndLater(t *testing.T) {
	b := open(t, Config{}).Presence
	if _, err := b.Put(t.Context(), "old", []byte("1")); err != nil {
		t.Fatal(err)
	}
	seen := make(chan Entry, 10)
	if err := b.Watch(t.Context(), func(e Entry) { seen <- e }); err != nil {
		t.Fatal(err)
	}
	if len(seen) != 1 {
		t.Fatalf("%d values of now, want 1", len(seen))
	}
	<-seen
	if _, err := b.Put(t.Context(), "new", []byte("2")); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Delete(t.Context(), "old"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []Entry{{Key: "new", Value: []byte("2")}, {Key: "old"}} {
		select {
		case got := <-seen:
			if got.Key != want.Key || string(got.Value) != string(want.Value) || (got.Value == nil) != (want.Value == nil) {
				t.Errorf("saw %+v, want %+v", got, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("saw nothing")
		}
	}
}

// cuttable lets a test cut the watches of a bucket off.
type cuttable struct {
	jetstream.JetStream
	watches chan jetstream.KeyWatcher
}

func (c cuttable) KeyValue(ctx context.Context, bucket string) (jetstream.KeyValue, error) {
	kv, err := c.JetStream.KeyValue(ctx, bucket)
	return cuttableKV{kv, c.watches}, err
}

type cuttableKV struct {
	jetstream.KeyValue
	watches chan jetstream.KeyWatcher
}

func (c cuttableKV) WatchAll(ctx context.Context, opts ...jetstream.WatchOpt) (jetstream.KeyWatcher, error) {
	w, err := c.KeyValue.WatchAll(ctx, opts...)
	if err == nil {
		c.watches <- w
	}
	return w, err
}

// A watch that is cut off begins again: what was deleted meanwhile is seen too.
func TestAWatchThatIsCutOffBeginsAgain(t *testing.T) {
	b := open(t, Config{}).Presence
	watches := make(chan jetstream.KeyWatcher, 10)
	b.js = cuttable{b.js, watches}
	if _, err := b.Put(t.Context(), "old", []byte("1")); err != nil {
		t.Fatal(err)
	}
	seen := make(chan Entry, 10)
	if err := b.Watch(t.Context(), func(e Entry) { seen <- e }); err != nil {
		t.Fatal(err)
	}
	<-seen
	if err := (<-watches).Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Delete(t.Context(), "old"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Put(t.Context(), "new", []byte("2")); err != nil {
		t.Fatal(err)
	}
	for _, want := range []Entry{{Key: "old"}, {Key: "new", Value: []byte("2")}} {
		select {
		case got := <-seen:
			if got.Key != want.Key || string(got.Value) != string(want.Value) {
				t.Errorf("saw %+v, want %+v", got, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("saw nothing")
		}
	}
}

// leaderless is a stream that loses the first read, as without a leader.
type leaderless struct {
	jetstream.Stream
	reads int
}

func (l *leaderless) GetLastMsgForSubject(ctx context.Context, subject string) (*jetstream.RawStreamMsg, error) {
	if l.reads++; l.reads == 1 {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return l.Stream.GetLastMsgForSubject(ctx, subject)
}

// Whoever waits for a read does not wait for one that was lost.
func TestAReadThatWasLostIsDoneAgain(t *testing.T) {
	b := open(t, Config{}).Presence
	if _, err := b.Put(t.Context(), "k", []byte("1")); err != nil {
		t.Fatal(err)
	}
	b.stream = &leaderless{Stream: b.stream}
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second) // that of a login
	defer cancel()
	if e, err := b.Get(ctx, "k"); err != nil || string(e.Value) != "1" {
		t.Errorf("%+v, %v", e, err)
	}
}

// Edges get more replicas one after the other. Those that still have one go on
// reading when the first with three has changed the bucket.
func TestReadsGoOnWhenReplicasChange(t *testing.T) {
	b := open(t, Config{}).Presence
	if _, err := b.Put(t.Context(), "k", []byte("1")); err != nil {
		t.Fatal(err)
	}
	other := b.config
	other.AllowDirect = false // as with three
	if _, err := b.js.UpdateStream(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	if e, err := b.Get(t.Context(), "k"); err != nil || string(e.Value) != "1" {
		t.Errorf("%+v, %v", e, err)
	}
}

func TestNamesOfAnyContentAreLegalAndDiffer(t *testing.T) {
	b := open(t, Config{}).Presence
	seen := map[string]string{}
	for _, pair := range [][2]string{
		{"app", "a@b"}, {"app", ".a"}, {"app", "a..b"}, {"app", "*"}, {"app", ">"}, {"app", "A"}, {"app", "a"}, {"ap", "pa"},
	} {
		key := AccountKey(pair[0], pair[1])
		if other, taken := seen[key]; taken {
			t.Errorf("%v and %s have the same key", pair, other)
		}
		seen[key] = pair[0] + "/" + pair[1]
		if _, err := b.Put(t.Context(), key, []byte("x")); err != nil {
			t.Errorf("%v: %v", pair, err)
		}
		if app, account, ok := SplitAccountKey(key); !ok || app != pair[0] || account != pair[1] {
			t.Errorf("%v became %s, %s", pair, app, account)
		}
	}
	n := 0
	if err := b.Walk(t.Context(), AppPrefix("app"), 0, func(Entry) bool { n++; return true }); err != nil || n != 7 {
		t.Errorf("%d keys of the app, want 7: %v", n, err)
	}
	if _, _, ok := SplitAccountKey("pepper-check"); ok {
		t.Error("a key without an account was split")
	}
}

// A URL may hold a password, and what is wrong with it is printed.
func TestAWrongURLIsNotRepeated(t *testing.T) {
	_, err := Open(t.Context(), Config{URLs: []string{"nats://user:se%zzcret@127.0.0.1:1"}})
	if err == nil || strings.Contains(err.Error(), "cret") {
		t.Errorf("opened with %v", err)
	}
}

// An engine that is electing a leader says so: another try may succeed.
func TestAnEngineWithoutALeaderIsUnavailable(t *testing.T) {
	err := availability(&jetstream.APIError{Code: 503, ErrorCode: 10008, Description: "JetStream system temporarily unavailable"})
	if !errors.Is(err, ErrUnavailable) {
		t.Error(err)
	}
	if err := availability(context.Canceled); !errors.Is(err, ErrUnavailable) { // whoever asked went away: no fault of ours
		t.Error(err)
	}
	if err := availability(&jetstream.APIError{Code: 404}); errors.Is(err, ErrUnavailable) {
		t.Error(err)
	}
}

// What a running engine cannot do is counted for whoever watches.
func TestErrorsOfTheEngineAreCounted(t *testing.T) {
	failed := make(chan struct{}, 100)
	dir := t.TempDir()
	b := open(t, Config{Dir: dir, EngineError: func() { failed <- struct{}{} }})
	if len(failed) > 0 {
		t.Error("an engine that works has errors")
	}
	b.engine.Errorf("no space left on device")
	<-failed
}

// An edge whose lease has another length than those that are held is refused:
// the bucket would end leases that their edges still rely on.
func TestALeaseOfAnotherLengthIsRefused(t *testing.T) {
	b := open(t, Config{LeaseTTL: time.Minute})
	again := func(ttl time.Duration) error {
		other, err := Open(t.Context(), Config{Engine: b.engine, LeaseTTL: ttl})
		if err == nil {
			other.Close()
		}
		return err
	}
	if err := again(2 * time.Minute); err != nil {
		t.Errorf("nobody holds a lease: %v", err)
	}
	if _, err := b.Leases.Put(t.Context(), "edge", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	if err := again(time.Minute); err == nil || !strings.Contains(err.Error(), "lease: the edges that run have 2m0s, this one 1m0s") {
		t.Errorf("got %v", err)
	}
	if err := again(2 * time.Minute); err != nil {
		t.Error(err)
	}
}
