package talk

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/server/store"
)

// newEntry is an entry that is to be appended.
type newEntry struct {
	kind  int64
	id    []byte // client_msg_id
	flags int64
	body  []byte
}

// appended is what became of one.
type appended struct {
	*entryRow
	repeated bool // it was there before
}

// appending appends entries of one sender to a conversation of two, as a prefix:
// what follows the first refused one is not looked at.
type appending struct {
	from, to person
	source   string // whose turn in the store it takes
	entries  []newEntry

	// set by run
	out     []appended
	refused *nimerr.Error // the entry after out; nil: none
	max     int64         // seq of the conversation
	stale   bool          // a number is that of an account which is gone
}

func (t *Talk) append(ctx context.Context, a *appending) error {
	return t.store.Update(ctx, store.Work{
		App: a.from.app, Source: a.source, Locks: []string{a.conversation().Name()}, Do: a.run,
	})
}

func (a *appending) conversation() store.Conversation {
	return store.P2P(a.from.app, a.from.account, a.to.account)
}

// run is the transaction. It may run several times.
func (a *appending) run(tx *store.Tx) error {
	a.out, a.refused, a.max, a.stale = nil, nil, 0, false
	c, err := tx.Conversation(a.conversation().Name())
	if errors.Is(err, store.ErrNoRow) {
		c, err = nil, nil
	}
	if err != nil {
		return err
	}
	alive, err := a.alive(tx)
	if err != nil {
		return err
	}
	if !alive {
		a.stale = true
		return a.onlyRepeated(tx, c, nimerr.NotFound.New("no such account"))
	}
	if c == nil {
		if c, err = tx.MakeConversation(a.conversation()); err != nil {
			return err
		}
	}
	own, err := memberOf(&tx.Reads, a.from.account, c.ID)
	if errors.Is(err, store.ErrNoRow) {
		own, err = &memberRow{Account: a.from.account, Conversation: c.ID, MinSeq: 1}, nil
	}
	if err != nil {
		return err
	}
	stored, err := a.store(tx, c, own)
	if err != nil || stored == 0 {
		return err
	}
	return a.save(tx, c, own)
}

// alive reports whether both accounts are there.
func (a *appending) alive(tx *store.Tx) (bool, error) {
	n, want := 0, 2
	if a.from == a.to {
		want = 1
	}
	err := tx.Each(func(*sql.Rows) error { n++; return nil },
		"SELECT a.id FROM account a JOIN app p ON p.id = a.app WHERE a.id IN ($1, $2) AND a.deleted_ms = 0 AND p.state = 0", a.from.account, a.to.account)
	return n == want, err
}

// onlyRepeated answers the entries that are stored already, and refuses the
// first that is not: a repeated one is never refused.
func (a *appending) onlyRepeated(tx *store.Tx, c *store.ConversationRow, err *nimerr.Error) error {
	for _, n := range a.entries[len(a.out):] {
		if c == nil {
			break
		}
		e, missing := entryOf(&tx.Reads, c.ID, a.from.account, n.id)
		if errors.Is(missing, store.ErrNoRow) {
			break
		}
		if missing != nil {
			return missing
		}
		a.out = append(a.out, appended{e, true})
	}
	if c != nil {
		a.max = c.MaxSeq
	}
	if len(a.out) < len(a.entries) {
		a.refused = err
	}
	return nil
}

// store numbers and inserts the entries, and returns how many are new.
func (a *appending) store(tx *store.Tx, c *store.ConversationRow, own *memberRow) (stored int, err error) {
	now, err := tx.Now()
	if err != nil {
		return 0, err
	}
	ids, err := tx.IDs(len(a.entries))
	if err != nil {
		return 0, err
	}
	for i, n := range a.entries {
		at := max(now, c.LastMS+1)
		if at > now+maxAhead {
			slow := nimerr.SendTooFast.New("the conversation has too many messages")
			slow.RetryAfter = time.Duration(at-now-maxAhead) * time.Millisecond
			return stored, a.onlyRepeated(tx, c, slow)
		}
		e := &entryRow{
			Conversation: c.ID, Seq: c.MaxSeq + 1, ID: ids[i], TimeMS: at, StoredMS: now, Kind: n.kind, Sender: a.from.account,
			ClientMsgID: n.id, Flags: countedAs(n.kind, n.flags), Members: c.Members, Body: n.body,
		}
		e.N, e.O = plus(c.N, e.Flags), plus(own.O, e.Flags)
		fresh, err := e.insert(tx)
		if err != nil {
			return stored, err
		}
		if !fresh {
			if e, err = entryOf(&tx.Reads, c.ID, a.from.account, n.id); err != nil {
				return stored, err
			}
			a.out = append(a.out, appended{e, true})
			continue
		}
		stored++
		c.MaxSeq, c.LastMS, c.N, own.O = e.Seq, e.TimeMS, e.N, e.O
		a.out = append(a.out, appended{e, false})
	}
	a.max = c.MaxSeq
	return stored, nil
}

// plus adds what an entry counts as.
func plus(n store.Counters, flags int64) store.Counters {
	for _, f := range []struct {
		flag int64
		n    *int64
	}{{counted, &n.All}, {notified, &n.Notified}, {missed, &n.Missed}} {
		if flags&f.flag != 0 {
			*f.n++
		}
	}
	return n
}

// save writes the conversation and the members.
func (a *appending) save(tx *store.Tx, c *store.ConversationRow, own *memberRow) error {
	a.max = c.MaxSeq
	if err := tx.SaveConversation(c); err != nil {
		return err
	}
	now, err := tx.Stamp()
	if err != nil {
		return err
	}
	own.Stamp = now
	if err := own.save(tx); err != nil || a.from == a.to {
		return err
	}
	known, err := stamp(tx, a.to.account, c.ID, now)
	if err == nil && !known {
		err = (&memberRow{Account: a.to.account, Conversation: c.ID, Stamp: now, MinSeq: 1}).save(tx)
	}
	return err
}
