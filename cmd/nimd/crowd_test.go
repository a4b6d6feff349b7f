package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server"
)

// A person logs in, sends messages to a peer one after another, and comes back
// whenever the connection ends. A message without an answer is sent again.
type person struct {
	name, peer string
	at         atomic.Pointer[server.Ready] // the edge to go to
	pause      time.Duration                // between messages

	acked  []wire.SentResult // of m0, m1, …; read once live has returned
	online atomic.Bool
	logins atomic.Int64
	stored atomic.Int64 // messages that were acknowledged
	ends   atomic.Int64 // connections that ended while they were in use
	why    atomic.Pointer[error]
}

// trouble is why its last connection ended, or was not made.
func (p *person) trouble() error {
	if err := p.why.Load(); err != nil {
		return *err
	}
	return nil
}

// errKicked ends a person's life: nobody kicks it.
var errKicked = errors.New("kicked")

// live goes on until ctx ends; an error says what must not happen.
func (p *person) live(ctx context.Context) error {
	for ctx.Err() == nil {
		err := p.connected(ctx)
		p.why.Store(&err)
		if p.online.Swap(false) && ctx.Err() == nil {
			p.ends.Add(1)
		}
		if errors.Is(err, errKicked) || errors.As(err, new(*refusal)) {
			return err
		}
		rest(ctx, 20*time.Millisecond)
	}
	return nil
}

// refusal is an answer that no client should get here.
type refusal struct{ what string }

func (r *refusal) Error() string { return r.what }

// connected logs in and sends until the connection ends, which the error tells.
func (p *person) connected(ctx context.Context) error {
	ready := p.at.Load()
	d := websocket.Dialer{Subprotocols: []string{wire.Subprotocol}, HandshakeTimeout: patience}
	ws, _, err := d.DialContext(ctx, ready.Link, nil)
	if err != nil {
		return err
	}
	defer func() { _ = ws.Close() }()
	end := context.AfterFunc(ctx, func() { _ = ws.NetConn().Close() })
	defer end()
	f, err := request(ws, wire.OpLogin, wire.Login{
		AppKey: ready.AppKey, Account: p.name, Token: p.name + "-token", DeviceID: "d", ClientType: 4, Force: true, Relogin: len(p.acked) > 0,
	})
	if err != nil {
		return err
	}
	if f.Code == 503 {
		return fmt.Errorf("login: %s", f.ErrName)
	}
	if f.Code != 200 {
		return &refusal{fmt.Sprintf("%s: login: %d %s", p.name, f.Code, f.ErrName)}
	}
	p.logins.Add(1)
	p.online.Store(true)
	for {
		if err := p.send(ctx, ws); err != nil {
			return err
		}
		if p.pause > 0 {
			rest(ctx, p.pause)
		}
	}
}

// send stores one message.
func (p *person) send(ctx context.Context, ws *websocket.Conn) error {
	id := p.name + "-" + fmt.Sprint(len(p.acked))
	for {
		f, err := request(ws, wire.OpSend, wire.Send{Conversation: "p:" + p.peer, Messages: []wire.Message{{ClientMsgID: id, Body: "text of " + id}}})
		if err != nil {
			return err
		}
		var sent wire.Sent
		if f.Code == 200 {
			if err := json.Unmarshal(f.Body, &sent); err != nil {
				return &refusal{err.Error()}
			}
		}
		switch {
		case f.Code == 200 && len(sent.Results) == 1 && sent.Results[0].Code == 200:
			if n := len(p.acked); n > 0 && sent.Results[0].Seq <= p.acked[n-1].Seq {
				return &refusal{fmt.Sprintf("%s: number %d after %d", p.name, sent.Results[0].Seq, p.acked[n-1].Seq)}
			}
			p.acked = append(p.acked, sent.Results[0])
			p.stored.Add(1)
			return nil
		case f.Code == 503 || f.Code == 200 && len(sent.Results) == 1 && sent.Results[0].Code == 503:
			rest(ctx, 20*time.Millisecond) // for now
		default:
			return &refusal{fmt.Sprintf("%s: send: %d %s %+v", p.name, f.Code, f.ErrName, sent)}
		}
	}
}

// request sends a request and returns its reply. Pushes before it are dropped.
func request(ws *websocket.Conn, op wire.Op, body any) (f wire.Frame, err error) {
	data, err := wire.Encode(wire.Frame{Op: op, ID: 7}, body)
	if err != nil {
		return f, err
	}
	if err := ws.WriteMessage(websocket.TextMessage, data); err != nil {
		return f, err
	}
	for {
		_ = ws.SetReadDeadline(time.Now().Add(2 * patience))
		if _, data, err = ws.ReadMessage(); err != nil {
			return f, err
		}
		if f, err = wire.Decode(data); err != nil {
			return f, &refusal{err.Error()}
		}
		switch f.Op {
		case wire.OpReply:
			return f, nil
		case wire.OpKicked:
			return f, errKicked
		}
	}
}

func rest(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// A crowd is people who write to each other in pairs.
type crowd struct {
	t      *testing.T
	people []*person
	done   chan error
	stop   context.CancelFunc
}

// newCrowd makes accounts for so many people, an even number.
func newCrowd(t *testing.T, admin *process, size int, pause time.Duration) *crowd {
	t.Helper()
	c := &crowd{t: t, done: make(chan error, size)}
	for i := range size {
		p := &person{name: fmt.Sprint("p", i), peer: fmt.Sprint("p", i^1), pause: pause}
		admin.mustAdmin("POST", "/accounts", fmt.Sprintf(`{"account":%q,"token":"%s-token"}`, p.name, p.name))
		c.people = append(c.people, p)
	}
	return c
}

// begin lets each live, at its edge.
func (c *crowd) begin(edge func(i int) *process) {
	var ctx context.Context
	ctx, c.stop = context.WithCancel(context.Background())
	c.t.Cleanup(c.stop)
	for i, p := range c.people {
		p.at.Store(&edge(i).Ready)
		go func() { c.done <- p.live(ctx) }()
	}
}

// since returns what waits until everybody has logged in after now, and sent.
func (c *crowd) since() (wait func(what string)) {
	logins, stored := make([]int64, len(c.people)), make([]int64, len(c.people))
	for i, p := range c.people {
		logins[i] = p.logins.Load()
	}
	return func(what string) {
		c.t.Helper()
		again := func(i int, p *person) bool { return p.online.Load() && p.logins.Load() > logins[i] }
		c.wait(what, again)
		for i, p := range c.people {
			stored[i] = p.stored.Load()
		}
		c.wait(what, func(i int, p *person) bool { return again(i, p) && p.stored.Load() > stored[i] })
	}
}

// wait waits until something holds for everybody.
func (c *crowd) wait(what string, holds func(i int, p *person) bool) {
	c.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for {
		var missing *person
		for i, p := range c.people {
			if !holds(i, p) {
				missing = p
			}
		}
		if missing == nil {
			return
		}
		select {
		case <-tick.C:
		case err := <-c.done:
			c.t.Fatalf("%s: a client ended: %v", what, err)
		case <-deadline:
			c.t.Fatalf("waited in vain for %s: %s is on line: %v; its last trouble: %v", what, missing.name, missing.online.Load(), missing.trouble())
		}
	}
}

// closes counts the connections that ended, of the people that count.
func (c *crowd) closes(count func(i int) bool) (n int64) {
	for i, p := range c.people {
		if count(i) {
			if n += p.ends.Load(); p.ends.Load() > 0 {
				c.t.Logf("%s: %v", p.name, p.trouble())
			}
		}
	}
	return n
}

// end stops all and looks at what is kept: all that was acknowledged, once, in the
// order in which it was sent, under the same numbers.
func (c *crowd) end(edge *process) (total int) {
	c.t.Helper()
	c.stop()
	for range c.people {
		if err := <-c.done; err != nil {
			c.t.Error(err)
		}
	}
	for _, p := range c.people {
		total += len(p.acked)
		kept := c.kept(edge, p)
		if len(kept) != len(p.acked) && len(kept) != len(p.acked)+1 { // one may be stored and not answered
			c.t.Errorf("%s: %d messages are kept, %d were acknowledged", p.name, len(kept), len(p.acked))
			continue
		}
		for i, e := range kept {
			if e.ClientMsgID != fmt.Sprintf("%s-%d", p.name, i) || e.Body != "text of "+e.ClientMsgID {
				c.t.Errorf("%s: message %d is %+v", p.name, i, e)
				break
			}
			if i < len(p.acked) && (e.Seq != p.acked[i].Seq || e.ServerMsgID != p.acked[i].ServerMsgID) {
				c.t.Errorf("%s: message %d is kept as %d, acknowledged as %d", p.name, i, e.Seq, p.acked[i].Seq)
				break
			}
		}
	}
	return total
}

// kept returns what its peer can read of a person's messages.
func (c *crowd) kept(edge *process, p *person) (kept []wire.Entry) {
	c.t.Helper()
	ws, f := edge.login(p.peer, "reader")
	if f.Code != 200 {
		c.t.Fatalf("login: %d %s", f.Code, f.ErrName)
	}
	defer func() { _ = ws.Close() }()
	next := uint64(1)
	for more := true; more; {
		var page wire.Pulled
		if f := ask(c.t, ws, wire.OpPull, wire.Pull{Conversation: "p:" + p.name, From: next}, &page); f.Code != 200 {
			c.t.Fatalf("pull: %d %s", f.Code, f.ErrMsg)
		}
		for _, e := range page.Entries {
			if e.Seq != next || e.Message == nil {
				c.t.Fatalf("%s: entry %d is %+v", p.name, next, e)
			}
			next++
		}
		kept = append(kept, slices.DeleteFunc(page.Entries, func(e wire.Entry) bool { return e.Sender != p.name })...)
		more = page.More
	}
	return kept
}
