/* stack.c: a large signal stack for the host's threads.
 *
 * Loading Go makes every signal handler of the process run on the alternate
 * stack of the interrupted thread, also the handlers of a .NET runtime, whose
 * own alternate stacks are too small for them. So, before a thread enters Go
 * for the first time, it is given a large one, which Go then adopts. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "front.h"

#ifdef __linux__

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { DEFAULT_KIB = 1024, LARGEST_KIB = 64 * 1024 };

static int wanted_kib = DEFAULT_KIB; /* atomic; 0: off */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static int have_key;

static __thread int guarded;

/* glibc runs these before any destructor of a pthread key, since 2.18; older
 * ones have none, and there threads keep the stacks that they have. */
extern int __cxa_thread_atexit_impl(void (*run)(void *), void *p, void *dso) __attribute__((weak));
extern void *__dso_handle;

typedef struct guard {
    stack_t before;
    char *map;
    size_t size; /* of the mapping, with the page below the stack that faults */
    int rounds;
} guard;

static int in_use(const guard *g, stack_t *now)
{
    return sigaltstack(NULL, now) == 0 && (char *)now->ss_sp > g->map && (char *)now->ss_sp < g->map + g->size;
}

/* The thread ends. A .NET runtime frees whatever stack it then finds, taking it
 * for its own; that has to be there before its destructor looks. */
static void put_back(void *p)
{
    guard *g = p;
    stack_t now;
    if (in_use(g, &now) && !(now.ss_flags & SS_ONSTACK))
        sigaltstack(&g->before, NULL);
}

/* Go lets go of the thread in a destructor of its own, and until then it may
 * know the stack; so this one asks for a second round. */
static void release(void *p)
{
    guard *g = p;
    stack_t now;
    if ((g->rounds++ == 0 && pthread_setspecific(key, g) == 0) || in_use(g, &now))
        return;
    munmap(g->map, g->size);
    free(g);
}

static void make_key(void) { have_key = pthread_key_create(&key, release) == 0; }

static void give_stack(size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    guard *g = calloc(1, sizeof *g);
    stack_t s;
    if (g == NULL)
        return;
    g->size = size + page;
    g->map = mmap(NULL, g->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (g->map == MAP_FAILED) {
        free(g);
        return;
    }
    mprotect(g->map, page, PROT_NONE);
    s.ss_sp = g->map + page;
    s.ss_size = size;
    s.ss_flags = 0;
    if (pthread_setspecific(key, g) == 0 && sigaltstack(&s, &g->before) == 0) {
        if (__cxa_thread_atexit_impl(put_back, g, &__dso_handle) == 0)
            return;
        sigaltstack(&g->before, NULL);
    }
    pthread_setspecific(key, NULL);
    munmap(g->map, g->size);
    free(g);
}

void front_guard_stack(void)
{
    size_t size = (size_t)__atomic_load_n(&wanted_kib, __ATOMIC_RELAXED) * 1024;
    stack_t now;
    if (guarded || size == 0)
        return;
    guarded = 1;
    pthread_once(&once, make_key);
    if (!have_key || __cxa_thread_atexit_impl == NULL || sigaltstack(NULL, &now) != 0 || (now.ss_flags & SS_ONSTACK))
        return;
    if ((now.ss_flags & SS_DISABLE) || now.ss_size < size)
        give_stack(size);
}

void front_set_signal_stack(int kib)
{
    if (kib < 0)
        kib = 0;
    if (kib > LARGEST_KIB)
        kib = LARGEST_KIB;
    if (kib > 0 && kib < 64)
        kib = 64;
    __atomic_store_n(&wanted_kib, kib, __ATOMIC_RELAXED);
}

#else

void front_guard_stack(void) {}
void front_set_signal_stack(int kib) { (void)kib; }

#endif
