/* port_posix.c: port.h for Linux and macOS. */
#ifndef _WIN32
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "port.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { STACK_AT_LEAST = 1024 * 1024 };

const int port_threads_run_at_exit = 1;

void port_mutex_init(port_mutex *m) { pthread_mutex_init(m, NULL); }
void port_lock(port_mutex *m) { pthread_mutex_lock(m); }
void port_unlock(port_mutex *m) { pthread_mutex_unlock(m); }

static int64_t clock_ms(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t port_now(void) { return clock_ms(CLOCK_MONOTONIC); }

int64_t port_boot_time(void)
{
#ifdef CLOCK_BOOTTIME
    return clock_ms(CLOCK_BOOTTIME);
#else
    return clock_ms(CLOCK_MONOTONIC); /* on macOS this one counts sleep */
#endif
}

void port_cond_init(port_cond *c)
{
#ifdef __APPLE__
    pthread_cond_init(c, NULL);
#else
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(c, &monotonic);
    pthread_condattr_destroy(&monotonic);
#endif
}

void port_broadcast(port_cond *c) { pthread_cond_broadcast(c); }

/* Not a cancellation point: a thread that ends in here would keep the lock. */
int port_wait_until(port_cond *c, port_mutex *m, int64_t deadline)
{
    int64_t left = deadline - port_now();
    struct timespec t;
    int cancel;
    if (left <= 0)
        return 0;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
#ifdef __APPLE__
    t.tv_sec = (time_t)(left / 1000);
    t.tv_nsec = (long)(left % 1000) * 1000000;
    pthread_cond_timedwait_relative_np(c, m, &t);
#else
    t.tv_sec = (time_t)(deadline / 1000);
    t.tv_nsec = (long)(deadline % 1000) * 1000000;
    pthread_cond_timedwait(c, m, &t);
#endif
    pthread_setcancelstate(cancel, NULL);
    return 1;
}

/* The host's own mask at the first init: a signal that it keeps for one thread of its
 * own must not find ours. Signals that report a fault of the running thread
 * are always open, or the fault would end the process unreported. */
static sigset_t host_mask;

void port_keep_signal_mask(void)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
    static int kept; /* one thread at a time starts the front */
    size_t i;
    if (kept)
        return;
    kept = 1;
    pthread_sigmask(SIG_SETMASK, NULL, &host_mask);
    for (i = 0; i < sizeof faults / sizeof faults[0]; i++)
        sigdelset(&host_mask, faults[i]);
}

struct thread_start {
    void (*run)(uint32_t);
    uint32_t argument;
    sigset_t mask;
};

static void *thread_main(void *p)
{
    struct thread_start start = *(struct thread_start *)p;
    free(p);
    pthread_sigmask(SIG_SETMASK, &start.mask, NULL);
    start.run(start.argument);
    return NULL;
}

int port_thread_start(void (*run)(uint32_t), uint32_t argument)
{
    struct thread_start *start = malloc(sizeof *start);
    pthread_attr_t attr;
    pthread_t thread;
    sigset_t all, before;
    size_t stack = 0;
    int failed;
    if (start == NULL)
        return 0;
    start->run = run;
    start->argument = argument;
    start->mask = host_mask;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    if (pthread_attr_getstacksize(&attr, &stack) == 0 && stack < STACK_AT_LEAST)
        pthread_attr_setstacksize(&attr, STACK_AT_LEAST);
    /* The starter may be a Go thread: nothing of its mask may be inherited,
     * and no handler may run on the new thread before it has its own. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(&thread, &attr, thread_main, start);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    if (failed)
        free(start);
    return !failed;
}

enum { THREADS_NEEDED = 8, DESCRIPTORS_NEEDED = 16 };

/* Stands until all of them do. */
static void *stand(void *gate)
{
    pthread_mutex_lock(gate);
    pthread_mutex_unlock(gate);
    return NULL;
}

static int threads_to_be_had(void)
{
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    pthread_t threads[THREADS_NEEDED];
    sigset_t all, before;
    int n = 0, i;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_mutex_lock(&gate);
    while (n < THREADS_NEEDED && pthread_create(&threads[n], NULL, stand, &gate) == 0)
        n++;
    pthread_mutex_unlock(&gate);
    for (i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return n;
}

static int descriptors_to_be_had(void)
{
    int fds[DESCRIPTORS_NEEDED], n = 0, i;
    while (n < DESCRIPTORS_NEEDED && (fds[n] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
        n++;
    for (i = 0; i < n; i++)
        close(fds[i]);
    return n;
}

const char *port_lacks(void)
{
    static char what[80]; /* one thread at a time starts the front */
    int n;
    if ((n = descriptors_to_be_had()) < DESCRIPTORS_NEEDED)
        snprintf(what, sizeof what, "%d more file descriptors to be had, at least %d needed", n, DESCRIPTORS_NEEDED);
    else if ((n = threads_to_be_had()) < THREADS_NEEDED)
        snprintf(what, sizeof what, "%d more threads to be had, at least %d needed", n, THREADS_NEEDED);
    else
        return NULL;
    return what;
}

void port_on_fork(void (*child)(void)) { pthread_atfork(NULL, NULL, child); }
int port_at_exit(void (*handler)(void)) { return atexit(handler) == 0; }

/* Linked with -z nodelete on Linux (Go does that); on macOS Go refuses to unload. */
void port_pin_library(void) {}

#endif
