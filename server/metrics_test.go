package server_test

import (
	"crypto/tls"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/libnim/libnim/server"
)

// The manual lists the metrics that an edge has, and no others.
func TestEveryMetricIsDocumented(t *testing.T) {
	doc, err := os.ReadFile("../docs/OPERATIONS.md")
	if err != nil {
		t.Fatal(err)
	}
	_, chapter, _ := strings.Cut(string(doc), "\n## 7. Metrics\n")
	chapter, _, _ = strings.Cut(chapter, "\n## ")
	documented := map[string]bool{}
	for line := range strings.Lines(chapter) {
		if name, _, _ := strings.Cut(strings.TrimPrefix(line, "|"), "|"); strings.HasPrefix(line, "|") {
			for _, m := range regexp.MustCompile("`(nimd_[a-z_]+)").FindAllStringSubmatch(name, -1) {
				documented[m[1]] = true
			}
		}
	}
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	pool := writeCert(t, cert, key, 1)
	e := startEdges(t, 1, func(_ int, c *server.Config) { // all that there can be
		c.TLSCert, c.TLSKey, c.AdminListen = cert, key, "127.0.0.1:0"
	})[0]
	https := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	defer https.CloseIdleConnections()
	resp, err := https.Get(strings.TrimSuffix(e.Admin, "/v1") + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	served := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (\S+) `).FindAllStringSubmatch(string(text), -1) {
		served[m[1]] = true
	}
	if !maps.Equal(documented, served) || len(served) == 0 {
		t.Errorf("documented %q\nserved     %q", slices.Sorted(maps.Keys(documented)), slices.Sorted(maps.Keys(served)))
	}
}
