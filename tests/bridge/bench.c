/* bench.c: what the front costs, as ratios to an uncontended lock and unlock
 * on the same machine in the same run. Nothing here is pass or fail. */
#include "harness.h"

#include <time.h>

static long delivered;
static void count(const char *json, const void *user_data)
{
    (void)json, (void)user_data;
    delivered++;
}

char *nim_go_init(const char *d, const char *i, const char *j, int again)
{
    (void)d, (void)i, (void)j, (void)again;
    return NULL;
}
void nim_go_stop(void) {}
int64_t nim_go_call(nim_call *c) { return c->op; }
char *nim_go_text(nim_call *c) { return (void)c, NULL; }
void nim_go_replay(int slot) { (void)slot; }
void nim_go_refused(int op, const char *function, const char *error, const char *detail)
{
    (void)op, (void)function, (void)error, (void)detail;
}
void nim_go_lost(uint64_t answers) { (void)answers; }
void nim_go_retry(void) {}

static double now_ns(void)
{
    return (double)clock() * (1e9 / CLOCKS_PER_SEC);
}

static double per(double start, long n) { return (now_ns() - start) / (double)n; }

int main(void)
{
    enum { N = 200000, BATCH = 1000 };
    static const char json[] = "{\"err_code\":200,\"step\":3,\"relogin\":false,\"retrying\":false}";
    pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
    double start, lock, post = 0, deliver = 0, getter, call;
    long i, k;
    start = now_ns();
    for (i = 0; i < N; i++) {
        pthread_mutex_lock(&m);
        pthread_mutex_unlock(&m);
    }
    lock = per(start, N);

    nimx_global_set_dispatch_mode(NIMX_DISPATCH_PULL);
    nim_client_reg_disconnect_cb("", count, NULL);
    if (!nim_client_init("dir", "", "{}"))
        return 1;
    for (k = 0; k < N / BATCH; k++) {
        start = now_ns();
        for (i = 0; i < BATCH; i++)
            post_args(NIM_SLOT_client_disconnect, 0, 0, 0, 0, 0, 0, json, sizeof json - 1, NULL, 0);
        post += per(start, N);
        start = now_ns();
        nimx_global_dispatch(0, 0);
        deliver += per(start, N);
    }
    start = now_ns();
    for (i = 0; i < 10L * N; i++)
        delivered += nim_client_get_login_state(NULL) == 1;
    getter = per(start, 10L * N);
    start = now_ns();
    for (i = 0; i < N; i++)
        nim_client_relogin("{}");
    call = per(start, N);

    printf("in units of one lock and unlock (this machine, this run):\n");
    printf("  post an event            %6.1f\n", post / lock);
    printf("  deliver it               %6.1f\n", deliver / lock);
    printf("  read the login state     %6.2f\n", getter / lock);
    printf("  a call up to the core    %6.1f\n", call / lock);
    return delivered < N;
}
