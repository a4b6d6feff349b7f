package deliver

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// Whatever is lost between two edges is seen at the next message or beat, and
// only then.
func TestALossIsSeenAtTheNextBeat(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 1))
	var l lines
	var s sources
	now := time.Now()
	lost := false
	for i := range 5000 {
		if r.IntN(10) == 0 {
			l.repeat("b", func(n uint64) {
				if behind := s.hear(message{From: "a", Run: "1", N: n}, now); behind != lost {
					t.Fatalf("seed %d, step %d: behind %v, lost %v", seed, i, behind, lost)
				}
			})
			lost = false
			continue
		}
		l.next("b", func(n uint64) {
			if r.IntN(8) == 0 {
				lost = true
				return
			}
			if behind := s.hear(message{From: "a", Run: "1", N: n, frame: []byte("{}")}, now); behind != lost {
				t.Fatalf("seed %d, step %d: behind %v, lost %v", seed, i, behind, lost)
			}
			lost = false
		})
	}
	// A new start of the sender counts from 1 again.
	if s.hear(message{From: "a", Run: "2", N: 0}, now) || s.hear(message{From: "a", Run: "2", N: 1, frame: []byte("{}")}, now) {
		t.Error("a new start looks like a loss")
	}
	if !s.hear(message{From: "c", Run: "1", N: 3}, now) {
		t.Error("an edge that had sent before it was heard is not behind")
	}
}

func TestSilenceIsSeenOnce(t *testing.T) {
	var s sources
	start := time.Now()
	at := func(d time.Duration) bool { return s.check([]string{"a", "new"}, start.Add(d), 2500*time.Millisecond) }
	s.hear(message{From: "a", Run: "1"}, start)
	if at(time.Second) || at(2*time.Second) {
		t.Error("silent too early")
	}
	if !at(3 * time.Second) {
		t.Error("a silent edge is not seen")
	}
	s.hear(message{From: "a", Run: "1"}, start.Add(4*time.Second))
	if !at(4*time.Second) || at(5*time.Second) {
		t.Error("an edge that was never heard is seen once, 2.5 s after it is known")
	}
	if !at(7 * time.Second) {
		t.Error("silent again")
	}
}

func TestMessagesBetweenEdges(t *testing.T) {
	m := message{From: "a", Run: "r", N: 7, App: "x\ny", Account: "bob", Device: "d", Except: "e", Droppable: true, frame: []byte("{\"op\":\n\"entry\"}")}
	data, err := m.encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := decode(data)
	if err != nil || fmt.Sprint(got) != fmt.Sprint(m) {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := decode([]byte("{}")); err == nil {
		t.Error("what has no line is taken")
	}
}
