/* bridge_calls.c: calls from the host, and the table of those that await their
 * answer. An entry leaves the table with the answer that completes the call:
 * that is what makes it exactly one. */
#include "bridge_front.h"

#include <stdlib.h>
#include <string.h>

typedef struct pending {
    struct pending *next;
    uint64_t id;
    const nim_answer *answer;
    nim_fn fn; /* NULL after a detach: the answer goes nowhere */
    const void *user_data;
} pending;

enum { BUCKETS = 256 };
static pending *table[BUCKETS];
static uint64_t last_id; /* never reused, not even by the next init */
static int count;

uint64_t front_calls_pending(void) { return (uint64_t)count; }

/* Locked. Enters c into the table; 0: too many there, or no memory. */
static uint64_t accept_call(const nim_call *c)
{
    pending *p = count < FRONT_CALLS ? malloc(sizeof *p) : NULL;
    if (p == NULL)
        return 0;
    p->id = ++last_id;
    p->answer = c->answer;
    p->fn = c->fn;
    p->user_data = c->user_data;
    p->next = table[p->id % BUCKETS];
    table[p->id % BUCKETS] = p;
    count++;
    return p->id;
}

/* Locked. Where the entry of a call is, or ends in NULL. */
static pending **find(uint64_t id)
{
    pending **at = &table[id % BUCKETS];
    while (*at != NULL && (*at)->id != id)
        at = &(*at)->next;
    return at;
}

int front_call_take(uint64_t id, int final, front_node *n)
{
    pending **at = find(id), *p = *at;
    if (p == NULL)
        return 0;
    final = final || !p->answer->multi;
    n->kind = final ? FRONT_COMPLETION : FRONT_STEP;
    n->tramp = p->answer->tramp;
    n->fn = p->fn;
    n->user_data = p->user_data;
    if (final) {
        *at = p->next;
        count--;
        free(p);
    }
    return 1;
}

void nim_call_failed(uint64_t id)
{
    front_node *n = NULL;
    pending *p;
    if (front_forked())
        return;
    front_lock();
    p = *find(id);
    if (p != NULL)
        n = front_answer(p->answer, p->fn, p->user_data, NIM_ERR_INTERNAL, "");
    if (n != NULL && front_call_take(id, 1, n) && n->fn != NULL) {
        front_append(n);
        n = NULL;
    }
    front.count.lost_answers += n != NULL;
    front_unlock_and_serve();
    free(n);
}

void front_calls_cancel(void)
{
    int i;
    for (i = 0; i < BUCKETS; i++) {
        while (table[i] != NULL) {
            pending *p = table[i];
            front_node *n = front_answer(p->answer, p->fn, p->user_data, NIM_ERR_CANCELLED, "");
            table[i] = p->next;
            count--;
            if (n != NULL && n->fn != NULL) {
                front.count.cancelled++;
                front_append(n);
            } else {
                free(n);
            }
            free(p);
        }
    }
}

void front_calls_detach(void)
{
    int i;
    pending *p;
    for (i = 0; i < BUCKETS; i++)
        for (p = table[i]; p != NULL; p = p->next)
            p->fn = NULL;
}

/* Locked. Counts this thread into Go. Cleanup stops the core only when nobody
 * is in there, so the core never meets a call of an earlier init. */
static int enter_go(int early)
{
    if ((front.state != FRONT_OPEN && !(early && front.state != FRONT_CLOSING)) || front_exiting())
        return 0;
    front.calls_in_go++;
    return 1;
}

int front_go_enter(void)
{
    int ok;
    front_lock();
    ok = enter_go(0);
    front_unlock();
    if (ok)
        front_guard_stack();
    return ok;
}

static void leave_go(void)
{
    if (--front.calls_in_go == 0)
        port_broadcast(&front.quiet);
}

void front_go_leave(void)
{
    front_lock();
    leave_go();
    front_unlock_and_serve();
}

void nim_call_begin(nim_call *c, int op, const nim_answer *answer, nim_fn fn, const void *user_data)
{
    memset(c, 0, offsetof(nim_call, detail));
    c->op = op;
    c->answer = answer;
    c->fn = fn;
    c->user_data = user_data;
    c->error = NIM_ERR_OK;
    c->detail[0] = 0;
}

void nim_call_str(nim_call *c, int at, const char *param, const char *value, int kind)
{
    c->args.str[at] = value == NULL ? "" : value;
    if (value == NULL || c->error != NIM_ERR_OK || front_forked())
        return;
    if (!front_check_text(param, value, kind, &c->len[at], c->detail, sizeof c->detail))
        c->error = NIM_ERR_INVALID_ARGUMENT;
}

const char *nim_call_name(const nim_call *c) { return nim_op_names[c->op]; }

int front_tell_refused(int op, const char *function, int error, const char *detail)
{
    if (!front_go_enter())
        return 0;
    nim_go_refused(op, function, nim_error_rows[error].name, detail);
    front_go_leave();
    return 1;
}

/* Locked; returns unlocked. The call does not reach Go: its callback hears
 * why, in the queue's order, or right here when there is no queue running. */
static void refuse(nim_call *c, int error)
{
    front_node *n;
    int here = front.state != FRONT_OPEN || front_exiting();
    front.count.refused++;
    if (here)
        error = NIM_ERR_NOT_INITIALIZED;
    n = c->fn == NULL ? NULL : front_answer(c->answer, c->fn, c->user_data, error, here ? "" : c->detail);
    if (n != NULL && !here) {
        front_append(n);
        n = NULL;
    }
    front_unlock_and_serve();
    front_run_here(n, 0);
    if (c->fn == NULL && !here && c->op != NIM_OP_none)
        front_tell_refused(c->op, nim_call_name(c), error, c->detail);
}

/* Accepts c and counts this thread into Go; or refuses it and returns 0. */
static int begin(nim_call *c)
{
    int early = nim_op_early[c->op];
    if (front_forked())
        return 0;
    front_lock();
    if (c->error != NIM_ERR_OK) {
        refuse(c, c->error);
        return 0;
    }
    if (!enter_go(early)) {
        refuse(c, NIM_ERR_NOT_INITIALIZED);
        return 0;
    }
    if (c->fn != NULL && (c->id = accept_call(c)) == 0) {
        leave_go();
        refuse(c, NIM_ERR_BUSY);
        return 0;
    }
    front_unlock();
    front_guard_stack();
    return 1;
}

int64_t nim_call_go(nim_call *c)
{
    int64_t r;
    if (!begin(c))
        return 0;
    r = nim_go_call(c);
    front_go_leave();
    return r;
}

char *nim_call_text(nim_call *c, const char *otherwise)
{
    char *s = NULL;
    if (begin(c)) {
        s = nim_go_text(c);
        front_go_leave();
    }
    return s != NULL ? s : nim_strdup(otherwise);
}

void nim_call_unbuilt(nim_call *c)
{
    if (front_forked())
        return;
    front_lock();
    refuse(c, NIM_ERR_NOT_SUPPORTED);
}
