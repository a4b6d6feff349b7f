/* What C programs write: pointers to our functions with the types that the NIM
 * headers gave them. Compiled only. */
#include "nim_c_api.h"
#include "nimx.h"

#include <stdbool.h>
#include <stdint.h>

static void on_json(const char *json_params, const void *user_data) { (void)json_params, (void)user_data; }

static void on_time(int rescode, bool calc_local, uint64_t time, const void *user_data) {
    (void)rescode, (void)calc_local, (void)time, (void)user_data;
}

static void on_token(char **auth_token, uint32_t *length, const char *json_params, const void *user_data) {
    (void)json_params, (void)user_data;
    *auth_token = 0, *length = 0;
}

static bool on_filter(const char *content, const char *json_extension, const void *user_data) {
    (void)content, (void)json_extension, (void)user_data;
    return false;
}

bool (*init)(const char *, const char *, const char *) = nim_client_init;
void (*cache)(const char *, const char *, int64_t, const char *, nim_sdk_get_cache_file_info_cb_func, const void *) =
    nim_global_get_sdk_cache_file_info_async;
const char *(*version)(void) = nim_client_version;

void use(void) {
    const char *key = kNIMAppKey;
    NIMQueryMsgAsyncParam param = {kNIMSessionTypeP2P, "", "", 0, "", 0};

    (void)key;
    nim_client_login("k", "a", "t", 0, on_json, 0);
    nim_client_logout(kNIMLogoutChangeAccout, "", on_json, 0);
    nim_client_get_server_current_time(true, on_time, "", 0);
    nim_client_reg_relogin_request_token_cb("", on_token, 0);
    nim_talk_reg_message_filter_cb("", on_filter, 0);
    nim_msglog_query_message_online(&param, 0, 0);
    nimx_client_reg_connection_cb("", on_json, 0, 0);
}
