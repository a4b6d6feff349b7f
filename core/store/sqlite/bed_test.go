package sqlite

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/libnim/libnim/core/store"
)

var seedFlag = flag.Uint64("seed", 0, "seed of the random tests; 0 takes the clock's")

// seeded returns a generator whose seed a failing test prints.
func seeded(t testing.TB) *rand.Rand {
	seed := *seedFlag
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("again with -seed=%d", seed)
		}
	})
	return rand.New(rand.NewPCG(seed, 1))
}

const self = "me"

// tempDir is t.TempDir, but that on Windows nothing depends on its removal: Wine
// lacks what Go removes with.
func tempDir(t testing.TB) string {
	if runtime.GOOS != "windows" {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp("", "store")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// kinds are the ways in which rows are kept; each test of what is stored runs on all.
var kinds = []struct {
	name, key string
	memory    bool
}{{"open", "", false}, {"sealed", "a text of the program", false}, {"memory", "", true}}

// onEach runs a test on each kind, with a function that opens the same store again.
func onEach(t *testing.T, test func(t *testing.T, open func() store.Store)) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			path := filepath.Join(tempDir(t), "s.db")
			if k.memory {
				path = ""
			}
			test(t, func() store.Store { return mustOpen(t, store.Options{Path: path, Key: k.key, Self: self}) })
		})
	}
}

func mustOpen(t testing.TB, o store.Options) store.Store {
	t.Helper()
	s, problem := Open(o)
	if problem != nil {
		t.Fatalf("open: %v", problem)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func update(t testing.TB, s store.Store, change func(tx store.Tx) error) {
	t.Helper()
	if err := s.Update(change); err != nil {
		t.Fatalf("update: %v", err)
	}
}

// put stores messages and their conversations.
func put(t testing.TB, s store.Store, messages ...*store.Message) {
	t.Helper()
	update(t, s, func(tx store.Tx) error {
		for _, m := range messages {
			if c, err := tx.Conversation(m.Conversation); err != nil {
				return err
			} else if c == nil {
				if err := tx.PutConversation(&store.Conversation{Name: m.Conversation}); err != nil {
					return err
				}
			}
			if _, err := tx.PutMessage(m); err != nil {
				return err
			}
		}
		return nil
	})
}

// must ends the test when a read fails.
func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func message(conversation, sender, id string, seq, time int64, text string) *store.Message {
	return &store.Message{Key: store.Key{Conversation: conversation, Sender: sender, ClientID: id}, Seq: seq, Time: time,
		Text: text, Content: []byte(`{"for":"` + id + `"}`)}
}

func ids(messages []store.Message) []string {
	all := []string{}
	for _, m := range messages {
		all = append(all, m.ClientID)
	}
	return all
}

func wantIDs(t *testing.T, what string, got []store.Message, want ...string) {
	t.Helper()
	if !slices.Equal(ids(got), append([]string{}, want...)) {
		t.Errorf("%s: %v, want %v", what, ids(got), want)
	}
}

func numbered(n int) string { return fmt.Sprintf("%06d", n) }
