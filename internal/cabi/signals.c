/* signals.c: handlers of the host's that are set without SA_ONSTACK.
 *
 * A signal that interrupts Go code runs its handler on the small stack of a
 * goroutine, unless the handler asks for the alternate stack; that ends the
 * process. Go asks for it in the handlers that it finds when it is loaded, not in
 * later ones. So:
 *   - Go's own threads do not take the signals that timers, children and
 *     terminals send: those are blocked while the library is loaded, and every
 *     thread of Go's begins with the mask of that moment.
 *     Go would open SIGCHLD and SIGPROF whatever the mask; on Linux the build takes
 *     that from its table of signals (quiet_threads in build/library.sh);
 *   - a thread of the host does not take them while it is in Go;
 *   - handlers are given SA_ONSTACK at init, at each login, and when a delivery
 *     thread begins: for every other signal.
 *
 * SIGRTMIN is among the first and not among the others, also for Go (the same
 * overlay). .NET on Linux stops its threads with it, and handles a null reference
 * on the thread's usual stack while the frame of SIGSEGV waits on the alternate
 * one: a handler with SA_ONSTACK that comes then is put over that frame. It stops
 * no thread in a call of C, so that the signal may wait.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "front.h"

#ifndef _WIN32

#include <pthread.h>
#include <signal.h>
#include <string.h>

/* And SIGRTMIN, which is no constant. Nothing else that a runtime stops its threads
 * with, and no fault of the thread itself. */
static const int asynchronous[] = {SIGALRM, SIGVTALRM, SIGPROF, SIGCHLD, SIGIO, SIGWINCH};

static sigset_t before_go;

static void block(sigset_t *before)
{
    sigset_t set;
    size_t i;
    sigemptyset(&set);
    for (i = 0; i < sizeof asynchronous / sizeof asynchronous[0]; i++)
        sigaddset(&set, asynchronous[i]);
#ifdef __linux__
    sigaddset(&set, SIGRTMIN);
#endif
    pthread_sigmask(SIG_BLOCK, &set, before);
}

/* Before Go's own constructor, which starts its first thread. */
static void __attribute__((constructor(101))) before_go_begins(void) { block(&before_go); }

/* Behind it, since the linker is given Go's object first. */
static void __attribute__((constructor)) after_go_began(void) { pthread_sigmask(SIG_SETMASK, &before_go, NULL); }

/* The kernel's part of a mask: a whole sigset_t would take most of the
 * thread-local storage that a library may have. */
static __thread int inside;
static __thread unsigned char outside[64 / 8];

void front_signals_wait(void)
{
    sigset_t before;
    if (inside++ != 0)
        return;
    block(&before);
    memcpy(outside, &before, sizeof outside);
}

void front_signals_come(void)
{
    sigset_t before;
    if (inside == 0 || --inside != 0)
        return;
    sigemptyset(&before);
    memcpy(&before, outside, sizeof outside);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Whoever sets a handler meanwhile wins: his is put back, and mended in turn. */
static void mend(int sig)
{
    struct sigaction a, found;
    int tries;
    for (tries = 0; tries < 3; tries++) {
        if (sigaction(sig, NULL, &a) != 0 || a.sa_handler == SIG_DFL || a.sa_handler == SIG_IGN ||
            (a.sa_flags & SA_ONSTACK))
            return;
        a.sa_flags |= SA_ONSTACK;
        if (sigaction(sig, &a, &found) != 0 || found.sa_handler == a.sa_handler)
            return;
        sigaction(sig, &found, NULL);
    }
}

void front_mend_handlers(void)
{
    int sig;
    for (sig = 1; sig < NSIG; sig++) {
#ifdef __linux__
        if (sig == SIGRTMIN)
            continue;
#endif
        if (sig != SIGKILL && sig != SIGSTOP)
            mend(sig);
    }
}

#else

void front_signals_wait(void) {}
void front_signals_come(void) {}
void front_mend_handlers(void) {}

#endif
