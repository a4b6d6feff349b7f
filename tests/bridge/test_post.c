/* test_post.c: what Go posts: packed arguments, structs, what became of it, and
 * what ends a call of the host's. */
#include "harness.h"

/* ---- packed by hand: numbers, then texts, then the rest ---- */

static char run[4096];
static size_t used;

static void begin(uint32_t numbers, uint32_t texts)
{
    uint32_t counts[2] = {numbers, texts};
    memset(run, 0, sizeof run);
    memcpy(run, counts, 8);
    used = 8;
}

static void number(int64_t v)
{
    memcpy(run + used, &v, 8);
    used += 8;
}

static void text(const char *s)
{
    number((int64_t)strlen(s));
    strcpy(run + used, s);
    used += strlen(s) / 8 * 8 + 8;
}

static nim_posted post(int slot, int callback) { return nim_post(slot, 0, 0, callback, run, used); }

static char seen[256];

static void on_deleted(NIMDeleteSessionHistoryMessagesNotifyInfo *list, int count, const void *user_data)
{
    rec_begin();
    (void)user_data;
    snprintf(seen, sizeof seen, "%d:", count);
    while (count-- > 0) {
        size_t n = strlen(seen);
        snprintf(seen + n, sizeof seen - n, " %d %s %lld %lu", (int)list->to_type, list->id, (long long)list->time,
                 (unsigned long)strlen(list->ext));
        list++;
    }
    rec.events++;
    rec_end();
}

/* An array of structs is built from its packed fields; a text longer than its
 * char array is cut at a whole character. */
static void arrays_of_structs(void)
{
    char longest[1040];
    int i;
    nim_msglog_register_delete_history_messages_callback(on_deleted, NULL);
    open_front();
    begin(0, 0);
    number(2);
    number(0), text("alice"), number(77), text("");
    memset(longest, 0, sizeof longest);
    for (i = 0; i < 342; i++) /* 1,026 bytes */
        strcat(longest, "\xe4\xb8\xad");
    number(1), text("team"), number(78), text(longest);
    CHECK(post(NIM_SLOT_msglog_delete_history_messages, NIM_CALLBACK_nim_msglog_delete_history_online_notify_cb_func).node > 0);
    EVENTUALLY(rec.events == 1);
    CHECK(strcmp(seen, "2: 0 alice 77 0 1 team 78 1023") == 0);
    begin(0, 0);
    number(0);
    post(NIM_SLOT_msglog_delete_history_messages, NIM_CALLBACK_nim_msglog_delete_history_online_notify_cb_func);
    EVENTUALLY(rec.events == 2);
    CHECK(strcmp(seen, "0:") == 0);
}

/* Counts and lengths that lie reach nobody, or read as nothing; never beyond the run. */
static void damaged_runs(void)
{
    char good[sizeof run];
    size_t i, len;
    nim_msglog_register_delete_history_messages_callback(on_deleted, NULL);
    open_front();
    begin(0, 0);
    number(1);
    number(0), text("alice"), number(77), text("x");
    memcpy(good, run, sizeof run);
    len = used;
    for (i = 0; i < len * 8; i++) {
        char *exact = malloc(len);
        memcpy(exact, good, len);
        exact[i / 8] ^= (char)(1 << i % 8);
        nim_post(NIM_SLOT_msglog_delete_history_messages, 0, 0, NIM_CALLBACK_ANY, exact, len);
        free(exact);
    }
    for (i = 0; i <= len; i++) {
        char *exact = malloc(i + 1);
        memcpy(exact, good, i);
        nim_post(NIM_SLOT_msglog_delete_history_messages, 0, 0, NIM_CALLBACK_ANY, exact, i);
        free(exact);
    }
    close_front_and_tell();
    CONTRACT(0);
}

/* An answer with the arguments of another typedef is none: the call hears "internal". */
static void an_answer_of_the_wrong_type(void)
{
    fake.answers = NEVER;
    open_front();
    nim_client_logout(kNIMLogoutAppExit, "", on_call, (const void *)0);
    begin(1, 0);
    number(200);
    nim_post(-1, last_call(), NIM_POST_FINAL, NIM_CALLBACK_nim_global_upload_sdk_log_cb_func, run, used);
    EVENTUALLY(rec.finals == 1);
    CONTAINS(rec.text, "\"err_name\":\"internal\"");
    CONTRACT(1);
}

/* ---- structs and arrays on their way to Go ---- */

/* What a call takes along reads back as it was; what cannot be is refused, by name. */
static void a_call_packs_structs(void)
{
    char room[8] = "kitchen", full[8] = "cupboard" /* no NUL */, *large = calloc(1, FRONT_TEXT + 2);
    int kinds[2] = {3, -4}, n;
    nim_call c;
    nim_packed p;
    void *list;
    nim_call_begin(&c, NIM_OP_none, NULL, NULL, NULL);
    nim_put_number(&c, -5);
    nim_put_chars(&c, "room", room, sizeof room);
    n = nim_put_array(&c, "kinds", kinds, 2, sizeof *kinds);
    EQUAL(n, 2);
    nim_put_number(&c, kinds[0]);
    nim_put_number(&c, kinds[1]);
    nim_put_text(&c, "note", NULL);
    EQUAL(c.error, NIM_ERR_OK);
    p = c.args.structs;
    EQUAL(nim_take_number(&p), -5);
    CHECK(strcmp(nim_take_text(&p), "kitchen") == 0);
    EQUAL(nim_take_array(&p, &list, sizeof *kinds), 2);
    free(list);
    EQUAL(nim_take_number(&p), 3);
    EQUAL(nim_take_number(&p), -4);
    CHECK(nim_take_text(&p)[0] == 0);
    EQUAL(p.len, 0);
    free(c.own);

    nim_call_begin(&c, NIM_OP_none, NULL, NULL, NULL);
    nim_put_chars(&c, "room", full, sizeof full);
    EQUAL(c.error, NIM_ERR_INVALID_ARGUMENT);
    CONTAINS(c.detail, "room: no NUL within its 8 bytes");
    free(c.own);
    nim_call_begin(&c, NIM_OP_none, NULL, NULL, NULL);
    EQUAL(nim_put_array(&c, "kinds", NULL, 2, 4), 0);
    CONTAINS(c.detail, "kinds: NULL with a count that is not 0");
    free(c.own);
    nim_call_begin(&c, NIM_OP_none, NULL, NULL, NULL);
    EQUAL(nim_put_array(&c, "kinds", kinds, -1, 4), 0);
    CONTAINS(c.detail, "kinds: a negative count");
    free(c.own);
    nim_call_begin(&c, NIM_OP_none, NULL, NULL, NULL);
    EQUAL(nim_put_array(&c, "kinds", kinds, INT64_MAX, 4), 0);
    CONTAINS(c.detail, "kinds: an array longer than 1048576 bytes");
    free(c.own);
    nim_call_begin(&c, NIM_OP_none, NULL, NULL, NULL);
    nim_put_text(&c, "note", "\xff");
    CONTAINS(c.detail, "note: not valid UTF-8 at byte 0");
    free(c.own);
    nim_call_begin(&c, NIM_OP_none, NULL, NULL, NULL);
    memset(large, 'x', FRONT_TEXT - 100);
    nim_put_text(&c, "note", large);
    EQUAL(c.error, NIM_ERR_OK);
    nim_put_text(&c, "other", large);
    CONTAINS(c.detail, "other: the structs and arrays of a call are bounded by 1048576 bytes");
    free(c.own);
    free(large);
}

/* ---- what became of it ---- */

static nim_posted event(void)
{
    begin(0, 1);
    text("{}");
    return post(NIM_SLOT_client_disconnect, NIM_CALLBACK_nim_json_transport_cb_func);
}

static void on_plain(const char *json, const void *user_data)
{
    rec_begin();
    (void)json, (void)user_data;
    rec.events++;
    rec_end();
}

static uint64_t asked;
static int inside;

static void asks_then_cleans_up(const char *json, const void *user_data)
{
    rec_begin();
    (void)json, (void)user_data;
    inside = nim_fate(asked);
    nim_client_cleanup(NULL);
    rec.events++;
    rec_end();
}

static void fates(void)
{
    nim_posted a, b, c;
    nimx_global_set_dispatch_mode(NIMX_DISPATCH_PULL);
    open_front();
    EQUAL(event().node, 0); /* nobody is registered */
    EQUAL(nim_fate(0), NIM_FATE_CUT);
    nim_client_reg_disconnect_cb("", on_plain, NULL);
    a = event(), b = event(), c = event();
    CHECK(a.node < b.node && b.node < c.node);
    EQUAL(c.backlog, 3);
    EQUAL(nimx_global_dispatch(1, 0), 1);
    EQUAL(nim_fate(a.node), NIM_FATE_RAN);
    EQUAL(nim_fate(b.node), NIM_FATE_WAITS);
    nimx_global_detach_callbacks();
    EQUAL(nim_fate(a.node), NIM_FATE_RAN);
    EQUAL(nim_fate(b.node), NIM_FATE_CUT);
    EQUAL(nim_fate(c.node), NIM_FATE_CUT);
    nim_client_reg_disconnect_cb("", on_plain, NULL);
    a = event();
    nim_client_reg_disconnect_cb("", NULL, NULL);
    EQUAL(nimx_global_dispatch(0, 0), 1);
    EQUAL(nim_fate(a.node), NIM_FATE_CUT); /* it was unregistered first */
    nim_client_reg_disconnect_cb("", on_plain, NULL);
    a = event();
    EQUAL(nimx_global_dispatch(0, 0), 1);
    EQUAL(nim_fate(a.node), NIM_FATE_RAN);
    EQUAL(nim_fate(b.node), NIM_FATE_CUT); /* still */
    EQUAL(rec.events, 2);
}

static int fate_at_stop[2];
static uint64_t nodes_at_stop[2];
static void look_at_stop(void)
{
    fate_at_stop[0] = nim_fate(nodes_at_stop[0]);
    fate_at_stop[1] = nim_fate(nodes_at_stop[1]);
}

/* The callback inside which cleanup is called has run, as the core sees it while it
 * stops; the ones behind it are cut off. */
static void fate_of_the_one_that_cleans_up(void)
{
    fake.at_stop = look_at_stop;
    nimx_global_set_dispatch_mode(NIMX_DISPATCH_PULL);
    nim_client_reg_disconnect_cb("", asks_then_cleans_up, NULL);
    open_front();
    asked = nodes_at_stop[0] = event().node;
    nodes_at_stop[1] = event().node;
    EQUAL(nimx_global_dispatch(0, 0), 1);
    EQUAL(inside, NIM_FATE_WAITS);
    EQUAL(fate_at_stop[0], NIM_FATE_RAN);
    EQUAL(fate_at_stop[1], NIM_FATE_CUT);
    EQUAL(rec.events, 1);
}

/* ---- acknowledgements ---- */

static atomic_int acks;

static void on_ack(const char *json, const void *user_data)
{
    rec_begin();
    (void)json, (void)user_data;
    acks++;
    rec_end();
}

static nim_posted ack(void)
{
    begin(0, 1);
    text("{\"msg_id\":\"1\"}");
    return post(NIM_SLOT_talk_ack, NIM_CALLBACK_nim_talk_ack_cb_func);
}

static void ack_at_stop(void) { ack(); }

/* Those that wait, and those that the core posts while it stops, come before cleanup
 * has returned; events do not. The registration lives until then. */
static void acks_outlive_cleanup(void)
{
    int pull;
    for (pull = 0; pull < 2; pull++) {
        acks = 0;
        memset((void *)&rec, 0, sizeof rec);
        fake.at_stop = ack_at_stop;
        nimx_global_set_dispatch_mode(pull ? NIMX_DISPATCH_PULL : NIMX_DISPATCH_PUSH);
        nim_talk_reg_ack_cb("", on_ack, NULL);
        nim_client_reg_disconnect_cb("", on_plain, NULL);
        open_front();
        if (pull) {
            ack(), event(), ack();
            close_front_and_tell();
            EQUAL(acks, 3);
            EQUAL(rec.events, 0);
        } else {
            close_front_and_tell();
            EQUAL(acks, 1);
        }
        CONTRACT(0);
        EQUAL(ack().node, 0);
    }
}

/* ---- the backlog in bytes ---- */

static void the_backlog_counts_bytes(void)
{
    static char large[1024 * 1024];
    const char *texts[1] = {large};
    size_t len[1] = {sizeof large - 1};
    nim_posted where = {0, 0};
    int i;
    memset(large, 'x', sizeof large - 1);
    nimx_global_set_dispatch_mode(NIMX_DISPATCH_PULL);
    nim_client_reg_disconnect_cb("", on_plain, NULL);
    open_front();
    for (i = 0; i < 17; i++)
        where = post_packed(NIM_SLOT_client_disconnect, 0, 0, NIM_CALLBACK_nim_json_transport_cb_func, NULL, 0, texts, len, 1);
    CHECK(where.backlog > NIM_BACKLOG);
    EQUAL(nimx_global_pending(), 17);
    EQUAL(nimx_global_dispatch(16, 0), 16);
    EQUAL(nimx_global_dispatch(1, 0), 1);
    EQUAL(event().backlog, 1);
}

const test post_tests[] = {
    {"post: arrays of structs", arrays_of_structs},
    {"post: damaged runs", damaged_runs},
    {"post: an answer of the wrong type", an_answer_of_the_wrong_type},
    {"post: a call packs structs", a_call_packs_structs},
    {"post: what became of it", fates},
    {"post: the one that cleans up has run", fate_of_the_one_that_cleans_up},
    {"post: acknowledgements outlive cleanup", acks_outlive_cleanup},
    {"post: the backlog counts bytes", the_backlog_counts_bytes},
    {NULL, NULL},
};
