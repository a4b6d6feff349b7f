/* test_queue.c: order, limits and the counters. */
#include "harness.h"

static void events_keep_their_order(void)
{
    fake.posters = 4;
    nim_client_reg_disconnect_cb("", on_event, NULL);
    open_front();
    EVENTUALLY(rec.events > 20000);
    close_front_and_tell();
    CONTRACT(0);
}

static char seen[2][64];
static void on_pair(int code, const char *content, const char *json, const void *user_data)
{
    rec_begin();
    (void)user_data;
    EQUAL(code, 7);
    snprintf(seen[0], sizeof seen[0], "%s", content);
    snprintf(seen[1], sizeof seen[1], "%s", json);
    rec.events++;
    rec_end();
}

static void arguments_are_copied_whole(void)
{
    char text[8] = "abc", json[8] = "{}";
    nim_client_reg_sync_multiport_push_config_cb("", on_pair, NULL);
    open_front();
    post_args(NIM_SLOT_client_sync_multiport_push_config, 0, 0, 7, 0, 0, 0, text, 3, json, 2);
    memset(text, 'x', sizeof text);
    memset(json, 'x', sizeof json);
    EVENTUALLY(rec.events == 1);
    EQUAL(strcmp(seen[0], "abc"), 0);
    EQUAL(strcmp(seen[1], "{}"), 0);
    post_args(NIM_SLOT_client_sync_multiport_push_config, 0, 0, 7, 0, 0, 0, NULL, 0, NULL, 0);
    EVENTUALLY(rec.events == 2);
    EQUAL(strlen(seen[0]) + strlen(seen[1]), 0);
}

static void events_for_nobody_are_not_kept(void)
{
    open_front();
    EQUAL(post_event("{}"), 0);
    EQUAL(post_args(-1, 0, 0, 0, 0, 0, 0, "", 0, NULL, 0), 0);
    EQUAL(post_args(nim_slot_count, 0, 0, 0, 0, 0, 0, "", 0, NULL, 0), 0);
    nim_client_cleanup(NULL);
    nim_client_reg_disconnect_cb("", on_event, NULL);
    EQUAL(post_event("{}"), 0);
    EQUAL(rec.events, 0);
}

static void on_log(int level, const char *line, const void *user_data)
{
    rec_begin();
    (void)level, (void)user_data;
    snprintf(rec.text, sizeof rec.text, "%s", line);
    rec.events++;
    rec_end();
}

static void log_lines_are_dropped_when_much_is_pending(void)
{
    nim_counters before, after;
    int i;
    nimx_global_set_dispatch_mode(NIMX_DISPATCH_PULL);
    nim_global_reg_sdk_log_cb("", on_log, NULL);
    open_front();
    nim_stats(&before);
    for (i = 0; i < FRONT_LOG_LINES + 10; i++)
        post_log("line");
    nim_stats(&after);
    EQUAL(after.dropped_logs - before.dropped_logs, 10);
    EQUAL(nimx_global_pending(), FRONT_LOG_LINES);
    nim_client_logout(kNIMLogoutAppExit, "", on_call, (const void *)0); /* answers are not dropped */
    EQUAL(nimx_global_dispatch(0, 0), FRONT_LOG_LINES + 1);
    CONTRACT(1);
}

static void refusals_without_a_callback_are_logged(void)
{
    nimx_global_set_dispatch_mode(NIMX_DISPATCH_PULL);
    nim_global_reg_sdk_log_cb("", on_log, NULL);
    open_front();
    nim_client_login("\xff", "me", "secret", "", NULL, NULL);
    EQUAL(nimx_global_dispatch(0, 0), 1);
    CONTAINS(rec.text, "nim_client_login: invalid_argument: app_key: not valid UTF-8 at byte 0");
    EQUAL(nim_opaque_called(0), 0);
    EQUAL(nim_opaque_called(0), 0);
    EQUAL(nimx_global_dispatch(0, 0), 1);
    CONTAINS(rec.text, nim_opaque_names[0]);
}

static atomic_int waited;
static void *wait_for_room(void *unused)
{
    (void)unused;
    nim_wait_room(100);
    waited = 1;
    return NULL;
}

static void a_full_queue_can_be_waited_for(void)
{
    pthread_t t;
    int i;
    nimx_global_set_dispatch_mode(NIMX_DISPATCH_PULL);
    nim_client_reg_disconnect_cb("", on_event, NULL);
    open_front();
    for (i = 1; i <= 12000; i++)
        EQUAL(post_event(NULL), i);
    waited = 0;
    t = spawn(wait_for_room, NULL);
    EQUAL(nimx_global_dispatch(11000, 0), 11000);
    CHECK(!waited);
    EQUAL(nimx_global_dispatch(900, 0), 900);
    pthread_join(t, NULL);
    for (i = 0; i < 200; i++)
        post_event(NULL);
    waited = 0;
    t = spawn(wait_for_room, NULL);
    nim_client_cleanup(NULL); /* also lets go of who waits */
    pthread_join(t, NULL);
    CHECK(waited);
    EQUAL(rec.events, 11900);
    CONTRACT(0);
}

const test queue_tests[] = {
    {"queue: events keep their order", events_keep_their_order},
    {"queue: arguments are copied whole", arguments_are_copied_whole},
    {"queue: events for nobody are not kept", events_for_nobody_are_not_kept},
    {"queue: log lines are dropped when much is pending", log_lines_are_dropped_when_much_is_pending},
    {"queue: refusals without a callback are logged", refusals_without_a_callback_are_logged},
    {"queue: a full one can be waited for", a_full_queue_can_be_waited_for},
    {NULL, NULL}};
