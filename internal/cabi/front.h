/* front.h: what the files of the front share among themselves.
 *
 * One lock, front.mu, guards everything here that is not marked otherwise. It
 * is never held while the host or Go runs. Functions that say "locked" are
 * called with it held. */
#ifndef NIM_FRONT_H
#define NIM_FRONT_H

#include "bridge.h"
#include "front_gen.h"
#include "pack.h"
#include "port.h"

enum {
    FRONT_BOUND_MS = 2000,     /* longest wait for another thread */
    FRONT_EXIT_MS = 100,       /* the same once the process exits */
    FRONT_IDLE_MS = 250,       /* the delivery thread retires after so long without work, */
    FRONT_LIFE_MS = 1000,      /* and after so long in any case: see thread.c */
    FRONT_LOG_LINES = 1000,    /* droppable callbacks are dropped beyond so many pending ones */
    FRONT_CALLS = 100000,      /* calls waiting for an answer; more are refused as busy */
    FRONT_TEXT = 1048576,      /* longest string argument */
    FRONT_NESTING = 64         /* deepest JSON argument */
};

/* What front_drop_all keeps: completions, acks and destroys; questions. */
enum { FRONT_KEEP_ANSWERS = 1, FRONT_KEEP_QUESTIONS = 2 };

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
    FRONT_ACK,        /* the same, but it ends a call: it outlives a cleanup */
    FRONT_STEP,       /* to the callback of a call that will hear more */
    FRONT_COMPLETION, /* the last word to the callback of a call */
    FRONT_DESTROY,    /* a registration has ended */
    FRONT_QUESTION    /* as an event, and what it gives back goes to Go */
};

/* One callback to come. The poster allocates it, whoever runs or drops it frees it. */
typedef struct front_node {
    struct front_node *next;
    uint64_t number;          /* its place in the queue's order; 0: not queued */
    size_t size;
    enum front_kind kind;
    int slot;                 /* FRONT_EVENT, FRONT_ACK, FRONT_QUESTION */
    front_registration *to;   /* FRONT_ACK: who hears it, once the slots have ended */
    nim_tramp tramp;          /* the others */
    nim_fn fn;
    const void *user_data;
    uint64_t question;        /* FRONT_QUESTION: Go's number of it, */
    int64_t asked;            /* and when it was queued */
    nim_args args;
    int64_t bytes[];          /* what args points into, aligned */
} front_node;

/* Callbacks that never ran: cut off by a cleanup, a detach, an unregistration. */
typedef struct front_cut {
    uint64_t from, to;
} front_cut;

enum { FRONT_CUTS = 64 };

/* The files stand on one another in this order; each part here belongs to one of
 * them, which alone writes it:
 *   queue.c <- baton.c <- thread.c, pull.c <- calls.c, slots.c, ask.c <- life.c */
struct front {
    port_mutex mu;
    port_cond work;  /* there is something to deliver, or the state changed */
    int rung;        /* work is signalled when the lock is let go */
    port_cond quiet; /* a callback ended, the baton is free, or the state changed */
    port_cond room;  /* the queue got shorter, or the state changed */

    struct { /* queue.c */
        front_node *head, **tail;
        int count;
        size_t bytes;      /* what the nodes that wait take */
        uint64_t numbered; /* last number given */
        uint64_t started;  /* last number whose callback was called, */
        uint64_t returned; /* and whose callback has returned */
        front_cut cuts[FRONT_CUTS];
        int cut_count;
    } queue;

    /* baton.c. The holder of the baton alone runs callbacks. epoch + 1 takes it away
     * from a callback that init finds stuck (front_seize); whoever returns with an old
     * epoch owns nothing any more. */
    struct {
        int held;
        uint32_t epoch;
        int stuck;   /* a cleanup has waited for the holder in vain */
        int give_up; /* the cleanup that runs may start no further callback */
    } baton;

    struct { /* thread.c, pull.c */
        int pull;        /* the host dispatches; set before init */
        int thread;      /* a delivery thread lives, or is being started */
        int retrying;    /* the system has refused one; Go calls nim_retry until there is one */
        int dispatching; /* a host thread is inside dispatch */
        int64_t seen;    /* when the host last ran a callback or pumped */
    } delivery;

    /* thread.c. Pull mode: the wake hook, whether it is to be called, whether it has
     * been since the queue was last empty, whether it runs. */
    struct {
        front_registration *hook;
        int due, called, runs;
    } wake;

    struct { /* life.c */
        enum front_state state;
        uint32_t generation;      /* + 1 with every close */
        int calls_in_go;          /* host threads inside nim_go_call and its like */
        uint64_t lost_at_cleanup; /* answers that cleanups had to drop and nobody was told of */
        const char *init_error;
    } life;

    nim_counters count; /* the two that say "now" are filled in by nim_stats */

    /* Not guarded: read atomically, and before the lock is touched. */
    int forked, exiting;
};
extern struct front front;

/* front.c */
int front_forked(void);
int front_exiting(void);
void front_lock(void);
void front_unlock(void);
int front_wait(port_cond *c, int64_t deadline); /* locked; 0 once the deadline has passed */
int64_t front_bound(void);                      /* when waiting for another thread must end */
void front_watch_exit(void);

/* queue.c */
front_node *front_node_new(enum front_kind kind, const nim_args *args, const size_t *len);
front_node *front_node_packed(const void *packed, size_t len); /* NULL also where it is no such run */
void front_node_free(front_node *n);    /* locked, for one that was queued */
int front_backlog(void);                /* locked: as nim_posted has it */
void front_append(front_node *n);       /* locked; front_unlock_and_serve must follow */
void front_drop_all(int keep);          /* locked; keeps what the flags say */
void front_take_out(front_node **at);   /* locked: frees the node at this place of the queue; it never runs */
int front_mine(void);                   /* locked: this thread holds the baton */
int front_may_run(void);                /* locked: there is a callback, and it may start */
int front_run_next(void);               /* locked; baton free or mine; 0: it was taken away meanwhile */
void front_run_here(front_node *n, int beside_stuck); /* unlocked: now, on this thread */
void front_seize(void);                 /* locked: takes baton and thread from a callback or a wake hook that is stuck */
int front_wait_baton(int64_t deadline); /* locked: waits until the baton is free; 0 on expiry */
int front_busy(void);                   /* locked: a callback or the wake hook runs */
int front_wait_quiet(int64_t deadline); /* locked: waits until none does; 0 on expiry */

/* thread.c */
int front_unlock_and_serve(void);       /* locked: has what is queued delivered; 0: by nobody yet, the system refuses a thread */
void front_wake_if_due(void);           /* locked, pull: notes that the host must be woken */

/* pull.c: behind the nimx_global functions */
int front_set_pull(int pull);
void front_set_wake(nim_fn fn, const void *user_data, void (*destroy)(const void *user_data));
int front_dispatch(int max_events, int timeout_ms);
int front_pending(void);
int front_wait_pending(int timeout_ms);

/* slots.c */
front_registration *front_registration_new(nim_fn fn, const void *user_data, void (*destroy)(const void *user_data));
void front_registration_hold(front_registration *r);       /* locked: begins a run */
void front_registration_ran(front_registration *r);        /* locked: ends it; may unlock meanwhile */
/* Locked: lets go of r. Its destroy is queued, or comes when its callback
 * returns, or, while there is no queue, is returned for front_run_here. wait:
 * outside callbacks returns only when r does not run, within the bound, since
 * the host may free what the callback uses. */
front_node *front_registration_end(front_registration *r, int wait);
front_registration *front_slot_fetch(const front_node *n); /* locked: begins a run, or NULL */
void front_slot_bind(front_node *n);                       /* locked: the ack goes to who is registered now, whatever ends */
void front_registration_unref(front_registration *r);      /* locked */
int front_slot_used(int slot);                             /* locked */
int front_slot_hears(int slot, int replay);                /* locked: whether an event, or a replay, goes there */
void front_slots_end(void);                                /* locked: cleanup ends them all */
void front_detach(void);

/* calls.c */
int front_call_take(uint64_t id, int final, int callback, front_node **node); /* locked */
void front_calls_cancel(void);                             /* locked: answers what the core left */
void front_calls_detach(void);                             /* locked */
uint64_t front_calls_pending(void);                        /* locked */
int front_go_enter(void);                                  /* 0: not initialised */
/* Has Go tell of a call without a callback that was refused; 0: not initialised. */
int front_tell_refused(int op, const char *function, int error, const char *detail);
void front_go_leave(void);

/* answer.c */
/* call: the arguments that its shape is made of, NULL if it has none. An answer
 * with a slot is an event, for whoever is registered there. */
front_node *front_answer(const nim_answer *answer, const nim_args *call, nim_fn fn, const void *user_data, int error,
                         const char *detail);
char *front_error_json(int error, const char *detail, const char *extra); /* malloc'ed */

/* shape.c: sets the arguments of an answer that are made of the call's; returns
 * the malloc'ed text that they point into, NULL when there is no memory. */
char *front_shape(const nim_answer *answer, const nim_args *call, int code, nim_args *args);

/* check.c: 1, or 0 with why in detail ("account: not valid UTF-8 at byte 3") */
int front_check_text(const char *param, const char *value, int kind, size_t *len, char *detail, size_t size);

/* state.c */
const char *front_intern(const char *s, size_t len);       /* locked; valid for the process */
void front_state_reset(void);                              /* locked */
int front_login_state(void);
int front_status(void);
const char *front_account(void);
int front_answer_time(const nim_call *c);                  /* 0: the clock is not known */

/* ask.c */
void front_answered(const front_node *n, const nim_reply *reply); /* unlocked; reply NULL: nobody was registered */

/* stack.c */
void front_guard_stack(void);                              /* before this thread enters Go or the host */
void front_set_signal_stack(int kib);

/* signals.c */
void front_signals_wait(void);                             /* this thread enters Go; it nests */
void front_signals_come(void);                             /* it has left it; ignored where it had not entered */
void front_mend_handlers(void);                            /* gives SA_ONSTACK to the host's */

/* init.c */
int front_init(const char *data_dir, const char *install_dir, const char *json);
const char *front_init_error(void);

/* cleanup.c */
void front_cleanup(void);
void front_cleanup_then(nim_tramp tramp, nim_fn fn, const void *user_data);
void front_abandon(void);                                  /* locked; unlocks meanwhile: an init that failed */
void front_broadcast_all(void);                            /* locked: the state changed */
int front_wait_settled(int64_t deadline);                  /* locked: until no thread starts or closes; 0 on expiry.
                                                              A closing one waits for the baton: not its holder */

#endif
