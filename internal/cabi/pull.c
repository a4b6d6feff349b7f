/* pull.c: delivery on a thread of the host. */
#include "front.h"

#include <stddef.h>

static int64_t deadline_after(int timeout_ms)
{
    enum { FOREVER = 1000000000 };
    return port_now() + (timeout_ms < 0 ? FOREVER : timeout_ms);
}

int front_set_pull(int pull)
{
    int ok = 0;
    if (front_forked())
        return 0;
    front_lock();
    if (front.life.state == FRONT_CLOSED) {
        front.delivery.pull = pull;
        ok = 1;
    }
    front_unlock();
    return ok;
}

void front_set_wake(nim_fn fn, const void *user_data, void (*destroy)(const void *user_data))
{
    front_registration *r = NULL, *old;
    front_node *n = NULL;
    if (front_forked() || (fn != NULL && (r = front_registration_new(fn, user_data, destroy)) == NULL))
        return;
    front_lock();
    old = front.wake.hook;
    front.wake.hook = r;
    front.wake.called = front.wake.due = 0;
    if (front.delivery.pull && front.queue.head != NULL)
        front_wake_if_due();
    if (old != NULL)
        n = front_registration_end(old, r == NULL);
    front_unlock_and_serve();
    front_run_here(n, 0);
}

/* Locked. Waits for a callback that may run now; 0 on expiry or when the library closes. */
static int wait_for_work(uint32_t generation, int64_t deadline)
{
    while (front.life.state == FRONT_OPEN && front.life.generation == generation) {
        int may_run = front_may_run();
        if (may_run && !front.baton.held)
            return 1;
        if (!front_wait(may_run ? &front.quiet : &front.work, deadline))
            return 0;
    }
    return 0;
}

int front_dispatch(int max_events, int timeout_ms)
{
    uint32_t generation;
    int n = 0;
    if (front_forked())
        return FRONT_NOT_OPEN;
    front_guard_stack();
    front_lock();
    generation = front.life.generation;
    if (front.life.state != FRONT_OPEN || !front.delivery.pull || front.delivery.dispatching || front_mine()) {
        n = front.life.state != FRONT_OPEN ? FRONT_NOT_OPEN : FRONT_BUSY;
        front_unlock();
        return n;
    }
    front.delivery.dispatching = 1;
    front.delivery.seen = port_now();
    if (wait_for_work(generation, deadline_after(timeout_ms))) {
        if (max_events <= 0)
            max_events = front.queue.count;
        while (n < max_events && front.life.state == FRONT_OPEN && front.life.generation == generation &&
               front_may_run() && !front.baton.held) {
            n++;
            if (!front_run_next())
                break;
        }
    }
    if (front.life.generation == generation) {
        front.delivery.dispatching = front.wake.called = 0;
        if (front.queue.head != NULL)
            front_wake_if_due();
    }
    front_unlock_and_serve();
    return n;
}

int front_pending(void)
{
    int n;
    if (front_forked())
        return 0;
    front_lock();
    n = front.queue.count;
    front_unlock();
    return n;
}

int front_wait_pending(int timeout_ms)
{
    int64_t deadline = deadline_after(timeout_ms);
    uint32_t generation;
    int n;
    if (front_forked())
        return FRONT_NOT_OPEN;
    front_lock();
    generation = front.life.generation;
    while (front.life.state == FRONT_OPEN && front.life.generation == generation && front.queue.count == 0)
        if (!front_wait(&front.work, deadline))
            break;
    n = front.life.state == FRONT_OPEN && front.life.generation == generation ? front.queue.count > 0 : FRONT_NOT_OPEN;
    front_unlock();
    return n;
}
