/* slots.c: registrations.
 *
 * A registration's user_data must live while its callback runs, also when it
 * is removed or replaced meanwhile. So destroy is called once the slot has
 * let go of it and no callback of it runs: from the queue, in its turn, or
 * right after the callback that outlived it. */
#include "front.h"

#include <stdlib.h>

static struct {
    front_registration *now;
    int detached; /* nobody has registered since the last detach */
    int unaware;  /* registered after a detach, and has heard no news since */
} *slots;

/* Locked. The table is made when the first registration or detach needs it. */
static int slots_ready(void)
{
    if (slots == NULL)
        slots = calloc((size_t)nim_slot_count, sizeof *slots);
    return slots != NULL;
}

static void run_destroy(nim_fn fn, const nim_args *a, const void *user_data)
{
    (void)a;
    ((void (*)(const void *))fn)(user_data);
}

/* A queue node that calls the destroy of r, or NULL if it has none. */
static front_node *destroy_node(const front_registration *r)
{
    static const nim_args none;
    front_node *n = r->destroy == NULL ? NULL : front_node_new(FRONT_DESTROY, &none, NULL);
    if (n != NULL) {
        n->tramp = run_destroy;
        n->fn = (nim_fn)r->destroy;
        n->user_data = r->user_data;
    }
    return n;
}

front_registration *front_registration_new(nim_fn fn, const void *user_data, void (*destroy)(const void *user_data))
{
    front_registration *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    r->fn = fn;
    r->user_data = user_data;
    r->destroy = destroy;
    r->refs = 1;
    return r;
}

void front_registration_unref(front_registration *r)
{
    if (--r->refs == 0)
        free(r);
}

void front_registration_hold(front_registration *r)
{
    r->refs++;
    r->running++;
}

/* Locked; may unlock meanwhile. The callback that outlived r has returned: r's
 * destroy runs now, under the same baton, or from the queue if that is gone.
 * After a cleanup that gave up waiting, nothing starts: r's user_data stays. */
static void destroy_late(front_registration *r)
{
    void (*destroy)(const void *) = r->destroy;
    front_node *n;
    if (front_mine() && !front.baton.stuck && !front_exiting()) {
        r->destroy = NULL;
        front_unlock();
        destroy(r->user_data);
        front_lock();
    } else if (!front_mine() && front.life.state != FRONT_CLOSED) {
        n = destroy_node(r);
        if (n != NULL)
            front_append(n);
    }
}

void front_registration_ran(front_registration *r)
{
    r->running--;
    if (r->ended && r->running == 0 && r->destroy != NULL)
        destroy_late(r);
    front_registration_unref(r);
}

front_node *front_registration_end(front_registration *r, int wait)
{
    int64_t deadline = front_bound();
    front_node *n = NULL;
    r->ended = 1;
    if (r->running == 0) {
        n = destroy_node(r);
        r->destroy = NULL;
    }
    if (n != NULL && front.life.state != FRONT_CLOSED) {
        front_append(n);
        n = NULL;
    }
    while (wait && !front_mine() && r->running > 0 && front_wait(&front.quiet, deadline))
        continue;
    front_registration_unref(r);
    return n;
}

int front_slot_used(int slot) { return slot >= 0 && slot < nim_slot_count && slots != NULL && slots[slot].now != NULL; }

int front_slot_hears(int slot, int replay)
{
    if (!front_slot_used(slot))
        return 0;
    if (replay)
        return slots[slot].unaware;
    slots[slot].unaware = 0;
    return 1;
}

void front_slot_bind(front_node *n)
{
    if (n->kind != FRONT_ACK || n->to != NULL || !front_slot_used(n->slot))
        return;
    n->to = slots[n->slot].now;
    n->to->refs++;
}

front_registration *front_slot_fetch(const front_node *n)
{
    front_registration *r = n->to != NULL ? n->to : slots[n->slot].now;
    if (r != NULL)
        front_registration_hold(r);
    return r;
}

void nim_register(int slot, nim_fn fn, const void *user_data, void (*destroy)(const void *user_data))
{
    front_registration *r = NULL, *old;
    front_node *n = NULL;
    int replay, tell;
    if (front_forked() || slot < 0 || slot >= nim_slot_count)
        return;
    if (fn != NULL && (r = front_registration_new(fn, user_data, destroy)) == NULL)
        return;
    front_lock();
    if (!slots_ready()) {
        front_unlock();
        free(r);
        return;
    }
    old = slots[slot].now;
    slots[slot].now = r;
    replay = r != NULL && slots[slot].detached && (nim_slot_replays[slot] & 1);
    tell = replay || (r != NULL && (nim_slot_replays[slot] & 2));
    if (r != NULL) {
        slots[slot].unaware = replay;
        slots[slot].detached = 0;
    }
    if (old != NULL)
        n = front_registration_end(old, r == NULL);
    front_unlock_and_serve();
    front_run_here(n, 0);
    if (tell && front_go_enter()) {
        nim_go_replay(slot);
        front_go_leave();
    }
}

void front_slots_end(void)
{
    front_node *n;
    int i;
    for (n = front.queue.head; n != NULL; n = n->next)
        front_slot_bind(n);
    for (i = 0; slots != NULL && i < nim_slot_count; i++) {
        front_registration *r = slots[i].now;
        slots[i].now = NULL;
        slots[i].detached = 0;
        if (r != NULL)
            front_registration_end(r, 0);
    }
    if (front.wake.hook != NULL)
        front_registration_end(front.wake.hook, 0);
    front.wake.hook = NULL;
}

/* Locked. The pointers of r are dead: neither fn nor destroy may be called. */
static void forget(front_registration *r)
{
    r->destroy = NULL;
    front_registration_end(r, 0);
}

void front_detach(void)
{
    int i;
    if (front_forked())
        return;
    front_lock();
    for (i = 0; slots_ready() && i < nim_slot_count; i++) {
        if (slots[i].now != NULL)
            forget(slots[i].now);
        slots[i].now = NULL;
        slots[i].detached = 1;
    }
    if (front.wake.hook != NULL)
        forget(front.wake.hook);
    front.wake.hook = NULL;
    front.wake.called = front.wake.due = 0;
    front_calls_detach();
    front_drop_all(FRONT_KEEP_QUESTIONS);
    front_unlock_and_serve();
}

int nim_registered(int slot)
{
    int used;
    front_lock();
    used = front_slot_used(slot);
    front_unlock();
    return used;
}
