/* Shared parts of the host programs: see host.h. */
#include "host.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

volatile long flowed;
volatile int closed;
volatile long intruders;

static int failed;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

void check(int good, const char *format, ...) {
    va_list args;
    va_start(args, format);
    printf(good ? "ok      " : "not ok  ");
    vprintf(format, args);
    putchar('\n');
    fflush(stdout);
    va_end(args);
    failed |= !good;
}

int checks_failed(void) { return failed; }

long long now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static void bump(volatile long *counter) {
    pthread_mutex_lock(&lock);
    ++*counter;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

int wait_for(const volatile long *counter, long n) {
    struct timespec until;
    int reached, late = 0;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAIT_LIMIT / 1000;
    pthread_mutex_lock(&lock);
    while (!(reached = *counter >= n) && !late) late = pthread_cond_timedwait(&changed, &lock, &until);
    pthread_mutex_unlock(&lock);
    return reached;
}

void host_init(char **argv) {
    char settings[1024];
    snprintf(settings, sizeof settings, "{\"app_key\":\"%s\",\"private_server_setting\":{\"link\":\"%s\"}}",
             argv[ARG_APP_KEY], argv[ARG_LINK]);
    if (!nim_client_init(argv[ARG_DIR], "", settings)) {
        printf("not ok  init: %s\n", nimx_init_error());
        exit(1);
    }
}

static volatile long answered;
static char answer[4096];

static void NIM_CALL on_login(const char *json, const void *user_data) {
    (void)user_data;
    if (closed) intruders++;
    if (strstr(json, "\"err_code\":200") && !strstr(json, "\"login_step\":3")) return;
    if (strstr(json, "\"retrying\":true")) return;
    snprintf(answer, sizeof answer, "%s", json);
    bump(&answered);
}

void host_login(char **argv) {
    long before = answered;
    nim_client_login(NULL, argv[ARG_ACCOUNT], argv[ARG_TOKEN], NULL, on_login, NULL);
    if (!wait_for(&answered, before + 1) || !strstr(answer, "\"err_code\":200")) {
        printf("not ok  login: %s\n", answer);
        exit(1);
    }
}

static void NIM_CALL on_flow(int code, nim_bool_reg local, nim_uint64 ms, const void *user_data) {
    (void)local, (void)ms;
    if (closed) intruders++;
    bump(&flowed);
    if (code == 200) /* a refused call is answered at once: the next one would nest */
        nim_client_get_server_current_time(user_data != NULL, on_flow, NULL, user_data);
}

void start_flow(void) {
    nim_client_get_server_current_time(1, on_flow, NULL, (const void *)1);
    nim_client_get_server_current_time(0, on_flow, NULL, NULL);
}
