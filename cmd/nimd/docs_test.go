package main

import (
	"flag"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/libnim/libnim/server/auth/token"
)

func TestEveryFlagIsDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../docs/OPERATIONS.md")
	if err != nil {
		t.Fatal(err)
	}
	fs, _ := newFlags()
	fs.SetOutput(io.Discard)
	fs.VisitAll(func(f *flag.Flag) {
		if !strings.Contains(string(doc), "`"+f.Name+"`") && !strings.Contains(string(doc), "`--"+f.Name+"`") {
			t.Errorf("docs/OPERATIONS.md does not tell of --%s", f.Name)
		}
	})
}

func TestHelpTellsOfAllWays(t *testing.T) {
	var out strings.Builder
	fs, _ := newFlags()
	fs.SetOutput(&out)
	fs.Usage()
	for _, want := range []string{"nimd token", "nimd version", "NIMD_ADMIN_LISTEN", "--config", "-listen string"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("nimd -h does not tell of %s", want)
		}
	}
	fs, _ = newTokenFlags(&token.Spec{})
	fs.SetOutput(&out)
	if fs.Usage(); !strings.Contains(out.String(), "NIMD_APP_SECRET") {
		t.Errorf("nimd token -h:\n%s", &out)
	}
}

func TestAnEmptyListIsNone(t *testing.T) {
	env := map[string]string{"NIMD_TRUSTED_PROXIES": "", "NIMD_ORIGINS": ""}
	cfg, _, err := load(nil, func(name string) (string, bool) { v, ok := env[name]; return v, ok })
	if err != nil || len(cfg.Trusted)+len(cfg.Origins) != 0 {
		t.Errorf("%v, %v, %v", cfg.Trusted, cfg.Origins, err)
	}
}
