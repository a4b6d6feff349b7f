package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server/bus"
	"github.com/libnim/libnim/server/presence"
)

// An edge that does not acknowledge a kick is asked again, first soon: the kick
// may be lost, and what is displaced has to end within 200 ms. Then less and
// less often.
const (
	firstKickTimeout = 100 * time.Millisecond
	maxKickTimeout   = time.Second
)

// kickAll ends the sessions of entries that the record does not hold as of a
// revision. Those of this edge end at once; the others in the background, each
// asked again until its edge acknowledges or is dead. by says who did it.
func (g *Gateway) kickAll(owner accountID, revision uint64, devices []presence.Device, by func(presence.Device) wire.Kicked) {
	for _, d := range devices {
		k := by(d)
		p := peerMessage{App: owner.app, Account: owner.account, Session: d.Session, Revision: revision, Kick: &k}
		if d.Edge == g.presence.Lease.Edge {
			g.handle(p)
		} else {
			g.goTask(func() { g.kickRemote(d, p) })
		}
	}
}

func (g *Gateway) kickRemote(d presence.Device, p peerMessage) {
	data, err := json.Marshal(p)
	if err != nil {
		g.log.Error("gateway: kick not sent", "err", err)
		return
	}
	for timeout := firstKickTimeout; ; timeout = min(2*timeout, maxKickTimeout) {
		ctx, cancel := context.WithTimeout(g.ctx, timeout)
		err := g.bus.Request(ctx, bus.EdgeSubject(d.Edge), data)
		cancel()
		if err == nil || g.ctx.Err() != nil || !g.presence.Edges.Alive(g.ctx, d.Edge, d.Epoch) {
			return
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			g.log.Warn("gateway: kick not acknowledged, asking again", "edge", d.Edge, "err", err)
		}
		select {
		case <-time.After(timeout/4 + rand.N(timeout/4)):
		case <-g.ctx.Done():
			return
		}
	}
}

// settle ends, in the background, sessions whose entries a change took out of
// which it is not known whether it was written, if it was.
func (g *Gateway) settle(owner accountID, gone []presence.Device, by func(presence.Device) wire.Kicked) {
	if len(gone) == 0 {
		return
	}
	g.goTask(func() {
		left, err := g.sweepAccount(owner)
		if err != nil {
			return
		}
		gone = slices.DeleteFunc(slices.Clone(gone), func(d presence.Device) bool { return holds(left.Rest, d.Session) })
		g.kickAll(owner, left.Revision, gone, by)
		g.announce(owner, left.Revision, left.Rest, noticeOut, append(left.Gone, gone...))
	})
}

func holds(devices []presence.Device, session string) bool {
	return slices.ContainsFunc(devices, func(d presence.Device) bool { return d.Session == session })
}
