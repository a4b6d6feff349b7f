/* post.c: what Go posts. Nothing here waits or calls the host. */
#include "front.h"

#include <stdlib.h>
#include <string.h>

/* Locked. Whether somebody hears an event of the slot now. */
static int heard(int slot, int flags)
{
    int open = front.life.state == FRONT_OPEN || front.life.state == FRONT_STARTING;
    if (slot < 0 || slot >= nim_slot_count || !(open || (front.life.state == FRONT_CLOSING && nim_slot_ends_calls[slot])))
        return 0;
    return front_slot_hears(slot, flags & NIM_POST_REPLAY);
}

/* Locked. Whether *node has somebody to go to; addresses it. */
static int address(front_node **node, int slot, uint64_t call, int flags, int callback)
{
    front_node *n = *node;
    if (call != 0) {
        if (front_call_take(call, flags & NIM_POST_FINAL, callback, node)) {
            n = *node;
            if (n->fn != NULL && (n->kind == FRONT_COMPLETION || front.life.state != FRONT_CLOSING))
                return 1;
            front.count.lost_answers += n->kind == FRONT_COMPLETION;
            return 0;
        }
        front.count.late_answers++;
        return 0;
    }
    if (!heard(slot, flags))
        return 0;
    if ((flags & NIM_POST_DROPPABLE) && front.queue.count >= FRONT_LOG_LINES) {
        front.count.dropped_logs++;
        return 0;
    }
    n->kind = nim_slot_ends_calls[slot] ? FRONT_ACK : FRONT_EVENT;
    n->slot = slot;
    return 1;
}

nim_posted nim_post(int slot, uint64_t call, int flags, int callback, const void *packed, size_t len)
{
    nim_posted where = {0, 0};
    front_node *n;
    int kept;
    if (front_forked() || callback < NIM_CALLBACK_ANY || callback >= nim_callback_count)
        return where;
    n = front_node_packed(packed, len);
    if (n == NULL)
        return where;
    front_lock();
    kept = address(&n, slot, call, flags, callback);
    if (kept) {
        front_append(n);
        where.node = n->number;
    }
    where.backlog = front_backlog();
    front_unlock_and_serve();
    if (!kept)
        free(n);
    return where;
}

int64_t nim_opaque_called(int index)
{
    enum { NAMES = 512 };
    static unsigned char called[NAMES];
    unsigned char *once = &called[index % NAMES];
    if (!front_forked() && !__atomic_exchange_n(once, 1, __ATOMIC_RELAXED) &&
        !front_tell_refused(NIM_OP_none, nim_opaque_names[index], NIM_ERR_NOT_SUPPORTED,
                            "its signature is not known; it does nothing"))
        __atomic_store_n(once, 0, __ATOMIC_RELAXED);
    return 0;
}
