package nimerr

import "testing"

// What an error repeats is cut between characters.
func TestClip(t *testing.T) {
	for _, c := range []struct {
		s    string
		n    int
		want string
	}{
		{"abc", 3, "abc"}, {"abcd", 3, "abc…"}, {"aéé", 2, "a…"}, {"aéé", 3, "aé…"}, {"例え", 2, "…"}, {"\xff\xff\xff", 2, "\xff\xff…"}, {"", 0, ""},
	} {
		if got := Clip(c.s, c.n); got != c.want {
			t.Errorf("Clip(%q, %d) = %q, want %q", c.s, c.n, got, c.want)
		}
	}
}
