/* thread.c: the delivery thread.
 *
 * It exists while there is something to deliver and little longer: a thread
 * that has entered a managed runtime (Mono) keeps the whole process from
 * exiting. So it retires, always between two callbacks, when it has been idle
 * or has simply lived long enough, and a successor takes what is left. In pull
 * mode it delivers nothing; it only calls the wake hook, because the posting
 * thread belongs to Go and must not enter the host either. */
#include "front.h"

#include <stddef.h>

static int wake_is_due(void)
{
    return front.delivery.pull && front.wake.due && front.wake.hook != NULL && front.life.state == FRONT_OPEN && !front_exiting();
}

void front_wake_if_due(void)
{
    if (front.wake.called || front.delivery.dispatching || front.wake.hook == NULL)
        return;
    front.wake.called = front.wake.due = front.rung = 1;
}

/* Locked; unlocks meanwhile. It may overlap a callback; cleanup waits for it. */
static void run_wake(uint32_t epoch)
{
    front_registration *r = front.wake.hook;
    front.wake.due = 0;
    front.wake.runs = 1;
    front_registration_hold(r);
    front_unlock();
    ((void (*)(const void *))r->fn)(r->user_data);
    front_lock();
    if (front.baton.epoch == epoch) {
        front.wake.runs = 0;
        front.baton.stuck = front.baton.stuck && front.baton.held;
    }
    front_registration_ran(r);
    port_broadcast(&front.quiet);
}

static void deliver(uint32_t epoch);

/* Locked; unlocks meanwhile. Leaves the work to a fresh thread; 0 if there is none to be had. */
static int hand_over(uint32_t epoch)
{
    int started;
    front_unlock();
    started = port_thread_start(deliver, epoch);
    front_lock();
    if (started)
        front.count.threads++;
    else
        front.count.threads_refused++;
    return started;
}

/* Locked. One life of the delivery thread. */
static void live(uint32_t epoch)
{
    int64_t now = port_now(), born = now, idle_since = now;
    while (front.baton.epoch == epoch) {
        int may_run = !front.delivery.pull && front_may_run();
        if (now - born >= FRONT_LIFE_MS && (may_run || wake_is_due())) {
            if (hand_over(epoch))
                break;
            born = now;
        } else if (wake_is_due()) {
            run_wake(epoch);
            idle_since = port_now();
        } else if (may_run && !front.baton.held) {
            if (!front_run_next())
                break;
            idle_since = port_now();
        } else if (may_run) {
            front_wait(&front.quiet, now + FRONT_IDLE_MS);
        } else {
            int64_t end = idle_since + FRONT_IDLE_MS;
            if (end > born + FRONT_LIFE_MS)
                end = born + FRONT_LIFE_MS;
            if (front.life.state == FRONT_CLOSED || now >= end) {
                front.delivery.thread = 0;
                port_broadcast(&front.quiet);
                break;
            }
            front_wait(&front.work, end);
        }
        now = port_now();
    }
}

/* A callback that was left behind may have queued its registration's destroy
 * for a thread of today. */
static void deliver(uint32_t epoch)
{
    front_guard_stack();
    front_mend_handlers();
    front_lock();
    live(epoch);
    front_unlock_and_serve();
}

/* Locked; returns unlocked. Sees to it that what is queued is delivered; what
 * the system refuses a thread for is left to one who asks again, for all. */
enum served { SERVED, REFUSED, REFUSED_FIRST /* nobody asks again yet */ };

static enum served serve(void)
{
    uint32_t epoch = front.baton.epoch;
    int started;
    enum served refused;
    if (front.delivery.thread || !(front.delivery.pull ? wake_is_due() : front_may_run())) {
        front_unlock();
        return SERVED;
    }
    front.delivery.thread = 1;
    front_unlock();
    started = port_thread_start(deliver, epoch);
    front_lock();
    if (started) {
        front.count.threads++;
        front_unlock();
        return SERVED;
    }
    front.count.threads_refused++;
    if (front.baton.epoch == epoch)
        front.delivery.thread = 0;
    refused = front.delivery.retrying ? REFUSED : REFUSED_FIRST;
    front.delivery.retrying = 1;
    front_unlock();
    return refused;
}

int front_unlock_and_serve(void)
{
    enum served s = serve();
    if (s == REFUSED_FIRST) {
        front_guard_stack();
        front_signals_wait();
        nim_go_retry();
        front_signals_come();
    }
    return s == SERVED;
}

int nim_retry(void)
{
    if (front_forked())
        return 1;
    front_lock();
    front.delivery.retrying = 0;
    return serve() != REFUSED_FIRST;
}
