/* A program that the system gives few threads or file descriptors: init refuses,
 * and works once there are more; or it begins, and there are enough for a session.
 *
 *   limits LINK APP_KEY ACCOUNT TOKEN DATA_DIR OUTCOME
 *
 * OUTCOME is what init may do: "refused", or "begun or refused". The limits that
 * the program starts with are soft ones. Go, which starts when the library is
 * loaded, raises that of descriptors about to the hard one; where it came before init,
 * there are enough, and init begins. */
#include "host.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

static void raise_limit(int resource) {
    struct rlimit r;
    getrlimit(resource, &r);
    r.rlim_cur = r.rlim_max;
    setrlimit(resource, &r);
}

/* Whether descriptors alone were limited, and are not any more. */
static int given_back(void) {
    struct rlimit files, threads;
    getrlimit(RLIMIT_NOFILE, &files);
    getrlimit(RLIMIT_NPROC, &threads);
    return files.rlim_cur > 64 && threads.rlim_cur > 64;
}

static volatile int logged_out;

static void NIM_CALL on_logout(const char *json, const void *user_data) {
    (void)user_data;
    logged_out = strstr(json, "\"err_code\":200") != NULL;
}

int main(int argc, char **argv) {
    char settings[1024];
    if (argc != ARG_MORE + 1) return 2;
    snprintf(settings, sizeof settings, "{\"app_key\":\"%s\",\"private_server_setting\":{\"link\":\"%s\"}}",
             argv[ARG_APP_KEY], argv[ARG_LINK]);
    if (nim_client_init(argv[ARG_DIR], "", settings)) {
        check(strstr(argv[ARG_MORE], "begun") != NULL || given_back(), "init has begun; it should be %s", argv[ARG_MORE]);
    } else {
        check(strstr(nimx_init_error(), "\"err_name\":\"resources_short\"") != NULL, "init refused: %s", nimx_init_error());
        raise_limit(RLIMIT_NOFILE);
        raise_limit(RLIMIT_NPROC);
        host_init(argv);
    }
    host_login(argv);
    nim_client_logout(kNIMLogoutAppExit, NULL, on_logout, NULL);
    nim_client_cleanup(NULL);
    check(logged_out, "logged out");
    return checks_failed();
}
