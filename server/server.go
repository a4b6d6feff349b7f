// Package server wires nimd together: the bus, what is kept on it, the edge
// that clients connect to, and the HTTP endpoints around it.
package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/libnim/libnim/server/accounts"
	"github.com/libnim/libnim/server/admin"
	"github.com/libnim/libnim/server/auth"
	"github.com/libnim/libnim/server/bus"
	"github.com/libnim/libnim/server/gateway"
	"github.com/libnim/libnim/server/presence"
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

	listener net.Listener
	http     *http.Server
	served   chan error // one value when http has stopped

	stopWatch context.CancelFunc
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
	s := &Server{cfg: cfg, log: cfg.Log, served: make(chan error, 1), stopWatch: func() {}}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := s.start(ctx); err != nil {
		s.closeParts()
		return nil, err
	}
	return s, nil
}

func (s *Server) start(ctx context.Context) error {
	if err := os.MkdirAll(s.cfg.DataDir, 0o700); err != nil {
		return err
	}
	pepper, _, err := loadSecret(s.cfg.DataDir, pepperFile)
	if err != nil {
		return fmt.Errorf("pepper: %w", err)
	}
	s.adminKey, s.firstRun, err = loadSecret(s.cfg.DataDir, adminKeyFile)
	if err != nil {
		return fmt.Errorf("admin key: %w", err)
	}
	s.bus, err = bus.Open(ctx, bus.Config{
		Dir: s.cfg.DataDir, URLs: s.cfg.NATS, Credentials: s.cfg.NATSCreds, Replicas: s.cfg.Replicas,
		Engine: s.cfg.Engine, LeaseTTL: s.cfg.Lease, Log: s.log,
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
	if _, created, err := s.apps.CreateFirst(ctx); err != nil {
		return fmt.Errorf("first app: %w", err)
	} else if created {
		s.firstRun = true
	}
	s.store = accounts.NewStore(s.bus, []byte(pepper))
	lease := presence.NewLease(s.bus, s.cfg.Clock, s.log)
	s.people = presence.NewStore(s.bus, lease, s.apps.Policy, s.log)
	s.gateway, err = gateway.New(ctx, gateway.Config{
		Version: s.cfg.Version, Heartbeat: s.cfg.Heartbeat, Origins: s.cfg.Origins, Log: s.log,
	}, s.bus, s.people, s.apps, s.store, &auth.Verifier{Accounts: s.store})
	if err != nil {
		return err
	}
	return s.listen()
}

func (s *Server) listen() error {
	var err error
	if s.listener, err = net.Listen("tcp", s.cfg.Listen); err != nil {
		return err
	}
	s.http = &http.Server{
		Handler:           s.routes(),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	go func() { s.served <- s.http.Serve(s.listener) }()
	return nil
}

// Close tells the clients to go, waits until they are off line, and stops.
func (s *Server) Close() error {
	if s.http != nil {
		_ = s.listener.Close()
		s.gateway.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		_ = s.http.Shutdown(ctx)
		if err := <-s.served; !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			s.log.Warn("server: listener", "err", err)
		}
	}
	s.closeParts()
	return nil
}

// closeParts stops what start began, in reverse. The bus goes last.
func (s *Server) closeParts() {
	if s.http == nil && s.gateway != nil {
		s.gateway.Close()
	}
	s.stopWatch()
	if s.bus != nil {
		s.bus.Close()
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

func (s *Server) routes() http.Handler {
	api := &admin.API{
		Key: s.adminKey, Apps: s.apps, Accounts: s.store, Presence: s.people, Gateway: s.gateway, Log: s.log,
	}
	mux := http.NewServeMux()
	mux.Handle("/nim", s.gateway)
	mux.Handle("/v1/", api.Handler())
	mux.HandleFunc("GET /lbs", s.lbs)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := s.gateway.Ready(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("ok\n"))
	})
	return mux
}
