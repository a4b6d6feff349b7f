package talk

import (
	"errors"
	"time"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server/metrics"
)

// stats are the counts of messages.
type stats struct {
	messages *metrics.Counter
	failed   *metrics.Counter
	sendFor  *metrics.Histogram
	pullFor  *metrics.Histogram
	headsFor *metrics.Histogram
	damaged  *metrics.Counter
}

func newStats(r *metrics.Registry) *stats {
	return &stats{
		messages: r.Counter("nimd_messages_total", "Messages of clients and of the app's server by result: stored, repeated, or the name of the error.", "result"),
		failed:   r.Counter("nimd_message_requests_failed_total", "Requests about messages that were answered with an error, by its name.", "result"),
		sendFor:  r.Histogram("nimd_send_seconds", "Time from a send to its answer.", 100*time.Microsecond, 10*time.Second),
		pullFor:  r.Histogram("nimd_pull_seconds", "Time from a pull to its answer.", 100*time.Microsecond, 10*time.Second),
		headsFor: r.Histogram("nimd_heads_seconds", "Time from a request for heads to its answer.", 100*time.Microsecond, 10*time.Second),
		damaged:  r.Counter("nimd_damaged_rows_total", "Rows of the store that did not match their checksum.", ""),
	}
}

func (s *stats) took(op wire.Op, d time.Duration, err error) {
	switch op {
	case wire.OpSend:
		s.sendFor.Observe(d)
	case wire.OpPull:
		s.pullFor.Observe(d)
	case wire.OpHeads:
		s.headsFor.Observe(d)
	}
	if err != nil {
		name := nimerr.ServerError.Name
		if e, ok := errors.AsType[*nimerr.Error](err); ok {
			name = e.Kind.Name
		}
		s.failed.Inc(name)
	}
}
