/* What becomes of messages that were sent, and system messages: commands and
 * callbacks of the driver. */
#include "driver.h"

#include <stdlib.h>
#include <string.h>

#define A(n) c->argv[n]

static void NIM_CALL on_recall_done(int code, const char *content, const char *extension, const void *user_data) {
    enter_callback("answer", user_data, "\"code\":%d,\"content\":%s,\"extension\":%s", code, content, extension && *extension ? extension : "{}");
    leave_callback();
}

/* reply TO MESSAGE */
void v_reply(command *c) {
    nim_talk_reply_msg(A(1), A(2), "", NULL, NULL);
    print("{\"ret\":\"reply\"}");
}

/* stop_send MESSAGE */
void v_stop_send(command *c) {
    nim_talk_stop_send_msg(A(1), "");
    print("{\"ret\":\"stop_send\"}");
}

/* retweet SOURCE ID TYPE RECEIVER SETTING TIME */
void v_retweet(command *c) {
    char *message = nim_talk_create_retweet_msg(A(1), A(2), (enum NIMSessionType)atoi(A(3)), A(4), A(5), strtoll(A(6), NULL, 10));
    print_text("retweet", message);
    nim_global_free_buf(message);
}

/* recall MESSAGE NOTIFY TAG */
void v_recall(command *c) {
    nim_talk_recall_msg(A(1), A(2), "", on_recall_done, tag(A(3)));
    print("{\"ret\":\"recall\"}");
}

/* recall_ex MESSAGE NOTIFY ATTACH TAG */
void v_recall_ex(command *c) {
    nim_talk_recall_extra_params more;
    memset(&more, 0, sizeof more);
    more.attach = A(3);
    nim_talk_recall_msg_ex(A(1), A(2), on_recall_done, &more, tag(A(4)));
    print("{\"ret\":\"recall_ex\"}");
}

/* recall2 MESSAGE NOTIFY PUSH PAYLOAD TAG */
void v_recall2(command *c) {
    nim_talk_recall_msg2(A(1), A(2), A(3), A(4), "", on_recall_done, tag(A(5)));
    print("{\"ret\":\"recall2\"}");
}

static void NIM_CALL on_recall(int code, const char *content, const char *extension, const void *user_data) {
    (void)extension;
    enter_callback("recall", user_data, "\"code\":%d,\"content\":%s", code, content);
    leave_callback();
}

static void NIM_CALL on_receipt_done(int code, const char *result, const char *extension, const void *user_data) {
    (void)extension;
    enter_callback("answer", user_data, "\"code\":%d,\"content\":%s", code, result);
    leave_callback();
}

/* receipt MESSAGE TAG */
void v_receipt(command *c) {
    nim_msglog_send_receipt_async(A(1), "", on_receipt_done, tag(A(2)));
    print("{\"ret\":\"receipt\"}");
}

/* read_by_peer MESSAGE, receipt_sent MESSAGE */
void v_read_by_peer(command *c) { print("{\"ret\":\"read_by_peer\",\"value\":%d}", nim_msglog_query_be_readed(A(1), "") ? 1 : 0); }
void v_receipt_sent(command *c) { print("{\"ret\":\"receipt_sent\",\"value\":%d}", nim_msglog_query_receipt_sent(A(1), "") ? 1 : 0); }

static void NIM_CALL on_status(int code, const char *result, const char *extension, const void *user_data) {
    (void)extension;
    enter_callback("status", user_data, "\"code\":%d,\"content\":%s", code, result);
    leave_callback();
}

int register_talk(const char *name, const void *user_data, int off) {
    if (strcmp(name, "recall") == 0)
        nim_talk_reg_recall_msg_cb("", off ? NULL : on_recall, user_data);
    else if (strcmp(name, "status") == 0)
        nim_msglog_reg_status_changed_cb("", off ? NULL : on_status, user_data);
    else
        return 0;
    return 1;
}
