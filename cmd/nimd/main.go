// Command nimd is the gateway of libnim: one binary that runs alone on an
// embedded engine, or as one of many edges on a NATS cluster.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/libnim/libnim/server"
)

// version is set by the release build.
var version = "dev"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "nimd:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) > 0 {
		switch args[0] {
		case "token":
			return mint(args[1:], os.LookupEnv, os.Stdout)
		case "backup", "restore", "check":
			return maintain(args[0], args[1:], os.LookupEnv, os.Stdout)
		case "version", "-version", "--version": // no flag: it would be settable as NIMD_VERSION
			_, err := fmt.Println("nimd", version)
			return err
		}
	}
	cfg, level, err := load(args, os.LookupEnv)
	if errors.Is(err, flag.ErrHelp) {
		fs, _ := newFlags()
		return help(fs)
	}
	if err != nil {
		return err
	}
	cfg.Version = version
	cfg.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	s, err := server.Start(ctx, cfg)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(s.Ready()); err != nil {
		return errors.Join(err, s.Close())
	}
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-reload:
			if err := s.ReloadTLS(); err != nil {
				cfg.Log.Warn("nimd: certificate not reloaded", "err", err)
			}
		}
	}
	stop() // a second signal ends the process at once
	cfg.Log.Info("nimd: stopping")
	return s.Close()
}

// help prints what was asked for.
func help(fs *flag.FlagSet) error {
	fs.SetOutput(os.Stdout)
	fs.Usage()
	return nil
}
