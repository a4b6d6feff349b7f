// Package server wires nimd together: the bus, what is kept on it, the edge
// that clients connect to, and the HTTP endpoints around it.
package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/libnim/libnim/server/accounts"
	"github.com/libnim/libnim/server/auth"
	"github.com/libnim/libnim/server/bus"
	"github.com/libnim/libnim/server/gateway"
	"github.com/libnim/libnim/server/metrics"
	"github.com/libnim/libnim/server/presence"
	"github.com/libnim/libnim/server/uploads"
)

// Server is a running nimd.
type Server struct {
	cfg     Config
	log     *slog.Logger
	bus     *bus.Bus
	gateway *gateway.Gateway
	apps    *accounts.Apps
	store   *accounts.Store
	people  *presence.Store

	metrics metrics.Registry
	certs   *certificates // nil without TLS
	public  *endpoint     // what clients reach
	private *endpoint     // what the operator reaches; may be public

	lock      *os.File // of the data directory; nil on a cluster
	stopWatch context.CancelFunc
	closing   sync.Once
	closed    error // set by closing
	adminKey  string
	firstRun  bool // secrets were made at this start
}

// startTimeout bounds a start; a cluster that is not there fails it.
const startTimeout = 30 * time.Second

// Start brings a server up; it takes clients when Start returns.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{cfg: cfg, log: cfg.Log, stopWatch: func() {}}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := s.start(ctx); err != nil {
		s.closeParts()
		return nil, err
	}
	return s, nil
}

func (s *Server) start(ctx context.Context) error {
	err := os.MkdirAll(s.cfg.DataDir, 0o700)
	if err != nil {
		return fmt.Errorf("data: %w", err)
	}
	if len(s.cfg.NATS) == 0 && s.cfg.Engine == nil { // the files of an engine have one owner
		if s.lock, err = lockDir(s.cfg.DataDir); err != nil {
			return fmt.Errorf("data: %w", err)
		}
	}
	pepper, _, err := loadSecret(s.cfg.DataDir, pepperFile)
	if err != nil {
		return fmt.Errorf("pepper: %w", err)
	}
	s.adminKey, s.firstRun, err = loadSecret(s.cfg.DataDir, adminKeyFile)
	if err != nil {
		return fmt.Errorf("admin key: %w", err)
	}
	engineErrors := s.metrics.Counter("nimd_engine_errors_total", "Errors of the embedded engine, such as a full disk.", "")
	s.bus, err = bus.Open(ctx, bus.Config{
		Dir: s.cfg.DataDir, URLs: s.cfg.NATS, Credentials: s.cfg.NATSCreds, Replicas: s.cfg.Replicas,
		Engine: s.cfg.Engine, LeaseTTL: s.cfg.Lease, Log: s.log,
		EngineError: func() { engineErrors.Inc("") },
	})
	if err != nil {
		return err
	}
	if err := s.checkPepper(ctx, pepper); err != nil {
		return err
	}
	var watch context.Context
	watch, s.stopWatch = context.WithCancel(context.Background())
	if s.apps, err = accounts.OpenApps(watch, s.bus, s.log); err != nil {
		return err
	}
	s.store = accounts.NewStore(s.bus, []byte(pepper))
	lease := presence.NewLease(s.bus, s.cfg.Clock, s.log)
	s.people = presence.NewStore(s.bus, lease, s.apps.Policy, s.log)
	if s.gateway, err = s.newGateway(ctx); err != nil {
		return err
	}
	if err := s.listen(watch); err != nil {
		return err
	}
	// Its secret is told once, by a start that has succeeded: nothing may fail
	// from here on.
	created, err := s.apps.CreateFirst(ctx)
	if err != nil {
		return fmt.Errorf("first app: %w", err)
	}
	s.firstRun = s.firstRun || created
	s.serve()
	return nil
}

func (s *Server) newGateway(ctx context.Context) (*gateway.Gateway, error) {
	logs, err := uploads.Open(filepath.Join(s.cfg.DataDir, "client-logs"), uploads.DefaultLimits)
	if err != nil {
		return nil, fmt.Errorf("client logs: %w", err)
	}
	limits := gateway.DefaultLimits
	if s.cfg.Limits != nil {
		limits = *s.cfg.Limits
	}
	return gateway.New(ctx, gateway.Config{
		Version: s.cfg.Version, Heartbeat: s.cfg.Heartbeat, Origins: s.cfg.Origins, DrainSpread: s.cfg.DrainSpread,
		LoginTimeout: s.cfg.LoginTimeout, OutboxBytes: s.cfg.OutboxBytes,
		Trusted: s.cfg.Trusted, Limits: limits, Uploads: logs, Metrics: &s.metrics, Log: s.log,
	}, s.bus, s.people, s.apps, s.store, auth.NewVerifier(s.store, s.log, nil))
}

// Close tells the clients to go, waits until they are off line, and stops.
func (s *Server) Close() error {
	s.closing.Do(func() { s.closed = s.close() })
	return s.closed
}

func (s *Server) close() error {
	_ = s.public.listener.Close() // nobody new
	s.gateway.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	err := s.public.stop(ctx)
	if s.private != s.public {
		err = errors.Join(err, s.private.stop(ctx))
	}
	s.closeParts()
	return err
}

// ReloadTLS reads the certificate files again. They are also read when they
// change, so this only makes it happen now.
func (s *Server) ReloadTLS() error {
	if s.certs == nil {
		return nil
	}
	return s.certs.load()
}

// closeParts stops what start began, in reverse. The bus goes last.
func (s *Server) closeParts() {
	for _, e := range []*endpoint{s.public, s.private} {
		if e != nil {
			_, _ = e.http.Close(), e.listener.Close() // http closes what it serves already
		}
	}
	if s.gateway != nil {
		s.gateway.Close()
	}
	s.stopWatch()
	if s.bus != nil {
		s.bus.Close()
	}
	if s.lock != nil {
		_ = s.lock.Close()
	}
}

// checkPepper refuses a pepper other than the one the accounts were hashed with.
func (s *Server) checkPepper(ctx context.Context, pepper string) error {
	const key = "pepper-check"
	want := pepperCheck(pepper)
	e, err := s.bus.Accounts.Get(ctx, key)
	if err != nil {
		return err
	}
	if e.Value == nil {
		_, err = s.bus.Accounts.Set(ctx, key, want, e.Revision, 0)
		if errors.Is(err, bus.ErrConflict) {
			return s.checkPepper(ctx, pepper)
		}
		return err
	}
	if !bytes.Equal(e.Value, want) {
		return fmt.Errorf("the file %q in the data directory is not the one that the stored accounts were made with; copy it from another edge", pepperFile)
	}
	return nil
}
