package gateway

import (
	"crypto/rand"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/gorilla/websocket"

	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server/presence"
)

// session is a login on this edge. It is in the hub before its entry is in the
// presence record, so that nothing which other edges send for it is missed;
// what comes before the login is answered waits.
type session struct {
	id     string
	owner  accountID
	device presence.Device
	nick   string // name of the account as of the login
	conn   *conn
	epoch  uint64 // of the lease its entry was written under; owned by the reader

	expiry expiry

	mu     sync.Mutex
	online bool
	early  []func()          // what came before the login was answered
	floor  uint64            // revision of the record that the answer reflects
	seen   map[string]uint64 // newest revision told of a device, where above floor
}

func newSession(c *conn, owner accountID, d presence.Device) *session {
	s := &session{id: strings.ToLower(rand.Text()), owner: owner, device: d, conn: c}
	s.device.Session = s.id
	s.expiry.s = s
	return s
}

// activate answers the login by calling answer, then lets out what came before.
// revision is the one in which the record got the session's entry.
func (s *session) activate(revision uint64, answer func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.floor = revision
	answer()
	s.online = true
	for _, f := range s.early {
		f()
	}
	s.early = nil
}

// tell runs f now, or once the login is answered. f runs under the session's
// lock and only fills the outbox: that keeps the order.
func (s *session) tell(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.online {
		s.early = append(s.early, f)
		return
	}
	f()
}

// kick ends the session and says why. revision is one in which the record does
// not hold it: where it has come back since, by a login that had to try again,
// the kick is not meant for it. 0: whatever the record holds.
func (s *session) kick(revision uint64, k wire.Kicked) {
	s.tell(func() {
		if revision != 0 && revision < s.floor {
			return
		}
		s.conn.g.stats.kicks.Inc(strconv.Itoa(k.Reason))
		data, err := wire.Encode(wire.Frame{Op: wire.OpKicked}, k)
		if err != nil {
			s.conn.log.Error("gateway: frame not encoded", "op", wire.OpKicked, "err", err)
		}
		s.conn.finishWith(data, wire.CloseKicked, "kicked")
	})
}

// push passes a frame on.
func (s *session) push(data []byte) {
	s.tell(func() { s.conn.send(item{kind: websocket.TextMessage, data: data}) })
}

// notice tells of other devices as of a revision of the record. Notices of
// different edges may overtake each other: what is older than the session knows
// is dropped, and its own device is never told of.
func (s *session) notice(revision uint64, p wire.Presence) {
	s.tell(func() {
		if revision <= s.floor {
			return
		}
		p.Devices = slices.DeleteFunc(slices.Clone(p.Devices), func(d wire.Device) bool {
			return d.DeviceID == s.device.DeviceID || s.seen[d.DeviceID] >= revision
		})
		if len(p.Devices) == 0 {
			return
		}
		if s.seen == nil {
			s.seen = map[string]uint64{}
		}
		for _, d := range p.Devices {
			s.seen[d.DeviceID] = revision
		}
		s.conn.push(wire.OpPresence, p)
	})
}
