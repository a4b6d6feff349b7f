package talk

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/libnim/libnim/internal/fold"
	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server/gateway"
	"github.com/libnim/libnim/server/store"
)

// Bounds of one answer about the history.
const (
	maxHistory  = 100
	historyScan = 5000 // entries that are looked at
	fileType    = 6    // NIMMessageType
)

// historyPage is wire.HistoryPage with entries as they were stored.
type historyPage struct {
	wire.HistoryPage
	Entries json.RawMessage `json:"entries"`
}

// history hands out messages by time, type and text.
func (t *Talk) history(ctx context.Context, r *gateway.Request) (any, error) {
	var ask wire.History
	if err := r.Decode(&ask); err != nil {
		return nil, err
	}
	peer, err := peerOf(ask.Conversation)
	if err != nil {
		return nil, err
	}
	if ask.Limit < 0 || ask.Limit > maxHistory {
		return nil, invalid("limit: want 1 to %d, got %d", maxHistory, ask.Limit)
	}
	if ask.Limit == 0 {
		ask.Limit = maxHistory
	}
	me, err := t.me(ctx, r)
	if err != nil {
		return nil, err
	}
	h := &historian{ask: ask, text: fold.Text(ask.Text)}
	h.puller = puller{
		t: t, ask: wire.Pull{Newest: !ask.OldestFirst}, h: headRow{me: r.Account, peer: peer},
		reader: reader{account: me.account, device: r.Device.DeviceID, purpose: wire.ForHistory, now: time.Now()},
	}
	out := &historyPage{Entries: json.RawMessage("[]")}
	err = t.store.View(ctx, func(v *store.View) error {
		now, err := v.Cursor()
		if err != nil {
			return err
		}
		out.Epoch = uint64(now.Epoch)
		return h.run(&v.Reads, me, out)
	})
	return out, err
}

// historian collects the messages of one page.
type historian struct {
	puller
	ask  wire.History
	text string // folded
}

func (h *historian) run(r *store.Reads, me person, out *historyPage) error {
	low, high, err := h.bounds(r, me, &pulled{})
	if err != nil || low > high {
		return err
	}
	if low, high, err = h.span(r, low, high); err != nil || low > high {
		return err
	}
	if err := h.readHidden(r, low, high); err != nil {
		return err
	}
	next, order := high, "DESC"
	if h.ask.OldestFirst {
		next, order = low, "ASC"
	}
	scanned := 0
	err = r.Each(func(rows *sql.Rows) error {
		var e entryRow
		if err := rows.Scan(e.into()...); err != nil {
			return err
		}
		if scanned++; scanned > historyScan || h.visible >= h.ask.Limit || h.bytes >= maxAnswer {
			next = e.Seq
			return errFound
		}
		if err := e.check(); err != nil {
			h.t.damage(err)
			return nil
		}
		if !h.hidden[e.Seq] && h.sees(&e) && isShown(&e) && h.wants(&e) {
			h.visible++
			h.add(appendEntry(nil, &e, h.h.nameOf(e.Sender), h.h.nameOf))
		}
		return nil
	}, "SELECT "+entryColumns+" FROM entry WHERE conversation = $1 AND seq >= $2 AND seq <= $3 ORDER BY seq "+order+" LIMIT $4", h.h.conv.ID, low, high, historyScan+1)
	h.puller.ask.Newest = false // in the order in which they were read
	out.Entries = h.list()
	if errors.Is(err, errFound) {
		out.Next, err = uint64(next), nil
	}
	return err
}

// wants reports whether an entry is of the types and has the text.
func (h *historian) wants(e *entryRow) bool {
	if len(h.ask.Types) == 0 && h.text == "" {
		return true
	}
	m := gjson.ParseBytes(e.Body)
	kind := int(m.Get("type").Int())
	if len(h.ask.Types) > 0 && slices.Contains(h.ask.Types, kind) == h.ask.Exclude {
		return false
	}
	if h.text == "" {
		return true
	}
	text := ""
	switch kind {
	case 0:
		text = m.Get("body").String()
	case fileType:
		text = gjson.Get(m.Get("content.msg_attach").String(), "name").String()
	}
	return text != "" && strings.Contains(fold.Text(text), h.text)
}

// span narrows a range of numbers to the times and ids that are asked for; all of
// them rise in a conversation.
func (h *historian) span(r *store.Reads, low, high int64) (int64, int64, error) {
	a := &h.ask
	first := func(column string, value int64) (int64, error) { return h.first(r, column, value, low, high) }
	from, to := low, high
	var err error
	if a.FromMS > 0 {
		if from, err = first("time_ms", a.FromMS); err != nil {
			return 0, 0, err
		}
	}
	if a.ToMS > 0 {
		if to, err = first("time_ms", a.ToMS+1); err != nil {
			return 0, 0, err
		}
		to--
	}
	if a.Known > 0 {
		at, err := first("id", int64(a.Known))
		if err != nil {
			return 0, 0, err
		}
		if a.OldestFirst {
			var equal int64
			if equal, err = first("id", int64(a.Known)+1); err != nil {
				return 0, 0, err
			}
			from = max(from, equal)
		} else {
			to = min(to, at-1)
		}
	}
	if at := int64(a.At); at > 0 && a.OldestFirst {
		from = max(from, at)
	} else if at > 0 {
		to = min(to, at)
	}
	return from, to, nil
}

// first finds the lowest number from low to high whose entry has a value of at
// least so much; high + 1: none. A number whose entry is gone counts as the next one.
func (h *historian) first(r *store.Reads, column string, value, low, high int64) (int64, error) {
	for end := high + 1; low < end; {
		mid := low + (end-low)/2
		var seq, got int64
		err := r.Row([]any{&seq, &got}, "SELECT seq, "+column+" FROM entry WHERE conversation = $1 AND seq >= $2 AND seq < $3 ORDER BY seq LIMIT 1",
			h.h.conv.ID, mid, end)
		switch {
		case errors.Is(err, store.ErrNoRow):
			end = mid
			continue
		case err != nil:
			return 0, err
		}
		if got >= value {
			end = mid
		} else {
			low = seq + 1
		}
	}
	return low, nil
}

// deletedPage is how many deletions one answer has.
const deletedPage = 200

// deleted tells what the account deleted for itself.
func (t *Talk) deleted(ctx context.Context, r *gateway.Request) (any, error) {
	var ask wire.Deleted
	if err := r.Decode(&ask); err != nil {
		return nil, err
	}
	peer, err := peerOf(ask.Conversation)
	if err != nil {
		return nil, err
	}
	me, other, err := t.people.both(ctx, r.App, r.Account, peer)
	if err != nil {
		return nil, err
	}
	out := &wire.DeletedPage{Deletions: []wire.Deletion{}}
	err = t.store.Read(ctx, func(reads *store.Reads) error {
		return reads.Each(func(rows *sql.Rows) error {
			var d wire.Deletion
			var sender int64
			var id []byte
			if err := rows.Scan(&d.ID, &d.Seq, &d.Ext, &sender, &id); err != nil {
				return err
			}
			if len(out.Deletions) == deletedPage {
				out.More = true
				return nil
			}
			if d.ClientMsgID, d.Sender = string(id), peer; sender == me.account {
				d.Sender = r.Account
			}
			out.Deletions = append(out.Deletions, d)
			return nil
		}, "SELECT h.id, h.seq, h.ext, e.sender, e.client_msg_id FROM hidden h JOIN conversation c ON c.id = h.conversation "+
			"JOIN entry e ON e.conversation = h.conversation AND e.seq = h.seq "+
			"WHERE c.name = $1 AND h.account = $2 AND h.id > $3 ORDER BY h.id LIMIT $4",
			store.P2P(me.app, me.account, other.account).Name(), me.account, int64(ask.After), deletedPage+1)
	})
	return out, err
}
