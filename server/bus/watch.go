package bus

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// watchPause is how long a watch that was cut off waits before it begins again.
const watchPause = 200 * time.Millisecond

// Watch calls seen for every value now and in future, until ctx ends, and
// returns after the values of now were seen. A deleted key is seen with a nil
// Value; one that vanished by age is not seen. A watch that is cut off begins
// again, and shows every value once more.
func (b *Bucket) Watch(ctx context.Context, seen func(Entry)) error {
	w, err := b.watch(ctx)
	if err != nil {
		return err
	}
	complete := make(chan struct{})
	go func() {
		first := complete
		for w != nil {
			for e := range w.Updates() {
				if e != nil {
					seen(entryOf(e))
				} else if first != nil {
					close(first)
					first = nil
				}
			}
			w = b.watchAgain(ctx)
		}
	}()
	select {
	case <-complete:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (b *Bucket) watch(ctx context.Context) (jetstream.KeyWatcher, error) {
	kv, err := b.js.KeyValue(ctx, b.config.Name[len("KV_"):])
	if err != nil {
		return nil, err
	}
	return kv.WatchAll(ctx)
}

// watchAgain begins a watch that was cut off anew, as soon as that is possible.
// It returns nil when ctx ends.
func (b *Bucket) watchAgain(ctx context.Context) jetstream.KeyWatcher {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(watchPause):
		}
		if w, err := b.watch(ctx); err == nil {
			return w
		}
	}
}

func entryOf(e jetstream.KeyValueEntry) Entry {
	entry := Entry{Key: e.Key(), Value: e.Value(), Revision: e.Revision()}
	if e.Operation() != jetstream.KeyValuePut {
		entry.Value = nil
	}
	return entry
}
