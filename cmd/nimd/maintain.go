package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/libnim/libnim/server"
)

// maintain runs `nimd backup`, `nimd restore` and `nimd check`, which take the
// flags of nimd and, the first two, a file.
func maintain(command string, args []string, env func(string) (string, bool), out io.Writer) error {
	file := ""
	if n := len(args); command != "check" && n > 0 && !strings.HasPrefix(args[n-1], "-") && !valueOfFlag(args) {
		file, args = args[n-1], args[:n-1]
	}
	cfg, _, err := load(args, env)
	if errors.Is(err, flag.ErrHelp) {
		fs, _ := newFlags()
		return help(fs)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", command, err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	switch command {
	case "backup":
		if file == "" {
			return errors.New("backup: want the file to write")
		}
		m, err := server.Backup(ctx, cfg, file)
		if err != nil {
			return fmt.Errorf("backup: %w", err)
		}
		_, err = fmt.Fprintf(out, "%s: the store at %v. Keep the pepper beside it\n", file, m)
		return err
	case "restore":
		epoch, kept, err := server.Restore(ctx, cfg, file)
		if epoch > 0 {
			_, _ = fmt.Fprintf(out, "restored; the epoch is %d\n", epoch)
		}
		if kept != "" {
			_, _ = fmt.Fprintf(out, "what was there is kept as %s\n", kept)
		}
		if err != nil {
			return fmt.Errorf("restore: %w", err)
		}
		return nil
	}
	return check(server.Check(ctx, cfg), out)
}

func check(findings []server.Finding, out io.Writer) error {
	bad := 0
	for _, f := range findings {
		mark := "ok     "
		if f.Bad {
			mark = "not ok "
			bad++
		}
		_, _ = fmt.Fprintf(out, "%s%s: %s\n", mark, f.What, f.Says)
	}
	if bad > 0 {
		return fmt.Errorf("check: %d things are not well", bad)
	}
	return nil
}

// valueOfFlag reports whether the last argument belongs to the flag before it.
func valueOfFlag(args []string) bool {
	if len(args) < 2 {
		return false
	}
	name := strings.TrimLeft(args[len(args)-2], "-")
	if len(name) == len(args[len(args)-2]) || strings.Contains(name, "=") {
		return false
	}
	fs, _ := newFlags()
	f := fs.Lookup(name)
	if f == nil {
		return false
	}
	b, ok := f.Value.(interface{ IsBoolFlag() bool })
	return !ok || !b.IsBoolFlag()
}
