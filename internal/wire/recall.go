package wire

// Requests about messages that were sent.
const (
	OpRecall Op = "recall" // Recall -> RecallDone
)

// Recall takes back a message that the account sent.
type Recall struct {
	Conversation string `json:"conversation"`
	ClientMsgID  string `json:"client_msg_id"`
	RecallSaid
}

// RecallSaid is what who recalls says of it; it travels to everybody who had the
// message.
type RecallSaid struct {
	Notify  string `json:"notify,omitempty"`       // shown in place of the message
	Attach  string `json:"attach,omitempty"`       // of the app
	Push    string `json:"push_content,omitempty"` // text of a mobile push
	Payload string `json:"push_payload,omitempty"` // JSON text of it
	Env     string `json:"env_config,omitempty"`   // of the app's webhook
}

// RecallDone answers a Recall.
type RecallDone struct {
	Seq       uint64 `json:"seq"`                // of the recall's own entry
	TimeMS    int64  `json:"time_ms"`            // of it
	MsgTimeMS int64  `json:"message_time_ms"`    // of the message
	Repeated  bool   `json:"repeated,omitempty"` // it was recalled before
	Ext       string `json:"callback_ext,omitempty"`
}

// Target is what an entry of the kind recall takes back.
type Target struct {
	Seq         uint64 `json:"seq"`
	Sender      string `json:"sender"`
	ClientMsgID string `json:"client_msg_id"`
	ServerMsgID uint64 `json:"server_msg_id"`
	TimeMS      int64  `json:"time_ms"`
	RecallSaid
}
