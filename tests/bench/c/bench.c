/* Measures the library from where its users are: C. Prints "NAME VALUE…" lines,
 * times in nanoseconds, and diagnostics as "json …".
 *   bench nimd|openim SERVER APP ACCOUNT TOKEN DATA_DIR logins N   N logins in a row and N after a rest each
 *   bench nimd|openim SERVER APP ACCOUNT TOKEN DATA_DIR push|pull  calls and callbacks
 * SERVER and APP are nimd's link and the app key, or OpenIM's ws_addr and api_addr. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "nim_c_api.h"
#include "nimx.h"

enum { BATCH = 100000, BATCHES = 9, ROUND_TRIPS = 2000, REST_US = 3000 /* rest in main.go */ };

static long long now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void pause_us(long us) {
    struct timespec t = {0, us * 1000};
    nanosleep(&t, NULL);
}

/* A count that callbacks raise and the main thread waits for. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static long done, target;
static long long reached_at;
static int pull;

static void begin(long n) {
    pthread_mutex_lock(&lock);
    done = 0;
    target = n;
    pthread_mutex_unlock(&lock);
}

static void one_more(void) {
    pthread_mutex_lock(&lock);
    if (++done == target) {
        reached_at = now_ns();
        pthread_cond_signal(&changed);
    }
    pthread_mutex_unlock(&lock);
}

/* Waits for the target and returns when its last callback began. */
static long long reached(void) {
    if (pull)
        while (done < target) nimx_global_dispatch(0, 1000);
    pthread_mutex_lock(&lock);
    while (done < target) pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    return reached_at;
}

static void NIM_CALL on_login(const char *json, const void *user_data) {
    (void)user_data;
    if (strstr(json, "\"login_step\":3")) one_more();
    if (!strstr(json, "\"err_code\":200")) fprintf(stderr, "login: %s\n", json), exit(1);
}

static void NIM_CALL on_answer(const char *json, const void *user_data) {
    (void)json, (void)user_data;
    one_more();
}

static void NIM_CALL on_diagnostics(const char *json, const void *user_data) {
    (void)user_data;
    printf("json %s\n", json);
    one_more();
}

static void NIM_CALL on_time(int code, nim_bool_reg local, nim_uint64 ms, const void *user_data) {
    (void)code, (void)local, (void)ms, (void)user_data;
    one_more();
}

static int ascending(const void *a, const void *b) {
    long long x = *(const long long *)a, y = *(const long long *)b;
    return x < y ? -1 : x > y;
}

static void report(const char *name, long long *took, int n) {
    qsort(took, (size_t)n, sizeof *took, ascending);
    printf("%s %lld\n", name, took[n / 2]);
}

static void list(const char *name, const long long *took, int n) {
    int i;
    printf("%s", name);
    for (i = 0; i < n; i++) printf(" %lld", took[i]);
    printf("\n");
}

static void status(const char *when) {
    char line[256];
    long kib;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f)) {
        if (sscanf(line, "VmRSS: %ld", &kib) == 1) printf("rss_kib_%s %ld\n", when, kib);
        if (sscanf(line, "Threads: %ld", &kib) == 1) printf("threads_%s %ld\n", when, kib);
    }
    if (f) fclose(f);
}

static void login(char **argv) {
    begin(1);
    nim_client_login(NULL, argv[4], argv[5], NULL, on_login, NULL);
}

/* Logs in n times, in a row or each after a rest of both sides, and stays logged in. */
static void logins(char **argv, int n, int rest) {
    long long *took = calloc((size_t)n, sizeof *took), *out = calloc((size_t)n, sizeof *out), from;
    int i;
    for (i = 0; i < n; i++) {
        begin(1);
        from = now_ns();
        nim_client_logout(kNIMLogoutChangeAccout, NULL, on_answer, NULL);
        out[i] = reached() - from;
        if (rest) pause_us(REST_US);
        from = now_ns();
        login(argv);
        took[i] = reached() - from;
    }
    list(rest ? "login_rested" : "login", took, n);
    if (!rest) list("logout", out, n);
    free(took);
    free(out);
}

/* The median cost of one call, over batches. */
#define COST(name, calls, statement)                                 \
    do {                                                             \
        long long took[BATCHES], from;                               \
        int b, i;                                                    \
        for (b = 0; b < BATCHES; b++) {                              \
            from = now_ns();                                         \
            for (i = 0; i < (calls); i++) statement;                 \
            took[b] = (now_ns() - from) / (calls);                   \
        }                                                            \
        report(name, took, BATCHES);                                 \
    } while (0)

/* From the first call to the last callback, per callback; and the calls alone. */
static void delivery(void) {
    long long took[BATCHES], posting[BATCHES], from;
    int b, i;
    for (b = 0; b < BATCHES; b++) {
        begin(BATCH);
        from = now_ns();
        for (i = 0; i < BATCH; i++) nim_client_get_server_current_time(1, on_time, NULL, NULL);
        posting[b] = (now_ns() - from) / BATCH;
        took[b] = (reached() - from) / BATCH;
    }
    report("callback", took, BATCHES);
    report("post", posting, BATCHES);
}

/* A call that the session answers, from the call to its callback. */
static void round_trips(const char *name, int local) {
    static long long took[ROUND_TRIPS];
    long long from;
    int i;
    for (i = 0; i < ROUND_TRIPS; i++) {
        begin(1);
        from = now_ns();
        nim_client_get_server_current_time(local, on_time, NULL, NULL);
        took[i] = reached() - from;
    }
    report(name, took, ROUND_TRIPS);
}

static void diagnostics(void) {
    begin(1);
    nimx_client_diagnostics(NULL, on_diagnostics, NULL);
    reached();
}

static void calls(void) {
    COST("getter_state", BATCH, (void)nim_client_get_login_state(NULL));
    COST("getter_account", BATCH, (void)nim_client_current_user_account());
    COST("go_call", BATCH / 10, nim_global_free_buf(nimx_client_capabilities()));
    delivery();
    round_trips("local_round_trip", 1);
    round_trips("server_round_trip", 0);
}

int main(int argc, char **argv) {
    char settings[1024];
    long long from;
    int n;
    if (argc < 8) return 2;
    n = argc > 8 ? atoi(argv[8]) : 0;
    pull = strcmp(argv[7], "pull") == 0;
    nimx_global_set_dispatch_mode(pull ? NIMX_DISPATCH_PULL : NIMX_DISPATCH_PUSH);
    status("loaded");
    if (strcmp(argv[1], "openim") == 0)
        snprintf(settings, sizeof settings,
                 "{\"private_server_setting\":{\"backend\":\"openim\",\"ws_addr\":\"%s\",\"api_addr\":\"%s\",\"platform_id\":7}}",
                 argv[2], argv[3]);
    else
        snprintf(settings, sizeof settings, "{\"app_key\":\"%s\",\"private_server_setting\":{\"link\":\"%s\"}}", argv[3],
                 argv[2]);
    from = now_ns();
    if (!nim_client_init(argv[6], "", settings)) return fprintf(stderr, "%s\n", nimx_init_error()), 1;
    printf("init %lld\n", now_ns() - from);
    login(argv);
    reached();
    status("login");
    if (n > 0) {
        logins(argv, n, 0);
        diagnostics();
        logins(argv, n, 1);
        status("end");
    } else {
        calls();
    }
    nim_client_cleanup(NULL);
    return 0;
}
