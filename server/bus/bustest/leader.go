package bustest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Leader waits for a server that leads a stream, and returns it.
func Leader(t testing.TB, nodes []*Node, stream string) (leader *Node) {
	t.Helper()
	wait(t, nodes, stream, "a leader", func(info *jetstream.ClusterInfo) bool {
		for _, n := range nodes {
			if n.Name == info.Leader {
				leader = n
			}
		}
		return leader != nil
	})
	return leader
}

// Whole waits until all servers have all of a stream.
func Whole(t testing.TB, nodes []*Node, stream string) {
	t.Helper()
	wait(t, nodes, stream, "all copies", func(info *jetstream.ClusterInfo) bool {
		for _, r := range info.Replicas {
			if !r.Current {
				return false
			}
		}
		return info.Leader != "" && len(info.Replicas) == len(nodes)-1
	})
}

// wait asks about a stream until something holds. An election takes seconds.
func wait(t testing.TB, nodes []*Node, stream, what string, holds func(*jetstream.ClusterInfo) bool) {
	t.Helper()
	conn, err := nats.Connect(strings.Join(URLs(nodes), ","))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); <-tick.C {
		ask, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		s, err := js.Stream(ask, stream)
		cancel()
		if err == nil && s.CachedInfo().Cluster != nil && holds(s.CachedInfo().Cluster) {
			return
		}
	}
	t.Fatalf("waited in vain for %s of %s", what, stream)
}
