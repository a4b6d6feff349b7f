package journal

import (
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/libnim/libnim/internal/nimerr"
)

// Bounds that keep one line from filling the ring. What is cut is said so in
// the line.
const (
	maxValue = 2 << 10 // bytes of one text, after scrubbing
	maxLine  = 8 << 10 // a line past this takes no further fields
)

// A Field is one key with its value.
type Field struct {
	key  string
	kind kind
	num  int64
	text string
	err  error
}

type kind uint8

const (
	text kind = iota
	integer
	duration
	boolean
	failure
	quiet
)

// Str is a text.
func Str(key, value string) Field { return Field{key: key, kind: text, text: value} }

// Int is a whole number.
func Int(key string, value int64) Field { return Field{key: key, kind: integer, num: value} }

// Dur is a duration, written as <key>_ms: milliseconds with three decimals.
func Dur(key string, d time.Duration) Field {
	return Field{key: key, kind: duration, num: int64(d)}
}

// Bool is true or false.
func Bool(key string, value bool) Field {
	f := Field{key: key, kind: boolean}
	if value {
		f.num = 1
	}
	return f
}

// Err is an error: err with its text, and of a *nimerr.Error also err_name,
// and where they are known server_code, err_at (the endpoint) and err_cause.
// A nil error writes nothing.
func Err(err error) Field { return Field{kind: failure, err: err} }

// Quiet keeps the line from the callback. It is for what the callback, or the
// code that delivers it, has to say: such a line would call the callback,
// which would say it again.
func Quiet() Field { return Field{kind: quiet} }

// append writes the field, with a comma before it, scrubbed.
func (f *Field) append(line []byte, secrets *needles) []byte {
	switch f.kind {
	case text:
		return appendText(line, f.key, f.text, secrets)
	case integer:
		return appendNumber(appendKey(line, f.key, ""), strconv.FormatInt(f.num, 10), secrets)
	case duration:
		ms := strconv.FormatFloat(float64(f.num)/1e6, 'f', 3, 64)
		return appendNumber(appendKey(line, f.key, "_ms"), ms, secrets)
	case boolean:
		return strconv.AppendBool(appendKey(line, f.key, ""), f.num != 0)
	case failure:
		return appendError(line, f.err, secrets)
	case quiet:
	}
	return line
}

func appendError(line []byte, err error, secrets *needles) []byte {
	if err == nil {
		return line
	}
	e, ok := errors.AsType[*nimerr.Error](err)
	if !ok {
		if k, ok := errors.AsType[*nimerr.Kind](err); ok && k != nil {
			line = appendText(line, "err_name", k.Name, nil)
		}
		return appendText(line, "err", err.Error(), secrets)
	}
	if e == nil { // a typed nil
		return line
	}
	line = appendText(line, "err_name", e.Kind.Name, nil)
	line = appendText(line, "err", err.Error(), secrets)
	if e.ServerCode != 0 {
		line = appendInt(appendKey(line, "server_code", ""), int64(e.ServerCode))
	}
	if e.Endpoint != "" {
		line = appendText(line, "err_at", e.Endpoint, secrets)
	}
	if e.Cause != nil {
		if cause := e.Cause.Error(); !strings.Contains(e.Detail, cause) {
			line = appendText(line, "err_cause", cause, secrets)
		}
	}
	return line
}

// appendHead opens the object with time, level and event.
func appendHead(line []byte, t time.Time, level Level, event string) []byte {
	line = append(line, `{"t":"`...)
	line = t.UTC().AppendFormat(line, "2006-01-02T15:04:05.000Z")
	line = append(line, `","lvl":"`...)
	line = append(line, level.String()...)
	line = append(line, `","ev":`...)
	return appendQuoted(line, event)
}

func appendKey(line []byte, key, suffix string) []byte {
	line = append(line, ',')
	line = appendQuoted(line, key)
	if suffix != "" {
		line = append(line[:len(line)-1], suffix...)
		line = append(line, '"')
	}
	return append(line, ':')
}

// appendText writes key and value. The value is scrubbed before it is cut, or
// half a secret could be left at the cut.
func appendText(line []byte, key, value string, secrets *needles) []byte {
	value = secrets.scrub(value)
	cut := len(value) - maxValue
	if cut > 0 {
		end := maxValue
		for end > maxValue-utf8.UTFMax && !utf8.RuneStart(value[end]) {
			end--
		}
		cut, value = len(value)-end, value[:end]
	}
	line = appendQuoted(appendKey(line, key, ""), value)
	if cut > 0 {
		line = appendInt(appendKey(line, key, "_cut_bytes"), int64(cut))
	}
	return line
}

// appendNumber writes digits, or "***" where they hold a secret: passwords
// made of digits exist.
func appendNumber(line []byte, digits string, secrets *needles) []byte {
	if secrets.scrub(digits) != digits {
		return appendQuoted(line, mask)
	}
	return append(line, digits...)
}

func appendInt(line []byte, n int64) []byte { return strconv.AppendInt(line, n, 10) }

// appendQuoted writes s as a JSON string: printable Unicode as it is, bytes
// that are not UTF-8 as U+FFFD, every control character escaped, so that a line
// stays a line and does nothing to a terminal.
func appendQuoted(line []byte, s string) []byte {
	const hex = "0123456789abcdef"
	line = append(line, '"')
	done := 0 // s up to here is in line
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c < 0x7f && c != '"' && c != '\\' {
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r >= 0xa0 && r != '\u2028' && r != '\u2029' && (r != utf8.RuneError || size > 1) {
			i += size
			continue
		}
		line = append(line, s[done:i]...)
		switch {
		case c == '"' || c == '\\':
			line = append(line, '\\', c)
		case c == '\n':
			line = append(line, '\\', 'n')
		default:
			line = append(line, '\\', 'u', hex[r>>12], hex[r>>8&15], hex[r>>4&15], hex[r&15])
		}
		i += size
		done = i
	}
	line = append(line, s[done:]...)
	return append(line, '"')
}
