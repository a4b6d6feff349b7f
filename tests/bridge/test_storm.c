/* test_storm.c: threads and callbacks that do anything at any time, drawn from
 * a seed that is printed. What holds whatever happens: every call is answered
 * once, every registration is destroyed once and not used afterwards, callbacks
 * run one at a time, and nothing waits for ever. */
#include "harness.h"

enum { THREADS = 4, OPS = 400, OBJECTS = 40000, DEEPEST = 3 };

typedef struct object {
    atomic_int used; /* 1: a call or a registration */
    atomic_int answers, destroyed, running, used_after;
} object;

static object *objects;
static atomic_int object_count, ending, slowest_ms;
static int may_detach;
static __thread uint64_t random_state;
static __thread int deep;

static unsigned draw(unsigned n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)((random_state >> 33) % n);
}

static object *new_object(void)
{
    int at = atomic_fetch_add(&object_count, 1);
    return at < OBJECTS ? &objects[at] : NULL;
}

static void anything(void);

/* Callbacks do something too, now and then. */
static void reenter(object *o)
{
    if (random_state == 0)
        random_state = (uintptr_t)o * 2654435761u + 1;
    if (deep < DEEPEST && draw(4) == 0 && !ending)
        anything();
}

static void answered(const char *json, const void *user_data)
{
    object *o = (object *)(uintptr_t)user_data;
    (void)json;
    rec_begin();
    o->answers++;
    reenter(o);
    rec_end();
}

static void registered(const char *json, const void *user_data)
{
    object *o = (object *)(uintptr_t)user_data;
    (void)json;
    rec_begin();
    o->running++;
    o->used_after += o->destroyed;
    reenter(o);
    o->used_after += o->destroyed;
    o->running--;
    rec_end();
}

static void destroyed(const void *user_data)
{
    object *o = (object *)(uintptr_t)user_data;
    rec_begin();
    o->used_after += o->running;
    o->destroyed++;
    reenter(o);
    rec_end();
}

static void woken(const void *user_data)
{
    object *o = (object *)(uintptr_t)user_data;
    o->running++;
    o->used_after += o->destroyed;
    o->running--;
}

static void call(void)
{
    object *o = new_object();
    if (o == NULL)
        return;
    o->used = 1;
    if (draw(8) == 0)
        nim_client_login("\xff", "me", "t", "", answered, o);
    else
        nim_client_logout(kNIMLogoutAppExit, "", answered, o);
}

static void listen_to_it(int wake)
{
    object *o = draw(3) == 0 ? NULL : new_object();
    if (wake)
        nimx_global_set_wake_cb(o == NULL ? NULL : woken, o, destroyed);
    else
        nimx_client_reg_connection_cb("", o == NULL ? NULL : registered, o, destroyed);
}

static void anything(void)
{
    double start = seconds();
    int took;
    deep++;
    switch (draw(16)) {
    case 0:
        nim_client_init("dir", NULL, draw(8) == 0 ? "\"fail\"" : "{}");
        break;
    case 1:
        nim_client_cleanup(NULL);
        break;
    case 2: {
        object *o = new_object();
        if (o != NULL) {
            o->used = 1;
            nim_client_cleanup2(answered, NULL, o);
        }
        break;
    }
    case 3:
    case 4:
        listen_to_it(0);
        break;
    case 5:
        listen_to_it(1);
        break;
    case 6:
        nimx_global_dispatch((int)draw(4), 0);
        break;
    case 7:
        nimx_global_wait(0);
        nimx_global_set_dispatch_mode((int)draw(2));
        break;
    case 8:
        if (may_detach)
            nimx_global_detach_callbacks();
        break;
    case 9:
    case 10:
    case 11:
        post_to(NIM_SLOT_nimx_client_connection, "{}");
        break;
    default:
        call();
    }
    deep--;
    took = (int)((seconds() - start) * 1000);
    if (deep == 0 && took > slowest_ms)
        slowest_ms = took;
}

static void *host(void *seed)
{
    int i;
    random_state = (uintptr_t)seed * 0x9E3779B97F4A7C15u + 1;
    for (i = 0; i < OPS; i++)
        anything();
    return NULL;
}

static void *pump(void *seed)
{
    random_state = (uintptr_t)seed + 77;
    while (!ending)
        if (nimx_global_dispatch(0, 1) < 0)
            pause_us(50);
    return NULL;
}

static void look(int exactly)
{
    int i, n = object_count < OBJECTS ? object_count : OBJECTS;
    for (i = 0; i < n; i++) {
        object *o = &objects[i];
        int times = o->used ? o->answers : o->destroyed;
        if (!EQUAL(o->used_after, 0) || (exactly ? !EQUAL(times, 1) : !CHECK(times <= 1))) {
            printf("    object %d of %d, a %s\n", i, n, o->used ? "call" : "registration");
            break;
        }
    }
}

static void one_storm(uintptr_t seed, int detach)
{
    pthread_t t[THREADS], p;
    uintptr_t i;
    object_count = ending = 0;
    may_detach = detach;
    objects = calloc(OBJECTS, sizeof *objects);
    fake.answers = (int)(seed % 3);
    fake.leaves = (int)(seed / 3 % 2);
    p = spawn(pump, (void *)seed);
    for (i = 0; i < THREADS; i++)
        t[i] = spawn(host, (void *)(seed * THREADS + i + 1));
    for (i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    ending = 1;
    pthread_join(p, NULL);
    nim_client_cleanup(NULL);
    nimx_client_reg_connection_cb("", NULL, NULL, NULL);
    nimx_global_set_wake_cb(NULL, NULL, NULL);
    EVENTUALLY(!FRONT(delivery.thread) && !FRONT(baton.held));
    look(!detach);
    CONTRACT(0);
    free(objects);
}

static void storms(int detach)
{
    uintptr_t first = (uintptr_t)(seconds() * 1000), seed;
    const char *given = getenv("SEED");
    if (given != NULL)
        first = (uintptr_t)strtoull(given, NULL, 10);
    slowest_ms = 0;
    for (seed = first; seed < first + 12; seed++) {
        int before = test_failures();
        one_storm(seed, detach);
        if (test_failures() != before) {
            printf("    SEED=%llu\n", (unsigned long long)seed);
            break;
        }
    }
    CHECK(slowest_ms < FRONT_BOUND_MS);
}

static void anything_at_any_time(void) { storms(0); }
static void with_detaches(void) { storms(1); }

const test storm_tests[] = {
    {"storm: anything at any time", anything_at_any_time},
    {"storm: with detaches", with_detaches},
    {NULL, NULL}};
