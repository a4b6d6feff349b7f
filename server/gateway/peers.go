package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server/bus"
	"github.com/libnim/libnim/server/presence"
)

// Presence notice types on the wire.
const (
	noticeIn  = 2
	noticeOut = 3
)

// kickTimeout is how long an edge may take to acknowledge a kick before it is
// asked again.
const kickTimeout = time.Second

// leaveTimeout bounds one try to take a session off line.
const leaveTimeout = 2 * time.Second

// peerMessage is what one edge sends to another. One of the pointers is set.
type peerMessage struct {
	App      string         `json:"app,omitempty"`
	Account  string         `json:"account,omitempty"`
	Session  string         `json:"session,omitempty"` // the one meant; empty: all but Except
	Except   string         `json:"except,omitempty"`  // device id that is not told
	Revision uint64         `json:"revision,omitempty"`
	Kick     *wire.Kicked   `json:"kick,omitempty"` // answered when the session is gone
	Presence *wire.Presence `json:"presence,omitempty"`
	Push     []byte         `json:"push,omitempty"` // a frame to pass on as it is
	Away     *awayMessage   `json:"away,omitempty"`
	Settings bool           `json:"settings,omitempty"` // of App have the revision Revision; answered when they are known
}

// awayMessage sends the clients of an edge away, each within a time of its own.
type awayMessage struct {
	Reason   string `json:"reason"`
	AfterMS  int64  `json:"after_ms"`
	SpreadMS int64  `json:"spread_ms"`
	End      bool   `json:"end"` // close the connections too
}

// hear handles a message from another edge. It runs on one goroutine per
// subject, in order, and only fills outboxes.
func (g *Gateway) hear(m *nats.Msg) {
	var p peerMessage
	if err := json.Unmarshal(m.Data, &p); err != nil {
		g.log.Error("gateway: message of a peer cannot be read", "err", err)
		return
	}
	g.handle(p)
	if m.Reply != "" {
		if err := m.Respond(nil); err != nil {
			g.log.Warn("gateway: peer not answered", "err", err)
		}
	}
}

func (g *Gateway) handle(p peerMessage) {
	if p.Settings {
		if _, err := g.apps.Policy(g.ctx, p.App, p.Revision); err != nil {
			g.log.Warn("gateway: settings of an app not read", "err", err)
		}
		return
	}
	if p.Away != nil {
		g.sendAway(*p.Away)
		return
	}
	for _, s := range g.hub.of(accountID{p.App, p.Account}) {
		if p.Session != "" && s.id != p.Session || p.Except != "" && s.device.DeviceID == p.Except {
			continue
		}
		switch {
		case p.Kick != nil:
			s.kick(*p.Kick)
		case p.Presence != nil:
			s.notice(p.Revision, *p.Presence)
		case p.Push != nil:
			s.push(p.Push)
		}
	}
}

func (g *Gateway) sendAway(a awayMessage) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for c := range g.conns {
		after := a.AfterMS
		if a.SpreadMS > 0 {
			after += rand.Int64N(a.SpreadMS)
		}
		c.goAway(wire.GoingAway{Reason: a.Reason, RetryAfterMS: after}, a.End)
	}
}

// Broadcast tells the clients of every edge that the service goes away for the
// given time; spread keeps them from coming back together.
func (g *Gateway) Broadcast(reason string, after, spread time.Duration, end bool) error {
	return g.publish(bus.AllEdges, peerMessage{Away: &awayMessage{
		Reason: reason, AfterMS: after.Milliseconds(), SpreadMS: spread.Milliseconds(), End: end,
	}})
}

// SpreadSettings makes every other edge that lives know the settings of an app
// as of a revision. An edge that does not answer will see them by its watch.
func (g *Gateway) SpreadSettings(ctx context.Context, app string, revision uint64) {
	data, err := json.Marshal(peerMessage{App: app, Revision: revision, Settings: true})
	if err != nil {
		g.log.Error("gateway: settings not spread", "err", err)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, kickTimeout)
	defer cancel()
	var wg sync.WaitGroup
	for _, edge := range g.presence.Edges.Live() {
		wg.Go(func() {
			if _, err := g.bus.Conn.RequestWithContext(ctx, bus.EdgeSubject(edge), data); err != nil {
				g.log.Warn("gateway: settings not spread", "edge", edge, "err", err)
			}
		})
	}
	wg.Wait()
}

// announce tells the devices in to, wherever they are, that others came or left.
// One that left and is in to came back under another session: nobody is told.
func (g *Gateway) announce(owner accountID, revision uint64, to []presence.Device, kind int, devices []presence.Device) {
	devices = slices.DeleteFunc(slices.Clone(devices), func(d presence.Device) bool {
		return slices.ContainsFunc(to, func(x presence.Device) bool { return x.DeviceID == d.DeviceID })
	})
	if len(devices) == 0 || len(to) == 0 {
		return
	}
	g.toEdges(owner, to, peerMessage{
		Revision: revision,
		Presence: &wire.Presence{Type: kind, Devices: presence.WireList(owner.account, devices, "")},
	})
}

// toEdges hands a message to every edge that holds one of the devices.
func (g *Gateway) toEdges(owner accountID, to []presence.Device, p peerMessage) {
	p.App, p.Account = owner.app, owner.account
	told := map[string]bool{}
	for _, d := range to {
		if told[d.Edge] {
			continue
		}
		told[d.Edge] = true
		if d.Edge == g.presence.Lease.Edge {
			g.handle(p)
		} else if err := g.publish(bus.EdgeSubject(d.Edge), p); err != nil {
			g.log.Warn("gateway: notice not sent", "err", err)
		}
	}
}

func (g *Gateway) publish(subject string, p peerMessage) error {
	data, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return g.bus.Conn.Publish(subject, data)
}

// kickAll ends the sessions of entries that are no longer in the record. Those
// of this edge end at once; the others in the background, each asked again
// until its edge acknowledges or is dead.
func (g *Gateway) kickAll(owner accountID, devices []presence.Device, k wire.Kicked) {
	for _, d := range devices {
		p := peerMessage{App: owner.app, Account: owner.account, Session: d.Session, Kick: &k}
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
	for {
		ctx, cancel := context.WithTimeout(g.ctx, kickTimeout)
		_, err := g.bus.Conn.RequestWithContext(ctx, bus.EdgeSubject(d.Edge), data)
		cancel()
		if err == nil || g.ctx.Err() != nil || !g.presence.Edges.Alive(g.ctx, d.Edge, d.Epoch) {
			return
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			g.log.Warn("gateway: kick not acknowledged, asking again", "edge", d.Edge, "err", err)
		}
		select {
		case <-time.After(50*time.Millisecond + rand.N(100*time.Millisecond)):
		case <-g.ctx.Done():
			return
		}
	}
}

// sweep takes the entries of a dead edge out of the records of all accounts
// that have a session here, and tells who is left. Every edge does this; the
// compare-and-set lets one of them find the entries.
func (g *Gateway) sweep(edge string, _ uint64) {
	g.log.Warn("gateway: an edge is gone", "edge", edge)
	g.goTask(func() {
		for _, owner := range g.hub.owners() {
			left, err := g.presence.Sweep(g.ctx, owner.app, owner.account)
			if g.ctx.Err() != nil {
				return
			}
			if err != nil {
				g.log.Warn("gateway: entries of a dead edge not removed", "err", err)
				continue
			}
			g.announce(owner, left.Revision, left.Rest, noticeOut, left.Gone)
		}
	})
}

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
		if !g.presence.Lease.Valid(s.epoch) {
			return
		}
		select {
		case <-time.After(500 * time.Millisecond):
		case <-g.ctx.Done():
			return
		}
	}
}
