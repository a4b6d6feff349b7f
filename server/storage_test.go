package server_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server"
	"github.com/libnim/libnim/server/bus"
	"github.com/libnim/libnim/server/store"
	"github.com/libnim/libnim/server/store/storetest"
)

func alone(t *testing.T, dir string) server.Config {
	return server.Config{Listen: "127.0.0.1:0", DataDir: dir, Dev: true, Log: testLog(t)}
}

// A copy that is put back by hand is refused, with both numbers; nimd restore
// does it right.
func TestAnOlderStoreIsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data") // which the server makes, for itself alone
	e := startEdge(t, alone(t, dir))
	e.account("alice")
	copied := filepath.Join(t.TempDir(), "copy")
	if _, err := server.Backup(t.Context(), alone(t, dir), copied); err != nil {
		t.Fatal(err)
	}
	if _, _, err := server.Restore(t.Context(), alone(t, dir), copied); err == nil || !strings.Contains(err.Error(), "another nimd") {
		t.Errorf("restored while nimd runs: %v", err)
	}
	e.account("bob")
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	for _, f := range server.Check(t.Context(), alone(t, dir)) {
		if f.Bad {
			t.Errorf("check: %+v", f)
		}
	}
	data, err := os.ReadFile(copied)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, store.SQLiteFile), data, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = server.Start(context.Background(), alone(t, dir))
	if err == nil || strings.Count(err.Error(), "epoch 1, commit") != 2 || !strings.Contains(err.Error(), "nimd restore") {
		t.Fatalf("started: %v", err)
	}
	if epoch, kept, err := server.Restore(t.Context(), alone(t, dir), copied); err != nil || epoch != 2 || kept == "" {
		t.Fatalf("restored: %d, %q, %v", epoch, kept, err)
	}
	e = startEdge(t, alone(t, dir))
	e.online("alice", "d", pc)
	if status, _ := e.admin("GET", "/accounts/bob", nil); status != http.StatusNotFound {
		t.Errorf("bob: %d", status)
	}
}

// What a nimd of before kept in JetStream's files is taken over once.
func TestFilesOfJetStreamAreTakenOver(t *testing.T) {
	dir := t.TempDir()
	pepper := "a-pepper-of-before"
	if err := os.WriteFile(filepath.Join(dir, "pepper"), []byte(pepper), 0o600); err != nil {
		t.Fatal(err)
	}
	fillOld(t, filepath.Join(dir, "jetstream"), oldBuckets(pepper))
	for range 2 { // the second start finds it done
		e := startEdge(t, alone(t, dir))
		e.wantTakenOver()
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "jetstream.imported")); err != nil {
		t.Error(err)
	}
	// With another pepper nothing is made beside them.
	if err := errors.Join(
		os.Rename(filepath.Join(dir, "jetstream.imported"), filepath.Join(dir, "jetstream")),
		os.Remove(filepath.Join(dir, store.SQLiteFile)), os.Remove(filepath.Join(dir, "store.mark")),
		os.WriteFile(filepath.Join(dir, "pepper"), []byte("another-pepper-by-mistake"), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	if s, err := server.Start(context.Background(), alone(t, dir)); err == nil || !strings.Contains(err.Error(), "pepper") {
		t.Errorf("started %v, %v", s, err)
	}
	// With the right one again all is well.
	if err := os.WriteFile(filepath.Join(dir, "pepper"), []byte(pepper), 0o600); err != nil {
		t.Fatal(err)
	}
	startEdge(t, alone(t, dir)).wantTakenOver()
}

// oldBuckets are what a nimd of before kept: one app with two accounts, and an
// account that an app left behind.
func oldBuckets(pepper string) map[string]map[string]string {
	proof := hmac.New(sha256.New, []byte(pepper))
	proof.Write([]byte("nimd pepper check"))
	app, _, _ := strings.Cut(bus.AccountKey("im", "x"), ".")
	return map[string]map[string]string{
		"nim_apps": {app: `{"app_key":"im","app_secret":"a-secret-of-im","sdkappid":7,"policy":{"multi_login":"all"},"created_ms":5}`},
		"nim_accounts": {
			"pepper-check":               string(proof.Sum(nil)),
			"first-app":                  "im",
			bus.AccountKey("im", "bob"):  `{"account":"bob","ban":{"reason":"spam"},"created_ms":6}`,
			bus.AccountKey("im", "carl"): `{"account":"carl","switch_open":1,"created_ms":6}`,
			bus.AccountKey("gone", "x"):  `{"account":"x","created_ms":6}`,
		},
	}
}

// wantTakenOver looks for what oldBuckets has.
func (e *edge) wantTakenOver() {
	e.t.Helper()
	if e.AppKey != "im" || e.AppSecret != "a-secret-of-im" {
		e.t.Fatalf("the app is %s", e.AppKey)
	}
	if got := e.pages("/accounts?app_key=im", 10, func() {}); len(got) != 2 {
		e.t.Errorf("the accounts are %v", got)
	}
	if out := e.do("GET", "/accounts/bob", nil); out["ban"] == nil {
		e.t.Errorf("bob is %v", out)
	}
	if out := e.do("GET", "/policy", nil); out["multi_login"] != "all" {
		e.t.Errorf("the policy is %v", out)
	}
}

// What a cluster's JetStream has from before is taken over once into PostgreSQL,
// by edges that start together; one with another pepper makes nothing beside it.
func TestBucketsOfAClusterAreTakenOver(t *testing.T) {
	const pepper = "a-pepper-of-before"
	nats := startNATS(t, t.TempDir(), 0)
	fill(t, nats.ClientURL(), oldBuckets(pepper))
	stored := storetest.Postgres(t)
	edgeWith := func(pepper string) server.Config {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "pepper"), []byte(pepper), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg := alone(t, dir)
		cfg.NATS, cfg.Replicas, cfg.Store = []string{nats.ClientURL()}, 1, stored
		return cfg
	}
	if s, err := server.Start(t.Context(), edgeWith("another-pepper-by-mistake")); err == nil || !strings.Contains(err.Error(), "pepper") {
		t.Errorf("with another pepper: started %v, %v", s, err)
	}
	// Its mistake is not kept: those with the right one start.
	configs := []server.Config{edgeWith(pepper), edgeWith(pepper), edgeWith(pepper)}
	started, errs := make([]*server.Server, 3), make([]error, 3)
	var all sync.WaitGroup
	for i, cfg := range configs {
		all.Go(func() { started[i], errs[i] = server.Start(t.Context(), cfg) })
	}
	all.Wait()
	for i, s := range started {
		if errs[i] != nil {
			t.Fatalf("edge %d: %v", i, errs[i])
		}
		t.Cleanup(func() { _ = s.Close() })
		e := &edge{t: t, Server: s, Ready: s.Ready()}
		e.wantTakenOver()
		c := e.dial()
		if f := c.ask(wire.OpLogin, e.loginAs("bob", "d", pc), nil); f.Code == 200 {
			t.Errorf("edge %d: who is banned has logged in", i)
		}
	}
	// What goes later does not come back with the next start.
	first := &edge{t: t, Server: started[0], Ready: started[0].Ready()}
	first.do("DELETE", "/accounts/carl", nil)
	last := startEdge(t, edgeWith(pepper))
	if status, _ := last.admin("GET", "/accounts/carl", nil); status != http.StatusNotFound {
		t.Errorf("a deleted account is back: %d", status)
	}
}

// fillOld makes the files of a nimd of before.
func fillOld(t *testing.T, dir string, buckets map[string]map[string]string) {
	t.Helper()
	engine, err := natsserver.NewServer(&natsserver.Options{ServerName: "nimd", DontListen: true, JetStream: true, StoreDir: dir, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	engine.Start()
	defer func() { engine.Shutdown(); engine.WaitForShutdown() }()
	if !engine.ReadyForConnections(patience) {
		t.Fatal("the engine did not become ready")
	}
	fill(t, "", buckets, nats.InProcessServer(engine))
}

// fill makes the buckets in a JetStream.
func fill(t *testing.T, url string, buckets map[string]map[string]string, options ...nats.Option) {
	t.Helper()
	nc, err := nats.Connect(url, options...)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range buckets {
		kv, err := js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: name, Storage: jetstream.FileStorage})
		if err != nil {
			t.Fatal(err)
		}
		for key, value := range values {
			if _, err := kv.Put(t.Context(), key, []byte(value)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// The database goes away: nobody on line is closed, what needs it is answered
// busy, the edge is not ready, and all is well when it is back.
func TestTheDatabaseGoesAwayAndComesBack(t *testing.T) {
	cluster := storetest.New(t)
	cfg := alone(t, t.TempDir())
	cfg.Store = cluster.Database(t, "nim")
	e := startEdge(t, cfg)
	e.account("alice")
	c, _ := e.online("alice", "d", pc)
	cluster.Kill()
	waitFor(t, "the database's last processes to end", func() bool {
		status, _ := e.admin("POST", "/accounts", map[string]any{"account": "bob"})
		return status == http.StatusServiceUnavailable
	})
	if f := e.dial().ask(wire.OpLogin, e.loginAs("alice", "d2", pc), nil); f.ErrName != "server_busy" || f.RetryAfterMS == 0 {
		t.Errorf("a login: %+v", f)
	}
	ready := func() int {
		resp, err := http.Get("http://" + strings.TrimPrefix(strings.TrimSuffix(e.Admin, "/v1"), "http://") + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	waitFor(t, "the edge not to be ready", func() bool { return ready() == http.StatusServiceUnavailable })
	c.ask(wire.OpTime, nil, nil)
	cluster.Restart(t)
	waitFor(t, "the edge to be ready", func() bool { return ready() == http.StatusOK })
	e.account("bob")
	e.online("bob", "d", ios)
	c.ask(wire.OpTime, nil, nil)
}
