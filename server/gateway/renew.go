package gateway

import (
	"context"
	"time"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server/auth"
)

// renewToken replaces the session's token. A token that is refused changes
// nothing: the session goes on with the one that it has.
func (c *conn) renewToken(ctx context.Context, f wire.Frame) error {
	var r wire.RenewToken
	if err := f.DecodeBody(&r); err != nil {
		return nimerr.InvalidArgument.Wrap(err)
	}
	s := c.session.Load()
	app, ok := c.g.apps.Get(s.owner.app)
	if !ok {
		return nimerr.AppKeyUnknown.New("")
	}
	who, err := c.verify(ctx, "session "+s.id, auth.Request{
		App: app, Account: s.owner.account, Token: r.Token, AuthType: r.AuthType,
		Client: auth.Client{
			DeviceID: s.device.DeviceID, ClientType: s.device.ClientType, Address: c.remote,
			CustomTag: s.device.CustomTag, LoginEx: r.LoginEx,
		},
	})
	if err != nil {
		return err
	}
	c.answer(f.ID, wire.TokenExpiry{ExpiresAtMS: unixMilli(who.ExpiresAt)})
	s.expiry.watch(who, app)
	return nil
}

// uploadLog stores one part of the client's log.
func (c *conn) uploadLog(_ context.Context, f wire.Frame) error {
	var u wire.UploadLog
	if err := f.DecodeBody(&u); err != nil {
		return nimerr.InvalidArgument.Wrap(err)
	}
	if c.g.cfg.Uploads == nil {
		return nimerr.NotSupported.New("this server keeps no logs")
	}
	if len(u.Feedback) > maxFeedback || len(u.Name) > maxUploadName {
		return nimerr.InvalidArgument.Newf("feedback, name: more than %d or %d bytes", maxFeedback, maxUploadName)
	}
	if u.Part == 0 {
		c.abandonUpload()
		owner := c.session.Load().owner
		up, err := c.g.cfg.Uploads.Begin(owner.app, owner.account, u.Name, u.Feedback, time.Now())
		if err != nil {
			return err
		}
		c.upload = up
	}
	if c.upload == nil {
		return nimerr.InvalidArgument.New("part: want 0")
	}
	if err := c.upload.Write(u.Part, u.Data); err != nil {
		c.abandonUpload()
		return err
	}
	if u.Last {
		up := c.upload
		c.upload = nil
		if err := up.Finish(); err != nil {
			return err
		}
	}
	c.answer(f.ID, nil)
	return nil
}

func (c *conn) abandonUpload() {
	if c.upload != nil {
		c.upload.Abandon()
		c.upload = nil
	}
}
