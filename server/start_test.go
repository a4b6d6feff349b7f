package server_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/libnim/libnim/server"
)

// What is told once is told by the first start that succeeds.
func TestAStartThatFailsTellsNoSecretInVain(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for flag, cfg := range map[string]server.Config{
		"listen":       {Listen: taken.Addr().String()},
		"admin-listen": {Listen: "127.0.0.1:0", AdminListen: taken.Addr().String()},
		"tls-cert":     {Listen: "127.0.0.1:0", TLSCert: "none", TLSKey: "none"},
	} {
		dir := t.TempDir()
		cfg.DataDir = dir
		if s, err := server.Start(context.Background(), cfg); err == nil || !strings.HasPrefix(err.Error(), flag) {
			t.Fatalf("%s: started %v, %v", flag, s, err)
		}
		e := startEdge(t, server.Config{Listen: "127.0.0.1:0", DataDir: dir})
		if e.AdminKey == "" || e.AppKey == "" || e.AppSecret == "" {
			t.Errorf("after a start that failed for %s: %+v", flag, e.Ready)
		}
	}
}

// Edges that start together on a new cluster make one app, and one of them
// tells its secret.
func TestEdgesThatStartTogetherMakeOneApp(t *testing.T) {
	for range 5 {
		engine, dir, stored := newEngine(t), t.TempDir(), newStorage(t)
		for _, name := range []string{"pepper", "admin.key"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte("a-secret-of-the-cluster"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		var edges [4]*edge
		var wg sync.WaitGroup
		for i := range edges {
			wg.Go(func() {
				s, err := server.Start(context.Background(), stored.in(server.Config{Listen: "127.0.0.1:0", DataDir: dir, Engine: engine, Log: testLog(t)}))
				if err != nil {
					t.Error(err)
					return
				}
				t.Cleanup(func() { _ = s.Close() })
				edges[i] = &edge{t: t, Server: s, Ready: s.Ready()}
			})
		}
		wg.Wait()
		if t.Failed() {
			return
		}
		told := 0
		for _, e := range edges {
			e.AdminKey = "a-secret-of-the-cluster"
			if apps := e.do("GET", "/apps", nil)["apps"].([]any); len(apps) != 1 {
				t.Fatalf("%d apps", len(apps))
			}
			if e.AppSecret != "" {
				told++
			}
		}
		if told != 1 {
			t.Errorf("%d edges told the secret", told)
		}
	}
}
