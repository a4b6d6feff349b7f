//go:build unix

package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server/bus/bustest"
	"github.com/libnim/libnim/server/store/storetest"
)

var (
	natsKills = flag.Int("nats-kills", 1, "how often a NATS server is killed under the edges")
	freeze    = flag.Duration("freeze", 0, "for how long each NATS server is frozen under the edges; 0: none is")
)

// Three edges, three NATS servers and PostgreSQL, each a process. A NATS server is
// killed, or frozen, and nobody on line is closed; an edge is killed, and its
// clients come back to the others. All the time clients of all edges write to each
// other, and nothing that was acknowledged is lost. After each loss logins, kicks,
// presence and messages work from every edge to every other.
func TestThreeEdges(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a cluster and kills parts of it")
	}
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	c := startThree(t)
	c.work("at the start")
	crowd := newCrowd(t, c.edges[0], *people, 500*time.Millisecond)
	back := crowd.since()
	crowd.begin(func(i int) *process { return c.edges[(i/2+i%2)%3] }) // and the peer's is another
	back("everybody to be on line")

	for i := range *natsKills {
		n := bustest.Leader(t, c.nodes, "KV_nim_leases")
		n.Kill(t)
		killed := time.Now()
		c.work(fmt.Sprintf("without %s", n.Name))
		t.Logf("kill %d, of %s: all works after %v", i, n.Name, time.Since(killed).Round(time.Millisecond))
		n.Begin(t)()
		bustest.Whole(t, c.nodes, "KV_nim_leases")
	}
	for _, n := range c.nodes {
		if *freeze == 0 {
			break
		}
		n.Freeze(t)
		frozen := time.Now()
		c.work(fmt.Sprintf("while %s is frozen", n.Name))
		t.Logf("%s frozen: all works after %v", n.Name, time.Since(frozen).Round(time.Millisecond))
		if left := *freeze - time.Since(frozen); left > 0 {
			<-time.After(left)
		}
		n.Thaw(t)
		bustest.Whole(t, c.nodes, "KV_nim_leases")
	}
	if n := crowd.closes(func(int) bool { return true }); n != 0 {
		t.Fatalf("%d connections of %d clients were closed by the loss of a NATS server", n, *people)
	}

	dead := r.IntN(3)
	link, other := c.edges[dead].Link, c.edges[(dead+1)%3]
	lost := map[int]bool{}
	for i, p := range crowd.people {
		if p.at.Load().Link == link {
			lost[i] = true
			p.at.Store(&other.Ready) // where it goes when it has lost its own
		}
	}
	if err := c.edges[dead].stop(syscall.SIGKILL); err == nil {
		t.Error("killed, but exited with success")
	}
	killed := time.Now()
	crowd.wait("the clients of the killed edge to come back", func(i int, p *person) bool {
		return !lost[i] || p.ends.Load() > 0 && p.online.Load()
	})
	t.Logf("edge killed: its %d clients are back after %v", len(lost), time.Since(killed).Round(time.Millisecond))
	c.edges[dead] = c.start[dead]()
	c.work("with the edge that was killed")
	if n := crowd.closes(func(i int) bool { return !lost[i] }); n != 0 {
		t.Errorf("%d connections to the other edges were closed by the loss of an edge", n)
	}
	t.Logf("%d messages were acknowledged", crowd.end(c.edges[dead]))
}

// three is a cluster of three edges.
type three struct {
	t     *testing.T
	nodes []*bustest.Node
	edges []*process
	start []func() *process
	round int
}

func startThree(t *testing.T) *three {
	t.Helper()
	c := &three{t: t, nodes: bustest.Start(t)}
	stored, first := storetest.Postgres(t), ""
	for i := range 3 {
		dir := t.TempDir()
		if i == 0 {
			first = dir
		} else {
			copySecrets(t, first, dir)
		}
		urls := bustest.URLs(c.nodes)
		urls[0], urls[i] = urls[i], urls[0]
		c.start = append(c.start, func() *process {
			return startProcess(t, "--listen", "127.0.0.1:0", "--data", dir, "--dev", "--heartbeat", "1m", "--store", stored,
				"--nats", strings.Join(urls, ","), "--send-rate", "0", "--conversation-rate", "0", "--frame-rate", "0")
		})
		c.edges = append(c.edges, c.start[i]())
	}
	return c
}

// work lets somebody use three devices, each on another edge, in every order.
func (c *three) work(when string) {
	c.t.Helper()
	for i := range 3 {
		a, b, d := c.edges[i], c.edges[(i+1)%3], c.edges[(i+2)%3]
		c.round++
		xena, yves := fmt.Sprint("xena", c.round), fmt.Sprint("yves", c.round)
		for _, name := range []string{xena, yves} {
			a.mustAdmin("POST", "/accounts", fmt.Sprintf(`{"account":%q,"token":"%s-token"}`, name, name))
		}
		desk := c.login(a, xena, "desk", 4)
		phone := c.login(b, xena, "phone", 1)
		c.hears(desk, when, wire.OpPresence, `"type":2`, `"phone"`)
		laptop := c.login(d, xena, "laptop", 4) // in the place of the desk
		c.hears(desk, when, wire.OpKicked, `"laptop"`)
		c.hears(phone, when, wire.OpPresence, `"type":2`, `"laptop"`)

		other := c.login(a, yves, "desk", 4)
		if _, ok := send(c.t, other, xena, "hello"); !ok {
			c.t.Fatalf("%s: the sender was closed", when)
		}
		c.hears(phone, when, wire.OpEntry, `"hello"`)
		c.hears(laptop, when, wire.OpEntry, `"hello"`)
		_ = laptop.NetConn().Close()
		c.hears(phone, when, wire.OpPresence, `"type":3`, `"laptop"`)
		a.mustAdmin("POST", "/kick", fmt.Sprintf(`{"account":%q}`, xena))
		c.hears(phone, when, wire.OpKicked, `"reason_code":2`)
		_, _ = other.Close(), phone.Close()
	}
}

// login logs in as soon as the edge lets it.
func (c *three) login(p *process, account, device string, clientType int) (ws *websocket.Conn) {
	c.t.Helper()
	waitUntil(c.t, "a login of "+account, func() bool {
		var f wire.Frame
		ws, f = p.loginAs(account, device, clientType)
		if f.Code != 200 && f.Code != 503 {
			c.t.Fatalf("login of %s: %d %s", account, f.Code, f.ErrName)
		}
		return f.Code == 200
	})
	return ws
}

// hears reads until a frame of op comes that has all these texts in it.
func (c *three) hears(ws *websocket.Conn, when string, op wire.Op, texts ...string) {
	c.t.Helper()
	_ = ws.SetReadDeadline(time.Now().Add(patience))
	for {
		_, data, err := ws.ReadMessage()
		if err != nil {
			c.t.Fatalf("%s: waited in vain for %s with %v: %v", when, op, texts, err)
		}
		f, err := wire.Decode(data)
		if err != nil {
			c.t.Fatal(err)
		}
		has := f.Op == op
		for _, text := range texts {
			has = has && strings.Contains(string(f.Body), text)
		}
		if has {
			return
		}
	}
}
