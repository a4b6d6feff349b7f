package gateway

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server/bus"
	"github.com/libnim/libnim/server/presence"
)

// Presence notice types on the wire.
const (
	noticeIn  = 2
	noticeOut = 3
)

// settingsTimeout is how long an edge may take to know the settings of an app,
// and how long another waits for that.
const settingsTimeout = time.Second

// peerMessage is what one edge sends to another. One of the pointers is set.
type peerMessage struct {
	App      string         `json:"app,omitempty"`
	Account  string         `json:"account,omitempty"`
	Session  string         `json:"session,omitempty"`  // the one meant; empty: all but Except
	Except   string         `json:"except,omitempty"`   // device id that is not told
	Revision uint64         `json:"revision,omitempty"` // of the record, or of the settings, in which it is so
	Kick     *wire.Kicked   `json:"kick,omitempty"`     // answered when the session is gone
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
// subject, in order, and only fills outboxes: what has to ask the bus goes
// elsewhere, so that a kick never waits behind it.
func (g *Gateway) hear(m bus.Message) {
	var p peerMessage
	if err := json.Unmarshal(m.Data, &p); err != nil {
		g.log.Error("gateway: message of a peer cannot be read", "err", err)
		return
	}
	if p.Settings {
		g.goTask(func() {
			if g.readSettings(p.App, p.Revision) {
				g.acknowledge(m)
			}
		})
		return
	}
	g.handle(p)
	g.acknowledge(m)
}

func (g *Gateway) acknowledge(m bus.Message) {
	if !m.Wanted() {
		return
	}
	if err := m.Acknowledge(); err != nil {
		g.log.Warn("gateway: peer not answered", "err", err)
	}
}

// readSettings makes this edge know the settings of an app as of a revision, and
// reports whether it does.
func (g *Gateway) readSettings(app string, revision uint64) bool {
	ctx, cancel := context.WithTimeout(g.ctx, settingsTimeout)
	defer cancel()
	err := g.apps.Know(ctx, app, revision)
	if err != nil {
		g.log.Warn("gateway: settings of an app not read", "err", err)
	}
	return err == nil
}

func (g *Gateway) handle(p peerMessage) {
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
			s.kick(p.Revision, *p.Kick)
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
	g.tellSettings(ctx, g.presence.Edges.Live(), app, revision)
}

// tellSettings makes edges know the settings of an app as of a revision, and
// returns those that say they do.
func (g *Gateway) tellSettings(ctx context.Context, edges []string, app string, revision uint64) (know []string) {
	data, err := json.Marshal(peerMessage{App: app, Revision: revision, Settings: true})
	if err != nil {
		g.log.Error("gateway: settings not spread", "err", err)
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, settingsTimeout)
	defer cancel()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, edge := range edges {
		wg.Go(func() {
			if err := g.bus.Request(ctx, bus.EdgeSubject(edge), data); err != nil {
				g.log.Warn("gateway: settings not spread", "edge", edge, "err", err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			know = append(know, edge)
		})
	}
	wg.Wait()
	return know
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
	return g.bus.Publish(subject, data)
}
