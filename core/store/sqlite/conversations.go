package sqlite

import (
	"context"
	"database/sql/driver"

	"github.com/libnim/libnim/core/store"
)

// A view reads over one connection; its holder has the connection's lock.
type view struct {
	c      *conn
	sealer *sealer
	self   string
}

const conversationColumns = `c.name, c.min_seq, c.max_seq, c.read_seq, c.told_seq, c.peer_read, c.zeroed, c.receipt_time,
	c.peer_receipt_time, c.unread_server, c.unread_hidden, c.unread_extra, c.flags, c.last_row, c.last_time, c.body`

const selectConversations = "SELECT " + conversationColumns + ", m.id IS NOT NULL, " + messageColumns + `
	FROM conversation c LEFT JOIN message m ON m.id = c.last_row AND m.conversation = c.id AND ` + visible

func (v view) Conversations() ([]store.Conversation, error) {
	return v.conversations(selectConversations + " ORDER BY c.last_time DESC, c.id DESC")
}

func (v view) Conversation(name string) (*store.Conversation, error) {
	return one(v.conversations(selectConversations+" WHERE c.name = ?", name))
}

func (v view) conversations(sql string, args ...driver.Value) ([]store.Conversation, error) {
	var all []store.Conversation
	err := v.c.each(context.Background(), sql, args, func(r row) error {
		c, err := v.readConversation(r)
		if err == nil {
			all = append(all, c)
		}
		return err
	})
	return all, err
}

func (v view) readConversation(r row) (c store.Conversation, err error) {
	if c.Name, err = r.text(0); err != nil {
		return c, err
	}
	var flags, last int64
	if err = r.ints(1, &c.MinSeq, &c.MaxSeq, &c.ReadSeq, &c.ToldSeq, &c.PeerRead, &c.Zeroed, &c.ReceiptTime, &c.PeerReceiptTime,
		&c.Unread.Server, &c.Unread.Hidden, &c.Unread.Extra, &flags, &c.LastRow, &c.LastTime); err != nil {
		return c, err
	}
	c.Flags = store.ConversationFlags(flags)
	blob, err := r.bytes(15)
	if err != nil {
		return c, err
	}
	if blob, err = v.sealer.open(blob, bind("conversation", c.Name)); err != nil {
		return c, err
	}
	var held, cursor, data []byte
	if err = cutFields(blob, &held, &cursor, &data, &c.Content); err != nil {
		return c, err
	}
	c.Cursor, c.Data = string(cursor), string(data)
	if c.Held, err = readRanges(held); err != nil {
		return c, err
	}
	if last, err = r.int(16); err != nil || last == 0 {
		return c, err
	}
	m, err := v.readMessage(r[17:], c.Name)
	c.Last = &m
	return c, err
}

// PutConversation replaces all but the number of the row.
func (t *transaction) PutConversation(c *store.Conversation) error {
	body := appendField(nil, appendRanges(nil, c.Held))
	body = appendField(body, c.Cursor)
	body = appendField(body, c.Data)
	body = appendField(body, c.Content)
	_, _, err := t.c.exec(`INSERT INTO conversation(name, min_seq, max_seq, read_seq, told_seq, peer_read, zeroed, receipt_time,
			peer_receipt_time, unread_server, unread_hidden, unread_extra, flags, last_row, last_time, body)
		VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT(name) DO UPDATE SET min_seq = excluded.min_seq,
			max_seq = excluded.max_seq, read_seq = excluded.read_seq, told_seq = excluded.told_seq,
			peer_read = excluded.peer_read, zeroed = excluded.zeroed, receipt_time = excluded.receipt_time,
			peer_receipt_time = excluded.peer_receipt_time, unread_server = excluded.unread_server,
			unread_hidden = excluded.unread_hidden, unread_extra = excluded.unread_extra, flags = excluded.flags,
			last_row = excluded.last_row, last_time = excluded.last_time, body = excluded.body`,
		c.Name, c.MinSeq, c.MaxSeq, c.ReadSeq, c.ToldSeq, c.PeerRead, c.Zeroed, c.ReceiptTime, c.PeerReceiptTime,
		c.Unread.Server, c.Unread.Hidden, c.Unread.Extra, int64(c.Flags), c.LastRow, c.LastTime,
		t.sealer.seal(body, bind("conversation", c.Name)))
	return t.keep(err)
}

func (t *transaction) DeleteConversation(name string) error {
	if _, err := t.DeleteMessages(store.Selection{Conversation: name}); err != nil {
		return err
	}
	delete(t.numbers, name)
	_, _, err := t.c.exec("DELETE FROM conversation WHERE name = ?", name)
	return t.keep(err)
}

// one gives the first of a list, nil when it is empty.
func one[T any](all []T, err error) (*T, error) {
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return &all[0], nil
}
