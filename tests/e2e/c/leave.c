/* Ends a process that is online while callbacks flow.
 *   leave LINK APP_KEY ACCOUNT TOKEN DIR exit|return|quick|cleanup|cleanup2|logout
 * It prints "leaving" before the last step, for the test to measure from. */
#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static volatile long cleaned, logged_out;

static void NIM_CALL on_cleaned(const char *json, const void *user_data) {
    (void)json, (void)user_data;
    cleaned++;
}

static void NIM_CALL on_logout(const char *json, const void *user_data) {
    (void)json, (void)user_data;
    if (closed) intruders++;
    logged_out++;
}

static void NIM_CALL on_event(const char *json, const void *user_data) {
    (void)json, (void)user_data;
    if (closed) intruders++;
}

/* Gives callbacks the time to come that must not come. */
static int stayed_quiet(void) {
    struct timespec t = {0, 20000000};
    closed = 1;
    nanosleep(&t, NULL);
    return intruders == 0;
}

int main(int argc, char **argv) {
    const char *how = argv[ARG_MORE];
    (void)argc;
    host_init(argv);
    nimx_client_reg_connection_cb(NULL, on_event, NULL, NULL);
    nim_client_reg_disconnect_cb(NULL, on_event, NULL);
    host_login(argv);
    start_flow();
    if (!wait_for(&flowed, 100)) return puts("not ok  callbacks do not flow"), 1;
    puts("leaving");
    fflush(stdout);
    if (!strcmp(how, "exit")) exit(0);
    if (!strcmp(how, "quick")) _exit(0);
    if (!strcmp(how, "return")) return 0;
    if (!strcmp(how, "logout")) nim_client_logout(kNIMLogoutAppExit, NULL, on_logout, NULL);
    if (!strcmp(how, "cleanup2")) {
        nim_client_cleanup2(on_cleaned, NULL, NULL);
        check(cleaned == 1, "cleanup2 answered before it returned");
    } else {
        nim_client_cleanup(NULL);
    }
    if (!strcmp(how, "logout")) check(logged_out == 1, "the logout was answered before cleanup returned");
    check(stayed_quiet(), "no callback after cleanup (%ld)", intruders);
    return checks_failed();
}
