package core

import (
	"context"
	"time"

	"github.com/libnim/libnim/core/engine"
	"github.com/libnim/libnim/core/module"
	"github.com/libnim/libnim/core/msglog"
	"github.com/libnim/libnim/core/recent"
	"github.com/libnim/libnim/core/store"
	"github.com/libnim/libnim/core/talk"
	"github.com/libnim/libnim/core/tools"
)

// holdLimit bounds how long opening a store waits for the account's lock.
const holdLimit = 2500 * time.Millisecond

// messages makes the engine and the modules on it.
func (c *Client) messages(o *Options) {
	g := &c.settings.GlobalConfig
	c.Engine = engine.New(engine.Env{
		Open: func(a module.Account) (store.Store, func(), error, error) { return c.openStore(o.Store, a) },
		Sink: fencedSink{o.Sink, &c.shut, c.slow}, Journal: c.journal, Wall: time.Now, NewID: tools.ID,
		Options: engine.Options{
			CountNotifications: g.TeamNotificationUnreadCount,
			CountMissedCalls:   g.VchatMissUnreadCount,
			UncountRecalled:    g.ResetUnreadCountWhenRecall,
			KeepReadMarks:      !g.SyncSessionAck,
		},
	})
	c.Talk = &talk.Module{Engine: c.Engine, Journal: c.journal, NewID: tools.ID}
	c.Recent = &recent.Module{Engine: c.Engine}
	c.Msglog = &msglog.Module{Engine: c.Engine, NewID: tools.ID}
}

// openStore opens the store of an account, in memory where this process may not or
// cannot keep it on the disk.
func (c *Client) openStore(open store.Opener, a module.Account) (s store.Store, release func(), problem, err error) {
	if open == nil {
		return nil, nil, nil, store.ErrUnusable
	}
	ctx, cancel := context.WithTimeout(context.Background(), holdLimit)
	defer cancel()
	path, release, held := c.Hold.Wait(ctx)
	if held != nil {
		path, release = "", func() {}
	}
	s, problem = open(store.Options{Path: path, Key: c.settings.GlobalConfig.DbEncryptKey, Self: a.ID})
	if s == nil {
		release()
		return nil, nil, nil, problem
	}
	if problem == nil {
		problem = held
	}
	return s, release, problem, nil
}
