package nimlink

import (
	"reflect"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/wire"
)

// A request is how one request type of package backend travels.
type request struct {
	op      wire.Op
	asked   bool                                 // only a server that names op among its features knows it
	encode  func(l *link, r backend.Request) any // the body of the frame; nil: none
	answer  func(f *wire.Frame) (any, error)     // the body of the answer; nil: none
	refused func(f *wire.Frame) (any, error)     // the body beside a refusal; nil: none
}

// requests are those that this protocol has, by the type of the request; pushes
// are what the server says by itself, by operation. Each module has a file with
// its part of both.
var (
	requests = merged(sessionRequests, kickRequests, pushRequests, uploadRequests, messageRequests, historyRequests,
		recallRequests)
	pushes = merged(sessionPushes, pushPushes, messagePushes)
)

type (
	requestTable = map[reflect.Type]*request
	pushTable    = map[wire.Op]func(f *wire.Frame) (any, error)
)

func merged[K comparable, V any](parts ...map[K]V) map[K]V {
	all := map[K]V{}
	for _, p := range parts {
		for k, v := range p {
			all[k] = v
		}
	}
	return all
}

// of is the key of a request type.
func of[R any]() reflect.Type { return reflect.TypeFor[R]() }

// encode makes an encoder of a function of one request type.
func encode[R any](body func(r R) any) func(*link, backend.Request) any {
	return func(_ *link, r backend.Request) any { return body(r.(R)) }
}

// decode makes a decoder of a function of one body.
func decode[W any](to func(w *W) any) func(f *wire.Frame) (any, error) {
	return func(f *wire.Frame) (any, error) {
		w, err := body[W](f)
		if err != nil {
			return nil, err
		}
		return to(&w), nil
	}
}
