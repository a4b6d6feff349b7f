package wire

import "encoding/json"

// Operations of messages.
const (
	// server -> client, pushes
	OpEntry  Op = "entry"  // Entries of one conversation, in the order of seq
	OpHead   Op = "head"   // Head that changed: a mark, a pin, a clear of another device
	OpResync Op = "resync" // Resync: something may have been missed; ask for heads

	// client -> server, requests
	OpSend  Op = "send"  // Send -> Sent; ordered within its conversation
	OpHeads Op = "heads" // Heads -> HeadsPage
	OpPull  Op = "pull"  // Pull -> Pulled
	OpRead  Op = "read"  // Read -> Head

	OpHistory Op = "history" // History -> HistoryPage
	OpPin     Op = "pin"     // Pin -> Head
	OpClear   Op = "clear"   // Clear -> Head
	OpDelete  Op = "delete"  // Delete -> Head
	OpDeleted Op = "deleted" // Deleted -> DeletedPage
)

// A conversation is named from the side of the account that is told of it:
// "p:" and the peer, "t:" and a team, "s:" and a super team; "n" is the
// account's own notices, "b" the broadcasts of the app.
const (
	ConvP2P       = "p:"
	ConvTeam      = "t:"
	ConvSuperTeam = "s:"
	ConvNotices   = "n"
	ConvBroadcast = "b"
)

// Kinds of entries.
const (
	KindMessage      = "message"
	KindNotification = "notification" // written by the server: a team changed
	KindRecall       = "recall"
	KindNotice       = "notice"
)

// Purposes of a pull: they decide for whom an entry is a stub.
const (
	ForCatchup = "catchup" // what this device has not been told
	ForRoam    = "roam"    // below the newest page of a new device
	ForHistory = "history" // asked for by the person
)

// A Message is what its sender decides. Settings that are absent have the
// value 1. Content is a JSON object with every other key of the message,
// as it came; unknown keys travel.
type Message struct {
	ClientMsgID string          `json:"client_msg_id"`
	Type        int             `json:"type"`
	Body        string          `json:"body,omitempty"`
	Content     json.RawMessage `json:"content,omitempty"`
	Settings
}

// Settings of a message that the server acts on. nil means 1.
type Settings struct {
	History       *int `json:"cloud_history,omitempty"`     // 0: not in the server's history
	Roam          *int `json:"roam_msg,omitempty"`          // 0: not for devices that come later
	Sync          *int `json:"sync_msg,omitempty"`          // 0: not for the sender's other devices
	Offline       *int `json:"offline_msg,omitempty"`       // 0: not for who is away
	Badge         *int `json:"push_need_badge,omitempty"`   // 0: not counted as unread
	UpdateSession *int `json:"is_update_session,omitempty"` // 0: does not touch the receiver's session
	Push          *int `json:"push_enable,omitempty"`       // 0: no mobile push
	Route         *int `json:"routable_msg,omitempty"`      // 0: not for the app's webhook
}

// Send carries 1 to 64 messages of one conversation. They are stored as a
// prefix: what follows the first refused one is not looked at.
type Send struct {
	Conversation string    `json:"conversation"`
	Messages     []Message `json:"messages"`
}

// Sent answers a Send: a result for each message that was looked at.
type Sent struct {
	Results []SentResult `json:"results"`
}

// SentResult is what became of one message.
type SentResult struct {
	ClientMsgID  string `json:"client_msg_id"`
	Code         int32  `json:"code"` // 200, or a result code
	Seq          uint64 `json:"seq,omitempty"`
	ServerMsgID  uint64 `json:"server_msg_id,omitempty"`
	TimeMS       int64  `json:"time_ms,omitempty"`
	Repeated     bool   `json:"repeated,omitempty"` // it was stored before
	ErrName      string `json:"err_name,omitempty"`
	ErrMsg       string `json:"err_msg,omitempty"`
	RetryAfterMS int64  `json:"retry_after_ms,omitempty"`
	Ext          string `json:"callback_ext,omitempty"` // of the app's webhook
}

// An Entry is one number of a conversation.
type Entry struct {
	Seq         uint64    `json:"seq"`
	ServerMsgID uint64    `json:"server_msg_id,omitempty"`
	TimeMS      int64     `json:"time_ms"`
	Stub        bool      `json:"stub,omitempty"`   // the number is taken, the content is not for this account or purpose
	Hidden      bool      `json:"hidden,omitempty"` // a stub because the account deleted it for itself
	Kind        string    `json:"kind,omitempty"`
	Sender      string    `json:"sender,omitempty"`
	SenderType  int       `json:"sender_client_type,omitempty"`
	SenderDev   string    `json:"sender_device_id,omitempty"`
	SenderNick  string    `json:"sender_nick,omitempty"`
	*Message              // nil for stubs; a recalled one keeps its client_msg_id and type only
	Recalled    *Recalled `json:"recalled,omitempty"`
	Target      *Target   `json:"target,omitempty"` // of a recall: what it takes back
}

// Recalled says that an entry was recalled, by whom, and which entry says so.
type Recalled struct {
	Seq    uint64 `json:"seq"`
	By     string `json:"by"`
	TimeMS int64  `json:"time_ms"`
}

// Entries is a push of one or several entries of one conversation.
type Entries struct {
	Conversation string  `json:"conversation"`
	Entries      []Entry `json:"entries"`
	MaxSeq       uint64  `json:"max_seq,omitempty"`
}

// A Head is what an account has of a conversation.
type Head struct {
	Conversation string   `json:"conversation"`
	MaxSeq       uint64   `json:"max_seq"`
	MinSeq       uint64   `json:"min_seq"` // the lowest that can be pulled; max_seq + 1: none
	ReadSeq      uint64   `json:"read_seq"`
	PeerRead     uint64   `json:"peer_read,omitempty"`
	Counted      Counters `json:"unread"`             // above read_seq
	Recalled     uint64   `json:"recalled,omitempty"` // of those counted, how many were recalled
	TimeMS       int64    `json:"time_ms,omitempty"`  // of the last entry
	Last         *Entry   `json:"last,omitempty"`     // the newest visible message
	Pin          *Pinned  `json:"pin,omitempty"`      // nil: not pinned
	Clear        *Cleared `json:"clear,omitempty"`    // nil: never cleared
	Deleted      uint64   `json:"deleted,omitempty"`  // id of the account's newest Deletion
}

// Pinned says how a conversation is kept on top.
type Pinned struct {
	Ext       string `json:"ext,omitempty"`
	TimeMS    int64  `json:"time_ms"`
	UpdatedMS int64  `json:"updated_ms"`
}

// Cleared says that an account deleted the history up to a number.
type Cleared struct {
	Seq    uint64 `json:"seq"`
	TimeMS int64  `json:"time_ms"`
	Ext    string `json:"ext,omitempty"`
	Silent bool   `json:"silent,omitempty"` // the program of other devices need not be told
}

// Counters of unread messages by class.
type Counters struct {
	Always        uint64 `json:"always,omitempty"`
	Notifications uint64 `json:"notifications,omitempty"`
	MissedCalls   uint64 `json:"missed_calls,omitempty"`
}

// Heads asks for what changed since a cursor of an earlier answer; "": all.
type Heads struct {
	Cursor string `json:"cursor,omitempty"`
	Page   string `json:"page,omitempty"` // of the answer before, where more was true
	Limit  int    `json:"limit,omitempty"`
}

// HeadsPage answers Heads. The cursor holds once the last page is stored.
type HeadsPage struct {
	Epoch  uint64 `json:"epoch"`
	Heads  []Head `json:"heads"`
	More   bool   `json:"more,omitempty"`
	Page   string `json:"page,omitempty"`
	Cursor string `json:"cursor"`
	Reset  bool   `json:"reset,omitempty"` // the cursor given was of another epoch: everything is told
}

// Pull asks for entries with from <= seq <= to; 0 leaves an end open. Without
// Newest they come from the lowest seq upwards, with it from the highest down.
// Limit counts visible messages.
type Pull struct {
	Conversation string `json:"conversation"`
	From         uint64 `json:"from,omitempty"`
	To           uint64 `json:"to,omitempty"`
	Newest       bool   `json:"newest,omitempty"`
	Limit        int    `json:"limit,omitempty"`
	For          string `json:"for,omitempty"` // default catchup
}

// Pulled answers a Pull. Entries rise in seq. Low and High are the ends of what
// was looked at, every number between is in Entries; More says that the asked
// range goes on beyond.
type Pulled struct {
	Epoch   uint64  `json:"epoch"`
	Entries []Entry `json:"entries"`
	Low     uint64  `json:"low"`
	High    uint64  `json:"high"`
	Floor   uint64  `json:"floor,omitempty"` // nothing below this number is kept
	More    bool    `json:"more,omitempty"`
}

// Read moves the read mark of a conversation forward. The answer is the Head as
// it is afterwards.
type Read struct {
	Conversation string `json:"conversation"`
	Seq          uint64 `json:"seq"`
	Silent       bool   `json:"silent,omitempty"`       // no receipt for the peer
	ReceiptOnly  bool   `json:"receipt_only,omitempty"` // the mark stays, the peer has its receipt
}

// Resync says that pushes may have been lost: of one conversation, or of any.
type Resync struct {
	Conversation string `json:"conversation,omitempty"`
}

// Limits that a server holds its clients to; in Hello. 0: not told.
type Limits struct {
	TextChars   int `json:"text_chars,omitempty"`    // of body, in characters
	MsgBytes    int `json:"message_bytes,omitempty"` // of one message on the wire
	SendBatch   int `json:"send_batch,omitempty"`
	PullLimit   int `json:"pull_limit,omitempty"`
	ExtBytes    int `json:"server_ext_bytes,omitempty"`
	RecallMS    int `json:"recall_ms,omitempty"`
	SendsPerSec int `json:"sends_per_second,omitempty"`
}

// History asks for messages by time, type and text; those that who asks can see,
// and no stubs.
type History struct {
	Conversation string `json:"conversation"`
	FromMS       int64  `json:"from_ms,omitempty"` // included; 0: open
	ToMS         int64  `json:"to_ms,omitempty"`   // included; 0: open
	Known        uint64 `json:"known,omitempty"`   // server_msg_id of a message at the end where the page begins, which is left out
	OldestFirst  bool   `json:"oldest_first,omitempty"`
	Limit        int    `json:"limit,omitempty"`
	Types        []int  `json:"types,omitempty"`
	Exclude      bool   `json:"exclude,omitempty"` // all but types
	Text         string `json:"text,omitempty"`    // a piece of the text, or of the file's name
	At           uint64 `json:"at,omitempty"`      // next of the answer before
}

// HistoryPage answers a History, in the order asked for.
type HistoryPage struct {
	Epoch   uint64  `json:"epoch"`
	Entries []Entry `json:"entries"`
	Next    uint64  `json:"next,omitempty"` // where it goes on; 0: that is all
}

// Pin keeps a conversation on top on all devices of the account, or ends that.
type Pin struct {
	Conversation string `json:"conversation"`
	Off          bool   `json:"off,omitempty"`
	Ext          string `json:"ext,omitempty"`
}

// Clear deletes the history of a conversation for the account.
type Clear struct {
	Conversation string `json:"conversation"`
	Ext          string `json:"ext,omitempty"`
	Silent       bool   `json:"silent,omitempty"`
}

// Delete deletes up to 100 messages for the account.
type Delete struct {
	Conversation string       `json:"conversation"`
	Messages     []DeleteItem `json:"messages"`
}

// DeleteItem names one.
type DeleteItem struct {
	Sender      string `json:"sender"`
	ClientMsgID string `json:"client_msg_id"`
	Ext         string `json:"ext,omitempty"`
}

// Deleted asks for what was deleted after a Deletion.
type Deleted struct {
	Conversation string `json:"conversation"`
	After        uint64 `json:"after,omitempty"`
}

// DeletedPage answers it, in the order of deletion.
type DeletedPage struct {
	Deletions []Deletion `json:"deletions"`
	More      bool       `json:"more,omitempty"`
}

// A Deletion is one message that the account deleted for itself.
type Deletion struct {
	ID uint64 `json:"id"`
	DeleteItem
	Seq uint64 `json:"seq"`
}
