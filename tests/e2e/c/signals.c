/* A program whose signal handlers know nothing of alternate stacks, set again and
 * again while it logs in and out.
 *
 *   signals alrm|vtalrm|prof|chld SECONDS DIRECTORY */
#include "nim_c_api.h"
#include "nimx.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t taken;

/* Four kilobytes are more than a goroutine has to spare. */
static void on_signal(int sig)
{
    volatile char deep[4096];
    memset((void *)deep, sig, sizeof deep);
    taken += deep[17] == sig;
}

static int on_signal_of;
static volatile sig_atomic_t closed; /* callbacks on a thread that does not take the signal */

/* A child that is started here inherits the mask: it is the app's own. */
static void on_json(const char *json, const void *user_data)
{
    sigset_t mask;
    (void)json, (void)user_data;
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    closed += sigismember(&mask, on_signal_of);
}

static void set(int sig)
{
    struct sigaction a;
    memset(&a, 0, sizeof a);
    a.sa_handler = on_signal;
    a.sa_flags = SA_RESTART;
    sigaction(sig, &a, NULL);
}

static pid_t storm(void)
{
    pid_t host = getpid(), child = fork();
    while (child == 0) {
        struct timespec pause = {0, 300000};
        if (getppid() != host)
            _exit(0);
        kill(host, SIGCHLD);
        nanosleep(&pause, NULL);
    }
    return child;
}

static void use_the_library(const char *dir)
{
    struct timespec pause = {0, 20000000};
    int i;
    if (!nim_client_init(dir, "", "{\"app_key\":\"a\",\"private_server_setting\":{\"link\":[\"127.0.0.1:1\"]}}")) {
        puts(nimx_init_error());
        exit(2);
    }
    nim_client_login("a", "b", "c", "", on_json, NULL);
    for (i = 0; i < 50; i++)
        nim_global_free_buf(nim_tool_get_uuid());
    nanosleep(&pause, NULL);
    nim_client_logout(kNIMLogoutAppExit, "", on_json, NULL);
    nim_client_cleanup("");
}

int main(int argc, char **argv)
{
    static const struct { const char *name; int sig, timer; } kinds[] = {
        {"alrm", SIGALRM, ITIMER_REAL}, {"vtalrm", SIGVTALRM, ITIMER_VIRTUAL}, {"prof", SIGPROF, ITIMER_PROF}, {"chld", SIGCHLD, -1}};
    struct itimerval every = {{0, 1000}, {0, 1000}};
    time_t end = time(NULL) + (argc == 4 ? atoi(argv[2]) : 0);
    pid_t child = 0;
    size_t k = 0;
    int rounds = 0;
    if (argc != 4)
        return 2;
    while (strcmp(kinds[k].name, argv[1]) != 0)
        k++;
    set(on_signal_of = kinds[k].sig);
    if (kinds[k].timer < 0)
        child = storm();
    else
        setitimer(kinds[k].timer, &every, NULL);
    for (; time(NULL) < end; rounds++) {
        set(kinds[k].sig); /* as a library of the host's might, at any time */
        use_the_library(argv[3]);
    }
    if (child > 0)
        kill(child, SIGKILL);
    printf("%d rounds, %d signals, %d callbacks with the signal blocked\n", rounds, (int)taken, (int)closed);
    return taken == 0 ? 3 : closed > 0 ? 4 : 0;
}
