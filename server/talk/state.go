package talk

import (
	"context"
	"errors"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server/gateway"
	"github.com/libnim/libnim/server/store"
)

// maxPins is how many conversations an account may pin.
const maxPins = 100

// maxDeleted is how many messages one request deletes.
const maxDeleted = 100

// A mine is what one account has of a conversation, inside a transaction.
type mine struct {
	*store.Tx
	me   person
	conv *store.ConversationRow
	*memberRow
	kept    kept
	now     int64 // ms
	refused error
}

// change runs a transaction on what an account has of a conversation of two, and
// tells its other devices the head. do reports whether it changed something. make:
// a conversation that nothing was said in is made.
func (t *Talk) change(ctx context.Context, r *gateway.Request, conversation string, make bool, do func(m *mine) (bool, error)) (any, error) {
	peer, err := peerOf(conversation)
	if err != nil {
		return nil, err
	}
	me, other, err := t.people.both(ctx, r.App, r.Account, peer)
	if err != nil {
		return nil, err
	}
	of := store.P2P(me.app, me.account, other.account)
	changed, refused := false, error(nil)
	marked := &marking{me: me, other: other.account}
	// It goes on without the client: what is committed has to be told.
	ctx = context.WithoutCancel(ctx)
	err = t.store.Update(ctx, store.Work{App: me.app, Source: r.Conn, Locks: []string{of.Name()}, Do: func(tx *store.Tx) error {
		changed, refused = false, nil
		m, err := mineOf(tx, me, of, make)
		if err != nil || m == nil {
			return err
		}
		marked.conversation = m.conv.ID
		changed, err = do(m)
		refused = m.refused
		if err != nil || !changed {
			return err
		}
		if m.memberRow.Stamp, err = tx.Stamp(); err != nil {
			return err
		}
		if err := m.memberRow.save(tx); err != nil {
			return err
		}
		return m.kept.save(tx, me.account, m.conv.ID)
	}})
	if err == nil {
		err = refused
	}
	if err != nil {
		return nil, err
	}
	own, _, err := t.headsOf(ctx, r, peer, marked)
	if err != nil {
		return nil, err
	}
	if changed {
		t.cfg.Publish.Publish(ctx, r.App, []Push{{
			Account: r.Account, Except: r.Device.DeviceID, Conversation: conversation, Op: wire.OpHead, Body: own, Droppable: true,
		}})
	}
	return own, nil
}

// mineOf reads what an account has of a conversation; nil: there is none.
func mineOf(tx *store.Tx, me person, of store.Conversation, make bool) (*mine, error) {
	m := &mine{Tx: tx, me: me}
	var err error
	m.conv, err = tx.Conversation(of.Name())
	if errors.Is(err, store.ErrNoRow) {
		if !make {
			return nil, nil
		}
		m.conv, err = tx.MakeConversation(of)
	}
	if err != nil {
		return nil, err
	}
	m.memberRow, err = memberOf(&tx.Reads, me.account, m.conv.ID)
	if errors.Is(err, store.ErrNoRow) {
		if !make {
			return nil, nil
		}
		m.memberRow, err = &memberRow{Account: me.account, Conversation: m.conv.ID, MinSeq: 1}, nil
	}
	if err != nil {
		return nil, err
	}
	if m.now, err = tx.Now(); err != nil {
		return nil, err
	}
	m.kept, err = keptOf(&tx.Reads, me.account, m.conv.ID)
	return m, err
}

// pin keeps a conversation on top on all devices of the account.
func (t *Talk) pin(ctx context.Context, r *gateway.Request) (any, error) {
	var ask wire.Pin
	if err := r.Decode(&ask); err != nil {
		return nil, err
	}
	if len(ask.Ext) > maxExt {
		return nil, invalid("ext: want at most %d bytes, got %d", maxExt, len(ask.Ext))
	}
	return t.change(ctx, r, ask.Conversation, !ask.Off, func(m *mine) (bool, error) {
		if ask.Off {
			changed := m.kept.Pin != nil
			m.kept.Pin, m.PinnedMS = nil, 0
			return changed, nil
		}
		if m.kept.Pin == nil {
			n := 0
			err := m.Row([]any{&n}, "SELECT count(*) FROM member WHERE account = $1 AND pinned_ms > 0", m.me.account)
			if err != nil {
				return false, err
			}
			if n >= maxPins {
				m.refused = invalid("conversation: %d are pinned, and no more can be", maxPins)
				return false, nil
			}
			m.kept.Pin = &wire.Pinned{TimeMS: m.now}
		}
		pin := *m.kept.Pin
		pin.Ext, pin.UpdatedMS = ask.Ext, m.now
		m.kept.Pin, m.PinnedMS = &pin, pin.TimeMS
		return true, nil
	})
}

// clear deletes the history of a conversation for the account. It is read, too.
func (t *Talk) clear(ctx context.Context, r *gateway.Request) (any, error) {
	var ask wire.Clear
	if err := r.Decode(&ask); err != nil {
		return nil, err
	}
	if len(ask.Ext) > maxExt {
		return nil, invalid("ext: want at most %d bytes, got %d", maxExt, len(ask.Ext))
	}
	return t.change(ctx, r, ask.Conversation, false, func(m *mine) (bool, error) {
		m.ClearedSeq = m.conv.MaxSeq
		m.kept.Clear = &wire.Cleared{Seq: uint64(m.conv.MaxSeq), TimeMS: m.now, Ext: ask.Ext, Silent: ask.Silent}
		if m.conv.MaxSeq > m.ReadSeq {
			m.ReadMS = m.now
			return true, advance(&m.Reads, m.conv, m.memberRow, m.conv.MaxSeq)
		}
		return true, nil
	})
}

// delete deletes messages for the account.
func (t *Talk) delete(ctx context.Context, r *gateway.Request) (any, error) {
	var ask wire.Delete
	if err := r.Decode(&ask); err != nil {
		return nil, err
	}
	if n := len(ask.Messages); n < 1 || n > maxDeleted {
		return nil, invalid("messages: want 1 to %d, got %d", maxDeleted, n)
	}
	peer, err := peerOf(ask.Conversation)
	if err != nil {
		return nil, err
	}
	for i, m := range ask.Messages {
		if m.Sender != r.Account && m.Sender != peer || m.ClientMsgID == "" || len(m.Ext) > maxExt {
			return nil, invalid("messages[%d]: want a sender of the conversation, a client_msg_id, and an ext of at most %d bytes", i, maxExt)
		}
	}
	_, other, err := t.people.both(ctx, r.App, r.Account, peer)
	if err != nil {
		return nil, err
	}
	found := false
	head, err := t.change(ctx, r, ask.Conversation, false, func(m *mine) (bool, error) {
		found = false
		ids, err := m.IDs(len(ask.Messages))
		if err != nil {
			return false, err
		}
		changed := false
		for i, d := range ask.Messages {
			sender := m.me.account
			if d.Sender != r.Account {
				sender = other.account
			}
			e, err := entryOf(&m.Reads, m.conv.ID, sender, []byte(d.ClientMsgID))
			if errors.Is(err, store.ErrNoRow) {
				continue
			}
			if err != nil {
				return false, err
			}
			found = true
			n, err := m.Exec("INSERT INTO hidden (account, conversation, seq, id, ext) VALUES ($1,$2,$3,$4,$5) ON CONFLICT DO NOTHING",
				m.me.account, m.conv.ID, e.Seq, ids[i], d.Ext)
			if err != nil {
				return false, err
			}
			if n > 0 {
				m.kept.Deleted, changed = uint64(ids[i]), true
			}
		}
		return changed, nil
	})
	if err == nil && !found {
		err = nimerr.NotFound.New("no such message")
	}
	return head, err
}
