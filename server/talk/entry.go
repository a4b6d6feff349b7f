package talk

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"

	"github.com/tidwall/gjson"

	"github.com/libnim/libnim/internal/wire"
)

// tail is what of an entry is stored as its body: the last keys of wire.Entry,
// from the sender on. An entry on the wire is what the server says of it, with
// the stored bytes behind.
type tail struct {
	SenderType int    `json:"sender_client_type,omitempty"`
	SenderDev  string `json:"sender_device_id,omitempty"`
	SenderNick string `json:"sender_nick,omitempty"`
	wire.Message
}

func (t tail) encode() ([]byte, error) { return encoded(t) }

func encoded(body any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(body); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

var kindNames = map[int64]string{
	kindMessage: wire.KindMessage, kindNotification: wire.KindNotification, kindRecall: wire.KindRecall, kindNotice: wire.KindNotice,
}

// appendEntry appends the entry as it is on the wire.
func appendEntry(b []byte, e *entryRow, sender string, recaller func(int64) string) []byte {
	b = append(b, `{"seq":`...)
	b = strconv.AppendInt(b, e.Seq, 10)
	b = append(b, `,"server_msg_id":`...)
	b = strconv.AppendInt(b, e.ID, 10)
	b = append(b, `,"time_ms":`...)
	b = strconv.AppendInt(b, e.TimeMS, 10)
	b = append(b, `,"kind":"`...)
	b = append(b, kindNames[e.Kind]...)
	b = append(b, `","sender":`...)
	b = strconv.AppendQuote(b, sender) // names are ASCII
	if e.RecalledSeq > 0 {
		b = append(b, `,"recalled":{"seq":`...)
		b = strconv.AppendInt(b, e.RecalledSeq, 10)
		b = append(b, `,"by":`...)
		b = strconv.AppendQuote(b, recaller(e.RecalledBy))
		b = append(b, `,"time_ms":`...)
		b = strconv.AppendInt(b, e.RecalledMS, 10)
		b = append(b, '}')
	}
	if len(e.Body) > 2 { // more than {}
		b = append(b, ',')
		return append(b, e.Body[1:]...)
	}
	return append(b, '}')
}

// appendStub appends an entry that is not for whoever asks.
func appendStub(b []byte, seq, timeMS int64, hidden bool) []byte {
	b = append(b, `{"seq":`...)
	b = strconv.AppendInt(b, seq, 10)
	b = append(b, `,"time_ms":`...)
	b = strconv.AppendInt(b, timeMS, 10)
	b = append(b, `,"stub":true`...)
	if hidden {
		b = append(b, `,"hidden":true`...)
	}
	return append(b, '}')
}

// reader is who asks for entries, and what for.
type reader struct {
	account int64
	device  string
	purpose string // wire.ForCatchup …
	now     time.Time
}

// sees reports whether an entry is more than a stub for the reader.
func (r reader) sees(e *entryRow) bool {
	if e.Sender == r.account && e.Flags&noSync != 0 && gjson.GetBytes(e.Body, "sender_device_id").Str != r.device {
		return false
	}
	switch r.purpose {
	case wire.ForRoam:
		return e.Flags&noRoam == 0
	case wire.ForHistory:
		return e.Flags&noHistory == 0
	default:
		late := r.now.UnixMilli()-e.StoredMS > offlineTime.Milliseconds()
		return e.Flags&noOffline == 0 || e.Sender == r.account || !late
	}
}

// isShown reports whether an entry counts against a limit and may be a last
// message: stubs and what only says that something else changed do not.
func isShown(e *entryRow) bool {
	return (e.Kind == kindMessage || e.Kind == kindNotification) && e.RecalledSeq == 0
}

// flagsOf returns the flags of a message.
func flagsOf(s wire.Settings) (flags int64) {
	for _, f := range []struct {
		setting *int
		flag    int64
	}{
		{s.History, noHistory}, {s.Roam, noRoam}, {s.Sync, noSync}, {s.Offline, noOffline},
		{s.Badge, noBadge}, {s.UpdateSession, noUpdateSession}, {s.Push, noPush}, {s.Route, noRoute},
	} {
		if f.setting != nil && *f.setting == 0 {
			flags |= f.flag
		}
	}
	return flags
}

// countedAs adds to the flags of an entry what it counts as unread as.
func countedAs(kind, flags int64) int64 {
	if flags&(noBadge|noUpdateSession|noOffline) != 0 || kind != kindMessage && kind != kindNotification {
		return flags
	}
	flags |= counted
	if kind == kindNotification {
		flags |= notified
	}
	return flags
}
