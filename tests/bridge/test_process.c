/* test_process.c: the ends of a process: exit while events flow, and fork. */
#define _GNU_SOURCE
#include "harness.h"

#include <sys/wait.h>
#include <unistd.h>

/* A host object with static storage: its destructor runs at exit, and a
 * callback that starts afterwards uses freed memory. */
static int *volatile host_object;
static atomic_int host_ended;

static void on_host_object(const char *json, const void *user_data)
{
    int i;
    (void)json, (void)user_data;
    if (host_ended)
        _exit(70);
    for (i = 0; i < 50; i++)
        host_object[i]++;
    if (host_ended)
        _exit(71);
    rec.events++;
}

static void end_host_object(void)
{
    host_ended = 1;
    free(host_object);
    host_object = NULL;
    pause_us(300); /* a late callback would have the time to come */
}

static int exits_while_events_flow(void)
{
    double end = seconds() + 5;
    host_object = calloc(64, sizeof *host_object);
    atexit(end_host_object); /* before init, as a static of the program is */
    fake.posters = 2;
    nim_client_reg_disconnect_cb("", on_host_object, NULL);
    if (!nim_client_init("dir", NULL, "{}"))
        return 60;
    while (rec.events < 200 && seconds() < end)
        pause_us(20);
    exit(rec.events < 200 ? 61 : 0);
}

static void callback_exits(const char *json, const void *user_data)
{
    (void)json, (void)user_data;
    exit(0); /* does not wait for itself */
}

static int exits_in_a_callback(void)
{
    fake.posters = 1;
    nim_client_reg_disconnect_cb("", callback_exits, NULL);
    if (!nim_client_init("dir", NULL, "{}"))
        return 60;
    for (;;)
        pause_us(100000);
}

static atomic_int stuck;
static void callback_sticks(const char *json, const void *user_data)
{
    (void)json, (void)user_data;
    stuck = 1;
    for (;;)
        pause_us(100000);
}

static int exits_beside_a_stuck_callback(void)
{
    nim_client_reg_disconnect_cb("", callback_sticks, NULL);
    if (!nim_client_init("dir", NULL, "{}"))
        return 60;
    post_event(NULL);
    while (!stuck)
        pause_us(20);
    exit(0);
}

/* Static destructors of wrappers clean up: cleanup2's callback must come, or
 * they wait for it for ever. */
static void cleanup_at_exit(void)
{
    nim_client_logout(kNIMLogoutAppExit, "", on_call, (const void *)0);
    nim_client_cleanup2(on_call, NULL, (const void *)1);
    _exit(rec.count[0] == 1 && rec.count[1] == 1 ? 0 : 72);
}

static int cleans_up_at_exit(void)
{
    atexit(cleanup_at_exit);
    if (!nim_client_init("dir", NULL, "{}"))
        return 60;
    exit(0);
}

/* Runs this program as a child in the given mode; returns its exit code. */
static int run_self(const char *mode)
{
    int status = 0;
    pid_t pid;
    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        execl("/proc/self/exe", "bridge-test", "--child", mode, (char *)NULL);
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void exits_are_clean(void)
{
    static const struct {
        const char *mode;
        int times;
        double limit;
    } exits[] = {
#ifdef SANITIZED
        {"exit-flowing", 10, 3},
#else
        {"exit-flowing", 300, 1},
#endif
        {"exit-in-callback", 5, 3},
        {"exit-beside-stuck", 3, 3},
        {"exit-cleanup", 3, 3},
    };
    size_t i;
    int n;
    for (i = 0; i < sizeof exits / sizeof exits[0]; i++)
        for (n = 0; n < exits[i].times; n++) {
            double start = seconds();
            if (!EQUAL(run_self(exits[i].mode), 0))
                printf("    %s, run %d\n", exits[i].mode, n);
            CHECK(seconds() - start < exits[i].limit);
        }
}

/* Also a host that has registered nothing before hears the present state. */
static int detaches_before_it_registers(void)
{
    if (!nim_client_init("dir", NULL, "{}"))
        return 60;
    nimx_global_detach_callbacks();
    nimx_client_reg_connection_cb("", on_event, NULL, NULL);
    nim_client_cleanup(NULL);
    return fake.replays == 1 ? 0 : 76;
}

static void a_first_registration_after_a_detach_is_told(void) { EQUAL(run_self("detach-first"), 0); }

static void on_never(const char *json, const void *user_data)
{
    (void)json, (void)user_data;
    _exit(73);
}

/* In the child of a fork; the library was initialised in the parent or not. */
static int child_of_fork(void)
{
    char *text;
    int failed = 0;
    failed |= nim_client_init("dir", NULL, "{}") != 0;
    failed |= strstr(nimx_init_error(), "forked") == NULL;
    nim_client_login("key", "me", "t", "", on_never, NULL);
    nim_client_logout(kNIMLogoutAppExit, "", on_never, NULL);
    nim_client_reg_disconnect_cb("", on_never, NULL);
    nim_client_get_server_current_time(1, NULL, "", NULL);
    failed |= nim_client_get_login_state(NULL) != 2;
    failed |= nim_client_current_user_account()[0] != 0;
    failed |= nimx_client_get_status() != 0;
    failed |= nimx_global_pending() != 0;
    failed |= nimx_global_wait(1000) != -1;
    failed |= nimx_global_dispatch(0, 1000) != NIMX_DISPATCH_CLOSED;
    text = nimx_client_get_login_user();
    failed |= text == NULL || text[0] != '{';
    nim_global_free_buf(text);
    nimx_global_detach_callbacks();
    nimx_global_set_wake_cb(NULL, NULL, NULL);
    nim_client_cleanup2(on_never, NULL, NULL);
    nim_client_cleanup(NULL);
    return failed ? 74 : 0;
}

static int forks(int initialised, int locked)
{
    int status = 0;
    pid_t pid;
    fake.posters = 2;
    nim_client_reg_disconnect_cb("", on_event, NULL);
    if (initialised && !nim_client_init("dir", NULL, "{}"))
        return 60;
    if (initialised)
        while (rec.events < 100)
            pause_us(20);
    nim_publish_state(1, NIMX_STATUS_ONLINE, "me", 2);
    if (locked)
        front_lock(); /* what a fork beside a busy thread may leave to the child */
    pid = fork();
    if (pid == 0) {
        alarm(5);
        _exit(child_of_fork());
    }
    if (locked)
        front_unlock();
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
        return 75;
    if (initialised) {
        int seen = rec.events;
        while (rec.events < seen + 100) /* the parent goes on */
            pause_us(20);
        nim_client_cleanup(NULL);
    }
    return WEXITSTATUS(status);
}

static int forks_before_init(void) { return forks(0, 0); }
static int forks_while_events_flow(void) { return forks(1, 0); }
static int forks_under_the_lock(void) { return forks(1, 1); }

static void a_forked_child_is_told(void)
{
    int i;
    EQUAL(run_self("fork-before-init"), 0);
    for (i = 0; i < 10; i++)
        EQUAL(run_self("fork-flowing"), 0);
    EQUAL(run_self("fork-locked"), 0);
}

/* What a child process does; its result is the exit code. */
static const struct {
    const char *mode;
    int (*run)(void);
} children[] = {
    {"exit-flowing", exits_while_events_flow},
    {"exit-in-callback", exits_in_a_callback},
    {"exit-beside-stuck", exits_beside_a_stuck_callback},
    {"exit-cleanup", cleans_up_at_exit},
    {"detach-first", detaches_before_it_registers},
    {"fork-before-init", forks_before_init},
    {"fork-flowing", forks_while_events_flow},
    {"fork-locked", forks_under_the_lock}};

int run_child(const char *mode)
{
    size_t i;
    for (i = 0; i < sizeof children / sizeof children[0]; i++)
        if (strcmp(children[i].mode, mode) == 0)
            return children[i].run();
    return 126;
}

const test process_tests[] = {
    {"process: exits are clean", exits_are_clean},
    {"process: a first registration after a detach is told", a_first_registration_after_a_detach_is_told},
    {"process: a forked child is told", a_forked_child_is_told},
    {NULL, NULL}};
