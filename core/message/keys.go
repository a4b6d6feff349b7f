// Package message turns messages from one form into another: the JSON object of
// the NIM ABI, the row of the store, the entry of a server. It is pure.
//
// A message keeps every key that it came with. Some are columns of the row; all
// others stand in Content, a JSON object with the keys of the ABI, and come out
// of it as they went in. What a key of a received message may be is checked,
// since a value of another type ends some hosts.
package message

import "github.com/libnim/libnim/core/backend"

// A role says where a key of the ABI is kept.
type role int

const (
	free    role = iota // nobody here knows it: it travels and is stored
	column              // a column, or made from one: never in Content
	local               // stored and never sent
	setting             // backend.Settings
	text                // travels; its value is a text
	number              // travels; its value is an integer
	object              // travels; its value is an object
)

// roles of the keys that are known.
var roles = map[string]role{
	"to_type": column, "to_accid": column, "from_id": column, "time": column, "msg_type": column,
	"client_msg_id": column, "server_msg_id": column, "talk_id": column, "res_id": column, "resend_flag": column,
	"log_status": column, "log_sub_status": column, "msg_body": column,
	"from_client_type": column, "from_device_id": column, "from_nick": column, "third_party_callback_ext": column,

	"local_ext": local, "local_res_path": local, "team_msg_ack_sent": local, "team_msg_unread_count": local,

	"cloud_history": setting, "roam_msg": setting, "sync_msg": setting, "offline_msg": setting,
	"push_need_badge": setting, "is_update_session": setting, "push_enable": setting, "routable_msg": setting,

	"msg_attach": text, "server_ext": text, "push_content": text, "push_payload": text,
	"force_push_content": text, "force_push_list": text, "anti_spam_content": text,
	"anti_spam_business_id": text, "yidun_anti_cheating": text, "env_config": text,

	"msg_sub_type": number, "team_msg_ack": number, "is_force_push": number, "push_prefix": number,
	"anti_spam_enable": number, "client_anti_spam_hitting": number, "anti_spam_using_yidun": number,

	"thread_info": object,
}

// settings in the order in which they are written.
var settings = []struct {
	key  string
	bit  backend.Settings
	text string // as the ABI has it where it is set
}{
	{"cloud_history", backend.NoHistory, "0"},
	{"roam_msg", backend.NoRoam, "0"},
	{"sync_msg", backend.NoSync, "0"},
	{"offline_msg", backend.NoOffline, "0"},
	{"push_need_badge", backend.NoBadge, "0"},
	{"is_update_session", backend.NoUpdateSession, "false"},
	{"push_enable", backend.NoPush, "0"},
	{"routable_msg", backend.Unroutable, "0"},
	{"routable_msg", backend.Routable, "1"},
}

// Types of messages that are treated apart, NIMMessageType.
const (
	TypeText         = 0
	TypeAudio        = 2
	TypeNotification = 5
	TypeFile         = 6
	TypeUnknown      = 1000
)

// audioNotPlayed is kNIMMsgLogSubStatusNotPlaying.
const audioNotPlayed = 20
