/* bridge_queue.c: the queue of callbacks, and the baton whose holder runs them. */
#include "bridge_front.h"

#include <stdlib.h>
#include <string.h>

/* One stay of this thread inside host code; they nest. */
typedef struct stay {
    struct stay *outer;
    uint32_t epoch; /* of the baton that it runs under */
    int took;       /* the baton was free and is given back at the end */
} stay;

static __thread stay *innermost;

int front_mine(void) { return innermost != NULL && innermost->epoch == front.epoch; }

/* Locked. Enters host code; the baton is free, or this thread's, or left alone. */
static void stay_begin(stay *s)
{
    s->outer = innermost;
    s->epoch = front.epoch;
    s->took = !front.held;
    front.held = 1;
    innermost = s;
}

void front_seize(void)
{
    uint32_t old = front.epoch++;
    stay *s;
    front.held = front.waking = front.stuck = front.thread = 0;
    for (s = innermost; s != NULL && s->epoch == old; s = s->outer) {
        s->epoch = front.epoch;
        s->took = s->outer == NULL || s->outer->epoch != old;
        front.held = 1;
    }
    front_broadcast_all();
}

/* Locked. 0: init has taken the baton away meanwhile. */
static int stay_end(const stay *s)
{
    innermost = s->outer;
    if (s->epoch != front.epoch)
        return 0;
    if (s->took) {
        front.held = 0;
        front.stuck = front.stuck && front.waking;
    }
    port_broadcast(&front.quiet);
    return 1;
}

front_node *front_node_new(enum front_kind kind, const nim_args *args, const size_t *len)
{
    size_t size = sizeof(front_node), l[NIM_MAX_STR];
    front_node *n;
    char *p;
    int i;
    for (i = 0; i < NIM_MAX_STR; i++) {
        l[i] = args->str[i] == NULL ? 0 : len != NULL ? len[i] : strlen(args->str[i]);
        size += l[i] + 1;
    }
    n = malloc(size);
    if (n == NULL)
        return NULL;
    memset(n, 0, sizeof *n);
    n->kind = kind;
    memcpy(n->args.num, args->num, sizeof n->args.num);
    p = n->bytes;
    for (i = 0; i < NIM_MAX_STR; i++) {
        if (l[i] > 0)
            memcpy(p, args->str[i], l[i]);
        p[l[i]] = 0;
        n->args.str[i] = p;
        p += l[i] + 1;
    }
    return n;
}

void front_append(front_node *n)
{
    n->next = NULL;
    *front.tail = n;
    front.tail = &n->next;
    front.queued++;
    front.count.posted++;
    front.rung = 1;
    if (front.pull)
        front_wake_if_due();
}

static front_node *pop(void)
{
    front_node *n = front.head;
    front.head = n->next;
    if (front.head == NULL)
        front.tail = &front.head;
    front.queued--;
    port_broadcast(&front.room);
    return n;
}

static int is_answer(const front_node *n) { return n->kind == FRONT_COMPLETION || n->kind == FRONT_DESTROY; }

void front_drop_all(int keep_answers)
{
    front_node *n = front.head, *next;
    front.head = NULL;
    front.tail = &front.head;
    front.queued = 0;
    for (; n != NULL; n = next) {
        next = n->next;
        if (keep_answers && is_answer(n)) {
            n->next = NULL;
            *front.tail = n;
            front.tail = &n->next;
            front.queued++;
            continue;
        }
        if (n->kind == FRONT_COMPLETION)
            front.count.lost_answers++;
        else
            front.count.dropped_events++;
        free(n);
    }
    port_broadcast(&front.room);
}

void front_drop_token(uint64_t request)
{
    front_node **at, *n;
    for (at = &front.head; (n = *at) != NULL; at = &n->next) {
        if (n->kind != FRONT_TOKEN || n->request != request)
            continue;
        *at = n->next;
        if (front.tail == &n->next)
            front.tail = at;
        front.queued--;
        free(n);
        return;
    }
}

int front_may_run(void)
{
    return front.head != NULL && (front.state == FRONT_OPEN || front.state == FRONT_CLOSING) &&
           !front.give_up && !front_exiting();
}

int front_wait_baton(int64_t deadline)
{
    while (front.held)
        if (!front_wait(&front.quiet, deadline))
            return 0;
    return 1;
}

int front_busy(void) { return front.held || front.waking; }

int front_wait_quiet(int64_t deadline)
{
    while (front_busy())
        if (!front_wait(&front.quiet, deadline))
            return 0;
    return 1;
}

/* Locked, inside a stay: fetches what n calls, marks it running, and runs it. */
static void run(front_node *n)
{
    front_registration *r = NULL;
    nim_tramp tramp = n->tramp;
    nim_fn fn = n->fn;
    const void *user_data = n->user_data;
    if (n->kind == FRONT_TOKEN) {
        front_token_run(n);
        return;
    }
    if (n->kind == FRONT_EVENT) {
        r = front_slot_fetch(n->slot);
        if (r == NULL)
            return;
        tramp = nim_slot_tramps[n->slot];
        fn = r->fn;
        user_data = r->user_data;
    }
    if (fn == NULL)
        return;
    front.count.delivered++;
    front_unlock();
    tramp(fn, &n->args, user_data);
    front_lock();
    if (r != NULL)
        front_registration_ran(r);
}

int front_run_next(void)
{
    front_node *n = pop();
    stay s;
    stay_begin(&s);
    run(n);
    free(n);
    return stay_end(&s);
}

void front_run_here(front_node *n, int beside_stuck)
{
    stay s;
    if (n == NULL)
        return;
    front_lock();
    if (!front_mine() && !(beside_stuck && front.stuck) && !front_wait_baton(front_bound()) && !beside_stuck) {
        front.count.lost_answers++;
    } else {
        stay_begin(&s);
        run(n);
        stay_end(&s);
    }
    front_unlock();
    free(n);
}
