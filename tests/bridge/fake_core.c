/* fake_core.c: the nim_go functions in C. */
#include "harness.h"

core fake;

static char *pack(char *at, const void *bytes, size_t len, size_t units)
{
    memset(at, 0, units * 8);
    memcpy(at, bytes, len);
    return at + units * 8;
}

/* The malloc'ed run of some arguments. */
static char *packed(const int64_t *nums, int num_count, const char *const *texts, const size_t *lens, int text_count, size_t *size)
{
    uint32_t counts[2];
    size_t room = 8 + 8 * (size_t)num_count;
    char *run, *at;
    int i;
    for (i = 0; i < text_count; i++)
        room += 16 + lens[i] + 8;
    at = run = malloc(room);
    counts[0] = (uint32_t)num_count;
    counts[1] = (uint32_t)text_count;
    at = pack(at, counts, sizeof counts, 1);
    for (i = 0; i < num_count; i++)
        at = pack(at, &nums[i], 8, 1);
    for (i = 0; i < text_count; i++) {
        int64_t len = (int64_t)lens[i];
        at = pack(at, &len, 8, 1);
        at = pack(at, texts[i], lens[i], lens[i] / 8 + 1);
    }
    *size = (size_t)(at - run);
    return run;
}

nim_posted post_packed(int slot, uint64_t call, int flags, int callback, const int64_t *nums, int num_count,
                       const char *const *texts, const size_t *lens, int text_count)
{
    size_t size;
    char *run = packed(nums, num_count, texts, lens, text_count, &size);
    nim_posted where = nim_post(slot, call, flags, callback, run, size);
    free(run);
    return where;
}

/* ---- questions ---- */

static pthread_mutex_t replies_mu = PTHREAD_MUTEX_INITIALIZER;
static struct {
    reply_seen seen[CALLS];
    int count;
} answered;

nim_posted ask_packed(uint64_t question, int slot, const char *const *texts, const size_t *lens, int text_count)
{
    static const int callbacks[][2] = {
        {NIM_SLOT_talk_message_filter, NIM_CALLBACK_nim_talk_message_filter_func},
        {NIM_SLOT_session_badge_count, NIM_CALLBACK_nim_session_badge_count_cb_func},
        {NIM_SLOT_client_relogin_request_token, NIM_CALLBACK_nim_relogin_request_token_cb_func}};
    size_t size, i;
    nim_posted where = {0, 0};
    char *run = packed(NULL, 0, texts, lens, text_count, &size);
    for (i = 0; i < sizeof callbacks / sizeof callbacks[0]; i++)
        if (callbacks[i][0] == slot)
            where = nim_ask(question, slot, callbacks[i][1], run, size);
    free(run);
    return where;
}

void nim_go_answered(uint64_t question, int heard, int64_t number, const char *text, size_t len)
{
    if (!fake.running)
        fake.calls_while_stopped++;
    pthread_mutex_lock(&replies_mu);
    if (answered.count < CALLS) {
        reply_seen *r = &answered.seen[answered.count++];
        r->question = question;
        r->heard = heard;
        r->number = number;
        snprintf(r->text, sizeof r->text, "%.*s", (int)len, text);
    }
    pthread_mutex_unlock(&replies_mu);
}

static int find_reply(uint64_t question, reply_seen *found)
{
    int i, n = 0;
    pthread_mutex_lock(&replies_mu);
    for (i = 0; i < answered.count; i++)
        if (answered.seen[i].question == question) {
            *found = answered.seen[i];
            n++;
        }
    pthread_mutex_unlock(&replies_mu);
    return n;
}

int reply_count(uint64_t question)
{
    reply_seen r;
    return find_reply(question, &r);
}

reply_seen await_reply(uint64_t question)
{
    reply_seen r;
    memset(&r, 0, sizeof r);
    CHECK(question != 0);
    EVENTUALLY(find_reply(question, &r) > 0);
    EQUAL(reply_count(question), 1);
    return r;
}

int replies(void)
{
    int n;
    pthread_mutex_lock(&replies_mu);
    n = answered.count;
    pthread_mutex_unlock(&replies_mu);
    return n;
}

void forget_replies(void)
{
    pthread_mutex_lock(&replies_mu);
    answered.count = 0;
    pthread_mutex_unlock(&replies_mu);
}

/* ---- the rest ---- */

int post_args(int slot, uint64_t call, int flags, int64_t n0, int64_t n1, int64_t n2, int64_t n3,
              const char *s0, size_t l0, const char *s1, size_t l1)
{
    int64_t nums[4];
    const char *texts[2];
    size_t lens[2];
    nums[0] = n0, nums[1] = n1, nums[2] = n2, nums[3] = n3;
    texts[0] = s0 == NULL ? "" : s0, texts[1] = s1 == NULL ? "" : s1;
    lens[0] = l0, lens[1] = l1;
    return post_packed(slot, call, flags, NIM_CALLBACK_ANY, nums, 4, texts, lens, 2).backlog;
}

static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct {
    uint64_t id;
    int op;
} waiting[CALLS]; /* guarded by mu, like the rest here */
static int waiting_count, stopping;
static uint64_t last_id, sequence;
static pthread_t answerer, posters[8];
static int poster_count;

static void answer(uint64_t id, int op, int code)
{
    char json[64];
    int len = snprintf(json, sizeof json, "{\"err_code\":%d}", code);
    if (op == NIM_OP_client_login && code == 200) {
        int i;
        for (i = 0; i < 3; i++) {
            char step[64];
            int n = snprintf(step, sizeof step, "{\"err_code\":200,\"step\":%d}", i);
            post_args(0, id, 0, 0, 0, 0, 0, step, (size_t)n, NULL, 0);
        }
    }
    post_args(0, id, NIM_POST_FINAL, code, 0, 0, 0, json, (size_t)len, NULL, 0);
}

static void *answer_later(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&mu);
    for (;;) {
        uint64_t id;
        int op;
        while (!stopping && (waiting_count == 0 || fake.answers != LATER))
            pthread_cond_wait(&changed, &mu);
        if (stopping)
            break;
        id = waiting[0].id;
        op = waiting[0].op;
        memmove(&waiting[0], &waiting[1], (size_t)--waiting_count * sizeof waiting[0]);
        pthread_mutex_unlock(&mu);
        answer(id, op, 200);
        pthread_mutex_lock(&mu);
    }
    pthread_mutex_unlock(&mu);
    return NULL;
}

/* Posts while it holds mu, so the numbers are in the order of the queue. */
int post_event(const char *json)
{
    char numbered[96];
    int n, pending;
    if (json != NULL)
        return post_to(NIM_SLOT_client_disconnect, json);
    pthread_mutex_lock(&mu);
    n = snprintf(numbered, sizeof numbered, "{\"n\":%llu}", (unsigned long long)++sequence);
    pending = post_args(NIM_SLOT_client_disconnect, 0, 0, 0, 0, 0, 0, numbered, (size_t)n, NULL, 0);
    pthread_mutex_unlock(&mu);
    return pending;
}

int post_to(int slot, const char *json)
{
    return post_args(slot, 0, 0, 0, 0, 0, 0, json, strlen(json), NULL, 0);
}

static void *post_events(void *unused)
{
    (void)unused;
    while (atomic_load(&fake.running)) {
        if (post_event(NULL) > 2000)
            nim_wait_room(1000);
        if (fake.gap_us > 0)
            pause_us(fake.gap_us);
    }
    return NULL;
}

char *nim_go_init(const char *data_dir, const char *install_dir, const char *json, int reattach)
{
    int i;
    (void)install_dir;
    if (fake.init_waits) {
        fake.init_waits = 2;
        while (fake.init_waits)
            pause_us(50);
    }
    if (strstr(json, "\"fail\"") != NULL)
        return nim_strdup("{\"err_code\":21006,\"err_name\":\"data_dir_unusable\"}");
    if (reattach)
        return strstr(json, "\"other\"") == NULL ? NULL : nim_strdup("{\"err_code\":21008,\"err_name\":\"config_conflict\"}");
    (void)data_dir;
    fake.inits++;
    pthread_mutex_lock(&mu);
    stopping = 0;
    sequence = 0;
    rec.last_sequence = 0;
    waiting_count = 0;
    fake.running = 1;
    poster_count = fake.posters;
    pthread_mutex_unlock(&mu);
    answerer = spawn(answer_later, NULL);
    for (i = 0; i < poster_count; i++)
        posters[i] = spawn(post_events, NULL);
    return NULL;
}

void nim_go_stop(void)
{
    int i;
    fake.stops++;
    fake.running = 0;
    pthread_mutex_lock(&mu);
    stopping = 1;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mu);
    pthread_join(answerer, NULL);
    for (i = 0; i < poster_count; i++)
        pthread_join(posters[i], NULL);
    for (i = 0; i < waiting_count && !fake.leaves; i++)
        answer(waiting[i].id, waiting[i].op, 21002);
    waiting_count = 0;
    if (fake.at_stop != NULL)
        fake.at_stop();
}

int64_t nim_go_call(nim_call *c)
{
    if (!fake.running && !nim_op_early[c->op])
        fake.calls_while_stopped++;
    fake.calls++;
    if (fake.in_call != NULL)
        fake.in_call();
    if (fake.answers == PANICS) {
        nim_call_failed(c->id);
        nim_call_failed(c->id);
        return 0;
    }
    pthread_mutex_lock(&mu);
    last_id = c->id;
    if (c->id != 0 && fake.answers != AT_ONCE && waiting_count < CALLS) {
        waiting[waiting_count].id = c->id;
        waiting[waiting_count++].op = c->op;
        pthread_cond_broadcast(&changed);
        pthread_mutex_unlock(&mu);
        return 1;
    }
    pthread_mutex_unlock(&mu);
    if (c->id != 0)
        answer(c->id, c->op, 200);
    return 1;
}

char *nim_go_text(nim_call *c)
{
    return c->op == NIM_OP_nimx_client_get_login_user ? nim_strdup("{\"account\":\"a\"}") : NULL;
}

/* A refusal becomes a line for whoever hears those. */
void nim_go_refused(int op, const char *function, const char *error, const char *detail)
{
    char line[320];
    (void)op;
    snprintf(line, sizeof line, "%s: %s: %s", function, error, detail);
    post_log(line);
}

void nim_go_lost(uint64_t answers) { fake.lost += answers; }

void post_log(const char *line)
{
    post_args(NIM_SLOT_global_sdk_log, 0, NIM_POST_DROPPABLE, kNIMSDKLogLevelWarn, 0, 0, 0, line, strlen(line), NULL, 0);
}

void nim_go_replay(int slot)
{
    if (!(nim_slot_replays[slot] & 1)) /* told of a registration, with nothing to replay */
        return;
    fake.replays++;
    post_to(slot, "{\"replayed\":true}");
}

static void *retry(void *unused)
{
    (void)unused;
    do
        pause_us(1000);
    while (!nim_retry());
    return NULL;
}

void nim_go_retry(void)
{
    fake.retries++;
    pthread_detach(spawn(retry, NULL));
}

uint64_t last_call(void)
{
    uint64_t id;
    pthread_mutex_lock(&mu);
    id = last_id;
    pthread_mutex_unlock(&mu);
    return id;
}

void open_front(void) { CHECK(nim_client_init("dir", NULL, "{}")); }

void close_front_and_tell(void)
{
    nim_client_cleanup(NULL);
    rec.closed = 1;
}
