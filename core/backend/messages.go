package backend

import (
	"time"

	"github.com/libnim/libnim/internal/nimerr"
)

// Messages is what a backend declares of its messages. The zero value is a
// server that numbers without holes, answers a send with its number and never
// stores an id twice: nimd.
type Messages struct {
	Supported      bool
	RecallInPlace  bool          // a recall changes the entry; else it is an entry of its own
	LooseTime      bool          // times may go backwards inside a conversation
	ConfirmByPush  bool          // an answer to a send is no proof: the own push, or a pull, is
	Holes          bool          // a number may never be given to anything
	Duplicates     bool          // one client_msg_id may be stored more than once
	MaxUnconfirmed int           // sends of one conversation that may be unconfirmed; 0: no bound
	QuietAfter     time.Duration // after a connect nothing is pushed for so long
}

// ConvKind is the kind of a conversation.
type ConvKind int

// Kinds of conversations. The first three have the values of NIMSessionType.
const (
	P2P        ConvKind = 0
	Team       ConvKind = 1
	SuperTeam  ConvKind = 5
	Notices    ConvKind = 100 // the account's own
	Broadcasts ConvKind = 101 // of the app
)

// A Conv names a conversation from the side of the account that is logged in:
// the peer of P2P (the own account: notes to oneself), or the team. ID is ""
// for notices and broadcasts.
type Conv struct {
	Kind ConvKind
	ID   string
}

// Settings of a message, as bits that are set where the value differs from the
// default.
type Settings uint16

// Settings that differ from the default.
const (
	NoHistory Settings = 1 << iota
	NoRoam
	NoSync
	NoOffline
	NoBadge
	NoUpdateSession
	NoPush
	Unroutable
	Routable // routable_msg was given as 1; absent is the app's own choice
)

// A Message is what its sender decides. Content is a JSON object with every
// key that has no field here, as it came.
type Message struct {
	ClientID string
	Type     int // NIMMessageType
	Body     string
	Settings Settings
	Content  []byte // nil: {}
}

// EntryKind is the kind of an entry.
type EntryKind int

// Kinds of entries.
const (
	KindMessage EntryKind = iota
	KindNotification
	KindRecall
	KindNotice
)

// An Entry is one number of a conversation.
type Entry struct {
	Seq        uint64
	ServerID   uint64 // below 2^53
	ServerText string // the server's own id, where it is not a number
	Time       time.Time
	Stub       bool // the number is taken; the content is not for this account or purpose
	Hidden     bool // a stub because the account deleted it for itself
	Kind       EntryKind
	Sender     string
	SenderType int // NIMClientType
	SenderDev  string
	SenderNick string
	Message
	Recalled *Recalled // not nil: the content is gone
	Target   *Target   // KindRecall: what is recalled
}

// Recalled says who recalled an entry, and which entry says so.
type Recalled struct {
	Seq  uint64
	By   string
	Time time.Time
}

// A Head is what the account has of a conversation.
type Head struct {
	Conv      Conv
	MaxSeq    uint64
	MinSeq    uint64 // the lowest that can be pulled
	ReadSeq   uint64
	PeerRead  uint64
	Always    uint64 // unread messages above ReadSeq by class
	Notified  uint64
	Missed    uint64
	Recalled  uint64 // of those, how many were recalled
	Time      time.Time
	Last      *Entry // nil: not told
	UnreadRaw bool   // the counters are not the server's: MaxSeq - ReadSeq is all it knows
	State     *State // nil: the server keeps none
}

// State is what the account keeps of a conversation on the server.
type State struct {
	Pin     *Pin
	Clear   *Cleared
	Deleted uint64 // id of the newest message that the account deleted for itself
}

// A Pin keeps a conversation on top.
type Pin struct {
	Ext           string
	Time, Updated time.Time
}

// Cleared says that the account deleted the history up to a number.
type Cleared struct {
	Seq    uint64
	Time   time.Time
	Ext    string
	Silent bool
}

// Requests of messages. Sends of one conversation are stored in the order in
// which they were handed over.
type (
	Send struct { // -> Sent
		Conv     Conv
		Messages []Message // 1 to 64; stored as a prefix
	}
	Heads struct { // -> HeadsPage
		Cursor string // of an earlier HeadsPage; "": everything
		Page   string // of the page before
	}
	Pull struct { // -> Pulled
		Conv     Conv
		From, To uint64 // both inclusive; 0: open
		Newest   bool   // from the highest down; else from the lowest up
		Limit    int    // of visible messages
		For      Purpose
	}
	Read struct { // -> HeadChanged
		Conv        Conv
		Seq         uint64
		Silent      bool // no receipt
		ReceiptOnly bool // the mark stays
	}
	// Past asks for messages as the person sees them, by time, type and text.
	Past struct { // -> PastPage
		Conv        Conv
		From, To    int64  // ms, both included; 0: open
		Known       uint64 // ServerID of a message at the end where the page begins, which is left out
		OldestFirst bool
		Limit       int // at most 100
		Types       []int32
		Exclude     bool // all but Types
		Text        string
		At          uint64 // Next of the answer before
	}
	SetPin struct { // -> HeadChanged
		Conv Conv
		Off  bool
		Ext  string
	}
	Clear struct { // -> HeadChanged; the history of a conversation, for the account
		Conv   Conv
		Ext    string
		Silent bool
	}
	Delete struct { // -> HeadChanged; messages, for the account
		Conv  Conv
		Items []Deletion // 1 to 100
	}
	Deleted struct { // -> DeletedPage
		Conv  Conv
		After uint64
	}
)

// A Deletion is one message that the account deleted for itself.
type Deletion struct {
	ID       uint64
	Seq      uint64
	Sender   string
	ClientID string
	Ext      string
}

// Purpose of a pull: it decides which entries are stubs.
type Purpose int

// Purposes.
const (
	Catchup Purpose = iota
	Roam
	History
)

// Bodies of answers about messages.
type (
	Sent struct{ Results []SentResult }
	// SentResult is what became of one message of a Send. Those behind the
	// first refused one have none.
	SentResult struct {
		ClientID string
		Err      *nimerr.Error // nil: stored
		Retry    time.Duration // with a retryable Err: not before
		Seq      uint64        // 0: the server tells it later, by the own push
		ServerID uint64
		Text     string // ServerText
		Time     time.Time
		Repeated bool
		Ext      string // callback_ext of the app's webhook
	}
	HeadsPage struct {
		Epoch  uint64
		Heads  []Head
		More   bool
		Page   string
		Cursor string // holds once the last page is stored
		Reset  bool   // the cursor was of another epoch
	}
	Pulled struct {
		Epoch     uint64
		Entries   []Entry // rising in Seq
		Low, High uint64  // every number between the two is in Entries
		Floor     uint64
		More      bool
	}
	PastPage struct {
		Entries []Entry // in the order asked for
		Next    uint64  // where it goes on; 0: that is all
	}
	DeletedPage struct {
		Deletions []Deletion
		More      bool
	}
)

// Pushes of messages. HeadChanged is also the answer of Read.
type (
	Entries struct {
		Conv    Conv
		Entries []Entry
		MaxSeq  uint64 // 0: not told
	}
	HeadChanged struct{ Head Head }
	// Resync: pushes may have been lost, of one conversation or (All) of any.
	Resync struct {
		Conv Conv
		All  bool
	}
)

// Limits that the server holds its clients to; 0: not told.
type Limits struct {
	TextChars, MsgBytes, SendBatch, PullLimit, ExtBytes int
	Recall                                              time.Duration
}
