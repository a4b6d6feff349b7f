/* bridge_front.h: what the files of the front share among themselves.
 *
 * One lock, front.mu, guards everything here that is not marked otherwise. It
 * is never held while the host or Go runs. Functions that say "locked" are
 * called with it held. */
#ifndef NIM_BRIDGE_FRONT_H
#define NIM_BRIDGE_FRONT_H

#include "bridge.h"
#include "bridge_gen.h"
#include "bridge_port.h"

enum {
    FRONT_BOUND_MS = 2000,     /* longest wait for another thread */
    FRONT_EXIT_MS = 100,       /* the same once the process exits */
    FRONT_IDLE_MS = 250,       /* the delivery thread retires after so long without work, */
    FRONT_LIFE_MS = 1000,      /* and after so long in any case: see bridge_thread.c */
    FRONT_LOG_LINES = 1000,    /* droppable callbacks are dropped beyond so many pending ones */
    FRONT_CALLS = 100000,      /* calls waiting for an answer; more are refused as busy */
    FRONT_TEXT = 1048576,      /* longest string argument */
    FRONT_NESTING = 64         /* deepest JSON argument */
};

/* What dispatch and its like return instead of a number. */
enum { FRONT_NOT_OPEN = NIMX_DISPATCH_CLOSED, FRONT_BUSY = NIMX_DISPATCH_BUSY };

enum front_state { FRONT_CLOSED, FRONT_STARTING, FRONT_OPEN, FRONT_CLOSING };

/* A registration outlives its slot until the callback that runs has returned
 * and nobody waits for that any more: refs counts the slot, runs and waiters. */
typedef struct front_registration {
    nim_fn fn;
    const void *user_data;
    void (*destroy)(const void *user_data);
    int refs;
    int running;
    int ended; /* the slot has let go of it */
} front_registration;

enum front_kind {
    FRONT_EVENT,      /* to whoever is registered for the slot at delivery */
    FRONT_STEP,       /* to the callback of a call that will hear more */
    FRONT_COMPLETION, /* the last word to the callback of a call */
    FRONT_DESTROY,    /* a registration has ended */
    FRONT_TOKEN       /* the token provider's turn */
};

/* One callback to come. The poster allocates it, whoever runs or drops it frees it. */
typedef struct front_node {
    struct front_node *next;
    enum front_kind kind;
    int slot;                 /* FRONT_EVENT, FRONT_TOKEN */
    nim_tramp tramp;          /* the others */
    nim_fn fn;
    const void *user_data;
    uint64_t request;         /* FRONT_TOKEN */
    nim_args args;
    char bytes[];             /* the strings of args */
} front_node;

struct front {
    port_mutex mu;
    port_cond work;  /* there is something to deliver, or the state changed */
    int rung;        /* work is signalled when the lock is let go */
    port_cond quiet; /* a callback ended, the baton is free, or the state changed */
    port_cond room;  /* the queue got shorter, or the state changed */

    enum front_state state;
    uint32_t generation;      /* + 1 with every close */
    int pull;                 /* the host dispatches; set before init */
    int calls_in_go;          /* host threads inside nim_go_call and its like */
    uint64_t lost_at_cleanup; /* answers that cleanups had to drop and nobody was told of */
    const char *init_error;

    front_node *head, **tail;
    int queued;

    /* The baton: its holder alone runs callbacks. epoch + 1 takes it away from
     * a callback that init finds stuck (front_seize); whoever returns with an
     * old epoch owns nothing any more. */
    int held;
    uint32_t epoch;
    int stuck;   /* a cleanup has waited for the holder in vain */
    int give_up; /* the cleanup that runs may start no further callback */

    int thread;      /* a delivery thread lives, or is being started */
    int retrying;    /* the system has refused one; Go calls nim_retry until there is one */
    int dispatching; /* a host thread is inside dispatch */

    /* Pull mode: the wake hook, whether it is to be called, whether it has been
     * since the queue was last empty, whether it runs. */
    front_registration *wake;
    int wake_due, woken, waking;

    nim_counters count; /* the two that say "now" are filled in by nim_stats */

    /* Not guarded: read atomically, and before the lock is touched. */
    int forked, exiting;
};
extern struct front front;

/* bridge.c */
int front_forked(void);
int front_exiting(void);
void front_lock(void);
void front_unlock(void);
int front_wait(port_cond *c, int64_t deadline); /* locked; 0 once the deadline has passed */
int64_t front_bound(void);                      /* when waiting for another thread must end */
void front_watch_exit(void);

/* bridge_queue.c */
front_node *front_node_new(enum front_kind kind, const nim_args *args, const size_t *len);
void front_append(front_node *n);       /* locked; front_unlock_and_serve must follow */
void front_drop_all(int keep_answers);  /* locked; keeps completions and destroys if told */
void front_drop_token(uint64_t request);/* locked */
int front_mine(void);                   /* locked: this thread holds the baton */
int front_may_run(void);                /* locked: there is a callback, and it may start */
int front_run_next(void);               /* locked; baton free or mine; 0: it was taken away meanwhile */
void front_run_here(front_node *n, int beside_stuck); /* unlocked: now, on this thread */
void front_seize(void);                 /* locked: takes baton and thread from a callback or a wake hook that is stuck */
int front_wait_baton(int64_t deadline); /* locked: waits until the baton is free; 0 on expiry */
int front_busy(void);                   /* locked: a callback or the wake hook runs */
int front_wait_quiet(int64_t deadline); /* locked: waits until none does; 0 on expiry */

/* bridge_thread.c */
int front_unlock_and_serve(void);       /* locked: has what is queued delivered; 0: by nobody yet, the system refuses a thread */
void front_wake_if_due(void);           /* locked, pull: notes that the host must be woken */

/* bridge_pull.c: behind the nimx_global functions */
int front_set_pull(int pull);
void front_set_wake(nim_fn fn, const void *user_data, void (*destroy)(const void *user_data));
int front_dispatch(int max_events, int timeout_ms);
int front_pending(void);
int front_wait_pending(int timeout_ms);

/* bridge_slots.c */
front_registration *front_registration_new(nim_fn fn, const void *user_data, void (*destroy)(const void *user_data));
void front_registration_hold(front_registration *r);       /* locked: begins a run */
void front_registration_ran(front_registration *r);        /* locked: ends it; may unlock meanwhile */
/* Locked: lets go of r. Its destroy is queued, or comes when its callback
 * returns, or, while there is no queue, is returned for front_run_here. wait:
 * outside callbacks returns only when r does not run, within the bound, since
 * the host may free what the callback uses. */
front_node *front_registration_end(front_registration *r, int wait);
front_registration *front_slot_fetch(int slot);            /* locked: begins a run, or NULL */
int front_slot_used(int slot);                             /* locked */
int front_slot_hears(int slot, int replay);                /* locked: whether an event, or a replay, goes there */
void front_slots_end(void);                                /* locked: cleanup ends them all */
void front_detach(void);

/* bridge_calls.c */
int front_call_take(uint64_t id, int final, front_node *n);/* locked: addresses n to the call */
void front_calls_cancel(void);                             /* locked: answers what the core left */
void front_calls_detach(void);                             /* locked */
uint64_t front_calls_pending(void);                        /* locked */
int front_go_enter(void);                                  /* 0: not initialised */
/* Has Go tell of a call without a callback that was refused; 0: not initialised. */
int front_tell_refused(int op, const char *function, int error, const char *detail);
void front_go_leave(void);

/* bridge_answer.c */
front_node *front_answer(const nim_answer *answer, nim_fn fn, const void *user_data, int error, const char *detail);
char *front_error_json(int error, const char *detail, const char *extra); /* malloc'ed */

/* bridge_check.c: 1, or 0 with why in detail ("account: not valid UTF-8 at byte 3") */
int front_check_text(const char *param, const char *value, int kind, size_t *len, char *detail, size_t size);

/* bridge_state.c */
const char *front_intern(const char *s, size_t len);       /* locked; valid for the process */
void front_state_reset(void);                              /* locked */
int front_login_state(void);
int front_status(void);
const char *front_account(void);
int front_answer_time(const nim_call *c);                  /* 0: the clock is not known */

/* bridge_token.c */
void front_token_run(front_node *n);                       /* locked, baton ours; unlocks meanwhile */
void front_tokens_end(int detached);                       /* locked */

/* bridge_stack.c */
void front_guard_stack(void);                              /* before this thread enters Go */
void front_set_signal_stack(int kib);

/* bridge_init.c */
int front_init(const char *data_dir, const char *install_dir, const char *json);
const char *front_init_error(void);

/* bridge_cleanup.c */
void front_cleanup(void);
void front_cleanup_then(nim_tramp tramp, nim_fn fn, const void *user_data);
void front_abandon(void);                                  /* locked; unlocks meanwhile: an init that failed */
void front_broadcast_all(void);                            /* locked: the state changed */
int front_wait_settled(int64_t deadline);                  /* locked: until no thread starts or closes; 0 on expiry.
                                                              A closing one waits for the baton: not its holder */

#endif
