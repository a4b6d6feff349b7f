/* A small instant-messaging client for the terminal: it reads commands, and
 * prints every callback of the library as it comes.
 *
 *   demo LINK APP_KEY DATA_DIR [JSON settings of "nimx"]
 *
 * Compiled with -DDEMO_DLOPEN it does not link the library but loads it at run
 * time, by the path in the environment variable LIBNIM or by its name. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nim_c_api.h"
#include "nimx.h"

/* ---- the functions it uses, linked or loaded ------------------------------*/

#define FUNCTIONS(X)                                                                        \
    X(nim_client_init) X(nim_client_login) X(nim_client_logout) X(nim_client_cleanup)       \
    X(nim_client_relogin) X(nim_client_kick_other_client) X(nim_client_version)             \
    X(nim_client_current_user_account) X(nim_client_get_login_state)                        \
    X(nim_client_reg_disconnect_cb) X(nim_client_reg_auto_relogin_cb)                       \
    X(nim_client_reg_kickout_cb) X(nim_client_reg_kickout_other_client_cb)                  \
    X(nim_client_reg_multispot_login_notify_cb) X(nim_client_get_server_current_time)       \
    X(nim_data_sync_reg_complete_cb) X(nimx_client_reg_connection_cb) X(nimx_init_error)    \
    X(nim_talk_send_msg) X(nim_talk_reg_ack_cb) X(nim_talk_reg_receive_cb)                  \
    X(nim_session_reg_change_cb) X(nim_session_query_all_recent_session_async)              \
    X(nim_session_set_unread_count_zero_async) X(nim_msglog_query_msg_async)

#define MEMBER(f) __typeof__(&f) f;
static struct { FUNCTIONS(MEMBER) } nim;

#ifdef DEMO_DLOPEN
#include <dlfcn.h>

static void load(void) {
    const char *path = getenv("LIBNIM");
    void *library = dlopen(path ? path : "libnim.so", RTLD_NOW | RTLD_LOCAL);
    if (!library) fprintf(stderr, "%s\n", dlerror()), exit(1);
#define LOOK_UP(f)                                                             \
    *(void **)&nim.f = dlsym(library, #f);                                     \
    if (!nim.f) fprintf(stderr, "no %s in the library\n", #f), exit(1);
    FUNCTIONS(LOOK_UP)
}
#else
static void load(void) {
#define TAKE(f) nim.f = f;
    FUNCTIONS(TAKE)
}
#endif

/* ---- callbacks: each prints itself ----------------------------------------*/

static void line(const char *format, ...) {
    va_list args;
    va_start(args, format);
    flockfile(stdout); /* the commands print on the main thread */
    vprintf(format, args);
    putchar('\n');
    fflush(stdout);
    funlockfile(stdout);
    va_end(args);
}

/* user_data of every registration here is the name that is printed. */
static void NIM_CALL on_json(const char *json, const void *name) {
    line("<- %-12s %s", (const char *)name, json);
}

static void NIM_CALL on_sync(enum NIMDataSyncType type, enum NIMDataSyncStatus status,
                             const char *attachment, const void *name) {
    line("<- %-12s type %d, status %d, %s", (const char *)name, (int)type, (int)status, attachment);
}

static void NIM_CALL on_time(int code, nim_bool_reg local, nim_uint64 ms, const void *name) {
    line("<- %-12s code %d, %llu ms, %s", (const char *)name, code, (unsigned long long)ms,
         local ? "computed here" : "from the server");
}

static void NIM_CALL on_message(const char *message, const char *extension, const void *name) {
    (void)extension;
    line("<- %-12s %s", (const char *)name, message);
}

static void NIM_CALL on_session(int code, const char *item, int unread, const char *extension, const void *name) {
    (void)extension;
    line("<- %-12s code %d, %d unread, %s", (const char *)name, code, unread, item);
}

static void NIM_CALL on_sessions(int unread, const char *list, const char *extension, const void *name) {
    (void)extension;
    line("<- %-12s %d unread, %s", (const char *)name, unread, list);
}

static void NIM_CALL on_history(int code, const char *id, enum NIMSessionType type, const char *list,
                                const char *extension, const void *name) {
    (void)type, (void)extension;
    line("<- %-12s code %d, %s, %s", (const char *)name, code, id, list);
}

static void register_all(void) {
    nim.nim_talk_reg_ack_cb(NULL, on_json, "acknowledged");
    nim.nim_talk_reg_receive_cb(NULL, on_message, "received");
    nim.nim_session_reg_change_cb(NULL, on_session, "session");
    nim.nimx_client_reg_connection_cb(NULL, on_json, "connection", NULL);
    nim.nim_client_reg_disconnect_cb(NULL, on_json, "disconnect");
    nim.nim_client_reg_auto_relogin_cb(NULL, on_json, "relogin");
    nim.nim_client_reg_kickout_cb(NULL, on_json, "kickout");
    nim.nim_client_reg_kickout_other_client_cb(NULL, on_json, "kick other");
    nim.nim_client_reg_multispot_login_notify_cb(NULL, on_json, "other device");
    nim.nim_data_sync_reg_complete_cb(on_sync, "data sync");
}

/* ---- commands -------------------------------------------------------------*/

static void run(char *command) {
    char *name = strtok(command, " \n"), *a = strtok(NULL, " \n"), *b = strtok(NULL, "\n");
    static int logins;
    char json[1500];
    if (!name) return;
    if (!strcmp(name, "login") && a && b) {
        line("-> nim_client_login(\"%s\")", a);
        snprintf(json, sizeof json, "{\"operation_id\":\"login-%d\"}", ++logins);
        nim.nim_client_login(NULL, a, b, json, on_json, "login");
    } else if (!strcmp(name, "logout")) {
        line("-> nim_client_logout(kNIMLogoutAppExit)");
        nim.nim_client_logout(kNIMLogoutAppExit, NULL, on_json, "logout");
    } else if (!strcmp(name, "relogin")) {
        line("-> nim_client_relogin()");
        nim.nim_client_relogin(NULL);
    } else if (!strcmp(name, "kick") && a) {
        snprintf(json, sizeof json, "{\"device_ids\":[\"%s\"]}", a);
        line("-> nim_client_kick_other_client(%s)", json);
        nim.nim_client_kick_other_client(json);
    } else if (!strcmp(name, "time")) {
        line("-> nim_client_get_server_current_time()");
        nim.nim_client_get_server_current_time(0, on_time, NULL, "server time");
    } else if (!strcmp(name, "whoami")) {
        const char *account = nim.nim_client_current_user_account();
        line("   nim_client_current_user_account() = \"%s\", nim_client_get_login_state() = %d", account,
             nim.nim_client_get_login_state(NULL));
    } else if (!strcmp(name, "send") && a && b) { /* a text without " and \ */
        snprintf(json, sizeof json, "{\"to_accid\":\"%s\",\"to_type\":0,\"msg_type\":0,\"msg_body\":\"%s\"}", a, b);
        line("-> nim_talk_send_msg(%s)", json);
        nim.nim_talk_send_msg(json, NULL, NULL, NULL);
    } else if (!strcmp(name, "sessions")) {
        line("-> nim_session_query_all_recent_session_async()");
        nim.nim_session_query_all_recent_session_async(NULL, on_sessions, "sessions");
    } else if (!strcmp(name, "read") && a) {
        line("-> nim_session_set_unread_count_zero_async(\"%s\")", a);
        nim.nim_session_set_unread_count_zero_async(kNIMSessionTypeP2P, a, NULL, on_session, "read");
    } else if (!strcmp(name, "history") && a) {
        line("-> nim_msglog_query_msg_async(\"%s\")", a);
        nim.nim_msglog_query_msg_async(a, kNIMSessionTypeP2P, 20, 0, NULL, on_history, "history");
    } else {
        line("   commands: login ACCOUNT TOKEN, send ACCOUNT TEXT, sessions, history ACCOUNT, read ACCOUNT, whoami, time,");
        line("             kick DEVICE_ID, relogin, logout, quit");
    }
}

int main(int argc, char **argv) {
    char settings[1024], command[1024];
    if (argc < 4) {
        fprintf(stderr, "usage: %s LINK APP_KEY DATA_DIR [JSON]\n", argv[0]);
        return 2;
    }
    load();
    snprintf(settings, sizeof settings, "{\"app_key\":\"%s\",\"private_server_setting\":{\"link\":\"%s\"},\"nimx\":%s}",
             argv[2], argv[1], argc > 4 ? argv[4] : "{}");
    if (!nim.nim_client_init(argv[3], "", settings)) {
        fprintf(stderr, "%s\n", nim.nimx_init_error());
        return 1;
    }
    line("-> nim_client_init(), libnim %s", nim.nim_client_version());
    register_all();
    while (fgets(command, sizeof command, stdin) && strncmp(command, "quit", 4) != 0) run(command);
    nim.nim_client_cleanup(NULL);
    line("   nim_client_cleanup() has returned: no callback comes any more");
    return 0;
}
