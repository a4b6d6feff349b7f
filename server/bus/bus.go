// Package bus is the gateway's only way to NATS: an engine inside this process
// or a cluster by URL, the buckets on it, which are in memory, and the names of
// keys and subjects. Nothing else in the server knows which engine it runs on.
package bus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// DefaultLeaseTTL is how long an edge's lease lives without a refresh. A cluster
// that lost a server needs up to 9 s to choose another leader, in which no lease
// can be refreshed.
const DefaultLeaseTTL = 30 * time.Second

// A NATS server is asked whether it answers; one that misses the answer twice is
// left for another.
const (
	DefaultPing    = time.Second
	maxMissedPongs = 2
)

// Config says which engine to use.
type Config struct {
	// Dir is where an embedded engine may write.
	Dir string
	// URLs are the servers of an external cluster; empty: embed an engine.
	URLs []string
	// Engine is an engine that already runs in this process; set by a program
	// that puts several edges on one engine. It is not stopped by Close.
	Engine *natsserver.Server
	// Replicas of each bucket on a cluster. Embedded engines keep one.
	Replicas int
	// LeaseTTL is the age limit of the lease bucket, the same for every edge of
	// a cluster; 0: DefaultLeaseTTL.
	LeaseTTL time.Duration
	// Ping is how often a NATS server is asked whether it answers; 0:
	// DefaultPing.
	Ping time.Duration
	// Credentials is a NATS credentials file for a cluster; may be empty.
	Credentials string
	Log         *slog.Logger
	EngineError func() // called for each error of an embedded engine; may be nil
}

// Bus is a connection to the engine with every bucket open.
type Bus struct {
	Conn     *nats.Conn // for this package and tests; others use the methods
	Presence *Bucket    // memory; one record per account
	Leases   *Bucket    // memory; one lease per edge, gone LeaseTTL after its last refresh

	LeaseTTL time.Duration

	engine *natsserver.Server // owned; nil when the engine belongs to somebody else
}

// Open starts or reaches the engine and makes sure that every bucket exists.
func Open(ctx context.Context, cfg Config) (*Bus, error) {
	b := &Bus{LeaseTTL: cfg.LeaseTTL}
	if b.LeaseTTL == 0 {
		b.LeaseTTL = DefaultLeaseTTL
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if err := b.connect(cfg); err != nil {
		b.Close()
		return nil, err
	}
	js, err := jetstream.New(b.Conn)
	if err != nil {
		b.Close()
		return nil, fmt.Errorf("jetstream: %w", err)
	}
	replicas := max(cfg.Replicas, 1)
	if len(cfg.URLs) == 0 {
		replicas = 1
	}
	for _, want := range []struct {
		to     **Bucket
		name   string
		maxAge time.Duration
	}{
		{&b.Presence, "nim_presence", 0},
		{&b.Leases, "nim_leases", b.LeaseTTL},
	} {
		bucket, err := openPatiently(ctx, cfg.Log, func(ctx context.Context) (*Bucket, error) {
			return openBucket(ctx, js, want.name, want.maxAge, replicas)
		})
		if err != nil {
			b.Close()
			return nil, fmt.Errorf("bucket %s: %w", want.name, explained(err, replicas))
		}
		*want.to = bucket
	}
	return b, nil
}

// Opening a bucket is tried again while the cluster has no leader: it may have
// started together with this edge, and a request without a leader is lost.
const (
	openTimeout = 3 * time.Second
	openPause   = 200 * time.Millisecond
)

func openPatiently(ctx context.Context, log *slog.Logger, open func(context.Context) (*Bucket, error)) (*Bucket, error) {
	for {
		try, cancel := context.WithTimeout(ctx, openTimeout)
		b, err := open(try)
		cancel()
		if !errors.Is(availability(err), ErrUnavailable) || errors.Is(err, nats.ErrNoResponders) {
			return b, err
		}
		log.Warn("bus: JetStream is not available yet", "err", err)
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(openPause):
		}
	}
}

// explained adds what to do about an error of the cluster.
func explained(err error, replicas int) error {
	if errors.Is(err, nats.ErrNoResponders) {
		return fmt.Errorf("JetStream is not enabled on the NATS server, or not for this account: %w", err)
	}
	if api, ok := errors.AsType[*jetstream.APIError](err); ok && replicas > 1 &&
		(api.ErrorCode == codeNotClustered || api.ErrorCode == codeNoPeers) {
		return fmt.Errorf("nats-replicas: %d copies need a cluster of as many NATS servers, a single one 1: %w", replicas, err)
	}
	return err
}

// Errors of JetStream that the client library has no name for.
const (
	codeNotClustered = 10074 // replicas > 1 not supported in non-clustered mode
	codeNoPeers      = 10005 // no suitable peers for placement
)

// Ensure creates the buckets that are missing, as after a cluster was restarted
// as a whole and lost what it kept in memory.
func (b *Bus) Ensure(ctx context.Context) error {
	for _, bucket := range []*Bucket{b.Presence, b.Leases} {
		if err := bucket.ensure(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Alone reports that no other edge can be on the engine: it is this process's
// own and listens nowhere.
func (b *Bus) Alone() bool { return b.engine != nil }

// Probe reports whether a cluster can be reached and has JetStream. It changes
// nothing.
func Probe(ctx context.Context, cfg Config) error {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	var b Bus
	defer b.Close()
	if err := b.connect(cfg); err != nil {
		return err
	}
	js, err := jetstream.New(b.Conn)
	if err == nil {
		_, err = js.AccountInfo(ctx)
	}
	return explained(err, cfg.Replicas)
}

// Healthy reports whether the engine is reachable right now.
func (b *Bus) Healthy() bool { return b.Conn != nil && b.Conn.IsConnected() }

// Close leaves the engine, and stops it when this bus started it.
func (b *Bus) Close() {
	if b.Conn != nil {
		b.Conn.Close()
	}
	if b.engine != nil {
		b.engine.Shutdown()
		b.engine.WaitForShutdown()
	}
}

func (b *Bus) connect(cfg Config) error {
	ping := cmp.Or(cfg.Ping, DefaultPing)
	opts := []nats.Option{
		nats.Name("nimd"),
		nats.PingInterval(ping),
		nats.MaxPingsOutstanding(maxMissedPongs),
		nats.FlusherTimeout(maxMissedPongs * ping), // a frozen server reads nothing either
		nats.MaxReconnects(-1),
		nats.ReconnectWait(100 * time.Millisecond),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				cfg.Log.Warn("bus: connection lost", "err", err)
			}
		}),
		nats.ReconnectHandler(func(c *nats.Conn) { cfg.Log.Info("bus: connected again", "server", c.ConnectedServerName()) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { cfg.Log.Warn("bus: error", "err", err) }),
	}
	servers := nats.DefaultURL
	switch {
	case len(cfg.URLs) > 0:
		servers = strings.Join(cfg.URLs, ",")
		if cfg.Credentials != "" {
			opts = append(opts, nats.UserCredentials(cfg.Credentials))
		}
	case cfg.Engine != nil:
		opts = append(opts, nats.InProcessServer(cfg.Engine))
	case cfg.Dir == "":
		return errors.New("the embedded engine needs a directory")
	default:
		engine, err := startEngine(filepath.Join(cfg.Dir, "engine"), engineLog{cfg.Log, cfg.EngineError})
		if err != nil {
			return err
		}
		b.engine = engine
		opts = append(opts, nats.InProcessServer(engine))
	}
	nc, err := nats.Connect(servers, opts...)
	if _, bad := errors.AsType[*url.Error](err); bad { // which repeats the URL, password and all
		err = errors.New("the URL of a server cannot be read")
	}
	if err != nil {
		return fmt.Errorf("connect to NATS: %w", err)
	}
	b.Conn = nc
	return nil
}

// startEngine runs NATS inside this process, without a listener. JetStream wants
// a directory, although nothing that it keeps there has to last.
func startEngine(dir string, log engineLog) (*natsserver.Server, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	s, err := natsserver.NewServer(&natsserver.Options{
		ServerName: "nimd",
		DontListen: true,
		JetStream:  true,
		StoreDir:   dir,
		NoSigs:     true,
	})
	if err != nil {
		return nil, fmt.Errorf("embedded NATS: %w", err)
	}
	s.SetLoggerV2(log, false, false, false)
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		s.Shutdown()
		return nil, errors.New("embedded NATS did not become ready in 10 s")
	}
	return s, nil
}
