package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/libnim/libnim/server"
	"github.com/libnim/libnim/server/bus"
	"github.com/libnim/libnim/server/gateway"
)

// options is what the flags fill in.
type options struct {
	server server.Config
	limits gateway.Limits
	level  slog.Level
	file   string
}

const usage = `nimd [flags]               runs the gateway
nimd backup [flags] FILE   copies the SQLite store, while nimd runs or not
nimd restore [flags] FILE  puts such a copy in the store's place, while nimd does not run
nimd check [flags]         looks at configuration, store, NATS and certificate
nimd token [flags]         makes a signed token; see nimd token -h
nimd version               prints the version

Each flag can also be given in the environment (NIMD_ADMIN_LISTEN for
-admin-listen), or in the JSON file that --config names. A flag wins over the
environment, which wins over the file.

`

// newFlags returns the flags of nimd with their defaults.
func newFlags() (*flag.FlagSet, *options) {
	o := &options{limits: gateway.DefaultLimits, level: slog.LevelInfo}
	cfg, limits := &o.server, &o.limits
	fs := flag.NewFlagSet("nimd", flag.ContinueOnError)
	fs.StringVar(&o.file, "config", "", "JSON file with flag names as keys")
	fs.StringVar(&cfg.Listen, "listen", "127.0.0.1:8090", "host:port to listen at")
	fs.StringVar(&cfg.AdminListen, "admin-listen", "", "host:port of /v1, and of /metrics, which there asks for no key (default: the same as listen, where both want the admin key)")
	fs.StringVar(&cfg.DataDir, "data", "nimd-data", "data directory")
	fs.StringVar(&cfg.Store, "store", "", "PostgreSQL that keeps what must last, postgres://user@host/database; none: SQLite in the data directory")
	fs.StringVar(&cfg.StorePass, "store-password-file", "", "file with the password for it")
	fs.StringVar(&cfg.ClientLogs, "client-logs", "", "directory of the logs that clients upload (default: client-logs in the data directory); off: they are refused")
	fs.BoolVar(&cfg.OlderStore, "accept-older-store", false, "start although the store holds less than it did")
	fs.BoolVar(&cfg.Dev, "dev", false, "print the secrets in the ready line at every start")
	listVar(fs, &cfg.NATS, "nats", "NATS servers of a cluster, separated by commas; none: embedded")
	fs.StringVar(&cfg.NATSCreds, "nats-creds", "", "NATS credentials file")
	fs.IntVar(&cfg.Replicas, "nats-replicas", 3, "replicas of each bucket on a cluster")
	fs.DurationVar(&cfg.Lease, "lease", bus.DefaultLeaseTTL, "how long an edge counts that is not heard of, the same on every edge of a cluster")
	fs.DurationVar(&cfg.NATSPing, "nats-ping", bus.DefaultPing, "how often a NATS server is asked whether it answers; after two misses another one is used")
	fs.StringVar(&cfg.TLSCert, "tls-cert", "", "PEM file of the certificate chain; read again when it changes and on SIGHUP")
	fs.StringVar(&cfg.TLSKey, "tls-key", "", "PEM file of its key")
	listVar(fs, &cfg.PublicLinks, "links", "addresses that /lbs tells, separated by commas")
	listVar(fs, &cfg.Origins, "origins", "browser origins let in, separated by commas; * lets in any")
	fs.Func("trusted-proxies", "networks or addresses whose X-Forwarded-For is believed, separated by commas", func(s string) error {
		return parsePrefixes(s, &cfg.Trusted)
	})
	fs.DurationVar(&cfg.Heartbeat, "heartbeat", 5*time.Second, "how often clients ping")
	fs.DurationVar(&cfg.DrainSpread, "drain", 3*time.Second, "over how long clients come back after a stop")
	fs.IntVar(&limits.Connections, "max-connections", limits.Connections, "connections of this edge; 0: no limit")
	fs.IntVar(&limits.Waiting, "max-waiting", limits.Waiting, "TCP connections that are not upgraded yet, a quarter of them from one address; 0: no limit")
	fs.IntVar(&limits.Address, "address-connections", limits.Address, "connections at a time from one address; 0: no limit")
	fs.Float64Var(&limits.AddressRate, "address-rate", limits.AddressRate, "connections per second from one address; 0: no limit")
	fs.Float64Var(&limits.FrameRate, "frame-rate", limits.FrameRate, "requests per second of one connection; 0: no limit")
	fs.Float64Var(&cfg.Messages.SendRate, "send-rate", 20, "messages per second of one account; 0: no limit")
	fs.Float64Var(&cfg.Messages.ConversationRate, "conversation-rate", 200, "messages per second in one conversation; 0: no limit")
	fs.Float64Var(&limits.FailureRate, "login-failure-rate", limits.FailureRate,
		"failed logins per second of one account from one address; 0: no limit")
	fs.TextVar(&o.level, "log-level", o.level, "debug, info, warn or error")
	fs.Usage = func() {
		_, _ = fmt.Fprint(fs.Output(), usage)
		fs.PrintDefaults()
	}
	return fs, o
}

// load reads the configuration. A flag wins over the environment (NIMD_ and the
// flag's name in capitals, with _ for -), which wins over the file.
func load(args []string, env func(string) (string, bool)) (server.Config, slog.Level, error) {
	fs, o := newFlags()
	err := parse(fs, args)
	if err == nil {
		err = fillIn(fs, &o.file, env)
	}
	o.limits.AddressBurst, o.limits.FrameBurst = 5*o.limits.AddressRate, 4*o.limits.FrameRate
	o.server.Limits = &o.limits
	return o.server, o.level, cmp.Or(err, o.finish())
}

// finish settles what the server takes a zero as the default of.
func (o *options) finish() error {
	switch {
	case o.server.Heartbeat == 0:
		return errors.New("heartbeat: want 1s to 5m")
	case o.server.Lease < time.Second:
		return errors.New("lease: want 1s to 10m")
	case o.server.NATSPing < 100*time.Millisecond:
		return errors.New("nats-ping: want 100ms to 1m")
	case o.server.Replicas == 0:
		return errors.New("nats-replicas: want 1 to 5")
	case o.server.NATSCreds != "" && len(o.server.NATS) == 0:
		return errors.New("nats-creds: there is no cluster; give nats too")
	}
	for name, rate := range map[string]*float64{"send-rate": &o.server.Messages.SendRate, "conversation-rate": &o.server.Messages.ConversationRate} {
		if !(*rate >= 0) {
			return errors.New(name + ": want 0 or more")
		}
		if *rate == 0 {
			*rate = -1 // no limit; 0 would be the default
		}
	}
	if o.server.DrainSpread == 0 {
		o.server.DrainSpread = 1 // ns: at once
	}
	return nil
}

// parse reads a command line. Its errors say what a flag wants, and nothing else
// is printed: the help would push them off the screen.
func parse(fs *flag.FlagSet, args []string) error {
	fs.VisitAll(func(f *flag.Flag) { f.Value = plain{f.Value} })
	fs.SetOutput(io.Discard)
	err := fs.Parse(args)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		return fmt.Errorf("%w; see %s -h", err, fs.Name())
	}
	if err == nil && fs.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	return err
}

// plain is a flag that says what it wants rather than how it was parsed.
type plain struct{ flag.Value }

func (p plain) Set(s string) error {
	err := p.Value.Set(s)
	if g, ok := p.Value.(flag.Getter); ok && err != nil {
		switch g.Get().(type) {
		case time.Duration:
			return errors.New("want a duration, such as 5s or 1m")
		case int, int64:
			return errors.New("want a whole number")
		case float64:
			return errors.New("want a number")
		case bool:
			return errors.New("want true or false")
		case *slog.Level:
			return errors.New("want debug, info, warn or error")
		}
	}
	return err
}

func (p plain) IsBoolFlag() bool {
	b, ok := p.Value.(interface{ IsBoolFlag() bool })
	return ok && b.IsBoolFlag()
}

// fillIn sets the flags that the command line left out.
func fillIn(fs *flag.FlagSet, file *string, env func(string) (string, bool)) error {
	given := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { given[f.Name] = true })
	var problem error
	set := func(name, value, from string) {
		if err := fs.Set(name, value); err != nil && problem == nil {
			problem = fmt.Errorf("%s: %s: %w, not %q", from, name, err, value)
		}
		given[name] = true
	}
	fs.VisitAll(func(f *flag.Flag) {
		name := "NIMD_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		if v, ok := env(name); ok && !given[f.Name] {
			set(f.Name, v, name)
		}
	})
	if problem != nil || *file == "" {
		return problem
	}
	data, err := os.ReadFile(*file)
	if err != nil {
		return fmt.Errorf("config: %w", err)
	}
	var values map[string]json.RawMessage
	if err := json.Unmarshal(data, &values); err != nil {
		return fmt.Errorf("%s: want a JSON object: %w", *file, err)
	}
	for name, raw := range values {
		if fs.Lookup(name) == nil || name == "config" {
			return fmt.Errorf("%s: unknown key %q", *file, name)
		}
		value := string(raw) // of a number, true or false
		if strings.ContainsAny(value[:1], `"[{n`) && json.Unmarshal(raw, &value) != nil || value == "null" {
			return fmt.Errorf("%s: %s: want a string, a number, true or false", *file, name)
		}
		if !given[name] {
			set(name, value, *file)
		}
	}
	return problem
}

func listVar(fs *flag.FlagSet, to *[]string, name, usage string) {
	fs.Func(name, usage, func(s string) error {
		*to = nil
		for v := range strings.SplitSeq(s, ",") {
			if v = strings.TrimSpace(v); v != "" {
				*to = append(*to, v)
			}
		}
		return nil
	})
}

func parsePrefixes(s string, to *[]netip.Prefix) error {
	*to = nil
	for v := range strings.SplitSeq(s, ",") {
		if v = strings.TrimSpace(v); v == "" {
			continue
		}
		p, err := netip.ParsePrefix(v)
		if a, single := netip.ParseAddr(v); single == nil {
			p, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		if err != nil || p.Addr().Is4In6() {
			return errors.New("want networks or addresses, such as 10.0.0.0/8")
		}
		*to = append(*to, p)
	}
	return nil
}
