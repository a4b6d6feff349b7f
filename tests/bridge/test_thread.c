/* test_thread.c: the delivery thread comes, retires, and can be refused. */
#define _GNU_SOURCE
#include "harness.h"

#include <dirent.h>
#include <signal.h>
#include <unistd.h>

/* run.sh links with --wrap=pthread_create. */
int __real_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
int __wrap_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
static atomic_int refuse;
atomic_int refuse_joinable;
int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *attr, void *(*run)(void *), void *argument)
{
    int state = PTHREAD_CREATE_JOINABLE;
    if (attr != NULL)
        pthread_attr_getdetachstate(attr, &state);
    if (state == PTHREAD_CREATE_DETACHED && refuse > 0) { /* the delivery thread is, ours are not */
        refuse--;
        return 11;
    }
    if (state == PTHREAD_CREATE_JOINABLE && refuse_joinable > 0 && --refuse_joinable == 0)
        return 11;
    return __real_pthread_create(t, attr, run, argument);
}

static int count_entries(const char *dir)
{
    DIR *d = opendir(dir);
    int n = 0;
    while (d != NULL && readdir(d) != NULL)
        n++;
    if (d != NULL)
        closedir(d);
    return n;
}

static int threads(void) { return count_entries("/proc/self/task"); }

static long rss_kib(void)
{
    long pages = 0, ignored;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f == NULL || fscanf(f, "%ld %ld", &ignored, &pages) != 2)
        pages = 0;
    if (f != NULL)
        fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static atomic_int delivering; /* the number of the thread that ran the last callback */
static void on_noted(const char *json, const void *user_data)
{
    delivering = (int)gettid();
    on_event(json, user_data);
}

/* By its number: threads of an earlier test may still be on their way out. */
static int lives(int thread)
{
    char name[64];
    snprintf(name, sizeof name, "/proc/self/task/%d", thread);
    return access(name, F_OK) == 0;
}

static void it_retires_when_idle(void)
{
    double start;
    nim_client_reg_disconnect_cb("", on_noted, NULL);
    open_front();
    post_event(NULL);
    EVENTUALLY(rec.events == 1);
    CHECK(delivering != (int)getpid());
    start = seconds();
    EVENTUALLY(!lives(delivering));
    CHECK(seconds() - start < 1);
    post_event(NULL);
    EVENTUALLY(rec.events == 2);
}

static __thread double born; /* of the delivering thread; it has its own */
static double oldest;        /* written under the baton */
static void on_aging(const char *json, const void *user_data)
{
    rec_begin();
    (void)json, (void)user_data;
    if (born == 0)
        born = seconds();
    if (seconds() - born > oldest)
        oldest = seconds() - born;
    pause_us(100); /* so that the queue is never empty while there is no gap */
    rec.events++;
    rec_end();
}

static void it_retires_though_it_is_never_idle(void)
{
    nim_counters before, after;
    double start = seconds();
    oldest = 0;
    fake.posters = 1;
    fake.gap_us = 20000; /* then without a gap */
    nim_client_reg_disconnect_cb("", on_aging, NULL);
    nim_stats(&before);
    open_front();
    while (seconds() - start < 3.2) {
        int seen = rec.events;
        EVENTUALLY(rec.events > seen);
        if (seconds() - start > 1.6)
            fake.gap_us = 0;
    }
    close_front_and_tell();
    nim_stats(&after);
    CHECK(oldest < 1.3);
    CHECK(after.threads - before.threads >= 3);
    CHECK(after.threads - before.threads <= 6);
    CONTRACT(0);
}

static void a_refused_thread_loses_nothing(void)
{
    uintptr_t i;
    nim_client_reg_disconnect_cb("", on_event, NULL);
    open_front();
    refuse = 1000000;
    EQUAL(post_event(NULL), 1);
    EQUAL(post_event(NULL), 2);
    EQUAL(fake.retries, 1); /* one asks again, for all */
    EQUAL(rec.events, 0);
    refuse = 0;
    EVENTUALLY(rec.events == 2);
    EVENTUALLY(!FRONT(delivery.thread));

    fake.answers = NEVER;
    refuse = 1000000; /* none at all: cleanup delivers by itself */
    for (i = 0; i < 10; i++)
        nim_client_logout(kNIMLogoutAppExit, "", on_call, (const void *)i);
    close_front_and_tell();
    refuse = 0;
    CONTRACT(10);
}

/* Also for what a host thread has queued, though nothing is posted after it. */
static void a_refused_thread_is_asked_for_again(void)
{
    int i;
    open_front();
    for (i = 0; i < 2; i++) {
        refuse = 3;
        nim_client_login("\xff", "me", "t", "", on_call, (const void *)(uintptr_t)i);
        EVENTUALLY(rec.finals == i + 1);
        EVENTUALLY(!FRONT(delivery.thread));
    }
    EQUAL(fake.retries, 2);
    CONTRACT(2);
}

static void a_refused_successor_is_done_without(void)
{
    nim_counters before, after;
    double start = seconds();
    nim_stats(&before);
    fake.posters = 1; /* without a gap: there is always something left */
    nim_client_reg_disconnect_cb("", on_aging, NULL);
    open_front();
    EVENTUALLY(rec.events > 0);
    refuse = 1000000;
    while (seconds() - start < 1.2) {
        int seen = rec.events;
        EVENTUALLY(rec.events > seen);
    }
    refuse = 0;
    close_front_and_tell();
    nim_stats(&after);
    CHECK(after.threads_refused > before.threads_refused);
    CONTRACT(0);
}

static atomic_int mask_ok;
static void on_mask(const char *json, const void *user_data)
{
    sigset_t mask;
    pthread_attr_t attr;
    size_t stack = 0;
    (void)json, (void)user_data;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    pthread_getattr_np(pthread_self(), &attr);
    pthread_attr_getstacksize(&attr, &stack);
    pthread_attr_destroy(&attr);
    mask_ok = !sigismember(&mask, SIGUSR1) && !sigismember(&mask, SIGSEGV) && stack >= 1024 * 1024;
    rec.events++;
}

static void *post_with_everything_blocked(void *unused)
{
    sigset_t all;
    (void)unused;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    post_event("{}");
    return NULL;
}

static void it_has_an_ordinary_mask_and_stack(void)
{
    pthread_t t;
    nim_client_reg_disconnect_cb("", on_mask, NULL);
    open_front();
    t = spawn(post_with_everything_blocked, NULL);
    pthread_join(t, NULL);
    EVENTUALLY(rec.events == 1);
    CHECK(mask_ok);
}

static void nothing_grows(void)
{
    int i, fds, base;
    long rss = 0;
    fake.posters = 1;
    EVENTUALLY(!FRONT(delivery.thread));
    fds = count_entries("/proc/self/fd");
    base = threads();
    for (i = 0; i < 1000; i++) {
        nim_client_reg_disconnect_cb("", on_event, NULL);
        open_front();
        nim_client_logout(kNIMLogoutAppExit, "", on_call, (const void *)CALLS);
        close_front_and_tell();
        rec.closed = 0;
        if (i == 299)
            rss = rss_kib();
    }
    EQUAL(rec.finals, 1000);
    EQUAL(count_entries("/proc/self/fd"), fds);
    EVENTUALLY(threads() <= base);
#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__) && !defined(SANITIZED)
    CHECK(rss_kib() - rss < 512);
#endif
    (void)rss;
}

static stack_t stack_of_thread;
static void *call_in(void *unused)
{
    (void)unused;
    nim_global_free_buf(nimx_client_get_login_user());
    sigaltstack(NULL, &stack_of_thread);
    return NULL;
}

static long mapped_kib(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f == NULL || fscanf(f, "%ld", &pages) != 1)
        pages = 0;
    if (f != NULL)
        fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void callers_get_a_large_signal_stack(void)
{
    long mapped = 0;
    int i;
    open_front();
    pthread_join(spawn(call_in, NULL), NULL);
    EQUAL(stack_of_thread.ss_flags, 0);
    CHECK(stack_of_thread.ss_size >= 1024 * 1024);
    for (i = 0; i < 200; i++) {
        pthread_join(spawn(call_in, NULL), NULL);
        if (i == 20)
            mapped = mapped_kib();
    }
#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__) && !defined(SANITIZED)
    CHECK(mapped_kib() - mapped < 20 * 1024); /* given back with the thread */
    nimx_global_set_signal_stack(0);
    pthread_join(spawn(call_in, NULL), NULL);
    CHECK((stack_of_thread.ss_flags & SS_DISABLE) || stack_of_thread.ss_size < 1024 * 1024);
    nimx_global_set_signal_stack(1024);
#endif
    (void)mapped;
}

static pthread_key_t owner_key;
static char *own_stack;
static int found_own;

/* Frees what it finds, as .NET Core does. */
static void owner_ends(void *unused)
{
    stack_t none = {0}, found;
    (void)unused;
    none.ss_flags = SS_DISABLE;
    sigaltstack(&none, &found);
    found_own = !(found.ss_flags & SS_DISABLE) && found.ss_sp == own_stack;
}

static void *call_in_with_an_own_stack(void *unused)
{
    stack_t own = {0};
    (void)unused;
    pthread_setspecific(owner_key, &owner_key);
    own.ss_sp = own_stack;
    own.ss_size = 64 * 1024;
    sigaltstack(&own, NULL);
    nim_global_free_buf(nimx_client_get_login_user());
    sigaltstack(NULL, &stack_of_thread);
    CHECK(stack_of_thread.ss_sp != own_stack);
    return NULL;
}

static void a_stack_is_back_before_its_owner_frees_it(void)
{
    open_front();
    own_stack = malloc(64 * 1024);
    pthread_key_create(&owner_key, owner_ends);
    pthread_join(spawn(call_in_with_an_own_stack, NULL), NULL);
    CHECK(found_own);
    pthread_key_delete(owner_key);
    free(own_stack);
}

const test thread_tests[] = {
    {"thread: retires when idle", it_retires_when_idle},
    {"thread: retires though it is never idle", it_retires_though_it_is_never_idle},
    {"thread: a refused one loses nothing", a_refused_thread_loses_nothing},
    {"thread: a refused one is asked for again", a_refused_thread_is_asked_for_again},
    {"thread: a refused successor is done without", a_refused_successor_is_done_without},
    {"thread: has an ordinary mask and stack", it_has_an_ordinary_mask_and_stack},
    {"thread: nothing grows", nothing_grows},
    {"thread: callers get a large signal stack", callers_get_a_large_signal_stack},
    {"thread: a stack is back before its owner frees it", a_stack_is_back_before_its_owner_frees_it},
    {NULL, NULL}};
