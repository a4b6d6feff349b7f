/* Callbacks of the driver: see driver.h. */
#include "driver.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef _WIN32
#include <windows.h>
#define flockfile _lock_file
#define funlockfile _unlock_file
static long thread_id(void) { return (long)GetCurrentThreadId(); }
#else
#include <sys/syscall.h>
#include <unistd.h>
static long thread_id(void) { return syscall(SYS_gettid); }
#endif

/* ---- printing -------------------------------------------------------------*/

static void put_string(const char *s) {
    putchar('"');
    for (; s && *s; s++) {
        if (*s == '"' || *s == '\\') putchar('\\');
        if ((unsigned char)*s < 0x20)
            printf("\\u%04x", *s);
        else
            putchar(*s);
    }
    putchar('"');
}

void print(const char *format, ...) {
    va_list args;
    va_start(args, format);
    flockfile(stdout);
    vprintf(format, args);
    putchar('\n');
    fflush(stdout);
    funlockfile(stdout);
    va_end(args);
}

void print_text(const char *ret, const char *value) {
    flockfile(stdout);
    printf("{\"ret\":\"%s\",\"value\":", ret);
    put_string(value);
    puts("}");
    fflush(stdout);
    funlockfile(stdout);
}

/* ---- what to do inside callbacks ------------------------------------------*/

/* One plan at a time: the test sets it before it causes the callback. */
static struct {
    pthread_mutex_t lock;
    char name[64], line[16384]; /* name is "" when there is none */
    char with[64];              /* a text that the callback's arguments hold; "" for any */
    char token[4096];
} plan = {PTHREAD_MUTEX_INITIALIZER, "", "", "", ""};

void plan_in(const char *name, const char *with, const char *line) {
    pthread_mutex_lock(&plan.lock);
    snprintf(plan.name, sizeof plan.name, "%s", name);
    snprintf(plan.with, sizeof plan.with, "%s", with);
    snprintf(plan.line, sizeof plan.line, "%s", line);
    pthread_mutex_unlock(&plan.lock);
}

void plan_token(const char *token) {
    pthread_mutex_lock(&plan.lock);
    snprintf(plan.token, sizeof plan.token, "%s", token ? token : "");
    pthread_mutex_unlock(&plan.lock);
}

/* The thread inside a callback, and how deep: callbacks may nest on one thread
 * (a cleanup inside a callback), never run on two at once. */
static atomic_long running_on;
static atomic_int depth;

/* holds says whether the arguments of a callback hold a text. */
static int holds(const char *text, const char *format, va_list args) {
    va_list again;
    char *all;
    int n, found;
    if (!*text) return 1;
    va_copy(again, args);
    n = vsnprintf(NULL, 0, format, again);
    va_end(again);
    all = malloc((size_t)n + 1);
    vsnprintf(all, (size_t)n + 1, format, args);
    found = strstr(all, text) != NULL;
    free(all);
    return found;
}

void enter_callback(const char *name, const void *user_data, const char *format, ...) {
    static _Thread_local command c;
    long self = thread_id();
    int nested = atomic_fetch_add(&depth, 1), planned;
    va_list args;
    if (nested > 0 && atomic_load(&running_on) != self) print("{\"violation\":\"%s beside another callback\"}", name);
    atomic_store(&running_on, self);

    va_start(args, format);
    flockfile(stdout);
    printf("{\"cb\":\"%s\",\"tag\":%llu,\"tid\":%ld,\"nested\":%d,", name,
           (unsigned long long)(uintptr_t)user_data, self, nested);
    vprintf(format, args);
    puts("}");
    fflush(stdout);
    funlockfile(stdout);
    va_end(args);

    va_start(args, format);
    pthread_mutex_lock(&plan.lock);
    planned = strcmp(plan.name, name) == 0 && holds(plan.with, format, args);
    va_end(args);
    if (planned) {
        parse(&c, plan.line);
        plan.name[0] = 0;
    }
    pthread_mutex_unlock(&plan.lock);
    if (planned) run_command(&c);
}

void leave_callback(void) {
    atomic_fetch_sub(&depth, 1);
}

/* ---- the callbacks --------------------------------------------------------*/

#define JSON_CALLBACK(function, name)                                \
    void NIM_CALL function(const char *json, const void *user_data) { \
        enter_callback(name, user_data, "\"json\":%s", json);        \
        leave_callback();                                            \
    }
JSON_CALLBACK(on_login, "login")
JSON_CALLBACK(on_logout, "logout")
JSON_CALLBACK(on_json, "answer")
JSON_CALLBACK(on_cleanup2, "cleanup2")
static JSON_CALLBACK(on_relogin, "relogin")
static JSON_CALLBACK(on_kickout, "kickout")
static JSON_CALLBACK(on_disconnect, "disconnect")
static JSON_CALLBACK(on_multispot, "multispot")
static JSON_CALLBACK(on_kicked_other, "kicked_other")
static JSON_CALLBACK(on_connection, "connection")

void NIM_CALL on_time(int code, nim_bool_reg local, nim_uint64 ms, const void *user_data) {
    enter_callback("time", user_data, "\"code\":%d,\"local\":%d,\"ms\":%llu", code, (int)local, (unsigned long long)ms);
    leave_callback();
}

void NIM_CALL on_push_config(int code, const char *content, const char *json, const void *user_data) {
    enter_callback("push", user_data, "\"code\":%d,\"content\":%s,\"json\":%s", code, content, json);
    leave_callback();
}

static void NIM_CALL on_push_sync(int code, const char *content, const char *json, const void *user_data) {
    enter_callback("push_sync", user_data, "\"code\":%d,\"content\":%s,\"json\":%s", code, content, json);
    leave_callback();
}

void NIM_CALL on_proxy(nim_bool_reg ok, enum NIMProxyDetectStep step, const char *json, const void *user_data) {
    enter_callback("proxy", user_data, "\"ok\":%d,\"step\":%d,\"json\":%s", (int)ok, (int)step, json);
    leave_callback();
}

static void NIM_CALL on_sync(enum NIMDataSyncType type, enum NIMDataSyncStatus status, const char *attachment,
                             const void *user_data) {
    enter_callback("data_sync", user_data, "\"type\":%d,\"status\":%d,\"attachment\":\"%s\"", (int)type, (int)status,
                   attachment);
    leave_callback();
}

static void NIM_CALL on_token(char **token, nim_uint32 *length, const char *json, const void *user_data) {
    static char given[4096]; /* the library copies it before the next call */
    enter_callback("token", user_data, "\"json\":%s", json);
    pthread_mutex_lock(&plan.lock);
    snprintf(given, sizeof given, "%s", plan.token);
    pthread_mutex_unlock(&plan.lock);
    if (given[0]) {
        *token = given;
        *length = (nim_uint32)strlen(given);
    }
    leave_callback();
}

static void NIM_CALL on_destroy(const void *user_data) {
    enter_callback("destroy", user_data, "\"of\":\"connection\"");
    leave_callback();
}

void registration(const char *name, const void *user_data, int off) {
#define CASE(text, call, function)                                        \
    if (strcmp(name, text) == 0) {                                        \
        call(NULL, off ? NULL : function, user_data);                     \
        return;                                                           \
    }
    CASE("relogin", nim_client_reg_auto_relogin_cb, on_relogin)
    CASE("kickout", nim_client_reg_kickout_cb, on_kickout)
    CASE("disconnect", nim_client_reg_disconnect_cb, on_disconnect)
    CASE("multispot", nim_client_reg_multispot_login_notify_cb, on_multispot)
    CASE("kicked_other", nim_client_reg_kickout_other_client_cb, on_kicked_other)
    CASE("push_sync", nim_client_reg_sync_multiport_push_config_cb, on_push_sync)
    CASE("token", nim_client_reg_relogin_request_token_cb, on_token)
    if (strcmp(name, "data_sync") == 0) {
        nim_data_sync_reg_complete_cb(off ? NULL : on_sync, user_data);
        return;
    }
    if (strcmp(name, "connection") == 0) {
        nimx_client_reg_connection_cb(NULL, off ? NULL : on_connection, user_data, off ? NULL : on_destroy);
        return;
    }
    if (!register_global(name, user_data, off) && !register_messages(name, user_data, off) && !register_log(name, user_data, off) &&
        !register_talk(name, user_data, off)) print_text("unknown registration", name);
}
