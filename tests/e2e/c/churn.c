/* Init, login, flow, cleanup, over and over: memory, threads and descriptors
 * must stay what they were.
 *   churn LINK APP_KEY ACCOUNT TOKEN DIR ROUNDS */
#include "host.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct usage {
    long rss_kib, threads, descriptors;
} usage;

static usage measure(void) {
    usage u = {0, 0, 0};
    char line[256];
    FILE *f = fopen("/proc/self/status", "r");
    DIR *d = opendir("/proc/self/fd");
    while (f && fgets(line, sizeof line, f)) {
        sscanf(line, "VmRSS: %ld", &u.rss_kib);
        sscanf(line, "Threads: %ld", &u.threads);
    }
    if (f) fclose(f);
    while (d && readdir(d)) u.descriptors++;
    if (d) closedir(d);
    return u;
}

int main(int argc, char **argv) {
    int rounds = argc > ARG_MORE ? atoi(argv[ARG_MORE]) : 1000, i;
    usage early = {0, 0, 0}, late;
    for (i = 0; i < rounds; i++) {
        long before = flowed;
        closed = 0;
        host_init(argv);
        host_login(argv);
        start_flow();
        if (!wait_for(&flowed, before + 10)) return puts("not ok  callbacks do not flow"), 1;
        nim_client_cleanup(NULL);
        closed = 1;
        if (i == rounds / 4) early = measure();
    }
    late = measure();
    printf("after %d rounds: %ld KiB, %ld threads, %ld descriptors\n", rounds / 4, early.rss_kib, early.threads, early.descriptors);
    printf("after %d rounds: %ld KiB, %ld threads, %ld descriptors\n", rounds, late.rss_kib, late.threads, late.descriptors);
    check(intruders == 0, "no callback between cleanup and init (%ld)", intruders);
    check(late.descriptors <= early.descriptors, "descriptors are flat");
    check(late.threads <= early.threads + 2, "threads are flat");
    check(late.rss_kib <= early.rss_kib + 4096, "memory is flat");
    return checks_failed();
}
