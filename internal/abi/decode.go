// Package abi is the JSON side of the C ABI: the objects that programs pass
// and receive, generated from api/ (payloads_gen.go), and the strict reading
// and plain writing below them.
package abi

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/libnim/libnim/internal/nimerr"
)

// maxUnknown bounds how many unknown keys are named.
const maxUnknown = 20

// maxQuoted bounds how much of a wrong value an error repeats.
const maxQuoted = 32

// A memberFunc takes one member of an object.
type memberFunc func(d *decoder, key string, r gjson.Result)

// decoder reads typed values and keeps the first fault with its path. A member
// that is null counts as absent, a key that nobody takes is
// ignored, but named.
type decoder struct {
	argument string
	path     []string
	ignored  *[]string // unknown keys; nil: they are not asked for
	err      *nimerr.Error
}

// decode reads one JSON object, which is the argument of that name. Text of white
// space alone is an empty object. The caller has checked the nesting of text,
// which bounds the parser's stack.
func decode(argument, text string, unknown *[]string, member memberFunc) error {
	text = strings.TrimPrefix(text, byteOrderMark)
	if strings.TrimSpace(text) == "" {
		return nil
	}
	if fault := JSONFault(text); fault != "" {
		return nimerr.InvalidArgument.New(argument + ": " + fault)
	}
	r := gjson.Parse(text)
	if r.Type == gjson.Null {
		return nil
	}
	d := &decoder{argument: argument, ignored: unknown}
	d.object(r, member)
	if d.err != nil {
		return d.err
	}
	return nil
}

// unknown notes the present key, which nobody takes.
func (d *decoder) unknown() {
	if d.ignored != nil && len(*d.ignored) < maxUnknown {
		*d.ignored = append(*d.ignored, nimerr.Clip(strings.Join(d.path, "."), 80))
	}
}

// want records that the current value should have been something else.
func (d *decoder) want(what string, r gjson.Result) { d.wantNot(what, describe(r)) }

func (d *decoder) wantNot(what, got string) {
	if d.err != nil {
		return
	}
	at := cmp.Or(strings.Join(d.path, "."), d.argument)
	d.err = nimerr.InvalidArgument.New(at + ": want " + what + ", got " + got)
}

// describe names a value in an error.
func describe(r gjson.Result) string {
	switch {
	case r.Type == gjson.String:
		return "a string " + strconv.Quote(nimerr.Clip(r.Str, maxQuoted))
	case r.Type == gjson.Number:
		if len(r.Raw) > maxQuoted {
			return "a long number"
		}
		return "the number " + r.Raw
	case r.IsObject():
		return "an object"
	case r.IsArray():
		return "an array"
	}
	return r.Raw
}

// object hands each member that is not null to member, until a fault.
func (d *decoder) object(r gjson.Result, member memberFunc) {
	if !r.IsObject() {
		d.want("an object", r)
		return
	}
	r.ForEach(func(key, value gjson.Result) bool {
		if value.Type != gjson.Null {
			d.path = append(d.path, key.Str)
			member(d, key.Str, value)
			d.path = d.path[:len(d.path)-1]
		}
		return d.err == nil
	})
}

// objectOrBool is object, but ignores a bool.
func (d *decoder) objectOrBool(r gjson.Result, member memberFunc) {
	if r.IsBool() {
		return
	}
	d.object(r, member)
}

func (d *decoder) text(r gjson.Result, to *string) {
	if r.Type == gjson.Number { // not repeated: what should be a text may be a secret
		d.wantNot("a string", "a number")
		return
	}
	if r.Type != gjson.String {
		d.want("a string", r)
		return
	}
	*to = r.Str
}

// integer reads a whole number; an int member is 32 bits wide on every host.
func integer[T int | int64](d *decoder, r gjson.Result, to *T) {
	bits := 32
	if _, wide := any(to).(*int64); wide {
		bits = 64
	}
	n, err := strconv.ParseInt(r.Raw, 10, bits)
	if r.Type != gjson.Number || err != nil {
		d.want("an integer", r)
		return
	}
	*to = T(n)
}

// bool reads true or false, and 0 or 1 where programs send that.
func (d *decoder) bool(r gjson.Result, to *bool, acceptInt bool) {
	switch {
	case r.IsBool():
		*to = r.Type == gjson.True
	case acceptInt && (r.Raw == "0" || r.Raw == "1"):
		*to = r.Raw == "1"
	default:
		d.want("true or false", r)
	}
}

// optionalBool tells an absent bool (nil) from false.
func (d *decoder) optionalBool(r gjson.Result, to **bool, acceptInt bool) {
	var b bool
	d.bool(r, &b, acceptInt)
	if d.err == nil {
		*to = &b
	}
}

// texts reads an array of strings, and one string where programs send that.
// An empty string alone is an empty list.
func (d *decoder) texts(r gjson.Result, to *[]string, acceptOne bool) {
	if acceptOne && r.Type == gjson.String {
		*to = nil
		if r.Str != "" {
			*to = []string{r.Str}
		}
		return
	}
	if !r.IsArray() {
		d.want("an array of strings", r)
		return
	}
	list := []string{}
	r.ForEach(func(_, value gjson.Result) bool {
		d.path = append(d.path, strconv.Itoa(len(list)))
		var s string
		d.text(value, &s)
		d.path = d.path[:len(d.path)-1]
		list = append(list, s)
		return d.err == nil
	})
	*to = list
}
