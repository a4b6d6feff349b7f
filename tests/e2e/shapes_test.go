package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// An outcome is how a call of a module that is not built was answered.
type outcome struct {
	Function, Outcome, Params, Callback string
	Times                               int
	Arguments                           map[string]any
}

// fixtures holds what a callback's JSON is compared with by type: what the
// parsers of existing programs took. A path goes on into the file.
var fixtures = map[string]string{
	"nim_talk_ack_cb_func.result":                             "ack_1",
	"nim_custom_sysmsg_ack_cb_func.result":                    "ack_2",
	"nim_talk_recall_msg_func.content":                        "recall_1",
	"nim_session_change_cb_func.result":                       "session_1",
	"nim_session_query_sessiondata_by_id_cb_func.result":      "session_1",
	"nim_session_query_recent_session_cb_func.result":         "sessions_1",
	"nim_session_query_stick_top_session_list_cb_func.result": "sticklist_1",
	"nim_session_set_to_stick_top_cb_func.stick_session":      "sticklist_1/0",
	"nim_session_update_stick_top_cb_func.stick_session":      "sticklist_1/0",
	"nim_msglog_query_cb_func.result":                         "msglogs_1",
	"nim_msglog_query_single_cb_func.result":                  "msglogs_1/content/0",
	"nim_msglog_status_changed_cb_func.result":                "any-array_1",
	"nim_sysmsg_query_cb_func.result":                         "sysmsgs_1",
	"nim_user_sync_muteandblacklist_cb_func.black_list_json":  "speciallist_1",
	"nim_user_get_user_name_card_cb_func.result_json":         "cards_1",
	"nim_friend_get_list_cb_func.friend_list_json":            "friends_1",
	"nim_friend_get_profile_cb_func.friend_profile_json":      "friends_1/list/0",
	"nim_team_query_team_info_cb_func.result":                 "teaminfo_1",
	"nim_super_team_query_team_info_cb_func.result":           "teaminfo_1",
	"nim_publish_event_cb_func.event_info_json":               "event_1",
	"nim_team_query_team_member_cb_func.result":               "team_1001_1/data/team_member",
	"nim_super_team_query_team_member_cb_func.result":         "team_1001_1/data/team_member",
}

// notifications are the ids by which programs tell the answers of team
// operations apart, and the fixture of each.
var notifications = map[string]struct {
	id      int
	fixture string
}{
	"create_team_async": {2000, "team_2000_1"}, "invite_async": {0, "team_0_1"}, "invite_async2": {0, "team_0_1"},
	"kick_async": {1, "team_0_1"}, "leave_async": {2, ""}, "dismiss_async": {4, ""},
	"update_team_info_async": {3, "team_3_1"}, "apply_join_async": {2001, ""}, "pass_join_apply_async": {5, "team_10_1"},
	"reject_join_apply_async": {2002, "team_10_1"}, "add_managers_async": {7, "team_0_1"}, "remove_managers_async": {8, "team_0_1"},
	"transfer_team_async": {6, "team_6_1"}, "update_my_property_async": {2004, "team_1001_1"},
	"update_other_nick_async": {2005, "team_1001_1"}, "accept_invitation_async": {9, "team_10_1"},
	"reject_invitation_async": {2003, "team_10_1"}, "query_team_info_online_async": {2006, "team_3_1"},
	"mute_member_async": {2008, "team_10_1"}, "mute_async": {2009, ""}, "msg_ack_read": {2010, "team_2010_1"},
	"msg_query_unread_list": {2011, "team_2011_1"},
}

// superTeams are the ids that super teams have of their own.
var superTeams = map[string]int{
	"invite_async": 401, "invite_async2": 401, "kick_async": 402, "leave_async": 403, "update_team_info_async": 404,
	"transfer_team_async": 406, "add_managers_async": 407, "remove_managers_async": 408, "pass_join_apply_async": 410,
	"accept_invitation_async": 411,
}

// exact are whole answers that programs depend on.
var exact = map[string]map[string]any{
	"nim_friend_get_list":                          {"friend_list_json": `{"list":[]}`},
	"nim_friend_get_profile":                       {"accid": "accid", "friend_profile_json": "{}"},
	"nim_talk_send_msg":                            {"result": `{"msg_id":"c\u0031","talk_id":"bob","rescode":21003}`},
	"nim_talk_reply_msg":                           {"result": `{"msg_id":"c\u0031","talk_id":"bob","rescode":21003}`},
	"nim_sysmsg_send_custom_notification":          {"result": `{"msg_id":"c\u0031","talk_id":"bob","rescode":21003}`},
	"nim_msglog_send_receipt_async":                {"result": `[{"talk_id":"alice","msg_timetag":1764500000456,"status":0}]`},
	"nim_msglog_query_msg_by_id_async":             {"msg_id": "client_msg_id"},
	"nim_msglog_insert_msglog_async":               {"msg_id": "c1"},
	"nim_session_delete_session_roaming_async":     {"to_type": "1", "id": "id"},
	"nim_nos_download_media":                       {"res_id": "c1"},
	"nim_tool_filter_client_antispam_async":        {"succeed": 1.0, "ret": 0.0, "text": "text"},
	"nim_user_set_black":                           {"accid": "accid", "opt": 1.0},
	"nim_subscribe_event":                          {"event_type": 7.0, "faild_list_json": `["alice", "bob"]`},
	"nim_team_get_team_info_list":                  {"fail_tid_list": `["alice", "bob"]`},
	"nim_team_msg_ack_read_ex":                     {"failure_ids": `["c\u0031"]`},
	"nim_team_update_tinfo_local":                  {"failure_ids": `["100200"]`},
	"nim_msglog_query_message_online":              {"msg_id": "client_id"},
	"nim_msglog_query_msg_online_async2":           {"id": "id", "type": 1.0},
	"nim_msglog_query_msg_by_keyword_online_async": {"id": "id", "type": 1.0},
	"nim_signaling_join":                           {"opt_res_param": true},
	"nim_signaling_call":                           {"opt_res_param": true},
	"nim_signaling_accept":                         {"opt_res_param": true},
	"nim_vchat_enum_device_devpath":                {"ret": 0.0, "type": 1.0},
	"nim_talkex_pin_message_unpin_message":         {"session": "bob", "id": "i1"},
	"nim_session_online_service_query_session":     {"result": `{"info_session_type":7,"info_session_id":"session_id"}`},
}

// TestUnbuiltModulesAnswer calls each function of the modules that are not
// built once. Each is answered once, with 21003 where there is a place for a
// code, with the ids that were asked for, and with JSON of the types that
// existing programs take.
func TestUnbuiltModulesAnswer(t *testing.T) {
	must(t, compile("shapes", "shapes.c"))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	out, err := program(ctx, "shapes", t.TempDir()).Output()
	must(t, err)
	calls := 0
	for line := range bytes.Lines(out) {
		var o outcome
		if err := json.Unmarshal(line, &o); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if o.Function == "" {
			if o.Times != 0 {
				t.Errorf("%d callbacks came after the answers", o.Times)
			}
			continue
		}
		calls++
		if o.Times != 1 || o.Callback != o.Outcome {
			t.Errorf("%s: %d callbacks, the last %q; want one, %s", o.Function, o.Times, o.Callback, o.Outcome)
			continue
		}
		o.checkCode(t)
		o.checkIDs(t)
		for name, want := range exact[o.Function] {
			if got := o.Arguments[name]; got != want {
				t.Errorf("%s: %s is %v, want %v", o.Function, name, got, want)
			}
		}
		if strings.HasSuffix(o.Callback, "team_event_cb_func") {
			o.checkTeam(t)
		}
		for name, value := range o.Arguments {
			if file := fixtures[o.Callback+"."+name]; file != "" {
				o.checkType(t, name, parsed(t, o.Function, name, value), fixture(t, file))
			}
		}
	}
	if calls < 100 {
		t.Errorf("%d calls: the list is cut short", calls)
	}
	t.Logf("%d calls", calls)
}

// checkCode wants 21003 where the callback has a result code of the kind.
func (o *outcome) checkCode(t *testing.T) {
	for _, name := range []string{"code", "rescode", "res_code", "error_code", "response_code"} {
		code, has := o.Arguments[name]
		if has && code != 21003.0 && o.Function != "nim_nos_init_config" {
			t.Errorf("%s: %s is %v, want 21003", o.Function, name, code)
		}
	}
}

// checkIDs wants back what was asked for: a sample text is the name of its
// parameter, a number 7, an enum or a bool 1.
func (o *outcome) checkIDs(t *testing.T) {
	params := strings.Split(o.Params, ",")
	for name, value := range o.Arguments {
		if !slices.Contains(params, name) {
			continue
		}
		if text, isText := value.(string); isText && text != name && exact[o.Function][name] != value {
			t.Errorf("%s: the %s asked for came back as %q", o.Function, name, text)
		}
		if value == 0.0 {
			t.Errorf("%s: the %s asked for came back as 0", o.Function, name)
		}
	}
}

// checkTeam wants the notification id that is the operation's own, beside the
// JSON and in it.
func (o *outcome) checkTeam(t *testing.T) {
	op, super := strings.CutPrefix(o.Function, "nim_super_team_")
	if !super {
		op = strings.TrimPrefix(o.Function, "nim_team_")
	}
	want, known := notifications[op]
	if id := superTeams[op]; super && id != 0 {
		want.id = id
	}
	if !known || o.Arguments["notification_id"] != float64(want.id) {
		t.Errorf("%s: notification_id %v, want %d", o.Function, o.Arguments["notification_id"], want.id)
	}
	if tid := o.Arguments["tid"]; tid != "tid" && tid != "100200" && op != "create_team_async" {
		t.Errorf("%s: tid %v", o.Function, tid)
	}
	result, _ := parsed(t, o.Function, "result", o.Arguments["result"]).(map[string]any)
	if result["id"] != float64(want.id) || result["data"] == nil {
		t.Errorf("%s: result %v", o.Function, result)
	}
	if want.fixture != "" {
		o.checkType(t, "result", result, fixture(t, want.fixture))
	}
	data, _ := result["data"].(map[string]any)
	if ids, has := data["ids"].([]any); has && len(ids) != 2 {
		t.Errorf("%s: ids %v, want those asked for", o.Function, ids)
	}
}

// checkType compares by type: each member that got has is in want too.
func (o *outcome) checkType(t *testing.T, where string, got, want any) {
	switch want := want.(type) {
	case map[string]any:
		object, ok := got.(map[string]any)
		if !ok {
			t.Errorf("%s: %s is %T, want an object", o.Function, where, got)
			return
		}
		for key, value := range object {
			if _, known := want[key]; !known {
				t.Errorf("%s: %s: no program reads %q", o.Function, where, key)
				continue
			}
			o.checkType(t, where+"."+key, value, want[key])
		}
	case []any:
		array, ok := got.([]any)
		if !ok {
			t.Errorf("%s: %s is %T, want an array", o.Function, where, got)
			return
		}
		for i, value := range array {
			o.checkType(t, fmt.Sprintf("%s[%d]", where, i), value, want[0])
		}
	default:
		if fmt.Sprintf("%T", got) != fmt.Sprintf("%T", want) {
			t.Errorf("%s: %s is %T, want %T", o.Function, where, got, want)
		}
	}
}

// parsed reads a JSON argument of a callback.
func parsed(t *testing.T, function, name string, value any) any {
	text, _ := value.(string)
	var out any
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Errorf("%s: %s: %v: %s", function, name, err, text)
	}
	return out
}

// fixture reads tests/abi/json, and in the file on along the path.
func fixture(t *testing.T, path string) any {
	t.Helper()
	name, rest, _ := strings.Cut(path, "/")
	text, err := os.ReadFile(filepath.Join("../abi/json", name+".json"))
	must(t, err)
	var out any
	must(t, json.Unmarshal(text, &out))
	for step := range strings.SplitSeq(rest, "/") {
		switch at := out.(type) {
		case map[string]any:
			if step != "" {
				out = at[step]
			}
		case []any:
			if step != "" {
				out = at[0]
			}
		}
	}
	return out
}
