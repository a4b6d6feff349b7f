package bus

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ErrConflict means that the key has another revision than the writer expected.
var ErrConflict = errors.New("the key changed meanwhile")

// ErrUnavailable means that the engine could not be reached or has no leader
// for the bucket right now.
var ErrUnavailable = errors.New("the bus is not available")

// Bucket is a JetStream key-value bucket whose reads are answered by the
// stream's leader. Direct reads, the default of a KV bucket, may be behind a
// write that was already acknowledged.
type Bucket struct {
	js     jetstream.JetStream
	stream jetstream.Stream
	prefix string
	config jetstream.StreamConfig
}

// Entry is the newest value of a key. A key that was never set, or was
// deleted, has a nil Value; its Revision is still what Set must expect.
type Entry struct {
	Key      string
	Value    []byte
	Revision uint64
}

func openBucket(ctx context.Context, js jetstream.JetStream, name string, maxAge time.Duration, replicas int) (*Bucket, error) {
	b := &Bucket{js: js, prefix: "$KV." + name + "."}
	b.config = jetstream.StreamConfig{
		Name:              "KV_" + name,
		Subjects:          []string{b.prefix + ">"},
		MaxMsgsPerSubject: 1,
		MaxMsgs:           -1,
		MaxBytes:          -1,
		MaxConsumers:      -1,
		MaxMsgSize:        -1,
		MaxAge:            maxAge,
		Storage:           jetstream.MemoryStorage,
		Replicas:          replicas,
		Discard:           jetstream.DiscardNew,
		AllowRollup:       true,
		DenyDelete:        true,
		AllowMsgTTL:       true,
		// Any replica may answer a direct read, which is three times as fast;
		// only where there is one copy is that the leader.
		AllowDirect: replicas == 1,
	}
	if err := b.checkAge(ctx); err != nil {
		return nil, err
	}
	return b, b.ensure(ctx)
}

// checkAge refuses to change how long values in use live: an edge that relies
// on its lease for longer than the bucket keeps it would let a device be on line
// twice.
func (b *Bucket) checkAge(ctx context.Context) error {
	s, err := b.js.Stream(ctx, b.config.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if now := s.CachedInfo(); now.State.Msgs > 0 && now.Config.MaxAge != b.config.MaxAge {
		return fmt.Errorf("lease: the edges that run have %v, this one %v; to change it stop all edges, wait for as long, and give all of them the same",
			now.Config.MaxAge, b.config.MaxAge)
	}
	return nil
}

// ensure creates the bucket where it is missing.
func (b *Bucket) ensure(ctx context.Context) error {
	s, err := b.js.CreateOrUpdateStream(ctx, b.config)
	if err != nil {
		return err
	}
	if b.stream == nil { // a handle works by name: it stays good for a stream made anew
		b.stream = s
	}
	return nil
}

// Get reads a key from the leader.
func (b *Bucket) Get(ctx context.Context, key string) (Entry, error) {
	m, err := b.read(ctx, func(ctx context.Context) (*jetstream.RawStreamMsg, error) {
		return b.stream.GetLastMsgForSubject(ctx, b.prefix+key)
	})
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return Entry{Key: key}, nil
	}
	if err != nil {
		return Entry{}, fmt.Errorf("get: %w", availability(err))
	}
	e := Entry{Key: key, Value: m.Data, Revision: m.Sequence}
	if deleted(m.Header) {
		e.Value = nil
	}
	return e, nil
}

// A read is lost while the stream has no leader. It is done again, as there may
// be one by now.
const (
	readTimeout = 2 * time.Second
	readTries   = 4
)

func (b *Bucket) read(ctx context.Context, get func(context.Context) (*jetstream.RawStreamMsg, error)) (m *jetstream.RawStreamMsg, err error) {
	once := func() (lost bool) {
		try, cancel := context.WithTimeout(ctx, readTimeout)
		defer cancel()
		m, err = get(try)
		if errors.Is(err, nats.ErrNoResponders) {
			// An edge with other replicas may have ended direct reads. The
			// handle reads as its newest information says.
			if _, unknown := b.stream.Info(try); unknown == nil {
				m, err = get(try)
			}
		}
		return err != nil && try.Err() != nil
	}
	for range readTries {
		if lost := once(); !lost || ctx.Err() != nil {
			break
		}
	}
	return m, err
}

// Set writes value if the key still has the revision expect (0: absent), and
// returns the new revision. ErrConflict means that it was not written; any
// other error leaves that open. A ttl above 0 lets the value vanish after it.
func (b *Bucket) Set(ctx context.Context, key string, value []byte, expect uint64, ttl time.Duration) (uint64, error) {
	opts := []jetstream.PublishOpt{jetstream.WithExpectLastSequencePerSubject(expect)}
	if ttl > 0 {
		opts = append(opts, jetstream.WithMsgTTL(ttl))
	}
	return b.publish(ctx, &nats.Msg{Subject: b.prefix + key, Data: value}, opts...)
}

// Put writes value whatever was there.
func (b *Bucket) Put(ctx context.Context, key string, value []byte) (uint64, error) {
	return b.publish(ctx, &nats.Msg{Subject: b.prefix + key, Data: value})
}

// Delete marks the key as absent and returns the revision in which it is.
func (b *Bucket) Delete(ctx context.Context, key string) (uint64, error) {
	return b.publish(ctx, &nats.Msg{Subject: b.prefix + key, Header: nats.Header{"KV-Operation": []string{"DEL"}}})
}

// deleted reports whether a message marks its key as absent.
func deleted(h nats.Header) bool { return h.Get("KV-Operation") != "" }

func (b *Bucket) publish(ctx context.Context, m *nats.Msg, opts ...jetstream.PublishOpt) (uint64, error) {
	ack, err := b.js.PublishMsg(ctx, m, opts...)
	if err != nil {
		if api, ok := errors.AsType[*jetstream.APIError](err); ok && api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence {
			return 0, ErrConflict
		}
		return 0, fmt.Errorf("set: %w", availability(err))
	}
	return ack.Sequence, nil
}

// availability joins ErrUnavailable to the errors that another try may not meet.
func availability(err error) error {
	for _, passing := range []error{
		nats.ErrNoResponders, nats.ErrTimeout, nats.ErrConnectionClosed, nats.ErrConnectionReconnecting,
		jetstream.ErrNoStreamResponse, context.DeadlineExceeded, context.Canceled,
	} {
		if errors.Is(err, passing) {
			return errors.Join(ErrUnavailable, err)
		}
	}
	if api, ok := errors.AsType[*jetstream.APIError](err); ok && api.Code == http.StatusServiceUnavailable {
		return errors.Join(ErrUnavailable, err)
	}
	return err
}
