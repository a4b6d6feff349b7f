package sqlite

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/libnim/libnim/core/store"
)

// fill makes a file with some messages and returns its path.
func fill(t *testing.T, key string, n int) string {
	t.Helper()
	path := filepath.Join(tempDir(t), "s.db")
	s := mustOpen(t, store.Options{Path: path, Key: key})
	var all []*store.Message
	for i := range n {
		all = append(all, message("p:bob", "bob", numbered(i), int64(i+1), int64(100*i), fmt.Sprint("plain text number ", i)))
	}
	put(t, s, all...)
	update(t, s, func(tx store.Tx) error {
		return errors.Join(tx.PutValue("heads", []byte("plain value")),
			tx.PutConversation(&store.Conversation{Name: "p:bob", Data: "plain data", Cursor: "plain cursor"}),
			second(tx.PutNotice(&store.Notice{ID: 1, Content: []byte("plain notice")})))
	})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func contents(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// openBad opens a file that has a problem.
func openBad(t *testing.T, o store.Options, want error) store.Store {
	t.Helper()
	s, problem := Open(o)
	if s == nil || !errors.Is(problem, want) {
		t.Fatalf("%v, %v, want a store and %v", s, problem, want)
	}
	t.Cleanup(func() { _ = s.Close() })
	put(t, s, message("p:bob", "bob", "new", 1, 1, "goes on"))
	return s
}

func TestAnotherKeyLeavesTheFileAlone(t *testing.T) {
	for _, c := range []struct{ written, given string }{{"right", "wrong"}, {"right", ""}, {"", "a key"}} {
		path := fill(t, c.written, 3)
		before := contents(t, path)
		s := openBad(t, store.Options{Path: path, Key: c.given}, store.ErrWrongKey)
		if !s.InMemory() {
			t.Error("not in memory")
		}
		_ = s.Close()
		if !bytes.Equal(before, contents(t, path)) {
			t.Errorf("%v: the file has changed", c)
		}
		again := mustOpen(t, store.Options{Path: path, Key: c.written})
		if n := len(must[[]store.Message](t)(again.Messages(store.Query{}))); n != 3 {
			t.Errorf("%v: %d messages with the right key, want 3", c, n)
		}
	}
}

func TestALaterSchemaLeavesTheFileAlone(t *testing.T) {
	path := fill(t, "", 3)
	c := rawConn(t, path)
	if err := c.script("PRAGMA user_version=99"); err != nil {
		t.Fatal(err)
	}
	_ = c.close()
	before := contents(t, path)
	_ = openBad(t, store.Options{Path: path}, store.ErrNewer).Close()
	if !bytes.Equal(before, contents(t, path)) {
		t.Error("the file has changed")
	}
}

func rawConn(t *testing.T, path string) *conn {
	t.Helper()
	c, err := connect(dsn(path))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestNothingReadableInASealedFile: neither in the file nor in its WAL.
func TestNothingReadableInASealedFile(t *testing.T) {
	for _, key := range []string{"", "a key"} {
		path := filepath.Join(tempDir(t), "s.db")
		s := mustOpen(t, store.Options{Path: path, Key: key})
		m := message("p:bob", "bob", "id", 1, 1, "plain text")
		m.Content = []byte("plain content")
		put(t, s, m)
		update(t, s, func(tx store.Tx) error {
			return errors.Join(tx.PutValue("v", []byte("plain value")), tx.PutConversation(&store.Conversation{Name: "p:bob", Data: "plain data"}),
				second(tx.PutNotice(&store.Notice{ID: 1, Content: []byte("plain notice")})))
		})
		data := contents(t, path+"-wal")
		_ = s.Close()
		if n := bytes.Count(append(data, contents(t, path)...), []byte("plain")); (n > 0) != (key == "") {
			t.Errorf("key %q: %d readable pieces", key, n)
		}
	}
}

// TestABlobOfAnotherRowDoesNotOpen: a sealed blob is bound to its row.
func TestABlobOfAnotherRowDoesNotOpen(t *testing.T) {
	for _, key := range []string{"", "a key"} {
		path := fill(t, key, 2)
		c := rawConn(t, path)
		if err := c.script("UPDATE message SET body = (SELECT body FROM message WHERE id = 1) WHERE id = 2"); err != nil {
			t.Fatal(err)
		}
		_ = c.close()
		s := mustOpen(t, store.Options{Path: path, Key: key})
		if m, err := s.MessageByID(numbered(0)); m == nil || err != nil {
			t.Errorf("the first: %v, %v", m, err)
		}
		if _, err := s.MessageByID(numbered(1)); !errors.Is(err, store.ErrDamaged) {
			t.Errorf("the second: %v, want ErrDamaged", err)
		}
		wantSetAside(t, s, path, key)
	}
}

// wantSetAside closes a store that has met damage and opens it anew.
func wantSetAside(t *testing.T, s store.Store, path, key string) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if aside, _ := filepath.Glob(path + ".damaged-*"); len(aside) == 0 {
		t.Error("nothing was set aside")
	}
	again := mustOpen(t, store.Options{Path: path, Key: key})
	if all := must[[]store.Conversation](t)(again.Conversations()); len(all) != 0 || again.InMemory() {
		t.Errorf("after it: %v, in memory %v, want an empty file", all, again.InMemory())
	}
}

func TestWhatIsNoStoreIsSetAside(t *testing.T) {
	now := func() time.Time { return time.Date(2026, 11, 30, 22, 0, 1, 5e6, time.UTC) }
	whole := contents(t, fill(t, "", 200))
	other := filepath.Join(tempDir(t), "other.db")
	c := rawConn(t, other)
	if err := c.script("CREATE TABLE theirs(x)"); err != nil {
		t.Fatal(err)
	}
	_ = c.close()
	for name, data := range map[string][]byte{
		"text": []byte(strings.Repeat("this is no database\n", 300)), "half a header": whole[:50], "half a file": whole[:len(whole)/2],
		"zeros": make([]byte, 8192), "another program's": contents(t, other),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(tempDir(t), "s.db")
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			s, problem := Open(store.Options{Path: path, Now: now})
			if s == nil || s.InMemory() {
				t.Fatalf("%v, %v", s, problem)
			}
			if problem == nil { // found later
				_, problem = s.Messages(store.Query{})
			}
			_ = s.Close()
			if !errors.Is(problem, store.ErrDamaged) {
				t.Fatalf("%v, want ErrDamaged", problem)
			}
			aside := path + ".damaged-20261130T220001.005Z"
			if !bytes.Equal(contents(t, aside), data) {
				t.Error("what was set aside is not what was there")
			}
			openAgain := mustOpen(t, store.Options{Path: path})
			put(t, openAgain, message("p:bob", "bob", "1", 1, 1, "goes on"))
		})
	}
}

// TestFlippedBytes: whatever bytes of a file change, nothing crashes, nothing
// comes out that was not put in, and after the damage was met there is a store.
func TestFlippedBytes(t *testing.T) {
	for _, key := range []string{"", "a key"} {
		r := seeded(t)
		whole := contents(t, fill(t, key, 300))
		met := 0
		for range 60 {
			path := filepath.Join(tempDir(t), "s.db")
			data := bytes.Clone(whole)
			for range 1 + r.IntN(40) {
				data[r.IntN(len(data))] ^= byte(1 << r.IntN(8))
			}
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			s, problem := Open(store.Options{Path: path, Key: key})
			if s == nil {
				t.Fatal(problem)
			}
			err := readAll(t, s)
			_ = s.Close()
			if problem != nil || err != nil {
				met++
			}
			for _, err := range []error{problem, err} {
				if err != nil && !errors.Is(err, store.ErrDamaged) && !errors.Is(err, store.ErrWrongKey) && !errors.Is(err, store.ErrNewer) {
					t.Fatalf("a problem of another kind: %v", err)
				}
			}
			if errors.Is(problem, store.ErrWrongKey) || errors.Is(problem, store.ErrNewer) {
				continue // left alone
			}
			s, problem = Open(store.Options{Path: path, Key: key})
			if problem != nil || readAll(t, s) != nil {
				if err == nil {
					continue // met only now
				}
				t.Fatalf("the second time: %v", problem)
			}
			_ = s.Close()
		}
		if met == 0 {
			t.Error("no damage was met: the test is none")
		}
		t.Logf("key %q: damage met in %d of 60", key, met)
	}
}

// readAll reads and searches, and compares the texts with what fill wrote.
func readAll(t *testing.T, s store.Store) error {
	t.Helper()
	all, err := s.Messages(store.Query{})
	found, searching := s.Search(t.Context(), store.Query{Text: "number"})
	for _, m := range append(all, found.Messages...) {
		var n int
		if _, err := fmt.Sscanf(m.Text, "plain text number %d", &n); err != nil || m.ClientID != numbered(n) ||
			string(m.Content) != `{"for":"`+m.ClientID+`"}` {
			t.Errorf("a wrong row: %+v", m)
		}
	}
	_, conversations := s.Conversations()
	_, values := s.Values("")
	_, notices := s.Notices(store.NoticeQuery{})
	return errors.Join(err, searching, conversations, values, notices)
}

func TestWhereNothingCanBeWritten(t *testing.T) {
	dir := tempDir(t)
	for name, path := range map[string]string{"no directory": filepath.Join(dir, "no", "s.db"), "a directory": dir} {
		t.Run(name, func(t *testing.T) {
			s := openBad(t, store.Options{Path: path}, store.ErrUnusable)
			if !s.InMemory() {
				t.Error("not in memory")
			}
		})
	}
}

func TestPathsOfAnyCharacters(t *testing.T) {
	names := []string{"a b#c%41&f", "消息", "'"}
	if runtime.GOOS != "windows" {
		names = append(names, "a?b=c", "file:x", "\"")
	}
	for _, name := range names {
		path := filepath.Join(tempDir(t), name)
		s, problem := Open(store.Options{Path: path})
		if problem != nil {
			t.Errorf("%q: %v", name, problem)
			continue
		}
		put(t, s, message("p:bob", "bob", "1", 1, 1, "x"))
		_ = s.Close()
		if len(contents(t, path)) == 0 {
			t.Errorf("%q: the file is empty", name)
		}
		if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%q: %v, %v, want it for this user only", name, info, err)
		}
	}
}

// TestMigrations: from a file of schema 1, with one that fails and one that works.
func TestMigrations(t *testing.T) {
	path := fill(t, "", 3)
	released := migrations
	t.Cleanup(func() { migrations = released })
	add := func(c *conn, _ *sealer) error {
		return c.script("ALTER TABLE message ADD COLUMN later INTEGER NOT NULL DEFAULT 7")
	}
	fail := func(c *conn, _ *sealer) error {
		if n, err := c.number("SELECT count(*) FROM message"); n > 0 || err != nil {
			return fmt.Errorf("%w: for the test", store.ErrUnusable)
		}
		return nil
	}

	migrations = append(released[:1:1], add, fail)
	_ = openBad(t, store.Options{Path: path}, store.ErrUnusable).Close()
	migrations = released
	if n := len(must[[]store.Message](t)(mustOpen(t, store.Options{Path: path}).Messages(store.Query{}))); n != 3 {
		t.Fatalf("after a failure: %d messages, want 3", n)
	}
	migrations = append(released[:1:1], add)
	s := mustOpen(t, store.Options{Path: path}).(*database)
	if n, err := s.writer.number("SELECT sum(later) FROM message"); n != 21 || err != nil {
		t.Errorf("%d, %v, want 21", n, err)
	}
	if n, err := s.writer.number("PRAGMA user_version"); n != 2 || err != nil {
		t.Errorf("schema %d, %v, want 2", n, err)
	}
}
