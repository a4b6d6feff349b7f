/* ask.c: callbacks that give something back.
 *
 * A question runs in the queue's order, under the baton, like any callback. What
 * the host returns goes to Go at once, on the thread that ran it, so nobody ever
 * waits for an answer in here. How long one may take is Go's to say: it takes
 * back what has waited too long. */
#include "front.h"

#include <stdlib.h>

nim_posted nim_ask(uint64_t question, int slot, int callback, const void *packed, size_t len)
{
    nim_posted where = {0, 0};
    front_node *n;
    if (front_forked() || slot < 0 || slot >= nim_slot_count || nim_slot_tramps[slot] != nim_tramps[callback])
        return where;
    n = front_node_packed(packed, len);
    if (n == NULL)
        return where;
    front_lock();
    if (front.life.state == FRONT_OPEN && front_slot_used(slot)) {
        n->kind = FRONT_QUESTION;
        n->slot = slot;
        n->question = question;
        n->asked = port_now();
        front_append(n);
        where.node = n->number;
    }
    where.backlog = front_backlog();
    front_unlock_and_serve();
    if (where.node == 0)
        free(n);
    return where;
}

/* Not after a cleanup: the core that has asked is gone, and so is the question. */
void front_answered(const front_node *n, const nim_reply *reply)
{
    static const nim_reply none = {0, NULL, 0};
    size_t len;
    int heard = reply != NULL;
    if (!heard)
        reply = &none;
    len = reply->text == NULL || reply->len > FRONT_TEXT ? 0 : reply->len;
    if (!front_go_enter())
        return;
    nim_go_answered(n->question, heard, reply->number, len > 0 ? reply->text : "", len);
    front_go_leave();
}

/* Locked. How long a question may still wait, ms: a callback that runs is the host at work. */
static int64_t left(const front_node *n, int idle_ms, int64_t now)
{
    int64_t since = front.baton.held ? now : front.delivery.seen;
    if (since < n->asked)
        since = n->asked;
    return idle_ms == 0 || since + idle_ms < now ? 0 : since + idle_ms - now;
}

int nim_asks_take_back(int slot, int idle_ms, uint64_t *questions, int max, int *next_ms)
{
    int64_t now = port_now(), next = -1;
    int taken = 0;
    front_node **at = &front.queue.head, *n;
    *next_ms = -1;
    if (front_forked())
        return 0;
    front_lock();
    while ((n = *at) != NULL) {
        int64_t wait = n->kind == FRONT_QUESTION && n->slot == slot ? left(n, idle_ms, now) : -1;
        if (wait == 0 && taken < max) {
            questions[taken++] = n->question;
            front_take_out(at);
            continue;
        }
        if (wait >= 0 && (next < 0 || wait < next))
            next = wait;
        at = &n->next;
    }
    front_unlock();
    *next_ms = (int)next;
    return taken;
}
