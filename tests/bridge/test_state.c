/* test_state.c: what the front answers without the core. */
#include "harness.h"

static void getters_follow_what_is_published(void)
{
    const char *account;
    EQUAL(nim_client_get_login_state(NULL), 2);
    EQUAL(strlen(nim_client_current_user_account()), 0);
    nim_publish_state(1, NIMX_STATUS_ONLINE, "me", 2); /* nobody may speak while closed */
    EQUAL(nim_client_get_login_state(NULL), 2);
    open_front();
    nim_publish_state(1, NIMX_STATUS_ONLINE, "me", 2);
    EQUAL(nim_client_get_login_state(NULL), 1);
    EQUAL(nimx_client_get_status(), NIMX_STATUS_ONLINE);
    account = nim_client_current_user_account();
    EQUAL(strcmp(account, "me"), 0);
    nim_publish_state(2, NIMX_STATUS_LOGGED_OUT, "", 0);
    nim_publish_state(1, NIMX_STATUS_ONLINE, "me again", 2);
    CHECK(account == nim_client_current_user_account());
    nim_client_cleanup(NULL);
    EQUAL(nim_client_get_login_state(NULL), 2);
    EQUAL(nimx_client_get_status(), NIMX_STATUS_LOGGED_OUT);
    EQUAL(strlen(nim_client_current_user_account()), 0);
    EQUAL(strcmp(account, "me"), 0); /* valid for the process */
}

static int time_code, time_local;
static uint64_t time_ms;
static void on_time(int code, nim_bool_reg calc_local, uint64_t ms, const void *user_data)
{
    rec_begin();
    time_code = code;
    time_local = calc_local;
    time_ms = ms;
    rec.count[(uintptr_t)user_data]++;
    rec.finals++;
    rec_end();
}

static void server_time_is_computed_where_it_is_known(void)
{
    int64_t now;
    nim_client_get_server_current_time(1, on_time, NULL, (const void *)0);
    EQUAL(time_code, 20000);
    open_front();
    nim_client_get_server_current_time(1, on_time, NULL, (const void *)1); /* not known: the core answers */
    EVENTUALLY(rec.finals == 2);
    EQUAL(fake.calls, 1);
    nim_publish_clock(1000000, 1);
    now = nim_boot_time();
    nim_client_get_server_current_time(1, on_time, NULL, (const void *)2);
    EVENTUALLY(rec.finals == 3);
    EQUAL(time_code, 200);
    EQUAL(time_local, 1);
    CHECK((int64_t)time_ms >= now + 1000000 && (int64_t)time_ms < now + 1010000);
    EQUAL(fake.calls, 1);
    nim_client_get_server_current_time(0, on_time, NULL, (const void *)3);
    EVENTUALLY(rec.finals == 4);
    EQUAL(fake.calls, 2);
    nim_publish_clock(0, 0);
    nim_client_get_server_current_time(1, on_time, NULL, (const void *)4);
    EVENTUALLY(rec.finals == 5);
    EQUAL(fake.calls, 3);
    CONTRACT(5);
}

static void init_failures_say_why(void)
{
    CHECK(!nim_client_init("dir", NULL, "\"fail\""));
    CONTAINS(nimx_init_error(), "data_dir_unusable");
    CHECK(!nim_client_init("d\xff", NULL, ""));
    CONTAINS(nimx_init_error(), "app_data_dir: not valid UTF-8 at byte 1");
    nim_client_logout(kNIMLogoutAppExit, "", on_call, (const void *)0);
    EQUAL(rec.last_code, 20000);
    CHECK(nim_client_init(NULL, NULL, NULL));
    EQUAL(strlen(nimx_init_error()), 0);
    CHECK(nim_client_init(NULL, NULL, NULL));
    EQUAL(fake.inits, 1);
    CONTRACT(1);
}

static void features_and_versions(void)
{
    CHECK(strlen(nim_client_version()) > 0);
    EQUAL(nimx_abi_level(), 1);
    EQUAL(nimx_build_has("pull"), 1);
    EQUAL(nimx_build_has("telepathy"), 0);
    EQUAL(nimx_build_has(NULL), 0);
}

const test state_tests[] = {
    {"state: getters follow what is published", getters_follow_what_is_published},
    {"state: server time is computed where it is known", server_time_is_computed_where_it_is_known},
    {"state: init failures say why", init_failures_say_why},
    {"state: features and versions", features_and_versions},
    {NULL, NULL}};
