package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	natsserver "github.com/nats-io/nats-server/v2/server"

	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server"
	"github.com/libnim/libnim/server/store"
	"github.com/libnim/libnim/server/store/storetest"
)

// patience bounds every wait of the tests; nothing waits that long unless it
// is broken.
const patience = 30 * time.Second

// newEngine starts a NATS engine in this process that ends with the test.
func newEngine(t testing.TB) *natsserver.Server {
	t.Helper()
	e, err := natsserver.NewServer(&natsserver.Options{
		ServerName: "test", DontListen: true, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	e.Start()
	if !e.ReadyForConnections(patience) {
		t.Fatal("the engine did not become ready")
	}
	t.Cleanup(func() { e.Shutdown(); e.WaitForShutdown() })
	return e
}

func TestMain(m *testing.M) { storetest.Main(m) }

// storage is a store that several edges share: one SQLite that is open in this
// process, or with NIMD_TEST_STORE=postgres a PostgreSQL that each opens.
type storage struct {
	db  *store.Store // for the test itself
	url string
}

func newStorage(t testing.TB) storage {
	t.Helper()
	s := storage{url: storetest.Chosen(t)}
	db, err := store.Open(context.Background(), store.Config{URL: s.url, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	s.db = db
	return s
}

// in makes an edge use the storage.
func (s storage) in(cfg server.Config) server.Config {
	if cfg.Store = s.url; s.url == "" {
		cfg.DB = s.db
	}
	return cfg
}

// edge is a running server with the means to drive it.
type edge struct {
	t testing.TB
	*server.Server
	server.Ready
}

// startEdges runs n edges on one engine and data directory.
func startEdges(t testing.TB, n int, change func(i int, cfg *server.Config)) []*edge {
	t.Helper()
	engine, dir, stored := newEngine(t), t.TempDir(), newStorage(t)
	var edges []*edge
	for i := range n {
		cfg := stored.in(server.Config{Listen: "127.0.0.1:0", DataDir: dir, Dev: true, Engine: engine, Log: testLog(t)})
		if change != nil {
			change(i, &cfg)
		}
		edges = append(edges, startEdge(t, cfg))
	}
	return edges
}

func startEdge(t testing.TB, cfg server.Config) *edge {
	t.Helper()
	s, err := server.Start(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return &edge{t: t, Server: s, Ready: s.Ready()}
}

// testLog shows what the servers say when a test failed with -v.
func testLog(t testing.TB) *slog.Logger {
	if !testing.Verbose() {
		return nil
	}
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// admin makes a REST call and returns its status and answer.
func (e *edge) admin(method, path string, body any) (int, map[string]any) {
	e.t.Helper()
	var in io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			e.t.Fatal(err)
		}
		in = bytes.NewReader(data)
	}
	r, err := http.NewRequest(method, e.Admin+path, in)
	if err != nil {
		e.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+e.AdminKey)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		e.t.Fatal(err)
	}
	defer resp.Body.Close()
	var out map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		e.t.Fatalf("%s %s: %v", method, path, err)
	}
	return resp.StatusCode, out
}

// do is admin for a call that must succeed.
func (e *edge) do(method, path string, body any) map[string]any {
	e.t.Helper()
	status, out := e.admin(method, path, body)
	if status != http.StatusOK {
		e.t.Fatalf("%s %s: status %d: %v", method, path, status, out)
	}
	return out
}

// account creates an account whose token is its name and "-token".
func (e *edge) account(name string) {
	e.t.Helper()
	e.do("POST", "/accounts", map[string]any{"app_key": e.AppKey, "account": name, "token": name + "-token"})
}

// client is one connection of the protocol, seen from outside.
type client struct {
	t      testing.TB
	ws     *websocket.Conn
	hello  wire.Hello
	frames chan wire.Frame // closed when the connection ended, after err is set
	err    error
	lastID atomic.Uint64
}

// dial connects and reads the greeting.
func (e *edge) dial() *client {
	e.t.Helper()
	return e.dialFrom("127.0.0.1")
}

// dialFrom is dial for a client whose address a proxy names, if the edge trusts
// one here.
func (e *edge) dialFrom(address string) *client {
	e.t.Helper()
	d := websocket.Dialer{Subprotocols: []string{wire.Subprotocol}, HandshakeTimeout: patience}
	ws, resp, err := d.Dial(e.Link, http.Header{"X-Forwarded-For": {address}})
	if err != nil {
		e.t.Fatalf("dial: %v (%v)", err, resp)
	}
	c := &client{t: e.t, ws: ws, frames: make(chan wire.Frame, 1000)}
	e.t.Cleanup(func() { _ = ws.Close() })
	go c.read()
	f := c.next()
	if f.Op != wire.OpHello {
		e.t.Fatalf("first frame is %q, want hello", f.Op)
	}
	if err := f.DecodeBody(&c.hello); err != nil {
		e.t.Fatal(err)
	}
	return c
}

func (c *client) read() {
	defer close(c.frames)
	for {
		_, data, err := c.ws.ReadMessage()
		if err != nil {
			c.err = err
			return
		}
		f, err := wire.Decode(data)
		if err != nil {
			c.err = err
			return
		}
		c.frames <- f
	}
}

// next returns the next frame.
func (c *client) next() wire.Frame {
	c.t.Helper()
	select {
	case f, ok := <-c.frames:
		if !ok {
			c.t.Fatalf("the connection ended: %v", c.err)
		}
		return f
	case <-time.After(patience):
		c.t.Fatal("no frame came")
	}
	return wire.Frame{}
}

// want returns the body of the next frame, which must be of the op.
func (c *client) want(op wire.Op, body any) wire.Frame {
	c.t.Helper()
	f := c.next()
	for f.Op == wire.OpResync && op != wire.OpResync { // after the loss of an edge, at a time of its own
		f = c.next()
	}
	if f.Op != op {
		c.t.Fatalf("got %s %s, want %s", f.Op, f.Body, op)
	}
	if body != nil {
		if err := f.DecodeBody(body); err != nil {
			c.t.Fatal(err)
		}
	}
	return f
}

// wantClose reads to the end of the connection, and returns the close code and
// the frames that came before it.
func (c *client) wantClose() (int, []wire.Frame) {
	c.t.Helper()
	var frames []wire.Frame
	deadline := time.After(patience)
	for {
		select {
		case f, ok := <-c.frames:
			if ok {
				frames = append(frames, f)
				continue
			}
			if e, ok := errors.AsType[*websocket.CloseError](c.err); ok {
				return e.Code, frames
			}
			c.t.Fatalf("the connection ended without a close frame: %v", c.err)
		case <-deadline:
			c.t.Fatal("the connection did not end")
		}
	}
}

func (c *client) send(op wire.Op, body any) uint64 {
	c.t.Helper()
	id := c.lastID.Add(1)
	data, err := wire.Encode(wire.Frame{Op: op, ID: id}, body)
	if err != nil {
		c.t.Fatal(err)
	}
	if err := c.ws.WriteMessage(websocket.TextMessage, data); err != nil {
		c.t.Fatal(err)
	}
	return id
}

// ask sends a request and returns its reply, which must be the next frame.
func (c *client) ask(op wire.Op, body, answer any) wire.Frame {
	c.t.Helper()
	id := c.send(op, body)
	f := c.want(wire.OpReply, answer)
	if f.ID != id {
		c.t.Fatalf("reply to %d, want %d", f.ID, id)
	}
	return f
}

// loginAs is the usual login of an account on a device.
func (e *edge) loginAs(account, device string, clientType int) wire.Login {
	return wire.Login{
		AppKey: e.AppKey, Account: account, Token: account + "-token", ClientType: clientType,
		ClientOS: "test", DeviceID: device, SDK: "test", OperationID: "op-" + device, Force: true,
	}
}

// online dials and logs in, which must succeed.
func (e *edge) online(account, device string, clientType int) (*client, wire.LoginOK) {
	e.t.Helper()
	c := e.dial()
	return c, c.mustLogin(e.loginAs(account, device, clientType))
}

func (c *client) mustLogin(l wire.Login) wire.LoginOK {
	c.t.Helper()
	var ok wire.LoginOK
	if f := c.ask(wire.OpLogin, l, &ok); f.Code != 200 {
		c.t.Fatalf("login: %d %s %s", f.Code, f.ErrName, f.ErrMsg)
	}
	return ok
}

// waitFor polls until the condition holds.
func waitFor(t testing.TB, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// Client types of the tests.
const (
	android = 1
	ios     = 2
	pc      = 4
	web     = 16
	mac     = 64
)
