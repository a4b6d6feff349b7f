package sqlite

import (
	"encoding/binary"
	"fmt"

	"github.com/libnim/libnim/core/store"
)

// The content of a blob is fields in a fixed order, each its length and bytes.
// A field that is missing at the end is empty, one too many is left alone: so a
// later version can add some.

func appendField[T string | []byte](b []byte, field T) []byte {
	b = binary.AppendUvarint(b, uint64(len(field)))
	return append(b, field...)
}

// cutField takes the next field off.
func cutField(b []byte) (field, rest []byte, err error) {
	if len(b) == 0 {
		return nil, nil, nil
	}
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)-size) {
		return nil, nil, fmt.Errorf("%w: a field is longer than its row", store.ErrDamaged)
	}
	b = b[size:]
	return b[:n:n], b[n:], nil
}

// cutFields takes one field off for each target.
func cutFields(b []byte, to ...*[]byte) (err error) {
	for _, p := range to {
		if *p, b, err = cutField(b); err != nil {
			return err
		}
	}
	return nil
}

// appendRanges writes ranges as the distances between their ends.
func appendRanges(b []byte, ranges []store.Range) []byte {
	last := int64(0)
	for _, r := range ranges {
		b = binary.AppendVarint(b, r.First-last)
		b = binary.AppendVarint(b, r.Last-r.First)
		last = r.Last
	}
	return b
}

func readRanges(b []byte) ([]store.Range, error) {
	var ranges []store.Range
	last := int64(0)
	for len(b) > 0 {
		first, n := binary.Varint(b)
		if n <= 0 {
			break
		}
		length, m := binary.Varint(b[n:])
		if m <= 0 {
			break
		}
		b = b[n+m:]
		r := store.Range{First: last + first, Last: last + first + length}
		ranges, last = append(ranges, r), r.Last
	}
	if len(b) > 0 {
		return nil, fmt.Errorf("%w: ranges end too early", store.ErrDamaged)
	}
	return ranges, nil
}
