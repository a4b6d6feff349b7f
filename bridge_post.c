/* bridge_post.c: what Go posts. Nothing here waits or calls the host. */
#include "bridge_front.h"

#include <stdlib.h>
#include <string.h>

/* Locked. Whether n has somebody to go to; addresses it. */
static int address(front_node *n, int slot, uint64_t call, int flags)
{
    if (call != 0) {
        if (front_call_take(call, flags & NIM_POST_FINAL, n)) {
            if (n->fn != NULL && (n->kind == FRONT_COMPLETION || front.state != FRONT_CLOSING))
                return 1;
            front.count.lost_answers += n->kind == FRONT_COMPLETION;
            return 0;
        }
        front.count.late_answers++;
        return 0;
    }
    if ((front.state != FRONT_OPEN && front.state != FRONT_STARTING) || !front_slot_hears(slot, flags & NIM_POST_REPLAY))
        return 0;
    if ((flags & NIM_POST_DROPPABLE) && front.queued >= FRONT_LOG_LINES) {
        front.count.dropped_logs++;
        return 0;
    }
    n->slot = slot;
    return 1;
}

int nim_post(int slot, uint64_t call, int flags,
             int64_t n0, int64_t n1, int64_t n2, int64_t n3,
             const char *s0, size_t l0, const char *s1, size_t l1)
{
    nim_args args;
    size_t len[NIM_MAX_STR] = {0};
    front_node *n;
    int queued, kept;
    if (front_forked())
        return 0;
    memset(&args, 0, sizeof args);
    args.num[0] = n0;
    args.num[1] = n1;
    args.num[2] = n2;
    args.num[3] = n3;
    args.str[0] = s0;
    args.str[1] = s1;
    len[0] = l0;
    len[1] = l1;
    n = front_node_new(FRONT_EVENT, &args, len);
    if (n == NULL)
        return 0;
    front_lock();
    kept = address(n, slot, call, flags);
    if (kept)
        front_append(n);
    queued = front.queued;
    front_unlock_and_serve();
    if (!kept)
        free(n);
    return queued;
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
