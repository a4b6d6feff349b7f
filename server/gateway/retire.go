package gateway

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/libnim/libnim/internal/nimerr"
)

// retirePause is how long an edge that did not answer is left alone.
const retirePause = 100 * time.Millisecond

// appGone ends the sessions of an app that was deleted. A login is in the hub
// before it asks for the app's policy, so it is found here or refused there.
func (g *Gateway) appGone(app string) {
	g.stats.active.drop(app)
	by := byServer("the app was deleted")
	for _, owner := range g.hub.owners() {
		if owner.app != app {
			continue
		}
		for _, s := range g.hub.of(owner) {
			s.kick(0, by)
		}
	}
}

// Retire returns when no other edge takes logins to an app whose deletion is in
// its settings as of a revision: each has said that it knows, or its lease is
// gone, before which it has closed all its clients.
func (g *Gateway) Retire(ctx context.Context, app string, revision uint64) error {
	told := map[string]bool{}
	for {
		holders, err := g.presence.Edges.Holders(ctx)
		if err != nil {
			return err
		}
		left := slices.DeleteFunc(holders, func(edge string) bool { return told[edge] })
		if len(left) == 0 {
			return nil
		}
		know := g.tellSettings(ctx, left, app, revision)
		for _, edge := range know {
			told[edge] = true
		}
		if len(know) == len(left) {
			continue // there may be a new one
		}
		select {
		case <-time.After(retirePause/2 + rand.N(retirePause)):
		case <-ctx.Done():
			busy := nimerr.ServerBusy.New("an edge does not answer; the app stays in deletion until the call is repeated")
			busy.RetryAfter = time.Second
			return busy
		}
	}
}
