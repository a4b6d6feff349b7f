// What C++ programs written for the NIM headers do: they include them inside a
// namespace, name keys and enumerators with it, and take references. Compiled
// only.
#include <stdint.h>
#include <string>

namespace nim {
#include "nim_res_code_def.h"
#include "nim_data_sync_def.h"
#include "nim_session_def.h"
#include "nim_client_def.h"
#include "nim_user_def.h"
#include "nim_team_def.h"
#include "nim_msglog_def.h"
#include "nim_talk_def.h"
#include "nim_sysmsg_def.h"
#include "nim_subscribe_event_def.h"
#include "nim_robot_def.h"
#include "nim_global_def.h"
#include "nim_nos_def.h"
#include "nim_plugin_in_def.h"
#include "nim_tools_def.h"
#include "nim_doc_trans_def.h"
#include "nim_vchat_def.h"
#include "nim_device_def.h"
#include "nim_rts_def.h"
#include "nim_signaling_def.h"
#include "nim_super_team_def.h"
#include "nim_session_online_service_def.h"
#include "nim_pass_through_proxy_def.h"
#include "nim_talkex_def_collect.h"
#include "nim_talkex_def_quick_comment.h"
#include "nim_talkex_def_pin_message.h"
#include "nim_client.h"
#include "nim_talkex.h"
#include "nim_signaling.h"
}

// another module, outside of it
#include "nim_friend.h"

static void on_json(const char *, const void *) {}

std::string keys() { return std::string(nim::kNIMAppKey) + nim::kNIMMsgKeyToType; }

int codes() { return int(nim::kNIMResSuccess) + int(nim::kNIMSessionTypeP2P) + int(kNIMFriendFlagNormal); }

nim::NIMLogoutType kind = nim::kNIMLogoutChangeAccout;

bool (*init)(const char *, const char *, const char *) = nim::nim_client_init;

void login() { nim::nim_client_login("k", "a", "t", "", on_json, NULL); }

static void on_token(char *&token, uint32_t *length, const char *, const void *) {
    token = NULL;
    *length = 0;
}

void provider() { nim::nim_client_reg_relogin_request_token_cb("", on_token, NULL); }

// Types of the modules that are not built.
bool invited(const struct nim::NIMSignalingNotifyInfo *event) {
    return event->event_type_ == nim::kNIMSignalingEventTypeInvite &&
           ((const nim::NIMSignalingNotifyInfoInvite *)event)->push_info_.need_push_;
}

void calls() {
    nim::NIMSignalingCallParam call = nim::NIMSignalingCallParam();
    call.channel_type_ = nim::kNIMSignalingTypeVideo;
    call.push_info_.need_push_ = true;
    nim::nim_signaling_call(&call, NULL, NULL);
    nim::nim_talkex_collect_add_collect(nim::kNIMCollectInfoKeyData, NULL, NULL);
}
