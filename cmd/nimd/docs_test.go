package main

import (
	"flag"
	"io"
	"os"
	"strings"
	"testing"
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
