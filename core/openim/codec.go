package openim

import (
	"maps"
	"reflect"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/nimerr"
)

// A request is how one request type of package backend travels: in an envelope,
// or in a way of its own.
type request struct {
	op     int32                                             // of the envelope
	encode func(l *link, r backend.Request) []byte           // its data
	answer func(l *link, data []byte) (any, error)           // of the reply; nil: there is none
	send   func(l *link, id uint64, r backend.Request) error // instead of an envelope
}

// requests are those that OpenIM has, by the type of the request; pushes are the
// envelopes that it sends by itself. Each module has a file with its part of
// both.
var (
	requests = merged(sessionRequests, kickRequests, messageRequests)
	pushes   = merged(sessionPushes, messagePushes)
)

type (
	requestTable = map[reflect.Type]*request
	pushTable    = map[int32]func(l *link, data []byte)
)

func merged[K comparable, V any](parts ...map[K]V) map[K]V {
	all := map[K]V{}
	for _, p := range parts {
		maps.Copy(all, p)
	}
	return all
}

// of is the key of a request type.
func of[R any]() reflect.Type { return reflect.TypeFor[R]() }

// awaited is a request on the wire, by the msgIncr of its envelope.
type awaited struct {
	id    uint64 // 0: asked by the link itself
	reply func(l *link, r *response, bad *nimerr.Error)
}

// answered makes the Answer of a reply.
func (how *request) answered(id uint64) func(l *link, r *response, bad *nimerr.Error) {
	return func(l *link, r *response, bad *nimerr.Error) {
		a := backend.Answer{ID: id, Err: bad}
		if bad == nil && how.answer != nil {
			var err error
			if a.Body, err = how.answer(l, r.Data); err != nil {
				l.end(nimerr.ProtocolError.Newf("reply to %d: %v", how.op, err))
				return
			}
		}
		l.queue = append(l.queue, a)
	}
}
