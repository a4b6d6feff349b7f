package gateway

import (
	"context"
	"slices"
	"time"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server/accounts"
	"github.com/libnim/libnim/server/presence"
)

// Bounds of requests.
const (
	maxKickIDs    = 100     // device ids of one kick_other
	maxFeedback   = 4 << 10 // bytes
	maxUploadName = 256     // bytes
)

func (c *conn) logout(_ context.Context, f wire.Frame) error {
	var l wire.Logout
	if err := f.DecodeBody(&l); err != nil {
		return nimerr.InvalidArgument.Wrap(err)
	}
	c.loggedOut = true
	// The entry goes before the answer: who logs in elsewhere after it finds
	// this device off line.
	c.g.depart(c.session.Load())
	c.session.Store(nil)
	c.answer(f.ID, nil)
	c.finish(wire.CloseLoggedOut, "logged out")
	return nil
}

func (c *conn) time(_ context.Context, f wire.Frame) error {
	c.answer(f.ID, wire.Time{ServerTimeMS: time.Now().UnixMilli()})
	return nil
}

func (c *conn) kickOther(ctx context.Context, f wire.Frame) error {
	var k wire.KickOther
	if err := f.DecodeBody(&k); err != nil {
		return nimerr.InvalidArgument.Wrap(err)
	}
	if len(k.DeviceIDs) > maxKickIDs {
		return nimerr.InvalidArgument.Newf("device_ids: more than %d", maxKickIDs)
	}
	s := c.session.Load()
	by := presence.KickBy(s.device, wire.KickByOther, "kicked by another device of this account", time.Now())
	found, err := c.g.evict(ctx, s.owner, func(id string) bool {
		return id != s.device.DeviceID && slices.Contains(k.DeviceIDs, id)
	}, by, 0)
	if err != nil {
		return err
	}
	out := wire.KickOtherOK{Results: []wire.KickResult{}}
	for _, id := range k.DeviceIDs {
		code := nimerr.NotFound.Code
		if slices.Contains(found.Online, id) {
			code = nimerr.OK.Code
		}
		out.Results = append(out.Results, wire.KickResult{DeviceID: id, Code: code})
	}
	c.answer(f.ID, out)
	return nil
}

func (c *conn) pushGet(ctx context.Context, f wire.Frame) error {
	o := c.session.Load().owner
	a, err := c.g.accounts.Get(ctx, o.app, o.account)
	if err != nil {
		return nimerr.From(err, nimerr.ServerError)
	}
	c.answer(f.ID, wire.PushConfig{SwitchOpen: a.Push()})
	return nil
}

func (c *conn) pushSet(ctx context.Context, f wire.Frame) error {
	var p wire.PushConfig
	if err := f.DecodeBody(&p); err != nil {
		return nimerr.InvalidArgument.Wrap(err)
	}
	if p.SwitchOpen != 1 && p.SwitchOpen != 2 {
		return nimerr.InvalidArgument.New("switch_open: want 1 or 2")
	}
	s := c.session.Load()
	_, err := c.g.accounts.Change(ctx, s.owner.app, s.owner.account, func(a *accounts.Account, exists bool) error {
		if !exists {
			return nimerr.NotFound.New("the account was deleted")
		}
		a.SwitchOpen = p.SwitchOpen
		return nil
	})
	if err != nil {
		return err
	}
	c.answer(f.ID, p)
	devices, err := c.g.presence.Online(ctx, s.owner.app, s.owner.account)
	if err != nil {
		c.log.Warn("gateway: other devices not told of the push switch", "err", err)
		return nil
	}
	data, err := wire.Encode(wire.Frame{Op: wire.OpPushChanged}, p)
	if err != nil {
		return nimerr.ServerError.Wrap(err)
	}
	c.g.toEdges(s.owner, devices, peerMessage{Except: s.device.DeviceID, Push: data})
	return nil
}
