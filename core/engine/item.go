package engine

import (
	"strconv"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/message"
	"github.com/libnim/libnim/core/store"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// Commands of session changes, NIMSessionCommand.
const (
	commandAdd                    = 0
	commandRemove                 = 1
	commandRemoveAll              = 2
	commandRemoveAllP2P           = 3
	commandRemoveAllTeam          = 4
	commandMsgDeleted             = 5
	commandAllMsgDeleted          = 6
	commandAllP2PMsgDeleted       = 7
	commandAllTeamMsgDeleted      = 8
	commandUpdate                 = 9
	commandRemoveAllSuperTeam     = 10
	commandAllSuperTeamMsgDeleted = 11
)

// appendItem appends the conversation as an item of the list; command -1 is none.
// The time is never lower than one that was told.
func (c *conv) appendItem(b []byte, command int) []byte {
	return c.appendItemWith(b, command, c.row.Last)
}

// appendItemWith is appendItem with a last message of the caller's choice.
func (c *conv) appendItemWith(b []byte, command int, l *store.Message) []byte {
	b = append(b, '{')
	b = appendText(b, "id", c.of.ID)
	b = appendInt(b, "type", int64(c.of.Kind))
	b = appendInt(b, "unread_count", c.row.Unread.Total())
	if command >= 0 {
		b = appendInt(b, "command", int64(command))
	}
	at := max(c.shown, c.row.LastTime)
	if l != c.row.Last && l != nil || command == commandMsgDeleted { // which may be lower
		at = 0
		if l != nil {
			at = l.Time
		}
	}
	if l != nil {
		b = appendText(b, "msg_client_id", l.ClientID)
		b = appendText(b, "msg_from_account", l.Sender)
		b = appendInt(b, "msg_time", at)
		b = appendInt(b, "msg_type", int64(l.Type))
		b = appendText(b, "msg_body", message.Body(l))
		b = appendText(b, "msg_attach", message.Attach(l))
		b = appendInt(b, "msg_status", int64(l.Status))
		b = appendInt(b, "msg_sub_status", int64(l.SubStatus))
	} else {
		b = appendText(b, "msg_client_id", "")
		b = appendText(b, "msg_from_account", "")
		b = appendInt(b, "msg_time", at)
		b = appendInt(b, "msg_type", message.TypeUnknown)
		b = appendText(b, "msg_body", "")
		b = appendText(b, "msg_attach", "")
		b = appendInt(b, "msg_status", 0)
		b = appendInt(b, "msg_sub_status", 0)
	}
	b = appendBool(b, "last_updated_msg", true)
	b = appendBool(b, "top", c.row.Flags&store.FlagTop != 0)
	b = appendText(b, "extend_data", c.row.Data)
	b = appendBool(b, "robot_session", false)
	b = c.appendPin(abi.AppendKey(b, "stick_top_info"))
	return append(b, '}')
}

// appendPin appends how the conversation is pinned. Its times are left out: the
// wrappers read them as 32 bits.
func (c *conv) appendPin(b []byte) []byte {
	b = appendBool(append(b, '{'), "top", c.kept.Pin != nil)
	b = appendText(b, "id", c.of.ID)
	b = appendInt(b, "type", int64(c.of.Kind))
	ext := ""
	if c.kept.Pin != nil {
		ext = c.kept.Pin.Ext
	}
	return append(appendText(b, "ext", ext), '}')
}

// appendUnknown appends the item of a conversation that there is not.
func appendUnknown(b []byte, of backend.Conv, command int) []byte {
	c := conv{of: of}
	return c.appendItem(b, command)
}

// tellAllCommand posts one change of many items.
func (a *account) tellAllCommand(command int) {
	a.post(abi.OnSessionChange(int(nimerr.OK.Code), abi.Raw(appendUnknown(nil, backend.Conv{}, command)), int(a.total), nil))
}

// tellChange posts the present state of the conversation, if it is on the list.
func (c *conv) tellChange() {
	if !c.listed() {
		return
	}
	if c.lowered {
		c.tellCommand(commandMsgDeleted)
		return
	}
	c.tellCommand(commandUpdate)
}

// tellCommand posts a change of another kind, if the conversation is on the list.
func (c *conv) tellCommand(command int) {
	if !c.listed() {
		return
	}
	if !c.known {
		command, c.known = commandAdd, true
	}
	c.post(abi.OnSessionChange(int(nimerr.OK.Code), abi.Raw(c.appendItem(nil, command)), int(c.total), nil))
	c.shown, c.lowered = max(c.shown, c.row.LastTime), false
	c.item = string(c.appendItem(nil, -1))
}

// tellIfChanged posts it unless it is as it was told last.
func (c *conv) tellIfChanged() {
	if c.listed() && c.item != string(c.appendItem(nil, -1)) {
		c.tellChange()
	}
}

func appendText(b []byte, key, value string) []byte {
	return abi.AppendString(abi.AppendKey(b, key), value)
}

func appendInt(b []byte, key string, n int64) []byte {
	return strconv.AppendInt(abi.AppendKey(b, key), n, 10)
}

func appendBool(b []byte, key string, v bool) []byte {
	return strconv.AppendBool(abi.AppendKey(b, key), v)
}
