package main

import (
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
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

// The loop that the manual shows lists all pages, and does not take a failure
// for the end.
func TestTheDocumentedListing(t *testing.T) {
	for _, tool := range []string{"sh", "curl", "jq"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	doc, err := os.ReadFile("../../docs/OPERATIONS.md")
	if err != nil {
		t.Fatal(err)
	}
	_, script, _ := strings.Cut(string(doc), "**Pages.**")
	_, script, _ = strings.Cut(script, "```sh\n")
	script, _, _ = strings.Cut(script, "```")
	for _, second := range []int{http.StatusOK, http.StatusInternalServerError} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Query().Get("cursor") {
			case "":
				_, _ = io.WriteString(w, `{"accounts":[{"account":"a"}],"next_cursor":"1.x"}`)
			case "1.x":
				w.WriteHeader(second)
				_, _ = io.WriteString(w, `{"accounts":[{"account":"b"}],"next_cursor":""}`)
			}
		}))
		out, err := exec.Command("sh", "-c", strings.ReplaceAll(strings.ReplaceAll(script, "http://127.0.0.1:8091", s.URL), "--retry 5", "")).Output()
		s.Close()
		want := "{\"account\":\"a\"}\n{\"account\":\"b\"}\n"
		if second == http.StatusOK && (err != nil || string(out) != want) || second != http.StatusOK && err == nil {
			t.Errorf("the second page answers %d: %q, %v", second, out, err)
		}
	}
}
