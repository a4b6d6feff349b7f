package engine

import (
	"encoding/json"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/message"
	"github.com/libnim/libnim/core/store"
	"github.com/libnim/libnim/core/timeline"
)

// A conv is one conversation in memory: its row as it is stored, and what only
// this run knows.
type conv struct {
	*account
	of   backend.Conv
	row  store.Conversation
	line timeline.Line
	kept kept

	posted  uint64 // handed to the host up to; Told follows when it has run
	item    string // as it was told last
	shown   int64  // ms: the newest time that a session change has told
	counted int64  // what of it is in account.total
	pulling bool   // a pull is on its way
	queued  bool   // it waits for one
	stored  bool   // it has a row
	known   bool   // the program has seen it on the list in this run, or a change of it
	dirty   bool   // Told has moved since it was stored
	receipt int64  // ms: the newest receipt of the peer that was told
	lowered bool   // the last message was recalled, and the list does not know yet
	lane    lane

	asksDeleted bool            // deletions of another device are asked for
	own         map[string]bool // messages that this device deletes, until the server tells of them
}

// kept is what the engine keeps of a conversation beside the columns.
type kept struct {
	Counted  uint64 `json:"counted,omitempty"` // unread messages are counted up to this number
	Always   uint64 `json:"always,omitempty"`  // above the read mark, by class
	Notified uint64 `json:"notified,omitempty"`
	Missed   uint64 `json:"missed,omitempty"`
	Recalled uint64 `json:"recalled,omitempty"`
	ReadOwed uint64 `json:"read_owed,omitempty"` // the server does not know this read mark yet
	Roam     bool   `json:"roam,omitempty"`      // its past is to be had, once

	Cleared     uint64 `json:"cleared,omitempty"`      // all messages up to this number were deleted here
	ClearedTime int64  `json:"cleared_time,omitempty"` // ms; the newest of them, for another epoch
	GoneTime    int64  `json:"gone_time,omitempty"`    // ms; the newest one that was deleted alone
	Revert      bool   `json:"revert,omitempty"`       // a query of the server may bring them back
	Pin         *pin   `json:"pin,omitempty"`          // nil: not pinned
	ClearSeen   int64  `json:"clear_seen,omitempty"`   // ms; the newest clearing of the server's history that is known
	Deleted     uint64 `json:"deleted,omitempty"`      // deletions of other devices are known up to this id,
	DeletedMax  uint64 `json:"deleted_max,omitempty"`  // and there are some up to this one
	More        *mark  `json:"more,omitempty"`         // the server has more of the past than was fetched
}

// A pin keeps a conversation on top on all devices.
type pin struct {
	Ext     string `json:"ext,omitempty"`
	Time    int64  `json:"time,omitempty"`    // ms
	Updated int64  `json:"updated,omitempty"` // ms
}

// A mark is the oldest message that was fetched.
type mark struct {
	Time     int64  `json:"time,omitempty"` // ms
	ServerID uint64 `json:"server_id,omitempty"`
}

// renewed is what holds for another epoch of the server.
func (k *kept) renewed() kept {
	return kept{
		ClearedTime: k.ClearedTime, GoneTime: k.GoneTime, Revert: k.Revert, Pin: k.Pin, More: k.More,
		ClearSeen: k.ClearSeen, Deleted: k.Deleted, DeletedMax: k.DeletedMax,
	}
}

// newConv is nil for a row whose name is none.
func newConv(a *account, row *store.Conversation) *conv {
	of, ok := backend.ConvOf(row.Name)
	if !ok {
		return nil
	}
	c := &conv{account: a, of: of}
	c.read(row)
	c.posted, c.known, c.receipt = c.line.Told, c.listed(), row.PeerReceiptTime
	return c
}

// read takes over a row.
func (c *conv) read(row *store.Conversation) {
	c.row = *row
	c.line = timeline.Line{Min: uint64(row.MinSeq), Max: uint64(row.MaxSeq), Told: uint64(row.ToldSeq)}
	for _, r := range row.Held {
		c.line.Held.Add(uint64(r.First), uint64(r.Last))
	}
	c.kept = kept{}
	_ = json.Unmarshal(row.Content, &c.kept) // what cannot be read is counted anew
}

// save stores the conversation and keeps the sum of unread messages.
func (c *conv) save(tx store.Tx) error {
	r := &c.row
	r.MinSeq, r.MaxSeq, r.ToldSeq = int64(c.line.Min), int64(c.line.Max), int64(c.line.Told)
	r.Held = r.Held[:0]
	for _, h := range c.line.Held {
		r.Held = append(r.Held, store.Range{First: int64(h.First), Last: int64(h.Last)})
	}
	c.recount()
	r.Content, _ = json.Marshal(&c.kept)
	if n := c.listedUnread(); n != c.counted {
		c.total += n - c.counted
		c.counted = n
	}
	if err := tx.PutConversation(r); err != nil {
		return err
	}
	c.dirty, c.stored = false, true
	c.receipts.set(r)
	return nil
}

// recount makes the server's part of the unread number of its classes.
func (c *conv) recount() {
	k, o := &c.kept, c.env.Options
	n := int64(k.Always)
	if o.CountNotifications {
		n += int64(k.Notified)
	}
	if o.CountMissedCalls {
		n += int64(k.Missed)
	}
	if o.UncountRecalled {
		n -= int64(k.Recalled)
	}
	c.row.Unread.Server = n
}

func (c *conv) listed() bool { return c.row.Flags&store.FlagListed != 0 }

// listedUnread is what the conversation adds to the sum.
func (c *conv) listedUnread() int64 {
	if !c.listed() {
		return 0
	}
	return c.row.Unread.Total()
}

// show makes m the last message if it is the newest, and puts the conversation
// on the list.
func (c *conv) show(m *store.Message) {
	if !m.Visible() || m.Flags&message.FlagQuiet != 0 {
		return
	}
	if l := c.row.Last; l != nil && l.Key != m.Key {
		// What is being sent has no time of the server yet, an earlier one may have.
		behind := l.Status == store.StatusSending && m.Sender == l.Sender && m.Row < l.Row
		if behind || less(m.Position(), l.Position()) {
			return
		}
	}
	if m.Seq != 0 && m.Seq <= c.row.Zeroed {
		return
	}
	last := *m
	c.row.Last, c.row.LastRow, c.row.LastTime = &last, m.Row, m.Time
	c.row.Flags |= store.FlagListed
}

// changed takes that a stored message has another time, status or content.
func (c *conv) changed(tx store.Tx, m *store.Message) error {
	l := c.row.Last
	if l == nil || l.Key != m.Key {
		c.show(m)
		return nil
	}
	if m.Visible() && m.Time >= l.Time {
		c.show(m)
		return nil
	}
	newest, err := tx.Newest(c.row.Name)
	if err != nil {
		return err
	}
	c.row.Last = nil
	if newest == nil {
		c.row.LastRow = 0
		return nil
	}
	c.show(newest)
	return nil
}

func less(a, b store.Position) bool {
	if a.Time != b.Time {
		return a.Time < b.Time
	}
	if a.Seq != b.Seq {
		return a.Seq < b.Seq
	}
	return a.Row < b.Row
}
