package journal

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// mask stands where a secret was. It is shorter than minSecret, so no secret
// fits into it, and each masking shortens the text: scrub comes to an end.
const (
	mask      = "***"
	minSecret = 4
)

// A secretSet holds what must not be seen. Readers take no lock.
type secretSet struct {
	list atomic.Pointer[needles] // nil: no secret

	mu     sync.Mutex
	counts map[string]int
}

// needles are the texts to look for. A nil *needles finds nothing.
type needles struct {
	plain    []string // secrets, and the forms they take as a whole
	base64   []string // what a secret looks like inside base64 text
	shortest int

	// starts has a bit for the first four bytes of each of them, hashed. One
	// look says for nearly every place of a text that none begins there.
	starts [1 << 10]uint64
}

// startBit returns the bit of starts for text of at least four bytes.
func startBit(text string) (word uint32, bit uint64) {
	first := uint32(text[0]) | uint32(text[1])<<8 | uint32(text[2])<<16 | uint32(text[3])<<24
	hash := first * 0x9e3779b1 >> 16
	return hash >> 6, 1 << (hash & 63)
}

func (s *secretSet) needles() *needles { return s.list.Load() }

func (s *secretSet) add(text string) {
	if len(text) < minSecret {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.counts == nil {
		s.counts = make(map[string]int)
	}
	s.counts[text]++
	if s.counts[text] == 1 {
		s.publishLocked()
	}
}

func (s *secretSet) remove(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.counts[text] {
	case 0:
	case 1:
		delete(s.counts, text)
		s.publishLocked()
	default:
		s.counts[text]--
	}
}

func (s *secretSet) publishLocked() {
	if len(s.counts) == 0 {
		s.list.Store(nil)
		return
	}
	n := &needles{}
	for text := range s.counts {
		n.plain = append(n.plain, plainForms(text)...)
		n.base64 = append(n.base64, base64Forms(text)...)
	}
	n.shortest = len(n.plain[0])
	for _, text := range slices.Concat(n.plain, n.base64) {
		n.shortest = min(n.shortest, len(text))
		word, bit := startBit(text)
		n.starts[word] |= bit
	}
	s.list.Store(n)
}

// plainForms returns a secret and what the usual encoders make of it. Escapes
// are undone in the text as well, but there an escape may begin too early: %0
// in front of 00 reads as %00.
func plainForms(secret string) []string {
	lower := hex.EncodeToString([]byte(secret))
	quoted := appendQuoted(nil, secret)
	forms := []string{
		secret, lower, strings.ToUpper(lower),
		url.QueryEscape(secret), url.PathEscape(secret),
		string(quoted[1 : len(quoted)-1]),
		string([]rune(secret)), // each byte that is not UTF-8 replaced, as JSON encoders do
	}
	slices.Sort(forms)
	return slices.Compact(forms)
}

// base64Forms returns what every base64 text that has secret in it contains,
// one form for each place of its first byte in a group of three, in both
// alphabets. Characters that the bytes around the secret have a share in are
// left out.
func base64Forms(secret string) []string {
	var forms []string
	for before := range 3 {
		raw := append(make([]byte, before, before+len(secret)), secret...)
		first := (before*8 + 5) / 6
		end := len(raw) * 8 / 6
		for _, alphabet := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			form := alphabet.EncodeToString(raw)[first:end]
			if len(form) >= minSecret && !slices.Contains(forms, form) {
				forms = append(forms, form)
			}
		}
	}
	return forms
}

// scrub returns s with every secret in it masked.
func (n *needles) scrub(s string) string {
	if n == nil {
		return s
	}
	for len(s) >= n.shortest {
		spans := n.find(nil, view{text: s}, maxNesting)
		if len(spans) == 0 {
			break
		}
		s = masked(s, spans)
	}
	return s
}

// A span is a part of the text that is to be masked: [from, to).
type span struct{ from, to int }

// find adds the places of all needles in v, and in v decoded up to depth times,
// as spans of the original text.
func (n *needles) find(spans []span, v view, depth int) []span {
	if len(v.text) < n.shortest {
		return spans
	}
	for i := 0; i+minSecret <= len(v.text); i++ {
		rest := v.text[i:]
		if word, bit := startBit(rest); n.starts[word]&bit == 0 {
			continue
		}
		for _, needle := range n.plain {
			if strings.HasPrefix(rest, needle) {
				spans = append(spans, v.origin(i, i+len(needle)))
			}
		}
		for _, needle := range n.base64 {
			if strings.HasPrefix(rest, needle) {
				from, to := base64Run(v.text, i, i+len(needle))
				spans = append(spans, v.origin(from, to))
			}
		}
	}
	if depth == 0 {
		return spans
	}
	for _, d := range decoders {
		if decoded, changed := v.decode(d); changed {
			spans = n.find(spans, decoded, depth-1)
		}
	}
	return spans
}

// base64Run widens [from, to) to the whole base64 text around it, whose other
// characters tell bits of the secret.
func base64Run(s string, from, to int) (int, int) {
	for from > 0 && isBase64(s[from-1]) {
		from--
	}
	for to < len(s) && isBase64(s[to]) {
		to++
	}
	return from, to
}

func isBase64(c byte) bool {
	return 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || '0' <= c && c <= '9' ||
		strings.IndexByte("+/-_=", c) >= 0
}

// masked returns s with mask in the place of each span; spans that touch or
// overlap become one.
func masked(s string, spans []span) string {
	slices.SortFunc(spans, func(a, b span) int { return a.from - b.from })
	var b strings.Builder
	done := 0
	for i := 0; i < len(spans); {
		from, to := spans[i].from, spans[i].to
		for i++; i < len(spans) && spans[i].from <= to; i++ {
			to = max(to, spans[i].to)
		}
		b.WriteString(s[done:from])
		b.WriteString(mask)
		done = to
	}
	b.WriteString(s[done:])
	return b.String()
}
