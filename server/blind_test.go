package server_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server"
	"github.com/libnim/libnim/server/gateway"
)

// A stranger who does not know which 12 of 24 accounts there are, shows each a
// wrong token and takes those that are refused later for the ones that there are,
// guesses no better than one who tosses a coin.
//
// By chance alone 10 or more of the 12, or 2 or fewer, are right in one round of
// 300. Three such rounds one after the other are the time that tells it: each has
// accounts of its own.
func TestAccountsCannotBeToldByTime(t *testing.T) {
	e := startEdges(t, 1, func(_ int, c *server.Config) { c.Limits = &gateway.Limits{} })[0]
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	var rights []int
	for round := range 3 {
		right := e.guess(fmt.Sprint("round", round), random)
		rights = append(rights, right)
		if right > 2 && right < 10 {
			t.Logf("of 12 known accounts were guessed: %v", rights)
			return
		}
	}
	t.Errorf("of 12 known accounts were guessed: %v (seed %d)", rights, seed)
}

// guess makes 12 accounts, and returns how many of them are found among 24 names
// by the time of their refusals. There is much to read of each of the 12, so that
// it shows on a busy machine too where the time is not hidden: all 12 are found.
func (e *edge) guess(prefix string, random *rand.Rand) (right int) {
	e.t.Helper()
	const n, tries = 24, 8
	type name struct {
		account string
		known   bool
		took    []time.Duration
	}
	var names []*name
	for i := range n {
		names = append(names, &name{account: fmt.Sprint(prefix, "-", i)})
	}
	for _, i := range random.Perm(n)[:n/2] {
		names[i].known = true
		e.do("POST", "/accounts", map[string]any{"account": names[i].account, "token": "right", "ex": strings.Repeat("<", 4<<10)})
	}
	for range tries {
		for _, i := range random.Perm(n) {
			names[i].took = append(names[i].took, e.refusal(names[i].account))
		}
	}
	// A quarter down: what the machine was busy with comes after.
	slices.SortFunc(names, func(a, b *name) int {
		slices.Sort(a.took)
		slices.Sort(b.took)
		return int(b.took[tries/4] - a.took[tries/4])
	})
	for _, x := range names[:n/2] {
		if x.known {
			right++
		}
	}
	return right
}

// refusal returns how long the refusal of a wrong token takes, as a client sees it.
func (e *edge) refusal(account string) time.Duration {
	e.t.Helper()
	d := websocket.Dialer{Subprotocols: []string{wire.Subprotocol}, HandshakeTimeout: patience}
	ws, _, err := d.Dial(e.Link, nil)
	if err != nil {
		e.t.Fatal(err)
	}
	defer ws.Close()
	_ = ws.SetReadDeadline(time.Now().Add(patience))
	if _, _, err := ws.ReadMessage(); err != nil { // hello
		e.t.Fatal(err)
	}
	l := e.loginAs(account, "d1", pc)
	l.Token = "wrong"
	data, err := wire.Encode(wire.Frame{Op: wire.OpLogin, ID: 1}, l)
	if err != nil {
		e.t.Fatal(err)
	}
	start := time.Now()
	if err := ws.WriteMessage(websocket.TextMessage, data); err != nil {
		e.t.Fatal(err)
	}
	_, answer, err := ws.ReadMessage()
	took := time.Since(start)
	if err != nil {
		e.t.Fatal(err)
	}
	if f, err := wire.Decode(answer); err != nil || f.ErrName != "token_invalid" {
		e.t.Fatalf("answered %s (%v)", answer, err)
	}
	return took
}
