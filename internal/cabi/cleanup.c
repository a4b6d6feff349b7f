/* cleanup.c: from open to closed.
 *
 * What cleanup holds to, in this order, when it cannot have everything:
 * nothing starts after it has returned; callbacks run one at a time; every
 * accepted call is answered. It never waits longer than FRONT_BOUND_MS for
 * another thread, and never for its own. */
#include "front.h"

#include <string.h>

void front_broadcast_all(void)
{
    port_broadcast(&front.work);
    port_broadcast(&front.quiet);
    port_broadcast(&front.room);
}

int front_wait_settled(int64_t deadline)
{
    while (front.life.state == FRONT_STARTING || (front.life.state == FRONT_CLOSING && !front_mine()))
        if (!front_wait(&front.quiet, deadline))
            return 0;
    return 1;
}

/* Locked. Runs what is left on this thread, which has the baton or may take it. */
static void deliver_here(void)
{
    while (front_may_run())
        if (!front_run_next())
            break;
}

/* Locked; unlocks meanwhile. Steps 3 and 4: the answers, on the thread they
 * belong to. A wake hook that runs is waited for too. 0 on expiry. */
static int deliver_answers(int mine, int64_t deadline)
{
    while (mine) {
        deliver_here();
        if (!front.wake.runs)
            return 1;
        if (!front_wait(&front.quiet, deadline))
            return 0;
    }
    while (front_busy() || front_may_run()) {
        int served = front_unlock_and_serve();
        front_lock();
        if (front_may_run() && !front.baton.held && (front.delivery.pull || !served))
            deliver_here();
        else if ((front_busy() || front_may_run()) && !front_wait(&front.quiet, deadline))
            return 0;
    }
    return 1;
}

/* Locked. Step 5. */
static void close_front(void)
{
    uint64_t before = front.count.lost_answers;
    front_drop_all(0);
    front.life.lost_at_cleanup += front.count.lost_answers - before;
    front.life.state = FRONT_CLOSED;
    front.life.generation++;
    front.wake.called = front.wake.due = front.delivery.dispatching = 0;
    front_state_reset();
    front_broadcast_all();
}

/* The registrations stay; what has ended meanwhile is destroyed. */
void front_abandon(void)
{
    front.life.state = FRONT_CLOSING;
    front_drop_all(FRONT_KEEP_ANSWERS);
    front_broadcast_all();
    if (!deliver_answers(front_mine(), front_bound()))
        front.baton.stuck = front_busy();
    close_front();
}

/* Locked; unlocks meanwhile. Steps 3 to 5. What an answer registers ends as
 * well: the app may free it once cleanup has returned. */
static void finish(int mine)
{
    int64_t deadline = front_bound();
    int done;
    front_slots_end();
    done = deliver_answers(mine, deadline);
    front_slots_end();
    if (!done || !deliver_answers(mine, deadline))
        front.baton.stuck = front_busy();
    close_front();
}

/* Locked; unlocks meanwhile. Steps 1 to 5 on the thread that comes first. */
static void close_first(int mine)
{
    int64_t deadline = front_bound();
    front.life.state = FRONT_CLOSING;
    front_drop_all(FRONT_KEEP_ANSWERS);
    front_broadcast_all();
    while (front.life.calls_in_go > 0 && front_wait(&front.quiet, deadline))
        continue;
    front_unlock();
    front_guard_stack();
    front_signals_wait();
    nim_go_stop();
    front_signals_come();
    front_lock();
    front_calls_cancel();
    finish(mine);
}

/* Locked. A cleanup beside or after another one: it too returns only when
 * nothing starts any more. */
static void close_again(void)
{
    int64_t deadline = front_bound();
    if (!front_wait_settled(deadline) && front.life.state == FRONT_CLOSING) {
        front.baton.give_up = 1;
        front.baton.stuck = front_busy();
    }
    if (front.life.state == FRONT_CLOSED && !front.baton.stuck && !front_mine())
        front.baton.stuck = !front_wait_quiet(deadline);
}

void front_cleanup(void)
{
    int mine;
    if (front_forked())
        return;
    front_lock();
    mine = front_mine();
    if (front.life.state == FRONT_STARTING)
        front_wait_settled(front_bound());
    if (front.life.state == FRONT_OPEN)
        close_first(mine);
    else if (!(front.life.state == FRONT_CLOSING && mine))
        close_again();
    front_unlock();
}

void front_cleanup_then(nim_tramp tramp, nim_fn fn, const void *user_data)
{
    nim_args args;
    front_node *n;
    front_cleanup();
    if (fn == NULL || front_forked())
        return;
    memset(&args, 0, sizeof args);
    args.str[0] = "{\"err_code\":200}";
    n = front_node_new(FRONT_COMPLETION, &args, NULL);
    if (n == NULL)
        return;
    n->tramp = tramp;
    n->fn = fn;
    n->user_data = user_data;
    front_run_here(n, 1);
}
