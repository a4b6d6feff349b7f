package message

import (
	"strconv"

	"github.com/tidwall/gjson"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/store"
	"github.com/libnim/libnim/internal/abi"
)

// Flags of a row that only the engine sets.
const (
	FlagHere       store.MessageFlags = 1 << (8 + iota) // written on this device: never told as received
	FlagCounts                                          // the server counts it as unread
	FlagQuiet                                           // is_update_session false: it does not touch the item of the list
	FlagDropped                                         // a filter of the host dropped it
	FlagUntold                                          // received under another epoch, and not told
	FlagKnown                                           // told under another epoch
	FlagDeleted                                         // deleted here, with FlagGone
	FlagRevertible                                      // with FlagDeleted: a query of the server may bring it back
	FlagRecall                                          // no message: it tells that one was recalled; with FlagGone
	FlagRecalled                                        // it was taken back, on the server too; with FlagGone
)

func appendSettings(b []byte, set backend.Settings) []byte {
	for _, s := range settings {
		if set&s.bit != 0 {
			b = append(abi.AppendKey(b, s.key), s.text...)
		}
	}
	return b
}

// withBody closes a content, which is open, and says what a search looks through:
// a text's body, which then need not stand in the content, or a file's name.
func withBody(content []byte, kind int, body string) (closed []byte, searched string) {
	switch {
	case kind == TypeText:
		return append(content, '}'), body
	case kind == TypeFile:
		attach := gjson.GetBytes(append(content[:len(content):len(content)], '}'), "msg_attach").String()
		searched = gjson.Get(attach, "name").String()
	}
	if body != "" {
		content = appendText(content, "msg_body", body)
	}
	return append(content, '}'), searched
}

// FromEntry is the row of an entry. read is the read mark of its conversation.
func FromEntry(self string, c backend.Conv, e *backend.Entry, read uint64) *store.Message {
	m := &store.Message{
		Key: store.Key{Conversation: c.Name(), Sender: e.Sender, ClientID: e.ClientID},
		Seq: int64(e.Seq), ServerID: int64(e.ServerID), Time: e.Time.UnixMilli(), Type: int32(e.Type),
		Status: store.StatusUnread,
	}
	switch {
	case e.Sender == self:
		m.Status = store.StatusSent
	case e.Seq <= read:
		m.Status = store.StatusRead
	}
	if e.Type == TypeAudio && e.Sender != self {
		m.SubStatus = audioNotPlayed
	}
	if e.Sender != self && e.Settings&(backend.NoBadge|backend.NoUpdateSession|backend.NoOffline) == 0 {
		m.Flags |= FlagCounts
	}
	if e.Settings&backend.NoUpdateSession != 0 {
		m.Flags |= FlagQuiet
	}
	if e.Recalled != nil {
		m.Flags |= store.FlagGone | FlagRecalled
		m.Content = []byte("{}")
		return m
	}
	b := []byte{'{'}
	if gjson.ValidBytes(e.Content) {
		gjson.ParseBytes(e.Content).ForEach(func(key, v gjson.Result) bool {
			k := key.String()
			switch r := roles[k]; r {
			case column, local, setting: // no sender decides these here
			case free:
				b = appendMember(b, k, v)
			default:
				b = appendKnown(b, k, r, v)
			}
			return true
		})
	}
	m.SubType = int32(gjson.GetBytes(e.Content, "msg_sub_type").Int())
	b = appendSettings(b, e.Settings)
	if e.SenderType != 0 {
		b = strconv.AppendInt(abi.AppendKey(b, "from_client_type"), int64(e.SenderType), 10)
	}
	if e.SenderDev != "" {
		b = appendText(b, "from_device_id", e.SenderDev)
	}
	if e.SenderNick != "" {
		b = appendText(b, "from_nick", e.SenderNick)
	}
	m.Content, m.Text = withBody(b, e.Type, e.Body)
	return m
}

// Append appends the object of the ABI. self is the account whose store it is.
func Append(b []byte, m *store.Message, self string) []byte {
	c, _ := backend.ConvOf(m.Conversation)
	to := c.ID
	if c.Kind == backend.P2P && m.Sender != self {
		to = self
	}
	b = append(b, '{')
	b = appendInt(b, "to_type", int64(c.Kind))
	b = appendText(b, "to_accid", to)
	b = appendText(b, "from_id", m.Sender)
	b = appendInt(b, "time", m.Time)
	b = appendInt(b, "msg_type", int64(m.Type))
	if m.Type == TypeText {
		b = appendText(b, "msg_body", m.Text)
	}
	b = appendText(b, "client_msg_id", m.ClientID)
	b = appendInt(b, "server_msg_id", m.ServerID)
	b = appendText(b, "talk_id", c.ID)
	b = appendText(b, "res_id", m.ClientID)
	b = appendInt(b, "log_status", int64(m.Status))
	b = appendInt(b, "log_sub_status", int64(m.SubStatus))
	for _, key := range []string{"msg_body", "msg_attach", "local_res_path"} { // programs do without no text
		if (key != "msg_body" || m.Type != TypeText) && !gjson.GetBytes(m.Content, key).Exists() {
			b = appendText(b, key, "")
		}
	}
	if n := len(m.Content); n > 2 {
		b = append(append(b, ','), m.Content[1:n-1]...)
	}
	return append(b, '}')
}

func appendInt(b []byte, key string, n int64) []byte {
	return strconv.AppendInt(abi.AppendKey(b, key), n, 10)
}

// Body and Attach are the texts of a row that the list of sessions shows.
func Body(m *store.Message) string {
	if m.Type == TypeText {
		return m.Text
	}
	return gjson.GetBytes(m.Content, "msg_body").String()
}

// Attach is the attachment of a row.
func Attach(m *store.Message) string { return gjson.GetBytes(m.Content, "msg_attach").String() }

// SetLocalExt gives a stored content another local_ext; "" takes it away.
func SetLocalExt(content []byte, ext string) []byte {
	b := []byte{'{'}
	gjson.ParseBytes(content).ForEach(func(key, v gjson.Result) bool {
		if k := key.String(); k != "local_ext" {
			b = append(abi.AppendKey(b, k), v.Raw...)
		}
		return true
	})
	if ext != "" {
		b = appendText(b, "local_ext", ext)
	}
	return append(b, '}')
}
