/* test_slots.c: registrations, and that an old one never starts again. */
#include "harness.h"

static atomic_int current, foreign; /* user_data that may be seen now; others seen */
static atomic_int inside_slot, freed_inside;

static void on_slot(const char *json, const void *user_data)
{
    rec_begin();
    (void)json;
    inside_slot++;
    if ((intptr_t)user_data != current)
        foreign++;
    rec.events++;
    inside_slot--;
    rec_end();
}

static void removal_waits_and_the_old_one_never_starts(void)
{
    int i;
    foreign = 0;
    fake.posters = 2;
    open_front();
    for (i = 1; i <= 2000; i++) {
        int seen = rec.events;
        current = i;
        nim_client_reg_disconnect_cb("", on_slot, (const void *)(intptr_t)i);
        EVENTUALLY(rec.events > seen);
        nim_client_reg_disconnect_cb("", NULL, NULL);
        if (inside_slot != 0)
            freed_inside++;
        current = -1;
    }
    close_front_and_tell();
    EQUAL(foreign, 0);
    EQUAL(freed_inside, 0);
    CONTRACT(0);
}

static atomic_int oldest; /* user_data below this may not start any more */

static void on_newer(const char *json, const void *user_data)
{
    int allowed = oldest;
    rec_begin();
    (void)json;
    if ((intptr_t)user_data < allowed)
        foreign++;
    rec.events++;
    rec_end();
}

/* Replacement does not wait for a run, so one older callback may be about to
 * look at `oldest`; two generations back it may not. */
static void replacement_lets_no_older_one_start(void)
{
    int i;
    foreign = oldest = 0;
    fake.posters = 2;
    open_front();
    for (i = 1; i <= 20000; i++) {
        nim_client_reg_disconnect_cb("", on_newer, (const void *)(intptr_t)i);
        if (i % 500 == 0) {
            int seen = rec.events;
            EVENTUALLY(rec.events > seen + 1); /* whatever ran has ended */
            oldest = i;
        }
    }
    close_front_and_tell();
    EQUAL(foreign, 0);
    CONTRACT(0);
}

typedef struct owned {
    atomic_int destroyed, running, used_after;
} owned;

static void on_owned(const char *json, const void *user_data)
{
    owned *o = (owned *)(uintptr_t)user_data;
    rec_begin();
    (void)json;
    o->running++;
    if (o->destroyed)
        o->used_after++;
    rec.events++;
    pause_us(20);
    if (o->destroyed)
        o->used_after++;
    o->running--;
    rec_end();
}

static void destroy_owned(const void *user_data)
{
    owned *o = (owned *)(uintptr_t)user_data;
    rec_begin();
    if (o->running)
        o->used_after++;
    o->destroyed++;
    rec_end();
}

static void destroy_comes_once_and_last(void)
{
    enum { N = 500 };
    owned *all = calloc(N, sizeof *all);
    int i;
    fake.posters = 1;
    open_front();
    for (i = 0; i < N; i++) {
        nimx_client_reg_connection_cb("", on_owned, &all[i], destroy_owned);
        post_to(NIM_SLOT_nimx_client_connection, "{}");
        if (i % 5 == 0)
            EVENTUALLY(all[i].running || rec.events > i / 5);
        if (i % 3 == 0)
            nimx_client_reg_connection_cb("", NULL, NULL, NULL);
    }
    close_front_and_tell();
    for (i = 0; i < N; i++) {
        if (!EQUAL(all[i].destroyed, 1) || !EQUAL(all[i].used_after, 0))
            break;
    }
    CONTRACT(0);
    free(all);
}

static void on_owned_replaces_itself(const char *json, const void *user_data)
{
    owned *o = (owned *)(uintptr_t)user_data;
    (void)json;
    rec_begin();
    nimx_client_reg_connection_cb("", NULL, NULL, NULL); /* does not wait for itself */
    if (o->destroyed)
        o->used_after++;
    rec_end();
}

static void on_owned_cleans_up(const char *json, const void *user_data)
{
    owned *o = (owned *)(uintptr_t)user_data;
    (void)json;
    rec_begin();
    nim_client_cleanup(NULL);
    if (o->destroyed)
        o->used_after++;
    rec_end();
}

static void destroy_waits_for_the_callback_that_ends_it(void)
{
    static owned o;
    nim_json_transport_cb_func both[] = {on_owned_replaces_itself, on_owned_cleans_up};
    int i;
    for (i = 0; i < 2; i++) {
        memset((void *)&o, 0, sizeof o);
        nimx_client_reg_connection_cb("", both[i], &o, destroy_owned);
        open_front();
        post_to(NIM_SLOT_nimx_client_connection, "{}");
        EVENTUALLY(o.destroyed == 1);
        EQUAL(o.used_after, 0);
        nim_client_cleanup(NULL);
        EQUAL(o.destroyed, 1);
    }
    CONTRACT(0);
}

static void destroy_outside_init_comes_at_once(void)
{
    nimx_client_reg_connection_cb("", on_event, NULL, on_destroy);
    nimx_client_reg_connection_cb("", on_event, NULL, on_destroy);
    EQUAL(rec.destroyed, 1);
    nimx_client_reg_connection_cb("", NULL, NULL, on_destroy);
    EQUAL(rec.destroyed, 2);
    CONTRACT(0);
}

static void *replace_while_starting(void *unused)
{
    (void)unused;
    EVENTUALLY(fake.init_waits == 2);
    nimx_client_reg_connection_cb("", on_event, NULL, on_destroy);
    fake.init_waits = 0;
    return NULL;
}

/* What was replaced while init ran is destroyed, though that init then fails. */
static void destroy_survives_an_init_that_fails(void)
{
    pthread_t t;
    int pull;
    for (pull = 0; pull < 2; pull++) {
        rec.destroyed = 0;
        nimx_global_set_dispatch_mode(pull);
        nimx_client_reg_connection_cb("", on_event, NULL, on_destroy);
        fake.init_waits = 1;
        t = spawn(replace_while_starting, NULL);
        CHECK(!nim_client_init("dir", NULL, "\"fail\""));
        pthread_join(t, NULL);
        EQUAL(rec.destroyed, 1);
        EQUAL(nimx_global_pending(), 0);
        nimx_client_reg_connection_cb("", NULL, NULL, NULL);
        EQUAL(rec.destroyed, 2);
    }
    CONTRACT(0);
}

static void *dispatch_once(void *unused)
{
    (void)unused;
    nimx_global_dispatch(1, 1000);
    return NULL;
}

static atomic_int hold;
static void on_owned_sticks(const char *json, const void *user_data)
{
    (void)json, (void)user_data;
    while (hold)
        pause_us(100);
}

/* The callback outlives a cleanup and runs into the next session, in which nothing else happens. */
static void destroy_comes_for_a_callback_left_behind(void)
{
    hold = 1;
    nimx_client_reg_connection_cb("", on_owned_sticks, NULL, on_destroy);
    open_front();
    post_to(NIM_SLOT_nimx_client_connection, "{}");
    EVENTUALLY(FRONT(baton.held));
    nim_client_cleanup(NULL);
    open_front();
    EQUAL(rec.destroyed, 0);
    hold = 0;
    EVENTUALLY(rec.destroyed == 1);
}

static void on_owned_sticks_and_begins_again(const char *json, const void *user_data)
{
    on_owned_sticks(json, user_data);
    rec_begin();
    nim_client_reg_disconnect_cb("", on_event, NULL);
    open_front();
    post_event("{}");
    EQUAL(rec.destroyed, 0);
    rec_end();
}

/* A cleanup has given it up, and it begins anew by itself: it is stuck no more. */
static void a_callback_given_up_may_begin_again(void)
{
    int pull;
    pthread_t pump;
    for (pull = 0; pull < 2; pull++) {
        rec.destroyed = rec.events = 0;
        hold = 1;
        nimx_global_set_dispatch_mode(pull);
        nimx_client_reg_connection_cb("", on_owned_sticks_and_begins_again, NULL, on_destroy);
        open_front();
        post_to(NIM_SLOT_nimx_client_connection, "{}");
        if (pull)
            pump = spawn(dispatch_once, NULL);
        EVENTUALLY(FRONT(baton.held));
        nim_client_cleanup(NULL);
        hold = 0;
        if (pull)
            pthread_join(pump, NULL);
        EVENTUALLY((!pull || nimx_global_dispatch(0, 0) >= 0) && rec.events == 1);
        EQUAL(rec.destroyed, 1);
        nim_client_cleanup(NULL);
    }
    CONTRACT(0);
}

static void registrations_end_with_cleanup(void)
{
    nimx_client_reg_connection_cb("", on_event, NULL, on_destroy);
    open_front();
    close_front_and_tell();
    EQUAL(rec.destroyed, 1);
    rec.closed = 0;
    open_front();
    EQUAL(post_to(NIM_SLOT_nimx_client_connection, "{}"), 0);
    close_front_and_tell();
    EQUAL(rec.events, 0);
}

static void answer_registers(const char *json, const void *user_data)
{
    on_call(json, user_data);
    nimx_client_reg_connection_cb("", on_event, NULL, on_destroy);
}

/* The app may free user_data once cleanup has returned. */
static void what_an_answer_registers_ends_with_cleanup(void)
{
    int pull;
    for (pull = 0; pull < 2; pull++) {
        memset((void *)&rec, 0, sizeof rec);
        nimx_global_set_dispatch_mode(pull ? NIMX_DISPATCH_PULL : NIMX_DISPATCH_PUSH);
        fake.answers = NEVER;
        open_front();
        nim_client_logout(kNIMLogoutAppExit, "", answer_registers, (const void *)0);
        close_front_and_tell();
        EQUAL(rec.finals, 1);
        EQUAL(rec.destroyed, 1);
        EQUAL(nim_registered(NIM_SLOT_nimx_client_connection), 0);
        CONTRACT(1);
    }
}

static atomic_int old_domain_gone, old_domain_called;

static void on_old_domain(const char *json, const void *user_data)
{
    (void)json, (void)user_data;
    if (old_domain_gone)
        old_domain_called++;
    rec.events++;
}

static void detach_forgets_everything(void)
{
    uintptr_t i;
    old_domain_gone = old_domain_called = 0;
    nimx_global_set_dispatch_mode(NIMX_DISPATCH_PULL);
    nimx_client_reg_connection_cb("", on_old_domain, NULL, on_destroy);
    nim_client_reg_kickout_cb("", on_old_domain, NULL);
    fake.answers = NEVER;
    open_front();
    post_to(NIM_SLOT_client_kickout, "{}");
    EQUAL(nimx_global_dispatch(0, 0), 1);
    for (i = 0; i < 5; i++)
        nim_client_logout(kNIMLogoutAppExit, "", on_old_domain, (const void *)i);
    post_to(NIM_SLOT_client_kickout, "{}");
    EQUAL(nimx_global_pending(), 1);
    nimx_global_detach_callbacks();
    old_domain_gone = 1;
    EQUAL(nimx_global_pending(), 0);
    post_args(0, last_call(), NIM_POST_FINAL, 0, 0, 0, 0, "{}", 2, NULL, 0);
    EQUAL(post_to(NIM_SLOT_client_kickout, "{}"), 0);
    EQUAL(nimx_global_dispatch(0, 0), 0);

    nimx_client_reg_connection_cb("", on_event, NULL, NULL);
    EQUAL(fake.replays, nim_slot_replays[NIM_SLOT_nimx_client_connection]);
    EQUAL(nimx_global_dispatch(0, 0), fake.replays);
    nimx_client_reg_connection_cb("", on_event, NULL, NULL); /* only the first time */
    EQUAL(fake.replays, nim_slot_replays[NIM_SLOT_nimx_client_connection]);
    close_front_and_tell();
    EQUAL(old_domain_called, 0);
    EQUAL(rec.destroyed, 0);
    EQUAL(rec.finals, 0);
    CONTRACT(0);
}

static atomic_uintptr_t seen_user_data;
static void on_user_data(const char *json, const void *user_data)
{
    (void)json;
    seen_user_data = (uintptr_t)user_data;
    rec.events++;
}

static void user_data_is_any_number(void)
{
    static const uintptr_t values[] = {0, 1, 0x5b, 7, UINTPTR_MAX};
    size_t i;
    open_front();
    for (i = 0; i < sizeof values / sizeof values[0]; i++) {
        nim_client_logout(kNIMLogoutAppExit, "", on_user_data, (const void *)values[i]);
        EVENTUALLY(rec.events == (int)i + 1);
        CHECK(seen_user_data == values[i]);
    }
}

const test slot_tests[] = {
    {"slot: removal waits, the old one never starts", removal_waits_and_the_old_one_never_starts},
    {"slot: replacement lets no older one start", replacement_lets_no_older_one_start},
    {"slot: destroy comes once and last", destroy_comes_once_and_last},
    {"slot: destroy waits for the callback that ends it", destroy_waits_for_the_callback_that_ends_it},
    {"slot: destroy outside init comes at once", destroy_outside_init_comes_at_once},
    {"slot: destroy survives an init that fails", destroy_survives_an_init_that_fails},
    {"slot: destroy comes for a callback left behind", destroy_comes_for_a_callback_left_behind},
    {"slot: a callback given up may begin again", a_callback_given_up_may_begin_again},
    {"slot: registrations end with cleanup", registrations_end_with_cleanup},
    {"slot: what an answer registers ends with cleanup", what_an_answer_registers_ends_with_cleanup},
    {"slot: detach forgets everything", detach_forgets_everything},
    {"slot: user_data is any number", user_data_is_any_number},
    {NULL, NULL}};
