package server_test

import (
	"net"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server"
)

// startNATS runs a NATS server on a port; 0: any.
func startNATS(t *testing.T, dir string, port int) *natsserver.Server {
	t.Helper()
	if port == 0 {
		port = natsserver.RANDOM_PORT
	}
	s, err := natsserver.NewServer(&natsserver.Options{
		Host: "127.0.0.1", Port: port, JetStream: true, StoreDir: dir, NoSigs: true, NoLog: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(patience) {
		t.Fatal("NATS did not become ready")
	}
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	return s
}

// The whole cluster restarts and loses what it had in memory. Edges close the
// clients they can no longer vouch for, and take them again afterwards.
func TestClusterRestart(t *testing.T) {
	dir := t.TempDir()
	nats := startNATS(t, dir, 0)
	port := nats.Addr().(*net.TCPAddr).Port
	e := startEdge(t, newStorage(t).in(server.Config{
		Listen: "127.0.0.1:0", DataDir: t.TempDir(), Dev: true, NATS: []string{nats.ClientURL()}, Replicas: 1,
		Lease: time.Second, Log: testLog(t),
	}))
	e.account("alice")
	c, _ := e.online("alice", "d1", pc)
	nats.Shutdown()
	nats.WaitForShutdown()
	if code, _ := c.wantClose(); code != wire.CloseFenced {
		t.Errorf("closed with %d", code)
	}
	startNATS(t, dir, port)
	waitFor(t, "a login after the restart", func() bool {
		return e.dial().ask(wire.OpLogin, e.loginAs("alice", "d1", pc), nil).Code == 200
	})
}

// What a NATS server lacks is told with what to do about it.
func TestANATSServerThatWillNotDo(t *testing.T) {
	bare, err := natsserver.NewServer(&natsserver.Options{Host: "127.0.0.1", Port: natsserver.RANDOM_PORT, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	bare.Start()
	t.Cleanup(func() { bare.Shutdown(); bare.WaitForShutdown() })
	if !bare.ReadyForConnections(patience) {
		t.Fatal("NATS did not become ready")
	}
	for says, url := range map[string]string{
		"nats-replicas: 3":         startNATS(t, t.TempDir(), 0).ClientURL(),
		"JetStream is not enabled": bare.ClientURL(),
	} {
		s, err := server.Start(t.Context(), server.Config{Listen: "127.0.0.1:0", DataDir: t.TempDir(), NATS: []string{url}, Replicas: 3, DB: newStorage(t).db})
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("started %v, %v, want %q", s, err, says)
		}
	}
}
