package message

import (
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/nimerr"
)

const picture = `{"to_type":0,"to_accid":"me","from_id":"bob","time":1764500000001,"msg_type":1,"msg_sub_type":3,"msg_body":"look",
 "msg_attach":"{\"url\":\"https://x/y\",\"md5\":\"1\"}","client_msg_id":"src","server_msg_id":9007199254740993,"talk_id":"bob","res_id":"src",
 "log_status":1,"log_sub_status":0,"local_res_path":"/tmp/a.png","local_ext":"mine","server_ext":"theirs","cloud_history":0,
 "from_nick":"Bob","from_client_type":4,"from_device_id":"d","thread_info":{"thread_msg_id_client":"root"}}`

// What is forwarded shows the same and says nothing of where it came from.
func TestForward(t *testing.T) {
	to := backend.Conv{Kind: backend.Team, ID: "42"}
	got, err := Forward(picture, "new", to, `{"server_ext":"ours","push_enable":0,"roam_msg":null,"msg_body":"other","to_accid":"eve","thread_info":{}}`, 1764500000777)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"to_type":1,"to_accid":"42","talk_id":"42","client_msg_id":"new","res_id":"new","time":1764500000777,"msg_type":1,"msg_sub_type":3,` +
		`"msg_body":"look","msg_attach":"{\"url\":\"https://x/y\",\"md5\":\"1\"}","local_res_path":"/tmp/a.png","server_ext":"ours","push_enable":0}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if d := parsed(t, got); d.Conv != to || d.Wire.ClientID != "new" || d.Wire.Body != "look" || d.Wire.Type != 1 || d.Sender != "" {
		t.Errorf("%+v", d)
	}
	got, err = Forward(`{"msg_type":0,"msg_body":"hi"}`, "", backend.Conv{ID: "bob"}, "", 0)
	if want := `{"to_type":0,"to_accid":"bob","talk_id":"bob","msg_type":0,"msg_body":"hi"}`; err != nil || got != want {
		t.Errorf("got  %s %v\nwant %s", got, err, want)
	}
}

func TestComposingNamesTheArgument(t *testing.T) {
	bob := backend.Conv{ID: "bob"}
	for _, c := range []struct {
		want string
		do   func() (string, *nimerr.Error)
	}{
		{"src_msg_json: want a JSON object, got what is no JSON", func() (string, *nimerr.Error) { return Forward(`{`, "n", bob, "", 0) }},
		{"src_msg_json: want a JSON object, got another value", func() (string, *nimerr.Error) { return Forward(`[]`, "n", bob, "", 0) }},
		{"src_msg_json: msg_type: want the type", func() (string, *nimerr.Error) { return Forward(`{}`, "n", bob, "", 0) }},
		{"msg_setting: want a JSON object, got another value", func() (string, *nimerr.Error) { return Forward(picture, "n", bob, "1", 0) }},
		{"retweet_to_session_type: want 0, 1 or 5, got 7", func() (string, *nimerr.Error) {
			return Forward(picture, "n", backend.Conv{Kind: 7, ID: "b"}, "", 0)
		}},
		{"retweet_to_session_id: want the receiver, got none", func() (string, *nimerr.Error) { return Forward(picture, "n", backend.Conv{}, "", 0) }},
		{"json_msg: want a JSON object, got what is no JSON", func() (string, *nimerr.Error) { return Reply("", `{}`) }},
		{"json_reply_msg: want a JSON object, got another value", func() (string, *nimerr.Error) { return Reply(picture, `2`) }},
		{"json_msg: client_msg_id: want the id", func() (string, *nimerr.Error) { return Reply(`{"from_id":"bob"}`, `{}`) }},
	} {
		if _, err := c.do(); err == nil || err.Kind != nimerr.UnreadableMessage || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}

// The first reply begins a thread at what it replies to; the next ones stay in it.
func TestReply(t *testing.T) {
	first, err := Reply(`{"from_id":"bob","to_accid":"me","time":1764500000001,"server_msg_id":9007199254740993,"client_msg_id":"root","thread_info":{"thread_msg_id_client":""}}`,
		`{"to_type":0,"to_accid":"bob","msg_type":0,"msg_body":"yes","client_msg_id":"r1","thread_info":{"stale":1}}`)
	if err != nil {
		t.Fatal(err)
	}
	root := `"thread_msg_from_account":"bob","thread_msg_to_account":"me","thread_msg_time":1764500000001,"thread_msg_id_server":9007199254740993,"thread_msg_id_client":"root"}`
	want := `{"reply_msg_from_account":"bob","replymsg_to_account":"me","reply_msg_time":1764500000001,"reply_msg_id_server":9007199254740993,"reply_msg_id_client":"root",` + root
	if got := gjson.Get(first, "thread_info").Raw; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	d := parsed(t, first)
	if d.Wire.Body != "yes" || d.Wire.ClientID != "r1" || gjson.GetBytes(d.Wire.Content, "thread_info").Raw != want {
		t.Errorf("%+v %s", d, d.Wire.Content)
	}
	d.Row.Sender = "me"
	second, err := Reply(string(Append(nil, &d.Row, "me")), `{"to_type":0,"to_accid":"bob","msg_type":0,"client_msg_id":"r2"}`)
	if err != nil {
		t.Fatal(err)
	}
	want = `{"reply_msg_from_account":"me","replymsg_to_account":"bob","reply_msg_time":0,"reply_msg_id_server":0,"reply_msg_id_client":"r1",` + root
	if got := gjson.Get(second, "thread_info").Raw; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
