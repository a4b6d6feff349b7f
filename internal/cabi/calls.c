/* calls.c: calls from the host, and the table of those that await their
 * answer. An entry leaves the table with the answer that completes the call:
 * that is what makes it exactly one. */
#include "front.h"

#include <stdlib.h>
#include <string.h>

typedef struct pending {
    struct pending *next;
    uint64_t id;
    const nim_answer *answer;
    nim_fn fn; /* NULL after a detach: the answer goes nowhere */
    const void *user_data;
    front_node *call; /* keeps the arguments that the answer's shape is made of; NULL: it has none */
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
    p->call = c->answer->shape == NULL ? NULL : front_node_new(FRONT_COMPLETION, &c->args, c->len);
    p->id = ++last_id;
    p->answer = c->answer;
    p->fn = c->fn;
    p->user_data = c->user_data;
    p->next = table[p->id % BUCKETS];
    table[p->id % BUCKETS] = p;
    count++;
    return p->id;
}

static const nim_args *arguments(const pending *p) { return p->call == NULL ? NULL : &p->call->args; }

static void free_pending(pending *p)
{
    free(p->call);
    free(p);
    count--;
}

/* Locked. Where the entry of a call is, or ends in NULL. */
static pending **find(uint64_t id)
{
    pending **at = &table[id % BUCKETS];
    while (*at != NULL && (*at)->id != id)
        at = &(*at)->next;
    return at;
}

/* Locked. Addresses n to the callback of a call, and lets go of the call if it is
 * over with that. The last word is an error where n has not its arguments. */
int front_call_take(uint64_t id, int final, int callback, front_node **node)
{
    pending **at = find(id), *p = *at;
    front_node *n = *node;
    if (p == NULL)
        return 0;
    if (callback != NIM_CALLBACK_ANY && nim_tramps[callback] != p->answer->tramp) {
        front_node *instead = front_answer(p->answer, arguments(p), p->fn, p->user_data, NIM_ERR_INTERNAL, "");
        if (instead == NULL)
            return 0;
        free(n);
        *node = n = instead;
        final = 1;
    }
    final = final || !p->answer->multi;
    n->kind = final ? FRONT_COMPLETION : FRONT_STEP;
    n->tramp = p->answer->tramp;
    n->fn = p->fn;
    n->user_data = p->user_data;
    if (final) {
        *at = p->next;
        free_pending(p);
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
        n = front_answer(p->answer, arguments(p), p->fn, p->user_data, NIM_ERR_INTERNAL, "");
    if (n != NULL && front_call_take(id, 1, NIM_CALLBACK_ANY, &n) && n->fn != NULL) {
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
            front_node *n = front_answer(p->answer, arguments(p), p->fn, p->user_data, NIM_ERR_CANCELLED, "");
            table[i] = p->next;
            if (n != NULL && n->fn != NULL) {
                front.count.cancelled++;
                front_append(n);
            } else {
                free(n);
            }
            free_pending(p);
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
    if ((front.life.state != FRONT_OPEN && !(early && front.life.state != FRONT_CLOSING)) || front_exiting())
        return 0;
    front.life.calls_in_go++;
    return 1;
}

int front_go_enter(void)
{
    int ok;
    front_lock();
    ok = enter_go(0);
    front_unlock();
    if (ok) {
        front_guard_stack();
        front_signals_wait();
    }
    return ok;
}

static void leave_go(void)
{
    if (--front.life.calls_in_go == 0)
        port_broadcast(&front.quiet);
}

void front_go_leave(void)
{
    front_signals_come();
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
    char detail[sizeof c->detail];
    c->args.str[at] = value == NULL ? "" : value;
    if (value == NULL || front_forked() || front_check_text(param, value, kind, &c->len[at], detail, sizeof detail))
        return;
    c->args.str[at] = ""; /* what is not text is not given back either */
    if (c->error == NIM_ERR_OK)
        strcpy(c->detail, detail);
    c->error = NIM_ERR_INVALID_ARGUMENT;
}

void nim_call_chars(nim_call *c, int at, const char *param, const char *value, size_t size)
{
    nim_call_str(c, at, param, memchr(value, 0, size) == NULL ? NULL : value, NIM_STR_TEXT);
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

/* Locked. Whether somebody hears the answer of c. */
static int heard(const nim_call *c)
{
    if (c->answer == NULL)
        return 0;
    return c->answer->slot >= 0 ? front.life.state == FRONT_OPEN && front_slot_hears(c->answer->slot, 0) : c->fn != NULL;
}

/* Locked; returns unlocked. The call does not reach Go: its callback hears why,
 * in the queue's order, or right here where it is called within the call or
 * there is no queue running. */
static void refuse(nim_call *c, int error)
{
    front_node *n = NULL;
    int open = front.life.state == FRONT_OPEN && !front_exiting(), answered = heard(c);
    front.count.refused++;
    if (!open)
        error = NIM_ERR_NOT_INITIALIZED;
    if (answered)
        n = front_answer(c->answer, &c->args, c->fn, c->user_data, error, open ? c->detail : "");
    if (n != NULL && open && !c->answer->within) {
        front_append(n);
        n = NULL;
    }
    front_unlock_and_serve();
    front_run_here(n, 0);
    if (!answered && c->fn == NULL && open && c->op != NIM_OP_none)
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
    front_signals_wait();
    if (c->op == NIM_OP_client_login)
        front_mend_handlers();
    return 1;
}

int64_t nim_call_go(nim_call *c)
{
    int64_t r = 0;
    if (begin(c)) {
        r = nim_go_call(c);
        front_go_leave();
    }
    free(c->own);
    return r;
}

char *nim_call_text(nim_call *c, const char *otherwise)
{
    char *s = NULL;
    if (begin(c)) {
        s = nim_go_text(c);
        front_go_leave();
    }
    free(c->own);
    return s != NULL ? s : nim_strdup(otherwise);
}

void nim_call_unbuilt(nim_call *c)
{
    if (front_forked())
        return;
    front_lock();
    refuse(c, c->error != NIM_ERR_OK ? c->error : NIM_ERR_NOT_SUPPORTED);
}
