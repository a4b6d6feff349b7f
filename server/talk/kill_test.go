package talk

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/libnim/libnim/server/store"
)

// appendForEver sends messages and says on stdout which are acknowledged.
func appendForEver(dir string) {
	t := &fatal{}
	s := newSite(t, unlimited, store.Config{Dir: dir})
	var out sync.Mutex
	for _, from := range []string{"alice", "bob", "carol"} {
		for _, to := range []string{"c", "b_c"} {
			go func() {
				for i := 0; ; i++ {
					id := fmt.Sprintf("%s-%s-%d", from, to, i)
					r := s.sendTo(from, to, text(id, "x"), text(id+"b", "y"))
					out.Lock()
					for _, r := range r {
						fmt.Println(from, to, r.ClientMsgID, r.Seq, r.ServerMsgID, r.TimeMS)
					}
					out.Unlock()
				}
			}()
		}
	}
	select {}
}

// fatal is a test that ends the process.
type fatal struct{ testing.TB }

func (*fatal) Helper()                  {}
func (*fatal) Cleanup(func())           {}
func (*fatal) Fatal(args ...any)        { fmt.Fprintln(os.Stderr, args...); os.Exit(1) }
func (*fatal) Context() context.Context { return context.Background() }

// What was acknowledged before a kill -9 is there after it, under the same
// numbers, and no number is given again.
func TestKill9LosesNothingAcknowledged(t *testing.T) {
	dir := t.TempDir()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), "NIM_TALK_CHILD="+dir)
	child.Stderr = os.Stderr
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	type ack struct {
		from, to, id    string
		seq, server, at int64
	}
	var acks []ack
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		var a ack
		if _, err := fmt.Sscan(lines.Text(), &a.from, &a.to, &a.id, &a.seq, &a.server, &a.at); err != nil {
			if errors.Is(err, io.ErrUnexpectedEOF) {
				break // cut off by the kill
			}
			t.Fatalf("%q: %v", lines.Text(), err)
		}
		acks = append(acks, a)
		if len(acks) == 1000 {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = child.Wait()
	if len(acks) < 1000 {
		t.Fatalf("only %d acknowledged", len(acks))
	}
	st, err := store.Open(t.Context(), store.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	s := &site{t: t, app: "app", ids: map[string]int64{}}
	s.Talk = New(Config{Store: st, Publish: s, Limits: unlimited})
	highest := int64(0)
	for _, a := range acks {
		r := s.sendTo(a.from, a.to, text(a.id, "again"))[0]
		if !r.Repeated || int64(r.Seq) != a.seq || int64(r.ServerMsgID) != a.server || r.TimeMS != a.at {
			t.Fatalf("acknowledged %+v, kept %+v", a, r)
		}
		highest = max(highest, a.server)
	}
	if r := s.sendTo("alice", "bob", text("new", ""))[0]; int64(r.ServerMsgID) <= highest {
		t.Errorf("the number %d comes after %d", r.ServerMsgID, highest)
	}
	checkNumbers(t, s)
}
