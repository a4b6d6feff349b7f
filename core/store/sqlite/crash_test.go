package sqlite

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/libnim/libnim/core/store"
)

// The test program is also the process that is killed while it writes.
func TestMain(m *testing.M) {
	if path := os.Getenv("NIM_TEST_WRITER"); path != "" {
		writeForever(path, os.Getenv("NIM_TEST_KEY"))
	}
	os.Exit(m.Run())
}

// writeForever writes transactions of messages, a conversation with their number
// and a value, and prints the number of each after it was committed.
func writeForever(path, key string) {
	s, problem := Open(store.Options{Path: path, Key: key})
	if problem != nil {
		fmt.Println(problem)
		os.Exit(1)
	}
	n, err := readBack(s)
	r := rand.New(rand.NewPCG(uint64(n), 1))
	for err == nil {
		n += 1 + r.IntN(20)
		if err = s.Update(func(tx store.Tx) error { return writeUpTo(tx, n) }); err == nil {
			fmt.Println(n)
		}
	}
	fmt.Println(err)
	os.Exit(1)
}

// writeUpTo adds messages until there are n.
func writeUpTo(tx store.Tx, n int) error {
	value, err := tx.Value("n")
	if err != nil {
		return err
	}
	from, _ := strconv.Atoi(string(value))
	if err := tx.PutConversation(&store.Conversation{Name: "p:bob", MaxSeq: int64(n), Unread: store.Unread{Server: int64(n)}}); err != nil {
		return err
	}
	for i := from; i < n; i++ {
		m := message("p:bob", "bob", numbered(i), int64(i+1), int64(100*i), "会议 number "+numbered(i))
		m.Status = store.StatusUnread
		if _, err := tx.PutMessage(m); err != nil {
			return err
		}
	}
	return tx.PutValue("n", []byte(strconv.Itoa(n)))
}

// readBack reads back what writeUpTo wrote, in four ways that must agree.
func readBack(s store.Store) (int, error) {
	value, err := s.Value("n")
	if err != nil || value == nil {
		return 0, err
	}
	n, _ := strconv.Atoi(string(value))
	c, err := s.Conversation("p:bob")
	if err != nil {
		return 0, err
	}
	all, err := s.MessagesByStatus("p:bob", store.StatusUnread, 0)
	if err != nil {
		return 0, err
	}
	if c.MaxSeq != int64(n) || c.Unread.Server != int64(n) || len(all) != n {
		return 0, fmt.Errorf("value %d, conversation %d, %d unread, %d messages", n, c.MaxSeq, c.Unread.Server, len(all))
	}
	return n, nil
}

// TestKilled: a process that is killed -9 at any moment of its writing has lost
// nothing that it knew to be written, and the file is whole.
func TestKilled(t *testing.T) {
	r := seeded(t)
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	for _, key := range []string{"", "a key"} {
		path := filepath.Join(tempDir(t), "s.db")
		for range rounds {
			acknowledged := killWhileWriting(t, path, key, time.Duration(r.IntN(150))*time.Millisecond)
			s := mustOpen(t, store.Options{Path: path, Key: key})
			n, err := readBack(s)
			if err != nil || n < acknowledged {
				t.Fatalf("%d are there, %v; %d were acknowledged", n, err, acknowledged)
			}
			found := must[store.Found](t)(s.Search(t.Context(), store.Query{Text: "会议 n"}))
			if len(found.Messages) != n && !found.Incomplete {
				t.Fatalf("%d found, want %d", len(found.Messages), n)
			}
			var verdict string
			_, err = s.(*database).writer.first("PRAGMA integrity_check", nil, func(r row) (err error) { verdict, err = r.text(0); return err })
			if err != nil || verdict != "ok" {
				t.Fatalf("integrity: %s, %v", verdict, err)
			}
			_ = s.Close()
		}
	}
}

// killWhileWriting returns the last number that the process printed.
func killWhileWriting(t *testing.T, path, key string, after time.Duration) int {
	t.Helper()
	p := exec.Command(os.Args[0])
	p.Env = append(os.Environ(), "NIM_TEST_WRITER="+path, "NIM_TEST_KEY="+key)
	out, err := p.StdoutPipe()
	if err == nil {
		err = p.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	last, _ := lines.ReadString('\n') // it has begun to write
	time.AfterFunc(after, func() { _ = p.Process.Kill() })
	for {
		line, err := lines.ReadString('\n')
		if err != nil { // also half a line: the number was cut off
			break
		}
		last = line
	}
	_, _ = io.Copy(io.Discard, out)
	_ = p.Wait()
	n, err := strconv.Atoi(strings.TrimSpace(last))
	if err != nil {
		t.Fatalf("the process says %q", last)
	}
	return n
}

// TestFullDisk: writes are refused as a whole, reads go on, and when there is
// room again so do writes.
func TestFullDisk(t *testing.T) {
	dir := smallDisk(t)
	for _, key := range []string{"", "a key"} {
		path := filepath.Join(dir, "s"+key+".db")
		s := mustOpen(t, store.Options{Path: path, Key: key})
		n := fillDisk(t, s)
		for range 3 {
			if got, err := readBack(s); got != n || err != nil {
				t.Fatalf("%d are there, %v, want %d", got, err, n)
			}
			if err := s.Update(func(tx store.Tx) error { return writeUpTo(tx, n+5000) }); !errors.Is(err, store.ErrFull) {
				t.Fatalf("%v, want ErrFull", err)
			}
		}
		// A store that is opened on the full disk can be read as well.
		_ = s.Close()
		ballast := fillWithFile(t, dir)
		s, problem := Open(store.Options{Path: path, Key: key})
		if problem != nil {
			t.Fatalf("open on a full disk: %v", problem)
		}
		t.Cleanup(func() { _ = s.Close() })
		if got, err := readBack(s); got != n || err != nil {
			t.Fatalf("%d are there, %v, want %d", got, err, n)
		}
		_ = s.Update(func(tx store.Tx) error { return tx.PutValue("x", make([]byte, 1<<20)) })
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		update(t, s, func(tx store.Tx) error { return writeUpTo(tx, n+10) })
		_ = s.Close()
		files, _ := filepath.Glob(path + "*")
		for _, f := range files {
			_ = os.Remove(f)
		}
	}
}

// fillDisk writes until the disk is full and returns how much was written.
func fillDisk(t *testing.T, s store.Store) (n int) {
	for {
		err := s.Update(func(tx store.Tx) error { return writeUpTo(tx, n+500) })
		switch {
		case errors.Is(err, store.ErrFull):
			return n
		case err != nil || n > 200000:
			t.Fatalf("%v after %d messages", err, n)
		}
		n += 500
	}
}

// fillWithFile leaves no byte free.
func fillWithFile(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "ballast")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 1<<16); len(block) > 0; {
		if _, err := f.Write(block); err != nil {
			block = block[:len(block)/2]
		}
	}
	return path
}

// TestReadsBesideWrites: pages and searches on other goroutines while one writes.
func TestReadsBesideWrites(t *testing.T) {
	onEach(t, func(t *testing.T, open func() store.Store) {
		s := open()
		update(t, s, func(tx store.Tx) error { return writeUpTo(tx, 1) })
		stop := make(chan struct{})
		var readers sync.WaitGroup
		for range 3 {
			readers.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					c, err := s.Conversation("p:bob")
					all, reading := s.MessagesBySeq("p:bob", 1, c.MaxSeq, 0)
					found, searching := s.Search(t.Context(), store.Query{Text: "number", Limit: 5})
					if err := errors.Join(err, reading, searching); err != nil || int64(len(all)) != c.MaxSeq || len(found.Messages) == 0 {
						t.Errorf("%v, %d of %d, %d found", err, len(all), c.MaxSeq, len(found.Messages))
						return
					}
				}
			})
		}
		for n := 2; n < 150; n++ {
			update(t, s, func(tx store.Tx) error { return writeUpTo(tx, n) })
		}
		close(stop)
		readers.Wait()
	})
}
