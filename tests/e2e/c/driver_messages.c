/* Messages, sessions and the message log: commands and callbacks of the driver
 * for nim_talk_*, nim_session_* and nim_msglog_*. */
#include "driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define A(n) c->argv[n]

/* ---- callbacks of one call ------------------------------------------------*/

static void NIM_CALL on_sessions(int unread, const char *list, const char *extension, const void *user_data) {
    (void)extension;
    enter_callback("answer", user_data, "\"code\":%d,\"content\":%s", unread, list);
    leave_callback();
}

static void NIM_CALL on_zeroed(int code, const char *item, int unread, const char *extension, const void *user_data) {
    (void)extension;
    enter_callback("answer", user_data, "\"code\":%d,\"content\":%s,\"total\":%d", code, item && *item ? item : "null", unread);
    leave_callback();
}

static void NIM_CALL on_log_page(int code, const char *id, enum NIMSessionType type, const char *list,
                                 const char *extension, const void *user_data) {
    (void)extension;
    enter_callback("answer", user_data, "\"code\":%d,\"of\":\"%s\",\"type\":%d,\"content\":%s", code, id, (int)type, list);
    leave_callback();
}

static void NIM_CALL on_one_message(int code, const char *id, const char *message, const char *extension,
                                    const void *user_data) {
    (void)extension;
    enter_callback("answer", user_data, "\"code\":%d,\"of\":\"%s\",\"content\":%s", code, id,
                   message && *message ? message : "null");
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

/* ---- commands -------------------------------------------------------------*/

/* send MESSAGE */
void v_send(command *c) {
    nim_talk_send_msg(A(1), "", NULL, NULL);
    print("{\"ret\":\"send\"}");
}

/* texts RECEIVER PREFIX FIRST COUNT: texts with the ids PREFIX and a number. */
void v_texts(command *c) {
    int first = atoi(A(3)), count = atoi(A(4)), i;
    for (i = first; i < first + count; i++) {
        char json[512];
        snprintf(json, sizeof json,
                 "{\"to_accid\":\"%s\",\"to_type\":0,\"msg_type\":0,\"client_msg_id\":\"%s%d\",\"msg_body\":\"text %d\"}\n", A(1),
                 A(2), i, i);
        nim_talk_send_msg(json, "", NULL, NULL);
    }
    print("{\"ret\":\"texts\"}");
}

void v_sessions(command *c) {
    nim_session_query_all_recent_session_async("", on_sessions, tag(A(1)));
    print("{\"ret\":\"sessions\"}");
}

/* unread_zero TYPE ID TAG */
void v_unread_zero(command *c) {
    nim_session_set_unread_count_zero_async((enum NIMSessionType)atoi(A(1)), A(2), "", on_zeroed, tag(A(3)));
    print("{\"ret\":\"unread_zero\"}");
}

void v_unread_zero_all(command *c) {
    nim_session_reset_all_unread_count_async("", on_zeroed, tag(A(1)));
    print("{\"ret\":\"unread_zero_all\"}");
}

/* log ID LIMIT ANCHOR EXTENSION TAG */
void v_log(command *c) {
    nim_msglog_query_msg_async(A(1), kNIMSessionTypeP2P, atoi(A(2)), strtoll(A(3), NULL, 10), A(4), on_log_page, tag(A(5)));
    print("{\"ret\":\"log\"}");
}

/* by_id ID TAG */
void v_by_id(command *c) {
    nim_msglog_query_msg_by_id_async(A(1), "", on_one_message, tag(A(2)));
    print("{\"ret\":\"by_id\"}");
}

/* insert TALK_ID MESSAGE UPDATE_SESSION TAG */
void v_insert(command *c) {
    nim_msglog_insert_msglog_async(A(1), A(2), (nim_bool)atoi(A(3)), "", on_message_done, tag(A(4)));
    print("{\"ret\":\"insert\"}");
}

/* batch_read ID TAG */
void v_batch_read(command *c) {
    nim_msglog_batch_status_read_async(A(1), kNIMSessionTypeP2P, "", on_session_done, tag(A(2)));
    print("{\"ret\":\"batch_read\"}");
}

/* ---- registrations --------------------------------------------------------*/

static void NIM_CALL on_ack(const char *result, const void *user_data) {
    enter_callback("ack", user_data, "\"content\":%s", result);
    leave_callback();
}

static void NIM_CALL on_receive(const char *message, const char *extension, const void *user_data) {
    (void)extension;
    enter_callback("receive", user_data, "\"content\":%s", message);
    leave_callback();
}

static void NIM_CALL on_receive_msgs(const char *messages, const char *extension, const void *user_data) {
    (void)extension;
    enter_callback("receive_msgs", user_data, "\"content\":%s", messages);
    leave_callback();
}

static void NIM_CALL on_session(int code, const char *item, int unread, const char *extension, const void *user_data) {
    (void)extension;
    enter_callback("session", user_data, "\"code\":%d,\"content\":%s,\"total\":%d", code, item, unread);
    leave_callback();
}

/* Drops what has an id that ends in 3. */
static nim_bool_reg NIM_CALL on_filter(const char *message, const char *extension, const void *user_data) {
    const char *id = strstr(message, "\"client_msg_id\":\"");
    int drop;
    (void)extension;
    id = id ? strchr(id + 17, '"') : NULL;
    drop = id && id[-1] == '3';
    enter_callback("filter", user_data, "\"code\":%d,\"content\":%s", drop, message);
    leave_callback();
    return drop;
}

int register_messages(const char *name, const void *user_data, int off) {
    if (strcmp(name, "ack") == 0)
        nim_talk_reg_ack_cb("", off ? NULL : on_ack, user_data);
    else if (strcmp(name, "receive") == 0)
        nim_talk_reg_receive_cb("", off ? NULL : on_receive, user_data);
    else if (strcmp(name, "receive_msgs") == 0)
        nim_talk_reg_receive_msgs_cb("", off ? NULL : on_receive_msgs, user_data);
    else if (strcmp(name, "filter") == 0)
        nim_talk_reg_message_filter_cb("", off ? NULL : on_filter, user_data);
    else if (strcmp(name, "session") == 0)
        nim_session_reg_change_cb("", off ? NULL : on_session, user_data);
    else
        return 0;
    return 1;
}
