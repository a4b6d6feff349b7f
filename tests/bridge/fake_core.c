/* fake_core.c: the nim_go functions in C. */
#include "harness.h"

core fake;

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
            nim_post(0, id, 0, 0, 0, 0, 0, step, (size_t)n, NULL, 0);
        }
    }
    nim_post(0, id, NIM_POST_FINAL, code, 0, 0, 0, json, (size_t)len, NULL, 0);
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
    pending = nim_post(NIM_SLOT_client_disconnect, 0, 0, 0, 0, 0, 0, numbered, (size_t)n, NULL, 0);
    pthread_mutex_unlock(&mu);
    return pending;
}

int post_to(int slot, const char *json)
{
    return nim_post(slot, 0, 0, 0, 0, 0, 0, json, strlen(json), NULL, 0);
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
}

int64_t nim_go_call(nim_call *c)
{
    if (!fake.running && !nim_op_early[c->op])
        fake.calls_while_stopped++;
    fake.calls++;
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
    nim_post(NIM_SLOT_global_sdk_log, 0, NIM_POST_DROPPABLE, kNIMSDKLogLevelWarn, 0, 0, 0, line, strlen(line), NULL, 0);
}

void nim_go_replay(int slot)
{
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
