package talk

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/libnim/libnim/internal/wire"
	"github.com/libnim/libnim/server/store"
)

// Kinds of entries in the store.
const (
	kindMessage      = 1
	kindNotification = 2
	kindRecall       = 3
	kindNotice       = 4
)

// Flags of an entry: settings that are 0, and what it was counted as.
const (
	noHistory = 1 << iota
	noRoam
	noSync
	noOffline
	noBadge
	noUpdateSession
	noPush
	noRoute

	counted  = 1 << 16
	notified = 1 << 17
	missed   = 1 << 18
)

// entryRow is a row of the table entry.
type entryRow struct {
	Conversation, Seq, ID, TimeMS, StoredMS int64
	Kind                                    int64
	Sender                                  int64
	ClientMsgID                             []byte
	Flags                                   int64
	N, O                                    store.Counters
	Members                                 int64
	RecalledSeq, RecalledMS, RecalledBy     int64
	Body                                    []byte
	sum                                     int64
}

const entryColumns = "conversation, seq, id, time_ms, stored_ms, kind, sender, client_msg_id, flags, " +
	"n_all, n_notified, n_missed, o_all, o_notified, o_missed, members, recalled_seq, recalled_ms, recalled_by, body, sum"

func (e *entryRow) values() []any {
	return []any{e.Conversation, e.Seq, e.ID, e.TimeMS, e.StoredMS, e.Kind, e.Sender, e.ClientMsgID, e.Flags,
		e.N.All, e.N.Notified, e.N.Missed, e.O.All, e.O.Notified, e.O.Missed, e.Members,
		e.RecalledSeq, e.RecalledMS, e.RecalledBy, e.Body}
}

func (e *entryRow) into() []any {
	return []any{&e.Conversation, &e.Seq, &e.ID, &e.TimeMS, &e.StoredMS, &e.Kind, &e.Sender, &e.ClientMsgID, &e.Flags,
		&e.N.All, &e.N.Notified, &e.N.Missed, &e.O.All, &e.O.Notified, &e.O.Missed, &e.Members,
		&e.RecalledSeq, &e.RecalledMS, &e.RecalledBy, &e.Body, &e.sum}
}

func (e *entryRow) check() error {
	return store.CheckSum(fmt.Sprintf("entry %d of conversation %d", e.Seq, e.Conversation), e.sum, e.values()...)
}

// insert reports whether the entry was stored: there is none of its key yet.
func (e *entryRow) insert(tx *store.Tx) (bool, error) {
	values := e.values()
	n, err := tx.Exec("INSERT INTO entry ("+entryColumns+") VALUES "+
		"($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21) "+
		"ON CONFLICT (conversation, sender, client_msg_id) DO NOTHING", append(values, store.Sum(values...))...)
	return n == 1, err
}

// entryOf finds an entry by its key.
func entryOf(r *store.Reads, conversation, sender int64, id []byte) (*entryRow, error) {
	return entryWhere(r, "conversation = $1 AND sender = $2 AND client_msg_id = $3", conversation, sender, id)
}

// entryWhere reads one entry, or ErrNoRow.
func entryWhere(r *store.Reads, condition string, args ...any) (*entryRow, error) {
	var e entryRow
	if err := r.Row(e.into(), "SELECT "+entryColumns+" FROM entry WHERE "+condition, args...); err != nil {
		return nil, err
	}
	return &e, e.check()
}

// memberRow is a row of the table member.
type memberRow struct {
	Account, Conversation       int64
	Stamp                       int64 // in no checksum
	MinSeq, ClearedSeq          int64
	ReadSeq, ReadMS, ReceiptSeq int64
	R                           store.Counters // of the conversation as of ReadSeq
	S                           store.Counters // own ones as of ReadSeq
	O                           store.Counters // own ones at the last entry
	PinnedMS                    int64
	sum                         int64
}

const memberColumns = "account, conversation, stamp, min_seq, cleared_seq, read_seq, read_ms, receipt_seq, " +
	"r_all, r_notified, r_missed, s_all, s_notified, s_missed, o_all, o_notified, o_missed, pinned_ms, sum"

func (m *memberRow) values() []any {
	return []any{m.Account, m.Conversation, m.MinSeq, m.ClearedSeq, m.ReadSeq, m.ReadMS, m.ReceiptSeq,
		m.R.All, m.R.Notified, m.R.Missed, m.S.All, m.S.Notified, m.S.Missed, m.O.All, m.O.Notified, m.O.Missed, m.PinnedMS}
}

func (m *memberRow) into() []any {
	return []any{&m.Account, &m.Conversation, &m.Stamp, &m.MinSeq, &m.ClearedSeq, &m.ReadSeq, &m.ReadMS, &m.ReceiptSeq,
		&m.R.All, &m.R.Notified, &m.R.Missed, &m.S.All, &m.S.Notified, &m.S.Missed, &m.O.All, &m.O.Notified, &m.O.Missed,
		&m.PinnedMS, &m.sum}
}

func (m *memberRow) check() error {
	return store.CheckSum(fmt.Sprintf("member %d of conversation %d", m.Account, m.Conversation), m.sum, m.values()...)
}

// memberOf reads what an account has of a conversation, or ErrNoRow.
func memberOf(r *store.Reads, account, conversation int64) (*memberRow, error) {
	var m memberRow
	err := r.Row(m.into(), "SELECT "+memberColumns+" FROM member WHERE account = $1 AND conversation = $2", account, conversation)
	if err != nil {
		return nil, err
	}
	return &m, m.check()
}

// save writes a member row, new or not.
func (m *memberRow) save(tx *store.Tx) error {
	v := m.values()
	_, err := tx.Exec("INSERT INTO member ("+memberColumns+") VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19) "+
		"ON CONFLICT (account, conversation) DO UPDATE SET stamp = excluded.stamp, min_seq = excluded.min_seq, "+
		"cleared_seq = excluded.cleared_seq, read_seq = excluded.read_seq, read_ms = excluded.read_ms, receipt_seq = excluded.receipt_seq, "+
		"r_all = excluded.r_all, r_notified = excluded.r_notified, r_missed = excluded.r_missed, "+
		"s_all = excluded.s_all, s_notified = excluded.s_notified, s_missed = excluded.s_missed, "+
		"o_all = excluded.o_all, o_notified = excluded.o_notified, o_missed = excluded.o_missed, "+
		"pinned_ms = excluded.pinned_ms, sum = excluded.sum",
		append([]any{v[0], v[1], m.Stamp}, append(v[2:], store.Sum(v...))...)...)
	return err
}

// stamp marks that what an account sees of a conversation changed.
func stamp(tx *store.Tx, account, conversation, stamp int64) (bool, error) {
	n, err := tx.Exec("UPDATE member SET stamp = $3 WHERE account = $1 AND conversation = $2", account, conversation, stamp)
	return n == 1, err
}

// kept is what an account keeps of a conversation beside its marks: a row of the
// table kept, made when there is something to keep.
type kept struct {
	Pin     *wire.Pinned  `json:"pin,omitempty"`
	Clear   *wire.Cleared `json:"clear,omitempty"`
	Deleted uint64        `json:"deleted,omitempty"` // id of the newest row of hidden
}

// readKept reads the columns doc and sum; a sum of 0 is no row.
func readKept(account, conversation int64, doc []byte, sum int64) (k kept, err error) {
	if sum == 0 {
		return k, nil
	}
	if err = store.CheckSum(fmt.Sprintf("kept %d of conversation %d", account, conversation), sum, account, conversation, doc); err == nil {
		err = json.Unmarshal(doc, &k)
	}
	return k, err
}

// keptOf reads what an account keeps; nothing where there is no row.
func keptOf(r *store.Reads, account, conversation int64) (kept, error) {
	var doc []byte
	var sum int64
	err := r.Row([]any{&doc, &sum}, "SELECT doc, sum FROM kept WHERE account = $1 AND conversation = $2", account, conversation)
	if errors.Is(err, store.ErrNoRow) {
		return kept{}, nil
	}
	if err != nil {
		return kept{}, err
	}
	return readKept(account, conversation, doc, sum)
}

func (k *kept) save(tx *store.Tx, account, conversation int64) error {
	doc, err := json.Marshal(k)
	if err != nil {
		return err
	}
	_, err = tx.Exec("INSERT INTO kept (account, conversation, doc, sum) VALUES ($1,$2,$3,$4) "+
		"ON CONFLICT (account, conversation) DO UPDATE SET doc = excluded.doc, sum = excluded.sum",
		account, conversation, doc, store.Sum(account, conversation, doc))
	return err
}
