package journal

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxNesting is how many escapings around a secret are seen through: a URL,
// quoted in an error, inside a JSON document.
const maxNesting = 3

// A view is the text, or the text decoded, and where its bytes come from.
type view struct {
	text string
	from []int // of each byte: begin of what it was decoded from; nil: the text itself
	to   []int // and its end
}

// origin returns the span of the original text that text[i:j] comes from.
func (v view) origin(i, j int) span {
	if v.from == nil {
		return span{i, j}
	}
	return span{v.from[i], v.to[j-1]}
}

// A decoder undoes one kind of escaping.
type decoder struct {
	marks string // bytes that begin an escape

	// next decodes the escape at the begin of s and returns how many bytes it
	// takes; 0: it is none.
	next func(dst []byte, s string) ([]byte, int)
}

var decoders = []decoder{
	{"%", percent},
	{"%+", form},
	{`\`, backslash},
}

// decode returns v with all escapes of one kind undone, and whether there
// were any.
func (v view) decode(d decoder) (view, bool) {
	start := strings.IndexAny(v.text, d.marks)
	if start < 0 || d.marks == "%+" && strings.IndexByte(v.text, '+') < 0 {
		return v, false
	}
	var text []byte
	out := view{from: make([]int, 0, len(v.text)), to: make([]int, 0, len(v.text))}
	changed := false
	for i := 0; i < len(v.text); {
		size := 0
		if i >= start && strings.IndexByte(d.marks, v.text[i]) >= 0 {
			text, size = d.next(text, v.text[i:])
		}
		if size == 0 {
			text, size = append(text, v.text[i]), 1
		} else {
			changed = true
		}
		origin := v.origin(i, i+size)
		for len(out.from) < len(text) {
			out.from = append(out.from, origin.from)
			out.to = append(out.to, origin.to)
		}
		i += size
	}
	out.text = string(text)
	return out, changed
}

// percent undoes %41.
func percent(dst []byte, s string) ([]byte, int) {
	if len(s) < 3 {
		return dst, 0
	}
	b, err := strconv.ParseUint(s[1:3], 16, 8)
	if err != nil {
		return dst, 0
	}
	return append(dst, byte(b)), 3
}

// form undoes %41, and + for a space.
func form(dst []byte, s string) ([]byte, int) {
	if s[0] == '+' {
		return append(dst, ' '), 1
	}
	return percent(dst, s)
}

// backslash undoes the escapes of JSON and of Go's quoted strings.
func backslash(dst []byte, s string) ([]byte, int) {
	if len(s) < 2 {
		return dst, 0
	}
	switch s[1] {
	case 'x':
		if b, ok := hexRune(s, 2, 2); ok {
			return append(dst, byte(b)), 4
		}
		return dst, 0
	case 'u':
		r, ok := hexRune(s, 2, 4)
		if !ok {
			return dst, 0
		}
		if utf16.IsSurrogate(r) && strings.HasPrefix(s[6:], `\u`) {
			if low, ok := hexRune(s, 8, 4); ok {
				return utf8.AppendRune(dst, utf16.DecodeRune(r, low)), 12
			}
		}
		return utf8.AppendRune(dst, r), 6
	case 'U':
		if r, ok := hexRune(s, 2, 8); ok {
			return utf8.AppendRune(dst, r), 10
		}
		return dst, 0
	}
	const names, values = `"\/'abfnrtv`, "\"\\/'\a\b\f\n\r\t\v"
	if i := strings.IndexByte(names, s[1]); i >= 0 {
		return append(dst, values[i]), 2
	}
	return dst, 0
}

// hexRune reads n hex digits at s[at:].
func hexRune(s string, at, n int) (rune, bool) {
	if len(s) < at+n {
		return 0, false
	}
	r, err := strconv.ParseUint(s[at:at+n], 16, 32)
	return rune(r), err == nil
}
