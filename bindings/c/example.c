/* Logs in, prints what comes, and sends each line that you type to PEER:
 *   example ws://127.0.0.1:8090/nim APP_KEY ACCOUNT TOKEN PEER */
#include <stdio.h>
#include <string.h>
#include "nim_c_api.h"
#include "nimx.h"

/* Callbacks run one at a time, on a thread of the library. */
static void NIM_CALL on_answer(const char *json, const void *what) {
    printf("%s %s\n", (const char *)what, json);
    fflush(stdout);
}

static void NIM_CALL on_message(const char *json, const char *reserved, const void *what) {
    (void)reserved;
    on_answer(json, what);
}

/* Sends a text. What became of it comes to the callback of nim_talk_reg_ack_cb. */
static void send_text(const char *peer, const char *text) {
    char json[4096], *at = json + snprintf(json, 512, "{\"to_accid\":\"%s\",\"to_type\":0,\"msg_type\":0,\"msg_body\":\"", peer);
    for (; *text && *text != '\n'; text++) {
        if (*text == '"' || *text == '\\') *at++ = '\\';
        *at++ = *text;
    }
    strcpy(at, "\"}");
    nim_talk_send_msg(json, NULL, NULL, NULL);
}

int main(int argc, char **argv) {
    char settings[512], line[1024], data[128];
    if (argc != 6) return fprintf(stderr, "usage: example LINK APP_KEY ACCOUNT TOKEN PEER\n"), 2;
    snprintf(settings, sizeof settings,
             "{\"app_key\":\"%s\",\"private_server_setting\":{\"link\":\"%s\"}}", argv[2], argv[1]);
    snprintf(data, sizeof data, "example-%s", argv[3]); /* in the user's configuration directory */
    if (!nim_client_init(data, "", settings))
        return fprintf(stderr, "%s\n", nimx_init_error()), 1;
    nim_client_reg_kickout_cb(NULL, on_answer, "kicked");
    nim_talk_reg_ack_cb(NULL, on_answer, "acknowledged");
    nim_talk_reg_receive_cb(NULL, on_message, "received");
    nim_client_login(NULL, argv[3], argv[4], NULL, on_answer, "login");
    while (fgets(line, sizeof line, stdin) && line[0] != '\n') send_text(argv[5], line);
    nim_client_logout(kNIMLogoutAppExit, NULL, on_answer, "logout");
    nim_client_cleanup(NULL); /* delivers what is still due; after it no callback runs */
    return 0;
}
