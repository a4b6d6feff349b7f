/* The log, the cache and the environment: commands and callbacks of the driver
 * for nim_global_*. */
#include "driver.h"

#include <stdlib.h>
#include <string.h>

#define A(n) c->argv[n]

/* ---- callbacks of one call ------------------------------------------------*/

static void NIM_CALL on_code(int code, const void *user_data) {
    enter_callback("answer", user_data, "\"code\":%d", code);
    leave_callback();
}

static void NIM_CALL on_res_code(enum NIMResCode code, const void *user_data) { on_code((int)code, user_data); }

void v_upload_log(command *c) {
    nim_global_upload_sdk_log(A(1), on_code, tag(A(2)));
    print("{\"ret\":\"upload_log\"}");
}

void v_feedback(command *c) {
    nim_global_sdk_feedback_async(A(1), NULL, on_res_code, tag(A(2)));
    print("{\"ret\":\"feedback\"}");
}

void v_cache_info(command *c) {
    nim_global_get_sdk_cache_file_info_async(A(1), A(2), strtoll(A(3), NULL, 10), NULL, on_json, tag(A(4)));
    print("{\"ret\":\"cache_info\"}");
}

void v_cache_delete(command *c) {
    nim_global_del_sdk_cache_file_async(A(1), A(2), strtoll(A(3), NULL, 10), NULL, on_res_code, tag(A(4)));
    print("{\"ret\":\"cache_delete\"}");
}

/* ---- registrations --------------------------------------------------------*/

static void NIM_CALL on_log(int level, const char *line, const void *user_data) {
    enter_callback("log", user_data, "\"code\":%d,\"content\":%s", level, line);
    leave_callback();
}

static void NIM_CALL on_exception(enum NIMSDKException what, const char *details, const void *user_data) {
    enter_callback("exception", user_data, "\"code\":%d,\"content\":%s", (int)what, details);
    leave_callback();
}

static void NIM_CALL on_db_error(const char *details, const void *user_data) {
    enter_callback("db_error", user_data, "\"content\":%s", details);
    leave_callback();
}

int register_global(const char *name, const void *user_data, int off) {
    if (strcmp(name, "log") == 0)
        nim_global_reg_sdk_log_cb(NULL, off ? NULL : on_log, user_data);
    else if (strcmp(name, "exception") == 0)
        nim_global_reg_exception_report_cb(NULL, off ? NULL : on_exception, user_data);
    else if (strcmp(name, "db_error") == 0)
        nim_global_reg_sdk_db_error_cb(off ? NULL : on_db_error, user_data);
    else
        return 0;
    return 1;
}
