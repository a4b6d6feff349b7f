package timeline

import (
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"strconv"
	"testing"
)

// model is a Set as a map.
type model map[uint64]bool

func (m model) lowest(first, last uint64) (Range, bool) {
	for n := max(first, 1); n <= last; n++ {
		if !m[n] {
			end := n
			for end < last && !m[end+1] {
				end++
			}
			return Range{n, end}, true
		}
	}
	return Range{}, false
}

func (m model) highest(first, last uint64) (Range, bool) {
	for n := last; n >= max(first, 1) && n > 0; n-- {
		if !m[n] {
			begin := n
			for begin > max(first, 1) && !m[begin-1] {
				begin--
			}
			return Range{begin, n}, true
		}
	}
	return Range{}, false
}

// seed is that of the run, printed when it fails.
func seed(t *testing.T) *rand.Rand {
	s := rand.Uint64()
	if v := os.Getenv("NIM_TEST_SEED"); v != "" {
		s, _ = strconv.ParseUint(v, 10, 64)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("NIM_TEST_SEED=%d", s)
		}
	})
	return rand.New(rand.NewPCG(s, 1))
}

func TestSetAgainstAMap(t *testing.T) {
	r := seed(t)
	for range 300 {
		var s Set
		m := model{}
		for range 40 {
			first := r.Uint64N(60)
			last := first + r.Uint64N(6)
			if r.IntN(10) == 0 {
				first, last = last, first
			}
			s.Add(first, last)
			for n := max(first, 1); n <= last; n++ {
				m[n] = true
			}
			for i, g := range s {
				if g.First == 0 || g.First > g.Last || i > 0 && s[i-1].Last+1 >= g.First {
					t.Fatalf("the ranges touch or fall: %v", s)
				}
			}
			for n := range uint64(70) {
				if s.Has(n) != m[n] {
					t.Fatalf("%v has %d: %v", s, n, s.Has(n))
				}
				through := n
				for m[through+1] {
					through++
				}
				if got := s.Through(n); got != through {
					t.Fatalf("%v through %d: %d, want %d", s, n, got, through)
				}
			}
			a, b := r.Uint64N(70), r.Uint64N(70)
			for what, f := range map[string][2]func(uint64, uint64) (Range, bool){
				"lowest": {s.Lowest, m.lowest}, "highest": {s.Highest, m.highest},
			} {
				got, ok := f[0](a, b)
				want, wanted := f[1](a, b)
				if ok != wanted || ok && got != want {
					t.Fatalf("%v: %s of %d to %d: %v %v, want %v %v", s, what, a, b, got, ok, want, wanted)
				}
			}
		}
	}
}

func TestBegin(t *testing.T) {
	for _, c := range []struct{ min, max, read, want uint64 }{
		{1, 0, 0, 0}, {1, 50, 0, 0}, {1, 50, 20, 20}, {1, 500, 0, 400}, {1, 500, 450, 450},
		{480, 500, 0, 479}, {1, 500, 900, 500}, {501, 500, 0, 500},
	} {
		var l Line
		l.Head(c.min, c.max)
		l.Begin(c.read)
		if l.Told != c.want {
			t.Errorf("min %d, max %d, read %d: told %d, want %d", c.min, c.max, c.read, l.Told, c.want)
		}
	}
}

// A world is a server that goes on, and one device of it.
type world struct {
	r     *rand.Rand
	max   uint64
	min   uint64
	epoch int
	line  Line
	told  []uint64 // of this epoch, in order
}

// pull answers with some of what was asked for, from the end that was asked
// for, as a server does.
func (w *world) pull(want Range, newest bool) {
	first, last := max(want.First, w.min), min(want.Last, w.max)
	n := 1 + w.r.Uint64N(7)
	if newest && last-first+1 > n && last >= first {
		first = last - n + 1
	} else if last >= first {
		last = min(last, first+n-1)
	}
	w.line.Head(w.min, w.max)
	w.line.Hold(first, last)
}

// tell tells what may be told and checks that it is the next.
func (w *world) tell(t *testing.T) {
	front := w.line.Front()
	for n := w.line.Told + 1; n <= front; n++ {
		if len(w.told) > 0 && n <= w.told[len(w.told)-1] {
			t.Fatalf("%d is told after %d", n, w.told[len(w.told)-1])
		}
		if !w.line.Held.Has(n) {
			t.Fatalf("%d is told and not here", n)
		}
		w.told = append(w.told, n)
	}
	w.line.Tell(front)
}

// settle does what the engine does until there is nothing left to do.
func (w *world) settle(t *testing.T) {
	w.line.Head(w.min, w.max)
	for range 10000 {
		w.tell(t)
		if hole, ok := w.line.Missing(); ok {
			w.pull(hole, false)
		} else if hole, ok := w.line.Past(); ok {
			w.pull(hole, true)
		} else {
			return
		}
	}
	t.Fatalf("never done: %+v, the server has %d to %d", w.line, w.min, w.max)
}

// Any order of pushes, lost pushes, pulls, stubs, expiry and epochs ends with the
// same numbers here, told once and in order.
func TestAnyOrderEndsTheSame(t *testing.T) {
	r := seed(t)
	for round := range 400 {
		w := &world{r: r, min: 1, max: r.Uint64N(300)}
		read := r.Uint64N(w.max + 1)
		w.line.Head(w.min, w.max)
		w.line.Begin(read)
		begun := w.line.Told
		for range 60 {
			switch r.IntN(8) {
			case 0, 1, 2: // new entries, pushed or lost
				w.max++
				if r.IntN(3) > 0 {
					w.line.Hold(w.max, w.max)
				}
			case 3: // a push that was held up, or comes twice
				if n := w.min + r.Uint64N(w.max+1); n <= w.max {
					w.line.Hold(n, n)
				}
			case 4: // a stale head
				w.line.Head(r.Uint64N(w.min+1), r.Uint64N(w.max+1))
			case 5:
				if hole, ok := w.line.Missing(); ok {
					w.pull(hole, false)
				}
			case 6:
				w.tell(t)
			case 7:
				switch r.IntN(20) {
				case 0: // retention
					w.min += r.Uint64N(w.max + 2 - w.min)
					w.line.Head(w.min, w.max)
				case 1: // another epoch
					w.epoch++
					w.max -= r.Uint64N(min(w.max, 5) + 1)
					w.min = min(w.min, w.max+1)
					w.line.Renew()
					w.told, begun = nil, 0
				}
			}
		}
		w.settle(t)
		var want Set
		want.Add(w.min, w.max)
		have := Set{}
		for n := w.min; n <= w.max; n++ {
			if w.line.Held.Has(n) {
				have.Add(n, n)
			}
		}
		if fmt.Sprint(have) != fmt.Sprint(want) {
			t.Fatalf("round %d: holds %v, the server has %v", round, have, want)
		}
		if w.line.Told != max(w.max, w.min-1, begun) || !w.line.Complete() {
			t.Fatalf("round %d: told to %d of %d: %+v", round, w.line.Told, w.max, w.line)
		}
		// Everything above the begin that could still be had was told.
		told := map[uint64]bool{}
		for _, n := range w.told {
			told[n] = true
		}
		for n := max(begun+1, w.min); n <= w.max; n++ {
			if !told[n] {
				t.Fatalf("round %d: %d was never told", round, n)
			}
		}
	}
}

func TestWhatIsHeldBehindAHoleWaits(t *testing.T) {
	var l Line
	l.Head(1, 10)
	l.Hold(1, 3)
	l.Hold(6, 10)
	if l.Front() != 3 || l.Complete() {
		t.Fatalf("front %d, want 3", l.Front())
	}
	if hole, _ := l.Missing(); hole != (Range{4, 5}) {
		t.Fatalf("missing %v", hole)
	}
	l.Hold(4, 5)
	if l.Front() != 10 || !l.Complete() || !reflect.DeepEqual(l.Held, Set{{1, 10}}) {
		t.Fatalf("%+v", l)
	}
	l.Tell(10)
	if _, ok := l.Past(); ok {
		t.Fatal("all of the past is here")
	}
}
