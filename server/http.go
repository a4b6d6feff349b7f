package server

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/libnim/libnim/server/admin"
)

// endpoint is an HTTP server on a listener of its own.
type endpoint struct {
	listener net.Listener
	http     *http.Server
	served   chan error // one value when it has stopped
}

// listen opens the listeners, which serve takes clients from. Without an
// address of its own the operator's side shares the clients'.
func (s *Server) listen(ctx context.Context) error {
	if s.cfg.TLSCert != "" {
		s.certs = &certificates{certFile: s.cfg.TLSCert, keyFile: s.cfg.TLSKey, log: s.log}
		if err := s.certs.load(); err != nil {
			return err
		}
		go s.certs.follow(ctx)
		s.handshakes = newHandshakes(s.log, s.metrics.Counter("nimd_handshakes_refused_total", "TLS handshakes that got no turn in time.", ""))
	}
	mux := http.NewServeMux()
	s.routePublic(mux)
	if s.cfg.AdminListen == "" {
		s.routePrivate(mux)
	}
	var err error
	if s.public, err = s.open(s.cfg.Listen, admin.DotNames(mux), true); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	s.private = s.public
	if s.cfg.AdminListen != "" {
		mux := http.NewServeMux()
		s.routePrivate(mux)
		if s.private, err = s.open(s.cfg.AdminListen, admin.DotNames(mux), false); err != nil {
			return fmt.Errorf("admin-listen: %w", err)
		}
	}
	return nil
}

func (s *Server) serve() {
	s.public.serve()
	if s.private != s.public {
		s.private.serve()
	}
}

// open listens at an address; strangers says that anybody may connect there.
func (s *Server) open(address string, h http.Handler, strangers bool) (*endpoint, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	l = loud{l, s.log}
	if strangers {
		l = s.sockets.listen(l)
	}
	if s.certs != nil {
		l = s.handshakes.listen(l, &tls.Config{
			MinVersion:     tls.VersionTLS12,
			NextProtos:     []string{"http/1.1"}, // WebSocket over HTTP/2 is another protocol
			GetCertificate: s.certs.get,
		})
	}
	return &endpoint{listener: l, served: make(chan error, 1), http: &http.Server{
		Handler:           h,
		ConnState:         s.sockets.follow,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second, // an upgrade takes the connection out of these
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}}, nil
}

func (e *endpoint) serve() {
	go func() { e.served <- e.http.Serve(e.listener) }()
}

// loud is a listener that says when it cannot take clients, as without a file
// descriptor. The HTTP server goes on after a pause of up to a second.
type loud struct {
	net.Listener
	log *slog.Logger
}

func (l loud) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil && !errors.Is(err, net.ErrClosed) {
		l.log.Warn("server: no client can be taken", "err", err)
	}
	return c, err
}

// stop waits for calls that run, and returns why it had stopped before.
func (e *endpoint) stop(ctx context.Context) error {
	if err := e.http.Shutdown(ctx); err != nil {
		_ = e.http.Close()
	}
	if err := <-e.served; !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

func (s *Server) routePublic(mux *http.ServeMux) {
	mux.Handle("/nim", s.gateway)
	mux.HandleFunc("GET /lbs", s.lbs)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := cmp.Or(s.gateway.Ready(), s.db.Healthy()); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("ok\n"))
	})
}

func (s *Server) routePrivate(mux *http.ServeMux) {
	api := &admin.API{
		Key: s.adminKey, Trusted: s.cfg.Trusted, Metrics: &s.metrics,
		Apps: s.apps, Accounts: s.accounts, Presence: s.people, Gateway: s.gateway, Messages: s.talk, Log: s.log,
	}
	mux.Handle("/v1/", api.Handler())
	metrics := http.Handler(&s.metrics)
	if s.cfg.AdminListen == "" { // clients reach it too
		metrics = api.Guard(metrics)
	}
	mux.Handle("GET /metrics", metrics)
}
