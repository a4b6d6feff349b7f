package backend

import "time"

// Recall takes back a message that the account sent -> RecallDone.
type Recall struct {
	Conv     Conv
	ClientID string
	Said     RecallSaid
}

// RecallSaid is what who recalls says of it; it travels.
type RecallSaid struct {
	Notify  string // shown in place of the message
	Attach  string
	Push    string // text of a mobile push
	Payload string // of it, JSON
	Env     string
}

// RecallDone answers a Recall.
type RecallDone struct {
	Seq         uint64 // of the recall's own entry
	Time        time.Time
	MessageTime time.Time
	Ext         string // callback_ext of the app's webhook
}

// A Target is what an entry of KindRecall takes back.
type Target struct {
	Seq      uint64
	Sender   string
	ClientID string
	ServerID uint64
	Time     time.Time
	RecallSaid
}
