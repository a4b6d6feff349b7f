/* test_ask.c: callbacks that give something back. */
#include "harness.h"

enum { FILTER = NIM_SLOT_talk_message_filter, BADGE = NIM_SLOT_session_badge_count,
       TOKEN = NIM_SLOT_client_relogin_request_token };

static struct {
    atomic_int asked, hold, verdict; /* of the filter; hold: it waits while that is 1 */
    void (*inside)(void);            /* what it does, the first time */
} filter;

static nim_bool_reg on_filter(const char *content, const char *extension, const void *user_data)
{
    void (*inside)(void) = filter.inside;
    rec_begin();
    (void)user_data;
    CHECK(strncmp(content, "{\"q\":", 5) == 0);
    EQUAL(extension[0], 0);
    filter.asked++;
    filter.inside = NULL;
    if (inside != NULL)
        inside();
    while (filter.hold)
        pause_us(100);
    rec_end();
    return (filter.verdict != 0) | 0x5A00; /* a bool is one byte of the register */
}

static int on_badge(const char *extension, const void *user_data)
{
    (void)extension;
    return (int)(intptr_t)user_data;
}

static void on_token(char **token, uint32_t *length, const char *json, const void *user_data)
{
    CHECK(*token == NULL && *length == 0);
    CONTAINS(json, "\"q\"");
    *token = (char *)(uintptr_t)user_data;
    *length = (uint32_t)(*token == NULL ? 0 : strlen(*token));
}

static void begin(int pull)
{
    filter.asked = filter.hold = filter.verdict = 0;
    filter.inside = NULL;
    nimx_global_set_dispatch_mode(pull ? NIMX_DISPATCH_PULL : NIMX_DISPATCH_PUSH);
    nim_talk_reg_message_filter_cb("", on_filter, NULL);
    nim_client_reg_disconnect_cb("", on_event, NULL);
    open_front();
}

static uint64_t last;

/* Asks, and returns the number of the question; 0 if it was not asked. */
static uint64_t ask(int slot)
{
    char json[64];
    const char *texts[2];
    size_t lens[2] = {0, 0};
    uint64_t question = ++last;
    texts[0] = json, texts[1] = "";
    lens[0] = (size_t)snprintf(json, sizeof json, "{\"q\":%llu}", (unsigned long long)question);
    return ask_packed(question, slot, texts, lens, slot == FILTER ? 2 : 1).node != 0 ? question : 0;
}

static void each_kind_of_answer(void)
{
    reply_seen r;
    begin(0);
    filter.verdict = 1;
    r = await_reply(ask(FILTER));
    CHECK(r.heard && r.number == 1);
    filter.verdict = 0;
    r = await_reply(ask(FILTER));
    CHECK(r.heard && r.number == 0);
    nim_session_reg_badge_count_cb("", on_badge, (const void *)(intptr_t)-41);
    r = await_reply(ask(BADGE));
    CHECK(r.heard && r.number == -41);
    nim_client_reg_relogin_request_token_cb("", on_token, "fresh-token");
    r = await_reply(ask(TOKEN));
    CHECK(r.heard && strcmp(r.text, "fresh-token") == 0);
    nim_client_reg_relogin_request_token_cb("", on_token, NULL);
    r = await_reply(ask(TOKEN));
    CHECK(r.heard && r.text[0] == 0);
    CONTRACT(0);
}

static void nobody_is_registered(void)
{
    uint64_t q;
    begin(1);
    EQUAL(ask(BADGE), 0);
    q = ask(FILTER);
    nim_talk_reg_message_filter_cb("", NULL, NULL);
    EQUAL(ask(FILTER), 0);
    EQUAL(nimx_global_dispatch(0, 0), 1);
    CHECK(!await_reply(q).heard);
    EQUAL(filter.asked, 0);
    nim_client_cleanup(NULL);
    nim_talk_reg_message_filter_cb("", on_filter, NULL);
    EQUAL(ask(FILTER), 0); /* not open */
}

static atomic_int overtaken;

static void on_behind(const char *json, const void *user_data)
{
    (void)json;
    if (reply_count(*(const uint64_t *)user_data) != 1)
        overtaken++;
}

/* The answer is with Go before the callback behind it starts. */
static void answers_come_in_order(void)
{
    static uint64_t q;
    int pull, i;
    overtaken = 0;
    for (pull = 0; pull < 2; pull++) {
        begin(pull);
        nim_client_reg_multispot_login_notify_cb("", on_behind, &q);
        for (i = 0; i < 100; i++) {
            q = ask(FILTER);
            post_to(NIM_SLOT_client_multispot_login_notify, "{}");
            while (pull ? nimx_global_dispatch(0, 0) > 0 : nimx_global_pending() > 0)
                continue;
            EVENTUALLY(!FRONT(baton.held));
        }
        EQUAL(filter.asked, 100);
        nim_client_cleanup(NULL);
    }
    EQUAL(overtaken, 0);
}

static int take_back(int idle_ms, int *next)
{
    uint64_t questions[8];
    return nim_asks_take_back(FILTER, idle_ms, questions, 8, next);
}

static void taken_back(void)
{
    int next, i;
    uint64_t q;
    begin(1);
    EQUAL(take_back(0, &next), 0);
    EQUAL(next, -1);
    for (i = 0; i < 10; i++)
        ask(FILTER);
    EQUAL(take_back(60000, &next), 0);
    CHECK(next > 0 && next <= 60000);
    EQUAL(take_back(0, &next), 8);
    EQUAL(next, 0);
    post_event(NULL);
    EQUAL(take_back(0, &next), 2);
    EQUAL(next, -1);
    EQUAL(nimx_global_dispatch(0, 0), 1); /* the event alone is left, and in its place */
    EQUAL(filter.asked, 0);
    q = ask(FILTER);
    EQUAL(nimx_global_dispatch(0, 0), 1);
    CHECK(await_reply(q).heard);
}

static void *dispatch_once(void *unused)
{
    (void)unused;
    nimx_global_dispatch(1, 10000);
    return NULL;
}

/* What runs is not taken back, nor what waits behind it: the host is at work. */
static void a_slow_filter_is_waited_for(void)
{
    int next, taken = 0;
    pthread_t t;
    uint64_t first;
    begin(1);
    filter.hold = 1;
    first = ask(FILTER);
    ask(FILTER);
    t = spawn(dispatch_once, NULL);
    EVENTUALLY(filter.asked == 1);
    pause_us(30000);
    EQUAL(take_back(10, &next), 0);
    CHECK(next > 0);
    filter.hold = 0;
    pthread_join(t, NULL);
    CHECK(await_reply(first).heard);
    EVENTUALLY(taken > 0 || (taken = take_back(10, &next)) > 0); /* now it does nothing */
}

static void a_question_outlives_a_detach(void)
{
    uint64_t q;
    begin(1);
    q = ask(FILTER);
    post_event(NULL);
    nimx_global_detach_callbacks();
    EQUAL(nimx_global_pending(), 1);
    nim_talk_reg_message_filter_cb("", on_filter, NULL);
    filter.verdict = 1;
    EQUAL(nimx_global_dispatch(0, 0), 1);
    EQUAL(await_reply(q).number, 1);
    q = ask(FILTER);
    nimx_global_detach_callbacks();
    EQUAL(nimx_global_dispatch(0, 0), 1);
    CHECK(!await_reply(q).heard);
}

static void go_on(void) { filter.hold = 0; }
static void close_it(void) { close_front_and_tell(); }
static void call(void) { nim_client_login("app", "alice", "token", "", on_call, (const void *)0); }
static void unregister(void) { nim_talk_reg_message_filter_cb("", NULL, NULL); }

static void register_again(void)
{
    unregister();
    nim_talk_reg_message_filter_cb("", on_filter, NULL);
}

/* Runs what is queued, in either mode. */
static void serve(int pull)
{
    while (pull && nimx_global_dispatch(0, 0) > 0)
        continue;
    EVENTUALLY(nimx_global_pending() == 0 && !FRONT(baton.held));
}

static void the_filter_may_call_anything(void)
{
    int pull;
    for (pull = 0; pull < 2; pull++) {
        uint64_t a, b;
        begin(pull);
        filter.inside = call;
        a = ask(FILTER);
        serve(pull);
        EQUAL(rec.count[0], pull + 1);
        filter.inside = register_again;
        b = ask(FILTER);
        serve(pull);
        CHECK(await_reply(a).heard && await_reply(b).heard);
        filter.inside = unregister;
        a = ask(FILTER);
        b = ask(FILTER);
        serve(pull);
        CHECK(await_reply(a).heard);
        if (b != 0) /* in push mode it may have gone already */
            CHECK(!await_reply(b).heard);
        EQUAL(filter.asked, 3);
        nim_client_cleanup(NULL);
        filter.asked = 0;
    }
    CONTRACT(0);
}

static void cleanup_inside_the_filter(void)
{
    int pull;
    for (pull = 0; pull < 2; pull++) {
        uint64_t a, b;
        rec.closed = 0;
        begin(pull);
        filter.inside = close_it;
        filter.hold = !pull; /* until both are asked */
        a = ask(FILTER);
        b = ask(FILTER);
        go_on();
        if (pull)
            nimx_global_dispatch(0, 0);
        EVENTUALLY(rec.closed && !FRONT(baton.held));
        EQUAL(filter.asked, 1);
        EQUAL(reply_count(a), 0);
        EQUAL(reply_count(b), 0);
    }
    CONTRACT(0);
}

static void cleanup_beside_the_filter(void)
{
    uint64_t q;
    begin(0);
    filter.hold = 1;
    q = ask(FILTER);
    EVENTUALLY(filter.asked == 1);
    fake.at_stop = go_on; /* it still runs when the core has stopped */
    close_front_and_tell();
    fake.at_stop = NULL;
    EQUAL(reply_count(q), 0);
    CONTRACT(0);
}

/* A question of a core that has gone: what its filter returns reaches nobody. */
static void a_stuck_filter_answers_no_later_core(void)
{
    begin(0);
    filter.hold = 1;
    ask(FILTER);
    EVENTUALLY(filter.asked == 1);
    nim_client_cleanup(NULL); /* gives up after its bound */
    open_front();
    filter.hold = 0;
    EVENTUALLY(rec.inside == 0);
    nim_client_cleanup(NULL);
}

static atomic_int asking;

static void *ask_many(void *unused)
{
    int i;
    (void)unused;
    for (i = 0; i < 250; i++) {
        uint64_t question = 1000000 + (uint64_t)atomic_fetch_add(&asking, 1);
        const char *texts[2] = {"{\"q\":0}", ""};
        size_t lens[2] = {7, 0};
        ask_packed(question, FILTER, texts, lens, 2);
    }
    return NULL;
}

static void a_thousand_at_full_speed(void)
{
    int pull, i;
    for (pull = 0; pull < 2; pull++) {
        pthread_t t[4];
        begin(pull);
        forget_replies();
        asking = 0;
        for (i = 0; i < 4; i++)
            t[i] = spawn(ask_many, NULL);
        while (pull && filter.asked < 1000)
            nimx_global_dispatch(0, 100);
        for (i = 0; i < 4; i++)
            pthread_join(t[i], NULL);
        EVENTUALLY(replies() == 1000);
        EQUAL(filter.asked, 1000);
        nim_client_cleanup(NULL);
    }
    CONTRACT(0);
}

const test ask_tests[] = {
    {"ask: each kind of answer", each_kind_of_answer},
    {"ask: nobody is registered", nobody_is_registered},
    {"ask: answers come in order", answers_come_in_order},
    {"ask: taken back", taken_back},
    {"ask: a slow filter is waited for", a_slow_filter_is_waited_for},
    {"ask: a question outlives a detach", a_question_outlives_a_detach},
    {"ask: the filter may call anything", the_filter_may_call_anything},
    {"ask: cleanup inside the filter", cleanup_inside_the_filter},
    {"ask: cleanup beside the filter", cleanup_beside_the_filter},
    {"ask: a stuck filter answers no later core", a_stuck_filter_answers_no_later_core},
    {"ask: a thousand at full speed", a_thousand_at_full_speed},
    {NULL, NULL}};
