/* harness.c: see harness.h. The main program runs all tests, or those named. */
#define _GNU_SOURCE
#include "harness.h"

#include <time.h>

recorder rec;
static atomic_int failures;
static __thread int depth;

int check(int ok, const char *what, const char *file, int line)
{
    if (!ok && atomic_fetch_add(&failures, 1) < 20)
        printf("    %s:%d: not so: %s\n", file, line, what);
    return ok;
}

int equal(long long got, long long want, const char *what, const char *file, int line)
{
    if (got != want && atomic_fetch_add(&failures, 1) < 20)
        printf("    %s:%d: %s is %lld, want %lld\n", file, line, what, got, want);
    return got == want;
}

int contains(const char *text, const char *part, const char *file, int line)
{
    int ok = text != NULL && strstr(text, part) != NULL;
    if (!ok && atomic_fetch_add(&failures, 1) < 20)
        printf("    %s:%d: %s lacks %s\n", file, line, text, part);
    return ok;
}

int test_failures(void) { return failures; }

double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void pause_us(long us)
{
    struct timespec t = {us / 1000000, us % 1000000 * 1000};
    nanosleep(&t, NULL);
}

pthread_t spawn(void *(*run)(void *), void *argument)
{
    pthread_t t;
    if (pthread_create(&t, NULL, run, argument) != 0)
        abort();
    return t;
}

int front_look(const int *field)
{
    int value;
    front_lock();
    value = *field;
    front_unlock();
    return value;
}

void rec_begin(void)
{
    if (atomic_load(&rec.closed))
        atomic_fetch_add(&rec.late, 1);
    if (depth++ == 0 && atomic_fetch_add(&rec.inside, 1) > 0)
        atomic_fetch_add(&rec.overlaps, 1);
}

void rec_end(void)
{
    if (--depth == 0)
        atomic_fetch_sub(&rec.inside, 1);
}

void contract(int calls, const char *file, int line)
{
    int i;
    equal(rec.overlaps, 0, "callbacks at once", file, line);
    equal(rec.late, 0, "callbacks after the end", file, line);
    equal(rec.disorder, 0, "events out of order", file, line);
    for (i = 0; i < calls; i++)
        if (!equal(rec.count[i], 1, "final callbacks of one call", file, line))
            break;
}

static int number_after(const char *json, const char *key)
{
    const char *p = strstr(json, key);
    return p == NULL ? -1 : atoi(p + strlen(key));
}

void on_call(const char *json, const void *user_data)
{
    uintptr_t id = (uintptr_t)user_data;
    rec_begin();
    snprintf(rec.text, sizeof rec.text, "%s", json);
    rec.last_code = number_after(json, "\"err_code\":");
    if (strstr(json, "\"step\"") != NULL) {
        rec.steps++;
    } else {
        if (id < CALLS)
            rec.count[id]++;
        rec.finals++;
    }
    rec_end();
}

void on_event(const char *json, const void *user_data)
{
    const char *p = strstr(json, "\"n\":");
    rec_begin();
    (void)user_data;
    if (p != NULL) {
        unsigned long long n = strtoull(p + 4, NULL, 10);
        if (n <= rec.last_sequence)
            rec.disorder++;
        rec.last_sequence = n;
    }
    rec.events++;
    rec_end();
}

void on_destroy(const void *user_data)
{
    rec_begin();
    (void)user_data;
    rec.destroyed++;
    rec_end();
}

static void reset(void)
{
    memset((void *)&rec, 0, sizeof rec);
    fake.answers = AT_ONCE;
    fake.at_stop = fake.in_call = NULL;
    fake.leaves = fake.init_waits = fake.posters = fake.gap_us = 0;
    fake.replays = fake.calls = fake.inits = fake.stops = fake.retries = 0;
}

/* Between two tests nothing of the first may be left. */
static void settle(void)
{
    nim_client_cleanup(NULL);
    nimx_global_detach_callbacks();
    nimx_global_set_dispatch_mode(NIMX_DISPATCH_PUSH);
    EVENTUALLY(!FRONT(delivery.thread) && !FRONT(delivery.retrying));
    equal(fake.calls_while_stopped, 0, "calls that reached a stopped core", __FILE__, __LINE__);
}

int main(int argc, char **argv)
{
    const test *groups[] = {queue_tests, call_tests, cleanup_tests, slot_tests, pull_tests,
                            ask_tests, post_tests, shape_tests, state_tests, storm_tests,
#ifndef _WIN32
                            thread_tests, signal_tests, process_tests,
#endif
    };
    int passed = 0, failed = 0;
    size_t i;
    setvbuf(stdout, NULL, _IOLBF, 0);
#ifndef _WIN32
    if (argc == 3 && strcmp(argv[1], "--child") == 0) {
        reset();
        return run_child(argv[2]);
    }
#endif
    for (i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        const test *t;
        for (t = groups[i]; t->name != NULL; t++) {
            double start = seconds();
            if (argc > 1 && strstr(t->name, argv[1]) == NULL)
                continue;
            failures = 0;
            reset();
            t->run();
            settle();
            if (failures == 0)
                passed++;
            else
                failed++;
            printf("%s %s (%.2f s)\n", failures == 0 ? "ok  " : "FAIL", t->name, seconds() - start);
        }
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
