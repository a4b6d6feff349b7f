// Package nimerr is the error that crosses every boundary of libnim: a row of
// the error table (api/errors.yaml, generated into kinds_gen.go) plus what the
// place that met it knows. The wire, core, the gateway and the C ABI share it.
package nimerr

import (
	"errors"
	"fmt"
	"time"
	"unicode/utf8"
)

// Domain says whose problem an error is.
type Domain string

// The four domains an application can act on.
const (
	Caller  Domain = "caller"  // the program called wrongly: fix the call
	Network Domain = "network" // the way to the server: it is retried
	Server  Domain = "server"  // the server itself
	Auth    Domain = "auth"    // account, token, policy: a person or the app's server must act
)

// A Kind is one row of the error table. Kinds are compared by pointer.
type Kind struct {
	Name      string // stable, snake_case; err_name on the ABI and the wire
	Code      int32  // result code as programs of the NIM ABI read it
	Domain    Domain
	Retryable bool
	Text      string // one English sentence without a full stop
	Tencent   int32  // the code Tencent IM gives the same thing; 0: none
	OpenIM    int32  // the code OpenIM gives the same thing; 0: none
}

// Error makes a bare Kind usable with errors.Is and as an error value.
func (k *Kind) Error() string { return k.Name + ": " + k.Text }

// New returns an error of this kind. detail adds what the kind's text does not
// say and must hold no secret; it may be empty.
func (k *Kind) New(detail string) *Error { return &Error{Kind: k, Detail: detail} }

// Newf is New with a formatted detail.
func (k *Kind) Newf(format string, a ...any) *Error { return k.New(fmt.Sprintf(format, a...)) }

// Wrap is New with a cause, whose text becomes the detail.
func (k *Kind) Wrap(cause error) *Error {
	return &Error{Kind: k, Detail: cause.Error(), Cause: cause}
}

// Error is a Kind that happened.
type Error struct {
	Kind       *Kind
	Detail     string        // appended to the kind's text; never a secret
	ServerCode int32         // the number another family or server used; 0: none
	RetryAfter time.Duration // when the server asks for a delay; 0: it does not
	Endpoint   string        // address that was tried, without query; may be empty
	Cause      error         // for logs and errors.Is only
}

// Error implements error: the kind's text, and the detail behind a colon.
func (e *Error) Error() string {
	if e.Detail == "" {
		return e.Kind.Text
	}
	return e.Kind.Text + ": " + e.Detail
}

// Unwrap makes errors.Is(err, nimerr.SomeKind) and causes visible.
func (e *Error) Unwrap() []error {
	if e.Cause == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Cause}
}

// At returns e with the endpoint set, unless one is set already.
func (e *Error) At(endpoint string) *Error {
	if e.Endpoint == "" {
		e.Endpoint = endpoint
	}
	return e
}

// From returns err as an *Error, wrapping anything else in fallback.
// A nil err stays nil.
func From(err error, fallback *Kind) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return fallback.Wrap(err)
}

// ByName returns the kind with that name, or nil.
func ByName(name string) *Kind { return byName[name] }

var byName = func() map[string]*Kind {
	m := make(map[string]*Kind, len(All))
	for _, k := range All {
		m[k.Name] = k
	}
	return m
}()

// Clip shortens what an error repeats to at most n bytes of whole characters.
func Clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
