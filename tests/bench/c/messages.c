/* Measures messages from where the library's users are: C. Prints "NAME VALUE…"
 * lines, times in nanoseconds by the machine's monotonic clock.
 *   messages LINK APP ACCOUNT TOKEN DATA_DIR send PEER N   N texts, each once the one before is acknowledged
 *   messages LINK APP ACCOUNT TOKEN DATA_DIR flood PEER N  N texts at full speed
 *   messages LINK APP ACCOUNT TOKEN DATA_DIR hear N        waits for N texts; prints "ready" when it is logged in
 * A text says when it was sent. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "nim_c_api.h"
#include "nimx.h"

static long long now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static long acked, heard, refused, ready;
static long long *delays, login_at, list_at, first_at, last_at;
static long wanted;

static void raise_count(long *count) {
    pthread_mutex_lock(&lock);
    ++*count;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void wait_for(long *count, long n) {
    pthread_mutex_lock(&lock);
    while (*count < n) pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

static void NIM_CALL on_ack(const char *json, const void *user_data) {
    (void)user_data;
    if (!strstr(json, "\"rescode\":200")) raise_count(&refused);
    raise_count(&acked);
}

static void NIM_CALL on_text(const char *json, const char *extension, const void *user_data) {
    const char *body = strstr(json, "\"msg_body\":\"");
    long long now = now_ns();
    (void)extension, (void)user_data;
    if (!body) return;
    if (heard < wanted) delays[heard] = now - strtoll(body + 12, NULL, 10);
    if (!first_at) first_at = now;
    last_at = now;
    raise_count(&heard);
}

static void NIM_CALL on_sessions(int unread, const char *list, const char *extension, const void *user_data) {
    (void)list, (void)extension, (void)user_data;
    list_at = now_ns();
    printf("unread %d\n", unread);
    raise_count(&ready);
}

static void NIM_CALL on_login(const char *json, const void *user_data) {
    (void)user_data;
    if (!strstr(json, "\"login_step\":3") || strstr(json, "\"retrying\":true")) return;
    if (!strstr(json, "\"err_code\":200")) {
        fprintf(stderr, "login: %s\n", json);
        exit(1);
    }
    nim_session_query_all_recent_session_async("", on_sessions, NULL);
}

static void send_text(const char *peer) {
    char json[256];
    snprintf(json, sizeof json, "{\"to_accid\":\"%s\",\"to_type\":0,\"msg_type\":0,\"msg_body\":\"%lld\"}", peer, now_ns());
    nim_talk_send_msg(json, "", NULL, NULL);
}

int main(int argc, char **argv) {
    char settings[512];
    const char *how = argc > 6 ? argv[6] : "";
    long n, i;
    long long began;
    if (argc < 8) return 2;
    n = atol(argv[argc - 1]);
    wanted = n;
    delays = calloc((size_t)n + 1, sizeof *delays);
    snprintf(settings, sizeof settings, "{\"app_key\":\"%s\",\"private_server_setting\":{\"link\":\"%s\"}}", argv[2], argv[1]);
    if (!nim_client_init(argv[5], "", settings)) {
        fprintf(stderr, "%s\n", nimx_init_error());
        return 1;
    }
    nim_talk_reg_ack_cb("", on_ack, NULL);
    nim_talk_reg_receive_cb("", on_text, NULL);
    login_at = now_ns();
    nim_client_login("", argv[3], argv[4], "", on_login, NULL);
    wait_for(&ready, 1);
    printf("list %lld\nready 1\n", list_at - login_at);
    fflush(stdout);
    if (strcmp(how, "send") == 0) {
        printf("ack");
        for (i = 1; i <= n; i++) {
            began = now_ns();
            send_text(argv[7]);
            wait_for(&acked, i);
            printf(" %lld", now_ns() - began);
        }
        putchar('\n');
    } else if (strcmp(how, "flood") == 0) {
        began = now_ns();
        for (i = 0; i < n; i++) {
            wait_for(&acked, i - 2000); /* what waits to be sent is bounded */
            send_text(argv[7]);
        }
        wait_for(&acked, n);
        printf("flood %lld\n", now_ns() - began);
    } else {
        wait_for(&heard, n);
        printf("told %lld\nspan %lld\ndelay", last_at - login_at, last_at - first_at);
        for (i = 0; i < n; i++) printf(" %lld", delays[i]);
        putchar('\n');
    }
    printf("refused %ld\n", refused);
    fflush(stdout);
    nim_client_logout(kNIMLogoutAppExit, "", NULL, NULL);
    nim_client_cleanup("");
    return 0;
}
