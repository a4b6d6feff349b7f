/* Logs one account in and out:
 *   example ws://127.0.0.1:8090/nim APP_KEY ACCOUNT TOKEN */
#include <stdio.h>
#include "nim_c_api.h"
#include "nimx.h"

/* Callbacks run one at a time, on a thread of the library. */
static void NIM_CALL on_answer(const char *json, const void *what) {
    printf("%s %s\n", (const char *)what, json);
    fflush(stdout);
}

int main(int argc, char **argv) {
    char settings[512];
    if (argc != 5) return fprintf(stderr, "usage: example LINK APP_KEY ACCOUNT TOKEN\n"), 2;
    snprintf(settings, sizeof settings,
             "{\"app_key\":\"%s\",\"private_server_setting\":{\"link\":\"%s\"}}", argv[2], argv[1]);
    if (!nim_client_init("example-data", "", settings))
        return fprintf(stderr, "%s\n", nimx_init_error()), 1;
    nim_client_reg_kickout_cb(NULL, on_answer, "kicked");
    nim_client_login(NULL, argv[3], argv[4], NULL, on_answer, "login");
    puts("press enter to log out");
    (void)getchar();
    nim_client_logout(kNIMLogoutAppExit, NULL, on_answer, "logout");
    nim_client_cleanup(NULL); /* delivers what is still due; after it no callback runs */
    return 0;
}
