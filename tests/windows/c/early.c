/* early.c: loaded into Wine's own processes, ends that of ends.exe before the
 * program begins, each time that it can make a directory NIM_EARLY/0, /1: twice. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void __attribute__((constructor)) early(int argc, char **argv)
{
    char name[4096];
    int i;
    if (argc < 2 || strstr(argv[1], "ends.exe") == NULL)
        return;
    for (i = 0; i < 2; i++) {
        snprintf(name, sizeof name, "%s/%d", getenv("NIM_EARLY"), i);
        if (mkdir(name, 0700) == 0)
            raise(SIGKILL);
    }
}
