package sqlite

import (
	"context"
	"database/sql/driver"
	"fmt"

	"github.com/libnim/libnim/core/store"
)

const messageColumns = "m.id, m.seq, m.server_id, m.time, m.type, m.sub_type, m.status, m.sub_status, m.flags, m.sender, m.client_id, m.body"

// messageWidth is the number of messageColumns.
const messageWidth = 12

const visible = "m.flags & 3 = 0" // neither FlagAsking nor FlagGone

// fromMessages keeps the order of an index of messages: a conversation is only
// looked up for its name.
const fromMessages = " FROM message m CROSS JOIN conversation c ON c.id = m.conversation "

const selectMessages = "SELECT " + messageColumns + ", c.name" + fromMessages

func bindMessage(k store.Key) []byte { return bind("message", k.Conversation, k.Sender, k.ClientID) }

// readMessage reads messageColumns; conversation is the name, or "" when it is
// the column behind them.
func (v view) readMessage(r row, conversation string) (m store.Message, err error) {
	var kind, sub, status, subStatus, flags int64
	if err = r.ints(0, &m.Row, &m.Seq, &m.ServerID, &m.Time, &kind, &sub, &status, &subStatus, &flags); err != nil {
		return m, err
	}
	m.Type, m.SubType, m.Status, m.SubStatus = int32(kind), int32(sub), int32(status), int32(subStatus)
	m.Flags = store.MessageFlags(flags)
	if m.Sender, err = r.text(9); err != nil {
		return m, err
	}
	if m.ClientID, err = r.text(10); err != nil {
		return m, err
	}
	if m.Conversation = conversation; conversation == "" {
		if m.Conversation, err = r.text(messageWidth); err != nil {
			return m, err
		}
	}
	blob, err := r.bytes(11)
	if err != nil {
		return m, err
	}
	text, content, err := v.openMessage(blob, m.Key)
	m.Text, m.Content = string(text), content
	return m, err
}

func (v view) openMessage(blob []byte, k store.Key) (text, content []byte, err error) {
	blob, err = v.sealer.open(blob, bindMessage(k))
	if err == nil {
		err = cutFields(blob, &text, &content)
	}
	return text, content, err
}

func (v view) messages(ctx context.Context, sql string, args ...driver.Value) ([]store.Message, error) {
	var all []store.Message
	err := v.c.each(ctx, sql, args, func(r row) error {
		m, err := v.readMessage(r, "")
		if err == nil {
			all = append(all, m)
		}
		return err
	})
	return all, err
}

func (v view) Message(k store.Key) (*store.Message, error) {
	return one(v.messages(context.Background(), selectMessages+"WHERE m.client_id = ? AND m.sender = ? AND c.name = ?",
		k.ClientID, k.Sender, k.Conversation))
}

func (v view) MessageByID(clientID string) (*store.Message, error) {
	return one(v.messages(context.Background(), selectMessages+"WHERE m.client_id = ? AND "+visible+
		" ORDER BY m.sender = ? DESC, m.time DESC, m.seq DESC, m.id DESC LIMIT 1", clientID, v.self))
}

func (v view) MessageByServerID(conversation string, id int64) (*store.Message, error) {
	return one(v.messages(context.Background(), selectMessages+
		"WHERE m.server_id <> 0 AND m.server_id = ? AND c.name = ? LIMIT 1", id, conversation))
}

func (v view) MessagesBySeq(conversation string, first, last int64, limit int) ([]store.Message, error) {
	if limit <= 0 {
		limit = -1
	}
	return v.messages(context.Background(), "SELECT "+messageColumns+`, c.name FROM conversation c CROSS JOIN message m
		WHERE c.name = ? AND m.conversation = c.id AND m.seq > 0 AND m.seq >= ? AND m.seq <= ? ORDER BY m.seq LIMIT ?`,
		conversation, first, last, int64(limit))
}

// MessagesByStatus names the status in the text of the statement: only so does
// SQLite see that the partial index holds all that are wanted.
func (v view) MessagesByStatus(conversation string, status int32, limit int) ([]store.Message, error) {
	if limit <= 0 {
		limit = -1
	}
	sql := selectMessages + fmt.Sprintf("WHERE m.status = %d AND ", status) + visible
	var args []driver.Value
	if conversation != "" {
		sql += " AND m.conversation = (SELECT id FROM conversation WHERE name = ?)"
		args = append(args, conversation)
	}
	return v.messages(context.Background(), sql+" ORDER BY m.id LIMIT ?", append(args, int64(limit))...)
}

func (v view) Asking() ([]store.Message, error) {
	return v.messages(context.Background(), selectMessages+"WHERE m.flags & 1 <> 0 ORDER BY m.id")
}
