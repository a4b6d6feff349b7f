package openim

import (
	"slices"
	"time"

	"github.com/libnim/libnim/core/backend"
)

// leaveWait is how long a platform must be gone before it is reported gone.
// OpenIM merges changes for up to a second, so a device that only reconnects
// is missing from one list and back in the next.
const leaveWait = 1500 * time.Millisecond

// Kinds of notices, NIMMultiSpotNotifyType.
const (
	noticeIn  = 2
	noticeOut = 3
)

// presence is what this account's other platforms do, made from the complete
// lists that OpenIM sends. The own platform is left out: a second device on it
// cannot be told from this one. Owned by the goroutine in Receive.
type presence struct {
	account string
	own     int
	known   bool              // a list has come
	online  map[int]time.Time // reported online, and since when; zero: unknown
	leaving map[int]time.Time // of those, missing from the last list: when to report it
}

func newPresence(account string, own int) *presence {
	return &presence{account: account, own: own, online: map[int]time.Time{}, leaving: map[int]time.Time{}}
}

// begin takes the list that is there at login; it causes no notice.
func (p *presence) begin(platforms []int) {
	p.known = true
	for _, id := range platforms {
		if id != p.own {
			p.online[id] = time.Time{}
		}
	}
}

// change takes a later list and returns who came. Who is missing leaves when
// leaveWait has passed.
func (p *presence) change(platforms []int, now, wall time.Time) []backend.Device {
	p.known = true
	var came []int
	for _, id := range platforms {
		delete(p.leaving, id)
		if _, there := p.online[id]; !there && id != p.own {
			p.online[id] = wall
			came = append(came, id)
		}
	}
	for id := range p.online {
		if _, already := p.leaving[id]; !already && !slices.Contains(platforms, id) {
			p.leaving[id] = now.Add(leaveWait)
		}
	}
	return p.devices(came)
}

// next returns when the next platform is to be reported gone; zero: none.
func (p *presence) next() time.Time {
	var first time.Time
	for _, at := range p.leaving {
		if first.IsZero() || at.Before(first) {
			first = at
		}
	}
	return first
}

// left returns who has been gone for long enough.
func (p *presence) left(now time.Time) []backend.Device {
	var gone []int
	for id, at := range p.leaving {
		if !at.After(now) {
			gone = append(gone, id)
		}
	}
	list := p.devices(gone)
	for _, id := range gone {
		delete(p.leaving, id)
		delete(p.online, id)
	}
	return list
}

// others returns everybody who is online, by platform.
func (p *presence) others() []backend.Device {
	ids := make([]int, 0, len(p.online))
	for id := range p.online {
		ids = append(ids, id)
	}
	return p.devices(ids)
}

func (p *presence) devices(ids []int) []backend.Device {
	slices.Sort(ids)
	list := make([]backend.Device, 0, len(ids))
	for _, id := range ids {
		list = append(list, backend.Device{
			Account: p.account, ID: deviceID(id), ClientType: clientType(id),
			OS: platformName(id), LoginTime: p.online[id],
		})
	}
	return list
}
