package gateway

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/tidwall/gjson"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server/presence"
)

// An Order says which requests of one connection wait for each other. Requests
// of other connections never do.
type Order int

// Orders.
const (
	// Free requests run side by side, up to freeRequests of them.
	Free Order = iota
	// InConversation runs the requests that name the same "conversation" one
	// after the other, as they came. Of those that carry messages none overtakes
	// one that was refused for now (Request.Hold).
	InConversation
	// inSession runs the session's own requests one after the other.
	inSession
)

// Request is what a client asks of a module.
type Request struct {
	wire.Frame
	App, Account string
	Device       presence.Device
	Nick         string // name of the account
	Conn         string // id of the connection
	Service      bool   // no client: the app's own server asks in the name of the account

	hold func(message string, err *nimerr.Error)
}

// Decode reads the body.
func (r *Request) Decode(v any) error {
	if err := r.DecodeBody(v); err != nil {
		return nimerr.InvalidArgument.Wrap(err)
	}
	return nil
}

// Handler runs a request and returns the body of its reply. ctx ends with the
// time limit and with the connection.
type Handler func(ctx context.Context, r *Request) (any, error)

// operation is how the requests of an op are run.
type operation struct {
	order Order
	limit time.Duration
	run   func(c *conn, ctx context.Context, f wire.Frame) error // answers, unless it returns an error
}

// sessionLimit bounds a request of the session. A logout takes as long as it
// takes.
const sessionLimit = 8 * time.Second

// sessionOperations are what every server knows.
var sessionOperations = map[wire.Op]operation{
	wire.OpLogin:      {inSession, loginBudget, (*conn).login},
	wire.OpLogout:     {inSession, sessionLimit, (*conn).logout},
	wire.OpKickOther:  {inSession, sessionLimit, (*conn).kickOther},
	wire.OpRenewToken: {inSession, sessionLimit, (*conn).renewToken},
	wire.OpPushGet:    {inSession, sessionLimit, (*conn).pushGet},
	wire.OpPushSet:    {inSession, sessionLimit, (*conn).pushSet},
	wire.OpTime:       {inSession, sessionLimit, (*conn).time},
	wire.OpUploadLog:  {inSession, sessionLimit, (*conn).uploadLog},
}

// Handle makes h run the requests of an op, each within limit. Modules call it
// before the first client comes; hello lists the op among the features.
func (g *Gateway) Handle(op wire.Op, order Order, limit time.Duration, h Handler) {
	if _, taken := g.operations[op]; taken {
		panic("gateway: two handlers of " + string(op))
	}
	g.operations[op] = operation{order, limit, func(c *conn, ctx context.Context, f wire.Frame) error {
		s := c.session.Load()
		body, err := h(ctx, &Request{
			Frame: f, App: s.owner.app, Account: s.owner.account, Device: s.device, Nick: s.nick, Conn: c.id,
			hold: func(message string, err *nimerr.Error) { c.holds.begin(conversationLane(f), message, err) },
		})
		if err != nil {
			return err
		}
		if order == Free {
			return c.answerPatiently(ctx, f.ID, body)
		}
		c.answer(f.ID, body)
		return nil
	}}
	g.features = append(g.features, string(op))
	slices.Sort(g.features)
}

// dispatch puts a request where it runs. It never waits.
func (c *conn) dispatch(f wire.Frame, size int) {
	op, known := c.g.operations[f.Op]
	switch {
	case !known && f.ID == 0:
		return
	case !known:
		c.refuse(f.ID, nimerr.NotSupported.Newf("this server does not know %.64q", f.Op))
		return
	case f.ID == 0:
		c.finish(wire.CloseProtocol, "a request needs an id")
		return
	}
	lane, width := c.laneOf(op, f)
	if !c.lanes.submit(lane, width, job{size: size, run: func() { c.run(op, f) }}) {
		c.g.stats.limited.Inc("waiting")
		c.turnAway(f, tooFast("too many requests of this connection wait", time.Second))
	}
}

// laneOf returns where a request runs.
func (c *conn) laneOf(op operation, f wire.Frame) (lane string, width int) {
	switch {
	case op.order == inSession || c.session.Load() == nil: // what came before the login's answer waits for it
		return "", 1
	case op.order == InConversation:
		return conversationLane(f), 1
	}
	return string(f.Op), freeRequests
}

func conversationLane(f wire.Frame) string { return "c" + gjson.GetBytes(f.Body, "conversation").Str }

// turnAway refuses a request that is not looked at. A message is refused in its
// turn, and holds those behind it.
func (c *conn) turnAway(f wire.Frame, err *nimerr.Error) {
	op, known := c.g.operations[f.Op]
	message := firstMessage(f)
	if !known || op.order != InConversation || message == "" {
		c.refuse(f.ID, err)
		return
	}
	lane, width := c.laneOf(op, f)
	c.lanes.submit(lane, width, job{must: true, run: func() {
		if earlier := c.holds.check(lane, message); earlier != nil {
			err = earlier
		} else {
			c.holds.begin(lane, message, err)
		}
		c.refuse(f.ID, err)
	}})
}

// run runs one request on its lane.
func (c *conn) run(op operation, f wire.Frame) {
	if c.session.Load() == nil && f.Op != wire.OpLogin { // no login yet, or a logout that is done
		c.refuse(f.ID, nimerr.NotLoggedIn.New(""))
		return
	}
	if message := firstMessage(f); op.order == InConversation && message != "" {
		if held := c.holds.check(conversationLane(f), message); held != nil {
			c.refuse(f.ID, held)
			return
		}
	}
	ctx, cancel := context.WithTimeout(c.ctx, op.limit)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			c.log.Error("gateway: a request panicked", "op", f.Op, "panic", p, "stack", string(debug.Stack()))
			c.refuse(f.ID, nimerr.ServerError.New(""))
		}
	}()
	err := op.run(c, ctx, f)
	if err == nil {
		return
	}
	if known, ok := errors.AsType[*nimerr.Error](err); ctx.Err() != nil && (!ok || known.Kind == nimerr.ServerError) {
		busy := nimerr.ServerBusy.New(fmt.Sprintf("%s took longer than %v", f.Op, op.limit))
		busy.RetryAfter, busy.Cause = time.Second, err
		err = busy
	}
	c.refuse(f.ID, err)
}

func tooFast(why string, retryAfter time.Duration) *nimerr.Error {
	e := nimerr.RateLimited.New(why)
	e.RetryAfter = max(retryAfter, time.Millisecond)
	return e
}
