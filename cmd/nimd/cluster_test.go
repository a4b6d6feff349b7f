package main

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server/store/storetest"
)

// startNATS runs a NATS server that other processes can reach.
func startNATS(t *testing.T) (url string) {
	t.Helper()
	s, err := natsserver.NewServer(&natsserver.Options{
		Host: "127.0.0.1", Port: natsserver.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(patience) {
		t.Fatal("NATS did not become ready")
	}
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	return s.ClientURL()
}

// copySecrets gives a second edge the secrets of the first.
func copySecrets(t *testing.T, from, to string) {
	t.Helper()
	for _, name := range []string{"pepper", "admin.key"} {
		data, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// Two processes share a cluster; one is killed. The devices of the other are
// told once its lease has expired, and its accounts log in again at once.
func TestKilledEdge(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a lease of 5 s")
	}
	nats, stored, dir1, dir2 := startNATS(t), storetest.Postgres(t), t.TempDir(), t.TempDir()
	args := func(dir string) []string {
		return []string{"--listen", "127.0.0.1:0", "--data", dir, "--dev", "--nats", nats, "--nats-replicas", "1", "--store", stored, "--heartbeat", "1m", "--lease", "5s"}
	}
	one := startProcess(t, args(dir1)...)
	copySecrets(t, dir1, dir2)
	two := startProcess(t, args(dir2)...)
	if one.AppKey != two.AppKey || one.AdminKey != two.AdminKey {
		t.Fatal("the edges do not share their settings")
	}
	one.mustAdmin("POST", "/accounts", `{"account":"alice","token":"alice-token"}`)
	two.mustAdmin("PUT", "/policy", `{"multi_login":"all"}`)
	desk, _ := one.login("alice", "desk")
	if _, f := two.login("alice", "phone"); f.Code != 200 {
		t.Fatalf("login: %d %s", f.Code, f.ErrName)
	}
	if f := next(t, desk); f.Op != wire.OpPresence {
		t.Fatalf("got %s, want the notice that the phone came", f.Op)
	}
	if err := two.stop(syscall.SIGKILL); err == nil {
		t.Error("killed, but exited with success")
	}
	// Its own ghost does not refuse the device: it logs in on the edge that lives.
	if _, f := one.login("alice", "phone"); f.Code != 200 {
		t.Errorf("after the kill: %d %s", f.Code, f.ErrName)
	}
	three := startProcess(t, args(dir2)...)
	if _, f := three.login("alice", "tablet"); f.Code != 200 {
		t.Errorf("on the edge that came back: %d %s", f.Code, f.ErrName)
	}
	seen := map[string]int{}
	for range 2 { // phone again, tablet
		f := next(t, desk)
		var p wire.Presence
		if err := f.DecodeBody(&p); err != nil {
			t.Fatal(err)
		}
		seen[fmt.Sprint(p.Type, p.Devices[0].DeviceID)]++
	}
	if seen["2phone"] != 1 || seen["2tablet"] != 1 {
		t.Errorf("notices: %v", seen)
	}
	if err := three.stop(syscall.SIGKILL); err == nil {
		t.Error("killed, but exited with success")
	}
	f := next(t, desk) // within the lease: nothing else is told before, but that messages may be missing
	for f.Op == wire.OpResync {
		f = next(t, desk)
	}
	var p wire.Presence
	if err := f.DecodeBody(&p); err != nil {
		t.Fatal(err)
	}
	if p.Type != 3 || len(p.Devices) != 1 || p.Devices[0].DeviceID != "tablet" {
		t.Errorf("notice after the kill: %+v", p)
	}
}

func TestAnotherPepperIsRefused(t *testing.T) {
	nats, stored := startNATS(t), storetest.Postgres(t)
	args := func(dir string) []string {
		return []string{"--listen", "127.0.0.1:0", "--data", dir, "--nats", nats, "--nats-replicas", "1", "--store", stored, "--heartbeat", "1m"}
	}
	startProcess(t, args(t.TempDir())...)
	err := run(args(t.TempDir()))
	if err == nil {
		t.Fatal("an edge with another pepper started")
	}
	t.Log(err)
}
