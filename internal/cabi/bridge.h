/* bridge.h: the contract inside the C front.
 *
 * Three parties meet here:
 *   front_gen.c  the public functions, generated from api/: they check their
 *                 arguments and hand a nim_call to front.c;
 *   *.c           the queue, the baton, the delivery thread, registrations,
 *                 pending calls, published state, init and cleanup;
 *   *.go          the Go side: the nim_go_* functions, and the only caller of
 *                 the nim_post, nim_publish and nim_ask functions.
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

/* Structs and arrays, packed: pack.h. */
typedef struct nim_packed {
    const char *at;
    size_t len;
} nim_packed;

/* What a callback gives back that is asked something: its bool or int, or a text
 * of the host's, which is copied as soon as the callback has returned. */
typedef struct nim_reply {
    int64_t number;
    char *text;   /* NULL: none */
    uint32_t len; /* of the text, in bytes */
} nim_reply;

/* Arguments of a call or of a callback: its numbers (bool, int, enum, 64-bit),
 * its strings and its structs, each in the order of the parameter list. */
typedef struct nim_args {
    int64_t num[NIM_MAX_NUM];
    const char *str[NIM_MAX_STR];
    nim_packed structs; /* at NULL: none, a struct is empty then */
    nim_reply *reply;   /* of a question: where its answer goes; NULL: nowhere */
} nim_args;

/* Calls fn, cast to its real type, with the arguments. Strings are never NULL
 * in a (front.c puts ""), bools are passed as int 0 or 1. Generated. */
typedef void (*nim_tramp)(nim_fn fn, const nim_args *a, const void *user_data);

/* One argument of an answer that is made of the call's own arguments. In text,
 * ${s0} is a string argument of the call, ${n0} a number, ${b0} a bool, ${code}
 * the result code, ${s0.key:T} a member of a JSON argument: a string, with :i an
 * integer, with :a an array of strings; ${s0.key|s1.key} the first that is
 * there; ${s0[].key:a} that member of each object of an array. plain: the value itself, else as JSON. The list ends with text NULL. */
typedef struct nim_shape {
    signed char num_at, str_at; /* which argument of the callback; the other one is -1 */
    unsigned char plain;
    const char *text;
} nim_shape;

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
    int within;        /* 1: called on the caller's thread, before the call returns */
    int slot;          /* enum nim_slot: the registration that hears it; -1: the call's own callback */
    const nim_shape *shape; /* over neutral: the arguments made of the call's own; NULL: none */
} nim_answer;

/* One row of the error table as C needs it; generated: nim_error_rows[]. */
typedef struct nim_error_row {
    int code;
    const char *name, *domain, *text;
    int retryable;
} nim_error_row;
extern const nim_error_row nim_error_rows[]; /* indexed by enum nim_error (front_gen.h) */

/* A call on its way from a public function to Go. */
typedef struct nim_call {
    int op;        /* enum nim_op (front_gen.h) */
    uint64_t id;   /* the pending call to answer with nim_post; 0: no callback */
    nim_args args; /* strings never NULL, checked, borrowed until the Go side returns */
    size_t len[NIM_MAX_STR];
    /* private to the front */
    char *own; /* what args.structs lies in; freed when the call has been made */
    size_t room;
    const nim_answer *answer;
    nim_fn fn;
    const void *user_data;
    int error;       /* enum nim_error, 0 while all arguments are good */
    char detail[160];
} nim_call;

/* ---- for front_gen.c ---------------------------------------------------- */

/* What a string argument must be. All: NULL becomes "", valid UTF-8, <= 1 MB. */
enum { NIM_STR_TEXT, NIM_STR_JSON /* also nested <= 64 outside of string literals */ };

void nim_call_begin(nim_call *c, int op, const nim_answer *answer, nim_fn fn, const void *user_data);
void nim_call_str(nim_call *c, int at, const char *param, const char *value, int kind);
/* The same for a char array in a struct, which need not end in NUL: "" then. */
void nim_call_chars(nim_call *c, int at, const char *param, const char *value, size_t size);
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
 * and what Go is told of registrations: 1, to replay the present state after a
 * detach; 2, each one. */
extern const nim_tramp nim_slot_tramps[];
extern const unsigned char nim_slot_replays[];
/* 1: its events end calls of the host's that have no callback of their own (a
 * message is acknowledged): they outlive a cleanup as completions do. */
extern const unsigned char nim_slot_ends_calls[];
/* Indexed by enum nim_callback: one per typedef. */
extern const nim_tramp nim_tramps[];
extern const int nim_callback_count;
extern const int nim_slot_count;
extern const char *const nim_opaque_names[];

/* What a build is and can do, from api/build.yaml; the list ends with NULL. */
extern const int nim_abi_level;
extern const char *const nim_abilities[];

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

/* Where a post went. */
typedef struct nim_posted {
    uint64_t node; /* its number, for nim_fate; they rise. 0: it was ignored */
    int backlog;   /* how much the host has not consumed yet: callbacks, or their bytes in
                      parts of NIM_BACKLOG_PART, whichever is more */
} nim_posted;

enum { NIM_BACKLOG = 10000, NIM_BACKLOG_PART = 16 * 1024 * 1024 / NIM_BACKLOG };

/* Queues a callback: of the pending call `call` if it is not 0, else of `slot`.
 * packed holds its arguments (pack.h), which are copied; callback says of which
 * typedef they are (enum nim_callback). A call that is not pending (any more) is
 * ignored: a call completes exactly once. An event for which nobody is
 * registered, or that comes while the library closes, is ignored too, but for
 * those that end a call of the host's (nim_slot_ends_calls). */
nim_posted nim_post(int slot, uint64_t call, int flags, int callback, const void *packed, size_t len);

/* What became of a callback that was queued with a number. RAN: it has returned, or
 * it runs and the library closes, so that it will be neither cut off nor repeated.
 * CUT: a cleanup, a detach or an unregistration came first; it never runs. */
enum { NIM_FATE_WAITS, NIM_FATE_RAN, NIM_FATE_CUT };
int nim_fate(uint64_t node);

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

/* Waits until the backlog is at most `low` or the library is closing. */
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
    uint64_t threads;         /* delivery threads started */
    uint64_t threads_refused; /* times the system refused to start one */
    uint64_t calls_pending;   /* now */
    uint64_t callbacks_pending; /* now */
} nim_counters;
void nim_stats(nim_counters *out);

/* Asks the host: queues the callback of a slot, which runs in the queue's order. What
 * it gives back reaches Go through nim_go_answered, on the thread that ran it;
 * nobody waits for that. question is Go's own number, never used twice. node 0:
 * nobody is registered, or the library is not open; it is not asked. Not answered are:
 * what was taken back, and what a cleanup came before. A question outlives a
 * detach; it goes to whoever is registered when it runs. */
nim_posted nim_ask(uint64_t question, int slot, int callback, const void *packed, size_t len);

/* Takes back the questions of a slot that have waited for idle_ms in which no
 * callback ran and the host did not pump; 0: all that do not run yet. Returns how
 * many, at most max, and their numbers; *next_ms is when to look again: 0 at once,
 * -1 when none is queued. */
int nim_asks_take_back(int slot, int idle_ms, uint64_t *questions, int max, int *next_ms);

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
/* What a question was answered with. heard 0: nobody was registered any more.
 * text is the host's, for the duration of the call. */
extern void nim_go_answered(uint64_t question, int heard, int64_t number, const char *text, size_t len);
/* Calls nim_retry every 50 ms until it returns 1. Does not wait for that. */
extern void nim_go_retry(void);

#endif

#endif
