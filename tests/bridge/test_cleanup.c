/* test_cleanup.c: the six steps, from every thread they can be begun on. */
#include "harness.h"

enum { ROUNDS = 30 };

static void *cleanup_thread(void *unused)
{
    (void)unused;
    nim_client_cleanup(NULL);
    return NULL;
}

static void *dispatch_thread(void *unused)
{
    (void)unused;
    nimx_global_dispatch(100, 1500);
    return NULL;
}

static void accept_calls(uintptr_t n)
{
    uintptr_t i;
    for (i = 0; i < n; i++)
        nim_client_logout(kNIMLogoutAppExit, "", on_call, (const void *)i);
}

static void start_round(int pull, int round)
{
    memset((void *)&rec, 0, sizeof rec);
    nimx_global_set_dispatch_mode(pull ? NIMX_DISPATCH_PULL : NIMX_DISPATCH_PUSH);
    fake.answers = NEVER;
    fake.leaves = round % 2;
}

static atomic_int dwell_us;

static void event_dwells_then_cleans_up(const char *json, const void *user_data)
{
    (void)json, (void)user_data;
    rec_begin();
    pause_us(dwell_us);
    nim_client_cleanup(NULL);
    rec_end();
}

static void event_cleans_up(const char *json, const void *user_data)
{
    (void)json, (void)user_data;
    rec_begin();
    nim_client_cleanup(NULL);
    rec_end();
}

static void event_cleans_up2(const char *json, const void *user_data)
{
    (void)json;
    rec_begin();
    nim_client_cleanup2(on_call, NULL, user_data);
    rec_end();
}

/* One thread cleans up while a callback on another does. */
static void on_a_thread_and_in_a_callback(void)
{
    pthread_t pump;
    int i;
    for (i = 0; i < 2 * ROUNDS; i++) {
        int pull = i % 2;
        start_round(pull, i / 2);
        dwell_us = i * 7 % 300;
        nim_client_reg_disconnect_cb("", event_dwells_then_cleans_up, NULL);
        open_front();
        accept_calls(4);
        post_event("{}");
        if (pull)
            pump = spawn(dispatch_thread, NULL);
        pause_us(i * 13 % 400);
        close_front_and_tell();
        if (pull)
            pthread_join(pump, NULL);
        CONTRACT(4);
    }
}

static void in_a_callback(void)
{
    int i;
    for (i = 0; i < 2 * ROUNDS; i++) {
        int pull = i % 2;
        start_round(pull, i / 2);
        nim_client_reg_disconnect_cb("", event_cleans_up, NULL);
        open_front();
        accept_calls(7);
        post_event("{}");
        post_args(0, last_call(), NIM_POST_FINAL, 0, 0, 0, 0, "{\"err_code\":200}", 16, NULL, 0);
        if (pull)
            EQUAL(nimx_global_dispatch(100, 1000), 1); /* the rest came nested */
        EVENTUALLY(rec.finals == 7 && rec.inside == 0);
        rec.closed = 1;
        CONTRACT(7);
        EQUAL(nimx_global_pending(), 0);
    }
}

static void twice_at_once(void)
{
    pthread_t a, b;
    int i;
    for (i = 0; i < 2 * ROUNDS; i++) {
        start_round(i % 2, i / 2);
        fake.posters = 2;
        nim_client_reg_disconnect_cb("", on_event, NULL);
        open_front();
        accept_calls(4);
        a = spawn(cleanup_thread, NULL);
        b = spawn(cleanup_thread, NULL);
        pthread_join(a, NULL);
        pthread_join(b, NULL);
        rec.closed = 1;
        EQUAL(fake.stops, i + 1);
        CONTRACT(4);
    }
}

static void beside_the_pump_and_without_one(void)
{
    pthread_t pump, t;
    int i;
    for (i = 0; i < 2 * ROUNDS; i++) {
        start_round(1, i);
        open_front();
        accept_calls(4);
        if (i % 2)
            pump = spawn(dispatch_thread, NULL);
        t = spawn(cleanup_thread, NULL);
        pthread_join(t, NULL);
        rec.closed = 1;
        if (i % 2)
            pthread_join(pump, NULL);
        CONTRACT(4);
    }
}

static pthread_t cleanup2_on;
static void on_cleanup2(const char *json, const void *user_data)
{
    cleanup2_on = pthread_self();
    on_call(json, user_data);
}

static void cleanup2_answers_last_on_the_caller(void)
{
    int i;
    for (i = 0; i < 2 * ROUNDS; i++) {
        int pull = i % 2, nested = i % 4 >= 2;
        start_round(pull, i);
        nim_client_reg_disconnect_cb("", event_cleans_up2, (const void *)3);
        open_front();
        accept_calls(3);
        if (nested) {
            post_event("{}");
            if (pull)
                nimx_global_dispatch(100, 1000);
            EVENTUALLY(rec.finals == 4 && rec.inside == 0);
        } else {
            nim_client_cleanup2(on_cleanup2, NULL, (const void *)3);
            CHECK(pthread_equal(cleanup2_on, pthread_self()));
            EQUAL(rec.finals, 4);
        }
        EQUAL(rec.last_code, 200); /* the others were cancelled, before */
        rec.closed = 1;
        CONTRACT(4);
    }
    memset((void *)&rec, 0, sizeof rec);
    nim_client_cleanup2(on_cleanup2, NULL, NULL);
    nim_client_cleanup2(NULL, NULL, (const void *)0x5b);
    EQUAL(rec.finals, 1);
}

/* A callback may call anything, and what it calls is answered. */
static void event_calls_everything(const char *json, const void *user_data)
{
    char *text;
    (void)json, (void)user_data;
    rec_begin();
    nim_client_login("key", "me", "t", "", on_call, (const void *)0);
    nim_client_logout(kNIMLogoutKickout, "", on_call, (const void *)1);
    nim_client_reg_disconnect_cb("", NULL, NULL);
    EQUAL(nim_client_get_login_state(NULL), 2);
    text = nimx_client_get_login_user();
    nim_global_free_buf(text);
    EQUAL(nimx_global_dispatch(1, 100), NIMX_DISPATCH_BUSY);
    CHECK(nim_client_init("dir", NULL, "{}"));
    CHECK(!nim_client_init("dir", NULL, "\"other\""));
    rec_end();
}

static void callbacks_may_call_everything(void)
{
    int pull;
    for (pull = 0; pull < 2; pull++) {
        start_round(pull, 0);
        fake.answers = AT_ONCE;
        nim_client_reg_disconnect_cb("", event_calls_everything, NULL);
        open_front();
        post_event("{}");
        if (pull) {
            EQUAL(nimx_global_dispatch(1, 1000), 1);
            EQUAL(nimx_global_dispatch(0, 0), 5);
        }
        EVENTUALLY(rec.finals == 2);
        CONTAINS(nimx_init_error(), "config_conflict");
        close_front_and_tell();
        CONTRACT(2);
    }
}

static void answer_logs_out_and_cleans_up(const char *json, const void *user_data)
{
    on_call(json, user_data);
    rec_begin();
    nim_client_logout(kNIMLogoutChangeAccout, "", on_call, (const void *)1);
    nim_client_cleanup(NULL);
    nim_client_logout(kNIMLogoutChangeAccout, "", on_call, (const void *)2);
    EQUAL(rec.last_code, 20000);
    CHECK(nim_client_init("dir", NULL, "{}"));
    nim_client_logout(kNIMLogoutChangeAccout, "", on_call, (const void *)3);
    rec_end();
}

static void a_callback_cleans_up_and_begins_again(void)
{
    int i;
    for (i = 0; i < ROUNDS; i++) {
        start_round(0, i);
        fake.answers = LATER;
        open_front();
        nim_client_logout(kNIMLogoutChangeAccout, "", answer_logs_out_and_cleans_up, (const void *)0);
        EVENTUALLY(rec.finals == 4);
        close_front_and_tell();
        CONTRACT(4);
    }
}

static atomic_int release, stuck_returned;

static void event_sticks(const char *json, const void *user_data)
{
    double end = seconds() + 5;
    (void)json, (void)user_data;
    while (!release && seconds() < end)
        pause_us(1000);
    stuck_returned = 1;
}

static void stick(int pull, pthread_t *pump)
{
    release = stuck_returned = 0;
    nim_client_reg_disconnect_cb("", event_sticks, NULL);
    open_front();
    accept_calls(4);
    post_event("{}");
    if (pull)
        *pump = spawn(dispatch_thread, NULL);
    EVENTUALLY(FRONT(baton.held));
}

static void event_lets_the_stuck_one_end(const char *json, const void *user_data)
{
    (void)json, (void)user_data;
    rec_begin();
    CHECK(!stuck_returned || rec.events > 0);
    release = 1;
    EVENTUALLY(stuck_returned);
    pause_us(2000); /* the thread of the old callback must not take the next event */
    rec.events++;
    rec_end();
}

static void begin_again(int pull)
{
    nim_client_reg_disconnect_cb("", event_lets_the_stuck_one_end, NULL);
    open_front();
    post_event("{\"n\":1}");
    post_event("{\"n\":2}");
    (void)pull;
}

static void begin_beside_the_stuck_one(int pull)
{
    begin_again(pull);
    if (pull)
        EQUAL(nimx_global_dispatch(2, 1000), 2);
    EVENTUALLY(rec.events == 2);
}

/* Cleanup returns after its bound; then nothing starts, but the stuck callback
 * may still end, also under a new init, whose callbacks do not wait for it. */
static void a_stuck_callback_costs_the_bound(void)
{
    pthread_t pump;
    double start, took;
    int pull;
    for (pull = 0; pull < 2; pull++) {
        nim_counters before, after;
        start_round(pull, 0);
        stick(pull, &pump);
        nim_stats(&before);
        start = seconds();
        nim_client_cleanup2(on_call, NULL, (const void *)9);
        took = seconds() - start;
        nim_stats(&after);
        CHECK(took > 1.9 && took < 2.7);
        EQUAL(rec.finals, 1); /* cleanup2's own */
        EQUAL(after.lost_answers - before.lost_answers, 4);
        start = seconds();
        nim_client_cleanup(NULL);
        CHECK(seconds() - start < 0.5); /* it is not waited for twice */

        begin_beside_the_stuck_one(pull);
        EQUAL(fake.lost, 4 * (pull + 1)); /* the new session logs them */
        if (pull)
            pthread_join(pump, NULL);
        close_front_and_tell();
        EQUAL(rec.finals, 1);
        CONTRACT(0);
    }
}

static void cleaned_up_begins_again(const char *json, const void *user_data)
{
    on_call(json, user_data);
    rec_begin();
    begin_again(*(const int *)user_data);
    rec_end();
}

/* The callback of cleanup2 begins anew; the stuck one is still running, and
 * must not keep the new session's callbacks from running. */
static void cleanup2_begins_again_beside_a_stuck_callback(void)
{
    static int pull;
    pthread_t pump;
    for (pull = 0; pull < 2; pull++) {
        start_round(pull, 0);
        stick(pull, &pump);
        nim_client_cleanup2(cleaned_up_begins_again, NULL, &pull);
        if (pull)
            EQUAL(nimx_global_dispatch(2, 1000), 2);
        EVENTUALLY(rec.events == 2);
        if (pull)
            pthread_join(pump, NULL);
        close_front_and_tell();
        CONTRACT(0);
    }
}

static void answer_takes_long(const char *json, const void *user_data)
{
    on_call(json, user_data);
    rec_begin();
    pause_us(500000);
    rec_end();
}

/* The second of two cleanups has waited long enough: what the first has not
 * delivered by then is dropped, or it would come after the second's return. */
static void the_second_cleanup_has_a_bound_too(void)
{
    pthread_t first;
    double start;
    uintptr_t i;
    start_round(1, 0);
    open_front();
    for (i = 0; i < 8; i++)
        nim_client_logout(kNIMLogoutAppExit, "", answer_takes_long, (const void *)i);
    first = spawn(cleanup_thread, NULL);
    EVENTUALLY(rec.finals > 0);
    start = seconds();
    close_front_and_tell();
    CHECK(seconds() - start < 2.7);
    pthread_join(first, NULL);
    CHECK(rec.finals < 8);
    CONTRACT(0);
}

static atomic_int dwelling;
static void event_cleans_up_and_dwells(const char *json, const void *user_data)
{
    (void)json, (void)user_data;
    rec_begin();
    nim_client_cleanup(NULL);
    dwelling = 1;
    pause_us(100000);
    rec_end();
}

static void *init_thread(void *unused)
{
    (void)unused;
    open_front();
    return NULL;
}

/* Two begin at once, after a cleanup whose callback still runs: one begins, the other re-attaches. */
static void two_begin_at_once(void)
{
    pthread_t t[2];
    int i;
    start_round(0, 0);
    nim_client_reg_disconnect_cb("", event_cleans_up_and_dwells, NULL);
    open_front();
    dwelling = 0;
    post_event("{}");
    EVENTUALLY(dwelling);
    for (i = 0; i < 2; i++)
        t[i] = spawn(init_thread, NULL);
    for (i = 0; i < 2; i++)
        pthread_join(t[i], NULL);
    EQUAL(fake.inits, 2);
    CONTRACT(0);
}

static void nothing_starts_after_the_bound(void)
{
    start_round(0, 0);
    stick(0, NULL);
    nim_client_reg_kickout_cb("", on_event, NULL);
    nim_client_cleanup(NULL);
    rec.closed = 1;
    release = 1;
    EVENTUALLY(stuck_returned && !FRONT(delivery.thread));
    EQUAL(rec.finals, 0);
    CONTRACT(0);
}

static void beginning_and_ending_a_thousand_times(void)
{
    nim_counters before, after;
    int i;
    fake.posters = 1;
    nim_stats(&before);
    for (i = 0; i < 1000; i++) {
        rec.closed = 0;
        nim_client_reg_disconnect_cb("", on_event, NULL);
        open_front();
        if (i % 10 == 0)
            EVENTUALLY(rec.events > i / 10);
        close_front_and_tell();
    }
    nim_stats(&after);
    EQUAL(after.callbacks_pending, 0);
    EQUAL(after.posted - before.posted, after.delivered - before.delivered + after.dropped_events - before.dropped_events);
    CHECK(rec.events >= 100);
    CONTRACT(0);
}

const test cleanup_tests[] = {
    {"cleanup: on a thread and in a callback", on_a_thread_and_in_a_callback},
    {"cleanup: in a callback", in_a_callback},
    {"cleanup: twice at once", twice_at_once},
    {"cleanup: beside the pump and without one", beside_the_pump_and_without_one},
    {"cleanup: cleanup2 answers last, on the caller", cleanup2_answers_last_on_the_caller},
    {"cleanup: callbacks may call everything", callbacks_may_call_everything},
    {"cleanup: a callback cleans up and begins again", a_callback_cleans_up_and_begins_again},
    {"cleanup: a stuck callback costs the bound", a_stuck_callback_costs_the_bound},
    {"cleanup: cleanup2 begins again beside a stuck callback", cleanup2_begins_again_beside_a_stuck_callback},
    {"cleanup: the second one has a bound too", the_second_cleanup_has_a_bound_too},
    {"cleanup: two begin at once after it", two_begin_at_once},
    {"cleanup: nothing starts after the bound", nothing_starts_after_the_bound},
    {"cleanup: a thousand times", beginning_and_ending_a_thousand_times},
    {NULL, NULL}};
