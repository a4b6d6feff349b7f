package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/libnim/libnim/server"
	"github.com/libnim/libnim/server/gateway"
)

// options is what the flags fill in.
type options struct {
	server server.Config
	limits gateway.Limits
	level  slog.Level
	file   string
}

const usage = `nimd [flags]         runs the gateway
nimd token [flags]   makes a signed token; see nimd token -h
nimd version         prints the version

Each flag can also be given in the environment (NIMD_ADMIN_LISTEN for
-admin-listen), or in the JSON file that --config names. A flag wins over the
environment, which wins over the file.

`

// newFlags returns the flags of nimd with their defaults.
func newFlags() (*flag.FlagSet, *options) {
	o := &options{limits: gateway.DefaultLimits, level: slog.LevelInfo}
	cfg, limits := &o.server, &o.limits
	fs := flag.NewFlagSet("nimd", flag.ContinueOnError)
	fs.StringVar(&o.file, "config", "", "JSON file with flag names as keys and strings as values")
	fs.StringVar(&cfg.Listen, "listen", "127.0.0.1:8090", "host:port to listen at")
	fs.StringVar(&cfg.AdminListen, "admin-listen", "", "host:port of /v1, and of /metrics, which there asks for no key (default: the same as listen, where both want the admin key)")
	fs.StringVar(&cfg.DataDir, "data", "nimd-data", "data directory")
	fs.BoolVar(&cfg.Dev, "dev", false, "print the secrets in the ready line at every start")
	listVar(fs, &cfg.NATS, "nats", "NATS servers of a cluster, separated by commas; none: embedded")
	fs.StringVar(&cfg.NATSCreds, "nats-creds", "", "NATS credentials file")
	fs.IntVar(&cfg.Replicas, "nats-replicas", 3, "replicas of each bucket on a cluster")
	fs.StringVar(&cfg.TLSCert, "tls-cert", "", "PEM file of the certificate chain; read again when it changes and on SIGHUP")
	fs.StringVar(&cfg.TLSKey, "tls-key", "", "PEM file of its key")
	listVar(fs, &cfg.PublicLinks, "links", "addresses that /lbs tells, separated by commas")
	listVar(fs, &cfg.Origins, "origins", "browser origins let in, separated by commas; * lets in any")
	fs.Func("trusted-proxies", "networks whose X-Forwarded-For is believed, separated by commas", func(s string) error {
		return parsePrefixes(s, &cfg.Trusted)
	})
	fs.DurationVar(&cfg.Heartbeat, "heartbeat", 5*time.Second, "how often clients ping")
	fs.DurationVar(&cfg.DrainSpread, "drain", 3*time.Second, "over how long clients come back after a stop")
	fs.IntVar(&limits.Connections, "max-connections", limits.Connections, "connections of this edge; 0: no limit")
	fs.Float64Var(&limits.AddressRate, "address-rate", limits.AddressRate, "connections per second from one address; 0: no limit")
	fs.Float64Var(&limits.FrameRate, "frame-rate", limits.FrameRate, "frames per second of one connection; 0: no limit")
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
	if err := fs.Parse(args); err != nil {
		return o.server, o.level, err
	}
	if fs.NArg() > 0 {
		return o.server, o.level, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	err := fillIn(fs, &o.file, env)
	o.limits.AddressBurst, o.limits.FrameBurst = 5*o.limits.AddressRate, 4*o.limits.FrameRate
	o.server.Limits = &o.limits
	return o.server, o.level, err
}

// fillIn sets the flags that the command line left out.
func fillIn(fs *flag.FlagSet, file *string, env func(string) (string, bool)) error {
	given := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { given[f.Name] = true })
	var problem error
	set := func(name, value, from string) {
		if err := fs.Set(name, value); err != nil && problem == nil {
			problem = fmt.Errorf("%s: %s: %w", from, name, err)
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
		return err
	}
	var values map[string]string
	if err := json.Unmarshal(data, &values); err != nil {
		return fmt.Errorf("%s: %w", *file, err)
	}
	for name, v := range values {
		if fs.Lookup(name) == nil || name == "config" {
			return fmt.Errorf("%s: unknown key %q", *file, name)
		}
		if !given[name] {
			set(name, v, *file)
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
		if err != nil {
			return err
		}
		*to = append(*to, p)
	}
	return nil
}
