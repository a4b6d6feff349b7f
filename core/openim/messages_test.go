package openim

import (
	"fmt"
	"testing"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/tests/openimfake"
)

// answer returns the answer with that id; entries that come before it are added
// to got.
func (x *tap) answer(id uint64, got *[]backend.Entry) backend.Answer {
	x.b.Helper()
	t := time.NewTimer(5 * time.Minute)
	defer t.Stop()
	for {
		select {
		case e := <-x.events:
			switch e := e.(type) {
			case backend.Answer:
				if e.ID == id {
					return e
				}
			case backend.Entries:
				if got != nil {
					*got = append(*got, e.Entries...)
				}
			}
		case err := <-x.lost:
			x.b.Fatalf("the link ended with %v", err)
		case <-t.C:
			x.b.Fatalf("no answer to %d", id)
		}
	}
}

// ask sends a request and returns its answer.
func (x *tap) ask(id uint64, r backend.Request, got *[]backend.Entry) backend.Answer {
	x.b.Helper()
	if err := x.link.Send(id, r); err != nil {
		x.b.Fatal(err)
	}
	return x.answer(id, got)
}

// numbered are n messages with ids from a first number.
func numbered(first, n int) (list []backend.Message) {
	for i := range n {
		list = append(list, backend.Message{ClientID: fmt.Sprint("c", first+i), Body: fmt.Sprint("text ", first+i)})
	}
	return list
}

func toBob() backend.Conv { return backend.Conv{Kind: backend.P2P, ID: "bob"} }

// A thousand messages at full speed arrive once each and in order, though every
// third batch of the server's is lost.
func TestSendThousand(t *testing.T) {
	inBubble(t, openimfake.Options{}, func(b *bed) {
		x, _ := b.loggedIn(b.login("alice", b.fake.Token("alice", linux)))
		defer x.close()
		time.Sleep(2 * quietAfter)
		for batch := range 20 {
			if batch%3 == 1 {
				b.fake.LoseBatches(1)
			}
			a := x.ask(uint64(100+batch), backend.Send{Conv: toBob(), Messages: numbered(50*batch, 50)}, nil)
			if a.Err != nil {
				b.Fatal(a.Err)
			}
			for i, r := range a.Body.(backend.Sent).Results {
				if want := fmt.Sprint("c", 50*batch+i); r.Err != nil || r.ClientID != want || r.Seq != uint64(50*batch+i+1) || r.ServerID == 0 || r.Time.IsZero() {
					b.Fatalf("result %+v, want %s with number %d", r, want, 50*batch+i+1)
				}
			}
		}
		stored := b.fake.Stored("alice", "bob")
		if len(stored) != 1000 || b.fake.Lost() == 0 {
			b.Fatalf("%d stored, %d lost on the way", len(stored), b.fake.Lost())
		}
		for i, m := range stored {
			if m.ClientID != fmt.Sprint("c", i) {
				b.Fatalf("number %d is %s", m.Seq, m.ClientID)
			}
		}
	})
}

// In the first second of a connection nothing is pushed: a message is found by
// looking for it, and is not sent again.
func TestSendAtOnce(t *testing.T) {
	inBubble(t, openimfake.Options{Quiet: time.Minute}, func(b *bed) {
		x, _ := b.loggedIn(b.login("alice", b.fake.Token("alice", linux)))
		defer x.close()
		began := time.Now()
		a := x.ask(1, backend.Send{Conv: toBob(), Messages: numbered(0, 3)}, nil)
		if a.Err != nil || a.Body.(backend.Sent).Results[2].Seq != 3 {
			b.Fatalf("%+v", a)
		}
		if took := time.Since(began); took != firstLook {
			b.Errorf("confirmed after %v, want %v", took, firstLook)
		}
		if n := len(b.fake.Stored("alice", "bob")); n != 3 {
			b.Errorf("%d stored, want 3", n)
		}
	})
}

// A refusal is a result; the messages are not stored.
func TestSendRefused(t *testing.T) {
	inBubble(t, openimfake.Options{}, func(b *bed) {
		b.fake.Block("bob", "alice")
		x, _ := b.loggedIn(b.login("alice", b.fake.Token("alice", linux)))
		defer x.close()
		for id, want := range map[uint64]struct {
			to   string
			kind *nimerr.Kind
		}{1: {"bob", nimerr.Blocked}, 2: {"nobody", nimerr.NotFound}} {
			a := x.ask(id, backend.Send{Conv: backend.Conv{ID: want.to}, Messages: numbered(0, 2)}, nil)
			for _, r := range a.Body.(backend.Sent).Results {
				if r.Err == nil || r.Err.Kind != want.kind || r.Seq != 0 {
					b.Errorf("to %s: %+v, want %s", want.to, r, want.kind.Name)
				}
			}
		}
		if err := x.link.Send(3, backend.Send{Conv: toBob(), Messages: []backend.Message{{ClientID: "p", Type: 1}}}); nimerr.From(err, nimerr.Internal).Kind != nimerr.ServerCannot {
			b.Errorf("a picture: %v", err)
		}
	})
}

// What a device missed it finds by heads and pulls; a mark moves for it.
func TestCatchUp(t *testing.T) {
	inBubble(t, openimfake.Options{Batch: time.Millisecond}, func(b *bed) {
		x, _ := b.loggedIn(b.login("alice", b.fake.Token("alice", linux)))
		defer x.close()
		time.Sleep(2 * quietAfter)
		for batch := range 5 {
			x.ask(uint64(10+batch), backend.Send{Conv: toBob(), Messages: numbered(50*batch, 50)}, nil)
		}
		y, _ := b.loggedIn(b.login("bob", b.fake.Token("bob", linux)))
		defer y.close()
		heads := y.ask(1, backend.Heads{}, nil).Body.(backend.HeadsPage)
		alice := backend.Conv{Kind: backend.P2P, ID: "alice"}
		if len(heads.Heads) != 1 || heads.Heads[0].Conv != alice || heads.Heads[0].MaxSeq != 250 || heads.Heads[0].Always != 250 || heads.Epoch != y.link.Server().Epoch {
			b.Fatalf("heads %+v", heads)
		}
		next := uint64(1)
		for id := uint64(2); ; id++ {
			out := y.ask(id, backend.Pull{Conv: alice, From: next, To: 250, Limit: 100}, nil).Body.(backend.Pulled)
			for i, e := range out.Entries {
				if e.Seq != next+uint64(i) || e.ClientID != fmt.Sprint("c", e.Seq-1) || e.Body != fmt.Sprint("text ", e.Seq-1) || e.Sender != "alice" {
					b.Fatalf("entry %+v", e)
				}
			}
			next = out.High + 1
			if !out.More {
				break
			}
		}
		if next != 251 {
			b.Errorf("pulled up to %d", next-1)
		}
		newest := y.ask(50, backend.Pull{Conv: alice, Newest: true, Limit: 20}, nil).Body.(backend.Pulled)
		if newest.Low != 231 || newest.High != 250 || !newest.More {
			b.Errorf("newest %d to %d, more %v", newest.Low, newest.High, newest.More)
		}
		read := y.ask(51, backend.Read{Conv: alice, Seq: 200}, nil)
		if h, ok := read.Body.(backend.HeadChanged); !ok || h.Head.ReadSeq != 200 || h.Head.MaxSeq != 250 || h.Head.Always != 50 {
			b.Errorf("read %+v", read)
		}
		var got []backend.Entry
		x.ask(60, backend.Send{Conv: toBob(), Messages: numbered(250, 1)}, nil)
		time.Sleep(2 * quietAfter)
		x.ask(61, backend.Send{Conv: toBob(), Messages: numbered(251, 1)}, nil)
		y.ask(62, backend.Heads{}, &got)
		if len(got) == 0 || got[len(got)-1].Seq != 252 {
			b.Errorf("pushed %+v", got)
		}
	})
}

// A push that cannot be read is not the end: what it held is asked for.
func TestUnreadablePush(t *testing.T) {
	inBubble(t, openimfake.Options{}, func(b *bed) {
		x, _ := b.loggedIn(b.login("alice", b.fake.Token("alice", linux)))
		defer x.close()
		b.fake.Push("alice", openimfake.Response{ReqIdentifier: openimfake.OpPushMessage, Data: []byte("any")})
		if r := want[backend.Resync](x); !r.All {
			b.Errorf("got %+v", r)
		}
	})
}
