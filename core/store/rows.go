package store

// A Conversation is what this device knows of one. Its name is the one of the
// wire: "p:" and the peer (the own account: notes to oneself), "t:" and a team,
// "s:" and a super team.
type Conversation struct {
	Name string

	MinSeq   int64 // below it nothing is shown
	MaxSeq   int64 // the newest number that the server is known to have given
	ReadSeq  int64 // read here or on another device up to it
	ToldSeq  int64 // told to the host up to it
	PeerRead int64 // the peer read up to it
	Zeroed   int64 // the item of the list was deleted; it stays hidden up to this number

	ReceiptTime     int64 // ms; my newest receipt to the peer
	PeerReceiptTime int64 // ms; the peer's newest receipt to me

	Unread Unread
	Flags  ConversationFlags

	// LastRow is the message that the list shows, 0 is none. LastTime (ms) puts
	// the conversation in its place in the list, also without a message.
	LastRow  int64
	LastTime int64

	// Held are the numbers that this device has, apart from and in rising
	// order: a message, or the knowledge that there is nothing to see.
	Held []Range

	// Cursor is the position that the server gave, opaque; "" is none.
	Cursor string

	// Data is the program's text of the item, nim_session_set_extend_data.
	Data string

	// Content is what else the engine keeps of it.
	Content []byte

	// Last is the message of LastRow when it comes from a read; nil is none.
	Last *Message
}

// Unread is the number beside a conversation, in its three parts.
type Unread struct {
	Server int64 // counted by the server above ReadSeq
	Hidden int64 // of those, what is not shown here
	Extra  int64 // local messages since the last zeroing
}

// Total is what is shown; never below 0.
func (u Unread) Total() int64 { return max(0, u.Server-u.Hidden+u.Extra) }

// A Range is the numbers from First to Last, both included.
type Range struct{ First, Last int64 }

// ConversationFlags are kept in a plain column. The engine may use those from
// 1<<8 on.
type ConversationFlags int64

const (
	// FlagListed: the conversation is an item of the list of recent sessions.
	FlagListed ConversationFlags = 1 << iota
	// FlagTop: the program put it on top, nim_session_set_top.
	FlagTop
	// FlagMustPull: pushes of it were dropped.
	FlagMustPull
)

// A Key names one message. Its conversation and sender are part of it: two
// senders may use the same client id.
type Key struct {
	Conversation string
	Sender       string
	ClientID     string
}

// A Message is one entry of a conversation. What is listed one by one can be
// asked for and is readable in the file; Text and Content are sealed with the
// key.
type Message struct {
	Key
	Row      int64 // set by the store: rises with each new message
	Seq      int64 // the server's number; 0 is unknown
	ServerID int64 // 0 is unknown
	Time     int64 // ms

	Type, SubType     int32
	Status, SubStatus int32 // log_status, log_sub_status
	Flags             MessageFlags

	// Text is what a search looks through: the body of a text, the name of a
	// file. Content need not repeat it.
	Text string

	// Content is everything else, with every key it came with.
	Content []byte
}

// MessageFlags are kept in a plain column. The engine may use those from
// 1<<8 on.
type MessageFlags int64

const (
	// FlagAsking: a filter of the host has not answered yet. The message is not visible.
	FlagAsking MessageFlags = 1 << iota
	// FlagGone: recalled, deleted, dropped, or a stub. The message is not
	// visible; the row keeps its ids known.
	FlagGone
)

// Visible says whether pages, searches and lists show the message.
func (m *Message) Visible() bool { return m.Flags&(FlagAsking|FlagGone) == 0 }

// Values of Message.Status, those of NIMMsgLogStatus.
const (
	StatusNone      = 0
	StatusUnread    = 1
	StatusRead      = 2
	StatusDeleted   = 3
	StatusSending   = 4
	StatusFailed    = 5
	StatusSent      = 6
	StatusReceipt   = 7
	StatusDraft     = 8
	StatusCancelled = 9
	StatusRefused   = 10
)

// A Notice is a system message.
type Notice struct {
	ID       int64 // msg_id, the server's; the key
	Seq      int64 // its number in the account's own timeline; 0 is unknown
	Time     int64 // ms
	Type     int32
	Status   int32
	Flags    MessageFlags // FlagAsking and FlagGone as for messages
	Sender   string
	ClientID string
	Content  []byte // sealed with the key
}
