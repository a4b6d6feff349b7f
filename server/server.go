// Package server wires nimd together: the store, the bus, the edge
// that clients connect to, and the HTTP endpoints around it.
package server

import (
	"cmp"
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
	"github.com/libnim/libnim/server/deliver"
	"github.com/libnim/libnim/server/gateway"
	"github.com/libnim/libnim/server/metrics"
	"github.com/libnim/libnim/server/presence"
	"github.com/libnim/libnim/server/store"
	"github.com/libnim/libnim/server/talk"
	"github.com/libnim/libnim/server/uploads"
)

// Server is a running nimd.
type Server struct {
	cfg      Config
	log      *slog.Logger
	bus      *bus.Bus
	gateway  *gateway.Gateway
	db       *store.Store
	ownDB    bool // it is closed with this server
	marking  marking
	apps     *accounts.Apps
	accounts *accounts.Store
	people   *presence.Store
	deliver  *deliver.Deliver
	talk     *talk.Talk

	metrics    metrics.Registry
	sockets    sockets
	certs      *certificates // nil without TLS
	handshakes *handshakes   // nil without TLS
	public     *endpoint     // what clients reach
	private    *endpoint     // what the operator reaches; may be public

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
	if err := s.openStore(ctx); err != nil {
		return err
	}
	engineErrors := s.metrics.Counter("nimd_engine_errors_total", "Errors of the embedded engine, such as a full disk.", "")
	s.bus, err = bus.Open(ctx, bus.Config{
		Dir: s.cfg.DataDir, URLs: s.cfg.NATS, Credentials: s.cfg.NATSCreds, Replicas: s.cfg.Replicas,
		Engine: s.cfg.Engine, LeaseTTL: s.cfg.Lease, Ping: s.cfg.NATSPing, Log: s.log,
		EngineError: func() { engineErrors.Inc("") },
	})
	if err != nil {
		return err
	}
	proof := pepperCheck(pepper)
	if err := s.takeOver(ctx, proof); err != nil { // with the pepper of before, whatever this start has
		return err
	}
	if err := s.checkPepper(ctx, proof); err != nil {
		return err
	}
	var watch context.Context
	watch, s.stopWatch = context.WithCancel(context.Background())
	if s.apps, err = accounts.OpenApps(watch, s.db, s.log); err != nil {
		return err
	}
	s.accounts = accounts.NewStore(s.apps, []byte(pepper))
	lease := presence.NewLease(s.bus, s.cfg.Clock, s.log)
	s.people = presence.NewStore(s.bus, lease, s.apps.Policy, s.log)
	if s.gateway, err = s.newGateway(ctx); err != nil {
		return err
	}
	s.limitSockets()
	if err := s.startMessages(ctx); err != nil {
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
	logs, err := s.openLogs()
	if err != nil {
		return nil, fmt.Errorf("client-logs: %w", err)
	}
	limits := s.limits()
	return gateway.New(ctx, gateway.Config{
		Version: s.cfg.Version, Heartbeat: s.cfg.Heartbeat, Origins: s.cfg.Origins, DrainSpread: s.cfg.DrainSpread,
		LoginTimeout: s.cfg.LoginTimeout, OutboxBytes: s.cfg.OutboxBytes,
		Trusted: s.cfg.Trusted, Limits: limits, Uploads: logs, Metrics: &s.metrics, Log: s.log,
		Epoch: func() uint64 { return uint64(s.db.Epoch()) }, MessageLimits: s.cfg.Messages.Wire(),
	}, s.bus, s.people, s.apps, s.accounts, auth.NewVerifier(s.accounts, s.log, nil))
}

// openLogs opens where clients' logs are kept; nil: nowhere.
func (s *Server) openLogs() (*uploads.Store, error) {
	if s.cfg.ClientLogs == "off" {
		return nil, nil
	}
	return uploads.Open(cmp.Or(s.cfg.ClientLogs, filepath.Join(s.cfg.DataDir, "client-logs")), uploads.DefaultLimits)
}

// maxDescriptors is what the limits are reckoned with where there is no bound.
const maxDescriptors = 1 << 20

// limits are the configured ones, within what this process may have open: a
// quarter of its descriptors for whoever comes from one address, a quarter for
// connections that have not been upgraded.
func (s *Server) limits() gateway.Limits {
	limits := gateway.DefaultLimits
	if s.cfg.Limits != nil {
		limits = *s.cfg.Limits
	}
	limits.Address = min(limits.Address, descriptors()/4)
	limits.Waiting = min(limits.Waiting, descriptors()/4)
	return limits
}

// limitSockets bounds the connections that are not upgraded yet. An eighth of
// the descriptors is left for files and for other servers.
func (s *Server) limitSockets() {
	limits := s.limits()
	s.sockets.init()
	s.sockets.waitingMax, s.sockets.fromMax, s.sockets.openMax = limits.Waiting, limits.Waiting/4, descriptors()*7/8
	s.sockets.trusted, s.sockets.log = s.cfg.Trusted, s.log
	s.sockets.closed = s.metrics.Counter("nimd_sockets_closed_total", "TCP connections that were closed before an upgrade to make room.", "")
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

// closeParts stops what start began, in reverse. The bus and the store go last.
func (s *Server) closeParts() {
	for _, e := range []*endpoint{s.public, s.private} {
		if e != nil {
			_, _ = e.http.Close(), e.listener.Close() // http closes what it serves already
		}
	}
	if s.gateway != nil {
		s.gateway.Close()
	}
	if s.deliver != nil {
		s.deliver.Close()
	}
	s.stopWatch()
	if s.bus != nil {
		s.bus.Close()
	}
	s.closeStore()
	if s.lock != nil {
		_ = s.lock.Close()
	}
}
