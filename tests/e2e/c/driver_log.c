/* The message log and the list of sessions: commands of the driver for what
 * driver_messages.c does not have. */
#include "driver.h"

#include <stdlib.h>
#include <string.h>

#define A(n) c->argv[n]
#define NUMBER(n) strtoll(A(n), NULL, 10)
#define KIND(n) ((enum NIMSessionType)atoi(A(n)))
#define LAST tag(A(c->argc - 1))

/* ---- callbacks of one call ------------------------------------------------*/

static void NIM_CALL on_list(int unread, const char *list, const char *extension, const void *user_data) {
    (void)extension;
    enter_callback("answer", user_data, "\"total\":%d,\"content\":%s", unread, list);
    leave_callback();
}

static void NIM_CALL on_item(int code, const char *item, int unread, const char *extension, const void *user_data) {
    (void)extension;
    enter_callback("answer", user_data, "\"code\":%d,\"content\":%s,\"total\":%d", code, item, unread);
    leave_callback();
}

static void NIM_CALL on_items(int code, const char *items, int unread, const void *user_data) {
    enter_callback("answer", user_data, "\"code\":%d,\"content\":%s,\"total\":%d", code, items, unread);
    leave_callback();
}

static void NIM_CALL on_one_item(int code, const char *item, const void *user_data) {
    enter_callback("answer", user_data, "\"code\":%d,\"content\":%s", code, item);
    leave_callback();
}

static void NIM_CALL on_page(int code, const char *id, enum NIMSessionType type, const char *list, const char *extension,
                             const void *user_data) {
    (void)extension;
    enter_callback("answer", user_data, "\"code\":%d,\"of\":\"%s\",\"type\":%d,\"content\":%s", code, id, (int)type, list);
    leave_callback();
}

static void NIM_CALL on_message_done(int code, const char *id, const char *extension, const void *user_data) {
    (void)extension;
    enter_callback("answer", user_data, "\"code\":%d,\"of\":\"%s\"", code, id);
    leave_callback();
}

static void NIM_CALL on_session_done(int code, const char *id, enum NIMSessionType type, const char *extension,
                                     const void *user_data) {
    (void)extension;
    enter_callback("answer", user_data, "\"code\":%d,\"of\":\"%s\",\"type\":%d", code, id, (int)type);
    leave_callback();
}

static void NIM_CALL on_done(int code, const char *extension, const void *user_data) {
    (void)extension;
    enter_callback("answer", user_data, "\"code\":%d", code);
    leave_callback();
}

static void NIM_CALL on_one(int code, const char *id, const char *message, const char *extension, const void *user_data) {
    (void)extension;
    enter_callback("answer", user_data, "\"code\":%d,\"of\":\"%s\",\"content\":%s", code, id, message);
    leave_callback();
}

static void NIM_CALL on_code(int code, const void *user_data) {
    enter_callback("answer", user_data, "\"code\":%d", code);
    leave_callback();
}

static void NIM_CALL on_unpinned(int code, const char *id, enum NIMSessionType type, const void *user_data) {
    enter_callback("answer", user_data, "\"code\":%d,\"of\":\"%s\",\"type\":%d", code, id, (int)type);
    leave_callback();
}

static void NIM_CALL on_roaming(int code, const char *type, const char *id, const void *user_data) {
    enter_callback("answer", user_data, "\"code\":%d,\"of\":\"%s\",\"type\":%s", code, id, type);
    leave_callback();
}

static void NIM_CALL on_wiped(int code, const char *id, const void *user_data) {
    enter_callback("answer", user_data, "\"code\":%d,\"of\":\"%s\"", code, id);
    leave_callback();
}

static void NIM_CALL on_wiped_ex(int code, const char *id, enum NIMSessionType type, uint64_t time, const char *ext,
                                 const void *user_data) {
    enter_callback("answer", user_data, "\"code\":%d,\"of\":\"%s\",\"type\":%d,\"ms\":%lld,\"content\":\"%s\"", code, id, (int)type,
                   (long long)time, ext);
    leave_callback();
}

static void NIM_CALL on_mark(int code, const SessionRoamMsgHasMoreTagInfo *mark, const void *user_data) {
    enter_callback("answer", user_data, "\"code\":%d,\"of\":\"%s\",\"type\":%d,\"ms\":%lld,\"content\":%llu", code,
                   mark->session_tag_info.session_id, (int)mark->session_tag_info.to_type, (long long)mark->message_time_tag,
                   (unsigned long long)mark->message_server_id);
    leave_callback();
}

static void NIM_CALL on_marks(int code, const SessionRoamMsgHasMoreTagInfo *marks, int size, const void *user_data) {
    enter_callback("answer", user_data, "\"code\":%d,\"total\":%d,\"of\":\"%s\"", code, size,
                   size > 0 ? marks[0].session_tag_info.session_id : "");
    leave_callback();
}

/* ---- commands: list WHAT … TAG and edit WHAT … TAG --------------------------*/

typedef struct action {
    const char *name;
    void (*run)(command *c);
} action;

static void run(const action *table, command *c, const char *ret) {
    for (; table->name != NULL; table++)
        if (strcmp(table->name, A(1)) == 0)
            table->run(c);
    print("{\"ret\":\"%s\"}", ret);
}

static void few(command *c) { nim_session_query_last_few_session_async(atoi(A(2)), "", on_list, LAST); }
static void without(command *c) {
    nim_session_query_all_recent_session_with_last_msg_excluded_type_async("", on_list, (enum NIMMessageType)atoi(A(2)), LAST);
}
static void without_all(command *c) {
    nim_session_query_all_recent_session_with_last_msg_excluded_type_async_ex("", on_list, A(2), LAST);
}
static void item(command *c) { nim_session_query_sessiondata_by_id_async(KIND(2), A(3), "", on_one_item, LAST); }
static void zero_many(command *c) { nim_session_set_multi_unread_count_zero_async(0, A(2), on_items, LAST); }
static void top(command *c) { nim_session_set_top(KIND(2), A(3), (nim_bool)atoi(A(4)), "", on_item, LAST); }
static void extend(command *c) { nim_session_set_extend_data(KIND(2), A(3), A(4), "", on_item, LAST); }
static void remove_item(command *c) { nim_session_delete_recent_session_async(KIND(2), A(3), "", on_item, LAST); }
static void remove_all(command *c) { nim_session_delete_all_recent_session_async("", on_item, LAST); }
static void remove_ex(command *c) {
    nim_session_delete_recent_session_async_ex(KIND(2), A(3), (nim_bool)atoi(A(4)), on_item, LAST);
}
static void roaming(command *c) { nim_session_delete_session_roaming_async(KIND(2), A(3), "", on_roaming, LAST); }
static void pinned(command *c) { nim_session_query_stick_top_session_list(on_one_item, LAST); }
static void pin(command *c) { nim_session_set_to_stick_top(A(2), KIND(3), A(4), on_one_item, LAST); }
static void repin(command *c) { nim_session_update_stick_top(A(2), KIND(3), A(4), on_one_item, LAST); }
static void unpin(command *c) { nim_session_cancel_stick_top(A(2), KIND(3), on_unpinned, LAST); }
static SessionMainTagInfo session_of(command *c) {
    SessionMainTagInfo s;
    memset(&s, 0, sizeof s);
    strncpy(s.session_id, A(2), sizeof s.session_id - 1);
    s.to_type = KIND(3);
    return s;
}
static void mark(command *c) {
    SessionMainTagInfo s = session_of(c);
    nim_session_query_session_hasmore_roammsg(&s, on_mark, LAST);
}
static void marks(command *c) { nim_session_query_all_session_hasmore_roammsg(on_marks, LAST); }
static void set_mark(command *c) { nim_session_update_session_hasmore_roammsg(A(2), on_code, LAST); }
static void end_mark(command *c) {
    SessionMainTagInfo s = session_of(c);
    nim_session_delete_session_hasmore_roammsg(&s, on_code, LAST);
}

void v_list(command *c) {
    static const action table[] = {
        {"few", few}, {"without", without}, {"without_all", without_all}, {"item", item}, {"zero_many", zero_many},
        {"top", top}, {"extend", extend}, {"remove", remove_item}, {"remove_all", remove_all},
        {"remove_ex", remove_ex}, {"roaming", roaming}, {"pinned", pinned}, {"pin", pin}, {"repin", repin}, {"unpin", unpin},
        {"mark", mark}, {"marks", marks}, {"set_mark", set_mark}, {"end_mark", end_mark}, {NULL, NULL},
    };
    run(table, c, "list");
}

static void find(command *c) { /* RANGE IDS LIMIT FROM END KNOWN REVERSE TYPE TEXT */
    nim_msglog_query_msg_by_options_async((enum NIMMsgLogQueryRange)atoi(A(2)), A(3), atoi(A(4)), NUMBER(5), NUMBER(6), A(7),
                                          (nim_bool)atoi(A(8)), (enum NIMMessageType)atoi(A(9)), A(10), "", on_page, LAST);
}
static void find_json(command *c) { nim_msglog_query_msg_by_options_async_ex(A(2), on_page, LAST); }
static void by_type(command *c) { /* ID LIMIT FROM END KNOWN REVERSE TYPES */
    nim_msglog_query_the_message_of_the_specified_type_async(kNIMSessionTypeP2P, A(2), atoi(A(3)), NUMBER(4), NUMBER(5), A(6),
                                                             (nim_bool)atoi(A(7)), A(8), "", on_page, LAST);
}
static void status(command *c) { nim_msglog_set_status_async(A(2), (enum NIMMsgLogStatus)atoi(A(3)), "", on_message_done, LAST); }
static void sub_status(command *c) {
    nim_msglog_set_sub_status_async(A(2), (enum NIMMsgLogSubStatus)atoi(A(3)), "", on_message_done, LAST);
}
static void local_ext(command *c) { nim_msglog_update_localext_async(A(2), A(3), "", on_message_done, LAST); }
static void read_all(command *c) { nim_msglog_read_all_async("", on_done, LAST); }
static void delete_one(command *c) { nim_msglog_delete_async(A(2), KIND(3), A(4), "", on_message_done, LAST); }
static void delete_of(command *c) {
    if (strcmp(A(4), "") == 0)
        nim_msglog_batch_status_delete_async(A(2), KIND(3), "", on_session_done, LAST);
    else
        nim_msglog_batch_status_delete_async_ex(A(2), KIND(3), (nim_bool)atoi(A(4)), "", on_session_done, LAST);
}
static void delete_kind(command *c) {
    if (strcmp(A(4), "") == 0)
        nim_msglog_delete_by_session_type_async((nim_bool)atoi(A(2)), KIND(3), "", on_session_done, LAST);
    else
        nim_msglog_delete_by_session_type_async_ex((nim_bool)atoi(A(2)), KIND(3), (nim_bool)atoi(A(4)), "", on_session_done, LAST);
}
static void delete_all(command *c) {
    if (strcmp(A(3), "") == 0)
        nim_msglog_delete_all_async((nim_bool)atoi(A(2)), "", on_done, LAST);
    else
        nim_msglog_delete_all_async_ex((nim_bool)atoi(A(2)), (nim_bool)atoi(A(3)), "", on_done, LAST);
}
static void delete_span(command *c) {
    if (strcmp(A(6), "") == 0)
        nim_msglog_delete_by_time_async(A(2), KIND(3), (uint64_t)NUMBER(4), (uint64_t)NUMBER(5), "", on_done, LAST);
    else
        nim_msglog_delete_by_time_async_ex(A(2), KIND(3), (nim_bool)atoi(A(6)), (uint64_t)NUMBER(4), (uint64_t)NUMBER(5), "",
                                           on_done, LAST);
}
/* online ID LIMIT FROM END KNOWN REVERSE SAVE EXTENSION */
static void online(command *c) {
    nim_msglog_query_msg_online_async(A(2), kNIMSessionTypeP2P, atoi(A(3)), NUMBER(4), NUMBER(5), NUMBER(6), (nim_bool)atoi(A(7)),
                                      (nim_bool)atoi(A(8)), A(9), on_page, LAST);
}
/* online2 ID LIMIT FROM END KNOWN REVERSE SAVE EXCLUDE TYPE: one type, -1 none */
static void online2(command *c) {
    NIMQueryMsgOnlineAsyncParam p;
    enum NIMMessageType type = (enum NIMMessageType)atoi(A(10));
    memset(&p, 0, sizeof p);
    p.to_type = kNIMSessionTypeP2P;
    p.limit_count = atoi(A(3));
    p.from_time = NUMBER(4);
    p.end_time = NUMBER(5);
    p.end_msg_id = NUMBER(6);
    p.reverse = (nim_bool)atoi(A(7));
    p.need_save_to_local = (nim_bool)atoi(A(8));
    p.is_exclusion_type = (nim_bool)atoi(A(9));
    p.msg_type_list = &type;
    p.msg_type_list_length = atoi(A(10)) < 0 ? 0 : 1;
    nim_msglog_query_msg_online_async2(A(2), p, on_page, LAST);
}
/* keyword ID LIMIT REVERSE TEXT */
static void keyword(command *c) {
    NIMQueryMsgByKeywordOnlineAsyncParam p;
    memset(&p, 0, sizeof p);
    p.to_type = kNIMSessionTypeP2P;
    p.limit_count = atoi(A(3));
    p.reverse = (nim_bool)atoi(A(4));
    nim_msglog_query_msg_by_keyword_online_async(A(2), A(5), p, on_page, LAST);
}
/* one_online FROM TO SERVER_ID CLIENT_ID TIME */
static void one_online(command *c) {
    NIMQueryMsgAsyncParam p;
    memset(&p, 0, sizeof p);
    p.to_type = kNIMSessionTypeP2P;
    strncpy(p.from_account, A(2), sizeof p.from_account - 1);
    strncpy(p.to_account, A(3), sizeof p.to_account - 1);
    p.server_id = NUMBER(4);
    strncpy(p.client_id, A(5), sizeof p.client_id - 1);
    p.msg_timetag = NUMBER(6);
    nim_msglog_query_message_online(&p, on_one, LAST);
}
static void delete_self(command *c) { nim_msglog_delete_message_self_async(A(2), A(3), "", on_code, LAST); }
/* delete_selves FROM TO EXT ID ID */
static void delete_selves(command *c) {
    NIMDeleteMessagesSelfParam p[2];
    int i;
    memset(p, 0, sizeof p);
    for (i = 0; i < 2; i++) {
        strncpy(p[i].from_account, A(2), sizeof p[i].from_account - 1);
        strncpy(p[i].to_account, A(3), sizeof p[i].to_account - 1);
        strncpy(p[i].ext, A(4), sizeof p[i].ext - 1);
        strncpy(p[i].client_id, A(5 + i), sizeof p[i].client_id - 1);
    }
    nim_msglog_delete_messages_self_async(p, 2, on_code, LAST);
}
static void wipe(command *c) { nim_msglog_delete_history_online_async(A(2), 1, "", on_wiped, LAST); }
static void wipe_ex(command *c) {
    nim_msglog_delete_history_online_async_ex(A(2), kNIMSessionTypeP2P, (nim_bool)atoi(A(3)), A(4), on_wiped_ex, LAST);
}

void v_edit(command *c) {
    static const action table[] = {
        {"find", find}, {"find_json", find_json}, {"by_type", by_type}, {"status", status}, {"sub_status", sub_status},
        {"local_ext", local_ext}, {"read_all", read_all}, {"delete", delete_one}, {"delete_of", delete_of},
        {"delete_kind", delete_kind}, {"delete_all", delete_all}, {"delete_span", delete_span},
        {"online", online}, {"online2", online2}, {"keyword", keyword}, {"one_online", one_online}, {"delete_self", delete_self},
        {"delete_selves", delete_selves}, {"wipe", wipe}, {"wipe_ex", wipe_ex}, {NULL, NULL},
    };
    run(table, c, "edit");
}

/* ---- registrations --------------------------------------------------------*/

static void NIM_CALL on_deleted(const char *infos, const void *user_data) {
    enter_callback("deleted", user_data, "\"content\":%s", infos);
    leave_callback();
}

static void NIM_CALL on_history_deleted(NIMDeleteSessionHistoryMessagesNotifyInfo *list, int count, const void *user_data) {
    enter_callback("history_deleted", user_data, "\"total\":%d,\"of\":\"%s\",\"type\":%d,\"ms\":%lld,\"content\":\"%s\"", count,
                   list[0].id, (int)list[0].to_type, (long long)list[0].time, list[0].ext);
    leave_callback();
}

static void NIM_CALL on_pinned(const char *stick, const void *user_data) {
    enter_callback("pinned", user_data, "\"content\":%s", stick);
    leave_callback();
}

static void NIM_CALL on_repinned(const char *stick, const void *user_data) {
    enter_callback("repinned", user_data, "\"content\":%s", stick);
    leave_callback();
}

static void NIM_CALL on_unpinned_elsewhere(const char *id, enum NIMSessionType type, const void *user_data) {
    enter_callback("unpinned", user_data, "\"of\":\"%s\",\"type\":%d", id, (int)type);
    leave_callback();
}

int register_log(const char *name, const void *user_data, int off) {
    if (strcmp(name, "deleted") == 0)
        nim_msglog_register_delete_msgs_self_callback(off ? NULL : on_deleted, user_data);
    else if (strcmp(name, "history_deleted") == 0)
        nim_msglog_register_delete_history_messages_callback(off ? NULL : on_history_deleted, user_data);
    else if (strcmp(name, "pinned") == 0)
        nim_session_reg_set_to_stick_top_notify_cb(off ? NULL : on_pinned, user_data);
    else if (strcmp(name, "repinned") == 0)
        nim_session_reg_update_stick_top_notify_cb(off ? NULL : on_repinned, user_data);
    else if (strcmp(name, "unpinned") == 0)
        nim_session_reg_cancell_stick_top_notify_cb(off ? NULL : on_unpinned_elsewhere, user_data);
    else
        return 0;
    return 1;
}
