package store

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Sum is the checksum of a row with these values: integers, strings and []byte,
// in the order that the reader and the writer of the row agree on.
func Sum(values ...any) int64 {
	h := crc32.New(castagnoli)
	var b [9]byte
	put := func(kind byte, n uint64) {
		b[0] = kind
		binary.LittleEndian.PutUint64(b[1:], n)
		_, _ = h.Write(b[:]) // never fails
	}
	for _, v := range values {
		switch v := v.(type) {
		case int64:
			put('i', uint64(v))
		case int:
			put('i', uint64(v))
		case string:
			put('s', uint64(len(v)))
			_, _ = h.Write([]byte(v))
		case []byte:
			put('s', uint64(len(v)))
			_, _ = h.Write(v)
		default:
			panic(fmt.Sprintf("store: no checksum of a %T", v))
		}
	}
	return int64(h.Sum32())
}

// CheckSum returns ErrDamaged, with what row it is, unless sum is the checksum of
// the values.
func CheckSum(row string, sum int64, values ...any) error {
	if sum == Sum(values...) {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrDamaged, row)
}

// Kinds of conversations.
const (
	KindP2P        = 1
	KindTeam       = 2
	KindSuperTeam  = 3
	KindNotices    = 4
	KindBroadcasts = 5
)

// Conversation names a conversation. Account and team numbers are unique over
// all apps, so names are too.
type Conversation struct {
	App       int64
	Kind      int
	Low, High int64
}

// P2P is the conversation of two accounts, or the notes of one to itself.
func P2P(app, a, b int64) Conversation {
	return Conversation{App: app, Kind: KindP2P, Low: min(a, b), High: max(a, b)}
}

// Team is the conversation of a team (KindTeam or KindSuperTeam).
func Team(app int64, kind int, team int64) Conversation {
	return Conversation{App: app, Kind: kind, Low: team}
}

// Notices is the timeline of an account's own notices.
func Notices(app, account int64) Conversation {
	return Conversation{App: app, Kind: KindNotices, Low: account}
}

// Broadcasts is the timeline of an app's broadcasts.
func Broadcasts(app int64) Conversation {
	return Conversation{App: app, Kind: KindBroadcasts, Low: app}
}

// Name is what the conversation's row is found and locked by.
func (c Conversation) Name() string { return fmt.Sprintf("%d:%d:%d", c.Kind, c.Low, c.High) }

// ConversationRow is a row of the table conversation.
type ConversationRow struct {
	Conversation
	ID       int64
	MaxSeq   int64
	FloorSeq int64
	LastMS   int64
	N        Counters // at MaxSeq
	Floor    Counters // at FloorSeq
	Members  int64
}

// Counters are running numbers of entries that count as unread.
type Counters struct{ All, Notified, Missed int64 }

const conversationColumns = "id, app, name, kind, low, high, max_seq, floor_seq, last_ms, " +
	"n_all, n_notified, n_missed, f_all, f_notified, f_missed, members, sum"

func (c *ConversationRow) values() []any {
	return []any{c.ID, c.App, c.Name(), c.Kind, c.Low, c.High, c.MaxSeq, c.FloorSeq, c.LastMS,
		c.N.All, c.N.Notified, c.N.Missed, c.Floor.All, c.Floor.Notified, c.Floor.Missed, c.Members}
}

// Check returns ErrDamaged unless sum is the checksum of the row.
func (c *ConversationRow) Check(sum int64) error {
	return CheckSum(fmt.Sprintf("conversation %q", c.Name()), sum, c.values()...)
}

// Conversation reads the row of a conversation, or ErrNoRow.
func (r *Reads) Conversation(name string) (*ConversationRow, error) { return r.conversation(name, "") }

// Conversation reads the row of a conversation and holds its lock from then on,
// or returns ErrNoRow.
func (tx *Tx) Conversation(name string) (*ConversationRow, error) {
	if tx.locked[name] {
		return tx.conversation(name, "")
	}
	// It was not named in Locks, or was made since they were taken.
	c, err := tx.conversation(name, tx.dialect.forUpdate())
	if err == nil {
		tx.locked[name] = true
	}
	return c, err
}

func (r *Reads) conversation(name, lock string) (*ConversationRow, error) {
	var c ConversationRow
	var stored string
	var sum int64
	err := r.Row([]any{&c.ID, &c.App, &stored, &c.Kind, &c.Low, &c.High, &c.MaxSeq, &c.FloorSeq, &c.LastMS,
		&c.N.All, &c.N.Notified, &c.N.Missed, &c.Floor.All, &c.Floor.Notified, &c.Floor.Missed, &c.Members, &sum},
		"SELECT "+conversationColumns+" FROM conversation WHERE name = $1"+lock, name)
	if err != nil {
		return nil, err
	}
	if stored != name || c.Name() != name { // a damaged index leads to another row
		return nil, fmt.Errorf("%w: conversation %q", ErrDamaged, name)
	}
	return &c, CheckSum(fmt.Sprintf("conversation %q", name), sum, c.values()...)
}

// MakeConversation returns the locked row of a conversation and makes it where
// there is none.
func (tx *Tx) MakeConversation(want Conversation) (*ConversationRow, error) {
	c := &ConversationRow{Conversation: want}
	var err error
	if c.ID, err = tx.ID(); err != nil {
		return nil, err
	}
	values := c.values()
	_, err = tx.Exec("INSERT INTO conversation ("+conversationColumns+
		") VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17) ON CONFLICT DO NOTHING",
		append(values, Sum(values...))...)
	if err != nil {
		return nil, err
	}
	return tx.Conversation(c.Name())
}

// SaveConversation writes back a row that Conversation or MakeConversation gave.
func (tx *Tx) SaveConversation(c *ConversationRow) error {
	n, err := tx.Exec("UPDATE conversation SET max_seq = $2, floor_seq = $3, last_ms = $4, n_all = $5, n_notified = $6, "+
		"n_missed = $7, f_all = $8, f_notified = $9, f_missed = $10, members = $11, sum = $12 WHERE id = $1",
		c.ID, c.MaxSeq, c.FloorSeq, c.LastMS, c.N.All, c.N.Notified, c.N.Missed,
		c.Floor.All, c.Floor.Notified, c.Floor.Missed, c.Members, Sum(c.values()...))
	if err == nil && n != 1 {
		err = fmt.Errorf("%w: conversation %q", ErrDamaged, c.Name())
	}
	return err
}
