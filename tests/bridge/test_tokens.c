/* test_tokens.c: the token provider. */
#include "harness.h"

enum { GIVES, GIVES_NONE, GIVES_EMPTY, GIVES_LATE };

static atomic_int manner, asked, go_on;

static void provider(char **token, uint32_t *length, const char *json, const void *user_data)
{
    static char text[] = "fresh-token";
    rec_begin();
    (void)user_data;
    CHECK(*token == NULL && *length == 0);
    CONTAINS(json, "\"account\"");
    asked++;
    if (manner == GIVES_LATE)
        while (!go_on)
            pause_us(100);
    if (manner != GIVES_NONE) {
        *token = text;
        *length = manner == GIVES_EMPTY ? 0 : (uint32_t)strlen(text);
    }
    rec_end();
}

static void begin(int how, int pull)
{
    manner = how;
    asked = go_on = 0;
    nimx_global_set_dispatch_mode(pull ? NIMX_DISPATCH_PULL : NIMX_DISPATCH_PUSH);
    nim_client_reg_relogin_request_token_cb("", provider, NULL);
    open_front();
}

static uint64_t ask(int timeout_ms)
{
    static const char json[] = "{\"account\":\"me\"}";
    return nim_token_ask(json, strlen(json), timeout_ms);
}

static void given_in_time(void)
{
    char *token = NULL;
    size_t len = 0;
    begin(GIVES, 0);
    EQUAL(nim_token_wait(ask(5000), &token, &len), 1);
    EQUAL(len, 11);
    CHECK(token != NULL && strcmp(token, "fresh-token") == 0);
    free(token);
    EQUAL(nim_token_late(&token, &len), 0);
    CONTRACT(0);
}

static void none_is_an_answer(void)
{
    char *token;
    size_t len;
    begin(GIVES_NONE, 0);
    EQUAL(nim_token_wait(ask(5000), &token, &len), 2);
    CHECK(token == NULL);
    manner = GIVES_EMPTY;
    EQUAL(nim_token_wait(ask(5000), &token, &len), 2);
    nim_client_reg_relogin_request_token_cb("", NULL, NULL);
    EQUAL(ask(5000), 0);
    EQUAL(nim_token_wait(12345, &token, &len), -1);
}

static void late_tokens_are_kept(void)
{
    char *token;
    size_t len;
    int ms;
    nim_counters before, after;
    nim_stats(&before);
    begin(GIVES_LATE, 0);
    for (ms = 30; asked == 0; ms *= 2) /* it is to begin in time, which a busy machine may not let it */
        EQUAL(nim_token_wait(ask(ms), &token, &len), 0);
    EQUAL(nim_token_late(&token, &len), 0);
    go_on = 1;
    do
        nim_stats(&after);
    while (after.tokens_late == before.tokens_late);
    EQUAL(nim_token_late(&token, &len), 1);
    CHECK(token != NULL && strcmp(token, "fresh-token") == 0);
    free(token);
    EQUAL(nim_token_late(&token, &len), 0);
}

static void nobody_pumps(void)
{
    char *token;
    size_t len;
    begin(GIVES, 1);
    EQUAL(nim_token_wait(ask(30), &token, &len), 0);
    EQUAL(nimx_global_pending(), 0); /* it has left the queue */
    EQUAL(nimx_global_dispatch(0, 0), 0);
    EQUAL(asked, 0);
}

static void past_its_deadline_it_is_not_run(void)
{
    char *token;
    size_t len;
    uint64_t request;
    begin(GIVES, 1);
    request = ask(0);
    EQUAL(nimx_global_dispatch(0, 0), 1);
    EQUAL(asked, 0);
    EQUAL(nim_token_wait(request, &token, &len), 0);
}

typedef struct waiting {
    uint64_t request;
    atomic_int result;
} waiting;

static void *wait_for_token(void *p)
{
    waiting *w = p;
    char *token;
    size_t len;
    w->result = nim_token_wait(w->request, &token, &len);
    free(token);
    return NULL;
}

static void cancelled_by_logout_and_by_cleanup(void)
{
    waiting w;
    pthread_t t;
    int by_cleanup;
    for (by_cleanup = 0; by_cleanup < 2; by_cleanup++) {
        begin(GIVES, 1);
        w.request = ask(10000);
        w.result = 5;
        t = spawn(wait_for_token, &w);
        if (by_cleanup)
            nim_client_cleanup(NULL);
        else
            nim_token_cancel();
        pthread_join(t, NULL);
        EQUAL(w.result, -1);
        EQUAL(nimx_global_pending(), 0);
        EQUAL(asked, 0);
        nim_client_cleanup(NULL);
    }
}

static void a_cancelled_provider_gives_nothing_late(void)
{
    char *token;
    size_t len;
    uint64_t request;
    begin(GIVES_LATE, 0);
    request = ask(10000);
    EVENTUALLY(asked == 1);
    nim_token_cancel();
    EQUAL(nim_token_wait(request, &token, &len), -1);
    go_on = 1;
    EVENTUALLY(rec.inside == 0 && !FRONT(held));
    EQUAL(nim_token_late(&token, &len), 0);
}

static void cleanup_during_the_provider(void)
{
    waiting w;
    pthread_t t;
    begin(GIVES_LATE, 0);
    w.request = ask(10000);
    t = spawn(wait_for_token, &w);
    EVENTUALLY(asked == 1);
    go_on = 1;
    close_front_and_tell();
    pthread_join(t, NULL);
    CHECK(w.result == 1 || w.result == -1);
    CONTRACT(0);
}

static void detach_during_a_request(void)
{
    char *token;
    size_t len;
    uint64_t request;
    begin(GIVES, 1);
    request = ask(10000);
    nimx_global_detach_callbacks();
    EQUAL(nim_token_wait(request, &token, &len), 2);
    EQUAL(asked, 0);
}

const test token_tests[] = {
    {"token: given in time", given_in_time},
    {"token: none is an answer", none_is_an_answer},
    {"token: late ones are kept", late_tokens_are_kept},
    {"token: nobody pumps", nobody_pumps},
    {"token: past its deadline it is not run", past_its_deadline_it_is_not_run},
    {"token: cancelled by logout and by cleanup", cancelled_by_logout_and_by_cleanup},
    {"token: a cancelled provider gives nothing late", a_cancelled_provider_gives_nothing_late},
    {"token: cleanup during the provider", cleanup_during_the_provider},
    {"token: detach during a request", detach_during_a_request},
    {NULL, NULL}};
