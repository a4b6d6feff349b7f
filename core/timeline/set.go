package timeline

import "slices"

// A Range is the numbers from First to Last, both included.
type Range struct{ First, Last uint64 }

// A Set is a set of numbers, as ranges that rise and do not touch.
type Set []Range

// Add puts the numbers from first to last into the set.
func (s *Set) Add(first, last uint64) {
	if first == 0 {
		first = 1
	}
	if last < first {
		return
	}
	old := *s
	from, _ := slices.BinarySearchFunc(old, first, func(r Range, n uint64) int {
		if r.Last+1 < n { // a range that touches is joined
			return -1
		}
		return 1
	})
	to := from
	for to < len(old) && old[to].First <= last+1 {
		first, last = min(first, old[to].First), max(last, old[to].Last)
		to++
	}
	*s = slices.Replace(old, from, to, Range{first, last})
}

// Has says whether n is in the set.
func (s Set) Has(n uint64) bool {
	i := s.at(n)
	return i < len(s) && s[i].First <= n
}

// at is the index of the first range that ends at n or behind it.
func (s Set) at(n uint64) int {
	i, _ := slices.BinarySearchFunc(s, n, func(r Range, n uint64) int {
		if r.Last < n {
			return -1
		}
		return 1
	})
	return i
}

// Through is the highest number that can be reached from n by numbers of the set
// alone; n itself if n+1 is not in the set.
func (s Set) Through(n uint64) uint64 {
	if i := s.at(n + 1); i < len(s) && s[i].First <= n+1 {
		return s[i].Last
	}
	return n
}

// Lowest is the lowest run of numbers between first and last that are not in the
// set.
func (s Set) Lowest(first, last uint64) (Range, bool) {
	if first == 0 {
		first = 1
	}
	i := s.at(first)
	if i < len(s) && s[i].First <= first {
		first = s[i].Last + 1
		i++
	}
	if i < len(s) {
		last = min(last, s[i].First-1)
	}
	return Range{first, last}, first <= last
}

// Highest is the highest run of numbers between first and last that are not in
// the set.
func (s Set) Highest(first, last uint64) (Range, bool) {
	if first == 0 {
		first = 1
	}
	i := s.at(last)
	if i < len(s) && s[i].First <= last {
		last = s[i].First - 1
	}
	if i > 0 {
		first = max(first, s[i-1].Last+1)
	}
	return Range{first, last}, first <= last
}
