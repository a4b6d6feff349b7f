package nimlink

import (
	"fmt"
	"strings"
	"time"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/internal/wire"
)

// event reads a frame; nil for an op this version does not know.
func (l *link) event(f *wire.Frame) (backend.Event, error) {
	if f.Op == wire.OpReply {
		return l.reply(f)
	}
	if read := pushes[f.Op]; read != nil {
		return read(f)
	}
	return nil, nil
}

// reply reads the answer to a request; nil for a second one, or one to nothing
// that is waited for.
func (l *link) reply(f *wire.Frame) (backend.Event, error) {
	l.mu.Lock()
	r := l.sent[f.ID]
	delete(l.sent, f.ID)
	l.mu.Unlock()
	if r == nil {
		return nil, nil
	}
	a := backend.Answer{ID: f.ID}
	read := r.answer
	if f.Code != nimerr.OK.Code {
		a.Err, read = refusal(f), r.refused
	}
	if read == nil {
		return a, nil
	}
	var err error
	a.Body, err = read(f)
	return a, err
}

// refusal turns an error reply into a row of the table. A name this version
// does not know keeps its code, by way of a row of the same code if there is
// one.
func refusal(f *wire.Frame) *nimerr.Error {
	k := nimerr.ByName(f.ErrName)
	if k == nil || k.Code != f.Code {
		k = byCode(f)
	}
	e := k.New(detail(f, k))
	e.ServerCode, e.RetryAfter = f.ServerCode, delay(f.RetryAfterMS)
	return e
}

// detail is what the server says beyond the kind's text, which an error writes
// in front of it anyway.
func detail(f *wire.Frame, k *nimerr.Kind) string {
	if f.ErrMsg == k.Text {
		return ""
	}
	return strings.TrimPrefix(f.ErrMsg, k.Text+": ")
}

func byCode(f *wire.Frame) *nimerr.Kind {
	if f.Code == 0 {
		return nimerr.ServerError // an error reply without a code
	}
	for _, k := range nimerr.All {
		if k.Code == f.Code {
			return k
		}
	}
	name := f.ErrName
	if !isName(name) {
		name = "server_refused"
	}
	return &nimerr.Kind{Name: name, Code: f.Code, Domain: nimerr.Server, Text: "the server refused the request"}
}

// isName reports whether a text of the server can be an err_name.
func isName(s string) bool {
	strange := func(r rune) bool { return r != '_' && (r < 'a' || r > 'z') && (r < '0' || r > '9') }
	return s != "" && len(s) <= 64 && !strings.ContainsFunc(s, strange)
}

func body[T any](f *wire.Frame) (T, error) {
	var v T
	if err := f.DecodeBody(&v); err != nil {
		return v, fmt.Errorf("%s: %w", f.Op, err)
	}
	return v, nil
}

// at is the zero time for 0: never, or unknown.
func at(unixMS int64) time.Time {
	if unixMS == 0 {
		return time.Time{}
	}
	return time.UnixMilli(unixMS)
}

// ms is the reverse of at.
func ms(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// delay is what the server asks for, at most 5 minutes: a delay that is wrong
// must not keep a client away for longer than a person waits.
func delay(ms int64) time.Duration {
	return time.Duration(min(max(ms, 0), longestDelayMS)) * time.Millisecond
}
