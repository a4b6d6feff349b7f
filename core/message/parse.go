package message

import (
	"unicode/utf8"

	"github.com/tidwall/gjson"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/core/store"
	"github.com/libnim/libnim/internal/nimerr"
)

// A Draft is a message as a program gives it.
type Draft struct {
	Conv   backend.Conv
	Wire   backend.Message // what is sent
	Sender string          // "": not given
	Row    store.Message   // without Sender, Seq; Status and Time as given
}

// Parse reads a message object. An error is of the kind UnreadableMessage and
// names the key; the draft then has what names the message, for its result.
func Parse(text string) (*Draft, *nimerr.Error) { return parse(text, "") }

// ParseStored reads a message that is only stored. talk is the session it belongs
// to, where the message may name anybody as its receiver; "" leaves that to it.
func ParseStored(text, talk string) (*Draft, *nimerr.Error) { return parse(text, talk) }

// SetClientID names a message that came without a name.
func (d *Draft) SetClientID(id string) { d.Wire.ClientID, d.Row.ClientID = id, id }

func parse(text, talk string) (*Draft, *nimerr.Error) {
	d := &Draft{Conv: backend.Conv{Kind: -1}, Wire: backend.Message{Type: -1}}
	if !gjson.Valid(text) {
		return d, nimerr.UnreadableMessage.New("want a JSON object, got what is no JSON")
	}
	v := gjson.Parse(text)
	if !v.IsObject() {
		return d, nimerr.UnreadableMessage.New("want a JSON object, got another value")
	}
	p := parser{Draft: d, wire: []byte{'{'}, local: []byte{'{'}}
	v.ForEach(func(key, value gjson.Result) bool {
		p.member(key.String(), value)
		return true
	})
	if talk != "" {
		d.Conv.ID = talk
	}
	return d, p.finish()
}

type parser struct {
	*Draft
	talk        string // talk_id
	wire, local []byte
	err         *nimerr.Error // the first
}

// member takes one key of the object.
func (p *parser) member(key string, v gjson.Result) {
	if v.Type == gjson.Null {
		return
	}
	switch r := roles[key]; r {
	case column:
		p.column(key, v)
	case setting:
		p.setting(key, v)
	case local:
		p.local = appendMember(p.local, key, v)
	case free:
		p.both(func(b []byte) []byte { return appendMember(b, key, v) })
	default:
		if want := wanted(r, v); want != "" {
			p.bad(key, want, v)
			return
		}
		if key == "msg_sub_type" {
			p.Row.SubType = int32(v.Int())
		}
		if key == "msg_attach" && v.String() == "" || key == "thread_info" && noReply(v) {
			return
		}
		p.both(func(b []byte) []byte { return appendKnown(b, key, r, v) })
	}
}

// wanted says what a value of that role should have been; "": it is right.
func wanted(r role, v gjson.Result) string {
	switch r {
	case text:
		if v.Type != gjson.String {
			return "a string"
		}
	case number:
		if v.Type == gjson.Number && !integral(v.Num) || v.Type == gjson.String || v.Type == gjson.JSON {
			return "an integer"
		}
	case object:
		if !v.IsObject() {
			return "an object"
		}
	}
	return ""
}

// noReply says whether a thread_info holds nothing but empty texts and zeros, as
// the C++ wrapper puts it into every message.
func noReply(v gjson.Result) bool {
	empty := true
	v.ForEach(func(_, value gjson.Result) bool {
		switch value.Type {
		case gjson.String:
			empty = value.Str == ""
		case gjson.Number:
			empty = value.Num == 0
		case gjson.JSON, gjson.True:
			empty = false
		}
		return empty
	})
	return empty
}

func (p *parser) both(add func([]byte) []byte) { p.wire, p.local = add(p.wire), add(p.local) }

func (p *parser) column(key string, v gjson.Result) {
	switch key {
	case "to_type":
		p.Conv.Kind = backend.ConvKind(p.integer(key, v))
	case "to_accid":
		p.Conv.ID = p.text(key, v)
	case "from_id":
		p.Sender = p.text(key, v)
	case "talk_id":
		p.talk = p.text(key, v)
	case "time":
		p.Row.Time = p.integer(key, v)
	case "msg_type":
		p.Wire.Type = int(p.integer(key, v))
	case "msg_body":
		p.Wire.Body = p.text(key, v)
	case "client_msg_id":
		p.Wire.ClientID = p.text(key, v)
	case "log_status":
		p.Row.Status = int32(p.integer(key, v))
	case "log_sub_status":
		p.Row.SubStatus = int32(p.integer(key, v))
	case "server_msg_id":
		p.Row.ServerID = p.integer(key, v)
	}
}

func (p *parser) text(key string, v gjson.Result) string {
	if v.Type != gjson.String {
		p.bad(key, "a string", v)
	}
	return v.String()
}

func (p *parser) integer(key string, v gjson.Result) int64 {
	if v.Type != gjson.Number || v.Num != float64(int64(v.Num)) {
		p.bad(key, "an integer", v)
	}
	return v.Int()
}

// setting takes a switch: 0, 1 or a boolean.
func (p *parser) setting(key string, v gjson.Result) {
	on := v.Type == gjson.True || v.Type == gjson.Number && v.Num != 0
	if !on && v.Type != gjson.False && v.Type != gjson.Number {
		p.bad(key, "0 or 1", v)
		return
	}
	for _, s := range settings {
		if s.key != key {
			continue
		}
		p.Wire.Settings &^= s.bit
		if on == (s.bit == backend.Routable) {
			p.Wire.Settings |= s.bit
		}
	}
}

func (p *parser) bad(key, want string, got gjson.Result) {
	if p.err == nil {
		p.err = nimerr.UnreadableMessage.Newf("%s: want %s, got %s", key, want, nimerr.Clip(got.Raw, 40))
	}
}

// finish checks what must be there and builds the row.
func (p *parser) finish() *nimerr.Error {
	d := p.Draft
	d.Row.ClientID, d.Row.Type = d.Wire.ClientID, int32(d.Wire.Type)
	if d.Conv.Kind == -1 && p.err == nil {
		p.err = nimerr.UnreadableMessage.New("to_type: want 0, 1 or 5, got none")
	}
	if d.Wire.Type == -1 && p.err == nil {
		p.err = nimerr.UnreadableMessage.New("msg_type: want the type of the message, got none")
	}
	if d.Conv.ID == "" {
		d.Conv.ID = p.talk
	}
	if p.err != nil {
		return p.err
	}
	switch d.Conv.Kind {
	case backend.P2P, backend.Team, backend.SuperTeam:
	default:
		return nimerr.UnreadableMessage.Newf("to_type: want 0, 1 or 5, got %d", d.Conv.Kind)
	}
	if d.Conv.ID == "" {
		return nimerr.UnreadableMessage.New("to_accid: want the receiver, got none")
	}
	if d.Wire.Type < 0 || d.Wire.Type >= TypeUnknown {
		return nimerr.UnreadableMessage.Newf("msg_type: want 0 to %d, got %d", TypeUnknown-1, d.Wire.Type)
	}
	if len(p.wire) > 1 {
		d.Wire.Content = append(p.wire, '}')
	}
	d.Row.Conversation = d.Conv.Name()
	content := appendSettings(p.local, d.Wire.Settings)
	d.Row.Content, d.Row.Text = withBody(content, d.Wire.Type, d.Wire.Body)
	return nil
}

// CheckLimits says whether a server would take the message. 0 is no limit.
func (d *Draft) CheckLimits(l backend.Limits) *nimerr.Error {
	if n := len(d.Wire.ClientID); n > maxClientID {
		return nimerr.InvalidArgument.Newf("client_msg_id: want at most %d bytes, got %d", maxClientID, n)
	}
	if n := utf8.RuneCountInString(d.Wire.Body); l.TextChars > 0 && n > l.TextChars {
		return nimerr.InvalidArgument.Newf("msg_body: want at most %d characters, got %d", l.TextChars, n)
	}
	if n := len(gjson.GetBytes(d.Wire.Content, "server_ext").String()); l.ExtBytes > 0 && n > l.ExtBytes {
		return nimerr.InvalidArgument.Newf("server_ext: want at most %d bytes, got %d", l.ExtBytes, n)
	}
	if n := len(d.Wire.Body) + len(d.Wire.Content); l.MsgBytes > 0 && n > l.MsgBytes {
		return nimerr.InvalidArgument.Newf("the message: want at most %d bytes, got %d", l.MsgBytes, n)
	}
	return nil
}

// maxClientID is how long a client_msg_id may be, in bytes.
const maxClientID = 64
