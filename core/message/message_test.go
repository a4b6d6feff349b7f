package message

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/nimerr"
)

func parsed(t *testing.T, text string) *Draft {
	t.Helper()
	d, err := Parse(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return d
}

// The longest form that the C++ wrapper writes, with a key that nobody knows.
const wrapper = `{"client_msg_id":"c1","from_id":"alice","local_ext":"{}","local_res_path":"","log_status":4,"log_sub_status":0,
 "msg_attach":"","msg_body":"你好 🙂","msg_sub_type":7,"msg_type":0,"push_need_badge":0,"is_update_session":false,"anti_spam_using_yidun":1,
 "res_id":"","server_ext":"{\"a\":1}\n","server_msg_id":0,"talk_id":"","time":1764500000000,"to_accid":"bob","to_type":0,
 "thread_info":{"reply_msg_from_account":"","reply_msg_time":0},"x_new": { "deep" : [1, 2.50, "\ud83d\ude42", null] }, "none":null}
`

func TestParseKeepsEveryKey(t *testing.T) {
	d := parsed(t, wrapper)
	want := `{"msg_sub_type":7,"anti_spam_using_yidun":1,"server_ext":"{\"a\":1}\n","x_new":{"deep":[1,2.50,"🙂",null]}}`
	if string(d.Wire.Content) != want {
		t.Errorf("sent content %s\nwant %s", d.Wire.Content, want)
	}
	if w := d.Wire; w.ClientID != "c1" || w.Body != "你好 🙂" || w.Type != 0 || w.Settings != backend.NoBadge|backend.NoUpdateSession {
		t.Errorf("%+v", w)
	}
	if d.Conv != (backend.Conv{Kind: backend.P2P, ID: "bob"}) || d.Sender != "alice" || d.Row.Time != 1764500000000 || d.Row.Status != 4 {
		t.Errorf("%+v", d)
	}
	d.Row.Sender = "alice"
	out := gjson.ParseBytes(Append(nil, &d.Row, "alice"))
	for key, raw := range map[string]string{
		"to_accid": `"bob"`, "talk_id": `"bob"`, "from_id": `"alice"`, "msg_body": `"你好 🙂"`, "res_id": `"c1"`, "log_status": "4",
		"msg_attach": `""`, "local_ext": `"{}"`, "local_res_path": `""`, "push_need_badge": "0", "is_update_session": "false",
		"x_new": `{"deep":[1,2.50,"🙂",null]}`, "msg_sub_type": "7", "server_msg_id": "0", "time": "1764500000000",
	} {
		if got := out.Get(key).Raw; got != raw {
			t.Errorf("%s: %s, want %s", key, got, raw)
		}
	}
	if !gjson.Valid(out.Raw) || strings.Contains(out.Raw, "\n") || out.Get("thread_info").Exists() {
		t.Errorf("%s", out.Raw)
	}
}

func TestParseNamesTheKey(t *testing.T) {
	base := `"to_type":0,"to_accid":"bob","client_msg_id":"c1"`
	for _, c := range []struct{ text, want string }{
		{``, "JSON"}, {`[]`, "object"}, {`{"msg_type":0` + base, "JSON"}, {`{"msg_type":0}`, "to_type"},
		{`{` + base + `}`, "msg_type"}, {`{"msg_type":"0",` + base + `}`, "msg_type: want an integer"},
		{`{"msg_type":0.5,` + base + `}`, "msg_type"}, {`{"msg_type":1000,` + base + `}`, "msg_type"},
		{`{"msg_type":0,"to_type":2,"to_accid":"x"}`, "to_type"}, {`{"msg_type":0,"to_type":0}`, "to_accid"},
		{`{"msg_type":0,"msg_body":5,` + base + `}`, "msg_body: want a string, got 5"},
		{`{"msg_type":1,"msg_attach":{"url":"x"},` + base + `}`, "msg_attach: want a string"},
		{`{"msg_type":0,"roam_msg":"no",` + base + `}`, "roam_msg: want 0 or 1"},
		{`{"msg_type":0,"thread_info":"x",` + base + `}`, "thread_info: want an object"},
		{`{"msg_type":0,"msg_sub_type":"x",` + base + `}`, "msg_sub_type: want an integer"},
	} {
		d, err := Parse(c.text)
		if !errors.Is(err, nimerr.UnreadableMessage) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.text, err, c.want)
		}
		if strings.HasSuffix(c.text, base+"}") && d.Wire.ClientID != "c1" {
			t.Errorf("%s: the draft is not named", c.text)
		}
	}
	// What the wrappers send is taken: null for a text, the receiver as talk_id only.
	d := parsed(t, `{"msg_type":100,"msg_body":null,"to_type":1,"talk_id":"77","client_msg_id":"c1"}`)
	if d.Conv != (backend.Conv{Kind: backend.Team, ID: "77"}) {
		t.Errorf("%+v", d.Conv)
	}
}

func TestLimits(t *testing.T) {
	l := backend.Limits{TextChars: 3, MsgBytes: 60, ExtBytes: 5}
	for _, c := range []struct{ keys, want string }{
		{`"msg_body":"你好🙂"`, ""}, {`"msg_body":"你好🙂!"`, "msg_body: want at most 3 characters, got 4"},
		{`"server_ext":"123456"`, "server_ext"}, {`"msg_attach":"` + strings.Repeat("x", 60) + `"`, "60 bytes"},
		{`"client_msg_id":"` + strings.Repeat("x", 65) + `"`, "client_msg_id"},
	} {
		d := parsed(t, `{"msg_type":0,"to_type":0,"to_accid":"b",`+c.keys+`}`)
		err := d.CheckLimits(l)
		if (err == nil) != (c.want == "") || err != nil && (!errors.Is(err, nimerr.InvalidArgument) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.keys, err, c.want)
		}
	}
}

// What another client, or another library, sent cannot end a host: known keys
// have their type, columns are not taken from it, half surrogates are replaced.
func TestEntriesOfStrangersAreMadeSafe(t *testing.T) {
	e := &backend.Entry{Seq: 9, ServerID: 77, Time: time.UnixMilli(5), Sender: "bob", SenderType: 4, SenderDev: "d", SenderNick: "Bob",
		Message: backend.Message{ClientID: "c", Type: 6, Body: "b", Settings: backend.NoRoam, Content: []byte(
			`{"msg_attach":{"name":"a.txt"},"server_ext":5,"time":"x","log_status":3,"local_ext":"mine","thread_info":"no",
			"msg_sub_type":"3","team_msg_ack":true,"is_force_push":-1,"push_need_badge":0,"odd":"\ud83d","k":1}`)}}
	m := FromEntry("alice", backend.Conv{Kind: backend.P2P, ID: "bob"}, e, 8)
	out := gjson.ParseBytes(Append(nil, m, "alice"))
	got := map[string]string{}
	out.ForEach(func(k, v gjson.Result) bool {
		if _, twice := got[k.Str]; twice {
			t.Errorf("%s comes twice", k.Str)
		}
		got[k.Str] = v.Raw
		return true
	})
	want := map[string]string{
		"to_type": "0", "to_accid": `"alice"`, "from_id": `"bob"`, "time": "5", "msg_type": "6", "msg_body": `"b"`, "client_msg_id": `"c"`,
		"server_msg_id": "77", "talk_id": `"bob"`, "res_id": `"c"`, "log_status": "1", "log_sub_status": "0", "local_res_path": `""`,
		"msg_attach": `"{\"name\":\"a.txt\"}"`, "server_ext": `"5"`, "team_msg_ack": "1", "odd": `"` + "\ufffd" + `"`, "k": "1",
		"roam_msg": "0", "from_client_type": "4", "from_device_id": `"d"`, "from_nick": `"Bob"`,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v\nwant %v", got, want)
	}
	if m.Text != "a.txt" || m.Flags != FlagCounts {
		t.Errorf("%+v", m)
	}
}

func TestStatusOfEntries(t *testing.T) {
	c := backend.Conv{Kind: backend.P2P, ID: "bob"}
	for _, k := range []struct {
		sender string
		set    backend.Settings
		kind   int
		seq    uint64
		status int32
		counts bool
	}{
		{"bob", 0, 0, 5, 1, true}, {"bob", 0, 0, 4, 2, true}, {"alice", 0, 0, 5, 6, false}, {"bob", backend.NoBadge, 0, 5, 1, false},
		{"bob", backend.NoUpdateSession, 0, 5, 1, false}, {"bob", 0, 2, 5, 1, true},
	} {
		m := FromEntry("alice", c, &backend.Entry{Seq: k.seq, Sender: k.sender, Message: backend.Message{Type: k.kind, Settings: k.set}}, 4)
		if m.Status != k.status || m.Flags&FlagCounts != 0 != k.counts || (m.SubStatus == 20) != (k.kind == 2) {
			t.Errorf("%+v: %+v", k, m)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(wrapper)
	f.Add(`{"to_type":0,"to_accid":"b","msg_type":0,"x":"\ud83d","y":[{"z":"\u0000"}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		d, err := Parse(text)
		if err != nil {
			return
		}
		if out := Append(nil, &d.Row, "alice"); !gjson.ValidBytes(out) {
			t.Errorf("%q comes out as %q", text, out)
		}
		if len(d.Wire.Content) > 0 && !gjson.ValidBytes(d.Wire.Content) {
			t.Errorf("%q is sent as %q", text, d.Wire.Content)
		}
	})
}
