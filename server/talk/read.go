package talk

import (
	"context"
	"database/sql"
	"errors"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server/gateway"
	"github.com/libnim/libnim/server/store"
)

// read moves a read mark forward, and tells the account's other devices and,
// with a receipt, the peer.
func (t *Talk) read(ctx context.Context, r *gateway.Request) (any, error) {
	var ask wire.Read
	if err := r.Decode(&ask); err != nil {
		return nil, err
	}
	peer, err := peerOf(ask.Conversation)
	if err != nil {
		return nil, err
	}
	me, err := t.me(ctx, r)
	if err != nil {
		return nil, err
	}
	var other int64
	err = t.store.Read(ctx, func(reads *store.Reads) (err error) {
		other, err = past(reads, me.app, peer)
		return err
	})
	if errors.Is(err, store.ErrNoRow) {
		return nil, nimerr.NotFound.New("no such account")
	}
	if err != nil {
		return nil, err
	}
	m := &marking{me: me, other: other, seq: int64(ask.Seq), receipt: !ask.Silent && other != me.account, only: ask.ReceiptOnly}
	name := store.P2P(me.app, me.account, other).Name()
	// It goes on without the client: what is committed has to be told.
	ctx = context.WithoutCancel(ctx)
	err = t.store.Update(ctx, store.Work{App: me.app, Source: r.Conn, Locks: []string{name}, Do: func(tx *store.Tx) error { return m.run(tx, name) }})
	if err != nil {
		return nil, err
	}
	own, theirs, err := t.headsOf(ctx, r, peer, m)
	if err != nil {
		return nil, err
	}
	if m.changed {
		to := []Push{{Account: r.Account, Except: r.Device.DeviceID, Conversation: ask.Conversation, Op: wire.OpHead, Body: own, Droppable: true}}
		if theirs != nil {
			to = append(to, Push{Account: peer, Conversation: theirs.Conversation, Op: wire.OpHead, Body: theirs, Droppable: true})
		}
		t.cfg.Publish.Publish(ctx, r.App, to)
	}
	return own, nil
}

// marking moves the read mark of one account.
type marking struct {
	me      person
	other   int64
	seq     int64
	receipt bool
	only    bool // the mark stays

	// set by run
	conversation int64
	changed      bool // the mark or the receipt
	told         bool // the receipt
}

// run is the transaction.
func (m *marking) run(tx *store.Tx, name string) error {
	m.conversation, m.changed, m.told = 0, false, false
	c, err := tx.Conversation(name)
	if errors.Is(err, store.ErrNoRow) {
		return nil // nothing to read: nothing is made
	}
	if err != nil {
		return err
	}
	m.conversation = c.ID
	own, err := memberOf(&tx.Reads, m.me.account, c.ID)
	if errors.Is(err, store.ErrNoRow) {
		return nil
	}
	if err != nil {
		return err
	}
	to := min(m.seq, c.MaxSeq)
	if to > own.ReadSeq && !m.only {
		if err := advance(&tx.Reads, c, own, to); err != nil {
			return err
		}
		if own.ReadMS, err = tx.Now(); err != nil {
			return err
		}
		m.changed = true
	}
	if m.receipt && to > own.ReceiptSeq {
		own.ReceiptSeq, m.told, m.changed = to, true, true
	}
	if !m.changed {
		return nil
	}
	if own.Stamp, err = tx.Stamp(); err != nil {
		return err
	}
	if err := own.save(tx); err != nil || !m.told {
		return err
	}
	_, err = stamp(tx, m.other, c.ID, own.Stamp)
	return err
}

// advance moves the mark, and with it the counters as of it.
func advance(r *store.Reads, c *store.ConversationRow, m *memberRow, to int64) error {
	if to == c.MaxSeq {
		m.ReadSeq, m.R, m.S = to, c.N, m.O
		return nil
	}
	at, err := entryWhere(r, "conversation = $1 AND seq = $2", c.ID, to)
	if err != nil {
		return err
	}
	own, err := entryWhere(r, "conversation = $1 AND seq > $2 AND seq <= $3 AND sender = $4 ORDER BY seq DESC LIMIT 1", c.ID, m.ReadSeq, to, m.Account)
	switch {
	case err == nil:
		m.S = own.O // of the last own entry up to the mark
	case !errors.Is(err, store.ErrNoRow):
		return err
	}
	m.ReadSeq, m.R = to, at.N
	return nil
}

// headsOf reads the heads after a mark was moved: the own one, and the peer's
// where a receipt changed it.
func (t *Talk) headsOf(ctx context.Context, r *gateway.Request, peer string, m *marking) (own, theirs *head, err error) {
	one := func(v *store.View, account int64, name, device string) (*head, error) {
		h := &headRow{me: name}
		err := v.Each(func(rows *sql.Rows) error { return rows.Scan(h.into()...) }, headsQuery+" AND m.conversation = $2", account, m.conversation)
		if err != nil || h.member.Conversation == 0 {
			return nil, err
		}
		if err := h.check(); err != nil {
			t.damage(err)
			return nil, err
		}
		made, err := t.head(&v.Reads, h, device)
		return &made, err
	}
	err = t.store.View(ctx, func(v *store.View) (err error) {
		if own, err = one(v, m.me.account, r.Account, r.Device.DeviceID); err != nil || !m.told {
			return err
		}
		theirs, err = one(v, m.other, peer, "")
		return err
	})
	if own == nil && err == nil {
		own = &head{Head: wire.Head{Conversation: wire.ConvP2P + peer, MinSeq: 1}}
	}
	return own, theirs, err
}
