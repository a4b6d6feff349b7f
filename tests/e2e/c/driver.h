/* driver.h: the host program that the end-to-end tests steer.
 *
 * It reads commands from standard input, one per line, fields separated by
 * tabs, and prints JSON lines: {"ret":COMMAND,"value":...} when a command has
 * returned, {"cb":NAME,"tag":USER_DATA,...} when a callback begins. The order
 * of the lines is the order of the events. */
#ifndef DRIVER_H
#define DRIVER_H

#include <stdint.h>

#include "nim_c_api.h"
#include "nimx.h"

enum { MAX_FIELDS = 12 };

/* One parsed command. A field "\N" is a NULL pointer. */
typedef struct command {
    char text[16384];
    int argc;
    const char *argv[MAX_FIELDS];
} command;

void parse(command *c, const char *line);
void run_command(command *c);

/* The numeric user_data of a call or registration. */
const void *tag(const char *field);

/* print writes one line, whole, whatever thread calls. */
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
void print_text(const char *ret, const char *value); /* value quoted as a JSON string */

/* Marks the beginning and the end of a callback: checks that no other runs, and
 * does what was planned for it (plan_in). */
void enter_callback(const char *name, const void *user_data, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void leave_callback(void);

/* Runs line inside the next callback of that name whose arguments hold a text,
 * "" being any. */
void plan_in(const char *name, const char *with, const char *line);
void plan_token(const char *token); /* what the token provider gives; "" for none */

/* The callbacks. */
void NIM_CALL on_login(const char *json, const void *user_data);
void NIM_CALL on_logout(const char *json, const void *user_data);
void NIM_CALL on_cleanup2(const char *json, const void *user_data);
void NIM_CALL on_json(const char *json, const void *user_data); /* renew, pause, resume, diagnostics, cache_info */
void NIM_CALL on_time(int code, nim_bool_reg local, nim_uint64 ms, const void *user_data);
void NIM_CALL on_push_config(int code, const char *content, const char *json, const void *user_data);
void NIM_CALL on_proxy(nim_bool_reg ok, enum NIMProxyDetectStep step, const char *json, const void *user_data);

/* Registers (or, with off, removes) the callback of that name. register_global,
 * register_messages and register_talk say whether the name is one of theirs. */
void registration(const char *name, const void *user_data, int off);
int register_global(const char *name, const void *user_data, int off);
int register_messages(const char *name, const void *user_data, int off);
int register_log(const char *name, const void *user_data, int off);
int register_talk(const char *name, const void *user_data, int off);

/* Commands of driver_global.c. */
void v_upload_log(command *c);
void v_feedback(command *c);
void v_cache_info(command *c);
void v_cache_delete(command *c);

/* Commands of driver_messages.c. */
void v_send(command *c);
void v_texts(command *c);
void v_sessions(command *c);
void v_unread_zero(command *c);
void v_unread_zero_all(command *c);
void v_log(command *c);
void v_by_id(command *c);
void v_insert(command *c);
void v_batch_read(command *c);

/* Commands of driver_log.c. */
void v_list(command *c);
void v_edit(command *c);

/* Commands of driver_talk.c. */
void v_reply(command *c);
void v_stop_send(command *c);
void v_retweet(command *c);
void v_recall(command *c);
void v_recall2(command *c);
void v_recall_ex(command *c);
void v_receipt(command *c);
void v_read_by_peer(command *c);
void v_receipt_sent(command *c);

#endif
