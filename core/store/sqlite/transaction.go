package sqlite

import (
	"database/sql/driver"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/libnim/libnim/core/store"
)

// A transaction is a store.Tx.
type transaction struct {
	view
	numbers map[string]int64 // of conversations
	index   map[int64]string // row of the search index: its tokens, "" to remove it
	failed  error            // the first failure: nothing is committed, even if change hides it
}

func (t *transaction) keep(err error) error {
	if err != nil && t.failed == nil {
		t.failed = err
	}
	return err
}

// number returns the row of a conversation.
func (t *transaction) number(name string) (int64, error) {
	if n, ok := t.numbers[name]; ok {
		return n, nil
	}
	n, err := t.c.number("SELECT id FROM conversation WHERE name = ?", name)
	if err == nil && n == 0 {
		err = fmt.Errorf("%w: a message of a conversation that is not stored", store.ErrUnusable)
	}
	if err == nil {
		t.numbers[name] = n
	}
	return n, err
}

// maxTime is the latest time that indexRow has room for: the year 2109.
const maxTime = 1<<42 - 1

func (t *transaction) PutMessage(m *store.Message) (fresh bool, err error) {
	conversation, err := t.number(m.Conversation)
	if err != nil {
		return false, t.keep(err)
	}
	m.Time = min(max(m.Time, 0), maxTime)
	before, err := t.before(m, conversation)
	if err != nil {
		return false, t.keep(err)
	}
	err = t.write(m, conversation, before.row)
	if isUnique(err) && m.Seq > 0 {
		// Another message has this number: the one that is told last is right.
		_, _, err = t.c.exec("UPDATE message SET seq = 0 WHERE conversation = ? AND seq = ? AND seq > 0", conversation, m.Seq)
		if err == nil {
			err = t.write(m, conversation, before.row)
		}
	}
	if err == nil && t.sealer.indexed() {
		t.reindex(m, conversation, before)
	}
	return before.row == 0, t.keep(err)
}

// stored is what the index needs to know of a message as it was.
type stored struct {
	row, time int64
	shown     bool
	text      string
}

// before returns the row of m as it was; one that is 0 when it is new.
func (t *transaction) before(m *store.Message, conversation int64) (s stored, err error) {
	_, err = t.c.first("SELECT id, time, flags, body FROM message WHERE client_id = ? AND conversation = ? AND sender = ?",
		[]driver.Value{m.ClientID, conversation, m.Sender}, func(r row) error {
			var flags int64
			if err := r.ints(0, &s.row, &s.time, &flags); err != nil || !t.sealer.indexed() {
				return err
			}
			blob, err := r.bytes(3)
			if err != nil {
				return err
			}
			text, _, err := t.openMessage(blob, m.Key)
			s.text, s.shown = string(text), flags&int64(store.FlagAsking|store.FlagGone) == 0
			return err
		})
	return s, err
}

func (t *transaction) write(m *store.Message, conversation, known int64) (err error) {
	body := appendField(make([]byte, 0, len(m.Text)+len(m.Content)+8), m.Text)
	body = t.sealer.seal(appendField(body, m.Content), bindMessage(m.Key))
	if known != 0 {
		m.Row = known
		_, _, err = t.c.exec(`UPDATE message SET seq = ?, server_id = ?, time = ?, type = ?, sub_type = ?, status = ?,
				sub_status = ?, flags = ?, body = ? WHERE id = ?`,
			m.Seq, m.ServerID, m.Time, int64(m.Type), int64(m.SubType), int64(m.Status), int64(m.SubStatus), int64(m.Flags), body, known)
		return err
	}
	m.Row, _, err = t.c.exec(`INSERT INTO message(conversation, sender, client_id, seq, server_id, time, type, sub_type,
			status, sub_status, flags, body) VALUES(?,?,?,?,?,?,?,?,?,?,?,?)`,
		conversation, m.Sender, m.ClientID, m.Seq, m.ServerID, m.Time, int64(m.Type), int64(m.SubType), int64(m.Status),
		int64(m.SubStatus), int64(m.Flags), body)
	return err
}

// reindex notes what changes in the search index.
func (t *transaction) reindex(m *store.Message, conversation int64, before stored) {
	if before.row != 0 && before.shown {
		if m.Visible() && m.Time == before.time && m.Text == before.text {
			return
		}
		t.index[indexRow(before.time, before.row)] = ""
	}
	if m.Visible() {
		if tokens := indexTokens(m.Text); tokens != "" {
			t.index[indexRow(m.Time, m.Row)] = place(conversation) + tokens
		}
	}
}

// place begins the tokens of a message: the one that names its conversation.
func place(conversation int64) string { return fmt.Sprintf("c%d\n", conversation) }

// indexRow is a message's row in the search index: in the order of time. Two
// messages share one if they have the same millisecond and rows that differ by
// a multiple of 2,097,152; one of them is then found by scans alone.
func indexRow(time, row int64) int64 { return time<<21 | row&(1<<21-1) }

// indexRowSQL is indexRow of a message m.
const indexRowSQL = "(m.time << 21 | (m.id & 2097151))"

// writeIndex writes the changes in the order of rows: FTS5 closes a segment
// whenever a row comes after a later one.
func (t *transaction) writeIndex() error {
	for _, row := range slices.Sorted(maps.Keys(t.index)) {
		_, _, err := t.c.exec("DELETE FROM search WHERE rowid = ?", row)
		if at, tokens, some := strings.Cut(t.index[row], "\n"); some && err == nil {
			_, _, err = t.c.exec("INSERT INTO search(rowid, place, body) VALUES(?, ?, ?)", row, at, tokens)
		}
		if err != nil {
			return err
		}
	}
	clear(t.index)
	return nil
}

func (t *transaction) SetStatus(s store.StatusChange) (int, error) {
	c := new(conditions)
	fmt.Fprintf(&c.sql, "status = %d", s.From) // for the partial index
	if s.Conversation != "" {
		c.and("conversation = (SELECT id FROM conversation WHERE name = ?)", s.Conversation)
	}
	if s.Sender != "" {
		c.and("sender = ?", s.Sender)
	}
	if s.After != 0 {
		c.and("time > ?", s.After)
	}
	if s.Until != 0 {
		c.and("time <= ?", s.Until)
	}
	_, n, err := t.c.exec("UPDATE message SET status = ? WHERE "+c.sql.String(), append([]driver.Value{int64(s.To)}, c.args...)...)
	return n, t.keep(err)
}

func (t *transaction) DeleteMessages(s store.Selection) (int, error) {
	c := new(conditions)
	c.sql.WriteString("1")
	if s.Row != 0 {
		c.and("m.id = ?", s.Row)
	}
	if s.Conversation != "" {
		c.and("m.conversation = (SELECT id FROM conversation WHERE name = ?)", s.Conversation)
	}
	if s.Kinds != "" {
		c.and("m.conversation IN (SELECT id FROM conversation WHERE instr(?, substr(name, 1, 1)) > 0)", s.Kinds)
	}
	if s.After != 0 {
		c.and("m.time > ?", s.After)
	}
	if s.Until != 0 {
		c.and("m.time <= ?", s.Until)
	}
	if t.sealer.indexed() {
		// What this transaction wrote must be there to be removed.
		if err := t.writeIndex(); err != nil {
			return 0, t.keep(err)
		}
		if _, _, err := t.c.exec("DELETE FROM search WHERE rowid IN (SELECT "+indexRowSQL+" FROM message m WHERE "+c.sql.String()+")",
			c.args...); err != nil {
			return 0, t.keep(err)
		}
	}
	_, n, err := t.c.exec("DELETE FROM message AS m WHERE "+c.sql.String(), c.args...)
	return n, t.keep(err)
}

func (t *transaction) ForgetSeqs() error {
	_, _, err := t.c.exec("UPDATE message SET seq = 0 WHERE seq > 0")
	return t.keep(err)
}
