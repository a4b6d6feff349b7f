/* Calls every function of the modules that are not built once, with sample
 * arguments, and prints one line of JSON for each: how the outcome was told.
 * Argument: a directory. */
#include "nim_c_api.h"
#include "nimx.h"

#include <stdlib.h>
#include <time.h>

#include "calls_gen.h"

static volatile long notes;
static char callback[128], arguments[sizeof note_text];

static void note(const char *name, const char *json) {
    snprintf(callback, sizeof callback, "%s", name);
    snprintf(arguments, sizeof arguments, "%s", json);
    __atomic_add_fetch(&notes, 1, __ATOMIC_SEQ_CST);
}

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Waits until n callbacks were noted. */
static long noted(long n) {
    double end = seconds() + 20;
    while (__atomic_load_n(&notes, __ATOMIC_SEQ_CST) < n && seconds() < end) continue;
    return __atomic_load_n(&notes, __ATOMIC_SEQ_CST);
}

int main(int argc, char **argv) {
    size_t i;
    long before;
    if (argc < 2 || !nim_client_init(argv[1], "", "{\"app_key\":\"k\",\"private_server_setting\":{\"link\":\"ws://127.0.0.1:9\"}}")) {
        fprintf(stderr, "init: %s\n", nimx_init_error());
        return 1;
    }
    calls_note = note;
    nim_talk_reg_ack_cb("", seen_nim_talk_ack_cb_func, NULL);
    nim_sysmsg_reg_custom_notification_ack_cb("", seen_nim_custom_sysmsg_ack_cb_func, NULL);
    for (i = 0; i < sizeof call_rows / sizeof *call_rows; i++) {
        const struct call_row *row = &call_rows[i];
        if (row->built || row->outcome[0] == 0) continue;
        before = notes;
        row->call(-1, NULL);
        noted(before + 1);
        printf("{\"function\":\"%s\",\"outcome\":\"%s\",\"params\":\"%s\",\"times\":%ld,\"callback\":\"%s\",\"arguments\":%s}\n",
               row->name, row->outcome, row->params, notes - before, notes > before ? callback : "",
               notes > before ? arguments : "{}");
    }
    before = notes;
    nim_client_cleanup("");
    printf("{\"function\":\"\",\"times\":%ld}\n", notes - before);
    return 0;
}
