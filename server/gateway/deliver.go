package gateway

import (
	"math/rand/v2"
	"time"

	"github.com/gorilla/websocket"

	"github.com/libnim/libnim/internal/wire"
)

// resyncFrame tells a client that pushes may have been lost.
var resyncFrame = []byte(`{"op":"` + wire.OpResync + `","body":{}}`)

// Deliver hands a frame to the sessions that an account has on this edge, those
// whose device id is wanted. A droppable one may be left out for a client that
// does not keep up; it is told to ask then.
func (g *Gateway) Deliver(app, account string, wanted func(deviceID string) bool, frame []byte, droppable bool) {
	for _, s := range g.hub.of(accountID{app, account}) {
		if wanted(s.device.DeviceID) {
			s.tell(func() { s.conn.send(item{kind: websocket.TextMessage, data: frame, droppable: droppable}) })
		}
	}
}

// resyncPace is how many sessions a second are told to ask, at most for
// resyncSpread.
const (
	resyncPace   = 2000
	resyncSpread = 2 * time.Second
)

// Resync tells all sessions of this edge that pushes may have been lost. They
// are told one after the other: each asks the store.
func (g *Gateway) Resync() {
	spread := min(resyncSpread, time.Duration(g.hub.count()+1)*time.Second/resyncPace)
	g.hub.each(func(s *session) {
		time.AfterFunc(rand.N(spread), func() { s.push(resyncFrame) })
	})
}

// OnEdgeGone makes f run when the lease of another edge has ended.
func (g *Gateway) OnEdgeGone(f func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.edgeGone = append(g.edgeGone, f)
}

func (g *Gateway) tellEdgeGone() {
	g.mu.Lock()
	all := g.edgeGone
	g.mu.Unlock()
	for _, f := range all {
		f()
	}
}
