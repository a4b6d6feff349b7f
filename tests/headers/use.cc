// What C++ programs written for the NIM headers do: they include them inside a
// namespace, name keys and enumerators with it, and take references. Compiled
// only.
#include <stdint.h>
#include <string>

namespace nim {
#include "nim_client_def.h"
#include "nim_res_code_def.h"
#include "nim_talk_def.h"
#include "nim_msglog_def.h"
#include "nim_session_def.h"
#include "nim_client.h"
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
