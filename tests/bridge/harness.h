/* harness.h: what the tests of the C front share: checks, a recorder of what
 * the host sees, and a core written in C that stands in for Go. */
#ifndef HARNESS_H
#define HARNESS_H

#include "../../internal/cabi/front.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- checks ---- */

#define CHECK(condition) check((condition) ? 1 : 0, #condition, __FILE__, __LINE__)
#define EQUAL(got, want) equal((long long)(got), (long long)(want), #got, __FILE__, __LINE__)
#define CONTAINS(text, part) contains(text, part, __FILE__, __LINE__)
int check(int ok, const char *what, const char *file, int line);
int equal(long long got, long long want, const char *what, const char *file, int line);
int contains(const char *text, const char *part, const char *file, int line);
int test_failures(void); /* of the test that runs */

/* Waits until the condition holds; fails the test after 10 s. */
#define EVENTUALLY(condition)                                            \
    do {                                                                 \
        double end_ = seconds() + 10;                                    \
        while (!(condition) && seconds() < end_)                         \
            pause_us(50);                                                \
        check((condition) ? 1 : 0, "eventually " #condition, __FILE__, __LINE__); \
    } while (0)

/* A look at the front's own state. */
#define FRONT(field) front_look(&front.field)
int front_look(const int *field);

double seconds(void);
void pause_us(long us); /* gives way; never what a test relies on */
pthread_t spawn(void *(*run)(void *), void *argument);

/* One test; every test gets the library closed and the recorder empty. */
typedef struct test {
    const char *name;
    void (*run)(void);
} test;
extern const test queue_tests[], call_tests[], cleanup_tests[], slot_tests[], pull_tests[], ask_tests[], post_tests[],
    shape_tests[],
    thread_tests[], signal_tests[], process_tests[], state_tests[], storm_tests[];

/* What this program does as the child process that a test has started. */
int run_child(const char *mode);

/* ---- recorder: the contract that every test holds the front to ---- */

enum { CALLS = 4096 };

typedef struct recorder {
    atomic_int inside;    /* callbacks running now, nested ones not counted */
    atomic_int overlaps;  /* times that two ran at once */
    atomic_int late;      /* callbacks that started after the host was told: no more */
    atomic_int closed;    /* the host was told */
    atomic_int events;    /* slot callbacks seen */
    atomic_int disorder;  /* events that overtook an earlier one */
    atomic_int steps;     /* non-final callbacks of calls */
    atomic_int finals;    /* final ones */
    atomic_int count[CALLS]; /* final ones by user_data */
    atomic_int last_code;
    atomic_int destroyed;
    atomic_ullong last_sequence;
    char text[2048];      /* of the last callback; read it while nothing flows */
} recorder;
extern recorder rec;

void rec_begin(void); /* first thing in every callback */
void rec_end(void);   /* last thing */
/* Fails the test if the contract was broken; calls were the user_data 0..calls-1. */
#define CONTRACT(calls) contract(calls, __FILE__, __LINE__)
void contract(int calls, const char *file, int line);

void on_call(const char *json, const void *user_data);  /* a completion with a JSON */
void on_event(const char *json, const void *user_data); /* an event; posters number theirs */
void on_destroy(const void *user_data);

/* ---- the core in C ---- */

enum { AT_ONCE, LATER, NEVER, PANICS };

typedef struct core {
    atomic_int answers;    /* AT_ONCE: inside nim_go_call; LATER: on the core's thread; NEVER; PANICS: instead of it */
    atomic_int leaves;     /* stop leaves the unanswered calls to the front */
    atomic_int posters;    /* threads that post events from init to stop */
    atomic_int gap_us;     /* pause between two of them */
    atomic_int init_waits; /* 1: init makes it 2, and returns when it is 0 */
    atomic_int running;
    void (*at_stop)(void); /* what the core does last */
    void (*in_call)(void); /* and inside a call */
    atomic_int replays, calls, inits, stops, retries;
    atomic_ullong lost; /* answers that an init was told of */
    atomic_int calls_while_stopped;
} core;
extern core fake;

void open_front(void);
void close_front_and_tell(void); /* cleanup, then tells the recorder */
/* Posts arguments as the Go side packs them; returns the backlog. */
int post_args(int slot, uint64_t call, int flags, int64_t n0, int64_t n1, int64_t n2, int64_t n3,
              const char *s0, size_t l0, const char *s1, size_t l1);
nim_posted post_packed(int slot, uint64_t call, int flags, int callback, const int64_t *nums, int num_count,
                       const char *const *texts, const size_t *lens, int text_count);
int post_event(const char *json);
int post_to(int slot, const char *json);
void post_log(const char *line); /* droppable */
/* Asks, as the Go side does: texts are the arguments. */
nim_posted ask_packed(uint64_t question, int slot, const char *const *texts, const size_t *lens, int text_count);
typedef struct reply_seen {
    uint64_t question;
    int heard;
    int64_t number;
    char text[64];
} reply_seen;
reply_seen await_reply(uint64_t question); /* the answer that reached the core; fails the test after 10 s */
int reply_count(uint64_t question), replies(void);
void forget_replies(void);
uint64_t last_call(void);        /* the id of the last call that reached the core */

#endif
