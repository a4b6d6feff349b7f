package sqlite

import (
	"context"
	"database/sql/driver"
	"strconv"

	"github.com/libnim/libnim/core/store"
)

func bindNotice(id int64) []byte { return bind("notice", strconv.FormatInt(id, 10)) }

// noticeConditions leaves out Limit.
func noticeConditions(q store.NoticeQuery) *conditions {
	c := new(conditions)
	c.sql.WriteString("flags & 3 = 0")
	if q.ID != 0 {
		c.and("id = ?", q.ID)
	}
	if len(q.Types) > 0 {
		c.and("type IN (" + list(q.Types) + ")")
	}
	if q.Below != 0 {
		c.and("type < ?", int64(q.Below))
	}
	if q.Status != nil {
		c.and("status = ?", int64(*q.Status))
	}
	if q.Before != 0 {
		c.and("time < ?", q.Before)
	}
	return c
}

const selectNotices = "SELECT id, seq, time, type, status, flags, sender, client_id, body FROM notice WHERE "

func (v view) Notices(q store.NoticeQuery) ([]store.Notice, error) {
	c := noticeConditions(q)
	limit := int64(q.Limit)
	if limit <= 0 {
		limit = -1
	}
	page, err := v.notices(c.sql.String()+" ORDER BY time DESC, id DESC LIMIT ?", append(c.args, limit)...)
	if err != nil || q.Limit <= 0 || len(page) < q.Limit {
		return page, err
	}
	last := page[len(page)-1]
	c = noticeConditions(q)
	c.and("time = ?", last.Time)
	c.and("id < ?", last.ID)
	more, err := v.notices(c.sql.String()+" ORDER BY id DESC", c.args...)
	return append(page, more...), err
}

func (v view) Notice(id int64) (*store.Notice, error) { return one(v.notices("id = ?", id)) }

func (v view) notices(where string, args ...driver.Value) ([]store.Notice, error) {
	var all []store.Notice
	err := v.c.each(context.Background(), selectNotices+where, args, func(r row) error {
		n, err := v.readNotice(r)
		if err == nil {
			all = append(all, n)
		}
		return err
	})
	return all, err
}

func (v view) readNotice(r row) (n store.Notice, err error) {
	var kind, status, flags int64
	if err = r.ints(0, &n.ID, &n.Seq, &n.Time, &kind, &status, &flags); err != nil {
		return n, err
	}
	n.Type, n.Status, n.Flags = int32(kind), int32(status), store.MessageFlags(flags)
	if n.Sender, err = r.text(6); err != nil {
		return n, err
	}
	if n.ClientID, err = r.text(7); err != nil {
		return n, err
	}
	blob, err := r.bytes(8)
	if err != nil {
		return n, err
	}
	if blob, err = v.sealer.open(blob, bindNotice(n.ID)); err == nil {
		err = cutFields(blob, &n.Content)
	}
	return n, err
}

func (v view) CountNotices(q store.NoticeQuery) (int, error) {
	c := noticeConditions(q)
	n, err := v.c.number("SELECT count(*) FROM notice WHERE "+c.sql.String(), c.args...)
	return int(n), err
}

func (t *transaction) PutNotice(n *store.Notice) (fresh bool, err error) {
	known, err := t.c.number("SELECT count(*) FROM notice WHERE id = ?", n.ID)
	if err == nil {
		_, _, err = t.c.exec(`INSERT OR REPLACE INTO notice(id, seq, time, type, status, flags, sender, client_id, body)
				VALUES(?,?,?,?,?,?,?,?,?)`, n.ID, n.Seq, n.Time, int64(n.Type), int64(n.Status), int64(n.Flags), n.Sender, n.ClientID,
			t.sealer.seal(appendField(nil, n.Content), bindNotice(n.ID)))
	}
	return known == 0, t.keep(err)
}

func (t *transaction) SetNoticeStatus(q store.NoticeQuery, status int32) (int, error) {
	c := noticeConditions(q)
	_, n, err := t.c.exec("UPDATE notice SET status = ? WHERE "+c.sql.String(), append([]driver.Value{int64(status)}, c.args...)...)
	return n, t.keep(err)
}

func (t *transaction) DeleteNotices(q store.NoticeQuery) (int, error) {
	c := noticeConditions(q)
	_, n, err := t.c.exec("DELETE FROM notice WHERE "+c.sql.String(), c.args...)
	return n, t.keep(err)
}
