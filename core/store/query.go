package store

import "cmp"

// A Position is a place in the order in which messages are shown: by time, then
// number, then row.
type Position struct{ Time, Seq, Row int64 }

// Compare says whether p comes before (negative) or behind (positive) o.
func (p Position) Compare(o Position) int {
	return cmp.Or(cmp.Compare(p.Time, o.Time), cmp.Compare(p.Seq, o.Seq), cmp.Compare(p.Row, o.Row))
}

// Position is where the message stands.
func (m *Message) Position() Position { return Position{m.Time, m.Seq, m.Row} }

// A Query asks for visible messages of one conversation, of a kind, or of all.
type Query struct {
	// Conversation is a name; "" is all that Kinds names.
	Conversation string
	// Kinds are the first letters of names, such as "pt"; "" is all.
	Kinds string

	// After and Before are times in ms that the messages lie strictly between;
	// 0 is open.
	After, Before int64

	// From is a message that was already had: the page begins behind it, in
	// the direction of OldestFirst. The zero Position is none.
	From Position

	// OldestFirst turns the order around; it also says which end of the messages
	// a limit keeps.
	OldestFirst bool

	Types   []int32 // only these; none is all
	Exclude bool    // all but Types
	SubType *int32  // only this one; nil is all
	Sender  string  // only of this account; "" is all

	// Text is a piece of Message.Text. Letter case, and the forms of a letter
	// that Unicode calls compatible, make no difference.
	Text string

	// Limit is how many are wanted; ≤ 0 is no limit. Messages gives more when
	// the last one has the time of further ones: a page that is asked for by
	// time would lose those. Search gives at most Limit.
	Limit int
}

// Found is the answer of a search.
type Found struct {
	Messages []Message

	// Incomplete: time was up, so there may be matches beside these.
	Incomplete bool
}

// A StatusChange names messages and their new status.
type StatusChange struct {
	Conversation string // "" is all
	From         int32  // the status they have
	To           int32  // the one they get
	Sender       string // only of this account; "" is all
	After        int64  // ms: only later ones; 0 is open
	Until        int64  // ms: only up to this time, included; 0 is open
}

// A Selection names messages. What is zero does not narrow it.
type Selection struct {
	Conversation string
	Kinds        string // first letters of conversation names
	Row          int64  // this one message
	After, Until int64  // ms, After excluded and Until included
}

// A NoticeQuery names system messages that are visible. What is zero does not
// narrow it.
type NoticeQuery struct {
	ID     int64
	Types  []int32
	Below  int32 // types smaller than it
	Status *int32
	Before int64 // ms, excluded
	Limit  int   // of a read; as Query.Limit, equal times are not cut apart
}
