package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/libnim/libnim/server"
)

// load reads the configuration. A flag wins over the environment (NIMD_ and the
// flag's name in capitals, with _ for -), which wins over the file.
func load(args []string, env func(string) (string, bool)) (server.Config, slog.Level, error) {
	cfg := server.Config{}
	level := slog.LevelInfo
	fs := flag.NewFlagSet("nimd", flag.ContinueOnError)
	file := fs.String("config", "", "JSON file with flag names as keys and strings as values")
	fs.StringVar(&cfg.Listen, "listen", "127.0.0.1:8090", "host:port to listen at")
	fs.StringVar(&cfg.DataDir, "data", "nimd-data", "data directory")
	fs.BoolVar(&cfg.Dev, "dev", false, "print the secrets in the ready line at every start")
	listVar(fs, &cfg.NATS, "nats", "NATS servers of a cluster, separated by commas; none: embedded")
	fs.StringVar(&cfg.NATSCreds, "nats-creds", "", "NATS credentials file")
	fs.IntVar(&cfg.Replicas, "nats-replicas", 3, "replicas of each bucket on a cluster")
	listVar(fs, &cfg.Origins, "origins", "browser origins let in, separated by commas; * lets in any")
	listVar(fs, &cfg.PublicLinks, "links", "addresses that /lbs tells, separated by commas")
	fs.DurationVar(&cfg.Heartbeat, "heartbeat", 0, "how often clients ping (default 5s)")
	fs.TextVar(&level, "log-level", level, "debug, info, warn or error")
	if err := fs.Parse(args); err != nil {
		return cfg, level, err
	}
	if fs.NArg() > 0 {
		return cfg, level, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	err := fillIn(fs, file, env)
	return cfg, level, err
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
