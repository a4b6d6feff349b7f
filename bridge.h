/* bridge.h: the contract inside the C front.
 *
 * Three parties meet here:
 *   bridge_gen.c  the public functions, generated from api/: they check their
 *                 arguments and hand a nim_call to bridge.c;
 *   bridge*.c     the queue, the baton, the delivery thread, registrations,
 *                 pending calls, published state, init and cleanup;
 *   export.go     the Go side: the nim_go_* functions, and the only caller of
 *                 the nim_post, nim_publish and nim_token functions.
 *
 * The rules of delivery are in docs/CLIENT.md and docs/ARCHITECTURE.md.
 * Nothing here leaves the library: exports.map hides it. */
#ifndef NIM_BRIDGE_H
#define NIM_BRIDGE_H

#include <stddef.h>
#include <stdint.h>

/* Any callback; a trampoline knows the real type. */
typedef void (*nim_fn)(void);

enum { NIM_MAX_NUM = 8, NIM_MAX_STR = 5 };

/* Arguments of a call or of a callback: its numbers (bool, int, enum, 64-bit)
 * and its strings, each in the order of the parameter list. */
typedef struct nim_args {
    int64_t num[NIM_MAX_NUM];
    const char *str[NIM_MAX_STR];
} nim_args;

/* Calls fn, cast to its real type, with the arguments. Strings are never NULL
 * in a (bridge.c puts ""), bools are passed as int 0 or 1. Generated. */
typedef void (*nim_tramp)(nim_fn fn, const nim_args *a, const void *user_data);

/* How the callback of one function is answered without the Go side: when the
 * call is refused (not initialised, bad argument), cancelled, or when its
 * module is not built. Generated, one constant per function with a callback. */
typedef struct nim_answer {
    nim_tramp tramp;
    int code_at;       /* index in num[] of the result code; -1: the callback has none */
    int json_at;       /* index in str[] that gets {"err_code":...}; -1: none */
    const char *extra; /* more members for that object, beginning with a comma, or "" */
    nim_args neutral;  /* every other argument */
    int multi;         /* 1: may be called several times before its final answer (login) */
} nim_answer;

/* One row of the error table as C needs it; generated: nim_error_rows[]. */
typedef struct nim_error_row {
    int code;
    const char *name, *domain, *text;
    int retryable;
} nim_error_row;
extern const nim_error_row nim_error_rows[]; /* indexed by enum nim_error (bridge_gen.h) */

/* A call on its way from a public function to Go. */
typedef struct nim_call {
    int op;        /* enum nim_op (bridge_gen.h) */
    uint64_t id;   /* the pending call to answer with nim_post; 0: no callback */
    nim_args args; /* strings never NULL, checked, borrowed until the Go side returns */
    size_t len[NIM_MAX_STR];
    /* private to the front */
    const nim_answer *answer;
    nim_fn fn;
    const void *user_data;
    int error;       /* enum nim_error, 0 while all arguments are good */
    char detail[160];
} nim_call;

/* ---- for bridge_gen.c ---------------------------------------------------- */

/* What a string argument must be. All: NULL becomes "", valid UTF-8, <= 1 MB. */
enum { NIM_STR_TEXT, NIM_STR_JSON /* also nested <= 64 outside of string literals */ };

void nim_call_begin(nim_call *c, int op, const nim_answer *answer, nim_fn fn, const void *user_data);
void nim_call_str(nim_call *c, int at, const char *param, const char *value, int kind);
/* Accepts the call and passes it to Go, or answers it with an error (through
 * the callback where there is one). Returns what Go returned, 0 if refused. */
int64_t nim_call_go(nim_call *c);
/* The same for functions that return a string: allocated, never NULL. */
char *nim_call_text(nim_call *c, const char *otherwise);
/* Answers a call whose module is not built: not_supported, or the neutral answer. */
void nim_call_unbuilt(nim_call *c);
/* Logs once per name that a function without a known signature was called. */
int64_t nim_opaque_called(int index);

/* Stores or removes (fn NULL) a registration. destroy may be NULL; it is called
 * once with user_data when the registration has ended, except after detach. */
void nim_register(int slot, nim_fn fn, const void *user_data, void (*destroy)(const void *user_data));

/* Generated tables, indexed by enum nim_slot: how to call the slot's callback,
 * and whether its current state is replayed after a detach. */
extern const nim_tramp nim_slot_tramps[];
extern const unsigned char nim_slot_replays[];
extern const int nim_slot_count;
extern const char *const nim_opaque_names[];

char *nim_strdup(const char *s); /* for results that nim_global_free_buf frees */

/* ---- for export.go: any goroutine may call, none of these waits (but the
 * two that say so), none calls the host -------------------------------------*/

const char *nim_call_name(const nim_call *c); /* of its function */

enum {
    NIM_POST_FINAL = 1,     /* completes the call: it leaves the pending table */
    NIM_POST_DROPPABLE = 2, /* a log line: dropped when much is pending */
    NIM_POST_REPLAY = 4     /* the present state, for a slot that was registered after a detach
                               and has heard no news since; ignored by any other */
};

/* Queues a callback: of the pending call `call` if it is not 0, else of `slot`.
 * Copies the strings. Returns how many callbacks are pending now. A call that
 * is not pending (any more) is ignored: a call completes exactly once. An event
 * for which nobody is registered, or that comes while the library closes, is
 * ignored too. */
int nim_post(int slot, uint64_t call, int flags,
             int64_t n0, int64_t n1, int64_t n2, int64_t n3,
             const char *s0, size_t l0, const char *s1, size_t l1);

/* Asks for the delivery thread that the system has refused. 0: refused again,
 * to be called again in a while. */
int nim_retry(void);

/* Answers a call that is still pending with "internal": a panic came instead of
 * its answer. */
void nim_call_failed(uint64_t call);

/* Stores what the getters answer; called before the event is posted. */
void nim_publish_state(int login_state, int status, const char *account, size_t len);
/* server time = nim_boot_time() + offset. valid 0 forgets it (logout). */
void nim_publish_clock(int64_t offset_ms, int valid);
/* Local milliseconds for that: never jumps, and counts the time asleep. */
int64_t nim_boot_time(void);

/* Whether a callback is registered in the slot. */
int nim_registered(int slot);

/* Waits until at most `low` callbacks are pending or the library is closing. */
void nim_wait_room(int low);

/* What the front has done since the library was loaded; for diagnostics. */
typedef struct nim_counters {
    uint64_t posted;          /* callbacks queued */
    uint64_t delivered;       /* callbacks run */
    uint64_t dropped_logs;    /* droppable ones dropped */
    uint64_t dropped_events;  /* queued events that a cleanup or a detach dropped */
    uint64_t lost_answers;    /* completions that could not be delivered in the bound, or after a detach */
    uint64_t late_answers;    /* answers to calls that were not pending any more */
    uint64_t cancelled;       /* calls that the front answered at cleanup, not the core */
    uint64_t refused;         /* calls refused as not initialised or for an argument */
    uint64_t tokens_late;     /* provider answers that came after their deadline */
    uint64_t threads;         /* delivery threads started */
    uint64_t threads_refused; /* times the system refused to start one */
    uint64_t calls_pending;   /* now */
    uint64_t callbacks_pending; /* now */
} nim_counters;
void nim_stats(nim_counters *out);

/* The token provider. ask: queues the provider callback (slot
 * NIM_SLOT_client_relogin_request_token) and returns a request id, 0 if nobody
 * is registered. wait: blocks until that request is answered (1: *token is
 * malloc'ed; 2: the provider gave none), has passed its deadline (0), or was
 * cancelled (-1). A provider that is running when its request ends
 * leaves its token for nim_token_late, which takes it (1) or finds none (0).
 * cancel also forgets a late token. */
uint64_t nim_token_ask(const char *json, size_t len, int timeout_ms);
int nim_token_wait(uint64_t request, char **token, size_t *len);
int nim_token_late(char **token, size_t *len);
void nim_token_cancel(void);

/* ---- what export.go exports; cgo declares them itself, without const ------*/

#ifndef NIM_GO_SIDE
/* Starts the core. Returns NULL, or a malloc'ed JSON error object. */
extern char *nim_go_init(const char *data_dir, const char *install_dir, const char *json, int reattach);
/* Stops the core: answers every accepted call, ends the session; returns within about 1 s. */
extern void nim_go_stop(void);
extern int64_t nim_go_call(nim_call *c);
extern char *nim_go_text(nim_call *c); /* malloc'ed, or NULL */
/* Tells that a call without a callback was refused, by the name of the error:
 * the event that its outcome is, if somebody hears that, or the log. */
extern void nim_go_refused(int op, const char *function, const char *error, const char *detail);
/* Logs how many answers the cleanup before had to drop. */
extern void nim_go_lost(uint64_t answers);
/* Posts the current state to a slot that was registered again after a detach. */
extern void nim_go_replay(int slot);
/* Calls nim_retry every 50 ms until it returns 1. Does not wait for that. */
extern void nim_go_retry(void);

#endif

#endif
