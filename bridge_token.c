/* bridge_token.c: the token provider, the one callback that gives something back.
 *
 * A request is one turn of the provider. The core waits for it on a thread of
 * its own; the provider runs in the queue's order, under the baton. Whichever
 * of the two is last to let go of the request frees it. */
#include "bridge_front.h"

#include <stdlib.h>
#include <string.h>

enum outcome { WAITING, ANSWERED, NO_TOKEN, EXPIRED, CANCELLED };

typedef struct request {
    struct request *next;
    uint64_t id;
    int64_t deadline;
    enum outcome outcome;
    int running;   /* the provider has been called and has not returned */
    int abandoned; /* the core does not wait any more */
    char *token;
    size_t len;
} request;

enum { RETRY_MS = 50 };

static request *requests;
static uint64_t last_id;
static char *late; /* a token that came after its deadline */
static size_t late_len;

static void forget(char *token, size_t len)
{
    volatile char *p = token;
    if (token == NULL)
        return;
    while (len-- > 0)
        *p++ = 0;
    free(token);
}

static request **find(uint64_t id)
{
    request **at = &requests;
    while (*at != NULL && (*at)->id != id)
        at = &(*at)->next;
    return at;
}

static void drop(request **at)
{
    request *r = *at;
    *at = r->next;
    forget(r->token, r->len);
    free(r);
}

uint64_t nim_token_ask(const char *json, size_t len, int timeout_ms)
{
    nim_args args;
    size_t lens[NIM_MAX_STR] = {0};
    front_node *n;
    request *r;
    uint64_t id = 0;
    if (front_forked())
        return 0;
    memset(&args, 0, sizeof args);
    args.str[0] = json;
    lens[0] = len;
    n = front_node_new(FRONT_TOKEN, &args, lens);
    r = calloc(1, sizeof *r);
    front_lock();
    if (n != NULL && r != NULL && front.state == FRONT_OPEN &&
        front_slot_used(NIM_SLOT_client_relogin_request_token)) {
        id = r->id = n->request = ++last_id;
        r->deadline = port_now() + timeout_ms;
        r->next = requests;
        requests = r;
        n->slot = NIM_SLOT_client_relogin_request_token;
        front_append(n);
    }
    front_unlock_and_serve();
    if (id == 0) {
        free(n);
        free(r);
    }
    return id;
}

/* Locked. Waits until r has an outcome; the delivery thread may have to be
 * started again meanwhile, since the system can refuse it. */
static void wait_for_outcome(request *r)
{
    while (r->outcome == WAITING) {
        int64_t now = port_now(), until = now + RETRY_MS;
        if (now >= r->deadline) {
            r->outcome = EXPIRED;
            front_drop_token(r->id);
            break;
        }
        front_wait(&front.quiet, until < r->deadline ? until : r->deadline);
        front_unlock_and_serve();
        front_lock();
    }
}

int nim_token_wait(uint64_t id, char **token, size_t *len)
{
    static const int results[] = {0, 1, 2, 0, -1}; /* by enum outcome */
    request **at, *r;
    int result;
    *token = NULL;
    *len = 0;
    if (front_forked())
        return -1;
    front_lock();
    r = *find(id);
    if (r == NULL) {
        front_unlock();
        return -1;
    }
    wait_for_outcome(r);
    result = results[r->outcome];
    if (r->outcome == ANSWERED) {
        *token = r->token;
        *len = r->len;
        r->token = NULL;
    }
    r->abandoned = 1;
    at = find(id);
    if (!r->running)
        drop(at);
    front_unlock();
    return result;
}

int nim_token_late(char **token, size_t *len)
{
    int found;
    *token = NULL;
    *len = 0;
    if (front_forked())
        return 0;
    front_lock();
    found = late != NULL;
    *token = late;
    *len = late_len;
    late = NULL;
    late_len = 0;
    front_unlock();
    return found;
}

void front_tokens_end(int detached)
{
    request *r;
    for (r = requests; r != NULL; r = r->next) {
        if (r->outcome == WAITING || r->outcome == EXPIRED)
            r->outcome = detached ? NO_TOKEN : CANCELLED;
        front_drop_token(r->id);
    }
    forget(late, late_len);
    late = NULL;
    late_len = 0;
    port_broadcast(&front.quiet);
}

void nim_token_cancel(void)
{
    if (front_forked())
        return;
    front_lock();
    front_tokens_end(0);
    front_unlock();
}

/* Calls the provider and copies what it gives before anything else happens:
 * the memory is the host's. NULL: it gave nothing. */
static char *ask_provider(const front_registration *p, nim_args *args, size_t *len)
{
    char *given = NULL, *copy;
    uint32_t length = 0;
    args->num[0] = (int64_t)(intptr_t)&given;
    args->num[1] = (int64_t)(intptr_t)&length;
    nim_slot_tramps[NIM_SLOT_client_relogin_request_token](p->fn, args, p->user_data);
    if (given == NULL || length == 0 || length > FRONT_TEXT)
        return NULL;
    copy = malloc((size_t)length + 1);
    if (copy == NULL)
        return NULL;
    memcpy(copy, given, length);
    copy[length] = 0;
    *len = length;
    return copy;
}

/* Locked. Files the provider's answer with its request. */
static void answered(request **at, char *token, size_t len)
{
    request *r = *at;
    r->running = 0;
    if (r->outcome == WAITING) {
        r->outcome = token != NULL ? ANSWERED : NO_TOKEN;
        r->token = token;
        r->len = len;
    } else if (r->outcome == EXPIRED && token != NULL) {
        forget(late, late_len);
        late = token;
        late_len = len;
        front.count.tokens_late++;
    } else {
        forget(token, len);
    }
    if (r->abandoned)
        drop(at);
    port_broadcast(&front.quiet);
}

void front_token_run(front_node *n)
{
    request *r = *find(n->request);
    front_registration *p;
    char *token;
    size_t len = 0;
    if (r == NULL || r->outcome != WAITING)
        return;
    p = port_now() < r->deadline ? front_slot_fetch(n->slot) : NULL;
    if (p == NULL) {
        r->outcome = port_now() < r->deadline ? NO_TOKEN : EXPIRED;
        port_broadcast(&front.quiet);
        return;
    }
    r->running = 1;
    front.count.delivered++;
    front_unlock();
    token = ask_provider(p, &n->args, &len);
    front_lock();
    answered(find(n->request), token, len);
    front_registration_ran(p);
}
