package bus

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ErrCursor says that a cursor was not given by Page for this filter of this
// bucket, or before the bucket was made anew.
var ErrCursor = errors.New("this is not a cursor from here")

// Bounds of a walk.
const (
	walkBatch = 256              // keys asked for at once
	walkIdle  = 10 * time.Second // after which the engine forgets a walk that was cut off
)

// markKey names this incarnation of a bucket: revisions begin anew with it. No
// app or account has such a name.
const markKey = "mark"

// Page is a Walk in parts. It goes on where cursor says, "" being the beginning,
// and returns the cursor to go on with when yield ended it, which then has not
// taken its last entry, and "" when nothing is left.
func (b *Bucket) Page(ctx context.Context, filter, cursor string, yield func(Entry) bool) (next string, err error) {
	mark, err := b.mark(ctx)
	if err != nil {
		return "", fmt.Errorf("page: %w", err)
	}
	tag := fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(mark+b.prefix+filter)))
	after := uint64(0)
	if cursor != "" {
		revision, of, _ := strings.Cut(cursor, ".")
		if after, err = strconv.ParseUint(revision, 10, 64); err != nil || of != tag {
			return "", ErrCursor
		}
	}
	err = b.Walk(ctx, filter, after, func(e Entry) bool {
		if !yield(e) {
			next = fmt.Sprintf("%d.%s", after, tag)
			return false
		}
		after = e.Revision
		return true
	})
	return next, err
}

func (b *Bucket) mark(ctx context.Context) (string, error) {
	for {
		e, err := b.Get(ctx, markKey)
		if err != nil || e.Value != nil {
			return string(e.Value), err
		}
		if _, err = b.Set(ctx, markKey, []byte(rand.Text()), e.Revision, 0); err != nil && !errors.Is(err, ErrConflict) {
			return "", err
		}
	}
}

// Walk calls yield for every key that matches filter, has a value and was last
// written after the revision after, the oldest first, until yield returns
// false. A key that is written meanwhile comes (again) at the end, so that a
// walk which goes on from the last revision seen misses none.
//
// A consumer shows the keys many at a time, but as one replica has them, which
// may be behind the leader or go away. So the leader is asked for the rest, and
// only it says that nothing is left.
func (b *Bucket) Walk(ctx context.Context, filter string, after uint64, yield func(Entry) bool) error {
	w := walk{b: b, filter: b.prefix + filter, last: after, yield: yield}
	w.consume(ctx)
	for !w.ended {
		m, err := b.read(ctx, func(ctx context.Context) (*jetstream.RawStreamMsg, error) {
			return b.stream.GetMsg(ctx, w.last+1, jetstream.WithGetMsgSubject(w.filter))
		})
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("walk: %w", availability(err))
		}
		w.take(m.Subject, m.Header, m.Data, m.Sequence)
	}
	return nil
}

type walk struct {
	b      *Bucket
	filter string
	yield  func(Entry) bool
	last   uint64 // revision that was seen last
	ended  bool   // yield has enough
}

// consume walks as far as a consumer gets.
func (w *walk) consume(ctx context.Context) {
	c, err := w.b.stream.CreateConsumer(ctx, jetstream.ConsumerConfig{
		FilterSubject: w.filter, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: w.last + 1,
		AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, Replicas: 1, InactiveThreshold: walkIdle,
	})
	if err != nil {
		return
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = w.b.stream.DeleteConsumer(ctx, c.CachedInfo().Name)
	}()
	left, seen := c.CachedInfo().NumPending, uint64(0)
	for left > 0 && ctx.Err() == nil {
		batch, err := c.FetchNoWait(int(min(left, walkBatch)))
		if err != nil {
			return
		}
		before := seen
		for m := range batch.Messages() {
			meta, err := m.Metadata()
			if seen++; err != nil || meta.Sequence.Consumer != seen { // a gap
				return
			}
			left = meta.NumPending
			if w.take(m.Subject(), m.Headers(), m.Data(), meta.Sequence.Stream); w.ended {
				return
			}
		}
		if batch.Error() != nil || seen == before {
			return
		}
	}
}

func (w *walk) take(subject string, header nats.Header, data []byte, revision uint64) {
	if !deleted(header) {
		w.ended = !w.yield(Entry{Key: subject[len(w.b.prefix):], Value: data, Revision: revision})
	}
	w.last = revision
}
