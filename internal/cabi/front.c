/* front.c: the state of the front, and what ends it early: a fork, an exit. */
#include "front.h"

#include <stdlib.h>
#include <string.h>

struct front front;

void front_lock(void) { port_lock(&front.mu); }

/* A thread woken while the lock is held would run into it and sleep again, in
 * the way of the one that posts: it is woken when the lock is let go. */
void front_unlock(void)
{
    int work = front.rung;
    front.rung = 0;
    port_unlock(&front.mu);
    if (work)
        port_broadcast(&front.work);
}

int front_wait(port_cond *c, int64_t deadline)
{
    if (front.rung)
        port_broadcast(&front.work);
    front.rung = 0;
    return port_wait_until(c, &front.mu, deadline);
}

int front_forked(void) { return __atomic_load_n(&front.forked, __ATOMIC_RELAXED); }
int front_exiting(void) { return __atomic_load_n(&front.exiting, __ATOMIC_ACQUIRE); }

/* The child of a fork has one thread, perhaps a lock held by a thread that is
 * not there, and no Go runtime: it only learns what it is. */
static void in_child(void) { __atomic_store_n(&front.forked, 1, __ATOMIC_RELAXED); }

/* Runs when the library is loaded: before the host can call, and before it can
 * fork, since a fork without init loses the Go runtime just the same. */
static void __attribute__((constructor)) on_load(void)
{
    port_mutex_init(&front.mu);
    port_cond_init(&front.work);
    port_cond_init(&front.quiet);
    port_cond_init(&front.room);
    front.queue.tail = &front.queue.head;
    front.life.init_error = "";
    front_state_reset();
    port_on_fork(in_child);
    port_pin_library();
}

/* No callback starts once the process exits: static destructors run on the
 * exiting thread and take away what callbacks use. One that runs already gets
 * a moment to end. */
static void on_exit_process(void)
{
    if (front_forked())
        return;
    __atomic_store_n(&front.exiting, 1, __ATOMIC_RELEASE);
    if (!port_threads_run_at_exit)
        return;
    front_lock();
    if (!front_mine())
        front_wait_quiet(front_bound());
    front_unlock();
}

int64_t front_bound(void) { return port_now() + (front_exiting() ? FRONT_EXIT_MS : FRONT_BOUND_MS); }

void front_watch_exit(void)
{
    static int watching; /* one thread at a time starts the front */
    if (!watching)
        watching = port_at_exit(on_exit_process);
}

int64_t nim_boot_time(void) { return port_boot_time(); }

void nim_stats(nim_counters *out)
{
    if (front_forked()) {
        memset(out, 0, sizeof *out);
        return;
    }
    front_lock();
    *out = front.count;
    out->calls_pending = front_calls_pending();
    out->callbacks_pending = (uint64_t)front.queue.count;
    front_unlock();
}

void nim_wait_room(int low)
{
    if (front_forked())
        return;
    front_lock();
    while (front_backlog() > low && (front.life.state == FRONT_OPEN || front.life.state == FRONT_STARTING) && !front_exiting())
        front_wait(&front.room, port_now() + FRONT_BOUND_MS);
    front_unlock();
}

char *nim_strdup(const char *s)
{
    size_t size = strlen(s) + 1;
    char *copy = malloc(size);
    if (copy != NULL)
        memcpy(copy, s, size);
    return copy;
}
