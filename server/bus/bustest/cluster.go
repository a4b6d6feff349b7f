// Package bustest gives tests a NATS cluster whose servers are processes, which
// can be killed and frozen.
package bustest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
)

// runAs names the server that a process of the tests is to be.
const runAs = "NIM_TEST_NATS"

// Main makes the process a NATS server where a test started it as one; it
// returns false elsewhere. A package's TestMain calls it first.
func Main() bool {
	var n Node
	if config := os.Getenv(runAs); config == "" || json.Unmarshal([]byte(config), &n) != nil {
		return false
	}
	n.run()
	return true
}

// Node is a NATS server in a process of its own.
type Node struct {
	Name, Dir  string
	Port, Peer int // for clients and for the other nodes
	Routes     []string

	cmd *exec.Cmd
}

// URL is where clients reach it.
func (n *Node) URL() string { return fmt.Sprintf("nats://127.0.0.1:%d", n.Port) }

// Start runs three servers that replicate to each other, until the test ends.
func Start(t testing.TB) []*Node {
	t.Helper()
	ports := freePorts(t, 6) // each must know the others' before it starts
	var nodes []*Node
	var routes []string
	for i := range 3 {
		nodes = append(nodes, &Node{Name: fmt.Sprint("n", i), Dir: t.TempDir(), Port: ports[i], Peer: ports[3+i]})
		routes = append(routes, fmt.Sprintf("nats://127.0.0.1:%d", ports[3+i]))
	}
	var ready []func()
	for _, n := range nodes {
		n.Routes = routes
		ready = append(ready, n.Begin(t))
	}
	for _, wait := range ready {
		wait()
	}
	return nodes
}

func freePorts(t testing.TB, count int) (ports []int) {
	t.Helper()
	for range count {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }() // once all are chosen
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

// URLs are where clients reach the servers.
func URLs(nodes []*Node) (urls []string) {
	for _, n := range nodes {
		urls = append(urls, n.URL())
	}
	return urls
}

// Begin runs the server, also again after a kill; ready waits until it serves.
func (n *Node) Begin(t testing.TB) (ready func()) {
	t.Helper()
	config, err := json.Marshal(n)
	if err != nil {
		t.Fatal(err)
	}
	n.cmd = exec.Command(os.Args[0])
	n.cmd.Env = append(os.Environ(), runAs+"="+string(config))
	in, err := n.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := n.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	cmd := n.cmd
	t.Cleanup(func() { _, _, _ = in.Close(), cmd.Process.Kill(), cmd.Wait() })
	return func() {
		if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
			t.Fatalf("NATS server %s did not start: %v", n.Name, err)
		}
	}
}

// Kill ends the server as a crash does.
func (n *Node) Kill(t testing.TB) {
	t.Helper()
	if err := n.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = n.cmd.Wait()
}

// run is the server's process. It ends with its parent, whose end closes stdin.
func (n *Node) run() {
	o := &natsserver.Options{
		ServerName: n.Name, Host: "127.0.0.1", Port: n.Port, JetStream: true, StoreDir: n.Dir, NoSigs: true, NoLog: true,
		Cluster: natsserver.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: n.Peer},
	}
	for _, r := range n.Routes {
		u, err := url.Parse(r)
		if err != nil {
			panic(err)
		}
		o.Routes = append(o.Routes, u)
	}
	s, err := natsserver.NewServer(o)
	if err != nil {
		panic(err)
	}
	s.Start()
	if !s.ReadyForConnections(30 * time.Second) {
		panic("not ready")
	}
	fmt.Println("ready")
	_, _ = os.Stdin.Read(make([]byte, 1))
}
