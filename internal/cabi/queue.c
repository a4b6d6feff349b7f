/* queue.c: the queue of callbacks, and the baton whose holder runs them. */
#include "front.h"

#include <stdlib.h>
#include <string.h>

/* One stay of this thread inside host code; they nest. */
typedef struct stay {
    struct stay *outer;
    uint32_t epoch; /* of the baton that it runs under */
    int took;       /* the baton was free and is given back at the end */
} stay;

static __thread stay *innermost;

int front_mine(void) { return innermost != NULL && innermost->epoch == front.baton.epoch; }

/* Locked. Enters host code; the baton is free, or this thread's, or left alone. */
static void stay_begin(stay *s)
{
    s->outer = innermost;
    s->epoch = front.baton.epoch;
    s->took = !front.baton.held;
    front.baton.held = 1;
    innermost = s;
}

void front_seize(void)
{
    uint32_t old = front.baton.epoch++;
    stay *s;
    front.baton.held = front.wake.runs = front.baton.stuck = front.delivery.thread = 0;
    for (s = innermost; s != NULL && s->epoch == old; s = s->outer) {
        s->epoch = front.baton.epoch;
        s->took = s->outer == NULL || s->outer->epoch != old;
        front.baton.held = 1;
    }
    front_broadcast_all();
}

/* Locked. 0: init has taken the baton away meanwhile. */
static int stay_end(const stay *s)
{
    innermost = s->outer;
    if (s->epoch != front.baton.epoch)
        return 0;
    if (s->took) {
        front.baton.held = 0;
        front.baton.stuck = front.baton.stuck && front.wake.runs;
    }
    port_broadcast(&front.quiet);
    return 1;
}

/* With room for size bytes behind it. */
static front_node *new_node(size_t size)
{
    front_node *n = malloc(sizeof *n + size);
    if (n == NULL)
        return NULL;
    memset(n, 0, sizeof *n);
    n->size = sizeof *n + size;
    return n;
}

front_node *front_node_packed(const void *packed, size_t len)
{
    front_node *n = new_node(len);
    if (n == NULL)
        return NULL;
    memcpy(n->bytes, packed, len);
    if (nim_unpack(&n->args, n->bytes, len))
        return n;
    free(n);
    return NULL;
}

void front_node_free(front_node *n)
{
    if (n->to != NULL)
        front_registration_unref(n->to);
    free(n);
}

front_node *front_node_new(enum front_kind kind, const nim_args *args, const size_t *len)
{
    size_t size = 0, l[NIM_MAX_STR];
    front_node *n;
    char *p;
    int i;
    for (i = 0; i < NIM_MAX_STR; i++) {
        l[i] = args->str[i] == NULL ? 0 : len != NULL ? len[i] : strlen(args->str[i]);
        size += l[i] + 1;
    }
    n = new_node(size);
    if (n == NULL)
        return NULL;
    n->kind = kind;
    memcpy(n->args.num, args->num, sizeof n->args.num);
    p = (char *)n->bytes;
    for (i = 0; i < NIM_MAX_STR; i++) {
        if (l[i] > 0)
            memcpy(p, args->str[i], l[i]);
        p[l[i]] = 0;
        n->args.str[i] = p;
        p += l[i] + 1;
    }
    return n;
}

static void link_last(front_node *n)
{
    n->next = NULL;
    *front.queue.tail = n;
    front.queue.tail = &n->next;
    front.queue.count++;
    front.queue.bytes += n->size;
}

int front_backlog(void)
{
    size_t parts = front.queue.bytes / NIM_BACKLOG_PART;
    return parts > (size_t)front.queue.count ? (int)parts : front.queue.count;
}

/* Callbacks with these numbers will never run. The oldest such stretches become one
 * where there are too many: what is between them was asked for long ago. */
static void cut(uint64_t from, uint64_t to)
{
    front_cut *c = front.queue.cuts;
    int n = front.queue.cut_count;
    if (n > 0 && c[n - 1].to + 1 == from) {
        c[n - 1].to = to;
        return;
    }
    if (n == FRONT_CUTS) {
        c[1].from = c[0].from;
        memmove(c, c + 1, (FRONT_CUTS - 1) * sizeof *c);
        n--;
    }
    c[n].from = from;
    c[n].to = to;
    front.queue.cut_count = n + 1;
}

static int is_cut(uint64_t node)
{
    int i;
    for (i = front.queue.cut_count - 1; i >= 0; i--)
        if (node >= front.queue.cuts[i].from)
            return node <= front.queue.cuts[i].to;
    return 0;
}

int nim_fate(uint64_t node)
{
    int fate = NIM_FATE_WAITS;
    if (front_forked())
        return fate;
    front_lock();
    if (node == 0 || is_cut(node))
        fate = NIM_FATE_CUT;
    else if (node <= front.queue.returned || (node <= front.queue.started && front.life.state != FRONT_OPEN))
        fate = NIM_FATE_RAN;
    front_unlock();
    return fate;
}

void front_append(front_node *n)
{
    n->number = ++front.queue.numbered;
    link_last(n);
    front.count.posted++;
    front.rung = 1;
    if (front.delivery.pull)
        front_wake_if_due();
}

static front_node *pop(void)
{
    front_node *n = front.queue.head;
    front.queue.head = n->next;
    if (front.queue.head == NULL)
        front.queue.tail = &front.queue.head;
    front.queue.count--;
    front.queue.bytes -= n->size;
    port_broadcast(&front.room);
    return n;
}

void front_take_out(front_node **at)
{
    front_node *n = *at;
    *at = n->next;
    if (front.queue.tail == &n->next)
        front.queue.tail = at;
    front.queue.count--;
    front.queue.bytes -= n->size;
    front_node_free(n);
    port_broadcast(&front.room);
}

static int is_kept(const front_node *n, int keep)
{
    if (n->kind == FRONT_QUESTION)
        return keep & FRONT_KEEP_QUESTIONS;
    return (keep & FRONT_KEEP_ANSWERS) && (n->kind == FRONT_COMPLETION || n->kind == FRONT_ACK || n->kind == FRONT_DESTROY);
}

void front_drop_all(int keep)
{
    front_node *n = front.queue.head, *next;
    uint64_t first = 0, last = 0;
    front.queue.head = NULL;
    front.queue.tail = &front.queue.head;
    front.queue.count = 0;
    front.queue.bytes = 0;
    for (; n != NULL; n = next) {
        next = n->next;
        if (is_kept(n, keep)) {
            link_last(n);
            continue;
        }
        if (n->kind == FRONT_COMPLETION || n->kind == FRONT_ACK)
            front.count.lost_answers++;
        else
            front.count.dropped_events++;
        first = first == 0 ? n->number : first;
        last = n->number;
        front_node_free(n);
    }
    if (first != 0)
        cut(first, last);
    port_broadcast(&front.room);
}

int front_may_run(void)
{
    return front.queue.head != NULL && (front.life.state == FRONT_OPEN || front.life.state == FRONT_CLOSING) &&
           !front.baton.give_up && !front_exiting();
}

int front_wait_baton(int64_t deadline)
{
    while (front.baton.held)
        if (!front_wait(&front.quiet, deadline))
            return 0;
    return 1;
}

int front_busy(void) { return front.baton.held || front.wake.runs; }

int front_wait_quiet(int64_t deadline)
{
    while (front_busy())
        if (!front_wait(&front.quiet, deadline))
            return 0;
    return 1;
}

/* Locked; may unlock meanwhile. n has nobody to go to any more. */
static void nobody(const front_node *n)
{
    if (n->kind != FRONT_QUESTION) {
        cut(n->number, n->number);
        return;
    }
    front_unlock();
    front_answered(n, NULL);
    front_lock();
}

/* Locked, inside a stay: fetches what n calls, marks it running, and runs it. */
static void run(front_node *n)
{
    front_registration *r = NULL;
    nim_tramp tramp = n->tramp;
    nim_fn fn = n->fn;
    const void *user_data = n->user_data;
    nim_reply reply = {0, NULL, 0};
    if (n->kind == FRONT_EVENT || n->kind == FRONT_ACK || n->kind == FRONT_QUESTION) {
        r = front_slot_fetch(n);
        if (r == NULL) {
            nobody(n);
            return;
        }
        tramp = nim_slot_tramps[n->slot];
        fn = r->fn;
        user_data = r->user_data;
    }
    if (fn == NULL)
        return;
    front.count.delivered++;
    if (n->number > front.queue.started)
        front.queue.started = n->number;
    if (n->kind == FRONT_QUESTION)
        n->args.reply = &reply;
    front_unlock();
    tramp(fn, &n->args, user_data);
    if (n->kind == FRONT_QUESTION)
        front_answered(n, &reply);
    front_lock();
    front.delivery.seen = port_now();
    if (n->number > front.queue.returned)
        front.queue.returned = n->number;
    if (r != NULL)
        front_registration_ran(r);
}

int front_run_next(void)
{
    front_node *n = pop();
    stay s;
    stay_begin(&s);
    run(n);
    front_node_free(n);
    return stay_end(&s);
}

void front_run_here(front_node *n, int beside_stuck)
{
    stay s;
    if (n == NULL)
        return;
    front_lock();
    if (!front_mine() && !(beside_stuck && front.baton.stuck) && !front_wait_baton(front_bound()) && !beside_stuck) {
        front.count.lost_answers++;
    } else {
        stay_begin(&s);
        run(n);
        stay_end(&s);
    }
    front_unlock();
    free(n);
}
