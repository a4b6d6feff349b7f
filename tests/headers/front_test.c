/* The generated front against front_stub.c: every function can be called with
 * any text, every completion arrives once and without a NULL string, a bool
 * fills the register, every slot is set by one registration. Prints one line
 * per failure; exit status 1 if there was one. */
#include "nim_c_api.h"
#include "nimx.h"

#include "../abi/calls_gen.h"

#include <stdio.h>

extern int stub_registered, stub_last_slot;

static int failed;

static void fail(const char *name, const char *what) {
    printf("FAIL %s: %s\n", name, what);
    failed = 1;
}

/* Leaves garbage where a result is returned. */
static long garbage(void) { return (long)0xdeadbeefdeadbeefUL; }

/* bool results read as C# reads them: four bytes. */
static void wide_bools(void) {
    static const struct { const char *name; int (*fn)(const char *, const char *); } two[] = {
        {"nim_msglog_query_be_readed", (int (*)(const char *, const char *))(void (*)(void))nim_msglog_query_be_readed},
        {"nim_msglog_query_receipt_sent", (int (*)(const char *, const char *))(void (*)(void))nim_msglog_query_receipt_sent},
        {"nim_friend_query_friendship_block", (int (*)(const char *, const char *))(void (*)(void))nim_friend_query_friendship_block},
        {"nim_cancel_import_backup_from_remote", (int (*)(const char *, const char *))(void (*)(void))nim_cancel_import_backup_from_remote},
    };
    size_t i;

    for (i = 0; i < sizeof two / sizeof *two; i++) {
        long (*volatile dirty)(void) = garbage;
        int got;

        (void)dirty();
        got = two[i].fn("a", "b");
        if (got != 0)
            fail(two[i].name, "the result does not fill the register");
    }
}

/* A bool argument read as four bytes. */
static int wide_calc_local = -1;
static void wide_time(int rescode, int calc_local, nim_uint64 time, const void *user_data) {
    (void)rescode, (void)time, (void)user_data;
    wide_calc_local = calc_local;
}

int main(void) {
    static const char *const texts[] = {NULL, "", "{}", "\xff\xfe", "x"};
    size_t i, k, rows = sizeof call_rows / sizeof *call_rows;
    int at, slots = 0;

    for (i = 0; i < rows; i++)
        for (k = 0; k < sizeof texts / sizeof *texts; k++)
            for (at = 0; at < (call_rows[i].strings ? call_rows[i].strings : 1); at++) {
                long before = calls_seen;
                int registered = stub_registered;

                call_rows[i].call(at, texts[k]);
                if (calls_seen - before != call_rows[i].completes)
                    fail(call_rows[i].name, "not answered exactly once");
                if (at == 0 && k == 0)
                    slots += stub_registered - registered;
            }
    if (calls_null)
        fail("callbacks", "a string argument was NULL");
    if (slots != stub_last_slot + 1)
        fail("registrations", "their number is not the number of slots");
    wide_bools();
    nim_client_get_server_current_time(1, (nim_client_get_server_current_time_cb_func)(void (*)(void))wide_time, "", NULL);
    if (wide_calc_local != 0)
        fail("nim_client_get_server_current_time", "the bool argument does not fill the register");
    return failed;
}
