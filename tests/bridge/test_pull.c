/* test_pull.c: delivery on the host's own thread, and waking it. */
#include "harness.h"

static void begin(void)
{
    CHECK(nimx_global_set_dispatch_mode(NIMX_DISPATCH_PULL));
    nim_client_reg_disconnect_cb("", on_event, NULL);
}

static void the_mode_is_chosen_before_init(void)
{
    EQUAL(nimx_global_set_dispatch_mode(7), 0);
    EQUAL(nimx_global_dispatch(0, 0), NIMX_DISPATCH_CLOSED);
    EQUAL(nimx_global_wait(0), -1);
    open_front();
    EQUAL(nimx_global_set_dispatch_mode(NIMX_DISPATCH_PULL), 0);
    EQUAL(nimx_global_dispatch(0, 0), NIMX_DISPATCH_BUSY); /* the delivery thread's work */
    nim_client_cleanup(NULL);
    EQUAL(nimx_global_set_dispatch_mode(NIMX_DISPATCH_PULL), 1);
}

static void dispatch_runs_as_many_as_asked(void)
{
    double start;
    int i;
    begin();
    open_front();
    EQUAL(nimx_global_wait(0), 0);
    start = seconds();
    EQUAL(nimx_global_dispatch(0, 30), 0);
    CHECK(seconds() - start >= 0.028);
    for (i = 0; i < 10; i++)
        post_event(NULL);
    EQUAL(nimx_global_pending(), 10);
    EQUAL(nimx_global_wait(-1), 1);
    EQUAL(rec.events, 0);
    EQUAL(nimx_global_dispatch(3, 0), 3);
    EQUAL(nimx_global_dispatch(0, -1), 7);
    EQUAL(nimx_global_pending(), 0);
    close_front_and_tell();
    CONTRACT(0);
}

static void *dispatch_waiting(void *result)
{
    *(atomic_int *)result = nimx_global_dispatch(1, 5000);
    return NULL;
}

static void a_second_dispatch_is_busy(void)
{
    atomic_int result = 0;
    pthread_t t;
    begin();
    open_front();
    t = spawn(dispatch_waiting, &result);
    EVENTUALLY(FRONT(delivery.dispatching));
    EQUAL(nimx_global_dispatch(1, 1000), NIMX_DISPATCH_BUSY);
    post_event(NULL);
    pthread_join(t, NULL);
    EQUAL(result, 1);
}

static void *wait_thread(void *result)
{
    *(atomic_int *)result = nimx_global_wait(-1);
    return NULL;
}

static void waiting_ends_with_cleanup(void)
{
    atomic_int waited = 5, dispatched = 5;
    pthread_t a, b;
    begin();
    open_front();
    a = spawn(wait_thread, &waited);
    b = spawn(dispatch_waiting, &dispatched);
    EVENTUALLY(FRONT(delivery.dispatching));
    nim_client_cleanup(NULL);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    EQUAL(waited, -1);
    CHECK(dispatched == 0 || dispatched == NIMX_DISPATCH_CLOSED);
}

static atomic_int wakes, wake_running, wake_block;
static void on_wake(const void *user_data)
{
    (void)user_data;
    if (rec.closed)
        rec.late++;
    wake_running = 1;
    while (wake_block)
        pause_us(100);
    wakes++;
    wake_running = 0;
}

static atomic_int other_wakes;
static void on_other_wake(const void *user_data)
{
    (void)user_data;
    other_wakes++;
}

static void wake_comes_once_per_non_empty_period(void)
{
    int i;
    wakes = 0;
    begin();
    nimx_global_set_wake_cb(on_wake, NULL, on_destroy);
    open_front();
    for (i = 0; i < 100; i++)
        post_event(NULL);
    EVENTUALLY(wakes == 1);
    EQUAL(nimx_global_dispatch(40, 0), 40); /* events are left: again */
    EVENTUALLY(wakes == 2);
    EQUAL(nimx_global_dispatch(0, 0), 60);
    EQUAL(nimx_global_dispatch(0, 0), 0);
    EQUAL(wakes, 2);
    post_event(NULL);
    EVENTUALLY(wakes == 3);
    close_front_and_tell();
    EQUAL(wakes, 3);
    EQUAL(rec.destroyed, 1);
    CONTRACT(0);
}

static void *end_wake_later(void *unused)
{
    (void)unused;
    EVENTUALLY(fake.stops > 0);
    pause_us(20000); /* a cleanup that does not wait would be back by then */
    wake_block = 0;
    return NULL;
}

/* Events that a dispatch leaves behind are announced at once, not when the
 * thread that wakes would have gone to sleep for good. */
static void wake_comes_soon_for_what_is_left(void)
{
    double best = 10;
    int i;
    wakes = 0;
    begin();
    nimx_global_set_wake_cb(on_wake, NULL, NULL);
    open_front();
    for (i = 0; i < 5; i++) {
        double start;
        post_event(NULL);
        post_event(NULL);
        EVENTUALLY(wakes == 2 * i + 1);
        start = seconds();
        EQUAL(nimx_global_dispatch(1, 0), 1);
        EVENTUALLY(wakes == 2 * i + 2);
        if (seconds() - start < best)
            best = seconds() - start;
        EQUAL(nimx_global_dispatch(0, 0), 1);
    }
    CHECK(best < FRONT_IDLE_MS / 2e3);
}

static void cleanup_waits_for_a_running_wake(void)
{
    pthread_t t;
    wakes = 0;
    wake_block = 1;
    begin();
    nimx_global_set_wake_cb(on_wake, NULL, NULL);
    open_front();
    post_event(NULL);
    EVENTUALLY(wake_running);
    t = spawn(end_wake_later, NULL);
    close_front_and_tell();
    EQUAL(wake_running, 0);
    EQUAL(wakes, 1);
    pthread_join(t, NULL);
    CONTRACT(0);
}

static void event_cleans_up_beside_the_wake(const char *json, const void *user_data)
{
    (void)json, (void)user_data;
    rec_begin();
    nim_client_cleanup(NULL);
    rec.closed = 1;
    EQUAL(wake_running, 0);
    EQUAL(rec.destroyed, 1); /* and the host may free what it used */
    rec_end();
}

static void cleanup_in_a_callback_waits_for_it_too(void)
{
    pthread_t t;
    wakes = 0;
    wake_block = 1;
    begin();
    nim_client_reg_disconnect_cb("", event_cleans_up_beside_the_wake, NULL);
    nimx_global_set_wake_cb(on_wake, NULL, on_destroy);
    open_front();
    post_event(NULL);
    EVENTUALLY(wake_running);
    t = spawn(end_wake_later, NULL);
    EQUAL(nimx_global_dispatch(0, 0), 1);
    EQUAL(wakes, 1);
    pthread_join(t, NULL);
    CONTRACT(0);
}

/* A wake hook that does not end costs cleanup its bound, and the next session nothing. */
static void a_stuck_wake_is_left_behind(void)
{
    double start;
    wakes = 0;
    wake_block = 1;
    begin();
    nimx_global_set_wake_cb(on_wake, NULL, on_destroy);
    open_front();
    post_event(NULL);
    EVENTUALLY(wake_running);
    start = seconds();
    nim_client_cleanup(NULL);
    CHECK(seconds() - start > 1.9 && seconds() - start < 2.7);
    begin();
    nimx_global_set_wake_cb(on_other_wake, NULL, NULL);
    open_front();
    post_event(NULL);
    EVENTUALLY(other_wakes == 1);
    EQUAL(wakes, 0);
    wake_block = 0;
    EVENTUALLY(wakes == 1);
    EVENTUALLY(nimx_global_dispatch(0, 0) >= 0 && rec.destroyed == 1);
    EQUAL(rec.events, 1);
    close_front_and_tell();
    CONTRACT(0);
}

static void *pump(void *unused)
{
    int n;
    (void)unused;
    while ((n = nimx_global_wait(-1)) >= 0)
        if (n > 0 && nimx_global_dispatch(0, 0) == NIMX_DISPATCH_CLOSED)
            break;
    return NULL;
}

/* A host may cancel its thread; the lock must not die with it. */
static void a_cancelled_thread_takes_no_lock_along(void)
{
    atomic_int result = 0;
    pthread_t t;
    begin();
    open_front();
    t = spawn(dispatch_waiting, &result);
    EVENTUALLY(FRONT(delivery.dispatching)); /* and it has given the lock back, so it waits */
    pthread_cancel(t);
    post_event(NULL);
    pthread_join(t, NULL);
    EQUAL(result, 1);
    close_front_and_tell();
    CONTRACT(0);
}

static void a_pump_keeps_the_contract(void)
{
    pthread_t t;
    uintptr_t i;
    begin();
    fake.posters = 3;
    fake.answers = LATER;
    open_front();
    t = spawn(pump, NULL);
    for (i = 0; i < 1000; i++)
        nim_client_logout(kNIMLogoutAppExit, "", on_call, (const void *)i);
    EVENTUALLY(rec.events > 5000);
    close_front_and_tell();
    pthread_join(t, NULL);
    CONTRACT(1000);
}

const test pull_tests[] = {
    {"pull: the mode is chosen before init", the_mode_is_chosen_before_init},
    {"pull: dispatch runs as many as asked", dispatch_runs_as_many_as_asked},
    {"pull: a second dispatch is busy", a_second_dispatch_is_busy},
    {"pull: waiting ends with cleanup", waiting_ends_with_cleanup},
    {"pull: wake comes once per non-empty period", wake_comes_once_per_non_empty_period},
    {"pull: wake comes soon for what is left", wake_comes_soon_for_what_is_left},
    {"pull: cleanup waits for a running wake", cleanup_waits_for_a_running_wake},
    {"pull: cleanup in a callback waits for it too", cleanup_in_a_callback_waits_for_it_too},
    {"pull: a stuck wake is left behind", a_stuck_wake_is_left_behind},
    {"pull: a cancelled thread takes no lock along", a_cancelled_thread_takes_no_lock_along},
    {"pull: a pump keeps the contract", a_pump_keeps_the_contract},
    {NULL, NULL}};
