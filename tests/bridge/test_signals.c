/* test_signals.c: signals of the host's, and threads and descriptors that cannot be had. */
#ifndef _WIN32
#include "harness.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

static void on_signal(int sig) { (void)sig; }

static int on_stack(int sig)
{
    struct sigaction a;
    sigaction(sig, NULL, &a);
    return (a.sa_flags & SA_ONSTACK) != 0 && a.sa_handler == on_signal;
}

static void set(int sig)
{
    struct sigaction a;
    memset(&a, 0, sizeof a);
    a.sa_handler = on_signal;
    sigaction(sig, &a, NULL);
}

/* Handlers set before init, and between init and login; those that the system
 * handles stay so. */
static void handlers_get_the_alternate_stack(void)
{
    struct sigaction a;
    set(SIGALRM);
    open_front();
    CHECK(on_stack(SIGALRM));
    set(SIGVTALRM);
    set(SIGUSR1);
    CHECK(!on_stack(SIGUSR1));
    nim_client_login("app", "alice", "token", "", on_call, (const void *)0);
    CHECK(on_stack(SIGVTALRM) && on_stack(SIGUSR1));
    sigaction(SIGTERM, NULL, &a);
    CHECK(a.sa_handler == SIG_DFL && !(a.sa_flags & SA_ONSTACK));
    set(SIGCHLD);
    nim_client_reg_disconnect_cb("", on_event, NULL);
    nim_client_cleanup(NULL);
    EVENTUALLY(!FRONT(delivery.thread)); /* the next one begins anew */
    open_front();
    CHECK(on_stack(SIGCHLD));
    signal(SIGALRM, SIG_DFL), signal(SIGVTALRM, SIG_DFL), signal(SIGUSR1, SIG_DFL), signal(SIGCHLD, SIG_DFL);
}

static sigset_t in_go;

static void look(void) { pthread_sigmask(SIG_SETMASK, NULL, &in_go); }

/* A thread of the host takes no timer while it is in Go, and has its own mask after. */
static void a_thread_in_go_takes_no_timers(void)
{
    sigset_t before, after;
    int sig;
    fake.in_call = look;
    open_front();
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    nim_global_free_buf(nim_tool_get_uuid());
    nim_client_logout(kNIMLogoutAppExit, "", on_call, (const void *)0);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    CHECK(sigismember(&in_go, SIGALRM) && sigismember(&in_go, SIGCHLD));
    CHECK(!sigismember(&in_go, SIGSEGV) && !sigismember(&in_go, SIGURG));
    for (sig = 1; sig < NSIG; sig++)
        EQUAL(sigismember(&after, sig), sigismember(&before, sig));
}

static stack_t of_delivery;
static int blocked_in_callback;

static void on_look(const char *json, const void *user_data)
{
    sigset_t mask;
    rec_begin();
    (void)json, (void)user_data;
    sigaltstack(NULL, &of_delivery);
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    blocked_in_callback = sigismember(&mask, SIGALRM);
    rec.events++;
    rec_end();
}

static void *dispatches(void *unused)
{
    (void)unused;
    nimx_global_dispatch(1, 1000);
    return NULL;
}

/* Host code runs on the delivery thread, or on one that dispatches. */
static void callbacks_have_a_large_signal_stack(void)
{
#ifdef __linux__
    nim_client_reg_disconnect_cb("", on_look, NULL);
    open_front();
    post_event("{}");
    EVENTUALLY(rec.events == 1);
    CHECK(!(of_delivery.ss_flags & SS_DISABLE) && of_delivery.ss_size >= 1024 * 1024);
    CHECK(!blocked_in_callback);
    nim_client_cleanup(NULL);
    nimx_global_set_dispatch_mode(NIMX_DISPATCH_PULL);
    nim_client_reg_disconnect_cb("", on_look, NULL);
    open_front();
    post_event("{}");
    memset(&of_delivery, 0, sizeof of_delivery);
    pthread_join(spawn(dispatches, NULL), NULL);
    EQUAL(rec.events, 2);
    CHECK(!(of_delivery.ss_flags & SS_DISABLE) && of_delivery.ss_size >= 1024 * 1024);
#endif
}

/* ---- what Go would end the process for ---- */

extern atomic_int refuse_joinable;

static void init_without_descriptors(void)
{
    struct rlimit before, low;
    int next = open("/dev/null", O_RDONLY);
    close(next);
    getrlimit(RLIMIT_NOFILE, &before);
    low = before;
    low.rlim_cur = (rlim_t)next + 5;
    setrlimit(RLIMIT_NOFILE, &low);
    CHECK(!nim_client_init("", "", "{}"));
    setrlimit(RLIMIT_NOFILE, &before);
    CONTAINS(nimx_init_error(), "resources_short");
    CONTAINS(nimx_init_error(), "5 more file descriptors");
    EQUAL(fake.inits, 0);
    open_front();
    EQUAL(fake.inits, 1);
}

static void init_without_threads(void)
{
    refuse_joinable = 3;
    CHECK(!nim_client_init("", "", "{}"));
    refuse_joinable = 0;
    CONTAINS(nimx_init_error(), "2 more threads");
    EQUAL(fake.inits, 0);
    open_front();
    EQUAL(fake.inits, 1);
}

const test signal_tests[] = {
    {"signals: handlers get the alternate stack", handlers_get_the_alternate_stack},
    {"signals: a thread in Go takes no timers", a_thread_in_go_takes_no_timers},
    {"signals: callbacks have a large signal stack", callbacks_have_a_large_signal_stack},
    {"signals: init without descriptors", init_without_descriptors},
    {"signals: init without threads", init_without_threads},
    {NULL, NULL}};
#else
typedef int nothing_here;
#endif
