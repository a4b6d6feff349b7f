package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// oldApps is the stream that has the apps of a nimd from before there was a
// store.
const oldApps = "KV_nim_apps"

// OldFiles reports whether a data directory has the files of a nimd from before
// there was a store.
func OldFiles(dir string) bool {
	found, _ := filepath.Glob(filepath.Join(dir, "jetstream", "jetstream", "*", "streams", oldApps))
	return len(found) > 0
}

// Old is what a nimd from before there was a store kept in JetStream.
type Old struct {
	js    jetstream.JetStream
	close func()
}

// Close ends what serves it.
func (o *Old) Close() { o.close() }

// OpenOldFiles serves those files until Close.
func OpenOldFiles(ctx context.Context, dir string, log *slog.Logger) (*Old, error) {
	engine, err := startEngine(filepath.Join(dir, "jetstream"), engineLog{log: log})
	if err != nil {
		return nil, err
	}
	stop := func() { engine.Shutdown(); engine.WaitForShutdown() }
	conn, err := nats.Connect("", nats.InProcessServer(engine))
	var js jetstream.JetStream
	if err == nil {
		js, err = jetstream.New(conn)
	}
	if err == nil {
		_, err = js.Stream(ctx, oldApps)
	}
	if err != nil {
		stop()
		return nil, err
	}
	return &Old{js, func() { conn.Close(); stop() }}, nil
}

// Old returns what the cluster's JetStream has of a nimd from before there was a
// store, or nil.
func (b *Bus) Old(ctx context.Context) (*Old, error) {
	js, err := jetstream.New(b.Conn)
	if err != nil {
		return nil, err
	}
	_, err = js.Stream(ctx, oldApps)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &Old{js, func() {}}, nil
}

// Read calls take for all values of a bucket. It is an error when not all
// came.
func (o *Old) Read(ctx context.Context, bucket string, take func(key string, value []byte) error) error {
	stream, err := o.js.Stream(ctx, "KV_"+bucket)
	if err != nil {
		return fmt.Errorf("%s: %w", bucket, err)
	}
	kv, err := o.js.KeyValue(ctx, bucket)
	if err != nil {
		return fmt.Errorf("%s: %w", bucket, err)
	}
	w, err := kv.WatchAll(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", bucket, err)
	}
	defer func() { _ = w.Stop() }()
	came := uint64(0)
	for e := range w.Updates() {
		if e == nil {
			break
		}
		came++
		if e.Operation() != jetstream.KeyValuePut {
			continue
		}
		if err := take(e.Key(), e.Value()); err != nil {
			return fmt.Errorf("%s: %w", bucket, err)
		}
	}
	if want := stream.CachedInfo().State.Msgs; came < want {
		return fmt.Errorf("%s: %d of %d keys came", bucket, came, want)
	}
	return nil
}
