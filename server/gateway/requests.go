package gateway

import (
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

// requests are what a session may ask. A frame with another op is ignored.
var requests = map[wire.Op]func(*conn, wire.Frame) error{
	wire.OpLogout:     (*conn).logout,
	wire.OpKickOther:  (*conn).kickOther,
	wire.OpRenewToken: (*conn).renewToken,
	wire.OpPushGet:    (*conn).pushGet,
	wire.OpPushSet:    (*conn).pushSet,
	wire.OpTime:       (*conn).time,
	wire.OpUploadLog:  (*conn).uploadLog,
}

// run handles one frame of the client. It runs on the reader.
func (c *conn) run(f wire.Frame) {
	if f.Op == wire.OpLogin {
		c.login(f)
		return
	}
	request, known := requests[f.Op]
	if !known {
		return
	}
	if f.ID == 0 {
		c.finish(wire.CloseProtocol, "a request needs an id")
		return
	}
	if c.session == nil { // no login yet, or a logout that is done
		c.refuse(f.ID, nimerr.NotLoggedIn.New(""))
		return
	}
	if err := request(c, f); err != nil {
		c.refuse(f.ID, err)
	}
}

func (c *conn) logout(f wire.Frame) error {
	var l wire.Logout
	if err := f.DecodeBody(&l); err != nil {
		return nimerr.InvalidArgument.Wrap(err)
	}
	c.loggedOut = true
	// The entry goes before the answer: who logs in elsewhere after it finds
	// this device off line.
	c.g.depart(c.session)
	c.session = nil
	c.answer(f.ID, nil)
	c.finish(wire.CloseLoggedOut, "logged out")
	return nil
}

func (c *conn) time(f wire.Frame) error {
	c.answer(f.ID, wire.Time{ServerTimeMS: time.Now().UnixMilli()})
	return nil
}

func (c *conn) kickOther(f wire.Frame) error {
	var k wire.KickOther
	if err := f.DecodeBody(&k); err != nil {
		return nimerr.InvalidArgument.Wrap(err)
	}
	if len(k.DeviceIDs) > maxKickIDs {
		return nimerr.InvalidArgument.Newf("device_ids: more than %d", maxKickIDs)
	}
	s := c.session
	by := presence.KickBy(s.device, wire.KickByOther, "kicked by another device of this account", time.Now())
	found, err := c.g.evict(c.g.ctx, s.owner, func(id string) bool {
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

func (c *conn) pushGet(f wire.Frame) error {
	o := c.session.owner
	a, err := c.g.accounts.Get(c.g.ctx, o.app, o.account)
	if err != nil {
		return nimerr.From(err, nimerr.ServerError)
	}
	c.answer(f.ID, wire.PushConfig{SwitchOpen: a.Push()})
	return nil
}

func (c *conn) pushSet(f wire.Frame) error {
	var p wire.PushConfig
	if err := f.DecodeBody(&p); err != nil {
		return nimerr.InvalidArgument.Wrap(err)
	}
	if p.SwitchOpen != 1 && p.SwitchOpen != 2 {
		return nimerr.InvalidArgument.New("switch_open: want 1 or 2")
	}
	s := c.session
	_, err := c.g.accounts.Change(c.g.ctx, s.owner.app, s.owner.account, func(a *accounts.Account, exists bool) error {
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
	devices, err := c.g.presence.Online(c.g.ctx, s.owner.app, s.owner.account)
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
