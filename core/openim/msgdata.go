package openim

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"time"

	"github.com/libnim/libnim/core/backend"
)

// A msgData is what this library reads of sdkws.MsgData, and writes.
type msgData struct {
	sendID, recvID, groupID string
	clientID, serverID      string
	platform                int
	nick                    string
	session, from, kind     int // sessionType, msgFrom, contentType
	content                 []byte
	seq                     uint64
	sendTime, createTime    int64 // ms
	status                  int
	options                 map[string]bool
	ex                      string
}

// Values of MsgData.
const (
	sessionSingle = 1
	sessionGroup  = 3
	fromUser      = 100
	kindText      = 101
	kindCustom    = 110
	kindRevoked   = 2101
	statusGone    = 4 // a placeholder, or deleted
	firstNotice   = 1000
	lastNotice    = 5000
)

// encode is sdkws.MsgData as a client sends it. A sendTime would be kept by the
// server, so there is none.
func (m *msgData) encode() []byte {
	text := func(b []byte, num uint64, s string) []byte {
		if s == "" {
			return b
		}
		return appendString(b, num, s)
	}
	b := text(nil, 1, m.sendID)
	b = text(b, 2, m.recvID)
	b = text(b, 3, m.groupID)
	b = text(b, 4, m.clientID)
	b = appendInt(b, 6, m.platform)
	b = text(b, 7, m.nick)
	b = appendInt(b, 9, m.session)
	b = appendInt(b, 10, m.from)
	b = appendInt(b, 11, m.kind)
	b = appendString(b, 12, string(m.content))
	b = binary.AppendUvarint(b, 16<<3|wireVarint)
	b = binary.AppendUvarint(b, uint64(m.createTime))
	for _, key := range optionKeys {
		if on, given := m.options[key]; given {
			e := appendString(nil, 1, key)
			if on {
				e = appendInt(e, 2, 1)
			}
			b = appendString(b, 19, string(e))
		}
	}
	return text(b, 23, m.ex)
}

// readMsgData reads sdkws.MsgData.
func readMsgData(data []byte) (*msgData, error) {
	m := &msgData{}
	texts := map[uint64]*string{1: &m.sendID, 2: &m.recvID, 3: &m.groupID, 4: &m.clientID, 5: &m.serverID, 7: &m.nick, 23: &m.ex}
	numbers := map[uint64]*int{6: &m.platform, 9: &m.session, 10: &m.from, 11: &m.kind, 17: &m.status}
	err := fields(data, func(f field) error {
		switch {
		case f.wire == wireBytes && texts[f.num] != nil:
			*texts[f.num] = string(f.bytes)
		case f.wire == wireBytes && f.num == 12:
			m.content = append([]byte{}, f.bytes...)
		case f.wire == wireBytes && f.num == 19:
			key, on, err := readOption(f.bytes)
			if m.options == nil {
				m.options = map[string]bool{}
			}
			m.options[key] = on
			return err
		case f.wire == wireVarint && numbers[f.num] != nil:
			*numbers[f.num] = int(int32(f.number))
		case f.wire == wireVarint && f.num == 14:
			m.seq = f.number
		case f.wire == wireVarint && f.num == 15:
			m.sendTime = int64(f.number)
		case f.wire == wireVarint && f.num == 16:
			m.createTime = int64(f.number)
		}
		return nil
	})
	return m, err
}

func readOption(data []byte) (key string, on bool, err error) {
	err = fields(data, func(f field) error {
		switch {
		case f.num == 1 && f.wire == wireBytes:
			key = string(f.bytes)
		case f.num == 2 && f.wire == wireVarint:
			on = f.number != 0
		}
		return nil
	})
	return key, on, err
}

// Options of OpenIM, in the order in which they are written, and the setting
// that each one is. Absent means true. senderSync and history stay as they are:
// a message without the own push, or without a number, could not be confirmed.
var optionKeys = []string{"offlinePush", "unreadCount", "conversationUpdate"}

var optionOf = map[string]backend.Settings{
	"offlinePush": backend.NoPush, "unreadCount": backend.NoBadge, "conversationUpdate": backend.NoUpdateSession,
}

// Elements of the content kinds that are read and written.
type (
	textElem struct {
		Content string `json:"content"`
	}
	customElem struct {
		Data        string `json:"data"`
		Description string `json:"description"`
		Extension   string `json:"extension"`
	}
)

// rest is what the content of a message holds besides type and body, with the
// names of the NIM ABI.
type rest struct {
	Attach    string `json:"msg_attach,omitempty"`
	ServerExt string `json:"server_ext,omitempty"`
}

// NIM message types that OpenIM's kinds are mapped to.
const (
	typeText   = 0
	typeCustom = 100
)

// outgoing is a message as OpenIM stores it; false: this backend has no form
// for its type.
func outgoing(m *backend.Message, now time.Time) (*msgData, bool) {
	var r rest
	if len(m.Content) > 0 && json.Unmarshal(m.Content, &r) != nil {
		return nil, false
	}
	d := &msgData{clientID: m.ClientID, from: fromUser, createTime: now.UnixMilli()}
	switch m.Type {
	case typeText:
		d.kind, d.content, d.ex = kindText, elem(textElem{m.Body}), r.ServerExt
	case typeCustom:
		d.kind, d.content = kindCustom, elem(customElem{r.Attach, m.Body, r.ServerExt})
	default:
		return nil, false
	}
	for key, setting := range optionOf {
		if m.Settings&setting != 0 {
			if d.options == nil {
				d.options = map[string]bool{}
			}
			d.options[key] = false
		}
	}
	return d, true
}

func elem(v any) []byte {
	b, _ := json.Marshal(v) // strings only
	return b
}

// entry is what the engine gets of a stored message.
func (m *msgData) entry() backend.Entry {
	e := backend.Entry{
		Seq: m.seq, ServerText: m.serverID, ServerID: numberOf(m.serverID), Time: time.UnixMilli(m.sendTime),
		Sender: m.sendID, SenderType: clientType(m.platform), SenderDev: deviceID(m.platform), SenderNick: m.nick,
	}
	e.ClientID = m.clientID
	for key, setting := range optionOf {
		if on, given := m.options[key]; given && !on {
			e.Settings |= setting
		}
	}
	switch {
	case m.status == statusGone || m.clientID == "":
		return backend.Entry{Seq: m.seq, Time: e.Time, Stub: true, Hidden: m.status == statusGone}
	case m.kind == kindRevoked:
		e.Recalled = revokedBy(m.content)
		return e
	case m.from != fromUser || m.kind >= firstNotice && m.kind <= lastNotice:
		// Anybody can send what looks like a notice, so it is nothing to act on.
		return backend.Entry{Seq: m.seq, Time: e.Time, Stub: true}
	case m.kind == kindText:
		var t textElem
		if json.Unmarshal(m.content, &t) != nil {
			t.Content = string(m.content)
		}
		e.Type, e.Body, e.Content = typeText, t.Content, content(rest{ServerExt: m.ex})
	case m.kind == kindCustom:
		var c customElem
		if json.Unmarshal(m.content, &c) != nil {
			c.Data = string(m.content)
		}
		e.Type, e.Body, e.Content = typeCustom, c.Description, content(rest{Attach: c.Data, ServerExt: c.Extension})
	default: // whole, for a program that knows OpenIM's elements
		whole := elem(struct {
			Kind    int    `json:"openim_content_type"`
			Content string `json:"content"`
		}{m.kind, string(m.content)})
		e.Type, e.Content = typeCustom, content(rest{Attach: string(whole), ServerExt: m.ex})
	}
	return e
}

func content(r rest) []byte {
	if r == (rest{}) {
		return nil
	}
	return elem(r)
}

// revokedBy reads who revoked a message, from what a pull gives in its place.
func revokedBy(text []byte) *backend.Recalled {
	var outer struct {
		Detail string `json:"detail"`
	}
	var detail struct {
		RevokerID  string `json:"revokerID"`
		RevokeTime int64  `json:"revokeTime"`
	}
	if json.Unmarshal(text, &outer) == nil {
		_ = json.Unmarshal([]byte(outer.Detail), &detail) // without it nobody is named
	}
	return &backend.Recalled{By: detail.RevokerID, Time: time.UnixMilli(detail.RevokeTime)}
}

// numberOf makes a number of the server's text id: 53 bits of its SHA-256, so
// that a JavaScript host reads it as it is.
func numberOf(id string) uint64 {
	if id == "" {
		return 0
	}
	sum := sha256.Sum256([]byte(id))
	return binary.BigEndian.Uint64(sum[:8]) >> 11
}
