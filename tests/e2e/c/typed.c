/* Logs in, sends one message or waits for one, and prints one line of JSON for
 * each callback about messages. Behind the arguments of every host: the peer, and
 * "send" or "wait". */
#include "host.h"

#include <stdio.h>
#include <string.h>

#include "calls_gen.h"

static volatile long acks, received, queried, changes;

static void note(const char *callback, const char *arguments) {
    printf("{\"callback\":\"%s\",\"arguments\":%s}\n", callback, arguments);
    fflush(stdout);
    if (strcmp(callback, "nim_talk_ack_cb_func") == 0) acks++;
    if (strcmp(callback, "nim_talk_receive_cb_func") == 0) received++;
    if (strcmp(callback, "nim_msglog_query_cb_func") == 0 || strcmp(callback, "nim_session_query_recent_session_cb_func") == 0) queried++;
    if (strcmp(callback, "nim_session_change_cb_func") == 0) changes++;
}

static void reaches(const volatile long *counter, long n, const char *what) {
    long long deadline = now_ms() + WAIT_LIMIT;
    while (__atomic_load_n(counter, __ATOMIC_SEQ_CST) < n && now_ms() < deadline) continue;
    check(*counter >= n, "%s", what);
}

int main(int argc, char **argv) {
    const char *peer;
    char message[512];
    if (argc <= ARG_MORE + 1) return 2;
    peer = argv[ARG_MORE];
    host_init(argv);
    calls_note = note;
    nim_talk_reg_ack_cb("", seen_nim_talk_ack_cb_func, NULL);
    nim_talk_reg_receive_cb("", seen_nim_talk_receive_cb_func, NULL);
    nim_talk_reg_receive_msgs_cb("", seen_nim_talk_receive_cb_func, NULL);
    nim_session_reg_change_cb("", seen_nim_session_change_cb_func, NULL);
    host_login(argv);
    if (strcmp(argv[ARG_MORE + 1], "send") == 0) {
        snprintf(message, sizeof message,
                 "{\"client_msg_id\":\"%s-1\",\"to_accid\":\"%s\",\"to_type\":0,\"msg_type\":0,\"msg_body\":\"hi\",\"talk_id\":\"%s\"}\n",
                 argv[ARG_ACCOUNT], peer, peer);
        nim_talk_send_msg(message, "", NULL, NULL);
        reaches(&acks, 1, "the message was acknowledged");
    } else {
        reaches(&received, 1, "a message was received");
    }
    reaches(&changes, 1, "the session changed");
    nim_msglog_query_msg_async(peer, kNIMSessionTypeP2P, 20, 0, "", seen_nim_msglog_query_cb_func, NULL);
    nim_session_query_all_recent_session_async("", seen_nim_session_query_recent_session_cb_func, NULL);
    reaches(&queried, 2, "the queries were answered");
    nim_client_cleanup("");
    return checks_failed();
}
