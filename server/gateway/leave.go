package gateway

import (
	"context"
	"errors"
	"time"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server/presence"
)

// leaveTimeout bounds one try to take a session off line.
const leaveTimeout = 2 * time.Second

// depart takes the session of an ended connection off line and tells the rest.
// Without the bus it tries until the lease, which ends the entry too, is gone.
func (g *Gateway) depart(s *session) {
	s.expiry.stop()
	g.hub.remove(s)
	for {
		ctx, cancel := context.WithTimeout(g.ctx, leaveTimeout)
		left, err := g.presence.Leave(ctx, s.owner.app, s.owner.account, s.id, !s.conn.loggedOut)
		cancel()
		if err == nil {
			g.announce(s.owner, left.Revision, left.Rest, noticeOut, left.Gone)
			return
		}
		if !g.presence.Lease.Valid(s.epoch) || !g.pause() {
			return
		}
	}
}

// pause waits before the bus is asked again, and returns false when the gateway
// closes.
func (g *Gateway) pause() bool {
	select {
	case <-time.After(500 * time.Millisecond):
		return true
	case <-g.ctx.Done():
		return false
	}
}

// sweep takes the entries of a dead edge out of the records of all accounts
// that have a session here, and tells who is left. Every edge does this; the
// compare-and-set lets one of them find the entries.
func (g *Gateway) sweep(edge string, _ uint64) {
	g.log.Warn("gateway: an edge is gone", "edge", edge)
	g.tellEdgeGone()
	g.goTask(func() {
		for _, owner := range g.hub.owners() {
			left, err := g.sweepAccount(owner)
			if g.ctx.Err() != nil {
				return
			}
			if err != nil {
				g.log.Error("gateway: entries of a dead edge not removed", "err", err)
				continue
			}
			g.announce(owner, left.Revision, left.Rest, noticeOut, left.Gone)
			g.endStrangers(owner, left)
		}
	})
}

// sweepAccount takes the entries of dead edges out of the record of an account.
// Without the bus it tries until the gateway closes: nobody else may know that
// the edge is dead, or have a reason to look.
func (g *Gateway) sweepAccount(owner accountID) (presence.Left, error) {
	var gone []presence.Device
	for {
		ctx, cancel := context.WithTimeout(g.ctx, leaveTimeout)
		left, err := g.presence.Sweep(ctx, owner.app, owner.account)
		cancel()
		for _, d := range gone { // an earlier try took them out, or seemed not to
			if !holds(left.Gone, d.Session) && !holds(left.Rest, d.Session) {
				left.Gone = append(left.Gone, d)
			}
		}
		if !errors.Is(err, nimerr.ServerBusy) || !g.pause() {
			return left, err
		}
		gone = left.Gone
	}
}

// endStrangers ends the sessions of this edge that the record does not hold: the
// edge that took them out may have died before it said so.
func (g *Gateway) endStrangers(owner accountID, left presence.Left) {
	for _, s := range g.hub.of(owner) {
		if holds(left.Rest, s.id) {
			continue
		}
		k, noted := left.By[s.device.DeviceID]
		if !noted {
			k = wire.Kicked{Reason: wire.KickSameType, Description: presence.TextReplaced, TimeMS: time.Now().UnixMilli()}
		}
		s.kick(left.Revision, k)
	}
}
