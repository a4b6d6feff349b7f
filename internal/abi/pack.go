package abi

import (
	"encoding/binary"
	"unicode/utf8"
)

// A run of arguments as internal/cabi/pack.h describes it: everything begins at a
// multiple of 8, in the byte order of the machine.
const packUnit = 8

func packNumber(b []byte, v int64) []byte { return binary.NativeEndian.AppendUint64(b, uint64(v)) }

func packBool(b []byte, v bool) []byte {
	if v {
		return packNumber(b, 1)
	}
	return packNumber(b, 0)
}

// packText appends the text that f appends.
func packText(b []byte, f Text) []byte {
	at := len(b)
	b = packNumber(b, 0)
	if f != nil {
		b = f.AppendJSON(b)
	}
	n := len(b) - at - packUnit
	binary.NativeEndian.PutUint64(b[at:], uint64(n))
	for pad := packUnit - n%packUnit; pad > 0; pad-- {
		b = append(b, 0)
	}
	return b
}

// An Unpacker reads a run of arguments that C has packed and checked. What is not
// there reads as zero.
type Unpacker struct{ b []byte }

// NewUnpacker reads b, which is not kept: texts are copied.
func NewUnpacker(b []byte) *Unpacker { return &Unpacker{b} }

func (u *Unpacker) number() int64 {
	if len(u.b) < packUnit {
		u.b = nil
		return 0
	}
	v := int64(binary.NativeEndian.Uint64(u.b))
	u.b = u.b[packUnit:]
	return v
}

//lint:ignore U1000 generated code calls it once a payload has a flag
func (u *Unpacker) flag() bool { return u.number() != 0 }

func (u *Unpacker) text() string {
	n := u.number()
	if n < 0 || n >= int64(len(u.b)) {
		u.b = nil
		return ""
	}
	s := string(u.b[:n])
	u.b = u.b[min(int(n)+packUnit-int(n)%packUnit, len(u.b)):]
	return s
}

// count is the length of an array; every element takes a unit at least.
func (u *Unpacker) count() int {
	n := u.number()
	if n < 0 || n > int64(len(u.b)/packUnit) {
		u.b = nil
		return 0
	}
	return int(n)
}

// A Text is an argument of a callback that is a string: a payload, or Raw. nil is
// the empty string.
type Text interface{ AppendJSON(b []byte) []byte }

// Raw is a text as it is.
type Raw string

// AppendJSON appends r unchanged.
func (r Raw) AppendJSON(b []byte) []byte { return append(b, r...) }

// List is a JSON array.
type List[T Text] []T

// AppendJSON appends the array.
func (l List[T]) AppendJSON(b []byte) []byte {
	b = append(b, '[')
	for i, v := range l {
		if i > 0 {
			b = append(b, ',')
		}
		b = v.AppendJSON(b)
	}
	return append(b, ']')
}

// bounded is s as it fits into a char array of size bytes with its NUL, cut at a
// whole character.
func bounded(s string, size int) Raw {
	if len(s) < size {
		return Raw(s)
	}
	n := size - 1
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return Raw(s[:n])
}
