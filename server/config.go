package server

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"github.com/libnim/libnim/server/gateway"
	"github.com/libnim/libnim/server/store"
	"github.com/libnim/libnim/server/talk"
)

// Config is all that nimd can be told. Load fills it from flags, environment
// and file; zero durations and counts mean the default.
type Config struct {
	Listen      string // host:port of everything a client reaches
	AdminListen string // host:port of /v1 and /metrics; empty: Listen, where both want the admin key
	TLSCert     string // PEM files; both or none
	TLSKey      string
	DataDir     string        // secrets of this server and, without NATS, all data
	NATS        []string      // servers of a cluster; empty: embedded
	NATSCreds   string        // credentials file for it
	Replicas    int           // of each bucket on a cluster
	Lease       time.Duration // of an edge: the same on every edge of a cluster
	NATSPing    time.Duration // how often a NATS server is asked whether it answers
	Store       string        // postgres://…; empty: SQLite in DataDir
	StorePass   string        // file with the password for it
	ClientLogs  string        // directory of the logs that clients upload; empty: in DataDir, "off": they are refused
	OlderStore  bool          // take a store that holds less than was seen of it
	Dev         bool          // print the secrets in the ready line at every start
	Origins     []string      // browser origins let in
	PublicLinks []string      // what /lbs tells; empty: the address it was asked at

	Heartbeat    time.Duration
	LoginTimeout time.Duration
	OutboxBytes  int             // what may wait for a slow client
	DrainSpread  time.Duration   // over which clients come back after a stop
	Trusted      []netip.Prefix  // proxies whose X-Forwarded-For is believed
	Limits       *gateway.Limits // nil: the defaults
	Messages     talk.Limits     // of messages

	// Set by programs that embed the server.
	Version string
	Log     *slog.Logger
	Engine  *natsserver.Server   // an engine that already runs in this process
	DB      *store.Store         // a store that is open already, for several edges in this process
	Clock   func() time.Duration // for the edge lease
	Lose    func() bool          // asked for each message and beat to another edge: whether to lose it
}

// Validate returns every problem of the configuration.
func (c *Config) Validate() error {
	var problems []error
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		problems = append(problems, fmt.Errorf("listen: %w", err))
	}
	if c.AdminListen != "" {
		if _, _, err := net.SplitHostPort(c.AdminListen); err != nil {
			problems = append(problems, fmt.Errorf("admin-listen: %w", err))
		}
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		problems = append(problems, errors.New("tls-cert, tls-key: give both or none"))
	}
	if c.DrainSpread < 0 || c.DrainSpread > time.Hour {
		problems = append(problems, errors.New("drain: want 0 to 1h"))
	}
	if c.DataDir == "" {
		problems = append(problems, errors.New("data: missing"))
	}
	switch {
	case c.Store != "" && !store.IsPostgres(c.Store):
		problems = append(problems, errors.New("store: want postgres://user@host/database, or nothing for SQLite in the data directory"))
	case c.Store == "" && c.StorePass != "":
		problems = append(problems, errors.New("store-password-file: there is no database to log in to; give store too"))
	case len(c.NATS) > 0 && c.Store == "" && c.DB == nil:
		problems = append(problems, errors.New("nats: several edges need a database that they share: give store too, postgres://user@host/database"))
	}
	if c.Replicas < 0 || c.Replicas > 5 {
		problems = append(problems, errors.New("nats-replicas: want 1 to 5"))
	}
	if c.Lease < 0 || c.Lease > 10*time.Minute {
		problems = append(problems, errors.New("lease: want 1s to 10m"))
	}
	if c.NATSPing < 0 || c.NATSPing > time.Minute {
		problems = append(problems, errors.New("nats-ping: want 100ms to 1m"))
	}
	if c.Heartbeat != 0 && (c.Heartbeat < time.Second || c.Heartbeat > 5*time.Minute) {
		problems = append(problems, errors.New("heartbeat: want 1s to 5m"))
	}
	if l := c.Limits; l != nil {
		for name, n := range map[string]int{"max-connections": l.Connections, "max-waiting": l.Waiting, "address-connections": l.Address} {
			if n < 0 {
				problems = append(problems, fmt.Errorf("%s: want 0 or more", name))
			}
		}
		for name, rate := range map[string]float64{
			"address-rate": l.AddressRate, "frame-rate": l.FrameRate, "login-failure-rate": l.FailureRate,
		} {
			if !(rate >= 0) || math.IsInf(rate, 1) {
				problems = append(problems, fmt.Errorf("%s: want 0 or more", name))
			}
		}
	}
	for _, l := range c.PublicLinks {
		if !isLink(l) {
			problems = append(problems, fmt.Errorf("links: want host:port or a URL such as wss://im.example/nim, not %q", l))
		}
	}
	for _, o := range c.Origins {
		if !isOrigin(o) {
			problems = append(problems, fmt.Errorf("origins: want * or what browsers send, such as https://im.example, not %q", o))
		}
	}
	return errors.Join(problems...)
}

// isLink reports whether clients can connect to what /lbs tells.
func isLink(l string) bool {
	if !strings.Contains(l, "://") {
		l = "wss://" + l + "/nim"
	}
	u, err := url.Parse(l)
	return err == nil && (u.Scheme == "ws" || u.Scheme == "wss") && u.Hostname() != "" && u.Path != "" &&
		u.User == nil && u.RawQuery == "" && u.Fragment == ""
}

// isOrigin reports whether o can be the origin of a page: it has no path.
func isOrigin(o string) bool {
	u, err := url.Parse(o)
	return o == "*" || o == "null" || err == nil && u.Scheme != "" && strings.Contains(o, "://") && u.Path == "" && u.RawQuery == ""
}
