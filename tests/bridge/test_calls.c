/* test_calls.c: what a call is answered, when, and how often. */
#include "harness.h"

static pthread_t called_on;

static void on_call_here(const char *json, const void *user_data)
{
    called_on = pthread_self();
    on_call(json, user_data);
}

static void logout(uintptr_t id) { nim_client_logout(kNIMLogoutAppExit, "", on_call, (const void *)id); }

static void outside_init_is_answered_at_once(void)
{
    nim_client_login("key", "me", "secret", NULL, on_call_here, (const void *)0);
    EQUAL(rec.finals, 1);
    EQUAL(rec.last_code, 20000);
    CHECK(pthread_equal(called_on, pthread_self()));
    CONTAINS(rec.text, "\"err_name\":\"not_initialized\"");
    CONTAINS(rec.text, "\"domain\":\"caller\",\"retryable\":false");
    CHECK(strstr(rec.text, "secret") == NULL);
    logout(1);
    EQUAL(rec.finals, 2);
    open_front();
    nim_client_cleanup(NULL);
    logout(2);
    EQUAL(rec.last_code, 20000);
    EQUAL(fake.calls, 0);
    CONTRACT(3);
}

static atomic_int push_code, push_finals;
static void on_push_config(int code, const char *content, const char *json, const void *user_data)
{
    rec_begin();
    push_code = code;
    CHECK(content != NULL && json != NULL);
    push_finals++;
    (void)user_data;
    rec_end();
}

static void codes_travel_where_the_callback_has_them(void)
{
    push_finals = 0;
    nim_client_get_multiport_push_config("", on_push_config, NULL);
    EQUAL(push_code, 20000);
    open_front();
    nim_client_set_multiport_push_config("\xff", "", on_push_config, NULL);
    EVENTUALLY(push_finals == 2);
    EQUAL(push_code, 414);
}

static void bad_arguments_are_queued_answers(void)
{
    char deep[200], *big = malloc(FRONT_TEXT + 2);
    memset(deep, '[', sizeof deep - 1);
    deep[sizeof deep - 1] = 0;
    memset(big, 'x', FRONT_TEXT + 1);
    big[FRONT_TEXT + 1] = 0;
    open_front();
    nim_client_login("key", "abc\xc0\xaf", "t", "", on_call, (const void *)0);
    EVENTUALLY(rec.finals == 1);
    CONTAINS(rec.text, "\"err_code\":414");
    CONTAINS(rec.text, "account: not valid UTF-8 at byte 3");
    nim_client_login("key", "me", "t", deep, on_call, (const void *)1);
    EVENTUALLY(rec.finals == 2);
    CONTAINS(rec.text, "json_extension: nested deeper than 64 at byte 64");
    nim_client_login("key", big, "t", "", on_call, (const void *)2);
    EVENTUALLY(rec.finals == 3);
    CONTAINS(rec.text, "account: longer than 1048576 bytes");
    big[FRONT_TEXT] = 0;
    nim_client_login("key", "me", big, "\"[[[[\\\"[[", on_call, (const void *)3);
    EVENTUALLY(rec.finals == 4);
    EQUAL(rec.last_code, 200);
    EQUAL(fake.calls, 1);
    CONTRACT(4);
    free(big);
}

static void utf8_is_judged_by_the_standard(void)
{
    static const char *const good[] = {"", "a", "\xc2\x80", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                                       "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {"\x80", "\xc1\x81", "\xc2", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xe2\x82",
                                      "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "a\xff"};
    char detail[160];
    size_t i, len;
    for (i = 0; i < sizeof good / sizeof good[0]; i++) {
        CHECK(front_check_text("p", good[i], NIM_STR_TEXT, &len, detail, sizeof detail));
        EQUAL(len, strlen(good[i]));
    }
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK(!front_check_text("p", bad[i], NIM_STR_TEXT, &len, detail, sizeof detail));
}

static void errors_are_valid_json(void)
{
    char *json = front_error_json(NIM_ERR_INVALID_ARGUMENT, "a \"quote\", a \\ and a \n", ",\"step\":3");
    CONTAINS(json, "a \\\"quote\\\", a \\\\ and a \\u000a\"");
    CONTAINS(json, "\"retryable\":false,\"step\":3}");
    free(json);
}

static void a_call_completes_once(void)
{
    nim_counters before, after;
    open_front();
    nim_client_login("key", "me", "t", "", on_call, (const void *)0);
    EVENTUALLY(rec.finals == 1);
    EQUAL(rec.steps, 3);
    nim_stats(&before);
    post_args(0, last_call(), NIM_POST_FINAL, 0, 0, 0, 0, "{}", 2, NULL, 0);
    post_args(0, last_call(), 0, 0, 0, 0, 0, "{}", 2, NULL, 0);
    nim_stats(&after);
    EQUAL(after.late_answers - before.late_answers, 2);
    logout(1);
    EVENTUALLY(rec.finals == 2);
    CONTRACT(2);
}

static void one_answer_ends_a_call_that_has_only_one(void)
{
    fake.answers = NEVER;
    open_front();
    logout(0);
    post_args(0, last_call(), 0 /* not said to be final */, 0, 0, 0, 0, "{\"err_code\":200}", 16, NULL, 0);
    post_args(0, last_call(), NIM_POST_FINAL, 0, 0, 0, 0, "{\"err_code\":200}", 16, NULL, 0);
    EVENTUALLY(rec.finals == 1);
    close_front_and_tell();
    CONTRACT(1);
}

static void unanswered_calls_are_cancelled_by_the_front(void)
{
    nim_counters before, after;
    uintptr_t i;
    fake.answers = NEVER;
    fake.leaves = 1;
    nim_stats(&before);
    open_front();
    for (i = 0; i < 100; i++)
        logout(i);
    close_front_and_tell();
    nim_stats(&after);
    EQUAL(rec.finals, 100);
    EQUAL(rec.last_code, 21002);
    EQUAL(after.cancelled - before.cancelled, 100);
    EQUAL(after.calls_pending, 0);
    CONTRACT(100);
}

static void *call_many(void *first)
{
    uintptr_t i, at = (uintptr_t)first;
    for (i = at; i < at + 500; i++) {
        if (i % 3 == 0)
            nim_client_login("key", "me", "t", "", on_call, (const void *)i);
        else
            logout(i);
    }
    return NULL;
}

static void a_panic_is_an_answer(void)
{
    open_front();
    fake.answers = PANICS;
    logout(0);
    EVENTUALLY(rec.finals == 1);
    EQUAL(rec.last_code, 21000);
    CONTAINS(rec.text, "\"err_name\":\"internal\"");
    nim_client_login("key", "me", "t", "", on_call, (const void *)1);
    EVENTUALLY(rec.finals == 2);
    nim_client_relogin("");
    nim_client_cleanup(NULL);
    CONTRACT(2);
}

static void eight_threads_call_in(void)
{
    pthread_t t[8];
    uintptr_t i;
    int mode;
    for (mode = AT_ONCE; mode <= LATER; mode++) {
        memset((void *)&rec, 0, sizeof rec);
        fake.answers = mode;
        fake.posters = 2;
        fake.gap_us = 20;
        nim_client_reg_disconnect_cb("", on_event, NULL);
        open_front();
        for (i = 0; i < 8; i++)
            t[i] = spawn(call_many, (void *)(i * 500));
        for (i = 0; i < 8; i++)
            pthread_join(t[i], NULL);
        EVENTUALLY(rec.finals == 4000);
        close_front_and_tell();
        CHECK(rec.events > 0);
        CONTRACT(4000);
    }
}

static void *call_until_closed(void *first)
{
    uintptr_t i, at = (uintptr_t)first;
    for (i = at; i < at + 500; i++)
        logout(i);
    return NULL;
}

/* Calls that race with cleanup are accepted and cancelled, or refused on the spot. */
static void calls_race_with_cleanup(void)
{
    pthread_t t[4];
    uintptr_t i;
    int round;
    for (round = 0; round < 20; round++) {
        memset((void *)&rec, 0, sizeof rec);
        fake.answers = round % 3;
        fake.leaves = round % 2;
        open_front();
        for (i = 0; i < 4; i++)
            t[i] = spawn(call_until_closed, (void *)(i * 500));
        pause_us(round * 40);
        nim_client_cleanup(NULL);
        for (i = 0; i < 4; i++)
            pthread_join(t[i], NULL);
        EQUAL(rec.finals, 2000);
        EQUAL(fake.calls_while_stopped, 0);
        CONTRACT(2000);
    }
}

static void unbuilt_functions_answer_once(void)
{
    char *text;
    push_finals = 0;
    nim_client_get_dnd_config(on_push_config, NULL);
    EQUAL(push_code, 20000);
    open_front();
    nim_client_get_dnd_config(on_push_config, NULL);
    EVENTUALLY(push_finals == 2);
    EQUAL(push_code, 21003);
    text = nim_talk_create_retweet_msg("", "", kNIMSessionTypeP2P, "", "", 0);
    CHECK(text != NULL);
    nim_global_free_buf(text);
    EQUAL(fake.calls, 0);
}

static void texts_are_never_null(void)
{
    char *s = nimx_client_get_login_user();
    CHECK(strcmp(s, "{}") == 0);
    nim_global_free_buf(s);
    open_front();
    s = nimx_client_get_login_user();
    CONTAINS(s, "\"account\":\"a\"");
    nim_global_free_str_buf(s);
    s = nimx_client_capabilities();
    CHECK(s != NULL);
    nim_global_free_buf(s);
    nim_global_free_buf(NULL);
    nim_global_free_str_buf(NULL);
}

const test call_tests[] = {
    {"call: outside init is answered at once", outside_init_is_answered_at_once},
    {"call: codes travel where the callback has them", codes_travel_where_the_callback_has_them},
    {"call: bad arguments are queued answers", bad_arguments_are_queued_answers},
    {"call: UTF-8 is judged by the standard", utf8_is_judged_by_the_standard},
    {"call: errors are valid JSON", errors_are_valid_json},
    {"call: completes once", a_call_completes_once},
    {"call: one answer ends a call that has only one", one_answer_ends_a_call_that_has_only_one},
    {"call: unanswered ones are cancelled by the front", unanswered_calls_are_cancelled_by_the_front},
    {"call: a panic is an answer", a_panic_is_an_answer},
    {"call: eight threads call in", eight_threads_call_in},
    {"call: calls race with cleanup", calls_race_with_cleanup},
    {"call: unbuilt functions answer once", unbuilt_functions_answer_once},
    {"call: texts are never NULL", texts_are_never_null},
    {NULL, NULL}};
