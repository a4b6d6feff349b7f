package gateway

import (
	"context"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server/accounts"
	"github.com/libnim/libnim/server/auth"
	"github.com/libnim/libnim/server/bus"
	"github.com/libnim/libnim/server/metrics"
	"github.com/libnim/libnim/server/presence"
	"github.com/libnim/libnim/server/store"
	"github.com/libnim/libnim/server/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// patience bounds every wait; nothing waits that long unless it is broken.
const patience = 20 * time.Second

// testEdge is an edge on a real bus, with a seam in the middle of its logins.
type testEdge struct {
	*Gateway
	url   string
	apps  *accounts.Apps
	store *accounts.Store
	db    *store.Store
	app   string

	// midway runs once, in the next login, between the reading of the record
	// and its writing.
	midway atomic.Pointer[func()]
}

// newTestEdges returns edges on one embedded engine, under the policy "one".
func newTestEdges(t *testing.T, n int, lease time.Duration) []*testEdge {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	b, err := bus.Open(ctx, bus.Config{Dir: t.TempDir(), LeaseTTL: lease})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	db, err := store.Open(ctx, store.Config{URL: storetest.Chosen(t), Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	var edges []*testEdge
	for range n {
		edges = append(edges, newTestEdge(ctx, t, b, db))
	}
	app, err := edges[0].apps.Change(ctx, "app", func(app *accounts.App, _ bool) error {
		app.Secret, app.Policy = "a-secret-of-the-app", presence.Policy{Mode: presence.ModeOne}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range edges {
		e.app = app.Key
		if _, err := e.apps.Policy(ctx, app.Key, app.Policy.Rev); err != nil {
			t.Fatal(err)
		}
	}
	return edges
}

func newTestEdge(ctx context.Context, t *testing.T, b *bus.Bus, db *store.Store) *testEdge {
	t.Helper()
	cfg := Config{Metrics: &metrics.Registry{}}
	cfg.setDefaults()
	e := &testEdge{db: db}
	var err error
	if e.apps, err = accounts.OpenApps(t.Context(), db, cfg.Log); err != nil {
		t.Fatal(err)
	}
	e.store = accounts.NewStore(e.apps, []byte("pepper"))
	people := presence.NewStore(b, presence.NewLease(b, nil, cfg.Log), e.policy, cfg.Log)
	if e.Gateway, err = New(ctx, cfg, b, people, e.apps, e.store, auth.NewVerifier(e.store, cfg.Log, nil)); err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(e)
	t.Cleanup(s.Close)
	t.Cleanup(e.Close) // first
	e.url = "ws" + s.URL[len("http"):]
	return e
}

// metricsText is what the edge tells of its counts.
func (e *testEdge) metricsText() string {
	w := httptest.NewRecorder()
	e.cfg.Metrics.ServeHTTP(w, nil)
	return w.Body.String()
}

// policy claims to know an old policy when there is something to do midway:
// the store asks again, record in hand.
func (e *testEdge) policy(ctx context.Context, app string, atLeast uint64) (presence.Policy, error) {
	if e.midway.Load() != nil {
		if atLeast == 0 {
			return presence.Policy{}, nil
		}
		(*e.midway.Swap(nil))()
	}
	return e.apps.Policy(ctx, app, atLeast)
}

// account creates an account whose token is its name.
func (e *testEdge) account(t *testing.T, name string) accountID {
	t.Helper()
	_, err := e.store.Change(t.Context(), e.app, name, func(a *accounts.Account, _ bool) error {
		a.Token = e.store.HashToken(name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return accountID{e.app, name}
}

// login logs in and returns the connection with the reply.
func (e *testEdge) login(t *testing.T, account, device string) (*websocket.Conn, wire.Frame) {
	t.Helper()
	d := websocket.Dialer{Subprotocols: []string{wire.Subprotocol}, HandshakeTimeout: patience}
	ws, _, err := d.Dial(e.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ws.Close() })
	if f := nextFrame(t, ws); f.Op != wire.OpHello {
		t.Fatalf("greeted with %s", f.Op)
	}
	return ws, request(t, ws, wire.OpLogin, wire.Login{
		AppKey: e.app, Account: account, Token: account, ClientType: 4, DeviceID: device, Force: true,
	})
}

func request(t *testing.T, ws *websocket.Conn, op wire.Op, body any) wire.Frame {
	t.Helper()
	data, err := wire.Encode(wire.Frame{Op: op, ID: 1}, body)
	if err != nil {
		t.Fatal(err)
	}
	if err := ws.WriteMessage(websocket.TextMessage, data); err != nil {
		t.Fatal(err)
	}
	return nextFrame(t, ws)
}

// nextFrame returns the next frame; its op is "" when the connection has ended.
func nextFrame(t *testing.T, ws *websocket.Conn) wire.Frame {
	t.Helper()
	_ = ws.SetReadDeadline(time.Now().Add(patience))
	_, data, err := ws.ReadMessage()
	if err != nil {
		if _, closed := err.(*websocket.CloseError); !closed {
			t.Fatal(err)
		}
		return wire.Frame{}
	}
	f, err := wire.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func within(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
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
