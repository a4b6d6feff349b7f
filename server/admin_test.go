package server_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server"
	"github.com/libnim/libnim/server/accounts"
	"github.com/libnim/libnim/server/bus"
	"github.com/libnim/libnim/server/store"
)

// bucketOf opens a bucket of the edges from outside.
func bucketOf(t *testing.T, engine *natsserver.Server, name string) jetstream.KeyValue {
	t.Helper()
	nc, err := nats.Connect("", nats.InProcessServer(engine))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	kv, err := js.KeyValue(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return kv
}

// pages asks for a list in pages and returns the accounts of all of them;
// between runs before each page but the first.
func (e *edge) pages(path string, limit int, between func()) (names []string) {
	e.t.Helper()
	for cursor := ""; ; between() {
		out := e.do("GET", fmt.Sprintf("%s&limit=%d&cursor=%s", path, limit, cursor), nil)
		list := out["accounts"].([]any)
		if len(list) > limit {
			e.t.Fatalf("%d entries, at most %d were wanted", len(list), limit)
		}
		for _, a := range list {
			names = append(names, a.(map[string]any)["account"].(string))
		}
		if cursor = out["next_cursor"].(string); cursor == "" {
			return names
		}
	}
}

func TestAccountsAreListedInPages(t *testing.T) {
	e := startEdges(t, 1, nil)[0]
	e.do("POST", "/apps", map[string]any{"app_key": "other"})
	e.do("POST", "/accounts", map[string]any{"app_key": "other", "account": "stranger", "token": "t"})
	want := []string{}
	for i := range 25 {
		name := fmt.Sprint("a", i)
		e.account(name)
		want = append(want, name)
	}
	slices.Sort(want)
	list := "/accounts?app_key=" + e.AppKey
	if got := e.pages(list, 10, func() {}); !slices.Equal(got, want) {
		t.Errorf("listed %v, want %v", got, want)
	}
	if got := e.pages(list, 25, func() {}); !slices.Equal(got, want) { // nothing is left for a second page
		t.Errorf("listed %v, want %v", got, want)
	}
	// The account that a cursor stands for goes; one comes before it, one after it,
	// one changes.
	first := true
	got := e.pages(list, 10, func() {
		if first {
			first = false
			e.do("DELETE", "/accounts/a17?app_key="+e.AppKey, nil)
			e.do("DELETE", "/accounts/a18?app_key="+e.AppKey, nil)
			e.do("POST", "/accounts", map[string]any{"app_key": e.AppKey, "account": "a15", "name": "x"})
			e.account("a-new")
			e.account("new")
		}
	})
	want = append(slices.DeleteFunc(want, func(s string) bool { return s == "a18" }), "new")
	if !slices.Equal(got, want) {
		t.Errorf("listed %v, want %v", got, want)
	}
	view := e.do("GET", list+"&limit=2", nil)["accounts"].([]any)[1].(map[string]any)
	if view["has_token"] != true || view["app_key"] != e.AppKey || strings.Contains(fmt.Sprint(view), "a0-token") {
		t.Errorf("listed as %v", view)
	}
}

func TestOnlineIsListedInPages(t *testing.T) {
	edges := startEdges(t, 2, nil)
	want := []string{}
	for i := range 7 {
		name := fmt.Sprint("a", i)
		edges[0].account(name)
		edges[i%2].online(name, "d", pc)
		want = append(want, name)
	}
	late, _ := edges[0].online("a0", "phone", ios) // which moves it to the end
	first := true
	got := edges[1].pages("/online?app_key="+edges[0].AppKey, 2, func() {
		if first {
			first = false
			edges[0].do("POST", "/kick", map[string]any{"account": "a4"})
		}
	})
	want = append(slices.DeleteFunc(want[1:], func(s string) bool { return s == "a4" }), "a0")
	if !slices.Equal(got, want) {
		t.Errorf("listed %v, want %v", got, want)
	}
	late.ask(wire.OpTime, nil, nil)
	if status, out := edges[0].admin("GET", "/online?cursor=99999999", nil); status != http.StatusBadRequest {
		t.Errorf("a cursor that was never given: %d %v", status, out)
	}
}

// typo is two edges of an app that is to be deleted, each with a session of it.
type typo struct {
	edges    []*edge
	sessions []*client
	engine   *natsserver.Server
	apps     *accounts.Apps // as another edge has them
	first    *edge          // edges[0], for the app that there was before
}

func startTypo(t *testing.T, change func(*server.Config)) (d typo) {
	t.Helper()
	d.edges = startEdges(t, 2, func(_ int, c *server.Config) {
		d.engine = c.Engine
		if d.apps == nil {
			d.apps = openApps(t, *c)
		}
		if change != nil {
			change(c)
		}
	})
	d.fill()
	return d
}

// openApps opens the apps as one more edge does.
func openApps(t *testing.T, c server.Config) *accounts.Apps {
	t.Helper()
	db := c.DB
	if db == nil {
		var err error
		if db, err = store.Open(t.Context(), store.Config{URL: c.Store}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
	}
	apps, err := accounts.OpenApps(t.Context(), db, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return apps
}

// fill makes the app and its sessions.
func (d *typo) fill() {
	first := *d.edges[0]
	d.first = &first
	d.edges[0].do("POST", "/apps", map[string]any{"app_key": "typo", "app_secret": "typo-secret"})
	for i, account := range []string{"alice", "bob"} {
		e := d.edges[i]
		e.AppKey = "typo"
		e.account(account)
		c, _ := e.online(account, "d", pc)
		d.sessions = append(d.sessions, c)
	}
	d.edges[0].account("idle")
}

// wantNoApp fails unless nobody can log in to the app on any of the edges.
func wantNoApp(t *testing.T, edges []*edge) {
	t.Helper()
	for _, e := range edges {
		if f := e.dial().ask(wire.OpLogin, e.loginAs("idle", "d", pc), nil); f.ErrName != "app_key_unknown" {
			t.Errorf("login: %d %s", f.Code, f.ErrName)
		}
	}
}

// wantOut fails unless a session is kicked by the server.
func wantOut(t *testing.T, c *client) {
	t.Helper()
	var k wire.Kicked
	if c.want(wire.OpKicked, &k); k.Reason != wire.KickByServer || k.Description != "the app was deleted" {
		t.Errorf("kick = %+v", k)
	}
	if code, _ := c.wantClose(); code != wire.CloseKicked {
		t.Errorf("closed with %d", code)
	}
}

func TestDeletingAnApp(t *testing.T) {
	d := startTypo(t, nil)
	edges := d.edges
	d.first.account("keeps")
	stays, _ := d.first.online("keeps", "d", pc)
	edges[0].do("DELETE", "/apps/typo", nil)
	wantNoApp(t, edges)
	for _, c := range d.sessions {
		wantOut(t, c)
	}
	stays.ask(wire.OpTime, nil, nil)
	for _, e := range edges {
		for _, call := range []string{"DELETE /apps/typo", "GET /apps/typo", "GET /accounts?app_key=typo"} {
			method, path, _ := strings.Cut(call, " ")
			if status, out := e.admin(method, path, nil); status != http.StatusNotFound || !strings.Contains(out["err_msg"].(string), "app_key:") {
				t.Errorf("%s: %d %v", call, status, out)
			}
		}
	}
	made := edges[1].do("POST", "/apps", map[string]any{"app_key": "typo"})
	if secret, _ := made["app_secret"].(string); secret == "" || secret == "typo-secret" {
		t.Errorf("the new app has the secret %q", secret)
	}
	if got := edges[1].pages("/accounts?app_key=typo", 10, func() {}); len(got) != 0 {
		t.Errorf("the new app has the accounts %v", got)
	}
	edges[1].account("alice")
	edges[0].online("alice", "d", pc)
}

func TestTheLastAppIsNotDeleted(t *testing.T) {
	e := startEdges(t, 1, nil)[0]
	status, out := e.admin("DELETE", "/apps/"+e.AppKey, nil)
	if status != http.StatusConflict || !strings.Contains(out["err_msg"].(string), "make another one first") {
		t.Errorf("%d %v", status, out)
	}
	e.account("alice")
	e.online("alice", "d", pc)
	// The first app is one like others.
	e.do("POST", "/apps", map[string]any{"app_key": "im"})
	e.do("DELETE", "/apps/"+e.AppKey, nil)
	if e.AppKey = "im"; e.Server.Ready().AppKey != "im" {
		t.Errorf("the ready line has %q", e.Server.Ready().AppKey)
	}
	e.account("alice")
	e.online("alice", "d", pc)
}

// A deletion ended after its first step, as by a crash. No edge takes the app,
// everybody can see why, and the call goes on.
func TestADeletionGoesOnAfterACrash(t *testing.T) {
	d := startTypo(t, nil)
	edges, crash := d.edges, errors.New("as by a crash")
	if _, err := d.apps.Delete(t.Context(), "typo", func(uint64) error { return crash }); !errors.Is(err, crash) {
		t.Fatal(err)
	}
	for _, c := range d.sessions {
		wantOut(t, c)
	}
	wantNoApp(t, edges)
	if out := edges[1].do("GET", "/apps/typo", nil); out["deleting"] != true || len(out) != 3 {
		t.Errorf("shown as %v", out)
	}
	for path, body := range map[string]map[string]any{
		"/apps":     {"app_key": "typo"},
		"/accounts": {"app_key": "typo", "account": "alice"},
		"/tokens":   {"app_key": "typo", "account": "alice"},
	} {
		if status, out := edges[0].admin("POST", path, body); status != http.StatusConflict || !strings.Contains(out["err_msg"].(string), "DELETE") {
			t.Errorf("POST %s: %d %v", path, status, out)
		}
	}
	d.first.do("GET", "/policy", nil) // the other app is the only one
	edges[1].do("DELETE", "/apps?app_key=typo", nil)
	if status, _ := edges[0].admin("DELETE", "/apps/typo", nil); status != http.StatusNotFound {
		t.Errorf("once more: %d", status)
	}
}

// An edge that was told nothing meanwhile sees only that there is another app of
// the key: the sessions of the old one end.
func TestSessionsDoNotPassToANewAppOfTheKey(t *testing.T) {
	d := startTypo(t, nil)
	if _, err := d.apps.Delete(t.Context(), "typo", func(uint64) error { return nil }); err != nil {
		t.Fatal(err)
	}
	_, err := d.apps.Change(t.Context(), "typo", func(app *accounts.App, _ bool) error {
		app.Secret = "another-secret"
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range d.sessions {
		wantOut(t, c)
	}
}

// An edge that may live is asked until it answers or has lost its lease: before
// that it may have clients of the app.
func TestADeletionWaitsForEveryEdge(t *testing.T) {
	d := startTypo(t, func(c *server.Config) { c.Lease = 2 * time.Second })
	e := d.edges[0]
	e.do("POST", "/apps", map[string]any{"app_key": "typo2"})
	leases := bucketOf(t, d.engine, "nim_leases")
	live := func() {
		if _, err := leases.Put(t.Context(), "mute", []byte(`{"epoch":1}`)); err != nil {
			t.Error(err)
		}
	}
	nc, err := nats.Connect("", nats.InProcessServer(d.engine))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	var asked atomic.Int64
	var answers atomic.Bool
	if _, err := nc.Subscribe(bus.EdgeSubject("mute"), func(m *nats.Msg) {
		if n := asked.Add(1); answers.Load() && n > 1 {
			_ = m.Respond(nil)
		}
	}); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the edge to know of the other", func() bool {
		live()
		d.first.do("PUT", "/policy", map[string]any{"app_key": d.first.AppKey, "multi_login": "all"})
		return asked.Load() > 0
	})
	asked.Store(0)
	answers.Store(true)
	live()
	e.do("DELETE", "/apps/typo", nil)
	if asked.Load() < 2 {
		t.Error("the edge was not asked again")
	}
	answers.Store(false)
	live()
	e.do("DELETE", "/apps/typo2", nil)
	if _, err := leases.Get(t.Context(), "mute"); !errors.Is(err, jetstream.ErrKeyNotFound) {
		t.Errorf("an edge with a lease was not waited for: %v", err)
	}
}

// The same on a cluster with three copies, which answers lists from whichever.
func TestDeletingAnAppOnACluster(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a NATS cluster")
	}
	var urls []string
	for _, s := range startCluster(t) {
		urls = append(urls, s.ClientURL())
	}
	var d typo
	dir, stored := t.TempDir(), newStorage(t)
	for range 2 {
		d.edges = append(d.edges, startEdge(t, stored.in(server.Config{
			Listen: "127.0.0.1:0", DataDir: dir, Dev: true, NATS: urls, Replicas: 3, Log: testLog(t),
		})))
	}
	d.fill()
	d.edges[0].do("DELETE", "/apps/typo", nil)
	wantNoApp(t, d.edges)
	for _, c := range d.sessions {
		wantOut(t, c)
	}
	d.edges[1].do("POST", "/apps", map[string]any{"app_key": "typo"})
	if got := d.edges[0].pages("/accounts?app_key=typo", 10, func() {}); len(got) != 0 {
		t.Errorf("the new app has the accounts %v", got)
	}
}

// Logins race with the deletion on both edges. Whoever gets in is put out.
func TestLoginsRaceWithADeletion(t *testing.T) {
	edges := startTypo(t, nil).edges
	var wg sync.WaitGroup
	clients := make([]*client, 40)
	for i := range clients {
		clients[i] = edges[i%2].dial()
	}
	start := make(chan struct{})
	for i, c := range clients {
		l := edges[0].loginAs([]string{"alice", "bob", "idle"}[i%3], fmt.Sprint("d", i), pc)
		wg.Go(func() {
			<-start
			c.ask(wire.OpLogin, l, nil)
			if code, _ := c.wantClose(); code != wire.CloseKicked && code != wire.CloseRefused {
				t.Errorf("closed with %d", code)
			}
		})
	}
	wg.Go(func() {
		<-start
		edges[0].do("DELETE", "/apps/typo", nil)
	})
	close(start)
	wg.Wait()
	edges[0].do("POST", "/apps", map[string]any{"app_key": "typo"})
	waitFor(t, "nobody to be on line in the new app", func() bool {
		return len(edges[1].do("GET", "/online?app_key=typo", nil)["accounts"].([]any)) == 0
	})
}
