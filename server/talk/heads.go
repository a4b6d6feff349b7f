package talk

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server/gateway"
	"github.com/libnim/libnim/server/store"
)

// headRow is what the store has for one head.
type headRow struct {
	member   memberRow
	conv     store.ConversationRow
	me, peer string
	sum      int64 // of conv
	peerRead int64
	keptDoc  []byte // of kept
	keptSum  int64
}

// nameOf is the name of one of the two.
func (h *headRow) nameOf(account int64) string {
	if account == h.member.Account {
		return h.me
	}
	return h.peer
}

// The peer's own row says up to where it told that it has read. A deleted peer
// whose name has a newer account is left out: names tell conversations apart.
const headsQuery = "SELECT m.account, m.conversation, m.stamp, m.min_seq, m.cleared_seq, m.read_seq, m.read_ms, m.receipt_seq, " +
	"m.r_all, m.r_notified, m.r_missed, m.s_all, m.s_notified, m.s_missed, m.o_all, m.o_notified, m.o_missed, m.pinned_ms, m.sum, " +
	"c.id, c.app, c.kind, c.low, c.high, c.max_seq, c.floor_seq, c.last_ms, c.n_all, c.n_notified, c.n_missed, " +
	"c.f_all, c.f_notified, c.f_missed, c.members, c.sum, a.name, COALESCE(p.receipt_seq, 0), k.doc, COALESCE(k.sum, 0) " +
	"FROM member m JOIN conversation c ON c.id = m.conversation " +
	"JOIN account a ON a.id = CASE WHEN c.low = m.account THEN c.high ELSE c.low END " +
	"LEFT JOIN member p ON p.conversation = m.conversation AND p.account = a.id " +
	"LEFT JOIN kept k ON k.conversation = m.conversation AND k.account = m.account " +
	"WHERE m.account = $1 AND (c.max_seq > 0 OR m.pinned_ms > 0) AND (a.deleted_ms = 0 OR NOT EXISTS " +
	"(SELECT 1 FROM account x WHERE x.app = a.app AND x.name = a.name AND (x.deleted_ms = 0 OR x.deleted_ms > a.deleted_ms)))"

func (h *headRow) into() []any {
	c := &h.conv
	return append(h.member.into(), &c.ID, &c.App, &c.Kind, &c.Low, &c.High, &c.MaxSeq, &c.FloorSeq, &c.LastMS,
		&c.N.All, &c.N.Notified, &c.N.Missed, &c.Floor.All, &c.Floor.Notified, &c.Floor.Missed, &c.Members, &h.sum, &h.peer, &h.peerRead, &h.keptDoc, &h.keptSum)
}

// check returns what is damaged of the rows.
func (h *headRow) check() error { return errors.Join(h.member.check(), h.conv.Check(h.sum)) }

// lowest is the lowest seq that the account can have.
func (h *headRow) lowest() int64 {
	return max(h.member.MinSeq, h.member.ClearedSeq+1, h.conv.FloorSeq+1)
}

// head is wire.Head with the last entry as it was stored.
type head struct {
	wire.Head
	Last json.RawMessage `json:"last,omitempty"`
}

// headsPage is wire.HeadsPage with such heads.
type headsPage struct {
	wire.HeadsPage
	Heads []head `json:"heads"`
}

// heads tells what changed since a cursor.
func (t *Talk) heads(ctx context.Context, r *gateway.Request) (any, error) {
	var ask wire.Heads
	if err := r.Decode(&ask); err != nil {
		return nil, err
	}
	me, err := t.me(ctx, r)
	if err != nil {
		return nil, err
	}
	page := &headsPage{Heads: []head{}}
	err = t.store.View(ctx, func(v *store.View) error {
		now, err := v.Cursor()
		if err != nil {
			return err
		}
		at, err := parsePosition(ask, now)
		if err != nil {
			return err
		}
		page.Epoch, page.Reset = uint64(now.Epoch), at.reset
		return t.fillPage(v, r, me, ask.Limit, at, page)
	})
	return page, err
}

// position is where a device stands in the heads: what changed since, told from
// the newest change downwards.
type position struct {
	since int64        // stamp of the device's cursor
	mark  store.Cursor // where the cursor goes when the last page is stored
	stamp int64        // of the last head told; 0: none yet
	conv  int64
	reset bool
}

// parsePosition reads the cursor and the page of a request.
func parsePosition(ask wire.Heads, now store.Cursor) (position, error) {
	at := position{mark: now}
	if ask.Page != "" {
		var epoch int64
		if _, err := fmt.Sscanf(ask.Page, "%d.%d.%d.%d.%d", &epoch, &at.since, &at.mark.Stamp, &at.stamp, &at.conv); err != nil {
			return at, invalid("page: not one of this server")
		}
		if epoch == now.Epoch {
			return at, nil
		}
		return position{mark: now, reset: true}, nil // what was told so far holds for another epoch
	}
	if ask.Cursor != "" {
		var epoch int64
		if _, err := fmt.Sscanf(ask.Cursor, "%d.%d", &epoch, &at.since); err != nil {
			return at, invalid("cursor: not one of this server")
		}
		if epoch != now.Epoch {
			at.since, at.reset = 0, true
		}
	}
	return at, nil
}

func (p position) cursor() string { return fmt.Sprintf("%d.%d", p.mark.Epoch, p.mark.Stamp) }

func (p position) page() string {
	return fmt.Sprintf("%d.%d.%d.%d.%d", p.mark.Epoch, p.since, p.mark.Stamp, p.stamp, p.conv)
}

// fillPage reads one page of heads.
func (t *Talk) fillPage(v *store.View, r *gateway.Request, me person, limit int, at position, page *headsPage) error {
	if limit <= 0 || limit > maxPage {
		limit = maxPage
	}
	query, args := headsQuery+" AND m.stamp >= $2", []any{me.account, at.since}
	if at.conv != 0 {
		query += " AND (m.stamp < $3 OR m.stamp = $3 AND m.conversation < $4)"
		args = append(args, at.stamp, at.conv)
	}
	args = append(args, limit+1)
	var rows []*headRow
	err := v.Each(func(on *sql.Rows) error {
		h := &headRow{me: r.Account}
		rows = append(rows, h)
		return on.Scan(h.into()...)
	}, fmt.Sprintf("%s ORDER BY m.stamp DESC, m.conversation DESC LIMIT $%d", query, len(args)), args...)
	if err != nil {
		return err
	}
	bytes := 0
	for i, h := range rows {
		if page.More = i == limit || bytes > maxAnswer; page.More {
			break
		}
		at.stamp, at.conv = h.member.Stamp, h.member.Conversation
		if err := h.check(); err != nil { // damage costs the conversation, not the list
			t.damage(err)
			continue
		}
		made, err := t.head(&v.Reads, h, r.Device.DeviceID)
		if err != nil {
			return err
		}
		page.Heads = append(page.Heads, made)
		bytes += len(made.Last) + 200
	}
	page.Cursor = at.cursor()
	if page.More {
		page.Page = at.page()
	}
	return nil
}

// head makes one head.
func (t *Talk) head(r *store.Reads, h *headRow, device string) (head, error) {
	m, c := &h.member, &h.conv
	out := head{Head: wire.Head{
		Conversation: wire.ConvP2P + h.peer, MaxSeq: uint64(c.MaxSeq), MinSeq: uint64(h.lowest()), ReadSeq: uint64(m.ReadSeq),
		PeerRead: uint64(h.peerRead), Counted: unread(c.N, m), TimeMS: c.LastMS,
	}}
	if c.Low == c.High {
		out.PeerRead = 0
	}
	if out.Counted != (wire.Counters{}) {
		var n int64
		err := r.Row([]any{&n}, "SELECT count(*) FROM entry WHERE conversation = $1 AND seq > $2 AND recalled_seq > 0 AND sender <> $3 AND flags & $4 <> 0",
			m.Conversation, m.ReadSeq, m.Account, int64(counted))
		if err != nil {
			return head{}, err
		}
		out.Recalled = uint64(n)
	}
	k, err := readKept(m.Account, m.Conversation, h.keptDoc, h.keptSum)
	if err != nil {
		t.damage(err)
		k = kept{}
	}
	out.Pin, out.Clear, out.Deleted = k.Pin, k.Clear, k.Deleted
	last, err := t.last(r, h, device)
	out.Last = last
	return out, err
}

// unread is what counts above the read mark: of the conversation, without the
// own ones.
func unread(n store.Counters, m *memberRow) wire.Counters {
	diff := func(n, r, o, s int64) uint64 { return uint64(max(0, n-r-(o-s))) }
	all := diff(n.All, m.R.All, m.O.All, m.S.All)
	c := wire.Counters{
		Notifications: diff(n.Notified, m.R.Notified, m.O.Notified, m.S.Notified),
		MissedCalls:   diff(n.Missed, m.R.Missed, m.O.Missed, m.S.Missed),
	}
	c.Always = all - min(all, c.Notifications+c.MissedCalls)
	return c
}

var errFound = errors.New("found")

// lastScan is how many entries are looked at for the newest message.
const lastScan = 20

// last returns the newest visible message, or nil.
func (t *Talk) last(r *store.Reads, h *headRow, device string) (out json.RawMessage, err error) {
	who := reader{account: h.member.Account, device: device, purpose: wire.ForCatchup, now: time.Now()}
	for _, n := range []int{1, lastScan} { // nearly always the last entry is one
		err = r.Each(func(rows *sql.Rows) error {
			var e entryRow
			if err := rows.Scan(e.into()...); err != nil {
				return err
			}
			if err := e.check(); err != nil {
				t.damage(err)
				return nil
			}
			if !isShown(&e) || !who.sees(&e) {
				return nil
			}
			out = appendEntry(nil, &e, h.nameOf(e.Sender), h.nameOf)
			return errFound
		}, "SELECT "+entryColumns+" FROM entry WHERE conversation = $1 AND seq >= $2 AND seq <= $3 ORDER BY seq DESC LIMIT $4",
			h.member.Conversation, h.lowest(), h.conv.MaxSeq, n)
		if errors.Is(err, errFound) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, nil
}
