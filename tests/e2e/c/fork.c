/* A forked child has no session: every function answers cheaply, none calls
 * back, and the child can exec. The parent goes on. */
#include "host.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile long called;

static void NIM_CALL on_json(const char *json, const void *user_data) {
    (void)json, (void)user_data;
    called++;
}

static int child(char **argv) {
    int good = nim_client_get_login_state(NULL) == 2 && *nim_client_current_user_account() == 0 &&
               nimx_client_get_status() == NIMX_STATUS_LOGGED_OUT;
    char *user = nimx_client_get_login_user();
    nim_global_free_buf(user);
    nim_client_login(NULL, argv[ARG_ACCOUNT], argv[ARG_TOKEN], NULL, on_json, NULL);
    nim_client_logout(kNIMLogoutAppExit, NULL, on_json, NULL);
    nim_client_relogin(NULL);
    good = good && !nim_client_init(argv[ARG_DIR], "", NULL) && strstr(nimx_init_error(), "forked") != NULL;
    nim_client_cleanup(NULL);
    return good && called == 0;
}

static int ended_well(pid_t pid) {
    int status;
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int main(int argc, char **argv) {
    pid_t pid;
    (void)argc;
    host_init(argv);
    host_login(argv);
    start_flow();
    wait_for(&flowed, 10);
    fflush(stdout);
    if ((pid = fork()) == 0) {
        alarm(10); /* a child that hangs is killed, and so fails */
        _exit(child(argv) ? 0 : 1);
    }
    check(ended_well(pid), "in the child the library is dead, and says so");
    if ((pid = fork()) == 0) {
        execl("/bin/true", "true", (char *)NULL);
        _exit(1);
    }
    check(ended_well(pid), "a child can exec");
    if ((pid = fork()) == 0) {
        alarm(10);
        fclose(stdout);
        return 0; /* runs the exit handlers */
    }
    check(ended_well(pid), "a child can exit");
    check(nim_client_get_login_state(NULL) == 1 && wait_for(&flowed, flowed + 100), "the parent goes on");
    nim_client_cleanup(NULL);
    return checks_failed();
}
