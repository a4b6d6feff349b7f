/* Calls every function of the description with NULL, invalid UTF-8 and broken
 * JSON in each of its strings, outside of init, online, and after cleanup. */
#include "host.h"

#include <stdio.h>
#include <string.h>

#include "calls_gen.h"

static const struct {
    const char *name, *text;
} texts[] = {{"NULL", NULL}, {"\"\"", ""}, {"invalid UTF-8", "\xff\xfe\xc0\x80"}, {"half a sequence", "{\"a\":\"\xe4\xb8"}, {"broken JSON", "{\"a\":"}, {"wrong type", "[1]"}};

static int seen_enough(long n) {
    long long deadline = now_ms() + WAIT_LIMIT;
    while (calls_seen < n && now_ms() < deadline) continue;
    return calls_seen >= n;
}

/* Registrations, and what ends the library, are called for their own sake. */
static int counts(const struct call_row *row) { return !row->lifecycle && !strstr(row->name, "_reg_"); }

static int changes_the_library(const struct call_row *row) {
    return row->lifecycle && strcmp(row->name, "nimx_init_error") != 0 && strcmp(row->name, "nimx_global_pending") != 0;
}

/* Every function that is answered is answered once. */
static void sweep_answers(const char *when) {
    size_t i, k, rows = sizeof call_rows / sizeof *call_rows;
    long calls = 0;
    int at;
    for (i = 0; i < rows; i++) {
        if (!counts(&call_rows[i])) continue;
        for (k = 0; k < sizeof texts / sizeof *texts; k++)
            for (at = 0; at < (call_rows[i].strings ? call_rows[i].strings : 1); at++) {
                long before = calls_seen;
                call_rows[i].call(at, texts[k].text);
                calls++;
                if (!seen_enough(before + call_rows[i].completes) || calls_seen != before + call_rows[i].completes)
                    check(0, "%s: %s, string %d = %s: answered %ld times, want %d", when, call_rows[i].name, at,
                          texts[k].name, calls_seen - before, call_rows[i].completes);
            }
    }
    check(calls_null == 0, "%s: %ld calls, each answered as often as it says, no NULL string in a callback", when, calls);
}

static void sweep_registrations(const char *when) {
    size_t i, k, rows = sizeof call_rows / sizeof *call_rows;
    long calls = 0;
    int at;
    for (i = 0; i < rows; i++)
        for (k = 0; k < sizeof texts / sizeof *texts; k++)
            for (at = 0; at < (call_rows[i].strings ? call_rows[i].strings : 1); at++)
                if (!counts(&call_rows[i]) && !changes_the_library(&call_rows[i])) {
                    call_rows[i].call(at, texts[k].text);
                    calls++;
                }
    check(1, "%s: %ld registrations", when, calls);
}

int main(int argc, char **argv) {
    size_t k;
    (void)argc;
    sweep_answers("before init");
    for (k = 2; k < sizeof texts / sizeof *texts; k++)
        check(!nim_client_init(argv[ARG_DIR], "", texts[k].text), "init refuses %s", texts[k].name);
    check(!nim_client_init("/tmp/\xff", "", NULL), "init refuses a directory that is not UTF-8");
    nim_client_cleanup(NULL);
    host_init(argv);
    host_login(argv);
    sweep_answers("online");
    sweep_registrations("online");
    nim_client_cleanup("\xff");
    sweep_answers("after cleanup");
    sweep_registrations("after cleanup");
    return checks_failed();
}
