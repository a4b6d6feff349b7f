package talk

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/libnim/libnim/internal/nimerr"
	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server/gateway"
	"github.com/libnim/libnim/server/store"
)

// me finds the account of a request.
func (t *Talk) me(ctx context.Context, r *gateway.Request) (person, error) {
	who, err := t.people.lookup(ctx, r.App, r.Account)
	if errors.Is(err, store.ErrNoRow) {
		err = nimerr.NotFound.New("the account was deleted")
	}
	return who, err
}

// pulled is wire.Pulled with entries as they were stored.
type pulled struct {
	wire.Pulled
	Entries json.RawMessage `json:"entries"`
}

// pull hands out entries of a conversation.
func (t *Talk) pull(ctx context.Context, r *gateway.Request) (any, error) {
	var ask wire.Pull
	if err := r.Decode(&ask); err != nil {
		return nil, err
	}
	peer, err := peerOf(ask.Conversation)
	if err != nil {
		return nil, err
	}
	switch ask.For {
	case "":
		ask.For = wire.ForCatchup
	case wire.ForCatchup, wire.ForRoam, wire.ForHistory:
	default:
		return nil, invalid("for: want catchup, roam or history")
	}
	me, err := t.me(ctx, r)
	if err != nil {
		return nil, err
	}
	p := &puller{
		t: t, ask: ask, h: headRow{me: r.Account, peer: peer},
		reader: reader{account: me.account, device: r.Device.DeviceID, purpose: ask.For, now: time.Now()},
	}
	out := &pulled{}
	err = t.store.View(ctx, func(v *store.View) error {
		now, err := v.Cursor()
		if err != nil {
			return err
		}
		out.Epoch = uint64(now.Epoch)
		return p.run(v, me, out)
	})
	return out, err
}

// puller collects the entries of one pull.
type puller struct {
	t *Talk
	reader
	ask    wire.Pull
	h      headRow
	hidden map[int64]bool // entries that the account deleted for itself

	entries        [][]byte // in the order in which they were read
	bytes, visible int
	next           int64 // the seq that comes next
}

func (p *puller) run(v *store.View, me person, out *pulled) error {
	out.Entries = json.RawMessage("[]")
	low, high, err := p.bounds(&v.Reads, me, out)
	if err != nil {
		return err
	}
	out.Low, out.High = uint64(low), uint64(max(high, low-1))
	if low > high {
		return nil
	}
	limit := p.ask.Limit
	if limit <= 0 || limit > maxPage {
		limit = maxPage
	}
	p.next = low
	if p.ask.Newest {
		p.next = high
	}
	scanned := 0
	for scanned < maxScan && p.visible < limit && p.bytes < maxAnswer && p.next >= low && p.next <= high {
		n, err := p.page(&v.Reads, low, high, min(limit-p.visible+8, maxScan-scanned), limit)
		if err != nil {
			return err
		}
		scanned += n
	}
	if p.ask.Newest {
		out.Low = uint64(p.next + 1)
		out.More = p.next >= low
	} else {
		out.High = uint64(p.next - 1)
		out.More = p.next <= high
	}
	out.Entries = p.list()
	return nil
}

// bounds returns what of the range asked for there can be.
func (p *puller) bounds(r *store.Reads, me person, out *pulled) (low, high int64, err error) {
	low, high = max(int64(p.ask.From), 1), int64(p.ask.To)
	other, err := past(r, me.app, p.h.peer)
	if errors.Is(err, store.ErrNoRow) {
		return low, low - 1, nimerr.NotFound.New("no such account")
	}
	if err != nil {
		return 0, 0, err
	}
	c, err := r.Conversation(store.P2P(me.app, me.account, other).Name())
	if errors.Is(err, store.ErrNoRow) {
		return low, low - 1, nil // nothing was ever said
	}
	if err != nil {
		return 0, 0, err
	}
	m, err := memberOf(r, me.account, c.ID)
	if errors.Is(err, store.ErrNoRow) {
		return low, low - 1, nil
	}
	if err != nil {
		return 0, 0, err
	}
	p.h.conv, p.h.member = *c, *m
	if high == 0 || high > c.MaxSeq {
		high = c.MaxSeq
	}
	if c.FloorSeq > 0 && low <= c.FloorSeq {
		out.Floor = uint64(c.FloorSeq + 1)
	}
	low = max(low, p.h.lowest())
	return low, high, p.readHidden(r, low, high)
}

func (p *puller) readHidden(r *store.Reads, low, high int64) error {
	return r.Each(func(rows *sql.Rows) error {
		var seq int64
		if p.hidden == nil {
			p.hidden = map[int64]bool{}
		}
		err := rows.Scan(&seq)
		p.hidden[seq] = true
		return err
	}, "SELECT seq FROM hidden WHERE account = $1 AND conversation = $2 AND seq >= $3 AND seq <= $4", p.account, p.h.conv.ID, low, high)
}

// page reads up to n entries, and returns how many numbers it passed.
func (p *puller) page(r *store.Reads, low, high int64, n, limit int) (scanned int, err error) {
	query, step := "seq >= $2 AND seq <= $3 ORDER BY seq LIMIT $4", int64(1)
	from, to := p.next, high
	if p.ask.Newest {
		query, step = "seq >= $2 AND seq <= $3 ORDER BY seq DESC LIMIT $4", -1
		from, to = low, p.next
	}
	began := p.next
	rowsRead := 0
	err = r.Each(func(rows *sql.Rows) error {
		var e entryRow
		if err := rows.Scan(e.into()...); err != nil {
			return err
		}
		rowsRead++
		for ; p.next != e.Seq; p.next += step { // a row that is not there any more
			p.t.damage(errors.New("an entry is missing"))
			p.add(appendStub(nil, p.next, e.TimeMS, false))
		}
		p.take(&e)
		p.next += step
		if p.visible >= limit || p.bytes >= maxAnswer {
			return errFound
		}
		return nil
	}, "SELECT "+entryColumns+" FROM entry WHERE conversation = $1 AND "+query, p.h.conv.ID, from, to, n)
	if errors.Is(err, errFound) {
		err = nil
	} else if err == nil && rowsRead < n { // the rest is missing
		for ; p.next >= low && p.next <= high && len(p.entries) < maxScan; p.next += step {
			p.t.damage(errors.New("an entry is missing"))
			p.add(appendStub(nil, p.next, p.h.conv.LastMS, false))
		}
	}
	return int(max(p.next-began, began-p.next)), err
}

// take adds an entry as the reader may see it.
func (p *puller) take(e *entryRow) {
	if err := e.check(); err != nil { // damage costs the entry, not the conversation
		p.t.damage(err)
		p.add(appendStub(nil, e.Seq, e.TimeMS, false))
		return
	}
	if hidden := p.hidden[e.Seq]; hidden || !p.sees(e) {
		p.add(appendStub(nil, e.Seq, e.TimeMS, hidden))
		return
	}
	if isShown(e) {
		p.visible++
	}
	p.add(appendEntry(nil, e, p.h.nameOf(e.Sender), p.h.nameOf))
}

func (p *puller) add(entry []byte) {
	p.entries = append(p.entries, entry)
	p.bytes += len(entry)
}

// list is what was collected, with seq rising.
func (p *puller) list() json.RawMessage {
	b := append(make([]byte, 0, p.bytes+len(p.entries)+2), '[')
	for i := range p.entries {
		e := p.entries[i]
		if p.ask.Newest {
			e = p.entries[len(p.entries)-1-i]
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, e...)
	}
	return append(b, ']')
}

// damage counts and logs what is wrong with a row.
func (t *Talk) damage(err error) {
	t.stats.damaged.Inc("")
	t.log.Error("talk: damage in the store", "err", err)
}
