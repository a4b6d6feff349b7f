package message

import (
	"strconv"

	"github.com/tidwall/gjson"

	"github.com/libnim/libnim/core/backend"
	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

// carried are the keys that a forwarded message takes from its source: what it
// shows. Who wrote it, its ids, its settings and its thread stay behind.
var carried = []string{"msg_type", "msg_sub_type", "msg_body", "msg_attach", "local_res_path"}

// Forward builds the object of a message with the content of another one, for the
// receiver to. setting is an object with further keys of the new message; "" is
// none. at is its time, ms since 1970; 0 leaves that to the sending.
func Forward(source, id string, to backend.Conv, setting string, at int64) (string, *nimerr.Error) {
	src, err := asObject("src_msg_json", source)
	if err != nil {
		return "", err
	}
	more, err := asObject("msg_setting", orEmpty(setting))
	switch {
	case err != nil:
		return "", err
	case src.Get("msg_type").Type != gjson.Number:
		return "", nimerr.UnreadableMessage.New("src_msg_json: msg_type: want the type of the message, got none")
	case to.Kind != backend.P2P && to.Kind != backend.Team && to.Kind != backend.SuperTeam:
		return "", nimerr.UnreadableMessage.Newf("retweet_to_session_type: want 0, 1 or 5, got %d", to.Kind)
	case to.ID == "":
		return "", nimerr.UnreadableMessage.New("retweet_to_session_id: want the receiver, got none")
	}
	b := appendInt([]byte{'{'}, "to_type", int64(to.Kind))
	b = appendText(b, "to_accid", to.ID)
	b = appendText(b, "talk_id", to.ID)
	if id != "" {
		b = appendText(b, "client_msg_id", id)
		b = appendText(b, "res_id", id)
	}
	if at > 0 {
		b = appendInt(b, "time", at)
	}
	for _, key := range carried {
		if v := src.Get(key); v.Exists() && v.Type != gjson.Null {
			b = appendMember(b, key, v)
		}
	}
	more.ForEach(func(key, v gjson.Result) bool {
		if k := key.String(); v.Type != gjson.Null && !ownOfForward(k) {
			b = appendMember(b, k, v)
		}
		return true
	})
	return string(append(b, '}')), nil
}

// ownOfForward says whether a setting may not decide a key: what the message is
// and where it goes is decided by then.
func ownOfForward(key string) bool {
	if key == "thread_info" || roles[key] == column {
		return true
	}
	for _, k := range carried {
		if k == key {
			return true
		}
	}
	return false
}

// Reply gives a message, an object, the thread_info of a reply to another one: what
// it replies to, and the first message of that one's thread.
func Reply(to, text string) (string, *nimerr.Error) {
	src, err := asObject("json_msg", to)
	if err != nil {
		return text, err
	}
	msg, err := asObject("json_reply_msg", text)
	if err != nil {
		return text, err
	}
	if src.Get("client_msg_id").String() == "" {
		return text, nimerr.UnreadableMessage.New("json_msg: client_msg_id: want the id of the message replied to, got none")
	}
	reply := threadRef{src.Get("from_id"), src.Get("to_accid"), src.Get("time"), src.Get("server_msg_id"), src.Get("client_msg_id")}
	first := reply
	if in := src.Get("thread_info"); in.Get("thread_msg_id_client").String() != "" {
		first = threadRef{
			in.Get("thread_msg_from_account"), in.Get("thread_msg_to_account"), in.Get("thread_msg_time"),
			in.Get("thread_msg_id_server"), in.Get("thread_msg_id_client"),
		}
	}
	b := []byte{'{'}
	msg.ForEach(func(key, v gjson.Result) bool {
		if k := key.String(); k != "thread_info" {
			b = appendMember(b, k, v)
		}
		return true
	})
	b = append(abi.AppendKey(b, "thread_info"), '{')
	b = reply.append(b, "reply_msg_from_account", "replymsg_to_account", "reply_msg_time", "reply_msg_id_server", "reply_msg_id_client")
	b = first.append(b, "thread_msg_from_account", "thread_msg_to_account", "thread_msg_time", "thread_msg_id_server", "thread_msg_id_client")
	return string(append(b, "}}"...)), nil
}

// A threadRef names a message in a thread_info, by the values that its own object has.
type threadRef struct{ from, to, time, server, client gjson.Result }

func (r threadRef) append(b []byte, from, to, time, server, client string) []byte {
	b = appendText(b, from, r.from.String())
	b = appendText(b, to, r.to.String())
	b = strconv.AppendInt(abi.AppendKey(b, time), r.time.Int(), 10)
	b = strconv.AppendInt(abi.AppendKey(b, server), r.server.Int(), 10)
	return appendText(b, client, r.client.String())
}

// asObject reads an argument that has to be an object.
func asObject(argument, text string) (gjson.Result, *nimerr.Error) {
	v := gjson.Parse(text)
	switch {
	case !gjson.Valid(text):
		return v, nimerr.UnreadableMessage.Newf("%s: want a JSON object, got what is no JSON", argument)
	case !v.IsObject():
		return v, nimerr.UnreadableMessage.Newf("%s: want a JSON object, got another value", argument)
	}
	return v, nil
}

func orEmpty(object string) string {
	if object == "" {
		return "{}"
	}
	return object
}
