package message

import (
	"strings"

	"github.com/tidwall/gjson"

	"github.com/libnim/libnim/internal/abi"
)

// maxDepth is how deep a value is looked into; what lies deeper is kept as it is.
const maxDepth = 64

// appendValue appends a JSON value without line breaks, and with half surrogates
// replaced: a host's parser drops the whole message for one.
func appendValue(b []byte, v gjson.Result, depth int) []byte {
	switch {
	case v.Type == gjson.String:
		return abi.AppendString(b, v.String())
	case v.Type != gjson.JSON, depth >= maxDepth:
		return append(b, strings.TrimSpace(v.Raw)...)
	}
	list := v.IsArray()
	open, end := byte('{'), byte('}')
	if list {
		open, end = '[', ']'
	}
	b = append(b, open)
	first := true
	v.ForEach(func(key, value gjson.Result) bool {
		if !first {
			b = append(b, ',')
		}
		first = false
		if !list {
			b = append(abi.AppendString(b, key.String()), ':')
		}
		b = appendValue(b, value, depth+1)
		return true
	})
	return append(b, end)
}

// appendMember appends a member with a value that is JSON already.
func appendMember(b []byte, key string, v gjson.Result) []byte {
	return appendValue(abi.AppendKey(b, key), v, 0)
}

func appendText(b []byte, key, value string) []byte {
	return abi.AppendString(abi.AppendKey(b, key), value)
}

// appendKnown appends a member whose value must have a type. A text that came as
// another value becomes the text of it; what cannot be made right is left out.
func appendKnown(b []byte, key string, r role, v gjson.Result) []byte {
	if v.Type == gjson.Null {
		return b
	}
	switch r {
	case text:
		if v.Type != gjson.String {
			return appendText(b, key, string(appendValue(nil, v, 0)))
		}
	case number:
		switch {
		case v.Type == gjson.True || v.Type == gjson.False:
			n := byte('0')
			if v.Type == gjson.True {
				n = '1'
			}
			return append(abi.AppendKey(b, key), n)
		case v.Type != gjson.Number || !integral(v.Num):
			return b
		}
	case object:
		if !v.IsObject() {
			return b
		}
	}
	return appendMember(b, key, v)
}

// integral says whether a number fits the int of every host.
func integral(n float64) bool {
	return n == float64(int64(n)) && n >= 0 && n <= 1<<31-1
}
