package gateway

import (
	"context"
	"time"

	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server/presence"
)

// Evicted lists the device ids that a kick met.
type Evicted struct {
	Online  []string // were on line
	Offline []string // were away and will be told when they come back
}

// Kick ends the sessions of an account whose device ids match accepts, for the
// given reason.
func (g *Gateway) Kick(ctx context.Context, app, account string, match func(deviceID string) bool, why string) (Evicted, error) {
	return g.evict(ctx, accountID{app, account}, match, byServer(why), 0)
}

// Expel ends all sessions of an account, and keeps out the logins under way
// that were verified with the account as it was before the revision rev.
func (g *Gateway) Expel(ctx context.Context, app, account string, rev uint64, why string) error {
	_, err := g.evict(ctx, accountID{app, account}, func(string) bool { return true }, byServer(why), rev)
	return err
}

func byServer(why string) wire.Kicked {
	return wire.Kicked{Reason: wire.KickByServer, Description: why, TimeMS: time.Now().UnixMilli()}
}

// evict takes devices out of the record, then ends their sessions and tells
// the devices that stay.
func (g *Gateway) evict(ctx context.Context, owner accountID, match func(string) bool, by wire.Kicked, accountRev uint64) (Evicted, error) {
	left, err := g.presence.Evict(ctx, owner.app, owner.account, match, by, accountRev)
	if err := g.carryOut(owner, left, func(presence.Device) wire.Kicked { return by }, err); err != nil {
		return Evicted{}, err
	}
	return Evicted{Online: deviceIDs(left.Gone), Offline: left.Offline}, nil
}

// Enforce ends the sessions of an app that its newest policy does not let be on
// line together, and returns how many.
func (g *Gateway) Enforce(ctx context.Context, app string) (int, error) {
	offenders, err := g.presence.Offenders(ctx, app)
	if err != nil {
		return 0, err
	}
	ended := 0
	for _, account := range offenders {
		owner := accountID{app, account}
		left, err := g.presence.Enforce(ctx, owner.app, owner.account)
		if err := g.carryOut(owner, left, func(d presence.Device) wire.Kicked { return left.By[d.Session] }, err); err != nil {
			return ended, err
		}
		ended += len(left.Gone)
	}
	return ended, nil
}

// carryOut ends the sessions that a change took out of an account's record and
// tells the devices that stay. err is what came of the change and is returned:
// where it is not known whether the change was written, that is found out first,
// in the background.
func (g *Gateway) carryOut(owner accountID, left presence.Left, by func(presence.Device) wire.Kicked, err error) error {
	if err != nil {
		g.settle(owner, left.Gone, by)
		return err
	}
	g.kickAll(owner, left.Revision, left.Gone, by)
	g.announce(owner, left.Revision, left.Rest, noticeOut, left.Gone)
	return nil
}

func deviceIDs(devices []presence.Device) []string {
	ids := make([]string, 0, len(devices))
	for _, d := range devices {
		ids = append(ids, d.DeviceID)
	}
	return ids
}
