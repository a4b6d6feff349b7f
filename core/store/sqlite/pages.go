package sqlite

import (
	"context"
	"database/sql/driver"
	"slices"
	"strconv"
	"strings"

	"github.com/libnim/libnim/core/store"
)

// conditions are what a query says, as SQL.
type conditions struct {
	sql  strings.Builder
	args []driver.Value
}

func (c *conditions) and(sql string, args ...driver.Value) {
	c.sql.WriteString(" AND ")
	c.sql.WriteString(sql)
	c.args = append(c.args, args...)
}

// conditionsOf leaves out From, Text and Limit.
func conditionsOf(q store.Query) *conditions {
	c := new(conditions)
	c.sql.WriteString(visible)
	if q.Conversation != "" {
		c.and("m.conversation = (SELECT id FROM conversation WHERE name = ?)", q.Conversation)
	}
	if q.Kinds != "" {
		c.and("m.conversation IN (SELECT id FROM conversation WHERE instr(?, substr(name, 1, 1)) > 0)", q.Kinds)
	}
	if q.After != 0 {
		c.and("m.time > ?", q.After)
	}
	if q.Before != 0 {
		c.and("m.time < ?", q.Before)
	}
	if len(q.Types) > 0 {
		in := " IN ("
		if q.Exclude {
			in = " NOT IN ("
		}
		c.and("m.type" + in + list(q.Types) + ")")
	}
	if q.SubType != nil {
		c.and("m.sub_type = ?", int64(*q.SubType))
	}
	if q.Sender != "" {
		c.and("m.sender = ?", q.Sender)
	}
	return c
}

func (c *conditions) behind(p store.Position, oldestFirst bool) {
	switch {
	case p == store.Position{}:
	case oldestFirst:
		c.and("(m.time, m.seq, m.id) > (?, ?, ?)", p.Time, p.Seq, p.Row)
	default:
		c.and("(m.time, m.seq, m.id) < (?, ?, ?)", p.Time, p.Seq, p.Row)
	}
}

func list(numbers []int32) string {
	var b strings.Builder
	for i, n := range numbers {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Itoa(int(n)))
	}
	return b.String()
}

func order(oldestFirst bool) string {
	if oldestFirst {
		return " ORDER BY m.time, m.seq, m.id"
	}
	return " ORDER BY m.time DESC, m.seq DESC, m.id DESC"
}

func (v view) Messages(q store.Query) ([]store.Message, error) {
	page, err := v.page(q)
	if err != nil || q.Limit <= 0 || len(page) < q.Limit {
		return page, err
	}
	// Those that share the time of the last one.
	last := page[len(page)-1].Position()
	c := conditionsOf(q)
	c.behind(last, q.OldestFirst)
	c.and("m.time = ?", last.Time)
	more, err := v.messages(context.Background(), selectMessages+"WHERE "+c.sql.String()+order(q.OldestFirst), c.args...)
	return append(page, more...), err
}

// page returns at most Limit.
func (v view) page(q store.Query) ([]store.Message, error) {
	c := conditionsOf(q)
	c.behind(q.From, q.OldestFirst)
	limit := int64(q.Limit)
	if limit <= 0 {
		limit = -1
	}
	return v.messages(context.Background(), selectMessages+"WHERE "+c.sql.String()+order(q.OldestFirst)+" LIMIT ?",
		append(slices.Clip(c.args), limit)...)
}

func (v view) Newest(conversation string, excluded ...int32) (*store.Message, error) {
	return one(v.page(store.Query{Conversation: conversation, Types: excluded, Exclude: true, Limit: 1}))
}
