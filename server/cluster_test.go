package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"sync"
	"testing"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server"
)

// newCluster returns three NATS servers that replicate to each other once they
// are started.
func newCluster(t *testing.T) []*natsserver.Server {
	t.Helper()
	// Each must know the routes of all before it starts, so ports are chosen by
	// the system first.
	var ports [3]int
	var routes []*url.URL
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ports[i] = l.Addr().(*net.TCPAddr).Port
		routes = append(routes, &url.URL{Scheme: "nats", Host: l.Addr().String()})
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	var servers []*natsserver.Server
	for i, port := range ports {
		s, err := natsserver.NewServer(&natsserver.Options{
			ServerName: fmt.Sprint("n", i), Host: "127.0.0.1", Port: natsserver.RANDOM_PORT,
			JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true,
			Cluster: natsserver.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: port}, Routes: routes,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
		servers = append(servers, s)
	}
	return servers
}

// startCluster runs three NATS servers that replicate to each other.
func startCluster(t *testing.T) []*natsserver.Server {
	t.Helper()
	servers := newCluster(t)
	for _, s := range servers {
		s.Start()
	}
	for _, s := range servers {
		if !s.ReadyForConnections(patience) {
			t.Fatal("NATS did not become ready")
		}
	}
	waitFor(t, "the cluster to have a leader", func() bool {
		for _, s := range servers {
			if s.JetStreamIsLeader() {
				return len(s.JetStreamClusterPeers()) == len(servers)
			}
		}
		return false
	})
	return servers
}

// watchRecords fails the test when a revision of a presence record holds more
// devices than one. It sees the revisions that the engine still has when it
// gets to them.
func watchRecords(t *testing.T, nc *nats.Conn) {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	kv, err := js.KeyValue(t.Context(), "nim_presence")
	if err != nil {
		t.Fatal(err)
	}
	w, err := kv.WatchAll(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	done, seen := make(chan struct{}), 0
	go func() {
		defer close(done)
		for e := range w.Updates() {
			if e == nil || e.Operation() != jetstream.KeyValuePut {
				continue
			}
			var r struct {
				Devices []json.RawMessage `json:"devices"`
			}
			if err := json.Unmarshal(e.Value(), &r); err != nil || len(r.Devices) > 1 {
				t.Errorf("revision %d: %d devices, %v", e.Revision(), len(r.Devices), err)
			}
			seen++
		}
	}()
	t.Cleanup(func() {
		_ = w.Stop()
		<-done
		t.Logf("%d revisions seen", seen)
	})
}

// race lets devices log in to one account at the same time, on edges in turn,
// and returns the one that stays.
func race(t *testing.T, edges []*edge, account string, racers int) {
	t.Helper()
	edges[0].account(account)
	clients := make([]*client, racers)
	for i := range clients {
		clients[i] = edges[i%len(edges)].dial()
	}
	var wg sync.WaitGroup
	codes := make([]int32, racers)
	for i, c := range clients {
		wg.Go(func() {
			codes[i] = c.ask(wire.OpLogin, edges[0].loginAs(account, fmt.Sprint("d", i), pc), nil).Code
		})
	}
	wg.Wait()
	devices := edges[0].onlineDevices(account)
	if len(devices) != 1 {
		t.Fatalf("%s: on line: %v, answers: %v", account, devices, codes)
	}
	for i, c := range clients {
		if codes[i] == 200 && fmt.Sprint("d", i) == devices[0] {
			c.ask(wire.OpTime, nil, nil)
		} else {
			c.wantClose()
		}
	}
}

// Logins race on two edges under the policy "one". Whoever was answered and is
// not the last in the record must be kicked, and exactly one stays.
func TestRacingLoginsLeaveOne(t *testing.T) {
	engine, dir, stored := newEngine(t), t.TempDir(), newStorage(t)
	var edges []*edge
	for range 2 {
		edges = append(edges, startEdge(t, stored.in(server.Config{Listen: "127.0.0.1:0", DataDir: dir, Dev: true, Engine: engine, Log: testLog(t)})))
	}
	edges[0].do("PUT", "/policy", map[string]any{"multi_login": "one"})
	nc, err := nats.Connect("", nats.InProcessServer(engine))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	watchRecords(t, nc)
	rounds := 60
	if testing.Short() {
		rounds = 10
	}
	for round := range rounds {
		race(t, edges, fmt.Sprint("racer", round), 4)
	}
}

// The same on a cluster with three copies, while the server that leads the
// records goes down.
func TestRacingLoginsOnACluster(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a NATS cluster")
	}
	servers, dir, stored := startCluster(t), t.TempDir(), newStorage(t)
	urls := make([]string, 0, len(servers))
	for _, s := range servers {
		urls = append(urls, s.ClientURL())
	}
	var edges []*edge
	for range 2 {
		edges = append(edges, startEdge(t, stored.in(server.Config{
			Listen: "127.0.0.1:0", DataDir: dir, Dev: true, NATS: urls, Replicas: 3, Log: testLog(t),
		})))
	}
	edges[0].do("PUT", "/policy", map[string]any{"multi_login": "one"})
	nc, err := nats.Connect(urls[0] + "," + urls[1] + "," + urls[2])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	watchRecords(t, nc)
	for round := range 10 {
		race(t, edges, fmt.Sprint("before", round), 4)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	stream, err := js.Stream(ctx, "KV_nim_presence")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range servers {
		if s.Name() == stream.CachedInfo().Cluster.Leader {
			s.Shutdown()
			s.WaitForShutdown()
		}
	}
	edges[0].account("probe")
	waitFor(t, "another leader of the records", func() bool {
		return edges[0].dial().ask(wire.OpLogin, edges[0].loginAs("probe", "d1", pc), nil).Code == 200
	})
	for round := range 10 {
		race(t, edges, fmt.Sprint("after", round), 4)
	}
}

// An edge that starts before the cluster has a leader waits for it.
func TestAnEdgeWaitsForTheClusterToStart(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a NATS cluster")
	}
	servers := newCluster(t)
	servers[0].Start()
	waitFor(t, "the first server", func() bool { return servers[0].Addr() != nil })
	started, db := make(chan error, 1), newStorage(t).db
	go func() {
		s, err := server.Start(t.Context(), server.Config{
			Listen: "127.0.0.1:0", DataDir: t.TempDir(), NATS: []string{servers[0].ClientURL()}, Replicas: 3, Log: testLog(t), DB: db,
		})
		if err == nil {
			err = s.Close()
		}
		started <- err
	}()
	waitFor(t, "the edge to connect", func() bool { return servers[0].NumClients() > 0 })
	for _, s := range servers[1:] {
		s.Start()
	}
	if err := <-started; err != nil {
		t.Error(err)
	}
}
