package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// ErrBeyond says that a walk was to begin behind the newest revision: its
// beginning is not from this bucket, or from before it was made anew.
var ErrBeyond = errors.New("there is no such revision yet")

// Bounds of a walk.
const (
	walkBatch = 256              // keys asked for at once
	walkIdle  = 10 * time.Second // after which the engine forgets a walk that was cut off
)

// Walk calls yield for every key that matches filter, has a value and was last
// written after the revision after, the oldest first, until yield returns
// false. A key that is written meanwhile comes (again) at the end, so that a
// walk which goes on from the last revision seen misses none.
func (b *Bucket) Walk(ctx context.Context, filter string, after uint64, yield func(Entry) bool) error {
	if after > 0 {
		if last, err := b.Last(ctx); err != nil {
			return err
		} else if after > last {
			return ErrBeyond
		}
	}
	c, err := b.stream.CreateConsumer(ctx, jetstream.ConsumerConfig{
		FilterSubject: b.prefix + filter, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: after + 1,
		AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, Replicas: 1, InactiveThreshold: walkIdle,
	})
	if err != nil {
		return fmt.Errorf("walk: %w", availability(err))
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = b.stream.DeleteConsumer(ctx, c.CachedInfo().Name)
	}()
	w := walk{b: b, pending: c.CachedInfo().NumPending, yield: yield}
	for w.pending > 0 && !w.ended {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("walk: %w", availability(err))
		}
		if err := w.batch(c); err != nil {
			return fmt.Errorf("walk: %w", availability(err))
		}
	}
	return nil
}

type walk struct {
	b       *Bucket
	yield   func(Entry) bool
	pending uint64 // what the engine has left
	seen    uint64
	ended   bool // yield has enough
}

// batch takes the next keys. A batch without one, or with a gap, was cut off.
func (w *walk) batch(c jetstream.Consumer) error {
	batch, err := c.FetchNoWait(int(min(w.pending, walkBatch)))
	if err != nil {
		return err
	}
	before := w.seen
	for m := range batch.Messages() {
		meta, err := m.Metadata()
		if err != nil {
			return err
		}
		w.seen++
		if meta.Sequence.Consumer != w.seen {
			return errCutOff
		}
		w.pending = meta.NumPending
		if deleted(m.Headers()) {
			continue
		}
		if !w.yield(Entry{Key: m.Subject()[len(w.b.prefix):], Value: m.Data(), Revision: meta.Sequence.Stream}) {
			w.ended = true
			return nil
		}
	}
	if err := batch.Error(); err != nil {
		return err
	}
	if w.seen == before {
		return errCutOff
	}
	return nil
}

var errCutOff = errors.Join(ErrUnavailable, errors.New("the listing was cut off"))
